"""Energy: carriers with their factors, standard coal and CO2, by line, by state, and for each piece."""

from nicegui import ui
from starlette.requests import Request

from gemba.dashboard.frame import View, frame
from gemba.dashboard.machine import by_state
from gemba.dashboard.markup import amount, measured, number, percent, section, table, text
from gemba.dashboard.words import ROLES, named
from kpi.api.service import Service


def make(service: Service) -> None:
    async def energy_page(request: Request) -> None:
        with frame(service, request, "energy") as view:
            view.html(f"<h1>{text(view.say('energy'))}</h1>")

            async def fill() -> None:
                view.documents["energy"] = await view.ask.energy()
                view.documents["kpis"] = await view.ask.kpis()
                view.html(section(view.say("tce"), _headline(view)))
                view.html(section(view.say("carriers"), _carriers(view)))
                with ui.element("div").classes("grid"):
                    view.html(section(view.say("by_line"), _places(view, "lines", "line")))
                    with ui.element("section").classes("card"):
                        view.html(f"<h2>{text(view.say('by_state'))}</h2>")
                        by_state(view, view.documents["energy"]["by_state"], "energy/by_state")
                view.html(section(view.say("by_machine"), _machines(view)))

            view.filled(fill)

    ui.page("/energy")(energy_page)


def _headline(view: View) -> str:
    told = view.documents["energy"]
    tiles = []
    for key, name, unit in (("tce", "tce", "tce"), ("co2_t", "co2", "t")):
        shown = amount(told[key], unit, view.lang)
        tiles.append((view.say(name), number(shown, told[key], "energy", view.say(name), view.lang)))
    whole = told["coverage"]
    tiles.append(
        (
            view.say("coverage"),
            number(percent(whole, None, view.lang), whole, "energy", view.say("coverage"), view.lang),
        )
    )
    tiles.append((view.say("factors"), f"<strong>{text(told['factors'])}</strong>"))
    cells = "".join(f'<div class="tile big"><p class="quiet">{text(name)}</p>{cell}</div>' for name, cell in tiles)
    flags = f'<p class="quiet">{text(" ".join(told["flags"]))}</p>' if told["flags"] else ""
    return f'<div class="tiles">{cells}</div>{flags}'


def _carriers(view: View) -> str:
    rows = []
    for place, row in enumerate(view.documents["energy"]["carriers"]):
        path, name = f"energy/carriers/{place}", row["name"] if view.lang == "zh" else row["carrier"].replace("_", " ")
        whose = f"{name} {row['role']}"
        factor = "—" if row["factor"] is None else f"{row['factor']:.7g} tce/{row['unit']}"
        rows.append(
            [
                text(name),
                text(named(row["role"], ROLES, view.lang)),
                number(amount(row["amount"], row["unit"], view.lang), row["amount"], path, whose, view.lang),
                number(
                    "—" if row["tce"] is None else amount(row["tce"], "tce"),
                    row["tce"],
                    path,
                    f"{whose} tce",
                    view.lang,
                ),
                number(
                    "—" if row["co2_t"] is None else amount(row["co2_t"], "t"),
                    row["co2_t"],
                    path,
                    f"{whose} CO2",
                    view.lang,
                ),
                number(
                    percent(row["coverage"], None, view.lang),
                    row["coverage"],
                    path,
                    f"{whose} {view.say('coverage')}",
                    view.lang,
                ),
                f"{text(factor)} <span class='quiet'>{text(row['factor_status'] or '')}</span>",
            ]
        )
    heads = [view.say(head) for head in ("carrier", "role", "amount", "tce", "co2", "coverage", "factor")]
    return table(view.say("carriers"), heads, rows, (1, 4, 5, 6))


def _places(view: View, kind: str, key: str) -> str:
    rows = []
    for place, row in enumerate(view.documents["energy"][kind]):
        path, whose = f"energy/{kind}/{place}", f"{row[key]} {row['carrier']}"
        rows.append(
            [
                text(row[key]),
                number(amount(row["amount"], row["unit"], view.lang), row["amount"], path, whose, view.lang),
                number(amount(row["tce"], "tce", view.lang), row["tce"], path, f"{whose} tce", view.lang),
                number(
                    percent(row["coverage"], None, view.lang),
                    row["coverage"],
                    path,
                    f"{whose} {view.say('coverage')}",
                    view.lang,
                ),
            ]
        )
    heads = [view.say(head) for head in (key, "amount", "tce", "coverage")]
    return table(view.say("by_line"), heads, rows, (3,))


def _machines(view: View) -> str:
    """Machines that no carrier is metered at are left out; what a piece takes is the KPI's own number."""
    kpis = {row["asset"]: (place, row) for place, row in enumerate(view.documents["kpis"]["rows"])}
    rows = []
    for place, row in enumerate(view.documents["energy"]["assets"]):
        path, name = f"energy/assets/{place}", row["asset"]
        at, whole = kpis[name]
        states = row.get("by_state", {})
        cells = [
            number(amount(row["amount"], row["unit"], view.lang), row["amount"], path, name, view.lang),
            measured(whole["kpis"]["energy_per_piece"], f"kpis/rows/{at}/kpis/energy_per_piece", name, view.lang),
        ]
        for key in ("running", "idle", "unknown"):
            told = states.get(key)
            shown = "—" if told is None else amount(told, "kWh", view.lang)
            cells.append(number(shown, told, f"{path}/by_state", f"{name} {view.say(key)}", view.lang))
        rows.append([f'<a href="{view.link(f"/machine/{name}")}">{text(name)}</a>', *cells])
    heads = ["machine", "amount", "per_piece", "running", "idle", "unknown"]
    return table(view.say("by_machine"), [view.say(head) for head in heads], rows, (3, 4, 5))
