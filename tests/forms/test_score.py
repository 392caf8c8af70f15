"""Answers in every way a person may write them, levels at their exact edges, and what each switch changes."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from config.template_file import load
from kpi.forms.answers import parse_answers, read_answers
from kpi.forms.form import Form
from kpi.forms.measured import NOTHING
from kpi.forms.score import score

SME, GENERAL, JIANGSU, NATIONAL, KPIS = (
    "sme-2024",
    "jiangsu-general-2025",
    "jiangsu-factory-2025",
    "factory-2025",
    "factory-kpi-2025",
)
SECTIONS = ("工厂建设", "研发设计", "生产作业", "生产管理", "运营管理")


def scored(template: str, text: str) -> Form:
    form = load(template)
    return score(form, NOTHING, parse_answers(form, text))


def result(template: str, **answers: Any) -> dict[str, Any]:
    return scored(template, json.dumps(answers, ensure_ascii=False)).document("en")


def item(found: dict[str, Any], no: str) -> dict[str, Any]:
    return next(each for each in found["items"] if each["item"] == no)


# -- ways to write an answer -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("written", "options"),
    [
        ("5: 4", [4]),
        ("5: '4'", [4]),
        ("5: [4]", [4]),
        ("5: 绝大部分业务环节（大于80%）", [4]),
        ("5: 绝大部分业务环节(大于80%)", [4]),
        ("5: most business links (more than 80 %)", [4]),
        ("5: 无", [1]),
        ("5: {links: 12}", [4]),
        ("1: [2, 3]", [2, 3]),
        ("1: [3, 2]", [2, 3]),
        ("1: 2", [2]),
        ("1: []", [1]),
        ("1: [1]", [1]),
        ("1: 无", [1]),
        ("1: ['无']", [1]),
        ("1: none", [1]),
        ("1: ['企业车间建成工控网络，支持自动化控制应用', 5]", [2, 5]),
        ("2: '[0-10%]'", [1]),
        ("2: '(10%，20%]'", [2]),
        ("2: 5", [5]),
        ("2: {total: 40.0, digital: 6}", [2]),
        ("4: [计划排程, 生产管控]", [6, 7]),
        ("8: 已经着手开始进行单点或多点的数字化改造", [4]),
        ("11: {spend: [300, 320, 310], revenue: [9000, 9500, 9900]}", [1]),
        ("11: {spend: 300, revenue: 900}", [3]),
        ("11: {ratio: 12 %}", [2]),
        ("11: 3", [3]),
        ("12: 降低", [3]),
        ("13: {before: 96.2, after: 96.20}", [2]),
        ("14: 3", [3]),
    ],
)
def test_an_option(written: str, options: list[int]) -> None:
    found = item(scored(SME, "answers: {" + written + "}").document("en"), written.split(":", maxsplit=1)[0])
    assert (found["options"], found["origin"]) == (options, "declared")


@pytest.mark.parametrize(
    "written",
    ["5: ", "5: null", "5: ~", "2: {total: , digital: }", "11: {spend: [], revenue: []}", "13: {before: , after: }",
     "12: {before: {tce: , revenue: }, after: {tce: , revenue: }}", "12: {}"],
)  # fmt: skip
def test_left_blank_is_missing(written: str) -> None:
    found = scored(SME, "answers: {" + written + "}").document("en")
    mine = item(found, written.split(":", maxsplit=1)[0])
    assert (mine["origin"], mine["options"], mine["points"], mine["contribution"]) == ("missing", [], None, 0)
    assert (found["score"], found["score_high"], found["complete"]) == (0, 100, False)


def test_an_empty_file_and_one_without_its_template() -> None:
    assert result(SME)["complete"] is False
    assert scored(SME, "").complete is False
    assert scored(SME, "template: sme-2024\nanswers:\nscenes:\nswitches:\n").complete is False


def test_missing_counts_nothing_and_everything() -> None:
    """Items 1 and 2 answered in full are 14 points, the other 86 are open."""
    found = result(SME, answers={"1": [2, 3, 4, 5], "2": {"total": 10, "digital": 10}})
    assert (found["score"], found["score_high"], found["complete"], found["level"]) == (14, 100, False, 0)


@pytest.mark.parametrize("name", ["产品设计", "产品设计*", "1", "Product design"])
def test_a_scene_by_any_of_its_names(name: str) -> None:
    assert result(SME, scenes={name: 2})["scenes"][0]["level"] == 2


@pytest.mark.parametrize("name", ["人机协同制造", "人机协同作业", "10"])
def test_a_scene_by_its_name_in_the_guide_of_2024(name: str) -> None:
    assert result(JIANGSU, scenes={name: 1})["scenes"][9]["level"] == 1


# -- exact edges -------------------------------------------------------------------------------------------------------
TWENTY: dict[str, Any] = {"5": 5, "6": [2, 3, 4, 5], "7": [2, 3, 4, 5]}
FORTY = TWENTY | {"1": [2, 3, 4, 5], "2": 5, "3": 5}
SIXTY = FORTY | {"4": list(range(2, 16)), "12": 3, "14": 3}
EIGHTY = SIXTY | {"13": 2, "15": 3, "8": 6, "10": [2, 3, 4, 5]}


@pytest.mark.parametrize(
    ("answers", "points", "level"), [(TWENTY, 20, 1), (FORTY, 40, 2), (SIXTY, 60, 3), (EIGHTY, 80, 4)]
)
def test_a_level_begins_at_its_score(answers: dict[str, Any], points: int, level: int) -> None:
    found = result(SME, answers=answers, scenes={str(no): 4 for no in range(1, 17)})
    assert (found["score"], found["level_by_score"], found["level"]) == (points, level, level)


NEEDED = """
1 6 3 1
1 5 3 0
1 6 2 0
2 6 3 2
3 8 5 3
3 7 5 2
3 8 4 2
4 10 6 4
4 9 6 3
4 10 5 3
"""


@pytest.mark.parametrize("row", NEEDED.strip().splitlines())
def test_a_level_needs_its_scenes(row: str) -> None:
    """Level, scenes at it, binding ones among them, level reached; the other scenes are one level lower."""
    level, scenes, binding, reached = map(int, row.split())
    form = load(SME)
    bound, free = ([s.name for s in form.scenes if s.binding is b] for b in (True, False))
    chosen = [*bound[:binding], *free[: scenes - binding]]
    levels = dict.fromkeys((*bound, *free), level - 1) | dict.fromkeys(chosen, level)
    assert len(chosen) == scenes
    assert result(SME, scenes=levels)["level_by_scenes"] == reached


def test_both_years_zero_is_unchanged() -> None:
    answers = {"12": {"before": {"tce": 0, "revenue": 5}, "after": {"tce": 0, "revenue": 6}}}
    assert item(result(SME, answers=answers), "12")["options"] == [2]


@pytest.mark.parametrize(
    "answer",
    [{"before": {"revenue": 0, "employees": 0}, "after": {"revenue": 1, "employees": 1}}],
)
def test_a_divisor_of_zero_is_not_scorable(answer: dict[str, Any]) -> None:
    found = result(SME, answers={"14": answer})
    assert item(found, "14")["origin"] == "missing"
    assert found["warnings"] == ["item 14: a divisor is 0, so it cannot be scored and counts as missing"]


# -- switches ----------------------------------------------------------------------------------------------------------
def test_every_result_prints_every_switch() -> None:
    for name in (SME, GENERAL, JIANGSU, NATIONAL, KPIS):
        assert set(result(name)["switches"]) == set(load(name).defaults())
    changed = result(SME, switches={"item5_links": 16, "flat_tolerance": 0.01, "meter_interval": "5min"})["switches"]
    assert (changed["item5_links"], changed["flat_tolerance"], changed["meter_interval"]) == (16, 0.01, "5min")
    assert changed["item4_points"] == "exact"


LINKS = """
14 0 1
14 1 2
14 2 3
14 11 3
14 12 4
14 13 4
14 14 5
16 12 3
16 13 4
16 14 4
16 16 5
"""


@pytest.mark.parametrize("row", LINKS.strip().splitlines())
def test_business_links(row: str) -> None:
    """More than 80 % of 14 is 12, of 16 it is 13."""
    every, links, option = map(int, row.split())
    found = result(SME, answers={"5": {"links": links}}, switches={"item5_links": every})
    assert item(found, "5")["options"] == [option]


@pytest.mark.parametrize(("after", "option"), [(1005, 2), (995, 2), (1005.1, 1), (994.9, 3), (1000, 2)])
def test_tolerance_holds_its_edge(after: float, option: int) -> None:
    answers = {"12": {"before": {"tce": 1000, "revenue": 5000}, "after": {"tce": after, "revenue": 5000}}}
    assert item(result(SME, answers=answers, switches={"flat_tolerance": 0.005}), "12")["options"] == [option]


@pytest.mark.parametrize(("after", "noted"), [(1000, False), (1004.9, True), (1005, False)])
def test_a_change_within_metering_uncertainty_is_noted(after: float, noted: bool) -> None:
    answers = {"12": {"before": {"tce": 1000, "revenue": 5000}, "after": {"tce": after, "revenue": 5000}}}
    assert bool(result(SME, answers=answers)["warnings"]) is noted


def test_sixty_may_be_enough() -> None:
    levels = dict.fromkeys((str(no) for no in (9, 10, 12, 13, 14, 16, 17, 18)), 1)
    strict = result(JIANGSU, general_score=60, maturity=2, scenes=levels)
    inclusive = result(JIANGSU, general_score=60, maturity=2, scenes=levels, switches={"above": "inclusive"})
    assert (strict["level"], inclusive["level"]) == (0, 1)


def test_in_principle_all_five_sections() -> None:
    three = {"生产作业": 3, "生产管理": 3, "运营管理": 3}
    told = {"maturity": 3, "ai_scene_ratio": 0.2, "sections": three}
    assert result(NATIONAL, **told)["level"] == 2
    assert result(NATIONAL, **told, switches={"cover_required": False})["level"] == 3
    short = {**told, "sections": {"生产作业": 3, "生产管理": 3}}
    assert result(NATIONAL, **short, switches={"cover_required": False})["level"] == 1


def test_where_the_scenes_belong_that_the_text_does_not_sort() -> None:
    """生产管理 at 先进 by scene 17 alone: it holds by our reading, and the result says that it hangs on it."""
    levels = dict.fromkeys((str(no) for no in (3, 4, 5, 6, 9, 12, 14, 16, 25, 26, 27, 30, 31, 32, 33)), 2) | {"17": 2}
    told: dict[str, Any] = {"general_score": 75, "maturity": 2, "scenes": levels}
    ours = result(JIANGSU, **told)
    assert (ours["level"], ours["sections"]["生产管理"]) == (2, 2)
    assert "advanced: whether the sections are covered depends on the reading of scenes 17 and 36" in ours["warnings"]
    other = result(JIANGSU, **told, switches={"scene_17_section": "生产作业"})
    assert (other["level"], other["checks"]["先进级"]["cover_ok"]) == (1, False)


# -- conditions --------------------------------------------------------------------------------------------------------
def test_conditions_of_the_national_tiers() -> None:
    told: dict[str, Any] = {"maturity": 4, "sections": dict.fromkeys(SECTIONS, 4), "ai_scene_ratio": 0.6}
    assert result(NATIONAL, **told)["level"] == 4
    assert result(NATIONAL, **told)["not_declared"] == [
        "basic",
        "previous_tier",
        "kpi_position",
        "lead",
        "standards",
        "people",
    ]
    assert result(NATIONAL, **told, declared={"standards": True})["not_declared"][-2:] == ["lead", "people"]
    for name, level in (("people", 2), ("lead", 1), ("previous_tier", 1), ("kpi_position", 0), ("basic", 0)):
        assert result(NATIONAL, **told, declared={name: False})["level"] == level
    assert result(NATIONAL, maturity=2, sections={"生产作业": 1})["not_declared"] == ["basic", "kpi_position"]
    assert result(NATIONAL)["not_declared"] == ["basic", "kpi_position"]  # what the first tier would ask


def test_conditions_of_jiangsu() -> None:
    levels = dict.fromkeys((str(no) for no in (9, 10, 12, 13, 14, 16, 17, 18)), 1)
    told: dict[str, Any] = {"general_score": 70.3, "maturity": 2, "scenes": levels}
    found = result(JIANGSU, **told)
    assert (found["level"], found["level_name"]) == (1, "基础级")
    assert found["not_declared"] == ["scale", "record", "controllable", "organisation"]
    base = {"scale": True, "record": True, "controllable": True, "organisation": True}
    assert result(JIANGSU, **told, base=base)["not_declared"] == []
    assert result(JIANGSU, **told, base={**base, "record": False})["level"] == 0
    assert found["warnings"][0] == "the official tier is the one that the Jiangsu self-rating portal gives"


def test_what_makes_a_factory_s_form_complete() -> None:
    """An AI ratio is missed only where it would lift the tier."""
    sections = dict.fromkeys(SECTIONS, 3)
    assert result(NATIONAL, maturity=2, sections=sections)["complete"] is True
    assert result(NATIONAL, maturity=3, sections=sections)["complete"] is False
    assert result(NATIONAL, sections=sections)["complete"] is False
    assert result(JIANGSU, maturity=2)["complete"] is False
    assert result(JIANGSU, maturity=2, general_score=70)["complete"] is True


def test_the_general_score_from_its_own_answers(tmp_path: Path) -> None:
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "general.yaml").write_text(
        "answers: {1: na, 2: {level: 3, points: 27}}\n", encoding="utf-8"
    )
    (tmp_path / "factory.yaml").write_text("general_score: answers/general.yaml\nmaturity: 2\n", encoding="utf-8")
    form = load(JIANGSU)
    found = score(form, NOTHING, read_answers(form, tmp_path / "factory.yaml"))
    assert found.also["general_score"] == Fraction(27, 8)
    assert found.complete is False


def test_item_7_is_told_and_not_scored() -> None:
    answers = {str(no): {"level": 5, "points": 63} for no in range(1, 11) if no != 7}
    without, with_it = (
        result(GENERAL, answers=answers),
        result(GENERAL, answers={**answers, "7": {"total": 860, "year": 120}}),
    )
    assert without["score"] == with_it["score"] == 63
    assert without["complete"] is with_it["complete"] is True
    assert item(with_it, "7")["inputs"] == {"total": 860, "year": 120}
    assert (item(with_it, "7")["origin"], item(without, "7")["origin"]) == ("declared", "missing")
    assert without["range_with_item_7"] == [56.7, 66.7]


# -- notes -------------------------------------------------------------------------------------------------------------
def test_notes_of_the_sme_form() -> None:
    found = result(
        SME,
        answers={
            "2": {"total": 40, "digital": 6},
            "3": {"total": 41, "networked": 7},
            "8": 6,
            "13": {"before": 0.96, "after": 97},
        },
    )
    assert found["warnings"] == [
        "more devices networked than digital (items 2 and 3)",
        "items 2 and 3 count different totals",
        "item 8: by the printed rule, visiting peers scores above results achieved",
        "item 13: one rate looks like a fraction, one like a percentage",
    ]


def test_kpis_have_values_and_no_level() -> None:
    found = result(KPIS, answers={"4": 0.25, "5": 3, "11": {"base": 0.61, "now": 0.68}, "16": {"base": 0, "now": 1}})
    assert (found["score"], found["level"], found["level_name"], found["gaps"]) == (None, None, None, [])
    assert [item(found, no)["value"] for no in ("4", "5", "11", "16")] == [0.25, 3, 0.114754, None]
    assert item(found, "16")["origin"] == "missing"
    assert (item(found, "5")["unit"], item(found, "4")["unit"]) == ("count", "1")


def test_the_keys_of_the_contract() -> None:
    found = result(SME, answers={"2": {"total": 120, "digital": 60}}, scenes={"生产管控": 1})
    assert set(found) >= {
        "template", "version", "score", "score_high", "complete", "level", "level_name", "level_by_score",
        "level_by_scenes", "items", "dimensions", "scenes", "gaps", "warnings", "switches", "declared",
    }  # fmt: skip
    assert set(found["items"][0]) >= {
        "item", "title", "options", "points", "weight", "contribution", "origin", "inputs", "conflict",
    }  # fmt: skip
    assert set(found["scenes"][5]) >= {"scene", "level", "declared", "cap", "clauses"}
    assert set(found["scenes"][5]["clauses"][0]) >= {"level", "clause", "origin", "holds", "evidence"}
    assert set(found["gaps"][0]) >= {"to_level", "needs"}
    assert found["dimensions"] == {"数字化基础": 4.5, "数字化管理": 0, "数字化成效": 0}
