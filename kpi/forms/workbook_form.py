"""The form in its printed order: every option with its box, 具体数据 filled in, and where each answer comes from."""

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from openpyxl.worksheet.worksheet import Worksheet

from kpi.forms.form import RatedScene
from kpi.forms.items import Scored
from kpi.forms.wording import amount, answer, conflict, number
from kpi.forms.wording import origin as said
from kpi.forms.workbook_page import Cell, Column, Page

if TYPE_CHECKING:
    from kpi.forms.assess import Assessment

ANSWERS = (("选项", "options"), ("取值", "value"))
COLOURS = {"measured": "0B6E4F", "supported": "1F5FA8", "declared": "7A4B00", "missing": "B42318"}
FIELDS: Mapping[str, tuple[str, ...]] = {  # what stands in the brackets of 具体数据, in their order
    "2": ("ratio", "total", "digital"),
    "3": ("ratio", "networked"),
    "11": ("per_year",),
    "12": ("after.tce", "before.tce"),
    "13": ("after",),
    "14": ("after.employees", "after.revenue", "before.employees", "before.revenue"),
    "15": ("after.cost", "before.cost"),
}


def origin(of: str, lang: str) -> Cell:
    return Cell(said(of, lang), colour=COLOURS[of], bold=of == "missing")


def form(of: "Assessment", sheet: Worksheet, lang: str, foot: str) -> None:
    zh, told = lang == "zh", of.form
    columns = [
        Column("序号" if zh else "no", 6, centre=True),
        Column("采集项" if zh else "item", 20),
        Column(ANSWERS[told.template.family == "kpis"][not zh], 56),
        Column("具体数据" if zh else "figures", 34),
        Column("来源" if zh else "origin", 10, centre=True),
    ]
    page = Page(sheet, columns, foot)
    page.title(told.template.title.of(lang))
    source = told.template.source
    page.note(f"{source.document}  §{source.section}  L{source.lines}")
    for line in headline(of, lang):
        page.note(line)
    page.heads()
    group = ""
    for each in told.items:
        if each.item.dimension != group:
            group = each.item.dimension
            page.band(_group(group, of, lang))
        page.row(_item(each, lang))
    if told.items and told.scenes:
        page.band("场景等级" if zh else "Scenes")
    for rated in told.scenes or told.sections:
        page.row(_scene(rated, of, lang))


def headline(of: "Assessment", lang: str) -> list[str]:
    """The plant and its windows, then what it comes to."""
    zh, told, about = lang == "zh", of.form, of.about()
    base = about["baseline"]
    against = ""
    if isinstance(base, Mapping):
        against = f"  {'对比' if zh else 'against'} {_span(base)}"
    plant = of.ground.plant
    name = plant.name if plant.name == plant.id else f"{plant.name} ({plant.id})"
    lines = [f"{name}  {_span(about)}{against}"]
    parts = []
    if told.level_name is not None:
        parts.append(f"{'等级' if zh else 'level'}: {told.level_name.of(lang)}")
    if told.score is not None:
        parts.append(f"{'得分' if zh else 'score'}: {number(told.score)}")
        if told.score_high != told.score:
            parts.append(f"{'补齐后至多' if zh else 'at most, when complete'}: {number(told.score_high)}")
    return lines + (["  ".join(parts)] if parts else [])


def _span(of: Mapping[str, object]) -> str:
    begin, end = str(of["from"]), str(of["to"])
    return f"{begin[:16].replace('T', ' ')} – {end[:16].replace('T', ' ')} ({end[19:]})"


def _group(name: str, of: "Assessment", lang: str) -> str:
    words = next((each for each in of.form.template.dimensions if each.zh == name), None)
    return words.of(lang) if words else name


def _item(of: Scored, lang: str) -> list[Cell | str | int | None]:
    title = of.item.title.of(lang)
    question = of.item.question.of(lang)
    words = title if question == title else f"{title}\n{question}"
    figures = "\n".join(filter(None, (_figures(of, lang), conflict(of, lang) and f"! {conflict(of, lang)}")))
    return [int(of.item.no), words, _boxes(of, lang), figures, origin(of.origin, lang)]


def _boxes(of: Scored, lang: str) -> str | Cell:
    if of.item.options:
        options = enumerate(of.item.options, 1)
        return "\n".join(f"{_box(place in of.options)} {option.label.of(lang)}" for place, option in options)
    if of.item.levels:
        zh = lang == "zh"
        levels = range(1, len(of.item.levels) + 1)
        boxes = [f"{_box(level in of.options)} {f'{level} 级' if zh else f'level {level}'}" for level in levels]
        na = [f"{_box(of.na)} {'不涉及此环节' if zh else 'not applicable'}"] if of.item.not_applicable else []
        return "  ".join(boxes + na)
    if of.value is None:
        return "—"
    return Cell(of.value, "number" if of.item.answer == "count" else "share")


def _box(ticked: bool) -> str:
    return "☑" if ticked else "☐"


def _figures(of: Scored, lang: str) -> str:
    """The sentence of the form with its brackets filled, or the figures behind the answer."""
    if of.item.fields is None or of.item.no not in FIELDS:
        if of.item.answer == "share" and all(name in of.terms for name in of.item.of):
            return " / ".join(amount(name, of.terms[name]) for name in of.item.of)
        return "" if of.item.options else answer(of, lang)
    if not of.terms:
        return ""
    values = [_field(of, name) for name in FIELDS[of.item.no]]
    words = of.item.fields.of(lang)
    if "[]" not in words:
        return f"{words}: {' / '.join(values)}"
    for value in values:
        words = words.replace("[]", f"[ {value} ]", 1)
    return words


def _field(of: Scored, name: str) -> str:
    value = of.terms.get(name, of.shown.get(name))
    if not isinstance(value, Fraction):
        return "—"
    if name == "ratio":
        return f"{float(value) * 100:.2f}%"
    unit = "%" if of.item.unit and of.item.unit.zh == "%" else ""
    return f"{number(value, 4)}{unit}"


def _scene(of: RatedScene, whole: "Assessment", lang: str) -> list[Cell | str | int | None]:
    """Its levels as boxes; "/" may not be declared."""
    tiers, scene, rating = whole.form.template.tiers, of.scene, of.rating
    boxes = [
        f"{_box(level == rating.level)} {tier.says.of(lang)}"
        for level, tier in enumerate(tiers)
        if level == 0 or (level <= len(scene.levels) and scene.levels[level - 1] is not None)
    ]
    zh = lang == "zh"
    note = f"{'填报' if zh else 'declared'}: {rating.declared}"
    if rating.cap is not None:
        note += f"\n! {'实测上限' if zh else 'capped by facts at'}: {rating.cap}"
    name = scene.says.of(lang) + ("*" if scene.binding else "")
    if zh and scene.group:
        name += f"\n（{scene.group}）"  # a heading of its own would stand alone at the foot of a page
    return [scene.no, name, "\n".join(boxes), note, origin(rating.origin, lang)]
