"""What the points of a machine read: the newest value of each, kept fresh, and the last hour of its process values."""

from collections.abc import Sequence

from config.plant import SECOND
from gemba.dashboard import ask
from gemba.dashboard.chart import chart
from gemba.dashboard.frame import View
from gemba.dashboard.markup import Document, plain, section, state, table, text
from gemba.dashboard.words import MODES, POINTS, named
from kpi.api import views

HOUR = 3_600 * SECOND
ROWS = 3_600
LISTED = 100
COUNTERS = ("total", "good", "reject", "rework", "energy")
NOT_PROCESS = ("state", "mode", "product", "alarm", *COUNTERS)


def called(view: View, name: str) -> str:
    """The point's own name; beside it what it is, where the KPIs know that."""
    word = named(name, POINTS, view.lang) if name in POINTS else ""
    beside = f' <span class="quiet">{text(word)}</span>' if word and word != name else ""
    return text(name) + beside


async def values(view: View, name: str) -> None:
    found = await ask.off(lambda: _series(view, name))
    view.html(section(view.say("values_now"), _newest(view, found)))

    async def cells() -> list[tuple[str, str]]:
        told = await ask.off(lambda: _series(view, name))
        return [cell for column in told for cell in _cells(view, column)]

    view.live(cells)
    drawn = [c for c in found if c["point"] not in NOT_PROCESS and any(isinstance(r[1], float) for r in c["rows"])]
    for column in drawn:
        with view.card(f"{text(column['point'])} · {text(view.say('process'))}"):
            _curve(view, column)


def _series(view: View, name: str) -> Sequence[Document]:
    plant, reader, now = view.service.plant(), view.service.reader(), view.service.clock()
    points = plant.assets[name].points.values()
    return [views.series(reader, plant, [point], now - HOUR, now, 10 * ROWS)[0][0] for point in points]


def _cells(view: View, column: Document) -> list[tuple[str, str]]:
    name = f"point/{column['point']}"
    if not column["rows"]:
        return [(f"{name}/value", state("unknown", view.lang)), (f"{name}/quality", "—"), (f"{name}/time", "—")]
    at, value, quality = column["rows"][-1]
    if value is None:
        told = state("unknown", view.lang)
    elif column["point"] == "state":
        told = state(str(value), view.lang)
    elif isinstance(value, float):
        told = text(f"{plain(value)} {column['unit'] or ''}")
    elif column["point"] in COUNTERS:
        told = text(f"{value:,} {column['unit'] or ''}")
    else:
        told = text(f"{named(str(value), MODES, view.lang)} {column['unit'] or ''}")
    return [(f"{name}/value", told), (f"{name}/quality", text(quality)), (f"{name}/time", text(at[11:19]))]


def _newest(view: View, found: Sequence[Document]) -> str:
    rows = []
    for column in found:
        cells = [f'<span data-live="{text(key)}">{cell}</span>' for key, cell in _cells(view, column)]
        rows.append([called(view, column["point"]), *cells])
    heads = [view.say(head) for head in ("point", "value", "quality_code", "read_at")]
    return table(view.say("values_now"), heads, rows, (2,))


def _curve(view: View, column: Document) -> None:
    """Gaps stay gaps; the times are the plant's own."""
    rows, unit = column["rows"][-ROWS:], column["unit"] or ""
    known = [row[1] for row in rows if isinstance(row[1], float)]
    options = {
        "grid": {"left": 8, "right": 20, "top": 30, "bottom": 6, "containLabel": True},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "time"},
        "yAxis": {"type": "value", "scale": True, "name": unit},
        "series": [
            {
                "type": "line",
                "name": column["point"],
                "showSymbol": False,
                "step": "end",
                "lineStyle": {"color": "var(--key)", "width": 1.5},
                "itemStyle": {"color": "var(--key)"},
                "data": [[row[0][:19], row[1]] for row in rows],
            }
        ],
    }
    span = f"{plain(min(known))} – {plain(max(known))} {unit}"
    chart(options, f"{column['point']}, {view.say('process')}: {span}", 220)
    listed = [[text(row[0][11:19]), "—" if row[1] is None else text(plain(row[1])), text(row[2])] for row in rows]
    heads = [view.say("read_at"), f"{view.say('value')} {unit}".strip(), view.say("quality_code")]
    body = table(f"{column['point']} {view.say('process')}", heads, listed[-LISTED:])
    view.html(f"<details><summary>{text(span)} ({len(rows)})</summary>{body}</details>")
