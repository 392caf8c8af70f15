"""Forms with facts behind them: what is measured of which item, and which rules hold."""

import json
from fractions import Fraction
from typing import Any

from config.template_file import load
from kpi.forms.answers import parse_answers
from kpi.forms.measured import Holding, Measured, Reading
from kpi.forms.score import score

SME, GENERAL, FACTORY, KPIS = "sme-2024", "jiangsu-general-2025", "jiangsu-factory-2025", "factory-kpi-2025"


def facts(template: str, items: dict[str, Reading] | None = None, **rules: bool | None) -> Measured:
    """Holdings by rule id, whatever the rule's parameters."""
    known = [rule for rule in load(template).rules() if rule.id in rules]
    assert {rule.id for rule in known} == set(rules)
    found = {rule: Holding(rules[rule.id], None if rules[rule.id] is not None else "low_coverage") for rule in known}
    return Measured(items or {}, found)


def result(template: str, measured: Measured, **answers: Any) -> dict[str, Any]:
    form = load(template)
    return score(form, measured, parse_answers(form, json.dumps(answers, ensure_ascii=False))).document("en")


def item(found: dict[str, Any], no: str) -> dict[str, Any]:
    return next(each for each in found["items"] if each["item"] == no)


def scene(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in found["scenes"] if each["scene"] == name)


def reading(**terms: float) -> Reading:
    return Reading({name.replace("_", "."): Fraction(str(value)) for name, value in terms.items()})
