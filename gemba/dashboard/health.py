"""Health: the links of every source, and what the agent says of its backlog, losses, disk and clock."""

from collections.abc import Sequence
from typing import Any

from nicegui import ui
from starlette.requests import Request

from gemba.dashboard import ask, paging
from gemba.dashboard.frame import View, frame
from gemba.dashboard.live import told as status_of
from gemba.dashboard.markup import Document, age, number, section, state, table, text, tiles
from kpi.api import views
from kpi.api.service import Service

WIDE = (1, 3, 5)
BAD = ("lost", "failures", "steps")  # anything but 0 is an alarm


def make(service: Service) -> None:
    async def health_page(request: Request) -> None:
        with frame(service, request, "health", span="") as view:
            view.filled(lambda: _fill(view))

    ui.page("/health")(health_page)


async def _fill(view: View) -> None:
    service = view.service
    every, word = list(service.plant().sources), paging.word(view)
    names, pages = paging.page(view, [name for name in every if word in name.lower()])
    sources, status = await ask.off(lambda: _sources(service, names)), await ask.off(lambda: status_of(service))
    view.documents["store"] = store = await ask.off(service.health)
    view.documents["sources"] = sources
    view.documents["agent"] = status
    found = paging.find(view) if len(every) > paging.PAGE or word else ""
    if store["trouble"] and store["trouble"] != service.trouble:
        view.html(f'<p role="alert" class="card alarm">{text(store["trouble"])}</p>')
    view.html(section(view.say("agent"), f'<div data-live="agent">{_agent(view, status)}</div>'))
    view.html(section(view.say("sources"), found + _links(view, sources, status) + pages))

    async def cells() -> list[tuple[str, str]]:
        told = view.documents["agent"] = await ask.off(lambda: status_of(service))
        rows = [("agent", _agent(view, told))]
        for name, source in (told or {}).get("sources", {}).items():
            rows.append((f"link/{name}", state(source["state"], view.lang)))
            rows.append((f"age/{name}", age(source["age"])))
            rows.append((f"trouble/{name}", text(source.get("trouble") or "—")))
        return rows

    view.live(cells)


def _sources(service: Service, names: Sequence[str]) -> list[Document]:
    plant, reader, now = service.plant(), service.reader(), service.clock()
    with reader.steady():
        return [views.source(reader, plant, name, now) for name in names]


def _agent(view: View, status: Any) -> str:
    trouble = (status or {}).get("trouble", "")
    alarm = f'<p role="alert" class="alarm">{text(view.say("trouble"))}: {text(trouble)}</p>' if trouble else ""
    if status is None:
        return f"{alarm}<p>{text(view.say('no_agent'))}</p>"
    journal, clock = status["journal"], status["clock"]
    ahead = status.get("influxdb")
    backlog = text(view.say("backlog_none"))
    if ahead is not None:
        backlog = _number(view, "backlog", ahead.get("backlog"), "agent/influxdb")
    groups = [
        (
            "losses_backlog",
            [("backlog", backlog), *_journal(view, journal, ("lost", "waiting", "failures", "commits"))],
        ),
        ("disk", [_store(view), *_journal(view, journal, ("bytes", "free"))]),
        ("clock", _clock(view, clock)),
    ]
    parts = (
        f'<div class="group"><h3>{text(view.say(name))}</h3>{tiles((view.say(k), cell) for k, cell in cells)}</div>'
        for name, cells in groups
    )
    return f'{alarm}<div class="groups">{"".join(parts)}</div>'


def _journal(view: View, told: Document, keys: Sequence[str]) -> list[tuple[str, str]]:
    return [(key, _number(view, key, told[key], "agent/journal")) for key in keys]


def _store(view: View) -> tuple[str, str]:
    """Where the numbers of the last day are read from."""
    name = view.documents["store"]["store"]
    return "store", number(view.say(name), name, "store", view.say("store"))


def _clock(view: View, clock: Document) -> list[tuple[str, str]]:
    known, error = clock["synchronised"], clock["error_us"]
    told = "—" if known is None else view.say("yes" if known else "no")
    opened = number(told, known, "agent/clock", view.say("synchronised"))
    off = number(_duration(error), error, "agent/clock", view.say("error_us"))
    return [
        ("synchronised", f'<span class="alarm">{opened}</span>' if known is False else opened),
        ("error_us", off),
        ("steps", _number(view, "steps", clock["steps"], "agent/clock")),
    ]


def _duration(us: int | None) -> str:
    if us is None:
        return "—"
    for size, unit in ((1_000_000, "s"), (1_000, "ms")):
        if us >= size:
            return f"{us / size:,.3g} {unit}"
    return f"{us} µs"


def _number(view: View, key: str, value: Any, path: str) -> str:
    opened = number(_shown(key, value), value, path, view.say(key))
    return f'<span class="alarm">{opened}</span>' if key in BAD and value else opened


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "—"
    if key in ("bytes", "free"):
        return f"{value / 1e9:,.2f} GB" if value >= 1e9 else f"{value / 1e6:,.1f} MB"
    return f"{value:,}"


def _links(view: View, sources: Sequence[Document], status: Any) -> str:
    live = (status or {}).get("sources", {})
    rows = []
    for at, source in enumerate(sources):
        name = source["source"]
        now = live.get(name, source)
        told = [
            text(source["protocol"]),
            f'<span data-live="link/{text(name)}">{state(now["state"], view.lang)}</span>',
            f'<span data-live="age/{text(name)}">{age(now["age"])}</span>',
            _polls(view, source, f"sources/{at}"),
            f'<span class="text">{text(source["url"])}</span>',
            f'<span class="text" data-live="trouble/{text(name)}">{text(now.get("trouble") or "—")}</span>',
        ]
        rows.append([text(name), *told])
    heads = [view.say(head) for head in ("source", "protocol", "link", "age", "polls", "address", "trouble")]
    return table(view.say("sources"), heads, rows, WIDE, "stack")


def _polls(view: View, source: Document, path: str) -> str:
    """One bar an hour: how much of what was expected came; hollow where nothing was expected."""
    links, bars = source["links"], []
    for at, hour in enumerate(links):
        high = 16 * hour["good"] / hour["expected"] if hour["expected"] else 0.0
        bars.append(f'<rect x="{at * 5}" y="0" width="4" height="16" fill="var(--hatch)"/>')
        bars.append(f'<rect x="{at * 5}" y="{16 - high:.1f}" width="4" height="{high:.1f}" fill="var(--running)"/>')
    good, expected = (sum(hour[key] for hour in links) for key in ("good", "expected"))
    share = "—" if not expected else f"{100 * good / expected:.2f} %"
    opened = number(
        f"{share} ({good:,} / {expected:,})", [good, expected], path, f"{source['source']} {view.say('polls')}"
    )
    return f'<span class="hours" aria-hidden="true"><svg viewBox="0 0 120 16">{"".join(bars)}</svg></span> {opened}'
