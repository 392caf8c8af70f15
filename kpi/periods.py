"""Periods of a plant's time: hours of its clock, and shifts, days, weeks, months and years of production time.

A production day begins with its first shift, and a shift belongs to the date on which it starts; weeks begin on Monday.
Time outside every shift is a period of its own among shifts, so that the periods of a window always sum to it.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from config.plant import Calendar
from config.slices import Slices, Stops, slices
from config.zone import HOUR, Offsets
from connectors.base import Ints

Per = Literal["slice", "hour", "shift", "day", "week", "month", "year", "window"]
PERS: tuple[Per, ...] = get_args(Per)


@dataclass(frozen=True, slots=True)
class Periods:
    """Half-open, one after the other; `day` [proleptic ordinal] is that of its beginning, `shift` a name or empty."""

    per: Per
    start: Ints
    end: Ints
    day: Ints
    shift: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.start)

    def of(self, at: Ints) -> NDArray[np.intp]:
        """The period that each instant of the window lies in."""
        return np.searchsorted(self.start, at, "right") - 1


def periods(calendar: Calendar, stops: Stops, offsets: Offsets, start: int, end: int, per: Per) -> Periods:
    """The periods of [start, end), the first and last of them cut to it."""
    cut = slices(calendar, stops, offsets, start, end)
    key = _key(cut, offsets, per)
    first = np.append(True, key[1:] != key[:-1])
    names = ("", *cut.names)
    shown = cut.shift[first].astype(np.int64) + 1 if per in ("slice", "shift") else np.zeros(int(first.sum()), np.int64)
    begins = cut.start[first]
    return Periods(
        per,
        begins,
        np.append(begins[1:], cut.end[-1:]),
        cut.day[first].astype(np.int64),
        tuple(names[index] for index in shown.tolist()),
    )


def _key(cut: Slices, offsets: Offsets, per: Per) -> Ints:
    """A number for each slice that changes where a period ends."""
    day = cut.day.astype(np.int64)
    if per == "slice":
        return np.arange(len(cut), dtype=np.int64)
    if per == "window":
        return np.zeros(len(cut), np.int64)
    if per == "hour":  # hours of universal time would do only where offsets are whole hours
        changed = np.searchsorted(offsets.since, cut.start, "right")
        return np.asarray(offsets.local(cut.start) // HOUR * 64 + changed)
    if per == "shift":
        return np.where(cut.shift >= 0, (day * len(cut.names) + cut.shift) * 2, _gaps(cut) * 2 + 1)
    if per == "day":
        return day
    if per == "week":
        return (day - 1) // 7
    dates = [date.fromordinal(one) for one in day.tolist()]
    return np.array([one.year * 12 + (one.month if per == "month" else 0) for one in dates], np.int64)


def _gaps(cut: Slices) -> Ints:
    """A number for each stretch outside every shift; of one production day alone."""
    began = np.append(True, (cut.shift[1:] != cut.shift[:-1]) | (cut.day[1:] != cut.day[:-1]))
    return np.cumsum(began)
