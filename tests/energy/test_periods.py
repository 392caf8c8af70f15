"""Periods against the wall clock, each edge written out."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from config.plant import ALWAYS, Calendar, Shift
from config.zone import Offsets, nanoseconds, shown
from kpi.periods import PERS, Per, Periods, periods

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
WORKDAYS = frozenset(range(6))
TWO = Calendar(
    "two",
    (
        Shift("day", 8 * 60, 20 * 60, ((12 * 60, 12 * 60 + 30),), WORKDAYS),
        Shift("night", 20 * 60, 32 * 60, ((24 * 60, 24 * 60 + 30),), WORKDAYS),
    ),
)


def of(calendar: Calendar, zone: ZoneInfo, start: str, end: str, per: Per) -> Periods:
    first, last = (nanoseconds(datetime.fromisoformat(at).replace(tzinfo=zone)) for at in (start, end))
    return periods(calendar, (), Offsets(zone, first, last), first, last, per)


def edges(found: Periods, zone: ZoneInfo) -> list[str]:
    return [shown(at, zone)[5:16] for at in found.start.tolist()] + [shown(int(found.end[-1]), zone)[5:16]]


def test_a_shift_belongs_to_the_date_on_which_it_starts() -> None:
    found = of(TWO, SHANGHAI, "2026-11-06T08:00", "2026-11-09T20:00", "shift")  # Friday to Monday
    assert edges(found, SHANGHAI) == [
        "11-06T08:00",
        "11-06T20:00",
        "11-07T08:00",
        "11-07T20:00",
        "11-08T08:00",  # Sunday: no shift starts
        "11-09T08:00",
        "11-09T20:00",
    ]
    assert found.shift == ("day", "night", "day", "night", "", "day")
    assert [date.fromordinal(day).day for day in found.day.tolist()] == [6, 6, 7, 7, 8, 9]


def test_a_production_day_begins_with_its_first_shift() -> None:
    found = of(TWO, SHANGHAI, "2026-11-06T08:00", "2026-11-09T08:00", "day")
    assert edges(found, SHANGHAI) == ["11-06T08:00", "11-07T08:00", "11-08T08:00", "11-09T08:00"]
    assert found.shift == ("", "", "")


@pytest.mark.parametrize(
    ("per", "expected"),
    [
        ("week", ["10-28T00:00", "11-02T08:00", "11-04T00:00"]),  # Monday's first shift
        ("month", ["10-28T00:00", "11-01T08:00", "11-04T00:00"]),
        ("year", ["10-28T00:00", "11-04T00:00"]),
        ("window", ["10-28T00:00", "11-04T00:00"]),
    ],
)
def test_weeks_and_months_are_production_time(per: Per, expected: list[str]) -> None:
    assert edges(of(TWO, SHANGHAI, "2026-10-28", "2026-11-04", per), SHANGHAI) == expected


def test_a_year_turns_with_its_first_production_day() -> None:
    assert edges(of(TWO, SHANGHAI, "2025-12-31", "2026-01-02", "year"), SHANGHAI)[1] == "01-01T08:00"


def test_the_window_cuts_the_first_and_the_last() -> None:
    assert edges(of(TWO, SHANGHAI, "2026-11-06T10:15", "2026-11-06T21:30", "shift"), SHANGHAI) == [
        "11-06T10:15",
        "11-06T20:00",
        "11-06T21:30",
    ]


@pytest.mark.parametrize(("day", "hours"), [("2026-10-24", 24), ("2026-10-25", 25), ("2026-03-29", 23)])
def test_hours_are_the_plants(day: str, hours: int) -> None:
    following = date.fromordinal(date.fromisoformat(day).toordinal() + 1).isoformat()
    assert len(of(ALWAYS, BERLIN, day, following, "hour")) == hours


def test_without_shifts_a_day_is_one_period_among_shifts() -> None:
    found = of(ALWAYS, SHANGHAI, "2026-11-06", "2026-11-08", "shift")
    assert edges(found, SHANGHAI) == ["11-06T00:00", "11-07T00:00", "11-08T00:00"]


@pytest.mark.parametrize("per", PERS)
def test_periods_follow_each_other_over_the_whole_window(per: Per) -> None:
    found = of(TWO, BERLIN, "2026-10-20T03:10", "2026-11-03T17:45", per)
    assert (found.start[1:] == found.end[:-1]).all() and (found.end > found.start).all()
    assert edges(found, BERLIN)[0] == "10-20T03:10" and edges(found, BERLIN)[-1] == "11-03T17:45"
    assert found.of(found.start).tolist() == list(range(len(found)))
