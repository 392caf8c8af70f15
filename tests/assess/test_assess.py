"""A simulated plant through the forms: terms equal to its truth, origins as the form allows, false declarations caught,
and nothing capped that was merely not measured."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from config.template_file import load
from kpi.binding.bind import measured
from kpi.forms.assess import assess, declared_of
from tests.assess.plants import END, FAILING, MIDDLE, START, Factory

SME, KPIS, GENERAL, JIANGSU = "sme-2024", "factory-kpi-2025", "jiangsu-general-2025", "jiangsu-factory-2025"
KEY = ("press-01", "press-02", "press-03", "mill-01", "mill-02")
MILLS = ("mill-01", "mill-02")
TCE_PER_KWH = Fraction("1.229") / 10_000


@pytest.fixture(scope="module")
def ground(factory: Factory) -> Any:
    return factory.ground()


def told(ground: Any, template: str, **answers: Any) -> dict[str, Any]:
    form = load(template)
    return assess(form, declared_of(form, answers), ground).document("en")


def item(found: dict[str, Any], no: int) -> dict[str, Any]:
    return next(each for each in found["items"] if each["item"] == str(no))


def scene(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in found["scenes"] if each["scene"] == name)


def holds(of: dict[str, Any]) -> dict[tuple[int, str], bool | None]:
    return {(c.get("level", 0), c["rule"]): c["holds"] for c in of["clauses"] if c["rule"]}


def pieces(factory: Factory, assets: tuple[str, ...], start: Any, end: Any) -> dict[str, int]:
    """What the simulator knows that was made, summed over machines."""
    of = [factory.truth(asset, start, end)["pieces"] for asset in assets]
    return {name: sum(each[name] for each in of) for name in ("total", "good")}  # type: ignore[index]


# -- sme-2024 ----------------------------------------------------------------------------------------------------------
def test_devices(ground: Any) -> None:
    """Eight rows are in scope (the compressor is auxiliary); six are native or retrofitted, of which five answer; one
    of those loses every other hour."""
    found = told(ground, SME)
    assert item(found, 2)["inputs"] == {"digital": 6, "total": 8, "ratio": 0.75}
    assert item(found, 2)["origin"] == "supported"
    assert (item(found, 2)["evidence"]["low"], item(found, 2)["evidence"]["grade"]) == (0.625, "C")
    networked = item(found, 3)
    assert (networked["inputs"], networked["origin"]) == ({"networked": 4, "total": 8, "ratio": 0.5}, "measured")
    why = {each["asset"]: each["reason"] for each in networked["evidence"]["excluded"]}
    assert why == {
        FAILING: "too_few_samples",
        "saw-01": "control_meter",
        "drill-01": "not_connected",
        "robot-09": "not_connected",
    }
    form = load(SME)
    facts = measured(form, declared_of(form, None), ground)
    assert facts.items["3"].next == (FAILING, "robot-09", "drill-01")  # heard a little, digital already, the rest


def test_a_false_rate_is_a_conflict(ground: Any) -> None:
    found = told(ground, SME, answers={"2": {"total": 8, "digital": 8}, "3": {"total": 8, "networked": 6}})
    assert item(found, 3)["conflict"]["same_option"] is False
    assert item(found, 3)["options"] == [4]
    assert item(found, 2)["conflict"]["same_option"] is True
    assert found["declared"]["score"] == 12 and found["score"] > 12


def test_energy(factory: Factory, ground: Any) -> None:
    """Revenue is declared, standard coal is measured: the main meter counts what every machine used. A reading may be a
    tenth of a kWh old at either end, and at most one interval of the meter old."""
    revenue = {"12": {"before": {"revenue": 100}, "after": {"revenue": 90}}}
    mine = item(told(ground, SME, answers=revenue), 12)
    for side, start, end in (("before", START, MIDDLE), ("after", MIDDLE, END)):
        truth = sum(factory.truth(asset, start, end)["energy_wh"] for asset in factory.plant.assets)  # type: ignore[misc]
        expected = float(truth / 1000 * TCE_PER_KWH)
        assert mine["inputs"][side]["tce"] == pytest.approx(expected, rel=2e-3)
    assert (mine["origin"], mine["options"], mine["conflict"]) == ("measured", [1], None)
    false = {"12": {"before": {"tce": 2, "revenue": 100}, "after": {"tce": 0.5, "revenue": 90}}}
    assert item(told(ground, SME, answers=false), 12)["conflict"]["same_option"] is False


def test_pass_rate(factory: Factory, ground: Any) -> None:
    """Counters survive the gaps of the failing press, so the rate is exactly that of the simulator."""
    mine = item(told(ground, SME), 13)
    for side, start, end in (("before", START, MIDDLE), ("after", MIDDLE, END)):
        truth = pieces(factory, KEY, start, end)
        (month,) = mine["evidence"][side]["months"]
        assert month["month"] == "2026-08"
        assert month["part"] == pytest.approx(truth["good"], abs=10)  # one piece a machine and end at most
        assert month["total"] == pytest.approx(truth["total"], abs=10)
        assert mine["inputs"][side] == pytest.approx(100 * month["part"] / month["total"], abs=1e-4)
    assert mine["origin"] == "measured"
    lie = item(told(ground, SME, answers={"13": {"before": 99.9, "after": 97}}), 13)
    assert (lie["conflict"]["declared"]["options"], lie["options"]) == ([1], mine["options"])


def test_boxes(ground: Any) -> None:
    """The links that points prove are ticked, with those that only a declaration can tell."""
    found = told(ground, SME, answers={"1": [2, 5], "4": ["生产管控", "财务管理"]})
    assert (item(found, 1)["options"], item(found, 1)["origin"]) == ([2, 5], "supported")
    assert item(found, 4)["options"] == [7, 8, 9, 11, 14]
    assert item(found, 4)["conflict"]["declared"] == {"options": [7, 14]}
    assert item(found, 4)["origin"] == "supported"


def test_equipment_is_capped_by_the_press_that_fails(ground: Any) -> None:
    found = scene(told(ground, SME, scenes={"设备管理": 3}), "设备管理")
    assert (found["level"], found["declared"], found["cap"]) == (2, 3, 2)
    assert holds(found) == {
        (3, "key_devices_live"): False,
        (3, "fault_record"): True,
        (3, "remote_access"): True,
        (3, "oee_measured"): True,
        (4, "oee_measured"): None,
    }
    live = next(clause for clause in found["clauses"] if clause["rule"] == "key_devices_live")
    assert live["evidence"]["not_met"] == [FAILING]


def test_energy_scene(ground: Any) -> None:
    found = scene(told(ground, SME, scenes={"能耗管理": 3}), "能耗管理")
    assert (found["level"], found["cap"], found["origin"]) == (3, None, "supported")
    assert {rule: held for (level, rule), held in holds(found).items() if level in (2, 3)} == {
        "carriers_collected": True,
        "energy_statistics": True,
        "meters_interval": True,
        "meters_online": True,
        "energy_driver_points": True,
        "device_meters": True,
    }


def test_nothing_is_capped_that_was_not_measured(ground: Any) -> None:
    """No risk point, no inspection device, no order: whatever was declared of them stands."""
    found = told(ground, SME, scenes={"质量管理": 4, "安全生产": 4, "采购管理": 3, "决策支持": 4, "生产管控": 4})
    for name, level in {"质量管理": 4, "安全生产": 4, "采购管理": 3, "决策支持": 4, "生产管控": 4}.items():
        assert (scene(found, name)["level"], scene(found, name)["cap"]) == (level, None), name


# -- thin data ---------------------------------------------------------------------------------------------------------
def test_before_the_first_record_nothing_is_measured_and_nothing_capped(factory: Factory) -> None:
    early = factory.ground(START - timedelta(days=9), START - timedelta(days=1), baseline=False)
    declared: dict[str, Any] = {
        "answers": {"3": {"total": 8, "networked": 8}},
        "scenes": {"设备管理": 3, "能耗管理": 3, "计划排程": 4},
    }
    found = told(early, SME, **declared)
    assert (item(found, 3)["origin"], item(found, 3)["reason"]) == ("declared", "short_history")
    assert [(scene(found, name)["level"], scene(found, name)["cap"]) for name in declared["scenes"]] == [
        (3, None),
        (3, None),
        (4, None),
    ]
    alone = told(early, SME)
    for no in (3, 13):
        assert (item(alone, no)["origin"], item(alone, no)["options"]) == ("missing", [])


def test_three_days_are_too_few_for_a_rate(factory: Factory) -> None:
    short = factory.ground(START, START + timedelta(days=3), baseline=False)
    assert item(told(short, SME), 3)["reason"] == "short_history"


# -- factory-kpi-2025 --------------------------------------------------------------------------------------------------
def test_indicators(factory: Factory, ground: Any) -> None:
    output = {"base": {"output": 5200}, "now": {"output": 5400}}
    found = told(ground, KPIS, answers={"17": output, "18": output})
    origins = {no: item(found, no)["origin"] for no in (1, 2, 3, 8, 10, 11, 17, 18, 20)}
    assert origins == dict.fromkeys(origins, "measured") | {3: "supported"}
    assert item(found, 1)["inputs"] == {"controlled": 5, "total": 5}
    assert item(found, 11)["evidence"]["now"]["terms"]["PBT"] == 5 * 8 * 86_400_000
    assert item(found, 20)["value"] == pytest.approx(0.25, abs=1e-4)  # one litre goes round for three that come in


def test_oee_and_efficiency_are_the_simulators(factory: Factory, ground: Any) -> None:
    """Every machine was planned round the clock: OEE is ideal time of the good over all time."""
    found = told(ground, KPIS)
    for side, start, end in (("base", START, MIDDLE), ("now", MIDDLE, END)):
        good = {asset: pieces(factory, (asset,), start, end)["good"] for asset in KEY}
        ideal = sum(n * (90 if asset in MILLS else 40) for asset, n in good.items())
        assert item(found, 11)["inputs"][side] == pytest.approx(ideal / (5 * 8 * 86_400), abs=2e-4)
        assert item(found, 8)["inputs"][side] == pytest.approx(sum(good.values()) / (5 * 8 * 24), abs=0.02)
        total = pieces(factory, KEY, start, end)["total"]
        assert item(found, 10)["inputs"][side] == pytest.approx(1 - sum(good.values()) / total, abs=1e-4)


@pytest.mark.parametrize(
    ("no", "lie"),
    [
        (1, 0.5),
        (2, 0.99),
        (3, 1),
        (8, {"base": 40, "now": 60}),
        (10, {"base": 0.1, "now": 0.01}),
        (11, {"base": 0.5, "now": 0.9}),
        (17, {"base": {"tce": 3, "output": 5200}, "now": {"tce": 1, "output": 5200}}),
        (18, {"base": {"co2_t": 9, "output": 5200}, "now": {"co2_t": 1, "output": 5200}}),
        (20, 0.9),
    ],
)
def test_every_false_indicator_is_a_conflict(ground: Any, no: int, lie: object) -> None:
    mine = item(told(ground, KPIS, answers={str(no): lie}), no)
    assert mine["conflict"] is not None
    assert mine["origin"] in ("measured", "supported")


@pytest.mark.parametrize(("form", "no", "declared"), [(SME, 12, {"revenue": 5200}), (KPIS, 17, {"output": 5200})])
def test_windows_of_unlike_length_are_told(factory: Factory, form: str, no: int, declared: dict[str, float]) -> None:
    """The baseline is eight days: over the revenue of a year, two days of energy are no saving."""
    before, after = ("before", "after") if form == SME else ("base", "now")
    answers = {str(no): {before: declared, after: declared}}
    short = told(factory.ground(END - timedelta(days=2), END), form, answers=answers)
    said = f"item {no}: measured over 8 and 2 days; what is declared must be of both too"
    assert item(short, no)["origin"] == "measured" and said in short["warnings"]
    assert not any("measured over" in each for each in told(factory.ground(), form, answers=answers)["warnings"])


def test_without_a_baseline_the_declared_base_stays(factory: Factory) -> None:
    alone = factory.ground(baseline=False)
    mine = item(told(alone, KPIS, answers={"11": {"base": 0.5, "now": 0.6}}), 11)
    assert (mine["origin"], mine["inputs"]["base"]) == ("supported", 0.5)
    assert item(told(alone, KPIS), 11)["reason"] == "no_baseline"


@pytest.mark.parametrize(("form", "items"), [(KPIS, "8, 10, 11, 17, 18"), (SME, "12, 13")])
def test_what_was_measured_on_one_side_is_told(factory: Factory, form: str, items: str) -> None:
    said = f"item {items}: measured now, compared with nothing; give a baseline or declare what was before"
    assert said in told(factory.ground(baseline=False), form)["warnings"]
    assert not any("compared with nothing" in each for each in told(factory.ground(), form)["warnings"])


# -- Jiangsu -----------------------------------------------------------------------------------------------------------
def test_general_index(ground: Any) -> None:
    declared = {"2": {"level": 3, "points": 30}, "3": {"level": 3, "points": 30}, "8": {"level": 3, "points": 30}}
    found = told(ground, GENERAL, answers={**declared, "9": {"level": 3, "points": 30}})
    for no in (2, 3, 8):
        mine = item(found, no)
        assert (mine["level"], mine["origin"], mine["conflict"]) == (3, "supported", None)
    assert (item(found, 9)["level"], item(found, 9)["cap"]) == (1, 1)  # the failing press stands in no report
    assert item(found, 9)["conflict"]["declared"] == {"level": 3, "points": 30}


def test_scenes(ground: Any) -> None:
    names = ("先进过程控制", "设备运行监控", "能源智能管控", "先进工业网络应用", "工厂数据资源管理")
    found = told(ground, JIANGSU, scenes=dict.fromkeys(names, 2), maturity=2, general_score=70)
    levels = {name: (scene(found, name)["level"], scene(found, name)["cap"]) for name in names}
    assert levels == {
        "先进过程控制": (2, None),
        "设备运行监控": (1, 1),  # the failing press is not live
        "能源智能管控": (2, None),
        "先进工业网络应用": (2, None),
        "工厂数据资源管理": (2, None),
    }
    assert holds(scene(found, "先进过程控制"))[1, "closed_loop_auto"] is True
    assert holds(scene(found, "先进工业网络应用"))[2, "data_integrity"] is True


def test_a_level_that_facts_decide_needs_no_declaration(ground: Any) -> None:
    found = told(ground, JIANGSU)
    assert (scene(found, "设备运行监控")["level"], scene(found, "设备运行监控")["origin"]) == (1, "measured")
    assert (scene(found, "能源智能管控")["level"], scene(found, "能源智能管控")["declared"]) == (1, 0)


def test_the_general_index_of_a_factory_is_measured_too(factory: Factory, ground: Any) -> None:
    answers = {str(no): {"level": 3, "points": 30} for no in range(1, 11) if no != 7}
    form, index = load(JIANGSU), load(GENERAL)
    declared = replace(declared_of(form, {"maturity": 2}), general=declared_of(index, {"answers": answers}))
    alone = told(ground, GENERAL, answers=answers)
    whole = assess(form, declared, ground).document()
    assert whole["general_score"] == alone["score"] == pytest.approx((8 * 30 + 0) / 9, abs=1e-6)


def test_every_measured_answer_names_its_evidence(ground: Any) -> None:
    """From and to, the rows and their digest, the register: for items and for clauses alike."""
    for template in (SME, KPIS, GENERAL, JIANGSU):
        found = told(ground, template)
        measured_ = [each for each in found["items"] if each["origin"] == "measured" and not each["clauses"]]
        for part in (*found["items"], *found["scenes"]):
            measured_ += [clause for clause in part["clauses"] if clause["origin"] == "measured"]
        assert measured_
        for each in measured_:
            evidence = each["evidence"]
            assert evidence["grade"] in "ABC" and len(evidence["inputs"]["sha256"]) == 64, each
            assert (evidence["register"]["rows"], evidence["from"] < evidence["to"]) == (9, True)


def test_the_document_says_what_it_stands_on(ground: Any, factory: Factory) -> None:
    found = told(ground, SME)
    assert (found["plant"], found["from"], found["to"]) == (
        "wuxi-09",
        "2026-08-09T00:00:00+08:00",
        "2026-08-17T00:00:00+08:00",
    )
    assert found["baseline"] == {"from": "2026-08-01T00:00:00+08:00", "to": "2026-08-09T00:00:00+08:00"}
    assert found["factors"] == f"sme-2024@{factory.plant.factors.version}"
    assert found["policy"]["networked"] == {"days": 0.9, "samples": 0.8, "window": "30d", "min_days": 5}
    assert found["register"]["rows"] == 9
    assert found["plant_sha256"] == factory.plant.sha256
