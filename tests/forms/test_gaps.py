"""What stands between here and the next level: every step brings what it says, and the cheapest comes first."""

import json
import re
from copy import deepcopy
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from config.template_file import load
from kpi.forms.answers import parse_answers
from kpi.forms.form import Form, Gap
from kpi.forms.measured import NOTHING, Measured, Reading
from kpi.forms.score import score

VECTORS = json.loads((Path(__file__).parents[1] / "cases" / "forms" / "vectors.json").read_text(encoding="utf-8"))
LOW = {key: value for key, value in VECTORS["sme2024_low"]["answers"].items() if key != "template"}
SECTIONS = ("工厂建设", "研发设计", "生产作业", "生产管理", "运营管理")


def scored(template: str, measured: Measured = NOTHING, **answers: Any) -> Form:
    form = load(template)
    return score(form, measured, parse_answers(form, json.dumps(answers, ensure_ascii=False)))


def of_item(gaps: tuple[Gap, ...], no: str) -> Gap:
    return next(gap for gap in gaps if gap.item == no)


def test_what_is_short_comes_first() -> None:
    """20.678571 of 40 points; one of six scenes at level 2, and one of three binding ones."""
    gaps = scored("sme-2024", **LOW).gaps
    assert {gap.to_level for gap in gaps} == {2}
    heads = [gap.needs.en for gap in gaps if gap.item is None and gap.scene is None]
    assert heads == [
        "19.321429 more points (20.678571 of 40)",
        "5 more scenes at level 2 (regulated), 2 of them binding",
    ]


def test_every_step_brings_what_it_says() -> None:
    """One more box, the next option, so many more devices: each changes the score by exactly its gain."""
    before = scored("sme-2024", **LOW)
    for gap in before.gaps:
        if gap.item in (None, "11", "12", "13", "15"):
            continue
        answers = deepcopy(LOW["answers"])
        mine, no = answers[gap.item], gap.item
        if gap.item in ("2", "3"):
            more = re.search(r"(\d+) more devices", gap.needs.en)
            assert more is not None
            mine["digital" if no == "2" else "networked"] += int(more[1])
        elif isinstance(mine, list):
            positions = [2] if not mine else [3, *(14, 15)] if no == "4" else [*mine, 5]
            answers[no] = positions
        else:
            answers[no] = mine + 1
        after = scored("sme-2024", answers=answers, scenes=LOW["scenes"])
        assert (after.score or 0) - (before.score or 0) == gap.gain, no


def test_one_device_fewer_is_not_enough() -> None:
    """6 of 40 devices are digital; the band above 20 % begins at 9."""
    for digital, points in ((8, 25), (9, 50)):
        form = scored("sme-2024", answers={"2": {"total": 40, "digital": digital}})
        assert form.items[1].points == points
    assert "3 more devices, to above 20 to 40 %" in of_item(scored("sme-2024", **LOW).gaps, "2").needs.en


def test_the_devices_to_connect_are_named() -> None:
    reading = Reading({"total": Fraction(40), "networked": Fraction(3)}, next=("cnc-07", "press-02", "saw-01"))
    gap = of_item(scored("sme-2024", Measured({"3": reading}), **LOW).gaps, "3")
    assert gap.devices == ("cnc-07", "press-02")
    assert gap.needs.zh == "第3题 设备联网：再增加 2 台，达到 (10%, 20%]：cnc-07、press-02"


def test_cheapest_first() -> None:
    """A missing answer, then boxes by what they bring, then devices, then results of the business."""
    answers = {no: answer for no, answer in LOW["answers"].items() if no != "14"}
    order = [gap.item for gap in scored("sme-2024", answers=answers, scenes=LOW["scenes"]).gaps if gap.item]
    assert order == ["14", "5", "1", "9", "8", "10", "6", "7", "4", "3", "2", "12", "13", "15", "11"]


def test_a_step_that_is_enough_alone() -> None:
    """16 points, so 4 are short: four missing answers could bring 6 or 7; no box brings 4, nor do items 14 and 15."""
    answers = {"1": [2, 3, 4], "5": 3, "9": [], "6": [2, 3, 4, 5], "10": [], "7": [], "8": 1, "11": 1, "4": []}
    form = scored("sme-2024", answers=answers)
    assert form.score == Fraction(16)
    alone = {gap.item for gap in form.gaps if gap.alone}
    assert alone == {"2", "3", "12", "13"}


def test_binding_scenes_first_and_the_fewest_clauses() -> None:
    names = [gap.scene for gap in scored("sme-2024", **LOW).gaps if gap.scene]
    assert names[:4] == ["营销管理", "生产管控", "采购管理", "仓储物流"]  # one clause each, binding
    assert names[-1] == "决策支持"  # four clauses, not binding
    assert "财务管理" not in names  # is at level 2 already
    assert len(names) == 15


def test_the_shorter_alternative_is_the_one_to_take() -> None:
    gaps = scored("sme-2024", **{**LOW, "scenes": dict.fromkeys(LOW["scenes"], 2), "answers": {}}).gaps
    assert not [gap for gap in gaps if gap.scene]  # scenes are enough for level 1, points are short
    full = {"1": [2, 3, 4, 5], "2": 5, "3": 5, "4": list(range(2, 16)), "5": 5, "8": 6, "9": [2, 3, 4, 5]}
    lifted = scored("sme-2024", answers=full, scenes=dict.fromkeys(LOW["scenes"], 2))
    quality = next(gap for gap in lifted.gaps if gap.scene == "质量管理")
    assert quality.needs.zh == "质量管理* 达到三级（集成级）：原材料、半成品、成品质量可追溯"


def test_nothing_stands_above_the_highest_level() -> None:
    full = {
        **{no: list(range(2, n + 1)) for no, n in (("1", 5), ("4", 15), ("6", 5), ("7", 5), ("9", 5), ("10", 6))},
        **dict.fromkeys(("2", "3", "5", "11"), 5),
        **dict.fromkeys(("12", "13", "14", "15"), 3),
        "8": 6,
    }
    scenes = {scene.name: 4 for scene in load("sme-2024").scenes}
    form = scored("sme-2024", answers=full, scenes=scenes)
    assert (form.score, form.level, form.gaps) == (100, 4, ())


def test_the_next_level_of_an_indicator() -> None:
    """Level 2 with 8 points: level 3 begins at 20, so 12 ninths are gained; level 6 has nothing above it."""
    answers = {"1": {"level": 2, "points": 8}, "2": {"level": 6, "points": 90}}
    gaps = scored("jiangsu-general-2025", answers=answers).gaps
    assert gaps[0].needs.en == "a score above 60 (10.888889 now)"
    assert of_item(gaps, "1").gain == Fraction(12, 9)
    assert of_item(gaps, "1").needs.zh == "第1项 研发设计数字化水平 达到 3 级：部署 PDM/PLM 类系统，数据集成、过程管理"
    assert not [gap for gap in gaps if gap.item == "2"]
    assert of_item(gaps, "3").needs.zh == "第3项 生产管理数字化水平：填报（至多 +11.11 分）"


def test_a_tier_of_a_national_factory() -> None:
    sections = dict.fromkeys(SECTIONS, 3) | {"运营管理": 2}
    gaps = scored("factory-2025", maturity=2, sections=sections, ai_scene_ratio=0.1, declared={"people": False}).gaps
    assert [gap.needs.en for gap in gaps] == [
        "maturity level 3 (2 now)",
        "an AI scene ratio of 0.2 (0.1 now)",
        "condition people: declared as not met",
        "Operations management to excellent: Lean, precise marketing, services, mass customization, "
        "supply risk warnings; Business is sensed in time and decided fast",
    ]


def test_a_tier_of_a_jiangsu_factory() -> None:
    scenes = {str(no): 2 for no in (3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 18)}
    gaps = scored("jiangsu-factory-2025", general_score=72, maturity=2, scenes=scenes).gaps
    assert [gap.needs.en for gap in gaps[:2]] == [
        "a scene of Operations management at advanced",
        "1 more scene at advanced",
    ]
    section = {scene.name: scene.section for scene in load("jiangsu-factory-2025").scenes}
    assert {section[gap.scene] for gap in gaps[2:10] if gap.scene} == {"运营管理"}
    assert next(gap for gap in gaps if gap.scene == "弹性供应链").needs.zh.startswith("弹性供应链 达到卓越级：")


@pytest.mark.parametrize("general", [None, 60])
def test_the_general_score_is_named_first(general: int | None) -> None:
    gaps = scored("jiangsu-factory-2025", general_score=general).gaps
    told = "not given" if general is None else "60"
    assert gaps[0].needs.en == f"a general score above 60 ({told} now)"


def test_a_clause_that_facts_refute_is_marked() -> None:
    from kpi.forms.measured import Holding

    rules = {rule: Holding(False) for rule in load("sme-2024").rules() if rule.id == "carriers_collected"}
    form = scored("sme-2024", Measured({}, rules), **LOW)
    energy = next(gap for gap in form.gaps if gap.scene == "能耗管理")
    assert "All existing carriers (water, power, gas, liquids) are collected (measured: not met)" in energy.needs.en
