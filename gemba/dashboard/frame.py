"""The frame of every page: navigation, language, light and dark, the span, the dialog of evidence, and what is shown
while numbers are being formed or when they cannot be."""

import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from nicegui import background_tasks, events, ui
from starlette.requests import Request

from config.faults import PlantError, TemplateError
from config.zone import MINUTE, shown
from gemba.dashboard import alarms, evidence
from gemba.dashboard.ask import SPANS, Ask, Window, off, window
from gemba.dashboard.markup import text
from gemba.dashboard.words import say
from kpi.api.problems import Problem
from kpi.api.service import Service
from store import StoreError

PAGES = (
    ("group", "/group"),
    ("plant", "/"),
    ("energy", "/energy"),
    ("assessment", "/assessment"),
    ("health", "/health"),
)
HERE = Path(__file__).parent
STYLE = (HERE / "style.css").read_text(encoding="utf-8")
SCRIPT = (HERE / "script.js").read_text(encoding="utf-8")
LIVE = 3.0
KEPT = ("template", "q")  # what a page is asked beside its span
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
    span: Mapping[str, str]
    ask: Ask
    documents: dict[str, Any] = field(default_factory=dict)

    def say(self, key: str) -> str:
        return say(key, self.lang)

    def may(self, scope: str) -> bool:
        """Without any token there are no scopes."""
        token = getattr(self.request.state, "token", None)
        return token is None or bool(token.allows(scope))

    def link(self, path: str, **query: str) -> str:
        """To another page, or another part of this one, of the same span."""
        return text(f"{path}?{urlencode({**self.span, **query})}")

    def html(self, body: str, kind: str = "") -> ui.html:
        return ui.html(body, sanitize=False).classes(kind)

    def card(self, title: str) -> ui.element:
        """An empty card below its title, which is HTML, to put charts into."""
        made = ui.element("section").classes("card")
        with made:
            self.html(f"<h2>{title}</h2>")
        return made

    def begun(self) -> bool:
        """Where nothing was ever collected the page says what to do first, and comes to life when it was done."""
        plant, file = self.service.plant(), self.service.file
        if alarms.begun(plant):
            return True
        self.html(alarms.first_steps(plant, file, self.lang))
        ui.timer(LIVE, lambda: ui.run_javascript("location.reload()") if alarms.begun(plant) else None)
        return False

    def filled(self, work: Callable[[], Awaitable[None]], sought: Callable[[], object] | None = None) -> None:
        """Does the work once the page stands; what goes wrong is said in its place. What the work will ask for is
        `sought` at once, while the browser reads its scripts."""
        if not self.begun():
            return
        seeking = background_tasks.create(off(sought)) if sought else None
        waiting = self.html(f'<p role="status" class="card">{text(self.say("loading"))}</p>')
        place = ui.element("div")

        async def fill() -> None:
            try:
                if seeking:
                    await seeking
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
def frame(
    service: Service, request: Request, here: str, title: str = "", under: str = "", span: str = "day"
) -> Iterator[View]:
    """The page around what is put into it. `under` is HTML below the title; without a `span` none can be chosen."""
    lang, plant = language(request), service.plant()
    chosen, found, wrong = _chosen(service, request, span or "day")
    view = View(service, request, lang, chosen, Ask(service, found))
    ui.add_head_html(f"<style>{STYLE}</style>")
    spoken = "zh-CN" if lang == "zh" else "en"
    ui.add_head_html(
        f"<script>document.documentElement.lang={json.dumps(spoken)};window.gembaTheme={json.dumps(theme(request))};"
        f"window.gembaAgain={AGAIN.get(chosen.get('span', ''), 1800)};"
        f"{SCRIPT}</script>"
    )
    title = title or view.say(here)
    ui.page_title(" · ".join(dict.fromkeys((title, plant.name or plant.id, "Gemba"))))
    view.html(_top(view, here))
    view.html('<dialog id="evidence" aria-labelledby="evidence-title"></dialog>')

    def opened(event: events.GenericEventArguments) -> None:
        path, label = map(str, event.args)
        if (told := evidence.at(view.documents, path)) is not None:
            ui.run_javascript(f"gemba.show({json.dumps(evidence.shown(told, path, label, lang))})")

    ui.on("evidence", opened)
    with ui.element("div").props("id=main tabindex=-1").classes("main"):
        view.html(f'<div class="title"><h1>{text(title)}</h1>{under}</div>{_spans(view) if span else ""}')
        for trouble in filter(None, (wrong, service.trouble)):
            view.html(f'<p role="alert" class="card alarm">{text(trouble)}</p>')
        yield view


def _chosen(service: Service, request: Request, otherwise: str) -> tuple[dict[str, str], Window, str]:
    """The span as a link names it, its window, and what is wrong with the dates that were asked for."""
    query, wrong = request.query_params, ""
    if query.get("from") and query.get("to"):
        try:
            return (
                {"from": query["from"], "to": query["to"]},
                service.window(query["from"], query["to"], None, None),
                "",
            )
        except (PlantError, Problem) as error:
            wrong = getattr(error, "detail", None) or str(error)
    name = query.get("span", otherwise)
    name = name if name in SPANS else otherwise
    return {"span": name}, window(service, name), wrong


def _top(view: View, here: str) -> str:
    links = "".join(
        f'<a href="{view.link(path)}"{" aria-current=page" if name == here else ""}>{text(view.say(name))}</a>'
        for name, path in PAGES
        if name != "group" or view.service.plant().stores
    )
    other, turn = "en" if view.lang == "zh" else "zh", text(view.say("theme"))
    return (
        f'<a class="skip" href="#main">{text(view.say("skip"))}</a>'
        f'<header class="top"><a class="brand" href="{view.link("/")}">Gemba</a>'
        f'<nav aria-label="{text(view.say("pages"))}">{links}</nav>'
        f'<button type="button" class="tool" data-lang="{other}" lang="{other}">{text(view.say("switch"))}</button>'
        f'<button type="button" class="tool" data-theme-switch title="{turn}" aria-label="{turn}">◐</button>'
        "</header>"
    )


def _spans(view: View) -> str:
    path, kept = view.request.url.path, {k: v for k, v in view.request.query_params.items() if k in KEPT}
    links = ""
    for name in SPANS:
        to = text(f"{path}?{urlencode({'span': name, **kept})}")
        mark = " aria-current=true" if name == view.span.get("span") else ""
        links += f'<a href="{to}"{mark}>{text(view.say(name))}</a>'
    plant = view.service.plant()
    start, end = (
        shown(time, plant.timezone)[: 19 if time % MINUTE else 16].replace("T", " ") for time in view.ask.window
    )
    about = f"{start} – {end} {plant.timezone.key}"
    if plant.calendar.name == "always":
        about += f" · {view.say('always')}"
    return (
        f'<div class="bar"><nav aria-label="{text(view.say("span"))}">{links}</nav>'
        f"{_dates(view, path, kept)}"
        f'<span class="quiet" data-window>{text(about)}</span></div>'
    )


def _dates(view: View, path: str, kept: Mapping[str, str]) -> str:
    """Any other span, from a date to a date."""
    hidden = "".join(f'<input type="hidden" name="{text(k)}" value="{text(v)}">' for k, v in kept.items())
    return (
        f'<details class="dates"{" open" if "from" in view.span else ""}><summary>{text(view.say("dates"))}</summary>'
        f'<form method="get" action="{text(path)}">{hidden}{field_of(view, "from", "from_date")}'
        f"{field_of(view, 'to', 'to_date')}<button>{text(view.say('show'))}</button></form></details>"
    )


def field_of(view: View, name: str, label: str, kind: str = "name") -> str:
    """A date with its label; `kind` is how the page finds it: by the name in a form, or by a data-field."""
    value = view.request.query_params.get(name, "")[:10]
    place = name.replace("_", "-")
    return (
        f'<span class="field"><label for="{place}">{text(view.say(label))}</label>'
        f'<input id="{place}" type="date" {kind}="{name}" value="{text(value)}"></span>'
    )
