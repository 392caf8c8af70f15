"""Charts by ECharts from this machine, in the colours of the page. Each says in its label what it draws, and its
numbers stand beside it as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from gemba.dashboard.markup import text

BAR = 26  # height of one bar and the room about it
ROOM = 44
NAMES = 124  # width of the names beside bars


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a chart: from where to where, in the unit of the chart, and how that is said."""

    name: str
    start: float
    length: float
    shown: str
    colour: str


def chart(options: dict[str, Any], label: str, height: int = 270) -> None:
    ink = {"color": "var(--soft)"}
    axis = {
        "axisLabel": {**ink, "hideOverlap": True},
        "axisLine": {"lineStyle": ink},
        "nameTextStyle": ink,
        "splitLine": {"lineStyle": {"color": "var(--rule)"}},
    }
    for name in ("xAxis", "yAxis"):
        if name in options:
            given = options[name]
            options[name] = [{**axis, **each} for each in given] if isinstance(given, list) else {**axis, **given}
    options = {"animation": False, "textStyle": ink, **options}
    made = ui.echart(options, renderer="svg").classes("chart").style(f"height:{height}px")
    made.props(f'role=img aria-label="{text(label)}"')


def bars(rows: Sequence[Bar], unit: str, label: str, shares: Sequence[float] = ()) -> None:
    """Lying bars with their numbers at the end; `shares` is a line over them from 0 to 1."""
    hidden = {"color": "transparent"}
    drawn = [
        {
            "value": row.length,
            "itemStyle": {"color": row.colour},
            "label": {"show": not shares, "position": "right", "color": "var(--ink)", "formatter": row.shown},
        }
        for row in rows
    ]
    series: list[dict[str, Any]] = [
        {"type": "bar", "stack": "bar", "data": [row.start for row in rows], "itemStyle": hidden, "silent": True},
        {"type": "bar", "stack": "bar", "data": drawn, "barWidth": "62%", "barMinHeight": 1},
    ]
    across: list[dict[str, Any]] = [{"type": "value", "name": unit, "nameGap": 6, "splitNumber": 4}]
    if shares:
        line = {"color": "var(--soft)", "width": 1.5}
        series.append(
            {
                "type": "line",
                "xAxisIndex": 1,
                "data": [100 * share for share in shares],
                "lineStyle": line,
                "itemStyle": {"color": "var(--soft)"},
                "symbolSize": 5,
            }
        )
        across.append(
            {
                "type": "value",
                "min": 0,
                "max": 100,
                "name": "%",
                "nameGap": 6,
                "splitNumber": 2,
                "splitLine": {"show": False},
            }
        )
    options = {
        "grid": {
            "left": 4,
            "right": 20 if shares else 84,
            "top": 24 if shares else 6,
            "bottom": 8,
            "containLabel": True,
        },
        "xAxis": across,
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [row.name for row in rows],
            "axisTick": {"show": False},
            "axisLabel": {"color": "var(--soft)", "width": NAMES, "overflow": "break"},
        },
        "series": series,
    }
    spoken = ", ".join(f"{row.name} {row.shown}" for row in rows)
    chart(options, f"{label}: {spoken}", ROOM + (20 if shares else 0) + BAR * len(rows))
