"""Digitalization and numerical control: told by the register, with what a protocol proved as the lower bound."""

from fractions import Fraction
from pathlib import Path

import pytest

from config.plant import Plant
from config.zone import DAY
from kpi.networking import window
from kpi.rate import Rate
from kpi.rates import rates
from tests.energy.plants import plant
from tests.rates.facts import Told, at

ASSETS = """
assets:
  press: {source: plc, points: {state: {at: "holding:0", type: uint16, states: {1: running}}}}
  lathe: {source: plc, points: {state: {at: "holding:1", type: uint16, states: {1: running}}}}
  bench: {source: plc, points: {state: {at: "holding:2", type: uint16, states: {1: running}}}}
  saw: {source: meter, points: {power: {at: "input:0", type: uint16, unit: kW}}}
"""
REGISTER = """\
press,a,,forming,production,native,yes,yes,,,
lathe,a,,turning,production,retrofit,yes,yes,,,
mill,a,,turning,production,none,yes,yes,,,
bench,a,,assembly,production,none,,,,,
saw,a,,sawing,production,native,,yes,,,
gauge,a,,checking,inspection,meter,yes,yes,,,
pump,a,,cooling,auxiliary,native,yes,yes,,,
"""


def of(plant: Plant, heard: dict[str, str]) -> dict[str, Rate]:
    begin = at(plant, "2026-09-01")
    found = Told(plant, begin, begin + 30 * DAY)
    for asset, text in heard.items():
        found.heard(asset, text)
    return rates(plant, found.polls(), window(plant, begin + 30 * DAY, begin))


def test_digitalization_is_the_registers_and_low_is_what_was_proven(tmp_path: Path) -> None:
    rate = of(plant(tmp_path, ASSETS, REGISTER), {"press": "30x1", "lathe": "30x0"})["digitalization"]
    # press, lathe, saw of press lathe mill bench saw gauge; only the press was heard
    assert (rate.assets, rate.denominator, rate.low, rate.high) == (("press", "lathe", "saw"), 6, 1, 3)
    assert rate.value == Fraction(3, 6)
    assert {each.asset: each.reason for each in rate.excluded} == {
        "mill": "control_none",
        "bench": "control_none",
        "gauge": "control_meter",
    }
    assert rate.also["out_of_scope"] == [{"asset": "pump", "reason": "auxiliary"}]


def test_a_single_good_poll_proves_a_controller_and_a_contradiction_is_named(tmp_path: Path) -> None:
    rate = of(plant(tmp_path, ASSETS, REGISTER), {"lathe": "29x0 1x0.001", "bench": "30x1"})["digitalization"]
    assert (rate.numerator, rate.low, rate.high) == (3, 1, 4)
    assert rate.flags[:1] == ("contradiction",)
    assert rate.also["contradictions"] == [
        {"asset": "bench", "what": "controller_points_but_registered_without"},
        {"asset": "saw", "what": "registered_numeric_but_metered_points_only"},
    ]


@pytest.mark.parametrize(("days", "digital"), [(15, 1), (16, 2), (30, 2)])
def test_a_retrofit_counts_from_its_day(days: int, digital: int, tmp_path: Path) -> None:
    """The lathe is retrofitted on 16 September: a window that ends with the 15th divides by what it was then."""
    rows = (
        "press,a,,forming,production,native,,,,,\n"
        "lathe,a,,turning,production,none,,,,,2026-09-15\n"
        "lathe,b,,turning,production,retrofit,,,,2026-09-16,\n"
    )
    of_plant = plant(tmp_path, ASSETS, rows + "bench,a,,,production,none,,,,,\nsaw,a,,,production,none,,,,,\n")
    begin = at(of_plant, "2026-09-01")
    end = begin + days * DAY
    told = rates(of_plant, Told(of_plant, begin, end).polls(), window(of_plant, end, begin))
    rate = told["digitalization"]
    assert (rate.numerator, rate.denominator) == (digital, 4)
    device = of_plant.device("lathe")
    assert device is not None
    assert device.workshop == "b"


def test_imported_rows_prove_nothing(tmp_path: Path) -> None:
    of_plant = plant(tmp_path, ASSETS, REGISTER)
    begin = at(of_plant, "2026-09-01")
    found = Told(of_plant, begin, begin + 30 * DAY).held("press", "30x1").polls()
    told = rates(of_plant, found, window(of_plant, begin + 30 * DAY, begin))
    assert told["networking"].assets == ("press",)
    assert told["digitalization"].low == 0


def test_imported_rows_of_a_row_registered_without_a_controller_contradict_it(tmp_path: Path) -> None:
    of_plant = plant(tmp_path, ASSETS, REGISTER)
    begin = at(of_plant, "2026-09-01")
    found = Told(of_plant, begin, begin + 30 * DAY).held("bench", "30x1").polls()
    told = rates(of_plant, found, window(of_plant, begin + 30 * DAY, begin))["digitalization"]
    assert (told.low, told.value, told.high) == (0, Fraction(3, 6), 4)
    assert told.also["contradictions"] == [
        {"asset": "bench", "what": "controller_points_but_registered_without"},
        {"asset": "saw", "what": "registered_numeric_but_metered_points_only"},
    ]


def test_key_equipment_under_numerical_control(tmp_path: Path) -> None:
    rate = of(plant(tmp_path, ASSETS, REGISTER), {"press": "30x1"})["key_equipment_nc"]
    # press and lathe of press lathe mill gauge; the pump is out of scope
    assert (rate.assets, rate.numerator, rate.denominator, rate.low) == (("press", "lathe"), 2, 4, 1)


@pytest.mark.parametrize(
    ("rule", "processes", "low", "not_"),
    [
        ("all", ["forming", "sawing"], 1, {"mill": "control_none", "gauge": "control_meter"}),
        ("any", ["forming", "turning", "sawing"], 1, {"gauge": "control_meter"}),
    ],
)
def test_key_processes_under_numerical_control(
    rule: str, processes: list[str], low: int, not_: dict[str, str], tmp_path: Path
) -> None:
    body = ASSETS + f"rules: {{key_process: {rule}}}\n"
    rate = of(plant(tmp_path, body, REGISTER), {"press": "30x1"})["key_process_nc"]
    # forming, turning, sawing and checking are key processes; cooling is out of scope
    assert (rate.also["processes"], rate.numerator, rate.denominator) == (processes, len(processes), 4)
    assert rate.low == low
    assert {each.asset: each.reason for each in rate.excluded} == not_
    assert rate.rule == {"key_process": rule}


def test_more_networked_than_digital_is_a_warning(tmp_path: Path) -> None:
    register = "".join(f"{name},a,,p,production,none,,,,,\n" for name in ("press", "lathe", "bench", "saw"))
    found = of(plant(tmp_path, ASSETS, register), {"press": "30x1", "lathe": "30x1"})
    assert "networked_above_digital" in found["networking"].flags
    assert "networked_above_digital" in found["digitalization"].flags
    assert found["digitalization"].value == 0 and found["digitalization"].high == 2


def test_no_rows_to_divide_by_is_not_configured(tmp_path: Path) -> None:
    register = "press,a,,p,auxiliary,native,,,,,\nlathe,a,,,auxiliary,native,,,,,\nbench,a,,,auxiliary,none,,,,,\n"
    found = of(plant(tmp_path, ASSETS, register + "saw,a,,,auxiliary,none,,,,,\n"), {"press": "30x1"})
    for rate in found.values():
        assert (rate.value, rate.reason, rate.denominator) == (None, "not_configured", 0), rate.kpi


def test_without_a_register_every_rate_says_so(tmp_path: Path) -> None:
    for rate in of(plant(tmp_path, ASSETS), {"press": "30x1"}).values():
        assert (rate.value, rate.reason, rate.denominator) == (None, "not_configured", None), rate.kpi


def test_a_key_row_without_a_process_is_a_process_of_its_own(tmp_path: Path) -> None:
    register = "press,a,,,production,native,,yes,,,\nlathe,a,,,production,none,,yes,,,\n"
    body = "".join(line for line in ASSETS.splitlines(keepends=True) if not line.startswith(("  bench", "  saw")))
    rate = of(plant(tmp_path, body, register), {"press": "30x1"})["key_process_nc"]
    assert (rate.also["processes"], rate.also["processes_not"]) == (["press"], ["lathe"])
