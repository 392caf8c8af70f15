"""The frame of every page: navigation, language, light and dark, the span, the dialog of evidence, and what is shown
while numbers are being formed or when they cannot be."""

import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from nicegui import events, ui
from starlette.requests import Request

from config.faults import PlantError, TemplateError
from config.zone import shown
from gemba.dashboard import evidence
from gemba.dashboard.ask import SPANS, Ask, window
from gemba.dashboard.markup import Document, text
from gemba.dashboard.words import say
from kpi.api.problems import Problem
from kpi.api.service import Service
from store import StoreError

PAGES = (("plant", "/"), ("energy", "/energy"), ("assessment", "/assessment"), ("health", "/health"))
HERE = Path(__file__).parent
STYLE = (HERE / "style.css").read_text(encoding="utf-8")
SCRIPT = (HERE / "script.js").read_text(encoding="utf-8")
LIVE = 3.0
AGAIN = {"today": 120}  # seconds after which a page that nobody touches is made anew, as on a wall
_log = logging.getLogger("gemba.dashboard")


def language(request: Request) -> str:
    """Asked for, else chosen before, else the browser's own."""
    asked = request.query_params.get("lang") or request.cookies.get("gemba_lang")
    accepted = asked or request.headers.get("accept-language", "")
    return "zh" if accepted.lower().startswith("zh") else "en"


def theme(request: Request) -> str:
    asked = request.query_params.get("theme") or request.cookies.get("gemba_theme") or ""
    return asked if asked in ("light", "dark") else ""


@dataclass(slots=True)
class View:
    """One page that somebody looks at, and the documents that its numbers stand in."""

    service: Service
    request: Request
    lang: str
    span: str
    ask: Ask
    documents: dict[str, Document] = field(default_factory=dict)

    def say(self, key: str) -> str:
        return say(key, self.lang)

    def may(self, scope: str) -> bool:
        """Without any token there are no scopes."""
        token = getattr(self.request.state, "token", None)
        return token is None or bool(token.allows(scope))

    def link(self, path: str, **query: str) -> str:
        return text(f"{path}?{urlencode({'span': self.span, **query})}")

    def html(self, body: str, kind: str = "") -> ui.html:
        return ui.html(body, sanitize=False).classes(kind)

    def filled(self, work: Callable[[], Awaitable[None]]) -> None:
        """Does the work once the page stands; what goes wrong is said in its place."""
        waiting = self.html(f'<p role="status" class="card">{text(self.say("loading"))}</p>')
        place = ui.element("div")

        async def fill() -> None:
            try:
                with place:
                    await work()
                waiting.delete()
            except (PlantError, TemplateError, StoreError, Problem, OSError) as error:
                told = getattr(error, "detail", None) or str(error)
                waiting.set_content(f'<p role="alert" class="card alarm">{text(self.say("failed"))}: {text(told)}</p>')

        ui.timer(0, fill, once=True)

    def live(self, rows: Callable[[], Awaitable[list[tuple[str, str]]]]) -> None:
        """Cells that change while one looks: only those, so that focus and reading place stay."""

        async def tick() -> None:
            try:
                told = json.dumps(await rows(), ensure_ascii=False).replace("</", "<\\/")
            except (PlantError, StoreError, OSError) as error:
                _log.warning("live: %s", error)
                return
            ui.run_javascript(f"gemba.live({told})")

        ui.timer(LIVE, tick)


@contextmanager
def frame(service: Service, request: Request, here: str, span: str = "day") -> Iterator[View]:
    """The page around what is put into it; without a `span` none can be chosen."""
    lang, plant = language(request), service.plant()
    asked = request.query_params.get("span", span)
    chosen_span = asked if asked in SPANS else span or "day"
    view = View(service, request, lang, chosen_span, Ask(service, window(service, chosen_span)))
    chosen = theme(request)
    ui.add_head_html(f"<style>{STYLE}</style>")
    spoken = "zh-CN" if lang == "zh" else "en"
    ui.add_head_html(
        f"<script>document.documentElement.lang={json.dumps(spoken)};window.gembaTheme={json.dumps(chosen)};"
        f"window.gembaAgain={AGAIN.get(chosen_span, 1800)};"
        f"{SCRIPT}</script>"
    )
    ui.page_title(f"{view.say(here)} · {plant.name or plant.id} · Gemba")
    view.html(_top(view, here), "")
    view.html('<dialog id="evidence" aria-labelledby="evidence-title"></dialog>')

    def opened(event: events.GenericEventArguments) -> None:
        path = str(event.args)
        if (told := evidence.at(view.documents, path)) is not None:
            ui.run_javascript(f"gemba.show({json.dumps(evidence.shown(told, path, lang))})")

    ui.on("evidence", opened)
    with ui.element("div").props("id=main tabindex=-1").classes("main"):
        if span:
            view.html(_spans(view))
        yield view


def _top(view: View, here: str) -> str:
    links = "".join(
        f'<a href="{view.link(path)}"{" aria-current=page" if name == here else ""}>{text(view.say(name))}</a>'
        for name, path in PAGES
    )
    other = "en" if view.lang == "zh" else "zh"
    return (
        f'<a class="skip" href="#main">{text(view.say("skip"))}</a>'
        f'<header class="top"><a class="brand" href="{view.link("/")}">Gemba</a>'
        f'<nav aria-label="{text(view.say("pages"))}">{links}</nav>'
        f'<button type="button" class="tool" data-lang="{other}" lang="{other}">{text(view.say("switch"))}</button>'
        f'<button type="button" class="tool" data-theme-switch aria-label="{text(view.say("theme"))}">◐</button>'
        "</header>"
    )


def _spans(view: View) -> str:
    path = view.request.url.path
    links = "".join(
        f'<a href="{text(path)}?span={name}"{" aria-current=true" if name == view.span else ""}>'
        f"{text(view.say(name))}</a>"
        for name in SPANS
    )
    zone = view.service.plant().timezone
    start, end = (shown(time, zone)[:16].replace("T", " ") for time in view.ask.window)
    return (
        f'<div class="bar"><nav aria-label="{text(view.say("span"))}">{links}</nav>'
        f'<span class="quiet">{start} – {end}</span></div>'
    )


def chart(options: dict[str, Any], label: str) -> None:
    """ECharts from this machine, in the colours of the page; its numbers stand beside it and in its label as well."""
    ink = {"color": "var(--soft)"}
    axis = {
        "axisLabel": {**ink, "hideOverlap": True},
        "axisLine": {"lineStyle": ink},
        "splitLine": {"lineStyle": {"color": "var(--rule)"}},
    }
    for name in ("xAxis", "yAxis"):
        if name in options:
            options[name] = {**axis, **options[name]}
    options = {"animation": False, "textStyle": ink, "tooltip": {"trigger": "axis"}, **options}
    ui.echart(options, renderer="svg").classes("chart").props(f'role=img aria-label="{text(label)}"')
