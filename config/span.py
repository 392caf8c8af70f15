"""Spans and windows: which time a question is about, and how its answer is divided. The time of asking is given, never
looked up."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

import numpy as np

from config import values
from config.cursor import Cursor, Reject, text
from config.document import Node
from config.faults import Fault, PlantError
from config.plant import Plant
from config.shifts import Calendar
from config.slices import Roster, Stops, roster, slices
from config.zone import DAY, Offsets, instant

T = TypeVar("T")
LONGEST = 5 * 366 * DAY  # of a question; a year that was mistyped is told, and not worked on for an hour
PER = ("slice", "hour", "shift", "day", "week", "month", "year", "window")


@dataclass(frozen=True, slots=True)
class Span:
    """[start, end) in UTC [ns]; `cut` when its end was in the future and is now."""

    start: int
    end: int
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a span: its production date, and its shift where it is one."""

    start: int
    end: int
    day: date
    shift: str | None = None


# -- production time ---------------------------------------------------------------------------------------------------
def production_day(plant: Plant, calendar: Calendar, time: int) -> Window:
    """The production day that a time lies in."""
    of = roster(calendar, Offsets(plant.timezone, time, time), time, time)
    return _day(of, int(of.day_at(np.array([time]))[0]))


def _day(of: Roster, index: int) -> Window:
    return Window(int(of.begins[index]), int(of.begins[index + 1]), date.fromordinal(int(of.days[index])))


def last_day(plant: Plant, calendar: Calendar, now: int) -> Window:
    """The last production day that is over."""
    today = production_day(plant, calendar, now)
    return production_day(plant, calendar, today.start - 1)


def shifts(plant: Plant, calendar: Calendar, start: int, end: int) -> list[Window]:
    """Every shift that touches [start, end), whole and in order."""
    of = roster(calendar, Offsets(plant.timezone, start, end), start, end)
    columns = (of.start.tolist(), of.end.tolist(), of.day.tolist(), of.shift.tolist())
    rows = zip(*columns, strict=True)
    return [Window(s, e, date.fromordinal(d), of.names[i]) for s, e, d, i in rows if s < end and e > start]


def begin_of(plant: Plant, calendar: Calendar, day: date) -> int:
    """When the production day of a date begins."""
    noon = instant(day, plant.timezone) + DAY // 2
    of = roster(calendar, Offsets(plant.timezone, noon, noon), noon, noon)
    return int(of.begins[np.searchsorted(of.days, day.toordinal())])


# -- windows -----------------------------------------------------------------------------------------------------------
def windows(plant: Plant, calendar: Calendar, per: str, start: int, end: int, stops: Stops = ()) -> list[Window]:
    """[start, end) divided, the ends clipped. Shifts leave out what lies between them; without any, a day is one."""
    offsets = Offsets(plant.timezone, start, end)
    of = roster(calendar, offsets, start, end)
    if per == "shift" and calendar.shifts:
        found = shifts(plant, calendar, start, end)
        return [Window(max(w.start, start), min(w.end, end), w.day, w.shift) for w in found if w.start < w.end]
    if per == "slice":
        cut = slices(calendar, stops, offsets, start, end)
        names = [None if i < 0 else cut.names[i] for i in cut.shift.tolist()]
        rows = zip(cut.start.tolist(), cut.end.tolist(), cut.day.tolist(), names, strict=True)
        return [Window(s, e, date.fromordinal(d), name) for s, e, d, name in rows]
    if per == "hour":
        inner = offsets.hours(start, end)
    else:
        first = np.array([_first(per, date.fromordinal(int(day))) for day in of.days], np.bool_)
        inner = of.begins[first]
    edges = np.unique(np.concatenate([inner[(inner > start) & (inner < end)], np.array([start, end], np.int64)]))
    days = of.days[of.day_at(edges[:-1])].tolist()
    rows_ = zip(edges[:-1].tolist(), edges[1:].tolist(), days, strict=True)
    return [Window(s, e, date.fromordinal(d)) for s, e, d in rows_]


def _first(per: str, day: date) -> bool:
    """Whether a window begins with this production day."""
    if per == "week":
        return day.weekday() == 0
    if per == "month":
        return day.day == 1
    if per == "year":
        return day.timetuple().tm_yday == 1
    return per != "window"


# -- spans -------------------------------------------------------------------------------------------------------------
def span(
    plant: Plant,
    now: int,
    start: str | None = None,
    end: str | None = None,
    last: str | None = None,
    month: str | None = None,
) -> Span:
    """What `--from --to`, `--last` or `--month` ask for; by default the last complete production day of the plant.

    `last` ends now; `month` is production time. Raises PlantError for what cannot be read, or is empty.
    """
    ends = end if start is None else start
    given = [key for key, word in (("from", ends), ("last", last), ("month", month)) if word is not None]
    if len(given) > 1:
        raise _wrong(given[1], f"stands beside `{given[0]}`", "give one of from and to, last, month")
    if last is not None:
        return Span(now - _argument("last", last, values.duration), now)
    if month is not None:
        first, following = _month(plant, _argument("month", month, _first_of_month))
        return Span(_past("month", first, now, month), min(following, now), following > now)
    if start is None and end is None:
        day = last_day(plant, plant.calendar, now)
        return Span(day.start, day.end)
    if start is None:
        raise _wrong("from", "is missing", "give `from` with `to`")
    return _between(plant, now, start, end)


def baseline(plant: Plant, now: int, start: str | None, end: str | None, revenue: bool = False) -> Span | None:
    """What `--baseline-from` and `--baseline-to` ask for: both ends or none, since one that ran to now would hold
    what is to be compared with it; `revenue`: whether one of it was given, which says nothing without them."""
    if start is None and end is None:
        if revenue:
            raise _wrong("baseline-revenue", "stands without a baseline", "give `baseline-from` and `baseline-to` too")
        return None
    if start is None or end is None:
        missing, there = ("from", "to") if start is None else ("to", "from")
        raise _wrong(f"baseline-{missing}", "is missing", f"give it with `baseline-{there}`")
    return bounded(_between(plant, now, start, end, "baseline-"), "baseline-from", start)


def bounded(asked: Span, name: str, word: str | None) -> Span:
    """Raises PlantError where it is longer than a question may be."""
    if asked.end - asked.start > LONGEST:
        raise _wrong(name, "makes a window longer than five years", "ask for less", word)
    return asked


def _between(plant: Plant, now: int, start: str, end: str | None, of: str = "") -> Span:
    begin = _past(f"{of}from", time(plant, f"{of}from", start), now, start)
    stop = now if end is None else time(plant, f"{of}to", end)
    if stop <= begin:
        do = f"give an earlier `{of}from`, or a later `{of}to`"
        raise _wrong(f"{of}to", "leaves no time between its ends", do, end)
    return Span(begin, min(stop, now), stop > now)


def time(plant: Plant, name: str, word: str) -> int:
    """A date or date-time of an argument, in the plant's zone where it has no offset. Raises PlantError."""
    return instant(_argument(name, word, values.moment), plant.timezone)


def length(name: str, word: str) -> int:
    """A duration of an argument [ns]. Raises PlantError."""
    return _argument(name, word, values.duration)


def _past(name: str, begin: int, now: int, word: str) -> int:
    if begin >= now:
        raise _wrong(name, "begins in the future", "give an earlier one", word)
    return begin


def _month(plant: Plant, first: date) -> tuple[int, int]:
    following = (first + timedelta(days=31)).replace(day=1)
    return begin_of(plant, plant.calendar, first), begin_of(plant, plant.calendar, following)


def _first_of_month(cursor: Cursor) -> date:
    try:
        day = date.fromisoformat(f"{text(cursor)}-01")
    except ValueError:
        day = date.min
    if day.year not in values.YEARS:
        raise Reject("must be a month", "write it as 2026-10")
    return day


def _argument(name: str, word: str, parse: Callable[[Cursor], T]) -> T:
    faults: list[Fault] = []
    value = Cursor(Node(word, 0, {}, word), name, faults).parsed(parse, None)
    if value is None:
        raise PlantError(faults)
    return value


def _wrong(name: str, what: str, do: str, got: str | None = None) -> PlantError:
    return PlantError([Fault(name, 0, "", what, got, do)])
