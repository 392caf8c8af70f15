"""A form unfilled: its positions, labels, levels and switches, as JSON and as lines that people read."""

from collections.abc import Iterator

from config.template import Clause, Item, Levels, Scene, Switch, Template, Tier
from kpi.forms.form import printed, setting
from kpi.forms.wording import number, origin, percent

KINDS: dict[str, tuple[str, str]] = {
    "choice": ("单选：写位置或名称", "one choice: its position or label"),
    "choices": ("多选：写位置或名称的列表，[] 为无", "several: positions or labels in a list, [] is none"),
    "links": ("单选：写位置或名称，或 {links: 业务环节数}", "one choice: its position or label, or {links: how many}"),
    "rate": ("写台数，自动归档；也可写位置", "numbers of devices, or a position"),
    "spend": ("写最多三年的金额（万元），或 {ratio: 0.031}", "amounts of up to three years (万元), or {ratio: 0.031}"),
    "change": ("写前后数值，自动判定；也可写位置", "the numbers before and after, or a position"),
    "graded": ("写等级和分段内打分", "a level, and points inside its segment"),
    "amounts": ("写金额（万元），选填", "amounts (万元), optional"),
    "share": ("写小数，如 0.25", "a fraction, such as 0.25"),
    "count": ("写整数", "a whole number"),
    "comparison": ("写基期和现期", "base and now"),
}


def summary(template: Template) -> dict[str, object]:
    """One line of the list of forms."""
    return {
        "id": template.id,
        "version": template.version,
        "title": template.title.zh,
        "title_en": template.title.en,
        "document": template.source.document,
        "section": template.source.section,
        "lines": template.source.lines,
        "items": len(template.items),
        "scenes": len(template.scenes),
    }


def outline(template: Template, lang: str) -> dict[str, object]:
    """The whole form. Labels in both languages; the short clauses in the one asked for."""
    found = printed(
        {
            **summary(template),
            "levels": [_tier(each) for each in template.tiers],
            "dimensions": [words.zh for words in template.dimensions],
            "items": [_item(each, lang) for each in template.items],
            "scenes": [_scene(each, lang) for each in template.scenes],
            "sections": [_scene(each, lang) for each in template.sections],
            "conditions": [
                {"name": c.name, "says": c.says.of(lang), "levels": list(c.tiers), "line": c.line}
                for c in template.conditions
            ],
            "switches": [_switch(each, lang) for each in template.switches],
        }
    )
    assert isinstance(found, dict)
    return found


def _tier(tier: Tier) -> dict[str, object]:
    asked = {
        "score": tier.score,
        "scenes": tier.scenes,
        "binding": tier.binding,
        "cover": list(tier.cover) or None,
        "maturity": tier.maturity,
        "ai_scene_ratio": tier.ai_scene_ratio,
        "general_above": tier.general_above,
        "suggested_above": tier.suggested_above,
    }
    names = {"level": tier.level, "name": tier.says.zh, "name_en": tier.says.en}
    return names | {name: value for name, value in asked.items() if value is not None}


def _item(item: Item, lang: str) -> dict[str, object]:
    return {
        "item": item.no,
        "title": item.title.zh,
        "title_en": item.title.en,
        "question": item.question.zh,
        "fields": item.fields and item.fields.zh,
        "dimension": item.dimension,
        "answer": item.answer,
        "names": list(item.of),
        "weight": item.weight,
        "class": item.measurable,
        "measured": item.measured,
        "not_applicable": item.not_applicable,
        "line": item.line,
        "options": [
            {
                "position": position,
                "label": option.label.zh,
                "label_en": option.label.en,
                "clauses": [_clause(each, lang) for each in option.clauses if each.rule],
            }
            for position, option in enumerate(item.options, 1)
        ],
        "levels": _levels(item.levels, lang),
    }


def _scene(scene: Scene, lang: str) -> dict[str, object]:
    return {
        "no": scene.no,
        "scene": scene.name,
        "scene_en": scene.en,
        "group": scene.group,
        "section": scene.section,
        "binding": scene.binding,
        "class": scene.measurable,
        "line": scene.line,
        "levels": _levels(scene.levels, lang),
    }


def _levels(levels: Levels, lang: str) -> list[dict[str, object]]:
    return [
        {"level": level, "clauses": None if row is None else [_clause(each, lang) for each in row]}
        for level, row in enumerate(levels, 1)
    ]


def _clause(of: Clause, lang: str) -> dict[str, object]:
    parameters = {name: setting(value) for name, value in of.parameters}
    return {
        "clause": of.says.of(lang),
        "basis": of.basis,
        "rule": of.rule,
        "with": parameters,
        "branch": of.branch,
        "line": of.line,
    }


def _switch(switch: Switch, lang: str) -> dict[str, object]:
    of = [setting(each) for each in switch.of]
    return {"name": switch.name, "default": setting(switch.default), "of": of, "says": switch.says.of(lang)}


# -- lines for people --------------------------------------------------------------------------------------------------
def item_lines(item: Item, lang: str) -> Iterator[str]:
    """The question, how it is answered, and every option with its position."""
    weight = f"  {percent(item.weight)}" if item.weight is not None else ""
    na = ("；不涉及写 na" if lang == "zh" else "; na where not applicable") if item.not_applicable else ""
    asked = f" — {item.question.of(lang)}" if item.question != item.title else ""
    yield f"{item.no} {item.title.of(lang)}{weight}{asked}"
    yield f"  ({KINDS[item.answer][lang == 'en']}{na})"
    if item.fields:
        yield f"  {item.fields.of(lang)}"
    for position, option in enumerate(item.options, 1):
        basis = _strongest(option.clauses)
        yield f"  {position} {option.label.of(lang)}" + _marked(basis, lang)
    yield from _level_lines(item.levels, lang)


def scene_lines(scene: Scene, lang: str) -> Iterator[str]:
    star = "*" if scene.binding else ""
    where = f" [{scene.section}]" if scene.section else ""
    yield f"{scene.no} {scene.says.of(lang)}{star}{where}"
    yield from _level_lines(scene.levels, lang)


def _level_lines(levels: Levels, lang: str) -> Iterator[str]:
    for level, row in enumerate(levels, 1):
        if row is None:
            yield f"  {level} /"
        elif row:
            yield f"  {level} " + ("；" if lang == "zh" else "; ").join(_clause_words(row, lang))
        else:
            yield f"  {level} " + ("未达到下一级的要求" if lang == "zh" else "what the next level asks is not met")


def _clause_words(row: tuple[Clause, ...], lang: str) -> Iterator[str]:
    """Clauses with what decides them; 或 between alternatives."""
    before: int | None = None
    for clause in row:
        other = before is not None and clause.branch is not None and clause.branch != before
        yield (("或 " if lang == "zh" else "or ") if other else "") + clause.says.of(lang) + _marked(clause.basis, lang)
        before = clause.branch


def _strongest(clauses: tuple[Clause, ...]) -> str:
    found = {clause.basis for clause in clauses}
    return next(basis for basis in ("measured", "supported", "declared") if basis in found)


def _marked(basis: str, lang: str) -> str:
    return "" if basis == "declared" else f" [{origin(basis, lang)}]"


def segment_lines(template: Template, lang: str) -> Iterator[str]:
    """The points of each level of an indicator."""
    for level in sorted({segment.level for segment in template.segments}):
        own = [each for each in template.segments if each.level == level]
        parts = [f"{each.says.of(lang)} {'(' if each.open else '['}{each.start}, {each.end})" for each in own]
        head = f"{level} 级" if lang == "zh" else f"level {level}"
        yield f"{head}: " + ("0" if own[0].start == own[-1].end else ", ".join(parts))


def tier_line(tier: Tier, lang: str) -> str:
    """What a level of the whole form asks, in one line."""
    zh = lang == "zh"
    asked = [
        tier.score is not None and f"≥{number(tier.score)}" + ("分" if zh else " points"),
        tier.scenes is not None and f"{tier.scenes}" + (" 个场景" if zh else " scenes"),
        tier.binding is not None and (f"其中约束性 {tier.binding} 个" if zh else f"{tier.binding} of them binding"),
        bool(tier.cover) and ("覆盖 " if zh else "covers ") + "、".join(tier.cover),
        tier.maturity is not None and ("成熟度 ≥" if zh else "maturity ≥") + str(tier.maturity),
        tier.ai_scene_ratio is not None and ("AI 场景 ≥" if zh else "AI scenes ≥") + percent(tier.ai_scene_ratio),
        tier.general_above is not None and ("通用得分 >" if zh else "general score >") + number(tier.general_above),
        tier.suggested_above is not None
        and ("建议得分 >" if zh else "suggested above ") + number(tier.suggested_above),
    ]
    return f"{tier.level} {tier.says.of(lang)}" + "".join(("，" if zh else ", ") + part for part in asked if part)
