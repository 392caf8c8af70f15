"""The SME form: fifteen weighted items give points, sixteen scenes give levels, and a level needs both."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from config.template import Template, Tier, Words
from kpi.forms.clauses import Judge
from kpi.forms.declared import Declared
from kpi.forms.form import Form, RatedScene
from kpi.forms.items import ZERO, Scored, one_sided, scored
from kpi.forms.measured import Measured

VISITS = 6  # in item 8, the option that the form ranks above results


def sme(template: Template, facts: Measured, declared: Declared) -> Form:
    judge = Judge(template, declared.settings, facts)
    items = tuple(
        replace(scored(item, declared.items.get(item.no), judge), weight=item.weight or ZERO) for item in template.items
    )
    scenes = tuple(
        RatedScene(scene, judge.rate(scene.levels, declared.scenes.get(scene.no, 0))) for scene in template.scenes
    )
    score = sum((each.contribution for each in items), ZERO)
    checks = {str(tier.level): _check(tier, score, scenes) for tier in template.tiers[1:]}
    by_score = max((int(level) for level, check in checks.items() if check["score_ok"]), default=0)
    by_scenes = max((int(level) for level, check in checks.items() if check["scenes_ok"]), default=0)
    return Form(
        template,
        declared.settings,
        score=score,
        score_high=sum((each.contribution_high for each in items), ZERO),
        complete=all(each.origin != "missing" for each in items),
        level=min(by_score, by_scenes),
        items=items,
        scenes=scenes,
        also={
            "level_by_score": by_score,
            "level_by_scenes": by_scenes,
            "dimensions": _dimensions(template, items),
            "checks": checks,
        },
        warnings=tuple(_warnings({each.item.no: each for each in items})),
    )


def _dimensions(template: Template, items: tuple[Scored, ...]) -> dict[str, Fraction]:
    return {
        words.zh: sum((each.contribution for each in items if each.item.dimension == words.zh), ZERO)
        for words in template.dimensions
    }


def _check(tier: Tier, score: Fraction, scenes: tuple[RatedScene, ...]) -> dict[str, object]:
    """Scenes count for a level when they reach at least that level."""
    reached = [each.scene for each in scenes if each.rating.level >= tier.level]
    binding = sum(scene.binding for scene in reached)
    needed, many, bound = tier.score or ZERO, tier.scenes or 0, tier.binding or 0
    enough = len(reached) >= many and binding >= bound
    return {
        "score_needed": needed,
        "score_ok": score >= needed,
        "scenes_at_or_above": len(reached),
        "scenes_needed": many,
        "constraint_at_or_above": binding,
        "constraint_needed": bound,
        "scenes_ok": enough,
        "both": score >= needed and enough,
    }


# -- what a reader should know -----------------------------------------------------------------------------------------
def _warnings(items: Mapping[str, Scored]) -> list[Words]:
    found = [*one_sided(items.values()), *(note for each in items.values() for note in each.notes)]
    digital, networked = (items[no].terms for no in ("2", "3"))
    if networked.get("networked", ZERO) > digital.get("digital", networked.get("networked", ZERO)):
        found.append(Words("联网设备多于数字化设备（第2、3题）", "more devices networked than digital (items 2 and 3)"))
    if digital.get("total", ZERO) != networked.get("total", digital.get("total", ZERO)) and digital:
        found.append(Words("第2、3题的生产设备总数不同", "items 2 and 3 count different totals"))
    if items["8"].options == (VISITS,):
        zh = "第8题：按原文，“参观交流”为最高分，高于“取得成效”"
        found.append(Words(zh, "item 8: by the printed rule, visiting peers scores above results achieved"))
    return found + _percentages(items["13"].terms)


def _percentages(terms: Mapping[str, Fraction]) -> list[Words]:
    before, after = terms.get("before"), terms.get("after")
    if before is None or after is None or (before > 1) == (after > 1):
        return []
    return [
        Words("第13题：一个值像比例，一个值像百分数", "item 13: one rate looks like a fraction, one like a percentage")
    ]
