"""Levels under facts: a clause that fails caps, one that was not measured never does."""

import pytest

from config.template import Clause, Levels, Rule, Words
from config.template_file import load
from kpi.forms.clauses import Judge
from kpi.forms.measured import NOTHING, Holding, Measured
from tests.forms.facts import FACTORY, SME, facts, result, scene


@pytest.mark.parametrize(
    ("declared", "rules", "level", "cap"),
    [
        (3, {}, 3, None),
        (3, {"key_devices_live": False}, 2, 2),
        (4, {"key_devices_live": False, "oee_measured": True}, 2, 2),
        (3, {"key_devices_live": None, "oee_measured": None}, 3, None),
        (2, {"key_devices_live": False}, 2, None),
        (1, {"key_devices_live": True, "fault_record": True, "remote_access": True, "oee_measured": True}, 1, None),
        (2, {"key_devices_live": True, "fault_record": True, "remote_access": True, "oee_measured": True}, 3, None),
        (0, {"key_devices_live": True, "fault_record": True, "remote_access": True, "oee_measured": True}, 0, None),
    ],
)
def test_cap_of_equipment_management(declared: int, rules: dict[str, bool | None], level: int, cap: int | None) -> None:
    found = scene(result(SME, facts(SME, **rules), scenes={"设备管理": declared}), "设备管理")
    assert (found["level"], found["declared"], found["cap"]) == (level, declared, cap)


def test_a_failing_clause_and_one_that_was_not_measured() -> None:
    measured = facts(SME, key_devices_live=False, fault_record=None, remote_access=True)
    found = scene(result(SME, measured, scenes={"设备管理": 3}), "设备管理")
    third = {each["rule"]: each for each in found["clauses"] if each["level"] == 3}
    assert [(third[r]["origin"], third[r]["holds"], third[r]["reason"]) for r in third] == [
        ("measured", False, None),
        ("declared", True, "low_coverage"),
        ("measured", True, None),
        ("declared", True, None),
    ]
    assert found["origin"] == "measured"


def test_a_cap_far_below() -> None:
    assert scene(result(SME, facts(SME, risk_points_online=False), scenes={"安全生产": 4}), "安全生产")["cap"] == 1


def test_an_alternative_that_fails_leaves_the_other() -> None:
    """Level 3 of 质量管理 is digital inspection 或 traceability, and traceability is declared."""
    measured = facts(SME, inspection_devices=False, automatic_judgement=False)
    found = scene(result(SME, measured, scenes={"质量管理": 3}), "质量管理")
    assert (found["level"], found["cap"]) == (3, None)


def test_all_alternatives_must_fail() -> None:
    words = Words("甲", "a")
    levels: Levels = (tuple(Clause(words, 1, "measured", name, branch=n) for n, name in enumerate("ab", 1)),)
    for a, b, level, cap in (
        (False, False, 0, 0),
        (False, None, 1, None),
        (False, True, 1, None),
        (True, None, 1, None),
    ):
        rules = {Rule("a"): Holding(a), Rule("b"): Holding(b)}
        rating = Judge(load(SME), {}, Measured({}, rules)).rate(levels, 1)
        assert (rating.level, rating.cap) == (level, cap)


def test_measured_levels_need_no_declaration() -> None:
    measured = facts(
        FACTORY,
        **dict.fromkeys(
            ("key_devices_basic", "key_devices_live", "history_span", "live_view", "carriers_collected"), True
        ),
        energy_statistics=True,
    )
    found = result(FACTORY, measured)
    assert [scene(found, name)["level"] for name in ("设备运行监控", "能源智能管控")] == [2, 1]
    assert scene(found, "设备运行监控")["origin"] == "measured"
    assert found["declared"]["level"] == 0


def test_a_slash_is_never_reached() -> None:
    """Scene 2 begins at 先进: where that fails, nothing is left; where it was never claimed, nothing is there."""
    failed = result(FACTORY, facts(FACTORY, live_view=False), scenes={"数字孪生工厂运营优化": 3})
    assert (scene(failed, "数字孪生工厂运营优化")["level"], scene(failed, "数字孪生工厂运营优化")["cap"]) == (0, 0)
    assert scene(result(FACTORY, NOTHING), "虚拟验证与中试")["level"] == 0


def test_levels_apart_from_those_below() -> None:
    """Without `cumulative` a failing 先进 leaves 卓越 alone; where 卓越 itself fails, the level falls to what holds."""
    apart = {"cumulative": False}
    live = facts(FACTORY, key_devices_live=False)
    assert scene(result(FACTORY, live, scenes={"16": 3}, switches=apart), "设备运行监控")["level"] == 3
    assert scene(result(FACTORY, live, scenes={"16": 3}), "设备运行监控")["level"] == 1
    alarms = facts(FACTORY, key_devices_live=False, device_alarms=False)
    found = scene(result(FACTORY, alarms, scenes={"16": 3}, switches=apart), "设备运行监控")
    assert (found["level"], found["cap"]) == (1, 1)


def test_supported_is_decided_by_the_declaration() -> None:
    for told, origin in ((True, "supported"), (False, "declared"), (None, "declared")):
        found = scene(
            result(FACTORY, facts(FACTORY, setpoints_by_controller=told), scenes={"先进过程控制": 2}), "先进过程控制"
        )
        clause = next(each for each in found["clauses"] if each["rule"] == "setpoints_by_controller")
        assert (found["level"], clause["origin"], clause["holds"]) == (2, origin, True)
