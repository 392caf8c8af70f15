"""Facts in a form: they decide where they can, contradict where they must, and never guess."""

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from config.template_file import load
from kpi.forms.answers import parse_answers
from kpi.forms.measured import NOTHING, Holding, Measured, Reading
from kpi.forms.score import score
from tests.forms.facts import FACTORY, GENERAL, KPIS, SME, facts, item, reading, result


# -- numbers -----------------------------------------------------------------------------------------------------------
def test_the_measured_option_scores_and_the_declared_one_is_a_conflict() -> None:
    """48 of 120 is 40 %, the upper edge of the third band; 60 of 120 is in the fourth."""
    networked = {"3": replace(reading(total=120, networked=48), evidence={"register": "ab12"})}
    found = result(SME, facts(SME, networked), answers={"3": {"total": 120, "networked": 60}})
    mine = item(found, "3")
    assert (mine["options"], mine["points"], mine["origin"]) == ([3], 50, "measured")
    assert mine["inputs"] == {"total": 120, "networked": 48, "ratio": 0.4}
    assert mine["evidence"] == {"register": "ab12"}
    assert mine["conflict"] == {
        "declared": {"options": [4], "value": 0.5, "inputs": {"total": 120, "networked": 60}},
        "measured": {"options": [3], "value": 0.4, "inputs": {"total": 120, "networked": 48}},
        "same_option": False,
    }
    assert (found["score"], found["declared"]["score"]) == (3.0, 4.5)


def test_another_number_in_the_same_band() -> None:
    measured = facts(SME, {"3": reading(total=120, networked=48)})
    found = item(result(SME, measured, answers={"3": {"total": 120, "networked": 45}}), "3")
    assert found["conflict"]["same_option"] is True


@pytest.mark.parametrize("answer", [{"total": 120, "networked": 48}, 3, None])
def test_no_conflict_where_nothing_differs(answer: object) -> None:
    measured = facts(SME, {"3": reading(total=120, networked=48)})
    found = item(result(SME, measured, answers={"3": answer}), "3")
    assert (found["origin"], found["conflict"]) == ("measured", None)


def test_another_option_ticked() -> None:
    measured = facts(SME, {"3": reading(total=120, networked=48)})
    assert item(result(SME, measured, answers={"3": 5}), "3")["conflict"]["same_option"] is False


def test_thin_data_is_not_measured_and_never_the_lowest_option() -> None:
    thin = facts(SME, {"3": Reading(reason="short_history")})
    found = item(result(SME, thin, answers={"3": {"total": 120, "networked": 60}}), "3")
    assert (found["options"], found["origin"], found["reason"], found["conflict"]) == (
        [4],
        "declared",
        "short_history",
        None,
    )
    alone = item(result(SME, thin), "3")
    assert (alone["options"], alone["points"], alone["origin"], alone["reason"]) == (
        [],
        None,
        "missing",
        "short_history",
    )


def test_energy_measured_revenue_declared() -> None:
    revenue = {"before": {"revenue": 5200}, "after": {"revenue": 5200}}
    both = facts(SME, {"12": reading(before_tce=371.2, after_tce=382.919)})
    mine = item(result(SME, both, answers={"12": revenue}), "12")
    assert (mine["options"], mine["origin"], mine["conflict"]) == ([1], "measured", None)
    assert mine["inputs"]["after"] == {"tce": 382.919, "revenue": 5200, "value": 0.736383}
    assert item(result(SME, NOTHING, answers={"12": revenue}), "12")["origin"] == "missing"


def test_energy_of_one_year_measured_only() -> None:
    """The year before is from the answer file, so a declaration still decides: supported."""
    declared = {"before": {"tce": 371.2, "revenue": 5200}, "after": {"revenue": 5200}}
    mine = item(result(SME, facts(SME, {"12": reading(after_tce=370)}), answers={"12": declared}), "12")
    assert (mine["options"], mine["origin"], mine["points"]) == ([3], "supported", 100)


def test_a_false_energy_figure_is_a_conflict() -> None:
    declared = {"before": {"tce": 371.2, "revenue": 5200}, "after": {"tce": 360, "revenue": 5200}}
    measured = facts(SME, {"12": reading(before_tce=371.2, after_tce=382.919)})
    mine = item(result(SME, measured, answers={"12": declared}), "12")
    assert mine["conflict"]["declared"] == {"options": [3], "inputs": {"before": {"tce": 371.2}, "after": {"tce": 360}}}
    assert mine["conflict"]["same_option"] is False


def test_one_false_figure_beside_one_left_out() -> None:
    """400 tce declared for the year before, 371.2 measured: with the measured 382.919 it would have been less."""
    declared = {"before": {"tce": 400, "revenue": 5200}, "after": {"revenue": 5200}}
    measured = facts(SME, {"12": reading(before_tce=371.2, after_tce=382.919)})
    mine = item(result(SME, measured, answers={"12": declared}), "12")
    assert (mine["options"], mine["origin"]) == ([1], "measured")
    assert mine["conflict"]["declared"] == {"options": [3], "inputs": {"before": {"tce": 400}}}


def test_measured_energy_without_revenue_is_shown_and_missing() -> None:
    mine = item(result(SME, facts(SME, {"12": reading(before_tce=371.2, after_tce=382.919)})), "12")
    assert (mine["origin"], mine["options"]) == ("missing", [])
    assert mine["inputs"] == {"before": {"tce": 371.2}, "after": {"tce": 382.919}}


def test_a_pass_rate_measured() -> None:
    mine = item(result(SME, facts(SME, {"13": reading(before=96.2, after=97)})), "13")
    assert (mine["options"], mine["origin"], mine["points"]) == ([3], "measured", 100)


def test_revenue_of_item_14_serves_item_12() -> None:
    answers = {"14": {"before": {"revenue": 5200, "employees": 88}, "after": {"revenue": 5200, "employees": 85}}}
    answers["12"] = {"before": {"tce": 371.2}, "after": {"tce": 360}}  # type: ignore[dict-item]
    assert item(result(SME, NOTHING, answers=answers), "12")["options"] == [3]


def test_a_reading_may_only_support() -> None:
    """A rate whose digital devices stand in the register but answer no protocol: a declaration still decides."""
    weak = replace(reading(total=40, digital=9), origin="supported")
    assert item(result(SME, facts(SME, {"2": weak})), "2")["origin"] == "supported"


# -- several choices ---------------------------------------------------------------------------------------------------
def test_links_that_facts_prove_and_refute() -> None:
    """Energy (11) is proven though not ticked, quality (8) is refuted though ticked; finance (14) is declared."""
    rules = {rule: Holding(None) for rule in load(SME).rules()}
    for rule in rules:
        if rule.id == "automatic_points":
            rules[rule] = Holding({"energy": True, "quality": False}.get(str(dict(rule.parameters)["link"])))
    mine = item(result(SME, Measured({}, rules), answers={"4": [8, 14]}), "4")
    assert (mine["options"], mine["origin"]) == ([11, 14], "supported")
    assert mine["conflict"] == {
        "declared": {"options": [8, 14]},
        "measured": {"options": [11, 14]},
        "same_option": False,
    }
    assert [each["option"] for each in mine["clauses"] if each["origin"] == "measured"] == [8, 11]


def test_choices_measured_without_any_declaration() -> None:
    mine = item(result(SME, facts(SME, workshop_controllers=True)), "1")
    assert (mine["options"], mine["points"], mine["origin"], mine["conflict"]) == ([2], 25, "measured", None)


def test_none_is_refuted_by_facts() -> None:
    mine = item(result(SME, facts(SME, workshop_controllers=True), answers={"1": []}), "1")
    assert (mine["options"], mine["conflict"]["declared"]) == ([2], {"options": [1]})


def test_an_option_that_needs_both_a_fact_and_a_declaration() -> None:
    for covered, ticked, holds in ((True, True, True), (True, False, False), (False, True, False), (None, True, True)):
        measured = facts(SME, workshops_networked=covered)
        mine = item(result(SME, measured, answers={"1": [2, 5] if ticked else [2]}), "1")
        assert (5 in mine["options"]) is holds


def test_full_coverage_may_be_made_to_need_the_options_before_it() -> None:
    switch = {"item1_option4_needs_1_3": True}
    short = result(SME, NOTHING, answers={"1": [2, 3, 5]}, switches=switch)
    assert (item(short, "1")["options"], item(short, "1")["points"]) == ([2, 3], 50)
    assert "item 1: full coverage does not count without the options before it" in short["warnings"][0]
    assert item(result(SME, NOTHING, answers={"1": [2, 3, 4, 5]}, switches=switch), "1")["points"] == 100


# -- the general index -------------------------------------------------------------------------------------------------
def test_a_capped_indicator_gets_no_invented_points() -> None:
    """Level 3 fails, so level 2 counts with its lower end, 0, and could be up to 20: a ninth of that in the score."""
    found = result(GENERAL, facts(GENERAL, networking=False), answers={"2": {"level": 3, "points": 25}})
    mine = item(found, "2")
    assert (mine["options"], mine["points"], mine["origin"]) == ([2], 0, "measured")
    assert (mine["inputs"]["low"], mine["inputs"]["high"]) == (0, 20)
    assert (mine["level"], mine["declared"], mine["cap"]) == (2, 3, 2)
    assert mine["conflict"]["declared"] == {"level": 3, "points": 25}
    assert (found["score"], found["score_high"]) == (0, round((20 + 8 * 100) / 9, 6))


def test_an_indicator_at_level_1_by_facts() -> None:
    found = item(result(GENERAL, facts(GENERAL, key_process_nc=False)), "2")
    assert (found["options"], found["points"], found["origin"]) == ([1], 0, "measured")


def test_an_indicator_that_facts_raise() -> None:
    measured = facts(GENERAL, key_devices_reported=True)
    assert item(result(GENERAL, measured), "9")["options"] == [2]
    assert item(result(GENERAL, measured, answers={"9": {"level": 2, "points": 13}}), "9")["points"] == 13
    raised = item(result(GENERAL, measured, answers={"9": {"level": 1}}), "9")
    assert (raised["options"], raised["points"], raised["conflict"]["same_option"]) == ([2], 0, False)


def test_the_general_score_of_a_factory_is_worked_out_under_the_same_facts(tmp_path: Any) -> None:
    from kpi.forms.answers import read_answers

    (tmp_path / "general.yaml").write_text(
        "answers: {" + ", ".join(f"{no}: {{level: 5, points: 63}}" for no in range(1, 11) if no != 7) + "}",
        encoding="utf-8",
    )
    (tmp_path / "factory.yaml").write_text("general_score: general.yaml\nmaturity: 2\n", encoding="utf-8")
    form = load(FACTORY)
    declared = read_answers(form, tmp_path / "factory.yaml")
    assert score(form, NOTHING, declared).also["general_score"] == 63
    capped = score(form, facts(GENERAL, networking=False), declared)  # indicator 2: level 2, points 0
    assert capped.also["general_score"] == Fraction(8 * 63, 9)


# -- the 21 indicators -------------------------------------------------------------------------------------------------
def test_shares_measured() -> None:
    measured = facts(KPIS, {"1": reading(controlled=18, total=20)})
    mine = item(result(KPIS, measured, answers={"1": 0.95}), "1")
    assert (mine["value"], mine["origin"], mine["conflict"]["same_option"]) == (0.9, "measured", False)
    assert item(result(KPIS, measured), "1")["conflict"] is None
    assert item(result(KPIS, measured, answers={"1": 0.9}), "1")["conflict"] is None


def test_oee_measured_in_both_periods() -> None:
    mine = item(result(KPIS, facts(KPIS, {"11": reading(base=0.61, now=0.68)})), "11")
    assert (mine["value"], mine["origin"]) == (0.114754, "measured")
    assert mine["change"] == {"relative": 0.114754, "points": 0.07}


def test_energy_per_output() -> None:
    """380 tce over 5200 is 0.0730769, 390 over 5400 is 0.0722222: 1.17 % less."""
    output = {"17": {"base": {"output": 5200}, "now": {"output": 5400}}}
    measured = facts(KPIS, {"17": reading(base_tce=380, now_tce=390)})
    mine = item(result(KPIS, measured, answers=output), "17")
    assert (mine["value"], mine["origin"]) == (0.011696, "measured")
    half = facts(KPIS, {"17": reading(now_tce=390)})
    declared = {"17": {"base": 0.0731, "now": {"output": 5400}}}
    assert item(result(KPIS, half, answers=declared), "17")["origin"] == "supported"
    assert item(result(KPIS, NOTHING, answers=output), "17")["origin"] == "missing"


def test_points_of_a_share_and_none_of_a_time() -> None:
    answers = {"6": {"base": 180, "now": 150}, "10": {"base": 0.03, "now": 0.02}}
    found = result(KPIS, NOTHING, answers=answers)
    assert item(found, "6")["change"] == {"relative": 0.166667, "points": None}
    assert item(found, "10")["change"] == {"relative": 0.333333, "points": 0.01}
    points = result(KPIS, NOTHING, answers=answers, switches={"change": "points"})
    assert [item(points, no)["value"] for no in ("6", "10")] == [0.166667, 0.01]


def test_rules_carry_the_switches() -> None:
    """What is ours to choose reaches the rule: an interval in nanoseconds, a share as an exact number."""
    form = load(SME)
    own = parse_answers(form, "switches: {meter_interval: 1min, key_device_coverage: 0.8}").settings
    rules = {rule.id: dict(rule.parameters) for rule in form.rules(own)}
    assert rules["meters_interval"] == {"interval": 60 * 10**9}
    assert rules["key_devices_live"] == {"coverage": Fraction(4, 5)}
    assert rules["workshops_networked"] == {"share": 1}


def test_a_figure_of_a_year_is_named_in_the_words_of_the_form() -> None:
    from kpi.forms.wording import conflict

    form = load(SME)
    declared = {"before": {"tce": 371.2, "revenue": 5200}, "after": {"tce": 360, "revenue": 5200}}
    given = parse_answers(form, json.dumps({"answers": {"12": declared}}))
    found = score(form, facts(SME, {"12": reading(before_tce=371.2, after_tce=382.919)}), given)
    zh, en = (conflict(found.items[11], lang) for lang in ("zh", "en"))
    before, after = "前 · 综合能源消费量 (tce) 371.2、", "后 · 综合能源消费量 (tce)"
    assert zh == f"第12项 绿色低碳：填报 {before}{after} 360，实测 {before}{after} 382.919"
    before, after = "before · energy (tce) 371.2, ", "after · energy (tce)"
    assert en == f"item 12, Energy intensity: declared {before}{after} 360, measured {before}{after} 382.919"


def test_the_table_names_conflicts_and_caps() -> None:
    from gemba.sheet import text

    form = load(SME)
    measured = facts(SME, {"3": reading(total=120, networked=48)}, key_devices_live=False)
    told = {"answers": {"3": {"total": 120, "networked": 60}}, "scenes": {"设备管理": 3}}
    found = score(form, measured, parse_answers(form, json.dumps(told, ensure_ascii=False)))
    zh, en = text(found, "zh"), text(found, "en")
    assert "  ! 第3项 设备联网：填报 总数 120、联网 60，实测 总数 120、联网 48" in zh
    assert "  ! item 3, Networked equipment: declared all 120, networked 60, measured all 120, networked 48" in en
    assert "设备管理*     2     3         2  实测" in zh
    assert "仅按填报  无等级 4.5" in zh


@pytest.mark.parametrize(
    ("told", "found", "same"),
    [
        ("382.919", "382.91949", True),
        ("382.92", "382.919", True),
        ("382.92", "382.914", False),
        ("383", "382.6", True),
        ("1", "1.2", False),
    ],
)
def test_a_rounded_declaration_is_no_conflict(told: str, found: str, same: bool) -> None:
    """An answer file has as many decimals as its writer cared for; the measured number has all of them."""
    measured = facts(SME, {"12": Reading({"before.tce": Fraction(400), "after.tce": Fraction(found)})})
    revenue = {"before": {"revenue": 5200}, "after": {"revenue": 5200, "tce": float(told)}}
    assert (item(result(SME, measured, answers={"12": revenue}), "12")["conflict"] is None) is same
