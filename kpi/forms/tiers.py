"""The smart-factory tiers, national and Jiangsu: the highest tier all of whose checks hold."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product

from config.template import Setting, Template, Tier, Words
from kpi.forms.clauses import Judge
from kpi.forms.declared import Declared
from kpi.forms.figures import above
from kpi.forms.form import Form, RatedScene
from kpi.forms.index import index
from kpi.forms.measured import Measured

Check = dict[str, object]
Sections = Mapping[str, int]
PORTAL = Words(
    "官方等级以江苏省智能工厂等级水平自评测系统给出的为准",
    "the official tier is the one that the Jiangsu self-rating portal gives",
)


# -- national ----------------------------------------------------------------------------------------------------------
def national(template: Template, facts: Measured, declared: Declared) -> Form:
    judge = Judge(template, declared.settings, facts)
    sections = tuple(RatedScene(s, judge.rate(s.levels, declared.sections.get(s.name, 0))) for s in template.sections)
    levels = {each.scene.name: each.rating.level for each in sections}
    checks = _national_checks(template, levels, declared)
    level = _reached(template, checks)
    best = replace(declared, ai_scene_ratio=Fraction(1)) if declared.ai_scene_ratio is None else declared
    return Form(
        template,
        declared.settings,
        complete=declared.maturity is not None
        and level == _reached(template, _national_checks(template, levels, best)),
        level=level,
        sections=sections,
        also={
            "maturity": declared.maturity,
            "ai_scene_ratio": declared.ai_scene_ratio,
            "sections": levels,
            "checks": checks,
            "not_declared": _not_declared(template, level, declared),
        },
    )


def _national_checks(template: Template, sections: Sections, declared: Declared) -> dict[str, Check]:
    return {tier.says.zh: _national(template, tier, sections, declared) for tier in template.tiers[1:]}


def _national(template: Template, tier: Tier, sections: Sections, declared: Declared) -> Check:
    cover = tier.cover
    if tier.in_principle and not declared.settings["cover_required"]:
        cover = template.tiers[tier.level - 1].cover
    share, needed = declared.ai_scene_ratio, tier.ai_scene_ratio
    found: Check = {
        **_cover(cover, tier, sections),
        **_maturity(tier, declared),
        "ai_scene_ratio": share,
        "ai_scene_ratio_needed": needed,
        "ai_scene_ratio_ok": needed is None or (share is not None and share >= needed),
        **_conditions(template, tier, declared),
    }
    parts = ("cover_ok", "cmmm_ok", "ai_scene_ratio_ok", "conditions_ok")
    return {**found, "holds": all(found[part] for part in parts)}


# -- Jiangsu -----------------------------------------------------------------------------------------------------------
def jiangsu(template: Template, facts: Measured, declared: Declared) -> Form:
    judge = Judge(template, declared.settings, facts)
    scenes = tuple(RatedScene(s, judge.rate(s.levels, declared.scenes.get(s.no, 0))) for s in template.scenes)
    general, complete = _general(facts, declared)
    sections = _sections(template, scenes, declared.settings)
    checks = {t.says.zh: _jiangsu(template, t, scenes, sections, general, declared) for t in template.tiers[1:]}
    level = _reached(template, checks)
    return Form(
        template,
        declared.settings,
        complete=complete and declared.maturity is not None,
        level=level,
        scenes=scenes,
        also={
            "maturity": declared.maturity,
            "general_score": general,
            "sections": sections,
            "checks": checks,
            "not_declared": _not_declared(template, level, declared),
        },
        warnings=(PORTAL, *_advice(template, level, general, declared), *_readings(template, level, scenes)),
    )


def _general(facts: Measured, declared: Declared) -> tuple[Fraction | None, bool]:
    """The general score, given or worked out of its own answers under the same facts; and whether it is whole."""
    if not isinstance(declared.general, Declared):
        return declared.general, declared.general is not None
    from config.template_file import load

    form = index(load("jiangsu-general-2025"), facts, declared.general)
    return form.score, form.complete


def _sections(template: Template, scenes: tuple[RatedScene, ...], settings: Mapping[str, Setting]) -> dict[str, int]:
    """The tier each section reaches: that of its best scene."""
    found = {section.name: 0 for section in template.sections}
    for each in scenes:
        section = str(settings.get(f"scene_{each.scene.no}_section", each.scene.section))
        found[section] = max(found[section], each.rating.level)
    return found


def _jiangsu(
    template: Template,
    tier: Tier,
    scenes: tuple[RatedScene, ...],
    sections: Sections,
    general: Fraction | None,
    declared: Declared,
) -> Check:
    reached = sum(each.rating.level >= tier.level for each in scenes)
    cover, maturity = _cover(tier.cover, tier, sections), _maturity(tier, declared)
    conditions = _conditions(template, tier, declared)
    enough = reached >= (tier.scenes or 0) and bool(cover["cover_ok"]) and bool(maturity["cmmm_ok"])
    passed = general is not None and above(general, tier.general_above, declared.settings)
    return {
        "scenes_at_or_above": reached,
        "needed": tier.scenes,
        **cover,
        **maturity,
        "scenes_and_cmmm_ok": enough,
        "composite": general,
        "suggested_above": tier.suggested_above,
        "general_score_above_60": passed,
        **conditions,
        "holds": enough and passed and bool(conditions["conditions_ok"]),
    }


def _advice(template: Template, level: int, general: Fraction | None, declared: Declared) -> list[Words]:
    tier = template.tiers[level]
    limit = tier.suggested_above
    if limit is None or general is None or above(general, limit, declared.settings):
        return []
    score = f"{float(general):.6g}"
    zh = f"通用评估得分 {score} 不高于 {limit}：原文建议高于 {limit} 分再自评{tier.says.zh}"
    return [Words(zh, f"the general score {score} is not above {limit}, which the text suggests for {tier.says.en}")]


def _readings(template: Template, level: int, scenes: tuple[RatedScene, ...]) -> list[Words]:
    """Tiers up to the next whose cover depends on where the scenes go that the text does not sort."""
    switches = [switch for switch in template.switches if switch.name.endswith("_section")]
    ways = [dict(zip([s.name for s in switches], way, strict=True)) for way in product(*(s.of for s in switches))]
    every = [_sections(template, scenes, way) for way in ways]
    found = []
    for tier in template.tiers[1 : level + 2]:
        if len({bool(_cover(tier.cover, tier, sections)["cover_ok"]) for sections in every}) > 1:
            zh = f"{tier.says.zh}：环节覆盖取决于场景 17、36 的归类（我方解读）"
            en = f"{tier.says.en}: whether the sections are covered depends on the reading of scenes 17 and 36"
            found.append(Words(zh, en))
    return found


# -- what both ask -----------------------------------------------------------------------------------------------------
def _cover(cover: tuple[str, ...], tier: Tier, sections: Sections) -> Check:
    covered = sorted(name for name, level in sections.items() if level >= tier.level)
    return {"covered": covered, "must_cover": sorted(cover), "cover_ok": set(cover) <= set(covered)}


def _maturity(tier: Tier, declared: Declared) -> Check:
    needed = tier.maturity or 0
    return {
        "cmmm": declared.maturity,
        "cmmm_needed": needed,
        "cmmm_ok": declared.maturity is not None and declared.maturity >= needed,
    }


def _conditions(template: Template, tier: Tier, declared: Declared) -> Check:
    """A condition that was declared not to be met refuses the tier; one that was not declared is named instead."""
    asked = {each.name: declared.conditions.get(each.name) for each in template.conditions if tier.level in each.tiers}
    return {"conditions": asked, "conditions_ok": False not in asked.values()}


def _not_declared(template: Template, level: int, declared: Declared) -> list[str]:
    """The conditions of the tier reached (of the first, where none is) that nobody declared."""
    tier = max(level, 1)
    return [each.name for each in template.conditions if tier in each.tiers and each.name not in declared.conditions]


def _reached(template: Template, checks: Mapping[str, Check]) -> int:
    return max((tier.level for tier in template.tiers[1:] if checks[tier.says.zh]["holds"]), default=0)
