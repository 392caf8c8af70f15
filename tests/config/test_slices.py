"""Slices by hand-worked calendars, and by their laws: they tile the window, and agree with asking minute for minute."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.shifts import ALWAYS, Calendar
from config.slices import Slices, Stops, slices
from config.zone import DAY, Offsets
from tests.config import calendars
from tests.config.calendars import HOUR, MINUTE, WORKWEEK, at, clock, shift

SHANGHAI, BERLIN, NEW_YORK, LORD_HOWE = "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
TWO = Calendar(
    "two",
    (
        shift("day", "08:00", "20:00", "12:00-12:30", days=frozenset(range(6))),
        shift("night", "20:00", "32:00", "24:00-24:30", days=frozenset(range(6))),
    ),
)


def cut(calendar: Calendar, zone: str, start: int, end: int, stops: Stops = ()) -> Slices:
    return slices(calendar, stops, Offsets(ZoneInfo(zone), start, end), start, end)


def hours(made: Slices) -> float:
    return float(((made.end - made.start) * made.scheduled).sum() / HOUR)


def runs(made: Slices, zone: str) -> list[str]:
    """Slices that differ only by the hour run together: `from, to, shift, scheduled, production date`."""
    found: list[list[object]] = []
    for i in range(len(made)):
        name = made.names[made.shift[i]] if made.shift[i] >= 0 else "-"
        key = [name, bool(made.scheduled[i]), date.fromordinal(int(made.day[i])).isoformat()]
        if found and found[-1][2:] == key:
            found[-1][1] = int(made.end[i])
        else:
            found.append([int(made.start[i]), int(made.end[i]), *key])
    return [f"{clock(zone, s)[:11]} {clock(zone, e)[:11]} {n} {w} {d}" for s, e, n, w, d in found]  # type: ignore[arg-type]


# -- by hand -----------------------------------------------------------------------------------------------------------
def test_a_night_shift_its_break_and_the_time_after_belong_to_the_date_it_starts_on() -> None:
    made = cut(TWO, SHANGHAI, at(SHANGHAI, "2026-11-07T18:00"), at(SHANGHAI, "2026-11-09T10:00"))  # a Saturday
    assert runs(made, SHANGHAI) == [
        "11-07 18:00 11-07 20:00 day True 2026-11-07",
        "11-07 20:00 11-08 00:00 night True 2026-11-07",
        "11-08 00:00 11-08 00:30 night False 2026-11-07",
        "11-08 00:30 11-08 08:00 night True 2026-11-07",
        "11-08 08:00 11-09 08:00 - False 2026-11-08",
        "11-09 08:00 11-09 10:00 day True 2026-11-09",
    ]


def test_slices_are_cut_at_every_full_hour() -> None:
    made = cut(ALWAYS, SHANGHAI, at(SHANGHAI, "2026-11-07T18:20"), at(SHANGHAI, "2026-11-07T20:10"))
    assert [clock(SHANGHAI, int(t))[6:11] for t in made.start] == ["18:20", "19:00", "20:00"]
    assert made.scheduled.all()
    assert (made.shift == -1).all()


def test_hours_are_local_where_the_offset_is_no_whole_hour() -> None:
    made = cut(ALWAYS, "Asia/Kathmandu", at(SHANGHAI, "2026-11-07T12:00"), at(SHANGHAI, "2026-11-07T14:00"))
    assert [clock("Asia/Kathmandu", int(t))[6:11] for t in made.start] == ["09:45", "10:00", "11:00"]


def test_always_has_days_from_midnight() -> None:
    made = cut(ALWAYS, SHANGHAI, at(SHANGHAI, "2026-11-07T23:00"), at(SHANGHAI, "2026-11-08T01:00"))
    assert [date.fromordinal(int(d)).day for d in made.day] == [7, 8]


def test_a_closed_range_acts_on_shifts_that_start_in_it() -> None:
    closed = replace(TWO, closed=((date(2026, 11, 4), date(2026, 11, 5)),))
    made = cut(closed, SHANGHAI, at(SHANGHAI, "2026-11-03T19:00"), at(SHANGHAI, "2026-11-06T09:00"))
    assert runs(made, SHANGHAI) == [
        "11-03 19:00 11-03 20:00 day True 2026-11-03",
        "11-03 20:00 11-04 00:00 night True 2026-11-03",
        "11-04 00:00 11-04 00:30 night False 2026-11-03",
        "11-04 00:30 11-04 08:00 night True 2026-11-03",
        "11-04 08:00 11-05 08:00 - False 2026-11-04",
        "11-05 08:00 11-06 08:00 - False 2026-11-05",
        "11-06 08:00 11-06 09:00 day True 2026-11-06",
    ]


OFFICE = Calendar("office", (shift("day", "08:00", "16:00", days=WORKWEEK),), workdays="china")


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-09-30", True),  # Wednesday
        ("2026-10-01", False),  # National Day, Thursday
        ("2026-10-07", False),  # its last day, Wednesday
        ("2026-10-08", True),
        ("2026-10-10", True),  # Saturday, worked instead
        ("2026-10-11", False),  # Sunday
        ("2026-02-14", True),  # Saturday before the Spring Festival, worked instead
        ("2026-02-28", True),  # Saturday after it, worked instead
    ],
)
def test_the_official_calendar(day: str, works: bool) -> None:
    made = cut(OFFICE, SHANGHAI, at(SHANGHAI, f"{day}T00:00"), at(SHANGHAI, f"{day}T00:00") + DAY)
    assert hours(made) == (8 if works else 0)
    assert not made.unconfirmed.any()


def test_an_adjusted_day_runs_the_shifts_of_monday_and_no_others() -> None:
    both = Calendar(
        "both",
        (
            shift("week", "08:00", "16:00", days=WORKWEEK),
            shift("saturday", "10:00", "14:00", days=frozenset({5})),
        ),
        workdays="china",
    )
    plain = cut(both, SHANGHAI, at(SHANGHAI, "2026-10-17T00:00"), at(SHANGHAI, "2026-10-18T00:00"))
    adjusted = cut(both, SHANGHAI, at(SHANGHAI, "2026-10-10T00:00"), at(SHANGHAI, "2026-10-11T00:00"))
    assert (hours(plain), hours(adjusted)) == (4, 8)


def test_beyond_the_years_that_the_library_knows_the_week_holds_unconfirmed() -> None:
    made = cut(OFFICE, SHANGHAI, at(SHANGHAI, "2030-10-01T00:00"), at(SHANGHAI, "2030-10-02T00:00"))  # a Tuesday
    assert hours(made) == 8
    assert made.unconfirmed.all()


def test_working_days_of_a_file() -> None:
    own = replace(OFFICE, workdays={date(2026, 11, 7): True, date(2026, 11, 9): False})
    made = [
        hours(cut(own, SHANGHAI, at(SHANGHAI, f"2026-11-{d:02}T00:00"), at(SHANGHAI, f"2026-11-{d:02}T00:00") + DAY))
        for d in (6, 7, 8, 9, 10)
    ]
    assert made == [8, 8, 0, 0, 8]


def test_a_dated_shift_runs_between_its_dates() -> None:
    first = replace(OFFICE.shifts[0], until=date(2026, 11, 3))
    second = replace(shift("late", "10:00", "16:00"), since=date(2026, 11, 4))
    dated = Calendar("dated", (first, second))
    made = cut(dated, SHANGHAI, at(SHANGHAI, "2026-11-03T07:00"), at(SHANGHAI, "2026-11-04T11:00"))
    assert runs(made, SHANGHAI) == [
        "11-03 07:00 11-03 08:00 - False 2026-11-02",
        "11-03 08:00 11-03 16:00 day True 2026-11-03",
        "11-03 16:00 11-04 10:00 - False 2026-11-03",
        "11-04 10:00 11-04 11:00 late True 2026-11-04",
    ]


def test_a_planned_stop_unschedules_and_is_no_boundary_of_the_shift() -> None:
    start = at(SHANGHAI, "2026-11-10T08:00")
    stop = (start + HOUR + 20 * MINUTE, start + HOUR + 50 * MINUTE)
    overlapping = (start + HOUR + 40 * MINUTE, start + 2 * HOUR)
    made = cut(OFFICE, SHANGHAI, start, start + 3 * HOUR, (stop, overlapping))
    assert runs(made, SHANGHAI) == [
        "11-10 08:00 11-10 09:20 day True 2026-11-10",
        "11-10 09:20 11-10 10:00 day False 2026-11-10",
        "11-10 10:00 11-10 11:00 day True 2026-11-10",
    ]
    assert made.stopped.tolist() == [False, False, True, True, True, False]


def test_a_date_without_shifts_begins_when_the_night_before_ends_if_that_is_later() -> None:
    long = Calendar(
        "long", (shift("night", "22:00", "34:00", days=WORKWEEK), shift("early", "09:00", "10:00", days=frozenset({6})))
    )
    made = cut(long, SHANGHAI, at(SHANGHAI, "2026-11-06T21:00"), at(SHANGHAI, "2026-11-08T10:00"))  # a Friday
    assert runs(made, SHANGHAI) == [
        "11-06 21:00 11-06 22:00 - False 2026-11-05",
        "11-06 22:00 11-07 10:00 night True 2026-11-06",
        "11-07 10:00 11-08 09:00 - False 2026-11-07",
        "11-08 09:00 11-08 10:00 early True 2026-11-08",
    ]


@pytest.mark.parametrize(
    ("zone", "night", "expected"),
    [
        (BERLIN, "2026-03-28", 7),  # 02:00 becomes 03:00
        (BERLIN, "2026-10-24", 9),  # 03:00 becomes 02:00
        (BERLIN, "2026-06-10", 8),
        (NEW_YORK, "2026-03-07", 7),
        (NEW_YORK, "2026-10-31", 9),
        (LORD_HOWE, "2026-04-04", 8.5),  # half an hour twice
        (LORD_HOWE, "2026-10-03", 7.5),  # half an hour skipped
    ],
)
def test_a_night_shift_is_longer_or_shorter_by_the_change_of_the_clocks(zone: str, night: str, expected: float) -> None:
    nights = Calendar("nights", (shift("night", "22:00", "30:00"),))
    start = at(zone, f"{night}T22:00")
    made = cut(nights, zone, start, start + 12 * HOUR)
    assert hours(made) == expected
    assert int((made.end - made.start).sum()) == 12 * HOUR


@pytest.mark.parametrize(("zone", "day", "length"), [(BERLIN, "2026-03-29", 23), (BERLIN, "2026-10-25", 25)])
def test_days_of_23_and_25_hours(zone: str, day: str, length: int) -> None:
    start = at(zone, f"{day}T00:00")
    made = cut(ALWAYS, zone, start - HOUR, start + 27 * HOUR)
    ordinal = date.fromisoformat(day).toordinal()
    assert int((made.end - made.start)[made.day == ordinal].sum()) == length * HOUR


def test_a_shift_end_that_the_clocks_skip_is_the_moment_of_the_skip() -> None:
    """02:30 does not exist on this night: the shift ends, and the next begins, when 02:00 becomes 03:00."""
    night = Calendar("night", (shift("a", "18:00", "26:30"), shift("b", "02:30", "10:00")))
    made = cut(night, BERLIN, at(BERLIN, "2026-03-28T23:00"), at(BERLIN, "2026-03-29T04:00"))
    assert runs(made, BERLIN) == [
        "03-28 23:00 03-29 03:00 a True 2026-03-28",
        "03-29 03:00 03-29 04:00 b True 2026-03-29",
    ]


def test_a_shift_end_that_occurs_twice_is_the_first() -> None:
    night = Calendar("night", (shift("a", "18:00", "26:30"),))
    made = cut(night, BERLIN, at(BERLIN, "2026-10-24T18:00"), at(BERLIN, "2026-10-25T12:00"))
    assert hours(made) == 8.5
    assert int(made.end[made.scheduled][-1]) == at(BERLIN, "2026-10-25T02:30", fold=0)


def test_a_shift_end_at_the_hour_after_the_one_that_occurs_twice_waits_for_both() -> None:
    night = Calendar("night", (shift("a", "22:00", "27:00"),))
    made = cut(night, BERLIN, at(BERLIN, "2026-10-24T18:00"), at(BERLIN, "2026-10-25T12:00"))
    assert hours(made) == 6


# -- laws --------------------------------------------------------------------------------------------------------------
ZONES = (SHANGHAI, BERLIN, NEW_YORK, LORD_HOWE, "Asia/Kathmandu", "UTC")
CHANGES = {
    BERLIN: ("2026-03-29", "2026-10-25"),
    NEW_YORK: ("2026-03-08", "2026-11-01"),
    LORD_HOWE: ("2026-04-05", "2026-10-04"),
}


@st.composite
def rosters(draw: st.DrawFn) -> Calendar:
    """Up to three shifts that follow each other round the clock, each on its own days, with a break."""
    count = draw(st.integers(1, 3))
    edges = sorted(draw(st.sets(st.integers(0, 95), min_size=count + 1, max_size=count + 1)))
    turn = draw(st.integers(0, 95))
    made = []
    for i, (first, last) in enumerate(pairwise(edges)):
        start = (first + turn) % 96 * 15
        end = start + (last - first) * 15
        breaks: tuple[tuple[int, int], ...] = ()
        if draw(st.booleans()) and end - start >= 45:
            breaks = ((start + 15, start + 30),)
        days = draw(st.frozensets(st.integers(0, 6), min_size=1))
        made.append(replace(shift(f"s{i}", "00:00", "01:00", days=days), start=start, end=end, breaks=breaks))
    closed = draw(st.lists(st.dates(date(2026, 1, 1), date(2026, 12, 31)).map(lambda d: (d, d)), max_size=2))
    return Calendar("random", tuple(made), tuple(closed))


@st.composite
def spans(draw: st.DrawFn) -> tuple[str, int, int]:
    zone = draw(st.sampled_from(ZONES))
    days = [date.fromisoformat(day) for day in CHANGES.get(zone, ())]
    day = (
        draw(st.one_of(st.sampled_from(days), st.dates(date(2026, 1, 3), date(2026, 12, 28))))
        if days
        else draw(st.dates(date(2026, 1, 3), date(2026, 12, 28)))
    )
    middle = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 10**9
    start = middle - draw(st.integers(0, 30 * 60)) * MINUTE
    return zone, start, start + draw(st.integers(1, 50 * 60)) * MINUTE


@cache
def zone_of(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@settings(max_examples=60, deadline=None)
@given(rosters(), spans())
def test_slices_tile_the_window_and_agree_with_every_minute(calendar: Calendar, span: tuple[str, int, int]) -> None:
    zone, start, end = span
    made = cut(calendar, zone, start, end)
    assert made.start[0] == start
    assert made.end[-1] == end
    assert (made.start[1:] == made.end[:-1]).all()
    assert (made.start < made.end).all()
    assert (made.end - made.start <= HOUR).all()
    assert (np.diff(made.day) >= 0).all()
    for minute in range(start, end, 7 * MINUTE):
        i = int(np.searchsorted(made.start, minute, "right")) - 1
        works, day = calendars.scheduled(calendar, zone_of(zone), minute)
        assert bool(made.scheduled[i]) == works
        assert (made.shift[i] >= 0) == (day is not None)
        if day is not None:
            assert int(made.day[i]) == day.toordinal()


@settings(max_examples=40, deadline=None)
@given(rosters(), spans(), st.floats(0, 1))
def test_splitting_the_window_anywhere_changes_no_sum(
    calendar: Calendar, span: tuple[str, int, int], where: float
) -> None:
    zone, start, end = span
    middle = start + int((end - start) * where) // MINUTE * MINUTE
    stops = ((start + HOUR, start + 2 * HOUR), (start + 90 * MINUTE, start + 150 * MINUTE))

    def sums(parts: list[tuple[int, int]]) -> dict[tuple[int, int, bool, bool], int]:
        found: dict[tuple[int, int, bool, bool], int] = {}
        for begin, stop in parts:
            if begin == stop:
                continue
            made = cut(calendar, zone, begin, stop, stops)
            for i in range(len(made)):
                key = int(made.day[i]), int(made.shift[i]), bool(made.scheduled[i]), bool(made.stopped[i])
                found[key] = found.get(key, 0) + int(made.end[i] - made.start[i])
        return found

    assert sums([(start, end)]) == sums([(start, middle), (middle, end)])


def test_a_year_is_cut_in_well_under_a_second() -> None:
    start, end = at(SHANGHAI, "2026-01-01T00:00"), at(SHANGHAI, "2027-01-01T00:00")
    official = replace(TWO, workdays="china")
    cut(official, SHANGHAI, start, end)
    began = time.process_time()
    made = cut(official, SHANGHAI, start, end)
    assert time.process_time() - began < 0.5
    assert int((made.end - made.start).sum()) == end - start
