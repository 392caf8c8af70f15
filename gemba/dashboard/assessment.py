"""Assessment: a form of the plant, what was measured beside what is declared, and the form as a workbook."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nicegui import events, ui
from starlette.requests import Request

from config.faults import PlantError, TemplateError
from config.template_file import TEMPLATES
from config.template_file import load as load_template
from gemba.dashboard import ask
from gemba.dashboard.frame import View, frame
from gemba.dashboard.markup import Document, number, section, table, text
from gemba.dashboard.words import ORIGINS, named
from kpi.api.problems import Problem
from kpi.api.service import Service
from kpi.forms.answers import parse_answers
from kpi.forms.assess import Assessment, assess, declared_of
from kpi.forms.form import Form
from kpi.forms.wording import conflict
from store import StoreError

FAULTS = (PlantError, TemplateError, StoreError, Problem, OSError)
GAPS = 12


def make(service: Service) -> None:
    async def assessment_page(request: Request) -> None:
        with frame(service, request, "assessment", span="30d") as view:
            view.html(f"<h1>{text(view.say('assessment'))}</h1>")
            if view.may("assess"):
                asked = request.query_params.get("template", "sme-2024")
                _page(view, asked if asked in TEMPLATES else "sme-2024")
            else:
                view.html(f'<p role="alert" class="card alarm">{text(view.say("no_scope"))}: assess</p>')

    ui.page("/assessment")(assessment_page)


def _page(view: View, template: str) -> None:
    view.html(section(view.say("template"), _form(view, template)))
    place = ui.element("div").props("aria-live=polite")

    async def show(written: str) -> Assessment | None:
        place.clear()
        with place:
            waiting = view.html(f'<p role="status" class="card">{text(view.say("loading"))}</p>')
        try:
            made = await ask.off(lambda: _assessed(view, template, written))
            view.documents["form"] = told = await ask.off(lambda: made.document(view.lang))
        except FAULTS as error:
            shown = text(getattr(error, "detail", None) or str(error)).replace("\n", "<br>")
            waiting.set_content(f'<p role="alert" class="card alarm">{shown}</p>')
            return None
        waiting.delete()
        with place:
            view.html(_shown(view, told, made.form))
        return made

    async def again(event: events.GenericEventArguments) -> None:
        await show(str(event.args.get("answers", "")))

    async def download(event: events.GenericEventArguments) -> None:
        made = await show(str(event.args.get("answers", "")))
        if made is not None:
            from kpi.forms.workbook import workbook

            ui.download.content(await ask.off(lambda: workbook(made, view.lang)), f"{template}.xlsx")

    async def first() -> None:
        await show(_answers(view, template))

    ui.on("assess", again)
    ui.on("xlsx", download)
    ui.timer(0, first, once=True)


def _answers(view: View, template: str) -> str:
    """The answer file that lies beside the plant file, in the folder `answers`."""
    file: Path = view.service.file.parent / "answers" / f"{template}.yaml"
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _assessed(view: View, template: str, written: str) -> Assessment:
    form = load_template(template)
    declared = parse_answers(form, written) if written.strip() else declared_of(form, None)
    return assess(form, declared, view.service.ground(*view.ask.window))


def _form(view: View, template: str) -> str:
    links = "".join(
        f'<a href="{view.link("/assessment", template=name)}"{" aria-current=true" if name == template else ""}>'
        f"{text(load_template(name).title.of(view.lang))}</a>"
        for name in TEMPLATES
    )
    written = text(_answers(view, template))
    return (
        f'<nav aria-label="{text(view.say("template"))}" class="bar">{links}</nav>'
        f"<details><summary>{text(view.say('answers'))}</summary>"
        f'<label for="answers">{text(view.say("answers"))}</label>'
        f'<textarea id="answers" data-field="answers" spellcheck="false">{written}</textarea>'
        f'<label for="file">{text(view.say("answers_file"))}</label>'
        f'<input id="file" type="file" accept=".yaml,.yml" data-into="answers"></details>'
        f'<p class="bar" style="margin:10px 0 0"><button type="button" class="do" data-do="assess">'
        f"{text(view.say('assess'))}</button>"
        f'<button type="button" class="tool" data-do="xlsx">{text(view.say("xlsx"))}</button></p>'
    )


def _shown(view: View, told: Document, form: Form) -> str:
    head = _head(view, told, form)
    parts = [section(view.say("level"), head)] if head else []
    titles = [each.item.title.of(view.lang) for each in form.items]
    rated = {each.scene.says.zh: each.scene.says.of(view.lang) for each in (*form.scenes, *form.sections)}
    lines = "".join(
        f'<p class="conflict">{text(conflict(each, view.lang))}</p>' for each in form.items if each.conflict
    )
    if lines:
        parts.append(section(view.say("conflicts"), lines))
    if titles:
        parts.append(section(view.say("items"), _items(view, told, titles)))
    if told.get("sections"):
        parts.append(section(view.say("sections"), _sections(view, told["sections"], rated)))
    if told.get("scenes"):
        parts.append(section(view.say("scenes"), _scenes(view, told["scenes"], rated)))
    if told.get("gaps"):
        lines = "".join(f"<li>{text(gap['needs'])}</li>" for gap in told["gaps"][:GAPS])
        parts.append(section(view.say("gaps"), f"<ol>{lines}</ol>"))
    if told.get("warnings"):
        lines = "".join(f"<li>{text(_plain(note))}</li>" for note in told["warnings"])
        parts.append(section(view.say("warnings"), f"<ul>{lines}</ul>"))
    return "".join(parts)


def _plain(note: Any) -> str:
    return " ".join(str(part) for part in note.values()) if isinstance(note, Mapping) else str(note)


def _head(view: View, told: Document, form: Form) -> str:
    tiles = []
    if form.level_name is not None:
        level = number(form.level_name.of(view.lang), told["level"], "form", view.say("level"), view.lang)
        tiles.append((view.say("level"), level))
    if told.get("score") is not None:
        tiles.append(
            (view.say("score"), number(_brief(told["score"]), told["score"], "form", view.say("score"), view.lang))
        )
    alone = told.get("declared")
    if isinstance(alone, Mapping) and alone.get("score") is not None:
        reached = form.declared_level
        name = "" if reached is None else f" · {form.template.tiers[reached].says.of(view.lang)}"
        shown = _brief(alone["score"]) + name
        tiles.append((view.say("alone"), number(shown, alone["score"], "form/declared", view.say("alone"), view.lang)))
    cells = "".join(f'<div class="tile big"><p class="quiet">{text(name)}</p>{cell}</div>' for name, cell in tiles)
    return cells and f'<div class="tiles">{cells}</div>'


def _brief(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_brief(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_brief, value)) or "—"
    return "—" if value is None else str(value)


def _items(view: View, told: Document, titles: Sequence[str]) -> str:
    rows = []
    for place, item in enumerate(told["items"]):
        value = item.get("value", item.get("points"))
        shown = "—" if value is None else _brief(value)
        origin = item["origin"]
        rows.append(
            [
                f'{text(item["item"])}. <span style="white-space:normal">{text(titles[place])}</span>',
                f'<span class="tag o-{origin}">{text(named(origin, ORIGINS, view.lang))}</span>',
                text(_brief(item.get("options"))),
                number(shown, value, f"form/items/{place}", f"{item['item']} {view.say('value')}", view.lang),
                text(_brief(item.get("contribution"))),
            ]
        )
    heads = [view.say(head) for head in ("item", "origin", "answer", "worth", "score")]
    return table(view.say("items"), heads, rows, (2, 4))


def _sections(view: View, told: Document, names: Mapping[str, str]) -> str:
    rows = [
        [
            text(names.get(name, name)),
            number(str(level), level, "form/sections", f"{name} {view.say('level')}", view.lang),
        ]
        for name, level in told.items()
    ]
    return table(view.say("sections"), [view.say("sections"), view.say("level")], rows)


def _scenes(view: View, told: Sequence[Document], names: Mapping[str, str]) -> str:
    rows = []
    for place, scene in enumerate(told):
        level = scene["level"]
        name = names.get(scene["scene"], scene["scene"])
        cap = "—" if scene.get("cap") is None else str(scene["cap"])
        opened = number(str(level), level, f"form/scenes/{place}", f"{name} {view.say('level')}", view.lang)
        rows.append([text(name), opened, text(_brief(scene.get("declared"))), text(cap)])
    heads = [view.say(head) for head in ("scene", "level", "declared", "cap")]
    return table(view.say("scenes"), heads, rows)
