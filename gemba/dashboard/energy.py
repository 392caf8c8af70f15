"""Energy: carriers with their factors, standard coal and CO2, by line, by state, and for each piece."""

from collections.abc import Sequence

from nicegui import ui
from starlette.requests import Request

from config.plant import STATES
from gemba.dashboard import paging
from gemba.dashboard.frame import View, frame
from gemba.dashboard.machine import by_state
from gemba.dashboard.markup import (
    Document,
    amount,
    flags,
    measured,
    number,
    percent,
    reason,
    section,
    table,
    text,
    tiles,
)
from gemba.dashboard.words import ROLES, STATUS, named
from kpi.api.service import Service
from kpi.energy_listing import name as carrier_name

DIGITS = ".7g"
SUMS = (("tce", "tce", "tce"), ("co2_t", "co2", "t"))  # key, word, unit


def make(service: Service) -> None:
    async def energy_page(request: Request) -> None:
        with frame(service, request, "energy") as view:
            view.filled(lambda: _fill(view))

    ui.page("/energy")(energy_page)


async def _fill(view: View) -> None:
    view.documents["energy"] = told = await view.ask.energy()
    view.documents["kpis"] = await view.ask.kpis()
    view.html(section(view.say("comprehensive"), _headline(view)))
    view.html(section(view.say("carriers"), _carriers(view)))
    with ui.element("div").classes("grid"):
        view.html(section(view.say("by_line"), _lines(view)))
        with view.card(text(view.say("by_state"))):
            by_state(view, told["by_state"], "energy/by_state", view.say("plant"))
    view.html(section(view.say("by_machine"), _machines(view)))


def _headline(view: View) -> str:
    told = view.documents["energy"]
    names = [view.say(name) for _, name, _ in SUMS]
    found = list(zip(names, sums(view, told, "energy"), strict=True))
    found.append((view.say("coverage"), covered(view, told, "energy", "")))
    found.append((view.say("factors"), f"<strong>{text(told['factors'])}</strong>"))
    for grid in told["grid"]:
        shown = f"{grid['kg_per_kwh']:g} kg/kWh · {view.say(grid['region'])} {grid['year']}"
        found.append((f"{view.say('grid_factor')} · {view.say('co2')}", f"<strong>{text(shown)}</strong>"))
    flagged = flags(told["flags"], view.lang)
    return tiles(found, "big") + (f'<p class="quiet">{flagged}</p>' if flagged else "")


def sums(view: View, told: Document, path: str, whose: str = "") -> list[str]:
    """Standard coal and CO2 of all carriers; where there is none, why, and how much at least."""
    cells = []
    for key, name, unit in SUMS:
        shown = amount(told[key], unit, view.lang)
        if told[key] is None and told["reason"]:
            least = f" (> {amount(told['tce_low'], unit, view.lang)})" if key == "tce" and told["tce_low"] else ""
            shown = reason(told["reason"], view.lang) + least
        cells.append(number(shown, told[key], path, f"{whose} {view.say(name)}".strip()))
    return cells


def covered(view: View, row: Document, path: str, whose: str) -> str:
    shown = percent(row["coverage"], None, view.lang)
    return number(shown, row["coverage"], path, f"{whose} {view.say('coverage')}".strip())


def carrier(view: View, row: Document) -> str:
    return carrier_name(row["carrier"], view.lang == "zh")


def numbers(view: View, row: Document, path: str, whose: str) -> list[str]:
    """Amounts with their units; what no sum counts has none."""
    cells = [number(amount(row["amount"], row["unit"], view.lang), row["amount"], path, whose)]
    for key, name, unit in SUMS:
        if row.get("sign") == 0:
            cells.append(f'<span class="quiet">{text(view.say("not_counted"))}</span>')
            continue
        cells.append(number(amount(row[key], unit, view.lang), row[key], path, f"{whose} {view.say(name)}"))
    return [*cells, covered(view, row, path, whose)]


def _carriers(view: View) -> str:
    rows = []
    for place, row in enumerate(view.documents["energy"]["carriers"]):
        path, role = f"energy/carriers/{place}", named(row["role"], ROLES, view.lang)
        whose = f"{carrier(view, row)} {role}"
        factor = "—" if row["factor"] is None else f"{row['factor']:{DIGITS}} tce/{row['unit']}"
        cells = numbers(view, row, path, whose)
        status = f"<span class='quiet'>{text(named(row['factor_status'] or '', STATUS, view.lang))}</span>"
        beside = f'{text(carrier(view, row))} <span class="quiet only-narrow">{text(role)}</span>'
        rows.append([beside, text(role), *cells, f"{text(factor)} {status}"])
    heads = [view.say(head) for head in ("carrier", "role", "amount", "tce", "co2", "coverage", "factor")]
    return table(view.say("carriers"), heads, rows, (1, 4, 5, 6))


def _lines(view: View) -> str:
    """Each line with each of its carriers; a line without a meter is named, not left out."""
    plant, seen = view.service.plant(), set[str]()
    rows: list[list[str]] = []
    for place, row in enumerate(view.documents["energy"]["lines"]):
        whose = f"{row['line']} {carrier(view, row)}"
        cells = numbers(view, row, f"energy/lines/{place}", whose)
        rows.append([text(row["line"]), text(carrier(view, row)), *cells])
        seen.add(row["line"])
    every = dict.fromkeys(filter(None, (plant.line_of(name) for name in plant.assets)))
    heads = [view.say(head) for head in ("line", "carrier", "amount", "tce", "co2", "coverage")]
    return table(view.say("by_line"), heads, rows, (1, 4, 5)) + _not_metered(view, [n for n in every if n not in seen])


def _not_metered(view: View, names: Sequence[str]) -> str:
    if not names:
        return ""
    return f'<p class="quiet note">{text(view.say("not_metered"))}: {text(", ".join(names))}</p>'


def _machines(view: View) -> str:
    """What a piece takes is the KPI's own number."""
    plant, told, word = view.service.plant(), view.documents["energy"]["assets"], paging.word(view)
    kpis = {row["asset"]: (place, row) for place, row in enumerate(view.documents["kpis"]["rows"])}
    found = [(place, row) for place, row in enumerate(told) if word in f"{row['asset']} {row['line'] or ''}".lower()]
    shown, pages = paging.page(view, found)
    states = [name for name in (*STATES[1:], STATES[0]) if any(row.get("by_state", {}).get(name) for row in told)]
    rows = []
    for place, row in shown:
        path, name = f"energy/assets/{place}", row["asset"]
        at, whole = kpis[name]
        cells = [
            text(carrier(view, row)),
            number(amount(row["amount"], row["unit"], view.lang), row["amount"], path, name),
            measured(whole["kpis"]["energy_per_piece"], f"kpis/rows/{at}/kpis/energy_per_piece", name, view.lang),
        ]
        for key in states:
            part = row.get("by_state", {}).get(key)
            label = f"{name} {view.say(key)}"
            cells.append(
                "—" if part is None else number(amount(part, "kWh", view.lang), part, f"{path}/by_state", label)
            )
        rows.append([f'<a href="{view.link(f"/machine/{name}")}">{text(name)}</a>', *cells])
    heads = [view.say(head) for head in ("machine", "carrier", "amount", "per_piece")]
    heads += [view.say(key).capitalize() for key in states]
    metered = {row["asset"] for row in told}
    body = table(view.say("by_machine"), heads, rows, (1, *range(4, 4 + len(states))))
    return paging.find(view) + body + pages + _not_metered(view, [name for name in plant.assets if name not in metered])
