"""The published vectors, and an answer file of theirs scored without any fact."""

import json
from pathlib import Path
from typing import Any

import pytest

from config.faults import TemplateError
from config.template_file import load
from kpi.forms.answers import parse_answers
from kpi.forms.measured import NOTHING
from kpi.forms.score import score

VECTORS = json.loads((Path(__file__).parents[1] / "cases" / "forms" / "vectors.json").read_text(encoding="utf-8"))
LOW = VECTORS["sme2024_low"]


def result(template: str, **answers: Any) -> dict[str, Any]:
    form = load(template)
    return score(form, NOTHING, parse_answers(form, json.dumps(answers, ensure_ascii=False))).document("zh")


def faults(template: str, **answers: Any) -> str:
    with pytest.raises(TemplateError) as caught:
        result(template, **answers)
    return str(caught.value)


def item(found: dict[str, Any], no: str) -> dict[str, Any]:
    return next(each for each in found["items"] if each["item"] == no)


def general() -> dict[str, Any]:
    rows = VECTORS["jiangsu_general_low"]["rows"]
    answers: dict[str, Any] = {}
    for no, row in rows.items():
        answers[no] = "na" if row["score"] is None else {"level": row["level"], "points": float(row["score"])}
    return answers
