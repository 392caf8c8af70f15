"""Whatever stands in an answer file, it is scored or told what is wrong with it; nothing else happens."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.faults import TemplateError
from config.template_file import TEMPLATES, load
from kpi.forms.answers import parse_answers
from kpi.forms.measured import NOTHING
from kpi.forms.score import score

NUMBERS = ["total", "digital", "networked", "year", "spend", "revenue", "ratio", "tce", "cost", "employees", "output"]
SHAPES = ["level", "points", "before", "after", "base", "now", "links"]
WORDS = [*NUMBERS, *SHAPES, "na", "无", "1", "2", "生产作业", "产品设计", "basic"]
KEYS = [
    "answers",
    "scenes",
    "sections",
    "switches",
    "maturity",
    "general_score",
    "ai_scene_ratio",
    "declared",
    "base",
    "template",
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 120)
    | st.sampled_from([0.2, 1.5, -0.1, 1e25, 1e-20, 99.5])
    | st.sampled_from([*WORDS, *TEMPLATES])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=6,
)
numbers = st.integers(0, 42).map(str) | st.sampled_from(WORDS)
files = st.dictionaries(st.sampled_from(KEYS), st.dictionaries(numbers, values, max_size=6) | values, max_size=5)


@pytest.mark.parametrize("name", TEMPLATES)
@settings(max_examples=120, deadline=None)
@given(file=files)
def test_anything(name: str, file: dict[str, Any]) -> None:
    form = load(name)
    try:
        declared = parse_answers(form, json.dumps(file, ensure_ascii=False))
    except TemplateError as error:
        assert error.faults
        return
    found = score(form, NOTHING, declared)
    json.dumps(found.document("zh"), allow_nan=False)
    if found.score is not None and found.score_high is not None:
        assert 0 <= found.score <= found.score_high <= 100


@pytest.mark.parametrize("name", ["sme-2024", "factory-kpi-2025", "jiangsu-general-2025"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_the_right_names_with_anything_in_them(name: str, data: st.DataObject) -> None:
    form = load(name)
    item = data.draw(st.sampled_from(form.items))
    inner = ["level", "points", "ratio", "links", *item.of]
    side = scalars | st.dictionaries(st.sampled_from(inner), scalars)
    outer = [*inner, "before", "after", "base", "now"]
    answer = data.draw(
        scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.sampled_from(outer), side, max_size=4)
    )
    test_anything.hypothesis.inner_test(name, {"answers": {item.no: answer}})


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60) | st.text("[]{}:,-#'\"\n 12无*&!%@`|>", max_size=40))
def test_any_text(text: str) -> None:
    try:
        parse_answers(load("sme-2024"), text)
    except TemplateError as error:
        assert error.faults
