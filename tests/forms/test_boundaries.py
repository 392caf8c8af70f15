"""The published boundary cases, each with what it must come to."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from config.template_file import load
from tests.forms.published import LOW, VECTORS, faults, item, result

BINDING = ("产品设计", "营销管理", "生产管控", "质量管理", "设备管理", "安全生产")
REST = ("工艺设计", "售后服务", "计划排程", "人力资源", "协同办公", "决策支持")


def low(**answers: Any) -> dict[str, Any]:
    return {**LOW["answers"], "answers": {**LOW["answers"]["answers"], **answers}}


def scored(points: list[str], level: int, scenes: dict[str, int]) -> dict[str, Any]:
    """All items full but those named, which get none; each scene at the level told."""
    full: dict[str, Any] = {
        "1": [2, 3, 4, 5], "2": {"total": 1, "digital": 1}, "3": {"total": 1, "networked": 1}, "4": list(range(2, 16)),
        "5": 5, "6": [2, 3, 4, 5], "7": [2, 3, 4, 5], "8": 6, "9": [2, 3, 4, 5], "10": [2, 3, 4, 5, 6],
        "11": {"ratio": 0.9}, "12": 3, "13": 3, "14": 3, "15": 3,
    }  # fmt: skip
    none: dict[str, Any] = {
        "1": [],
        "2": 1,
        "3": 1,
        "4": [],
        "5": 1,
        "6": [],
        "7": [],
        "8": 1,
        "9": [],
        "10": [],
        "11": 1,
    }
    answers = {no: none.get(no, 1) if no in points else answer for no, answer in full.items()}
    return result("sme-2024", answers=answers, scenes=scenes)


def case_n_dig_above_n_prod() -> None:
    said = faults("sme-2024", answers={"2": {"total": 40, "digital": 41}})
    assert "answers.2: `digital` is more than `total` (got 41 of 40)" in said


def case_n_net_above_n_dig() -> None:
    answers = {"2": {"total": 40, "digital": 6}, "3": {"total": 40, "networked": 8}}
    assert "联网设备多于数字化设备（第2、3题）" in result("sme-2024", answers=answers)["warnings"]


def case_n_prod_zero() -> None:
    found = result("sme-2024", answers={"2": {"total": 0, "digital": 0}})
    assert item(found, "2")["origin"] == "missing"
    assert item(found, "2")["points"] is None
    assert any("分母为 0" in words for words in found["warnings"])


def case_none_with_another() -> None:
    for options in ([1, 2], ["无", 3]):
        assert "answers.1: 无 stands with another option" in faults("sme-2024", answers={"1": options})


def case_item_4_all() -> None:
    for rounding in ("exact", "platform"):
        switches = {"item4_points": rounding}
        found = result("sme-2024", answers={"4": list(range(2, 16))}, switches=switches)
        assert item(found, "4")["points"] == 100


def case_item_12_slightly_less() -> None:
    answers = {"12": {"before": {"tce": 1000, "revenue": 5000}, "after": {"tce": 997, "revenue": 5000}}}
    strict = result("sme-2024", answers=answers)
    assert (item(strict, "12")["options"], item(strict, "12")["points"]) == ([3], 100)
    assert strict["warnings"] == ["第12题：变化 -0.3 %，小于计量不确定度 0.5 %"]
    tolerant = result("sme-2024", answers=answers, switches={"flat_tolerance": 0.005})
    assert (item(tolerant, "12")["options"], item(tolerant, "12")["points"]) == ([2], 50)


def case_score_just_below() -> None:
    """The nearest below 60 that an answer file can come, since all parts are multiples of 1/28: 60 - 1/28."""
    answers: dict[str, Any] = {
        "1": [2, 3, 4, 5], "2": 2, "3": 5, "4": [2], "5": 5, "6": [2, 3, 4, 5], "7": [2, 3, 4, 5], "8": 1,
        "9": [2], "10": [], "11": 2, "12": 3, "13": 3, "14": 3, "15": 3,
    }  # fmt: skip
    scenes = dict.fromkeys((*BINDING, *REST), 3)
    found = result("sme-2024", answers=answers, scenes=scenes)
    assert (found["score"], found["level_by_score"], found["level_by_scenes"], found["level"]) == (59.964286, 2, 3, 2)


def case_binding_short() -> None:
    scenes = dict.fromkeys((*BINDING[:4], *REST[:4]), 3) | {BINDING[4]: 2}
    found = scored(["4", "5", "8", "9"], 3, scenes)
    assert (found["score"], found["level_by_score"], found["level_by_scenes"], found["level"]) == (65.0, 3, 2, 2)


def case_js_level_2_points_0() -> None:
    said = faults("jiangsu-general-2025", answers={"1": {"level": 2, "points": 0}})
    assert "the points do not fit the level (got 0); level 2 has above 0 to below 20" in said


def case_js_level_2_points_20() -> None:
    assert "(got 20)" in faults("jiangsu-general-2025", answers={"1": {"level": 2, "points": 20}})


def case_js_100() -> None:
    found = result("jiangsu-general-2025", answers={"1": {"level": 6, "points": 100}})
    assert item(found, "1")["points"] == 100
    assert "第1项：100 分，原表印为 [94-100)" in found["warnings"]
    refused = faults(
        "jiangsu-general-2025", answers={"1": {"level": 6, "points": 100}}, switches={"points_100": "refuse"}
    )
    assert "level 6 has from 80 to below 100" in refused


def case_js_na_not_allowed() -> None:
    for word in ("na", "不涉及", "不涉及此环节"):
        said = faults("jiangsu-general-2025", answers={"2": word})
        assert (
            said == "answers:1: answers.2: 不涉及 is not allowed here (got " + word + "); only items 1, 5, 6 may be na"
        )


def case_js_exactly_60() -> None:
    answers = {str(no): {"level": 5, "points": 60} for no in range(1, 11) if no != 7}
    assert result("jiangsu-general-2025", answers=answers)["suggested_tier"] == 0
    inclusive = result("jiangsu-general-2025", answers=answers, switches={"above": "inclusive"})
    assert inclusive["suggested_tier"] == 1


def case_js_rate_exactly_50() -> None:
    clause = next(c for c in load("jiangsu-general-2025").clauses() if c.rule == "networking")
    assert clause.parameters == (("at_least", Fraction(1, 2)),)


def case_js_nc_exactly_30() -> None:
    clause = next(c for c in load("jiangsu-general-2025").clauses() if c.rule == "key_process_nc")
    assert clause.parameters == (("above", Fraction(3, 10)),)


def case_js_scene_1_basic() -> None:
    said = faults("jiangsu-factory-2025", scenes={"工厂数字化设计与交付": 1})
    assert 'scenes.工厂数字化设计与交付: 基础级 may not be declared here, its cell is "/"' in said


def case_no_scene() -> None:
    found = scored(["9"], 1, {})
    assert found["score"] == 92.5
    assert (found["level"], found["level_name"]) == (0, "无等级")


def case_level_4_scenes_short() -> None:
    scenes = dict.fromkeys((*BINDING[:5], *REST[:5]), 4) | {BINDING[5]: 3, REST[5]: 3}
    found = scored(["8", "11"], 4, scenes)
    assert (found["score"], found["level"], found["level_by_score"], found["level_by_scenes"]) == (85.0, 3, 4, 3)


def case_item_11_both() -> None:
    yearly = {"spend": [30, 80, 85], "revenue": [150, 1000, 950]}
    found = result("sme-2024", answers={"11": yearly})
    assert item(found, "11")["points"] == 0
    inputs = item(found, "11")["inputs"]
    assert (inputs["ratio_of_sums"], inputs["mean_of_ratios"]) == (0.092857, 0.123158)
    assert found["warnings"] == ["第11题：合计之比 9.28571 % 属 [0-10%]，逐年比例平均 12.3158 % 属 (10%, 20%]"]
    other = result("sme-2024", answers={"11": yearly}, switches={"item11_ratio": "years"})
    assert item(other, "11")["points"] == 25


def case_item_12_flat() -> None:
    answers = {"12": {"before": {"tce": 371.004, "revenue": 5200}, "after": {"tce": 1113.012, "revenue": 15600}}}
    found = item(result("sme-2024", answers=answers), "12")
    assert (found["options"], found["points"]) == ([2], 50)


def case_revenue_differs() -> None:
    answers = low()["answers"]
    answers["15"] = {"before": {"cost": 4640, "revenue": 5201}, "after": {"cost": 4680, "revenue": 5200}}
    said = faults("sme-2024", answers=answers)
    assert "answers.15.before.revenue: items 14 and 15 state different revenue of one year" in said
    assert "(got 5201, item 14 has 5200)" in said


def case_js_level_1() -> None:
    found = result("jiangsu-general-2025", answers={"2": {"level": 1, "points": 0}, "3": {"level": 1}})
    assert [item(found, no)["points"] for no in ("2", "3")] == [0, 0]
    assert [item(found, no)["origin"] for no in ("2", "3")] == ["declared", "declared"]


def case_js_level_1_points_1() -> None:
    said = faults("jiangsu-general-2025", answers={"2": {"level": 1, "points": 1}})
    assert "level 1 has exactly 0" in said


def case_js_upper_sub_segments() -> None:
    """test_segments has them: 7 and 14, 27 and 34."""
    found = result("jiangsu-general-2025", answers={"1": {"level": 2, "points": 7}, "2": {"level": 3, "points": 34}})
    assert [item(found, no)["inputs"]["segment"] for no in ("1", "2")] == ["比较符合", "非常符合"]


def jiangsu(general_score: float, scenes: list[int]) -> dict[str, Any]:
    levels = {str(no): 2 for no in scenes}
    return result("jiangsu-factory-2025", general_score=general_score, maturity=2, scenes=levels)


def case_factory_65() -> None:
    found = jiangsu(65, [3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 18, 25])
    assert (found["level"], found["level_name"]) == (2, "先进级")
    assert any("65 不高于 70" in words for words in found["warnings"])


def case_factory_not_covered() -> None:
    found = jiangsu(72, [3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 18, 22])
    assert (found["level"], found["level_name"]) == (1, "基础级")
    assert found["checks"]["先进级"]["covered"] == ["生产作业", "生产管理", "研发设计"]


def case_national_2() -> None:
    sections = {"生产作业": 2, "生产管理": 2, "运营管理": 2}
    found = result("factory-2025", maturity=2, sections=sections)
    assert (found["level"], found["level_name"]) == (2, "先进级")
    assert found["not_declared"] == ["basic", "previous_tier", "kpi_position", "lead"]


def national(maturity: int, tier: int, ratio: float | None) -> int:
    sections = dict.fromkeys(("工厂建设", "研发设计", "生产作业", "生产管理", "运营管理"), tier)
    more = {} if ratio is None else {"ai_scene_ratio": ratio}
    level = result("factory-2025", maturity=maturity, sections=sections, **more)["level"]
    assert isinstance(level, int)
    return level


def case_national_019() -> None:
    assert national(3, 3, 0.19) == 2


def case_national_020() -> None:
    assert national(3, 3, 0.2) == 3


def case_national_maturity_1() -> None:
    assert national(1, 4, None) == 0


CASES: dict[str, Callable[[], None]] = {
    "n_dig > n_prod": case_n_dig_above_n_prod,
    "n_net > n_dig": case_n_net_above_n_dig,
    "n_prod = 0": case_n_prod_zero,
    "无 selected together with another option (multi-select)": case_none_with_another,
    "item 4 all 14 options": case_item_4_all,
    "item 4 all 14 options, platform rounding 13*7+9": case_item_4_all,
    "item 12 change -0.3 %, strict": case_item_12_slightly_less,
    "item 12 change -0.3 %, tolerance 0.5 %": case_item_12_slightly_less,
    "score 59.999999": case_score_just_below,
    "score 61, scenes >=L3: 8 of which binding 4": case_binding_short,
    "JS indicator level 2 score 0": case_js_level_2_points_0,
    "JS indicator level 2 score 20": case_js_level_2_points_20,
    "JS indicator level 6 score 100": case_js_100,
    "JS indicator 2 = 不涉及": case_js_na_not_allowed,
    "JS composite exactly 60": case_js_exactly_60,
    "JS rate exactly 50 % of devices": case_js_rate_exactly_50,
    "JS key-process NC rate exactly 30 %": case_js_nc_exactly_30,
    "JS scene 1 declared 基础级": case_js_scene_1_basic,
    "score 90, no scene at level 1": case_no_scene,
    "score 85, scenes >=L4: 10 of which binding 5, >=L3: 12 of which binding 6": case_level_4_scenes_short,
    "item 11 spend [30,80,85] revenue [150,1000,950]": case_item_11_both,
    "item 12 before {tce 371.004, revenue 5200}, after {tce 1113.012, revenue 15600}": case_item_12_flat,
    "items 14 and 15 state different revenue for the same year": case_revenue_differs,
    "JS level 1 points 0": case_js_level_1,
    "JS level 1 points 1": case_js_level_1_points_1,
    "JS level 2 points 7 / 14, level 3 points 27 / 34": case_js_upper_sub_segments,
    "jiangsu-factory: general score 65, CMMM 2, scenes 3,4,5,6,7,8,9,12,13,14,15,16,17,18,25 at 先进": case_factory_65,
    "jiangsu-factory: general score 72, CMMM 2, scenes 3,4,5,6,7,8,9,12,13,14,15,16,17,18,22 at 先进": (
        case_factory_not_covered
    ),
    "factory-2025: maturity 2, sections {生产作业 2, 生产管理 2, 运营管理 2}": case_national_2,
    "factory-2025: maturity 3, all five sections 3, ai_scene_ratio 0.19": case_national_019,
    "factory-2025: maturity 3, all five sections 3, ai_scene_ratio 0.2": case_national_020,
    "factory-2025: maturity 1, all five sections 4": case_national_maturity_1,
}


@pytest.mark.parametrize("name", [row["case"] for row in VECTORS["boundary_cases"]])
def test_boundary_case(name: str) -> None:
    CASES[name]()
