"""One machine: what it does now, where its planned time went, its counters and values, and all of its KPIs."""

from nicegui import ui
from starlette.requests import Request

from config.plant import SECOND, STATES
from gemba.dashboard import ask, losses
from gemba.dashboard.chart import Bar, bars
from gemba.dashboard.frame import View, frame
from gemba.dashboard.live import Live, Now
from gemba.dashboard.markup import (
    Document,
    amount,
    flags,
    hours,
    measured,
    number,
    section,
    state,
    table,
    text,
    tiles,
)
from gemba.dashboard.plant import doing, early, pieces, wrong
from gemba.dashboard.points import called, values
from gemba.dashboard.strip import strip
from gemba.dashboard.words import kpi as kpi_name
from kpi.api import views
from kpi.api.service import Service
from kpi.listing import SHOWN

DAY = 86_400 * SECOND
LONGEST = DAY + 3_600 * SECOND  # a day on which the clocks are put back
STRETCHES = 2_000
COUNTERS = ("total", "good", "reject", "rework")


def make(service: Service, live: Live) -> None:
    async def machine_page(request: Request, name: str) -> None:
        plant = service.plant()
        device, line = plant.device(name), plant.line_of(name)
        known = [device.name if device and device.name != name else "", line, device.workshop if device else ""]
        with frame(service, request, "machine", name, _under(known)) as view:
            if name in plant.assets:
                view.filled(lambda: _fill(view, live, name))
            else:
                told = view.say("only_registered" if device else "no_machine")
                view.html(f'<p class="card" role="status">{state("not_connected", view.lang)} {text(told)}</p>')

    ui.page("/machine/{name}")(machine_page)


def _under(known: list[str]) -> str:
    return f'<p class="quiet">{text(" · ".join(filter(None, known)))}</p>'


async def _fill(view: View, live: Live, name: str) -> None:
    service = view.service
    now = await ask.off(live.now)
    view.documents["kpis"] = kpis = await view.ask.kpis()
    view.documents["energy"] = energy = await view.ask.energy()
    place, row = next((i, row) for i, row in enumerate(kpis["rows"]) if row["asset"] == name)
    path = f"kpis/rows/{place}"
    drawn = drawn_of(view.ask.window)
    lived = await ask.off(lambda: views.timeline(service.reader(*drawn), service.plant(), name, *drawn, 0, STRETCHES))
    view.html(f'<div data-live="alarms">{await wrong(view, live)}</div>')
    view.html(await early(view))
    view.html(_now(view, now.get(name, Now("unknown", "", None)), name))
    view.html(section(view.say("kpis"), _kpis(view, row, path)))
    view.html(section(_strip_title(view), strip(view, lived) + _times(view, row, path)))
    found = losses.steps(row)
    with ui.element("div").classes("grid"):
        if found:
            with view.card(text(view.say("waterfall"))):
                losses.waterfall(view, found, path, name)
            with view.card(text(view.say("losses"))):
                losses.pareto(view, found, path, name)
        _by_state(view, energy, name)
        view.html(section(view.say("counters"), _counters(view, row, path)))
        if view.may("read:series"):
            await values(view, name)


def _now(view: View, now: Now, name: str) -> str:
    cells = [
        f'<span class="fact"><span class="quiet">{text(view.say(key))}</span> '
        f'<span data-live="{key}/{text(name)}">{cell}</span></span>'
        for key, cell in doing(now, view)
    ]
    return f'<div class="card counts">{"".join(cells)}</div>'


def _strip_title(view: View) -> str:
    whole = drawn_of(view.ask.window) == view.ask.window
    return view.say("timeline") + ("" if whole else f" · {view.say('last_day_of')}")


def drawn_of(window: ask.Window) -> ask.Window:
    """A day is drawn whole, and of more than a day the last 24 hours."""
    start, end = window
    return window if end - start <= LONGEST else (end - DAY, end)


def _kpis(view: View, row: Document, path: str) -> str:
    """The four that people look for in front, the others smaller."""

    def told(key: str) -> tuple[str, str]:
        return kpi_name(key, view.lang), measured(row["kpis"][key], f"{path}/kpis/{key}", row["asset"], view.lang)

    flagged = flags((flag for each in row["kpis"].values() for flag in each["flags"]), view.lang)
    note = f'<p class="quiet note">{text(view.say("flags"))}: {flagged}</p>' if flagged else ""
    rest = [key for key in row["kpis"] if key not in SHOWN]
    return tiles(map(told, SHOWN), "big") + tiles(map(told, rest)) + note


def _times(view: View, row: Document, path: str) -> str:
    """How long it was in each state, over the whole span."""
    time = row["time_ms"]
    names = [name for name in (*STATES[1:], STATES[0]) if time[name] or name in ("running", "unknown")]
    cells = []
    for name in names:
        label = f"{row['asset']} {view.say(name)}"
        opened = number(hours(time[name]), time[name], f"{path}/time_ms", label)
        cells.append(f"<span>{state(name, view.lang)} {opened}</span>")
    return f'<p class="legend"><span class="quiet">{text(view.say("time_by_state"))}</span>{"".join(cells)}</p>'


def _counters(view: View, row: Document, path: str) -> str:
    counts = row["quantity"]
    points = view.service.plant().assets[row["asset"]].points
    rows = [[called(view, name), pieces(row, name, path, view.say(name), view)] for name in COUNTERS if name in points]
    if not rows:
        return f'<p class="quiet">{text(view.say("no_counters"))}</p>'
    outside, label = counts["unscheduled"]["total"], view.say("unscheduled")
    shown = number(amount(outside, "", view.lang), outside, f"{path}/quantity/unscheduled", label)
    rows.append([text(label), shown])
    return table(view.say("counters"), [view.say("point"), view.say("pieces")], rows)


def _by_state(view: View, energy: Document, name: str) -> None:
    for place, row in enumerate(energy["assets"]):
        if row["asset"] != name or "by_state" not in row:
            continue
        told = number(amount(row["amount"], row["unit"], view.lang), row["amount"], f"energy/assets/{place}", name)
        with view.card(f"{text(view.say('by_state'))}: {told}"):
            by_state(view, row["by_state"], f"energy/assets/{place}/by_state", name)


def by_state(view: View, told: Document, path: str, whose: str) -> None:
    """Electricity by machine state, as a chart and as numbers; the unknown last."""
    order = [name for name in (*STATES[1:], STATES[0]) if told.get(name)]
    if not order:
        view.html(f'<p class="quiet">{text(view.say("no_data"))}</p>')
        return
    shown = {name: amount(told[name], "kWh", view.lang) for name in order}
    drawn = [Bar(view.say(name), 0, told[name], shown[name], f"var(--{name})") for name in order]
    bars(drawn, "kWh", view.say("by_state"))
    cells = (
        f"<span>{state(name, view.lang)} {number(shown[name], told[name], path, f'{whose} {view.say(name)}')}</span>"
        for name in order
    )
    view.html(f'<p class="legend">{"".join(cells)}</p>')
