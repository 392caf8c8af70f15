"""The plant: the rates of its equipment, its lines, and every machine with what it does now and what it came to."""

from collections.abc import Iterator, Sequence

from nicegui import ui
from starlette.requests import Request

from gemba.dashboard import alarms, ask, paging
from gemba.dashboard.frame import View, frame
from gemba.dashboard.live import Live, Now
from gemba.dashboard.markup import (
    Document,
    age,
    amount,
    flags,
    gauge,
    hours,
    measured,
    number,
    reason,
    section,
    state,
    table,
    text,
)
from gemba.dashboard.words import kpi
from kpi.api.service import Service
from kpi.api.views import assets as every_asset
from kpi.listing import SHOWN

WIDE = (1, 3, 5, 7, 8, 9, 10, 11, 12, 13)  # columns that a telephone has no room for
COUNTED_BY = {"total": "production_rate", "good": "quality", "reject": "scrap_ratio", "rework": "rework_ratio"}
COUNTED = ("running", "idle", "setup", "down", "planned", "off", "unknown")


def make(service: Service, live: Live) -> None:
    async def plant_page(request: Request) -> None:
        of = service.plant()
        under = f'<p class="quiet">{text(of.id)}</p>' if of.name != of.id else ""
        with frame(service, request, "plant", of.name or of.id, under) as view:
            view.filled(lambda: _fill(view, live), lambda: _seek(view, live))

    ui.page("/")(plant_page)


def _seek(view: View, live: Live) -> None:
    live.now()
    for by in ("asset", "line"):
        view.service.kpis(view.ask.window, by)


async def _fill(view: View, live: Live) -> None:
    now = await ask.off(live.now)
    view.documents["kpis"] = await view.ask.kpis()
    view.documents["lines"] = await view.ask.kpis("line")
    shown, pages = paging.page(view, _asked_for(view))
    view.html(f'<div data-live="alarms">{await wrong(view, live)}</div>')
    view.html(await early(view))
    counts = f'<div class="counts" data-live="counts">{_counts(now, view)}</div>'
    top = section(view.say("now"), counts) + section(_rated(view), _rates(view))
    view.html(f'<div class="first">{top}</div>')
    view.html(section(view.say("lines"), _lines(view)))
    none = "nothing_found" if paging.word(view) else "no_machines"
    machines = _machines(view, shown, now) if shown else f'<p role="status">{text(view.say(none))}</p>'
    view.html(section(view.say("machines"), paging.find(view) + machines + pages))

    async def cells() -> list[tuple[str, str]]:
        told = await ask.off(live.now)
        rows = [("counts", _counts(told, view)), ("alarms", await wrong(view, live))]
        for name in shown:
            if name in told:
                rows += [(f"{key}/{name}", cell) for key, cell in doing(told[name], view)]
        return rows

    view.live(cells)


async def wrong(view: View, live: Live) -> str:
    """What keeps numbers from coming in now."""
    status, of = await ask.off(live.agent), view.service
    return alarms.alarms(of.plant(), of.file, status, view.link("/health"), view.lang)


async def early(view: View) -> str:
    """Whether the span ends before anything was collected."""
    of, rows, today = view.service, view.documents["kpis"]["rows"], f"{text(view.request.url.path)}?span=today"
    return await ask.off(lambda: alarms.too_early(rows, of.reader(), of.plant(), view.ask.window, today, view.lang))


def doing(now: Now, view: View) -> list[tuple[str, str]]:
    """The cells of a machine that change while one looks."""
    up = now.age is not None and now.state != "unknown"
    since = f"{view.say('before')} {now.since}" if now.longer else now.since or "—"
    return [
        ("state", state(now.state, view.lang)),
        ("since", text(since)),
        ("age", age(now.age)),
        ("link", state("up" if up else "unknown", view.lang)),
    ]


def _counts(now: dict[str, Now], view: View) -> str:
    told = [one.state for one in now.values()]
    registered = len(every_asset(view.service.plant())) - len(told)
    counts = {name: told.count(name) for name in COUNTED}
    shown = {name: count for name, count in counts.items() if count or name in ("running", "unknown")}
    shown["not_connected"] = registered
    return "".join(f"<span><b>{count}</b>{state(name, view.lang)}</span>" for name, count in shown.items())


def _rated(view: View) -> str:
    """The rates look back as far as their rule says, whatever span is chosen."""
    networking = view.documents["kpis"]["rates"]["networking"]
    return f"{view.say('rates')} · {networking['from'][:10]} – {networking['to'][:10]}"


def _rates(view: View) -> str:
    found = view.documents["kpis"]["rates"]
    gauges = (gauge(rate, f"kpis/rates/{name}", name, view.lang) for name, rate in found.items())
    return f'<div class="gauges">{"".join(gauges)}</div>'


def pieces(row: Document, key: str, path: str, label: str, view: View) -> str:
    """Of a counter that was never read, or is not there, a count of nothing says nothing."""
    count, why = row["quantity"][key], row["kpis"][COUNTED_BY[key]]["reason"]
    unread = (count is None and why == "not_configured") or (not count and why == "no_data")
    shown = reason(why, view.lang) if unread else amount(count, "", view.lang)
    return number(shown, count, f"{path}/quantity", label, unread)


def _numbers(row: Document, path: str, whose: str, view: View) -> Iterator[str]:
    """The four KPIs, pieces and the time that is unknown."""
    for key in SHOWN:
        yield measured(row["kpis"][key], f"{path}/kpis/{key}", whose, view.lang)
    for key, name in (("total", "pieces"), ("good", "good")):
        yield pieces(row, key, path, f"{whose} {view.say(name)}", view)
    unknown = row["time_ms"]["unknown"]
    yield number(hours(unknown), unknown, f"{path}/time_ms", f"{whose} {view.say('unknown_time')}")


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


def _asked_for(view: View) -> list[str]:
    plant, word = view.service.plant(), paging.word(view)
    every = every_asset(plant)
    return [n for n in every if word in f"{n} {plant.line_of(n)} {_called(view, n)}".lower()] if word else every


def _called(view: View, name: str) -> str:
    device = view.service.plant().device(name)
    return device.name if device and device.name != name else ""


def _machines(view: View, names: Sequence[str], now: dict[str, Now]) -> str:
    plant = view.service.plant()
    found = {row["asset"]: (place, row) for place, row in enumerate(view.documents["kpis"]["rows"])}
    rows = []
    for name in names:
        called = f'<span class="quiet">{text(_called(view, name))}</span>'
        line = text(plant.line_of(name) or "—")
        link = f'<a href="{view.link(f"/machine/{name}")}">{text(name)}</a> {called}'
        if name not in found:
            rows.append([link, line, state("not_connected", view.lang), *["—"] * 11])
            continue
        place, row = found[name]
        one = now.get(name, Now("unknown", "", None))
        live = [f'<span data-live="{key}/{text(name)}">{cell}</span>' for key, cell in doing(one, view)]
        flagged = flags((flag for key in SHOWN for flag in row["kpis"][key]["flags"]), view.lang)
        rows.append(
            [
                link,
                line,
                *live,
                *_numbers(row, f"kpis/rows/{place}", name, view),
                f'<span class="text">{flagged}</span>',
            ]
        )
    heads = [view.say(head) for head in ("machine", "line", "state", "since", "age", "link")]
    return table(view.say("machines"), [*heads, *_heads(view), view.say("flags")], rows, WIDE)
