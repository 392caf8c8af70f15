"""The plant: the rates of its equipment, its lines, and every machine with what it does now and what it came to."""

from collections.abc import Iterator
from math import ceil

from nicegui import ui
from starlette.requests import Request

from gemba.dashboard import ask
from gemba.dashboard.frame import View, frame
from gemba.dashboard.live import Live, Now
from gemba.dashboard.markup import Document, age, amount, gauge, hours, measured, number, section, state, table, text
from gemba.dashboard.words import kpi
from kpi.api.service import Service
from kpi.api.views import assets as every_asset
from kpi.listing import SHOWN

PAGE = 100
WIDE = (1, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13)  # columns that a telephone has no room for


def make(service: Service) -> None:
    live = Live(service)

    async def plant_page(request: Request) -> None:
        with frame(service, request, "plant") as view:
            of = service.plant()
            view.html(f"<h1>{text(of.name or of.id)}</h1><p class='quiet bar'>{text(of.id)}</p>")
            view.filled(lambda: _fill(view, live))

    ui.page("/")(plant_page)


async def _fill(view: View, live: Live) -> None:
    now = await ask.off(live.now)
    view.documents["kpis"] = await view.ask.kpis()
    view.documents["lines"] = await view.ask.kpis("line")
    shown, names = _chosen(view)
    machines = _find(view) + _machines(view, shown, now) + _pages(view, names)
    view.html(section(view.say("now"), f'<div class="counts" data-live="counts">{_counts(now, view)}</div>'))
    view.html(section(view.say("rates"), _rates(view)))
    view.html(section(view.say("lines"), _lines(view)))
    view.html(section(view.say("machines"), machines))

    async def cells() -> list[tuple[str, str]]:
        told = await ask.off(live.now)
        rows = [("counts", _counts(told, view))]
        for name in shown:
            if name in told:
                rows += [(f"{key}/{name}", cell) for key, cell in _live(told[name], view)]
        return rows

    view.live(cells)


def _live(now: Now, view: View) -> list[tuple[str, str]]:
    """The cells of a machine that change while one looks."""
    return [
        ("state", state(now.state, view.lang)),
        ("since", text(now.since or "—")),
        ("age", age(now.age)),
        ("link", _link(now, view)),
    ]


def _counts(now: dict[str, Now], view: View) -> str:
    told = [one.state for one in now.values()]
    registered = len(every_asset(view.service.plant())) - len(told)
    counts = {name: told.count(name) for name in ("running", "idle", "setup", "down", "planned", "off", "unknown")}
    shown = {name: count for name, count in counts.items() if count or name in ("running", "unknown")}
    shown["not_connected"] = registered
    return "".join(f"<span><b>{count}</b>{state(name, view.lang)}</span>" for name, count in shown.items())


def _rates(view: View) -> str:
    found = view.documents["kpis"]["rates"]
    gauges = (gauge(rate, f"kpis/rates/{name}", kpi(name, view.lang), view.lang) for name, rate in found.items())
    return f'<div class="gauges">{"".join(gauges)}</div>'


def _numbers(row: Document, path: str, whose: str, view: View) -> Iterator[str]:
    """The four KPIs, pieces and the time that is unknown."""
    for key in SHOWN:
        yield measured(row["kpis"][key], f"{path}/kpis/{key}", whose, view.lang)
    for key, name in (("total", "pieces"), ("good", "good")):
        count = row["quantity"][key]
        yield number(amount(count), count, f"{path}/quantity", f"{whose} {view.say(name)}", view.lang)
    unknown = row["time_ms"]["unknown"]
    yield number(hours(unknown), unknown, f"{path}/time_ms", f"{whose} {view.say('unknown_time')}", view.lang)


def _lines(view: View) -> str:
    rows = []
    for place, row in enumerate(view.documents["lines"]["rows"]):
        path = f"lines/rows/{place}"
        own = measured(row["kpis"]["line_oee"], f"{path}/kpis/line_oee", row["line"], view.lang)
        rows.append([text(row["line"] or "—"), *_numbers(row, path, row["line"], view), own])
    heads = [view.say("line"), *_heads(view), kpi("line_oee", view.lang)]
    return table(view.say("lines"), heads, rows, (2, 3, 4, 6, 7))


def _heads(view: View) -> list[str]:
    return [kpi(key, view.lang) for key in SHOWN] + [view.say(key) for key in ("pieces", "good", "unknown_time")]


def _chosen(view: View) -> tuple[list[str], list[str]]:
    """The machines of this page, and all that were asked for."""
    plant, query = view.service.plant(), view.request.query_params
    word = query.get("q", "").strip().lower()
    names = [n for n in every_asset(plant) if not word or word in f"{n} {plant.line_of(n)} {_called(view, n)}".lower()]
    page = int(query["page"]) if query.get("page", "").isdecimal() else 1
    return names[(page - 1) * PAGE : page * PAGE], names


def _called(view: View, name: str) -> str:
    device = view.service.plant().device(name)
    return device.name if device else ""


def _find(view: View) -> str:
    word, label = text(view.request.query_params.get("q", "")), text(view.say("filter"))
    return (
        '<form class="find" role="search" action="/" method="get">'
        f'<input type="hidden" name="span" value="{view.span}">'
        f'<input type="search" name="q" value="{word}" aria-label="{label}" placeholder="{label}">'
        f"<button>{text(view.say('find'))}</button></form>"
    )


def _pages(view: View, names: list[str]) -> str:
    last = max(1, ceil(len(names) / PAGE))
    if last == 1:
        return ""
    query = view.request.query_params
    page, word = int(query.get("page", "1") or 1), query.get("q", "")
    links = [
        f'<a href="{view.link("/", q=word, page=str(to))}">{text(view.say(key))}</a>'
        for key, to in (("previous", page - 1), ("next", page + 1))
        if 1 <= to <= last
    ]
    return f'<p class="bar"><span>{page} / {last}</span>{" ".join(links)}</p>'


def _link(now: Now, view: View) -> str:
    up = now.age is not None and now.state != "unknown"
    return state("up" if up else "unknown", view.lang)


def _machines(view: View, names: list[str], now: dict[str, Now]) -> str:
    plant, found = view.service.plant(), {}
    for place, row in enumerate(view.documents["kpis"]["rows"]):
        found[row["asset"]] = (place, row)
    rows = []
    for name in names:
        if name not in found:
            called = f'{text(name)} <span class="quiet">{text(_called(view, name))}</span>'
            line = text(plant.line_of(name) or "—")
            rows.append([called, line, state("not_connected", view.lang), *["—"] * 11])
            continue
        place, row = found[name]
        one = now.get(name, Now("unknown", "", None))
        called = f'<span class="quiet">{text(_called(view, name))}</span>'
        link = f'<a href="{view.link(f"/machine/{name}")}">{text(name)}</a> {called}'
        flags = dict.fromkeys(flag for key in SHOWN for flag in row["kpis"][key]["flags"])
        live = [f'<span data-live="{key}/{text(name)}">{cell}</span>' for key, cell in _live(one, view)]
        line = text(row["line"] or "—")
        rows.append([link, line, *live, *_numbers(row, f"kpis/rows/{place}", name, view), text(" ".join(flags))])
    heads = [view.say(head) for head in ("machine", "line", "state", "since", "age", "link")]
    return table(view.say("machines"), [*heads, *_heads(view), view.say("flags")], rows, WIDE)
