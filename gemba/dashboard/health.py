"""Health: the links of every source, and what the agent says of its backlog, losses, disk and clock."""

import json
from collections.abc import Sequence
from typing import Any

from nicegui import ui
from starlette.requests import Request

from edge.status import ask as ask_agent
from edge.status import socket_path
from gemba.dashboard import ask
from gemba.dashboard.frame import View, frame
from gemba.dashboard.markup import Document, age, section, state, table, text
from kpi.api import views
from kpi.api.service import Service
from store.journal import place

JOURNAL = ("commits", "failures", "waiting", "lost", "bytes", "free")


def make(service: Service) -> None:
    async def health_page(request: Request) -> None:
        with frame(service, request, "health", span="") as view:
            view.html(f"<h1>{text(view.say('health'))}</h1>")
            view.filled(lambda: _fill(view))

    ui.page("/health")(health_page)


async def _fill(view: View) -> None:
    service = view.service
    sources, status = await ask.off(lambda: _sources(service)), await ask.off(lambda: _status(service))
    view.html(section(view.say("agent"), f'<div data-live="agent">{_agent(view, status)}</div>'))
    view.html(section(view.say("sources"), _links(view, sources, status)))

    async def cells() -> list[tuple[str, str]]:
        told = await ask.off(lambda: _status(service))
        rows = [("agent", _agent(view, told))]
        for name, source in (told or {}).get("sources", {}).items():
            rows.append((f"link/{name}", state(source["state"], view.lang)))
            rows.append((f"age/{name}", age(source["age"])))
        return rows

    view.live(cells)


def _sources(service: Service) -> list[Document]:
    plant, reader, now = service.plant(), service.reader(), service.clock()
    with reader.steady():
        return [views.source(reader, plant, name, now) for name in plant.sources]


def _status(service: Service) -> Any:
    body = ask_agent(socket_path(place(service.plant())))
    return json.loads(body) if body else None


def _agent(view: View, status: Any) -> str:
    trouble = view.service.trouble or (status or {}).get("trouble", "")
    alarm = f'<p role="alert" class="alarm">{text(view.say("trouble"))}: {text(trouble)}</p>' if trouble else ""
    if status is None:
        return f"{alarm}<p>{text(view.say('no_agent'))}</p>"
    told: list[tuple[str, str]] = [(key, _shown(key, status["journal"][key])) for key in JOURNAL]
    clock = status["clock"]
    known = clock["synchronised"]
    told += [
        ("steps", str(clock["steps"])),
        ("synchronised", "—" if known is None else view.say("yes" if known else "no")),
        ("error_us", "—" if clock["error_us"] is None else f"{clock['error_us']:,} µs"),
    ]
    if "influxdb" in status:
        told.append(("backlog", _shown("backlog", status["influxdb"].get("backlog"))))
    tiles = "".join(
        f'<div class="tile"><p class="quiet">{text(view.say(key))}</p><strong>{text(value)}</strong></div>'
        for key, value in told
    )
    return f'{alarm}<div class="tiles">{tiles}</div>'


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "—"
    if key in ("bytes", "free"):
        return f"{value / 1e9:,.2f} GB" if value >= 1e9 else f"{value / 1e6:,.1f} MB"
    return f"{value:,}"


def _links(view: View, sources: Sequence[Document], status: Any) -> str:
    live = (status or {}).get("sources", {})
    rows = []
    for source in sources:
        name = source["source"]
        now = live.get(name, source)
        good = sum(hour["good"] for hour in source["links"])
        expected = sum(hour["expected"] for hour in source["links"])
        told = [
            text(source["protocol"]),
            f'<span data-live="link/{text(name)}">{state(now["state"], view.lang)}</span>',
            f'<span data-live="age/{text(name)}">{age(now["age"])}</span>',
            _hours(view, source["links"]) + f'<span class="quiet">{good:,} / {expected:,}</span>',
            text(source["url"]),
            f'<span class="text">{text(live.get(name, {}).get("trouble") or "—")}</span>',
        ]
        rows.append([text(name), *told])
    heads = [view.say(head) for head in ("source", "protocol", "link", "age", "polls", "address", "trouble")]
    return table(view.say("sources"), heads, rows, (1, 4, 5, 6))


def _hours(view: View, links: Sequence[Document]) -> str:
    """One bar an hour: how much of what was expected came; hollow where nothing was expected."""
    bars = []
    for at, hour in enumerate(links):
        high = 16 * hour["good"] / hour["expected"] if hour["expected"] else 0.0
        bars.append(f'<rect x="{at * 5}" y="0" width="4" height="16" fill="var(--hatch)"/>')
        bars.append(f'<rect x="{at * 5}" y="{16 - high:.1f}" width="4" height="{high:.1f}" fill="var(--running)"/>')
    return f'<svg width="120" height="16" viewBox="0 0 120 16" aria-hidden="true">{"".join(bars)}</svg> '
