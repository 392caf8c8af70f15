"""The Jiangsu general index: the mean of the indicators that apply. Weights are not printed, so it is unofficial."""

from dataclasses import replace
from fractions import Fraction

from config.template import Template, Words
from kpi.forms.clauses import Judge
from kpi.forms.declared import Declared
from kpi.forms.figures import above
from kpi.forms.form import Form
from kpi.forms.items import FULL, ZERO, Scored, scored
from kpi.forms.measured import Measured

UNOFFICIAL = Words(
    "综合得分为等权平均（不含第7项），官方权重未公布",
    "the score is an unofficial mean of equal weights without item 7: the official weights are not printed",
)


def index(template: Template, facts: Measured, declared: Declared) -> Form:
    judge = Judge(template, declared.settings, facts)
    found = [scored(item, declared.items.get(item.no), judge, template.segments) for item in template.items]
    counted = sum(map(_counts, found))
    items = tuple(replace(each, weight=Fraction(int(_counts(each)), counted)) for each in found)
    score = sum((each.contribution for each in items), ZERO)
    with_it = score * Fraction(counted, counted + 1)
    return Form(
        template,
        declared.settings,
        score=score,
        score_high=sum((each.contribution_high for each in items), ZERO),
        complete=all(each.origin != "missing" for each in items if _counts(each)),
        items=items,
        also={
            "official": False,
            "suggested_tier": suggested(template, score, declared),
            "range_with_item_7": [with_it, with_it + FULL / (counted + 1)],
        },
        warnings=(UNOFFICIAL, *_warnings(items)),
    )


def _counts(of: Scored) -> bool:
    """Item 7, an amount, has no printed score; 不涉及 gives its weight to the others."""
    return of.item.answer == "graded" and not of.na


def suggested(template: Template, score: Fraction, declared: Declared) -> int:
    """The tier that the text suggests for a self-rating of scenes; 0 where it suggests none."""
    return max((t.level for t in template.tiers if above(score, t.suggested_above, declared.settings)), default=0)


def _warnings(items: tuple[Scored, ...]) -> list[Words]:
    full = [each.item.no for each in items if each.points == FULL]
    if not full:
        return []
    zh = f"第{'、'.join(full)}项：100 分，原表印为 [94-100)"
    return [Words(zh, f"items {', '.join(full)}: 100 points, though [94-100) is printed")]
