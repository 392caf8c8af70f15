"""The scoring sheet: each value that a point hangs on, in a cell of its own, down to the level."""

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from openpyxl.worksheet.worksheet import Worksheet

from kpi.forms.form import RatedScene
from kpi.forms.items import Scored
from kpi.forms.wording import HOUR_MS, TIMES, term
from kpi.forms.workbook_form import headline, origin
from kpi.forms.workbook_page import Cell, Column, Page, Value

if TYPE_CHECKING:
    from kpi.forms.assess import Assessment

TALL = 30  # rows after which the scenes begin a page of their own
SHARES = frozenset({"ratio", "ratio_of_sums", "mean_of_ratios", "relative"})


def scores(of: "Assessment", sheet: Worksheet, lang: str, foot: str) -> None:
    zh, told = lang == "zh", of.form
    columns = [
        Column("序号" if zh else "no", 7, centre=True),
        Column("采集项 / 中间值" if zh else "item, and what it hangs on", 44),
        Column("数值" if zh else "value", 18),
        Column("分值" if zh else "points", 11),
        Column("权重" if zh else "weight", 10),
        Column("得分" if zh else "score", 13),
        Column("来源" if zh else "origin", 11, centre=True),
    ]
    page = Page(sheet, columns, foot)
    page.title("计分表" if zh else "Scoring")
    for line in headline(of, lang):
        page.note(line)
    page.heads()
    for each in told.items:
        _item(page, each, lang)
    if told.score is not None:
        total = Cell(told.score, "exact", bold=True)
        page.row([None, Cell("合计" if zh else "total", bold=True), None, None, None, total, None], shade=True)
    names = {words.zh: words.of(lang) for words in told.template.dimensions}
    dimensions = told.also.get("dimensions")
    for name, value in dimensions.items() if isinstance(dimensions, Mapping) else ():
        page.row([None, f"  {names[name]}", None, None, None, Cell(value, "exact"), None])
    if told.declared_score is not None:
        words = "仅按填报" if zh else "by declarations alone"
        page.row([None, words, None, None, None, Cell(told.declared_score, "exact"), None])
    _scenes(page, told.scenes or told.sections, lang)
    _checks(page, of, lang)


def _item(page: Page, of: Scored, lang: str) -> None:
    points, score = Cell(of.points, "points"), Cell(of.contribution if of.weight else None, "exact")
    weight = Cell(of.weight or None, "share")
    value = Cell(of.value, "number" if of.item.answer == "count" else "share")
    title = Cell(of.item.title.of(lang), bold=True)
    page.row([int(of.item.no), title, value, points, weight, score, origin(of.origin, lang)], shade=True)
    for name, one in {**of.terms, **_flat(of.shown)}.items():
        beside = name.endswith(".value") and of.terms.get(name.removesuffix(".value")) == one
        again = beside or (name == "ratio" and of.value == one)
        if isinstance(one, Fraction | int | float) and not again:
            kind = "share" if name.rpartition(".")[2] in SHARES else "number"
            label = f"    {term(name, lang)}"
            if name in TIMES:
                label, one = f"{label} (h)", one / HOUR_MS
            page.row([None, label, Cell(one, kind), None, None, None, None])


def _flat(shown: Mapping[str, object], above: str = "") -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, value in shown.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{above}{name}.")
        elif isinstance(value, Fraction | int | float):
            found[f"{above}{name}"] = value
    return found


def _scenes(page: Page, rated: tuple[RatedScene, ...], lang: str) -> None:
    if not rated:
        return
    zh = lang == "zh"
    if page.at > TALL:
        page.new_page()
    page.section("场景等级" if zh else "Scenes")
    heads = ("no", "scene", "level", "declared", "cap", "", "origin")
    if zh:
        heads = ("序号", "场景", "等级", "填报", "实测上限", "", "来源")
    page.row([Cell(head, bold=True) for head in heads], shade=True)
    for each in rated:
        name = each.scene.says.of(lang) + ("*" if each.scene.binding else "")
        own = each.rating
        page.row([each.scene.no, name, own.level, own.declared, own.cap, None, origin(own.origin, lang)])


def _checks(page: Page, of: "Assessment", lang: str) -> None:
    """What each level of the form asks, and what there is."""
    checks = of.form.also.get("checks")
    if not isinstance(checks, Mapping):
        return
    zh = lang == "zh"
    page.section("各等级条件" if zh else "What each level asks")
    for tier, check in zip(of.form.template.tiers[1:], checks.values(), strict=True):
        reached = check.get("holds", check.get("both"))
        page.row([tier.level, Cell(tier.says.of(lang), bold=True), "✓" if reached else "✗", *[None] * 4], shade=True)
        for name, value in check.items():
            if name in ("holds", "both", "conditions"):
                continue
            words = f"    {CHECKS.get(name, (name, name))[not zh]}"
            page.row([None, words, _checked(value, zh), *[None] * 4])


def _checked(value: object, zh: bool) -> Cell:
    if isinstance(value, bool):
        return Cell("✓" if value else "✗")
    if isinstance(value, Fraction | int):
        return Cell(value, "number")
    return Cell(_plain(value, zh))


def _plain(value: object, zh: bool) -> str:
    if isinstance(value, list | tuple):
        return ("、" if zh else ", ").join(map(str, value)) or "—"
    return "—" if value is None else str(value)


CHECKS: Mapping[str, tuple[str, str]] = {
    "score_needed": ("需要得分", "score needed"),
    "score_ok": ("得分达到", "score reached"),
    "scenes_at_or_above": ("达到该等级的场景数", "scenes at the level"),
    "scenes_needed": ("需要场景数", "scenes needed"),
    "needed": ("需要场景数", "scenes needed"),
    "constraint_at_or_above": ("其中约束性场景", "of them binding"),
    "constraint_needed": ("需要约束性场景", "binding needed"),
    "scenes_ok": ("场景达到", "scenes reached"),
    "covered": ("覆盖环节", "sections covered"),
    "must_cover": ("须覆盖环节", "sections needed"),
    "cover_ok": ("环节覆盖达到", "sections reached"),
    "cmmm": ("成熟度等级", "maturity"),
    "cmmm_needed": ("需要成熟度", "maturity needed"),
    "cmmm_ok": ("成熟度达到", "maturity reached"),
    "scenes_and_cmmm_ok": ("场景与成熟度达到", "scenes and maturity reached"),
    "composite": ("通用评估得分", "general score"),
    "suggested_above": ("建议高于", "suggested above"),
    "general_score_above_60": ("通用得分高于 60", "general score above 60"),
    "conditions_ok": ("条件未被否认", "no condition denied"),
    "ai_scene_ratio": ("人工智能场景比例", "AI scene ratio"),
    "ai_scene_ratio_needed": ("需要人工智能场景比例", "AI scene ratio needed"),
    "ai_scene_ratio_ok": ("人工智能场景比例达到", "AI scene ratio reached"),
}
