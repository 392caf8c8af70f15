"""The published vectors: worked enterprises to the last digit, and every band edge."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from config.template_file import load
from kpi.forms.answers import parse_answers
from kpi.forms.measured import NOTHING
from kpi.forms.score import score
from tests.forms.published import LOW, VECTORS, faults, general, item, result


# -- worked enterprises ------------------------------------------------------------------------------------------------
def test_sme_low() -> None:
    found = result(**{**LOW["answers"], "template": "sme-2024"})
    for no, told in LOW["items"].items():
        mine = item(found, no)
        assert mine["points"] == told["option_score_0_100"]
        assert mine["weight"] == told["effective_weight"]
        assert mine["contribution"] == told["contribution"]
        assert mine["origin"] == "declared"
    assert found["dimensions"] == LOW["dimension_points"]
    assert found["score"] == found["score_high"] == LOW["total"]
    assert found["checks"] == LOW["level_checks"]
    assert found["level_by_score"] == LOW["level_by_score"]
    assert found["level_by_scenes"] == LOW["level_by_scenes"]
    assert (found["level"], found["level_name"]) == (LOW["final_level"], LOW["final_level_name"])
    assert {each["scene"]: each["level"] for each in found["scenes"]} == {
        name.rstrip("*"): level for name, level in LOW["scenes"].items()
    }
    assert found["complete"] is True
    assert found["declared"] == {"score": LOW["total"], "level": LOW["final_level"]}


def test_sme_low_is_exact_inside() -> None:
    form = load("sme-2024")
    declared = parse_answers(form, json.dumps(LOW["answers"], ensure_ascii=False))
    assert score(form, NOTHING, declared).score == Fraction(LOW["total_exact"])


def test_sme_low_with_the_platform_s_rounding() -> None:
    found = result(**{**LOW["answers"], "template": "sme-2024", "switches": {"item4_points": "platform"}})
    assert found["score"] == LOW["total_with_platform_item4_rounding"]


def test_jiangsu_general_low() -> None:
    told = VECTORS["jiangsu_general_low"]
    found = result("jiangsu-general-2025", answers=general())
    assert found["score"] == told["composite_A_equal_weight_excl_item7"]
    assert found["level"] is None
    assert found["level_name"] is None
    assert found["suggested_tier"] == 0
    assert found["range_with_item_7"] == told["composite_range_with_item_7_as_a_tenth"]
    for no, row in told["rows"].items():
        if row["score"] is not None:
            assert item(found, no)["inputs"]["segment"] == row["segment"]


def test_jiangsu_factory_low(tmp_path: Path) -> None:
    told = VECTORS["jiangsu_factory_low"]
    composite = VECTORS["jiangsu_general_low"]["composite_A_equal_weight_excl_item7"]
    found = result("jiangsu-factory-2025", general_score=composite, maturity=1, scenes=told["scenes"])
    assert found["level_name"] == told["tier"]
    for tier, check in told["checks"].items():
        assert {key: found["checks"][tier][key] for key in check} == check


# -- bands and segments ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("row", VECTORS["band_boundaries"], ids=lambda row: f"{row['num']}/{row['den']}")
def test_band_edges(row: dict[str, Any]) -> None:
    for no, part in (("2", "digital"), ("3", "networked")):
        found = item(result("sme-2024", answers={no: {"total": row["den"], part: row["num"]}}), no)
        assert found["options"] == [row["band_index"] + 1]
        assert found["points"] == row["score"]
    yearly = {"spend": [row["num"]], "revenue": [row["den"]]}
    assert item(result("sme-2024", answers={"11": yearly}), "11")["points"] == row["score"]


SEGMENTS = """
1 0 ——
2 0.5 基本符合
2 6.999 基本符合
2 7 比较符合
2 13.99 比较符合
2 14 非常符合
2 19.99 非常符合
3 20 基本符合
3 27 比较符合
3 34 非常符合
4 40 基本符合
4 47 比较符合
4 54 非常符合
5 60 基本符合
5 67 比较符合
5 74 非常符合
6 80 基本符合
6 87 比较符合
6 94 非常符合
6 99.9 非常符合
6 100 非常符合
"""


@pytest.mark.parametrize("row", SEGMENTS.strip().splitlines())
def test_segments(row: str) -> None:
    level, points, segment = row.split()
    found = item(result("jiangsu-general-2025", answers={"2": {"level": int(level), "points": float(points)}}), "2")
    assert found["inputs"]["segment"] == segment
    assert found["points"] == float(points)


@pytest.mark.parametrize(
    ("level", "points"), [(1, 1), (2, 0), (2, 20), (3, 19.99), (3, 40), (4, 39), (4, 60), (5, 80), (6, 79), (6, 100.1)]
)
def test_points_outside_the_level(level: int, points: float) -> None:
    said = faults("jiangsu-general-2025", answers={"2": {"level": level, "points": points}})
    assert "answers.2.points: the points do not fit the level" in said
