"""The calendar as slices: half-open intervals in which nothing scheduled changes, as columns.

Time is cut at every full local hour, every change of the clocks, and every boundary of a shift, break, planned stop and
production day. A production day begins with its first shift; a date on which no shift starts begins at the clock time
of the calendar's earliest shift (00:00 for `always`), or when the shift of the date before ends, if that is later.
So days follow each other without a gap, and a shift lies whole in the day on which it starts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from config.calendars import exceptions
from config.plant import Plant
from config.shifts import Calendar, Shift
from config.zone import DAY, EPOCH, Ints, Offsets, local_ns

Stops = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Slices:
    """Columns of equal length; slices follow each other without a gap. Times are UTC [ns], `end` exclusive."""

    start: Ints
    end: Ints
    scheduled: NDArray[np.bool_]  # in a shift, outside its breaks and planned stops
    stopped: NDArray[np.bool_]  # inside a planned stop
    shift: NDArray[np.int16]  # index into `names`; -1: no shift
    day: NDArray[np.int32]  # production date, proleptic ordinal
    unconfirmed: NDArray[np.bool_]  # the official calendar of that date is not known
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.start)


@dataclass(frozen=True, slots=True)
class Roster:
    """Every shift that starts on one of some dates, in order, and where those production days begin."""

    days: Ints  # ordinals, without a gap
    begins: Ints  # UTC [ns]
    unconfirmed: NDArray[np.bool_]  # of each day
    names: tuple[str, ...]
    start: Ints  # of each shift that runs, UTC [ns]
    end: Ints
    shift: NDArray[np.int16]
    day: Ints
    breaks: Ints  # starts and ends, two columns

    def day_at(self, times: Ints) -> Ints:
        """The index into `days` of the production day that each time lies in."""
        return np.searchsorted(self.begins, times, "right") - 1


def roster(calendar: Calendar, offsets: Offsets, start: int, end: int) -> Roster:
    """The shifts and production days that touch [start, end)."""
    first, last = (int(t) // DAY + EPOCH for t in offsets.local(np.array([start, end])))
    days = np.arange(first - 3, last + 3, dtype=np.int64)
    known, years = exceptions(calendar)
    names = tuple(dict.fromkeys(shift.name for shift in calendar.shifts))
    found: list[tuple[int, int, int, int]] = []
    pauses: list[tuple[int, int]] = []
    clocks, unconfirmed = [], []
    for ordinal in days.tolist():
        day = date.fromordinal(ordinal)
        clocks.append(local_ns(ordinal, _clock(calendar, day)))
        unconfirmed.append(years is not None and day.year not in years)
        for shift in running(calendar, known, day):
            found.append(
                (local_ns(ordinal, shift.start), local_ns(ordinal, shift.end), names.index(shift.name), ordinal)
            )
            pauses += [(local_ns(ordinal, begin), local_ns(ordinal, stop)) for begin, stop in shift.breaks]
    columns = np.array(sorted(found), np.int64).reshape(-1, 4)
    starts, ends = offsets.utc(columns[:, 0]), offsets.utc(columns[:, 1])
    return Roster(
        days,
        _begins(days, offsets.utc(np.array(clocks, np.int64)), starts, ends, columns[:, 3]),
        np.array(unconfirmed, np.bool_),
        names,
        starts,
        ends,
        columns[:, 2].astype(np.int16),
        columns[:, 3],
        offsets.utc(np.array(pauses, np.int64).reshape(-1, 2)),
    )


def running(calendar: Calendar, known: Mapping[date, bool], day: date) -> list[Shift]:
    """The shifts that start on a date: none when it is closed or a holiday, Monday's when it is an adjusted one."""
    if any(begin <= day <= end for begin, end in calendar.closed) or known.get(day) is False:
        return []
    weekday = 0 if known.get(day) else day.weekday()
    return [shift for shift in calendar.shifts if weekday in shift.days and _dated(shift, day)]


def _dated(shift: Shift, day: date) -> bool:
    return (shift.since is None or shift.since <= day) and (shift.until is None or day <= shift.until)


def _clock(calendar: Calendar, day: date) -> int:
    """When a date without shifts begins [min after 00:00]."""
    dated = [shift.start for shift in calendar.shifts if _dated(shift, day)]
    return min(dated or [shift.start for shift in calendar.shifts], default=0)


def _begins(days: Ints, clocks: Ints, starts: Ints, ends: Ints, dates: Ints) -> Ints:
    first = np.searchsorted(dates, days, "left")
    runs = first < np.searchsorted(dates, days, "right")
    begins = clocks.copy()
    begins[runs] = starts[first[runs]]
    if len(ends):
        before = np.maximum.accumulate(ends)[np.maximum(first - 1, 0)]
        begins = np.where(first > 0, np.maximum(begins, before), begins)
    return np.asarray(begins)


# -- slices ------------------------------------------------------------------------------------------------------------
def slices(calendar: Calendar, stops: Stops, offsets: Offsets, start: int, end: int) -> Slices:
    """The slices of [start, end) under a calendar and planned stops."""
    of = roster(calendar, offsets, start, end)
    held: Ints = np.array(stops, np.int64).reshape(-1, 2)
    cuts = [offsets.hours(start, end), of.begins, of.start, of.end, of.breaks.ravel(), held.ravel()]
    edges = np.unique(np.concatenate([*cuts, np.array([start, end], np.int64)]))
    edges = edges[(edges >= start) & (edges <= end)]
    begin, stop = edges[:-1], edges[1:]
    index = np.searchsorted(of.start, begin, "right") - 1
    inside = (index >= 0) & (begin < of.end[index]) if len(of.start) else np.zeros(len(begin), np.bool_)
    always = np.full(len(begin), not calendar.shifts)
    stopped = _covered(held, begin)
    of_day = of.day_at(begin)
    return Slices(
        begin,
        stop,
        (inside | always) & ~_covered(of.breaks, begin) & ~stopped,
        stopped,
        np.where(inside, of.shift[index], -1).astype(np.int16) if len(of.start) else np.full(len(begin), -1, np.int16),
        of.days[of_day].astype(np.int32),
        of.unconfirmed[of_day],
        of.names,
    )


def _covered(spans: Ints, times: Ints) -> NDArray[np.bool_]:
    """Whether each time lies in one of the half-open spans."""
    begun = np.searchsorted(np.sort(spans[:, 0]), times, "right")
    ended = np.searchsorted(np.sort(spans[:, 1]), times, "right")
    return np.asarray(begun > ended)


def stops_of(plant: Plant, asset: str) -> Stops:
    return tuple((stop.start, stop.end) for stop in plant.stops if asset in stop.assets)


def plant_slices(plant: Plant, assets: Iterable[str], start: int, end: int) -> dict[str, Slices]:
    """Each asset's slices; assets of one calendar and the same stops share one object."""
    offsets = Offsets(plant.timezone, start, end)
    made: dict[tuple[int, Stops], Slices] = {}
    found = {}
    for asset in assets:
        calendar, stops = plant.calendar_of(asset), stops_of(plant, asset)
        key = id(calendar), stops
        if key not in made:
            made[key] = slices(calendar, stops, offsets, start, end)
        found[asset] = made[key]
    return found
