"""A scored form as a consultant reads it: the level first, then every line, then what the next level needs."""

import csv
import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gemba.table import table, width
from kpi.forms.wording import answer, conflict, number, origin, percent

if TYPE_CHECKING:
    from kpi.forms.form import Form
    from kpi.forms.items import Scored

CELLS = 44
NEEDS = 12  # lines of what the next level needs; --json has them all
SAY: dict[str, tuple[str, str]] = {
    "level": ("等级", "Rated"),
    "score": ("得分", "Score"),
    "most": ("补齐后至多", "at most, when complete"),
    "by": ("按得分 {} 级，按场景 {} 级", "{} by score, {} by scenes"),
    "suggested": ("建议自评等级", "Suggested tier"),
    "range": ("计入第7项时", "with item 7"),
    "missing": ("未填", "Missing"),
    "zero": ("（按 0 计）", " (counts 0)"),
    "alone": ("仅按填报", "By declarations alone"),
    "gaps": ("到下一级还差（由易到难）", "To the next level, the cheapest first"),
    "more": ("…另有 {} 条，见 --json", "… and {} more, see --json"),
    "notes": ("提示", "Notes"),
    "conditions": ("未填报、未核查的条件", "Conditions neither declared nor checked"),
    "switches": ("口径开关", "Switches"),
}
HEADS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "items": (
        ("题", "采集项", "答案", "分值", "权重", "得分", "来源"),
        ("no", "item", "answer", "points", "weight", "score", "origin"),
    ),
    "kpis": (("序号", "指标", "取值", "答案", "来源"), ("no", "indicator", "value", "answer", "origin")),
    "scenes": (("场景", "等级", "填报", "实测上限", "来源"), ("scene", "level", "declared", "cap", "origin")),
    "switches": (("开关", "取值", "含义"), ("switch", "value", "is")),
    "checks": (
        ("等级", "得分", "场景", "约束性", "环节", "成熟度", "通用得分", "AI 场景", "达到"),
        ("level", "score", "scenes", "binding", "sections", "maturity", "general", "AI scenes", "reached"),
    ),
}


def text(form: "Form", lang: str) -> str:
    """The whole sheet for a terminal."""
    parts: list[Callable[[Form, str], str]] = [_head, _items, _dimensions, _scenes, _checks, _gaps, _notes, _switches]
    return "\n\n".join(part for part in (make(form, lang) for make in parts) if part)


def say(key: str, lang: str) -> str:
    return SAY[key][lang == "en"]


def clipped(words: str, cells: int = CELLS) -> str:
    if width(words) <= cells:
        return words
    while width(words) > cells - 1:
        words = words[:-1]
    return words + "…"


# -- the parts ---------------------------------------------------------------------------------------------------------
def _head(form: "Form", lang: str) -> str:
    lines = [f"{form.template.title.of(lang)}  ({form.template.id}, {form.template.version})"]
    name = form.level_name
    if name is not None:
        levels = [form.also.get(key) for key in ("level_by_score", "level_by_scenes")]
        by = "" if None in levels else f"  ({say('by', lang).format(*levels)})"
        lines.append(f"{say('level', lang)}  {name.of(lang)}{by}")
    if form.score is not None:
        most = "" if form.score == form.score_high else f"  ({say('most', lang)} {number(form.score_high)})"
        lines.append(f"{say('score', lang)}  {number(form.score)}{most}")
    lines += _suggested(form, lang)
    if form.declared_score != form.score or form.declared_level != form.level:
        level = "" if form.declared_level is None else form.template.tiers[form.declared_level].says.of(lang)
        score = "" if form.declared_score is None else number(form.declared_score)
        lines.append(f"{say('alone', lang)}  {' '.join(filter(None, (level, score)))}")
    return "\n".join([*lines, *_missing(form, lang)])


def _missing(form: "Form", lang: str) -> list[str]:
    """What was not answered: items by number, figures of a factory by their key."""
    items = [each.item.no for each in form.items if each.origin == "missing"]
    keys = [
        key for key in ("maturity", "general_score", "ai_scene_ratio") if key in form.also and form.also[key] is None
    ]
    zero = say("zero", lang) if form.score is not None else ""
    return [f"{say('missing', lang)}  {', '.join(items + keys)}{zero}"] if items or keys else []


def _suggested(form: "Form", lang: str) -> list[str]:
    level, ends = form.also.get("suggested_tier"), form.also.get("range_with_item_7")
    if not isinstance(level, int) or not isinstance(ends, list):
        return []
    tier, range_ = form.template.tiers[level].says.of(lang), "–".join(map(number, ends))
    return [f"{say('suggested', lang)}  {tier}  ({say('range', lang)} {range_})"]


def _items(form: "Form", lang: str) -> str:
    if not form.items:
        return ""
    if form.template.family == "kpis":
        heads = HEADS["kpis"][lang == "en"]
        return table(heads, [_kpi(each, lang) for each in form.items])
    rows = [
        (
            each.item.no,
            each.item.title.of(lang),
            clipped(answer(each, lang)),
            number(each.points, 2),
            number(each.weight * 100, 2) + " %",
            number(each.contribution, 4),
            origin(each.origin, lang),
        )
        for each in form.items
    ]
    return table(HEADS["items"][lang == "en"], rows)


def _kpi(of: "Scored", lang: str) -> tuple[str, ...]:
    value = number(of.value) if of.item.answer == "count" else percent(of.value)
    title = clipped(of.item.title.of(lang))
    return (of.item.no, title, value, clipped(answer(of, lang)), origin(of.origin, lang))


def _dimensions(form: "Form", lang: str) -> str:
    found = form.also.get("dimensions")
    if not isinstance(found, Mapping):
        return ""
    names = {words.zh: words.of(lang) for words in form.template.dimensions}
    return "   ".join(f"{names[name]} {number(value)}" for name, value in found.items())


def _scenes(form: "Form", lang: str) -> str:
    rated = form.scenes or form.sections
    rows = [
        (
            each.scene.says.of(lang) + ("*" if each.scene.binding else ""),
            str(each.rating.level),
            str(each.rating.declared),
            "—" if each.rating.cap is None else str(each.rating.cap),
            origin(each.rating.origin, lang),
        )
        for each in rated
        if each.rating.level or each.rating.declared or len(rated) < 20
    ]
    return table(HEADS["scenes"][lang == "en"], rows) if rows else ""


def _checks(form: "Form", lang: str) -> str:
    checks = form.also.get("checks")
    if not isinstance(checks, Mapping):
        return ""
    heads = HEADS["checks"][lang == "en"]
    rows = [
        (tier.says.of(lang), *_check(check))
        for tier, check in zip(form.template.tiers[1:], checks.values(), strict=True)
    ]
    used = [i for i in range(len(heads)) if any(row[i] for row in rows)]
    return table([heads[i] for i in used], [[row[i] for i in used] for row in rows])


def _check(check: Mapping[str, Any]) -> tuple[str, ...]:
    """Found / needed and whether that is enough; empty where this form does not ask."""
    scenes, many = check.get("scenes_at_or_above"), check.get("scenes_needed", check.get("needed"))
    binding, bound = check.get("constraint_at_or_above"), check.get("constraint_needed")
    lacking = sorted(set(check.get("must_cover", ())) - set(check.get("covered", ())))
    maturity = "—" if check.get("cmmm") is None else check["cmmm"]
    ratio = check.get("ai_scene_ratio_needed")
    return (
        _met(f"≥{number(check['score_needed'])}", check["score_ok"]) if "score_ok" in check else "",
        _met(f"{scenes}/{many}", scenes >= many) if scenes is not None else "",
        _met(f"{binding}/{bound}", binding >= bound) if binding is not None else "",
        _met("、".join(lacking), check["cover_ok"]) if "cover_ok" in check else "",
        _met(f"{maturity}/{check['cmmm_needed']}", check["cmmm_ok"]) if "cmmm_ok" in check else "",
        _met(">60", check["general_score_above_60"]) if "general_score_above_60" in check else "",
        _met(f"≥{number(ratio)}", check["ai_scene_ratio_ok"]) if ratio is not None else "",
        "✓" if check.get("holds", check.get("both")) else "✗",
    )


def _met(what: str, enough: object) -> str:
    return f"{what} {'✓' if enough else '✗'}".strip()


# -- around the form ---------------------------------------------------------------------------------------------------
def _gaps(form: "Form", lang: str) -> str:
    if not form.gaps:
        return ""
    lines = []
    for gap in form.gaps[:NEEDS]:
        gain = "" if gap.gain is None else f"  (+{number(gap.gain, 4)})"
        lines.append(f"  - {clipped(gap.needs.of(lang), 2 * CELLS)}{gain}")
    left = len(form.gaps) - NEEDS
    more = ["  " + say("more", lang).format(left)] if left > 0 else []
    return "\n".join([say("gaps", lang), *lines, *more])


def _notes(form: "Form", lang: str) -> str:
    lines = [f"  ! {conflict(each, lang)}" for each in form.items if each.conflict]
    lines += [f"  ! {words.of(lang)}" for words in form.warnings]
    names = form.also.get("not_declared")
    if isinstance(names, list) and names:
        lines.append(f"  ! {say('conditions', lang)}: {', '.join(names)}")
    return "\n".join([say("notes", lang), *lines]) if lines else ""


def _switches(form: "Form", lang: str) -> str:
    from kpi.forms.form import setting

    defaults = form.template.defaults()
    shown = []
    for switch in form.template.switches:
        value = form.settings[switch.name]
        written = str(setting(value)).lower() if isinstance(value, bool) else str(setting(value))
        shown.append((switch.name, written + ("" if value == defaults[switch.name] else " *"), switch.says.of(lang)))
    return f"{say('switches', lang)}\n\n{table(HEADS['switches'][lang == 'en'], shown)}" if shown else ""


# -- CSV ---------------------------------------------------------------------------------------------------------------
COLUMNS = (
    "part",
    "no",
    "title",
    "answer",
    "points",
    "weight",
    "contribution",
    "value",
    "level",
    "declared",
    "cap",
    "origin",
)


def lines(form: "Form", lang: str) -> str:
    """Items, then scenes or sections, one line each."""
    out = io.StringIO()
    sheet = csv.DictWriter(out, COLUMNS, lineterminator="\n", restval="")
    sheet.writeheader()
    for each in form.items:
        row = {"part": "item", "no": each.item.no, "title": each.item.title.of(lang), "answer": answer(each, lang)}
        numbers = {"points": each.points, "weight": each.weight, "contribution": each.contribution, "value": each.value}
        told = {name: "" if value is None else number(value) for name, value in numbers.items()}
        sheet.writerow({**row, **told, "origin": each.origin})
    for rated in form.scenes or form.sections:
        rating = rated.rating
        row = {"part": "scene", "no": str(rated.scene.no), "title": rated.scene.says.of(lang), "origin": rating.origin}
        cap = "" if rating.cap is None else rating.cap
        sheet.writerow({**row, "level": rating.level, "declared": rating.declared, "cap": cap})
    return out.getvalue()
