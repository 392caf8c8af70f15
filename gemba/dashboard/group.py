"""The group: every plant and all of them as one, with their rates and energy, and which of their stores is silent."""

import asyncio
from collections.abc import Iterator, Sequence

from nicegui import ui
from starlette.requests import Request

from gemba.dashboard.energy import carrier, covered, numbers, sums
from gemba.dashboard.frame import View, frame
from gemba.dashboard.markup import Document, flags, gauge, measured, number, percent, section, table, text
from gemba.dashboard.plant import pieces
from gemba.dashboard.words import ROLES, kpi, named
from kpi.api.service import Service
from kpi.listing import SHOWN


def make(service: Service) -> None:
    async def group_page(request: Request) -> None:
        with frame(service, request, "group") as view:
            if service.plant().stores:
                view.filled(lambda: _fill(view))
            else:
                view.html(f'<p class="card" role="status">{text(view.say("no_group"))}</p>')

    ui.page("/group")(group_page)


async def _fill(view: View) -> None:
    told = await asyncio.gather(view.ask.kpis("plant"), view.ask.energy("plant"))
    view.documents["kpis"], view.documents["energy"] = told
    for part in _parts(view):
        if part["trouble"]:
            name = " ".join(dict.fromkeys((part["plant"], part["name"])))
            said = f"{text(name)}: {text(view.say('silent_how'))}<br><small>{text(part['trouble'])}</small>"
            view.html(f'<p role="alert" class="card alarm">{said}</p>')
    known = view.documents["kpis"]["group"]["rates"]
    if known:
        view.html(section(view.say("group_rates"), _gauges(view)))
    view.html(section(view.say("kpis"), _kpis(view)))
    if known:
        view.html(section(view.say("rates"), _rates(view)))
    view.html(section(view.say("energy"), _energy(view)))
    view.html(section(view.say("carriers"), _carriers(view)))


def _parts(view: View) -> Sequence[Document]:
    found: Sequence[Document] = view.documents["kpis"]["group"]["plants"]
    return found


def _placed(view: View, rows: Sequence[Document]) -> Iterator[tuple[int, Document, str, str]]:
    """Rows with their places in the document, whose they are, and how that is headed: a row of each plant, then that
    of all. The head of a group has a row, and is no plant of it."""
    names = {part["plant"]: part["name"] for part in _parts(view)}
    for at, row in enumerate(rows):
        whose = row["plant"]
        if whose in names:
            yield at, row, whose, _head(whose, names.pop(whose))
        elif at == len(rows) - 1:
            yield at, row, view.say("all_plants"), f'<span class="all">{text(view.say("all_plants"))}</span>'


def _head(plant: str, called: str) -> str:
    return text(plant) + (f' <span class="quiet">{text(called)}</span>' if called not in ("", plant) else "")


def _gauges(view: View) -> str:
    found = view.documents["kpis"]["group"]["rates"]
    gauges = (gauge(rate, f"kpis/group/rates/{name}", name, view.lang) for name, rate in found.items())
    return f'<div class="gauges">{"".join(gauges)}</div>'


def _kpis(view: View) -> str:
    """The coverage is that of OEE; those of the others stand behind them."""
    stores = {part["plant"]: (place, part) for place, part in enumerate(_parts(view))}
    rows = []
    for at, row, whose, head in _placed(view, view.documents["kpis"]["rows"]):
        path, oee = f"kpis/rows/{at}", row["kpis"]["oee"]
        cells = [measured(row["kpis"][key], f"{path}/kpis/{key}", whose, view.lang) for key in SHOWN]
        cells.append(covered(view, oee, f"{path}/kpis/oee", f"{whose} {kpi('oee', view.lang)}"))
        for key, name in (("total", "pieces"), ("good", "good")):
            cells.append(pieces(row, key, path, f"{whose} {view.say(name)}", view))
        flagged = flags((flag for key in SHOWN for flag in row["kpis"][key]["flags"]), view.lang)
        store = _store(view, *stores[whose]) if whose in stores else ""
        rows.append([head, store, *cells, f'<span class="text">{flagged}</span>'])
    heads = [view.say("plant"), view.say("store"), *(kpi(key, view.lang) for key in SHOWN)]
    heads += [view.say(key) for key in ("coverage", "pieces", "good", "flags")]
    return table(view.say("kpis"), heads, rows, shape="stack")


def _store(view: View, place: int, part: Document) -> str:
    """Which store answered; why it did not stands behind it."""
    shown, kind = (view.say("silent"), "down") if part["trouble"] else (view.say(part["store"]), "up")
    label = f"{part['plant']} {view.say('store')}"
    opened = number(shown, part["store"], f"kpis/group/plants/{place}", label)
    return f'<span class="state s-{kind}">{opened}</span>'


def _rates(view: View) -> str:
    """Of each plant, by its own register, or why it is in none of the sums."""
    found = view.documents["kpis"]["group"]["rates"]
    rows = []
    for part in _parts(view):
        cells = []
        for name, rate in found.items():
            own = rate["plants"].get(part["plant"])
            if own is None:
                cells.append(text(percent(None, "no_data", view.lang)))
                continue
            why = {each["plant"]: each["reason"] for each in rate["excluded"]}.get(part["plant"])
            path, label = f"kpis/group/rates/{name}/plants/{part['plant']}", f"{part['plant']} {kpi(name, view.lang)}"
            opened = number(percent(own["value"], why, view.lang), own["value"], path, label)
            counts = "" if why else f"{own['numerator']} / {own['denominator']}"
            cells.append(f'{opened} <span class="quiet">{counts}</span>')
        rows.append([_head(part["plant"], part["name"]), *cells])
    return table(view.say("rates"), [view.say("plant"), *(kpi(name, view.lang) for name in found)], rows, shape="stack")


def _energy(view: View) -> str:
    rows = []
    for at, row, whose, head in _placed(view, view.documents["energy"]["plants"]):
        path = f"energy/plants/{at}"
        cells = [*sums(view, row, path, whose), covered(view, row, path, whose), text(row["factors"] or "—")]
        rows.append([head, *cells, f'<span class="text">{flags(row["flags"], view.lang)}</span>'])
    heads = [view.say(name) for name in ("plant", "tce", "co2", "coverage", "factors", "flags")]
    return table(view.say("energy"), heads, rows, shape="stack")


def _carriers(view: View) -> str:
    """What is counted in no plant's sum is counted in none of all."""
    rows, signs = [], dict[tuple[str, str], int]()
    for at, row, whose, head in _placed(view, view.documents["energy"]["plants"]):
        for place, each in enumerate(row["carriers"]):
            sign = each.get("sign", signs.get((each["carrier"], each["role"])))
            signs[each["carrier"], each["role"]] = sign
            called, role = carrier(view, each), named(each["role"], ROLES, view.lang)
            label = f"{whose} {called} {role}"
            cells = numbers(view, {**each, "sign": sign}, f"energy/plants/{at}/carriers/{place}", label)
            rows.append([head, text(called), text(role), *cells])
    heads = [view.say(name) for name in ("plant", "carrier", "role", "amount", "tce", "co2", "coverage")]
    return table(view.say("carriers"), heads, rows, shape="stack")
