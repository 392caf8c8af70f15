"""The networking rate, each case worked out by hand from the rule: 0.9 of the days, 0.8 of the polls, 30 d, 5 days."""

from fractions import Fraction
from pathlib import Path

import pytest

from config.plant import Plant
from config.zone import DAY
from kpi.networking import window
from kpi.polls import every
from kpi.rate import Rate
from kpi.rates import history, rates
from tests.energy.plants import plant
from tests.rates.facts import Told, at, told

NAMES = ("full", "days26", "days27", "poor", "just", "under", "silent", "counted")
ASSETS = """
assets:
""" + "".join(
    f'  {name}: {{source: plc, points: {{state: {{at: "holding:{n}", type: uint16, states: {{1: running}}}}}}}}\n'
    for n, name in enumerate(NAMES)
)
POWER = '  powered: {source: meter, points: {power: {at: "input:90", type: uint16, unit: kW}}}\n'
REGISTER = "".join(f"{name},a,,,production,native,,,,,\n" for name in NAMES)
HEARD = {
    "full": "30x1",
    "days26": "26x1 4x0",  # 26/30 of the days is less than 0.9
    "days27": "27x1 3x0",  # 27/30 is 0.9: enough, and 0.9 of the polls
    "poor": "30x0.5",
    "just": "30x0.8",
    "under": "29x0.8 1x0.7975",
    "silent": "30x0",
    "counted": "20x1 10x0.4",  # 24/30 of the polls is 0.8: enough
}


def of(plant: Plant, start: str, heard: dict[str, str], days: int = 30) -> Rate:
    begin = at(plant, start)
    polls = told(plant, begin, begin + days * DAY, heard)
    return rates(plant, polls, window(plant, begin + days * DAY, begin))["networking"]


def test_the_rule(tmp_path: Path) -> None:
    rate = of(plant(tmp_path, ASSETS, REGISTER), "2026-09-01", HEARD)
    assert rate.assets == ("full", "days27", "just", "counted")
    assert (rate.value, rate.numerator, rate.denominator) == (Fraction(4, 8), 4, 8)
    assert (rate.low, rate.high) == (4, 4)
    assert rate.coverage == 1 and rate.reason is None and not rate.flags
    assert {each.asset: (each.reason, each.days, each.samples) for each in rate.excluded} == {
        "days26": ("too_few_days", Fraction(26, 30), Fraction(26, 30)),
        "poor": ("too_few_samples", 1, Fraction(1, 2)),
        "under": ("too_few_samples", 1, Fraction(29 * 8000 + 7975, 300_000)),
        "silent": ("too_few_days", 0, 0),
    }
    assert [each.asset for each in rate.almost] == ["under", "poor", "days26"]


def test_the_document(tmp_path: Path) -> None:
    of_plant = plant(tmp_path, ASSETS, REGISTER)
    found = of(of_plant, "2026-09-01", HEARD).document(of_plant)
    assert found["value"] == 0.5 and found["low"] == 0.5 and found["high"] == 0.5
    assert found["rule"] == {"days": 0.9, "samples": 0.8, "window": "30d", "min_days": 5}
    assert (found["from"], found["to"]) == ("2026-09-01T00:00:00+08:00", "2026-10-01T00:00:00+08:00")
    assert found["days_observed"] == 30
    assert of_plant.register is not None
    assert found["register"] == {"sha256": of_plant.register.sha256, "rows": 8}
    far = {"asset": "days26", "reason": "too_few_days", "days": 26 / 30, "samples": 26 / 30}
    assert isinstance(found["excluded"], list) and far in found["excluded"]


def test_devices_that_answer_nothing_stay_in_the_denominator(tmp_path: Path) -> None:
    register = REGISTER + (
        "bench,a,,,production,none,,,,,\n"  # not connected
        "meter-01,a,,,production,meter,,,,,\n"  # only metered: in the denominator alone
        "powered,a,,,production,native,,,,,\n"  # power points alone
        "truck,a,,,logistics,native,,,,,\n"
        "gauge,a,,,inspection,native,,,,,\n"
        "pump,a,,,auxiliary,native,,,,,\n"  # out by its class
        "fan,a,,,auxiliary,native,,,yes,,\n"  # in because the register says so
        "spare,a,,,production,native,,,no,,\n"  # out because the register says so
    )
    rate = of(plant(tmp_path, ASSETS + POWER, register), "2026-09-01", HEARD)
    assert (rate.numerator, rate.denominator) == (4, 14)
    reasons = {each.asset: each.reason for each in rate.excluded}
    assert {name: reasons[name] for name in ("bench", "meter-01", "powered", "truck", "gauge", "fan")} == {
        "bench": "not_connected",
        "meter-01": "control_meter",
        "powered": "metered_points_only",
        "truck": "not_connected",
        "gauge": "not_connected",
        "fan": "not_connected",
    }
    assert not {"pump", "spare"} & reasons.keys()


def test_a_meter_that_is_heard_is_still_no_networked_device(tmp_path: Path) -> None:
    register = REGISTER.replace("full,a,,,production,native", "full,a,,,production,meter")
    rate = of(plant(tmp_path, ASSETS, register), "2026-09-01", HEARD)
    assert (rate.numerator, rate.denominator) == (3, 8)


@pytest.mark.parametrize(
    ("days", "reason", "observed"), [(4, "short_history", 4), (5, None, 5), (29, None, 29), (30, None, 30)]
)
def test_a_short_history_has_a_numerator_and_no_value(
    days: int, reason: str | None, observed: int, tmp_path: Path
) -> None:
    of_plant = plant(tmp_path, ASSETS, REGISTER)
    rate = of(of_plant, "2026-09-01", dict.fromkeys(NAMES, f"{days}x1"), days)
    assert (rate.reason, rate.numerator, rate.denominator) == (reason, 8, 8)
    assert rate.value == (None if reason else 1)
    assert rate.document(of_plant)["days_observed"] == observed


def test_days_before_the_first_record_do_not_count_and_its_first_day_counts_whole(tmp_path: Path) -> None:
    of_plant = plant(tmp_path, ASSETS, REGISTER)
    begin, end = at(of_plant, "2026-09-01"), at(of_plant, "2026-10-01")
    first = begin + 20 * DAY + DAY * 3 // 4  # at 18:00 of the 21st: ten days are left
    over = window(of_plant, end, first)
    assert (over.start, over.days, over.scheduled) == (begin + 20 * DAY, 10, 10)
    found = Told(of_plant, over.start, end)
    rate = rates(of_plant, found.heard("full", "9x1 1x0").heard("just", "8x1 2x0").polls(first), over)["networking"]
    assert rate.assets == ("full",)


def test_only_scheduled_days_and_scheduled_time_count(tmp_path: Path) -> None:
    head = """
calendar: {shifts: [{name: day, start: "08:00", end: "20:00", breaks: ["12:00-13:00"], days: mon-fri}]}
stops:
  - {assets: [full], from: "2026-09-01T08:00", to: "2026-09-25T20:00", why: overhaul}
"""
    of_plant = plant(tmp_path, head + ASSETS, REGISTER)
    begin, end = at(of_plant, "2026-09-01T08:00"), at(of_plant, "2026-10-01T08:00")
    found = Told(of_plant, begin, end)
    for name in ("days26", "days27"):
        found.heard(name, "30x1")
    found.heard("full", "27x0 3x1")  # stopped until the 25th, a Friday: 28, 29 and 30 September are its days
    nights = found.polls()
    found.links["good"] = heard_unscheduled(found)
    rate = rates(of_plant, nights, window(of_plant, end, begin))["networking"]
    assert rate.assets == ("full", "days26", "days27")
    assert rate.window.scheduled == 22  # working days of September 2026
    none = rates(of_plant, found.polls(), window(of_plant, end, begin))["networking"]
    assert none.assets == ()  # heard at night and at weekends only


def heard_unscheduled(found: Told) -> list[int]:
    """The good polls of each link, those in scheduled time struck."""
    on = {(row["asset"], row["start"]): row["scheduled"] for row in found.slices}
    return [0 if on[link["asset"], link["start"]] else link["good"] for link in found.links]


def test_one_of_two_sources_is_enough_to_be_heard(tmp_path: Path) -> None:
    of_plant = plant(tmp_path, ASSETS, REGISTER)
    begin = at(of_plant, "2026-09-01")
    found = Told(of_plant, begin, begin + 30 * DAY)
    found.heard("full", "30x0", "plc").heard("full", "30x1", "meter")
    assert rates(of_plant, found.polls(), window(of_plant, begin + 30 * DAY, begin))["networking"].assets == ("full",)


def test_imported_rows_count_by_the_time_they_are_held(tmp_path: Path) -> None:
    of_plant = plant(tmp_path, ASSETS, REGISTER)
    begin = at(of_plant, "2026-09-01")
    found = Told(of_plant, begin, begin + 30 * DAY)
    found.held("full", "30x1").held("days26", "26x1 4x0").held("poor", "30x0.79").held("just", "30x0.8")
    rate = rates(of_plant, found.polls(), window(of_plant, begin + 30 * DAY, begin))["networking"]
    assert (rate.assets, rate.flags, rate.numerator, rate.denominator) == (("full", "just"), ("imported",), 2, 8)


def test_a_day_of_which_nothing_was_imported_is_a_day_of_silence(tmp_path: Path) -> None:
    of_plant = plant(tmp_path, ASSETS, REGISTER)
    begin = at(of_plant, "2026-09-01")
    found = Told(of_plant, begin, begin + 30 * DAY).held("full", "10x1 2x_ 18x1").held("just", "10x1 4x_ 16x1")
    rate = rates(of_plant, found.polls(), window(of_plant, begin + 30 * DAY, begin))["networking"]
    assert (rate.assets, rate.low, rate.high, rate.coverage) == (("full",), 1, 1, 1)


def test_history_before_the_agent_is_imported_and_after_it_is_not(tmp_path: Path) -> None:
    of_plant = plant(tmp_path, ASSETS, REGISTER)
    begin = at(of_plant, "2026-09-01")
    found = Told(of_plant, begin, begin + 30 * DAY)
    found.held("full", "20x1 10x1").heard("full", "20x_ 10x1")  # imported, then heard by the agent
    found.held("just", "20x1 10x1").heard("just", "20x_ 10x0")  # imported, then silent whatever rows say
    rate = rates(of_plant, found.polls(), window(of_plant, begin + 30 * DAY, begin))["networking"]
    assert (rate.assets, rate.flags) == (("full",), ("imported",))
    silent = next(each for each in rate.excluded if each.asset == "just")
    assert (silent.days, silent.samples) == (Fraction(20, 30), Fraction(20, 30))


def test_what_no_history_tells_of_widens_the_bounds(tmp_path: Path) -> None:
    names = ("full", "days26")
    register = "".join(f"{name},a,,,production,native,,,,,\n" for name in NAMES[:2])
    of_plant = plant(tmp_path, "\nassets:\n" + "".join(ASSETS.splitlines(keepends=True)[2:4]), register)
    # off for two days: 28/30 of the days were heard; at the other for two of its four silent days
    rate = of(of_plant, "2026-09-01", {"full": "28x1 2x_", "days26": "26x1 2x0 2x_"})
    assert (rate.value, rate.low, rate.high) == (Fraction(1, 2), 1, 2)
    assert rate.coverage == Fraction(56, 60)
    thin = of(of_plant, "2026-09-01", dict.fromkeys(names, "26x1 4x_"))
    assert (thin.reason, thin.value, thin.numerator) == ("low_coverage", None, 0)
    assert (thin.low, thin.high, thin.coverage) == (0, 2, Fraction(26, 30))


def test_what_may_have_been_silence_is_not_in_low(tmp_path: Path) -> None:
    of_plant = plant(tmp_path, "\nassets:\n" + ASSETS.splitlines(keepends=True)[2], REGISTER.splitlines(True)[0])
    # 0.85 of what is told; with two silent days 23.8/30 were under 0.8, with two good ones 25.8/30 are not
    rate = of(of_plant, "2026-09-01", {"full": "28x0.85 2x_"})
    assert (rate.value, rate.low, rate.high, rate.coverage) == (1, 0, 1, Fraction(28, 30))
    assert rate.flags == ()  # one of one is networked, and one digital: no more
    rate = of(of_plant, "2026-09-01", {"full": "27x1 3x_"})  # a coverage of exactly 0.9 is enough
    assert (rate.value, rate.reason, rate.low, rate.coverage) == (1, None, 1, Fraction(27, 30))


def test_a_poll_falls_due_by_the_points_of_the_controller(tmp_path: Path) -> None:
    state = 'state: {at: "holding:0", type: uint16, states: {1: running}}'
    power = 'power: {at: "input:9", type: uint16, unit: kW, every: 100ms}'
    of_plant = plant(tmp_path, f"\nassets:\n  one: {{source: plc, points: {{{state}, {power}}}}}\n")
    assert every(of_plant, "one") == 1000


def test_without_a_register_there_is_no_rate(tmp_path: Path) -> None:
    of_plant = plant(tmp_path, ASSETS)
    rate = of(of_plant, "2026-09-01", HEARD)
    assert (rate.value, rate.reason, rate.numerator, rate.denominator) == (None, "not_configured", 4, None)
    assert rate.document(of_plant)["register"] is None


def test_rows_count_that_are_valid_on_the_last_day(tmp_path: Path) -> None:
    register = (
        "full,a,,,production,native,,,,,2026-09-30\n"  # its last day is the window's
        "days27,a,,,production,native,,,,,2026-09-29\n"
        "just,a,,,production,native,,,,2026-09-30,\n"
        "counted,a,,,production,native,,,,2026-10-01,\n"
    )
    lines = ASSETS.splitlines(keepends=True)
    body = "".join(
        lines[:2] + [line for line in lines if line.split(":")[0].strip() in ("full", "days27", "just", "counted")]
    )
    rate = of(plant(tmp_path, body, register), "2026-09-01", {name: HEARD[name] for name in ("full", "just")})
    assert (rate.assets, rate.denominator) == (("full", "just"), 2)


def test_day_by_day_is_what_each_day_would_have_told(tmp_path: Path) -> None:
    of_plant = plant(tmp_path, ASSETS, REGISTER)
    begin, end = at(of_plant, "2026-09-01"), at(of_plant, "2026-10-11")
    heard = {"full": "40x1", "days26": "10x0 30x1", "just": "30x1 10x0", "poor": "12x1 28x0.5"}
    polls = told(of_plant, begin, end, heard)
    found = history(of_plant, polls, begin + 3 * DAY, end, begin)
    assert len(found) == 37
    for day, of_day in found:
        at_end = (day + 1) * DAY - 8 * 3600 * 10**9
        over = window(of_plant, at_end, begin)
        alone = Told(of_plant, over.start, at_end)
        skipped = (over.start - begin) // DAY
        for asset, text in heard.items():
            runs = [part for run in text.split() for part in [run.split("x")[1]] * int(run.split("x")[0])][skipped:]
            alone.heard(asset, " ".join(f"1x{share}" for share in runs))
        assert rates(of_plant, alone.polls(), over) == of_day
    last = found[-1][1]["networking"]
    assert last.assets == ("full", "days26")  # 30 days of 30; the others have lost theirs
    assert [found[n][1]["networking"].numerator for n in (0, 1, 10)] == [3, 3, 3]
