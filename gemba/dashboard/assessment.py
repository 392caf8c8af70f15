"""Assessment: a form of the plant, what was measured beside what is declared, and the form as a workbook."""

from pathlib import Path
from typing import Any

from nicegui import events, ui
from starlette.requests import Request

from config.faults import PlantError, TemplateError
from config.template import Template
from config.template_file import TEMPLATES
from config.template_file import load as load_template
from gemba.dashboard import ask, form
from gemba.dashboard.frame import View, field_of, frame
from gemba.dashboard.markup import section, text
from kpi.api.problems import Problem
from kpi.api.service import Service
from kpi.forms.answers import parse_answers
from kpi.forms.assess import Assessment, assess, declared_of
from kpi.forms.blank import blank
from kpi.forms.declared import Declared
from store import StoreError

FAULTS = (PlantError, TemplateError, StoreError, Problem, OSError)
FIELDS = ("answers", "baseline_from", "baseline_to")
Fields = dict[str, str]


def make(service: Service) -> None:
    async def assessment_page(request: Request) -> None:
        with frame(service, request, "assessment", span="30d") as view:
            if not view.may("assess"):
                view.html(f'<p role="alert" class="card alarm">{text(view.say("no_scope"))}: assess</p>')
            elif view.begun():
                asked = request.query_params.get("template", "sme-2024")
                _page(view, load_template(asked if asked in TEMPLATES else "sme-2024"))

    ui.page("/assessment")(assessment_page)


def _page(view: View, template: Template) -> None:
    first = _answers(view, template)
    view.html(section(view.say("template"), _form(view, template, first)))
    place = ui.element("div").props("aria-live=polite")

    async def show(fields: Fields) -> Assessment | None:
        place.clear()
        with place:
            waiting = view.html(f'<p role="status" class="card">{text(view.say("loading"))}</p>')
        try:
            made, declared = await ask.off(lambda: _assessed(view, template, fields))
            view.documents["form"] = told = await ask.off(lambda: made.document(view.lang))
        except FAULTS as error:
            shown = text(getattr(error, "detail", None) or str(error)).replace("\n", "<br>")
            waiting.set_content(f'<p role="alert" class="card alarm">{shown}</p>')
            return None
        waiting.delete()
        with place:
            view.html(form.shown(view, told, made.form, declared))
        return made

    async def again(event: events.GenericEventArguments) -> None:
        await show(_fields(event.args))

    async def download(event: events.GenericEventArguments) -> None:
        made = await show(_fields(event.args))
        if made is not None:
            from kpi.forms.workbook import workbook

            ui.download.content(await ask.off(lambda: workbook(made, view.lang)), f"{template.id}.xlsx")

    async def at_first() -> None:
        await show(_fields({**view.request.query_params, "answers": first}))

    ui.on("assess", again)
    ui.on("xlsx", download)
    ui.timer(0, at_first, once=True)


def _fields(given: Any) -> Fields:
    return {name: str(given.get(name) or "") for name in FIELDS}


def _answers(view: View, template: Template) -> str:
    """The answer file that lies beside the plant file, in the folder `answers`."""
    file: Path = view.service.file.parent / "answers" / f"{template.id}.yaml"
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _assessed(view: View, template: Template, fields: Fields) -> tuple[Assessment, Declared]:
    service, written = view.service, fields["answers"]
    declared = parse_answers(template, written) if written.strip() else declared_of(template, None)
    begin, end = fields["baseline_from"], fields["baseline_to"]
    if bool(begin) != bool(end):
        raise Problem(422, view.say("baseline_both"))
    before = service.window(begin, end, None, None) if begin else None
    return assess(template, declared, service.ground(*view.ask.window, before)), declared


def _form(view: View, template: Template, written: str) -> str:
    links = "".join(
        f'<a href="{view.link("/assessment", template=name)}"{" aria-current=true" if name == template.id else ""}>'
        f"{text(load_template(name).title.of(view.lang))}</a>"
        for name in TEMPLATES
    )
    return (
        f'<nav aria-label="{text(view.say("template"))}" class="bar">{links}</nav>'
        f'<fieldset class="dates"><legend>{text(view.say("baseline"))}</legend>'
        f"{field_of(view, 'baseline_from', 'from_date', 'data-field')}"
        f"{field_of(view, 'baseline_to', 'to_date', 'data-field')}"
        f'<span class="quiet">{text(view.say("baseline_how"))}</span></fieldset>'
        f"<details{'' if written else ' open'}><summary>{text(view.say('answers'))}</summary>"
        f'<label for="answers">{text(view.say("answers"))}</label>'
        f'<textarea id="answers" data-field="answers" spellcheck="false">{text(written)}</textarea>'
        f'<p class="bar low"><span class="field"><label for="file">{text(view.say("answers_file"))}</label>'
        f'<input id="file" type="file" accept=".yaml,.yml" data-into="answers"></span>'
        f'<button type="button" class="tool" data-into="answers" data-put="{text(blank(template, view.lang))}">'
        f"{text(view.say('blank'))}</button></p></details>"
        f'<p class="bar act"><button type="button" class="do" data-do="assess">{text(view.say("assess"))}</button>'
        f'<button type="button" class="tool" data-do="xlsx">{text(view.say("xlsx"))}</button></p>'
    )
