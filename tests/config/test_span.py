"""Spans and windows under a two-shift calendar, asked at 2026-11-21 03:00 in Shanghai, a Saturday's night shift."""

from datetime import date
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config.faults import PlantError
from config.plant import Plant
from config.shifts import ALWAYS, Calendar
from config.span import Span, Window, last_day, production_day, shifts, span, windows
from config.zone import shown
from tests.config.calendars import HOUR, WORKWEEK, at, shift

ZONE = "Asia/Shanghai"
TWO = Calendar("two", (shift("day", "08:00", "20:00", days=WORKWEEK), shift("night", "20:00", "32:00", days=WORKWEEK)))
PLANT = Plant("p", "p", ZoneInfo(ZONE), Path("data"), Path("p.yaml"), "", calendar=TWO)
NOW = at(ZONE, "2026-11-21T03:00")


def local(window: Window | Span) -> str:
    return f"{shown(window.start, PLANT.timezone)[:16]} {shown(window.end, PLANT.timezone)[:16]}"


def test_the_production_day_of_a_night() -> None:
    day = production_day(PLANT, TWO, NOW)
    assert (local(day), day.day) == ("2026-11-20T08:00 2026-11-21T08:00", date(2026, 11, 20))
    assert last_day(PLANT, TWO, NOW).day == date(2026, 11, 19)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "2026-11-19T08:00 2026-11-20T08:00"),
        ({"start": "2026-11-01", "end": "2026-11-02"}, "2026-11-01T00:00 2026-11-02T00:00"),
        ({"start": "2026-11-01T08:00", "end": "2026-11-01T00:30:00Z"}, "2026-11-01T08:00 2026-11-01T08:30"),
        ({"start": "2026-11-20"}, "2026-11-20T00:00 2026-11-21T03:00"),
        ({"last": "30d"}, "2026-10-22T03:00 2026-11-21T03:00"),
        ({"last": "90min"}, "2026-11-21T01:30 2026-11-21T03:00"),
        ({"month": "2026-10"}, "2026-10-01T08:00 2026-11-01T08:00"),
        ({"month": "2026-11"}, "2026-11-01T08:00 2026-11-21T03:00"),
    ],
)
def test_spans(asked: dict[str, str], expected: str) -> None:
    assert local(span(PLANT, NOW, **asked)) == expected


@pytest.mark.parametrize(
    ("asked", "cut"),
    [
        ({"start": "2026-11-20", "end": "2026-11-22"}, True),
        ({"start": "2026-11-20", "end": "2026-11-21"}, False),
        ({"month": "2026-11"}, True),
    ],
)
def test_an_end_in_the_future_is_now_and_says_so(asked: dict[str, str], cut: bool) -> None:
    found = span(PLANT, NOW, **asked)
    assert found.cut is cut
    assert (found.end == NOW) is cut


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"start": "yesterday"},
            "from: must be a date or date-time from 1970 to 2199 (got yesterday); write it as 2026-11-10T08:00",
        ),
        ({"end": "2026-11-01"}, "from: is missing; give `from` with `to`"),
        (
            {"start": "2026-11-02", "end": "2026-11-01"},
            "to: leaves no time between its ends (got 2026-11-01); give an earlier `from`, or a later `to`",
        ),
        (
            {"start": "2026-12-01", "end": "2026-12-02"},
            "from: begins in the future (got 2026-12-01); give an earlier one",
        ),
        ({"start": "2026-11-22"}, "from: begins in the future (got 2026-11-22); give an earlier one"),
        (
            {"start": "2026-12-02", "end": "2026-11-01"},
            "from: begins in the future (got 2026-12-02); give an earlier one",
        ),
        ({"month": "2026-12"}, "month: begins in the future (got 2026-12); give an earlier one"),
        (
            {"last": "30"},
            "last: must be a duration, a number and one of ms, s, min, h, d (got 30); "
            "write it as 500ms, 1s, 5min, 8h or 30d",
        ),
        ({"month": "October"}, "month: must be a month (got October); write it as 2026-10"),
        ({"last": "1d", "month": "2026-10"}, "month: stands beside `last`; give one of from and to, last, month"),
    ],
)
def test_wrong_spans(asked: dict[str, str], message: str) -> None:
    with pytest.raises(PlantError) as raised:
        span(PLANT, NOW, **asked)
    assert str(raised.value) == message


START, END = at(ZONE, "2026-11-19T22:00"), at(ZONE, "2026-11-23T09:00")  # Thursday night to Monday


@pytest.mark.parametrize(
    ("per", "expected"),
    [
        ("window", ["19T22:00 23T09:00 19 -"]),
        (
            "shift",
            [
                "19T22:00 20T08:00 19 night",
                "20T08:00 20T20:00 20 day",
                "20T20:00 21T08:00 20 night",
                "23T08:00 23T09:00 23 day",
            ],
        ),
        (
            "day",
            [
                "19T22:00 20T08:00 19 -",
                "20T08:00 21T08:00 20 -",
                "21T08:00 22T08:00 21 -",
                "22T08:00 23T08:00 22 -",
                "23T08:00 23T09:00 23 -",
            ],
        ),
        ("week", ["19T22:00 23T08:00 19 -", "23T08:00 23T09:00 23 -"]),
        ("month", ["19T22:00 23T09:00 19 -"]),
        ("year", ["19T22:00 23T09:00 19 -"]),
    ],
)
def test_windows(per: str, expected: list[str]) -> None:
    found = windows(PLANT, TWO, per, START, END)
    assert [f"{local(w)[8:16]} {local(w)[25:]} {w.day.day} {w.shift or '-'}" for w in found] == expected


def test_months_and_years_begin_with_the_first_shift_of_their_first_day() -> None:
    start, end = at(ZONE, "2026-12-20T00:00"), at(ZONE, "2027-02-02T00:00")
    assert [local(w)[:16] for w in windows(PLANT, TWO, "month", start, end)] == [
        "2026-12-20T00:00",
        "2027-01-01T08:00",
        "2027-02-01T08:00",
    ]
    assert [local(w)[:16] for w in windows(PLANT, TWO, "year", start, end)] == ["2026-12-20T00:00", "2027-01-01T08:00"]


def test_without_shifts_a_day_is_the_shift() -> None:
    start = at(ZONE, "2026-11-20T00:00")
    found = windows(PLANT, ALWAYS, "shift", start, start + 48 * HOUR)
    assert [(w.day.day, w.shift, w.end - w.start) for w in found] == [(20, None, 24 * HOUR), (21, None, 24 * HOUR)]


def test_hours_are_full_local_hours() -> None:
    start = at(ZONE, "2026-11-20T07:40")
    found = windows(PLANT, TWO, "hour", start, start + 2 * HOUR)
    assert [local(w)[11:16] for w in found] == ["07:40", "08:00", "09:00"]


def test_slices_of_a_window_know_their_shift() -> None:
    start = at(ZONE, "2026-11-20T19:30")
    stops = ((start + HOUR, start + HOUR + HOUR // 4),)
    found = windows(PLANT, TWO, "slice", start, start + 2 * HOUR, stops)
    assert [f"{local(w)[11:16]} {w.shift}" for w in found] == [
        "19:30 day",
        "20:00 night",
        "20:30 night",
        "20:45 night",
        "21:00 night",
    ]


def test_shifts_are_whole() -> None:
    found = shifts(PLANT, TWO, NOW, NOW + HOUR)
    assert [(local(w), w.shift, w.day.day) for w in found] == [("2026-11-20T20:00 2026-11-21T08:00", "night", 20)]


@pytest.mark.parametrize("per", ["slice", "hour", "day", "week", "month", "year", "window"])
def test_windows_tile_the_span(per: str) -> None:
    start, end = at(ZONE, "2026-02-03T04:05"), at(ZONE, "2027-03-04T05:06")
    found = windows(PLANT, TWO, per, start, end)
    assert (found[0].start, found[-1].end) == (start, end)
    assert all(before.end == after.start for before, after in pairwise(found))
