"""One machine: where its planned time went, what state it was in, its counters and values, and all of its KPIs."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from nicegui import ui
from starlette.requests import Request

from config.plant import SECOND, STATES
from gemba.dashboard import ask
from gemba.dashboard.frame import View, chart, frame
from gemba.dashboard.markup import Document, amount, hours, measured, number, section, state, table, text
from gemba.dashboard.words import kpi as kpi_name
from kpi.api import views
from kpi.api.service import Service

DAY = 86_400 * SECOND
HOUR = 3_600 * SECOND
STRETCHES = 2_000
ROWS = 1_000
LOSSES = ("idle", "setup", "down", "off", "planned", "unknown")
NOT_PROCESS = ("state", "mode", "product", "alarm", "total", "good", "reject", "rework", "energy")


def make(service: Service) -> None:
    async def machine_page(request: Request, name: str) -> None:
        with frame(service, request, "machine") as view:
            plant = service.plant()
            if name not in plant.assets:
                view.html(f'<h1>{text(name)}</h1><p role="alert">{text(view.say("not_connected"))}</p>')
                return
            device = plant.device(name)
            known = [device.name, plant.line_of(name), device.workshop] if device else [plant.line_of(name)]
            view.html(f'<h1>{text(name)}</h1><p class="quiet bar">{text(" · ".join(filter(None, known)))}</p>')
            view.filled(lambda: _fill(view, name))

    ui.page("/machine/{name}")(machine_page)


async def _fill(view: View, name: str) -> None:
    service, plant = view.service, view.service.plant()
    start, end = view.ask.window
    view.documents["kpis"] = kpis = await view.ask.kpis()
    view.documents["energy"] = energy = await view.ask.energy()
    place, row = next((i, row) for i, row in enumerate(kpis["rows"]) if row["asset"] == name)
    day = max(start, end - DAY), end
    lived = await ask.off(lambda: views.timeline(service.reader(*day), plant, name, *day, 0, STRETCHES))
    view.html(section(view.say("kpis"), _tiles(view, row, place)))
    view.html(section(view.say("timeline"), _strip(view, lived)))
    with ui.element("div").classes("grid"):
        with ui.element("section").classes("card"):
            view.html(f"<h2>{text(view.say('waterfall'))}</h2>")
            _waterfall(view, row, place)
        with ui.element("section").classes("card"):
            view.html(f"<h2>{text(view.say('losses'))}</h2>")
            _losses(view, row, place)
        view.html(section(view.say("counters"), _counters(view, row, place)))
        await _by_state(view, energy, name)
    if view.may("read:series"):
        await _values(view, name)


def _tiles(view: View, row: Document, place: int) -> str:
    tiles = [
        f'<div class="tile{" big" if key == "oee" else ""}"><p class="quiet">{text(kpi_name(key, view.lang))}</p>'
        f"{measured(kpi, f'kpis/rows/{place}/kpis/{key}', row['asset'], view.lang)}</div>"
        for key, kpi in row["kpis"].items()
    ]
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _strip(view: View, lived: Document) -> str:
    """The states as a strip of colour, and as a table for those who cannot see it."""
    stretches = lived["states"]
    if not stretches:
        return f'<p class="quiet">{text(view.say("no_data"))}</p>'
    times = [datetime.fromisoformat(each["from"]).timestamp() for each in stretches]
    times.append(datetime.fromisoformat(stretches[-1]["to"]).timestamp())
    whole = (times[-1] - times[0]) or 1
    bars = []
    for each, begin, end in zip(stretches, times, times[1:], strict=False):
        x, width = (begin - times[0]) / whole * 1000, (end - begin) / whole * 1000
        fill = "url(#gap)" if each["state"] == "unknown" else "currentColor"
        bars.append(
            f'<rect class="s-{text(each["state"])}" x="{x:.2f}" width="{width:.2f}" height="44" fill="{fill}"/>'
        )
    hatch = (
        '<defs><pattern id="gap" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="6" height="6" fill="var(--hatch)"/><rect width="2" height="6" fill="var(--unknown)"/>'
        "</pattern></defs>"
    )
    ends = [stretches[0]["from"], stretches[-1]["to"]]
    first, last = (each[5:16].replace("T", " ") for each in ends)
    rows = [[state(s["state"], view.lang), s["from"][11:19], s["to"][11:19]] for s in stretches[-200:]]
    heads = [view.say("state"), view.say("from"), view.say("to")]
    legend = "".join(state(name, view.lang) for name in dict.fromkeys(each["state"] for each in stretches))
    return (
        '<svg class="strip" viewBox="0 0 1000 44" preserveAspectRatio="none" aria-hidden="true">'
        f"{hatch}{''.join(bars)}</svg>"
        f'<div class="axis quiet"><span>{first}</span><span>{last}</span></div><div class="legend">{legend}</div>'
        f"<details><summary>{text(view.say('timeline'))} ({len(stretches)})</summary>"
        f"{table(view.say('timeline'), heads, rows)}</details>"
    )


def _waterfall(view: View, row: Document, place: int) -> None:
    """The terms of OEE, from planned time down to good time; the bars between them are what was lost on the way."""
    terms = row["kpis"]["oee"]["terms"]
    names = [name for name in ("PBT", "APT", "PRI_PQ", "PRI_GQ") if terms.get(name) is not None]
    values = [terms[name] / 3_600_000 for name in names]
    lost = [0.0, *(max(0.0, before - after) for before, after in pairwise(values))]
    series: list[dict[str, Any]] = [
        {"type": "bar", "stack": "time", "data": values, "itemStyle": {"color": "var(--key)"}, "barWidth": "55%"},
        {"type": "bar", "stack": "time", "data": lost, "itemStyle": {"color": "var(--hatch)"}},
    ]
    options = {
        "grid": {"left": 48, "right": 10, "top": 16, "bottom": 26},
        "xAxis": {"type": "category", "data": names},
        "yAxis": {"type": "value", "name": view.say("hours"), "nameTextStyle": {"color": "var(--soft)"}},
        "series": series,
    }
    spoken = ", ".join(f"{name} {hours(terms[name])}" for name in names)
    chart(options, f"{view.say('waterfall')}: {spoken}")
    path = f"kpis/rows/{place}/kpis/oee"
    cells = (f"{name} {number(hours(terms[name]), terms[name], path, name, view.lang)}" for name in names)
    view.html(f'<p class="legend">{" ".join(f"<span>{cell}</span>" for cell in cells)}</p>')


def _losses(view: View, row: Document, place: int) -> None:
    """The longest first."""
    time = row["time_ms"]
    order = sorted((name for name in LOSSES if time[name]), key=lambda name: -time[name])
    bars = [{"value": time[name] / 3_600_000, "itemStyle": {"color": f"var(--{name})"}} for name in order]
    options = {
        "grid": {"left": 90, "right": 20, "top": 8, "bottom": 26},
        "xAxis": {"type": "value"},
        "yAxis": {"type": "category", "inverse": True, "data": [view.say(name) for name in order]},
        "series": [{"type": "bar", "data": bars, "barWidth": "60%"}],
    }
    spoken = ", ".join(f"{view.say(name)} {hours(time[name])}" for name in order)
    chart(options, f"{view.say('losses')}: {spoken}")
    path = f"kpis/rows/{place}/time_ms"
    shown_ = ["running", *order]
    cells = (f"{state(n, view.lang)} {number(hours(time[n]), time[n], path, view.say(n), view.lang)}" for n in shown_)
    view.html(f'<p class="legend">{" ".join(f"<span>{cell}</span>" for cell in cells)}</p>')


def _counters(view: View, row: Document, place: int) -> str:
    path, counts = f"kpis/rows/{place}/quantity", row["quantity"]
    points = view.service.plant().assets[row["asset"]].points
    rows = []
    for name in ("total", "good", "reject", "rework"):
        if name in points:
            shown_ = number(amount(counts[name]), counts[name], path, view.say(name), view.lang)
            rows.append([text(name), shown_])
    outside = counts["unscheduled"]["total"]
    label = view.say("unscheduled")
    rows.append([text(label), number(amount(outside), outside, f"{path}/unscheduled", label, view.lang)])
    return table(view.say("counters"), [view.say("point"), view.say("pieces")], rows)


async def _by_state(view: View, energy: Document, name: str) -> None:
    place = next((i for i, row in enumerate(energy["assets"]) if row["asset"] == name and "by_state" in row), None)
    if place is None:
        return
    row = energy["assets"][place]
    with ui.element("section").classes("card"):
        told = number(
            amount(row["amount"], row["unit"], view.lang), row["amount"], f"energy/assets/{place}", name, view.lang
        )
        view.html(f"<h2>{text(view.say('by_state'))}: {told}</h2>")
        by_state(view, row["by_state"], f"energy/assets/{place}/by_state")


def by_state(view: View, told: Document, path: str) -> None:
    """Electricity by machine state, as a chart and as numbers."""
    order = [name for name in STATES if told.get(name)]
    bars = [{"value": told[name], "itemStyle": {"color": f"var(--{name})"}} for name in order]
    options = {
        "grid": {"left": 90, "right": 20, "top": 8, "bottom": 26},
        "xAxis": {"type": "value"},
        "yAxis": {"type": "category", "inverse": True, "data": [view.say(name) for name in order]},
        "series": [{"type": "bar", "data": bars, "barWidth": "60%"}],
    }
    spoken = ", ".join(f"{view.say(name)} {amount(told[name], 'kWh')}" for name in order)
    chart(options, f"{view.say('by_state')}: {spoken}")
    cells = (
        f"{state(name, view.lang)} {number(amount(told[name], 'kWh'), told[name], path, view.say(name), view.lang)}"
        for name in order
    )
    view.html(f'<p class="legend">{" ".join(f"<span>{cell}</span>" for cell in cells)}</p>')


# -- values ------------------------------------------------------------------------------------------------------------
async def _values(view: View, name: str) -> None:
    """The newest value of every point, kept fresh, and the last hour of those that are neither state nor counter."""
    found = await ask.off(lambda: _series(view, name))
    view.html(section(view.say("points"), _newest(view, found)))

    async def cells() -> list[tuple[str, str]]:
        told = await ask.off(lambda: _series(view, name))
        return [(f"point/{column['point']}", _last(column)) for column in told if column["rows"]]

    view.live(cells)
    shown_ = [c for c in found if c["point"] not in NOT_PROCESS and any(isinstance(r[1], float) for r in c["rows"])]
    if shown_:
        with ui.element("section").classes("card"):
            view.html(f"<h2>{text(view.say('process'))}</h2>")
            with ui.element("div").classes("grid"):
                for column in shown_:
                    _curve(column)


def _series(view: View, name: str) -> Sequence[Document]:
    plant, reader, now = view.service.plant(), view.service.reader(), view.service.clock()
    points = plant.assets[name].points.values()
    return [views.series(reader, plant, [point], now - HOUR, now, 10 * ROWS)[0][0] for point in points]


def _last(column: Document) -> str:
    at, value, quality = column["rows"][-1]
    told = "—" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return f'{text(told)} {text(column["unit"] or "")} <span class="quiet">{text(quality)} · {text(at[11:19])}</span>'


def _newest(view: View, found: Sequence[Document]) -> str:
    rows = []
    for column in found:
        told = _last(column) if column["rows"] else state("unknown", view.lang)
        rows.append([text(column["point"]), f'<span data-live="point/{text(column["point"])}">{told}</span>'])
    return table(view.say("points"), [view.say("point"), view.say("value")], rows)


def _curve(column: Document) -> None:
    """Gaps stay gaps; the times are the plant's own."""
    options = {
        "grid": {"left": 54, "right": 14, "top": 34, "bottom": 26},
        "xAxis": {"type": "time"},
        "yAxis": {"type": "value", "scale": True, "name": column["unit"], "nameTextStyle": {"color": "var(--soft)"}},
        "series": [
            {
                "type": "line",
                "name": column["point"],
                "showSymbol": False,
                "step": "end",
                "lineStyle": {"color": "var(--key)", "width": 1.5},
                "data": [[row[0][:19], row[1]] for row in column["rows"][-ROWS:]],
            }
        ],
    }
    with ui.element("div"):
        ui.html(f'<p class="quiet">{text(column["point"])}</p>', sanitize=False)
        chart(options, str(column["point"]))
