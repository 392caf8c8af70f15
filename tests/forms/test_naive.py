"""The engine against the naive scorer: any right answer file comes to the same number in both, to the last fraction."""

import json
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from config.template_file import load
from kpi.forms.answers import parse_answers
from kpi.forms.form import Form
from kpi.forms.measured import NOTHING
from kpi.forms.score import score
from tests.forms import naive

FEW = settings(max_examples=150, deadline=None)
SCENES = [scene.name for scene in load("sme-2024").scenes]
SECTIONS = ["工厂建设", "研发设计", "生产作业", "生产管理", "运营管理"]
money = st.integers(1, 10**7).map(lambda cents: cents / 100)
small = st.sampled_from([1, 2, 3, 5200, 5200.5, 15600, 371.004, 1113.012, 100])  # so that unchanged and edges happen
amount = money | small


def scored(template: str, **answers: Any) -> Form:
    form = load(template)
    return score(form, NOTHING, parse_answers(form, json.dumps(answers, ensure_ascii=False)))


def boxes(options: int) -> st.SearchStrategy[list[int]]:
    ticks = st.lists(st.integers(2, options), unique=True, max_size=options - 1)
    return ticks.flatmap(lambda found: st.sampled_from([found, [1]]) if not found else st.just(found))


def rate(part: str) -> st.SearchStrategy[dict[str, int]]:
    edge = st.sampled_from([(40, 4), (40, 8), (40, 16), (40, 24), (40, 25), (10, 1), (10, 2), (5, 2), (5, 3), (1, 1)])
    free = st.integers(1, 500).flatmap(lambda total: st.tuples(st.just(total), st.integers(0, total)))
    return (edge | free).map(lambda pair: {"total": pair[0], part: pair[1]})


def pair(side: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"before": side, "after": side})


def side(**names: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(names)


@st.composite
def spend(draw: st.DrawFn) -> dict[str, Any]:
    if draw(st.booleans()):
        return {"ratio": draw(st.sampled_from([0, 0.031, 0.1, 0.2, 0.4, 0.6, 0.61, 1]))}
    revenue = draw(st.lists(amount, min_size=1, max_size=3))
    return {
        "revenue": revenue,
        "spend": [round(each * draw(st.sampled_from([0, 0.1, 0.2, 0.5, 1])), 2) for each in revenue],
    }


@st.composite
def sme(draw: st.DrawFn) -> dict[str, Any]:
    every = {
        "1": boxes(5),
        "2": rate("digital"),
        "3": rate("networked"),
        "4": boxes(15),
        "5": st.integers(1, 5),
        "6": boxes(5),
        "7": boxes(5),
        "8": st.integers(1, 6),
        "9": boxes(5),
        "10": boxes(6),
        "11": spend(),
        "12": pair(side(tce=amount, revenue=amount)),
        "13": pair(st.sampled_from([95, 96.2, 96.21, 100])),
    }
    answers = {no: draw(answer) for no, answer in every.items() if draw(st.integers(0, 7))}
    sides = draw(pair(side(revenue=amount, employees=st.integers(1, 500), cost=amount)))
    for no, name in (("14", "employees"), ("15", "cost")):  # revenue of a year is the same in both
        if draw(st.integers(0, 7)):
            answers[no] = {when: {"revenue": of["revenue"], name: of[name]} for when, of in sides.items()}
    return answers


@FEW
@given(sme(), st.dictionaries(st.sampled_from(SCENES), st.integers(0, 4)))
def test_sme(answers: dict[str, Any], scenes: dict[str, int]) -> None:
    form, told = scored("sme-2024", answers=answers, scenes=scenes), naive.sme(answers, scenes)
    assert form.score == told["score"]
    assert form.score_high == told["score_high"]
    assert form.also["dimensions"] == told["dimensions"]
    assert {each.item.no: each.points for each in form.items if each.origin != "missing"} == told["points"]
    assert form.also["level_by_score"] == told["level_by_score"]
    assert form.also["level_by_scenes"] == told["level_by_scenes"]
    assert form.level == told["level"]
    assert form.complete == (len(answers) == 15)


@FEW
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=16, max_size=16))
def test_sme_levels_by_scenes(levels: list[tuple[int, bool]]) -> None:
    """Mostly high levels, so that the conditions of level 3 and 4 are met and missed."""
    scenes = {name: max(level, 3) if lifted else level for name, (level, lifted) in zip(SCENES, levels, strict=True)}
    assert scored("sme-2024", scenes=scenes).also["level_by_scenes"] == naive.sme({}, scenes)["level_by_scenes"]


@st.composite
def general(draw: st.DrawFn) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for item in ("1", "2", "3", "4", "5", "6", "8", "9", "10"):
        if item in ("1", "5", "6") and draw(st.booleans()):
            answers[item] = "na"
        elif draw(st.integers(0, 7)):
            level = draw(st.integers(1, 6))
            inside = st.sampled_from([0.01, 6.9, 7, 13.5, 14, 19.99])
            answers[item] = {"level": level, "points": 0 if level == 1 else round((level - 2) * 20 + draw(inside), 2)}
    return answers


@FEW
@given(general())
def test_jiangsu_general(answers: dict[str, Any]) -> None:
    form, told = scored("jiangsu-general-2025", answers=answers), naive.jiangsu_general(answers)
    assert form.score == told["score"]
    assert form.score_high == told["score_high"]
    assert form.also["suggested_tier"] == told["suggested_tier"]
    assert form.also["range_with_item_7"] == told["range_with_item_7"]


@st.composite
def tiers(draw: st.DrawFn) -> dict[str, int]:
    """Levels of the 40 scenes, around one level, none where the cell is a slash."""
    around = draw(st.integers(1, 4))
    found = {}
    for scene in load("jiangsu-factory-2025").scenes:
        level = draw(st.sampled_from([0, around, around, 4, 2]))
        if level == 0 or scene.levels[level - 1] is not None:
            found[str(scene.no)] = level
    return found


conditions = st.dictionaries(
    st.sampled_from(["scale", "record", "controllable", "organisation"]), st.sampled_from([True, True, False])
)
declared = st.dictionaries(
    st.sampled_from(["basic", "previous_tier", "kpi_position", "lead", "standards", "people"]),
    st.sampled_from([True, True, True, False]),
    max_size=3,
)


@FEW
@given(tiers(), st.integers(0, 5), st.sampled_from([59.9, 60, 60.1, 72, 95]), conditions)
def test_jiangsu_factory(scenes: dict[str, int], maturity: int, score_: float, base: dict[str, bool]) -> None:
    form = scored("jiangsu-factory-2025", scenes=scenes, maturity=maturity, general_score=score_, base=base)
    numbers = {int(no): level for no, level in scenes.items()}
    assert form.level == naive.jiangsu_factory(numbers, maturity, Fraction(str(score_)), base)


@FEW
@given(
    st.dictionaries(st.sampled_from(SECTIONS), st.integers(1, 4)),
    st.integers(0, 5),
    st.sampled_from([0, 0.19, 0.2, 0.59, 0.6, 1]),
    declared,
)
def test_national_factory(sections: dict[str, int], maturity: int, share: float, told: dict[str, bool]) -> None:
    form = scored("factory-2025", sections=sections, maturity=maturity, ai_scene_ratio=share, declared=told)
    assert form.level == naive.national_factory(sections, maturity, Fraction(str(share)), told)


@FEW
@given(st.integers(6, 18), st.sampled_from([0.25, 0.5, 0.61, 1]), st.sampled_from([0, 0.5, 0.68, 0.25]))
def test_kpis(no: int, base: float, now: float) -> None:
    form = scored("factory-kpi-2025", answers={str(no): {"base": base, "now": now}})
    assert form.items[no - 1].value == naive.kpi(no, Fraction(str(base)), Fraction(str(now)))
