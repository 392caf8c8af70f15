"""What facts are formed of: an asset or a meter, with its calendar over the production days that a window touches."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from config.plant import Asset, Meter, Plant
from config.shifts import Calendar
from config.slices import Slices, Stops, roster, slices, stops_of
from config.zone import DAY, EPOCH, Offsets
from connectors.base import Ints


@dataclass(frozen=True, slots=True)
class Days:
    """Whole production days that follow one another, and their slices."""

    labels: Ints  # days since 1970-01-01, each the one after the last
    begins: Ints  # of each day, and the end of the last
    cut: Slices
    digests: tuple[bytes, ...]  # of the slices of each day

    def span(self, label: int) -> tuple[int, int]:
        place = label - int(self.labels[0])
        return int(self.begins[place]), int(self.begins[place + 1])

    def only(self, first: int, last: int) -> Slices:
        """The slices of the days from `first` to `last`, both included."""
        label = self.cut.day.astype(np.int64) - EPOCH
        return taken(self.cut, (label >= first) & (label <= last))


def taken(cut: Slices, which: NDArray[np.bool_]) -> Slices:
    """Some of the slices."""
    return Slices(
        cut.start[which],
        cut.end[which],
        cut.scheduled[which],
        cut.stopped[which],
        cut.shift[which],
        cut.day[which],
        cut.unconfirmed[which],
        cut.names,
    )


def days_of(plant: Plant, calendar: Calendar, stops: Stops, start: int, end: int) -> Days:
    """The production days that [start, end) touches, and one more on either side."""
    offsets = Offsets(plant.timezone, start - 5 * DAY, end + 5 * DAY)
    told = roster(calendar, offsets, start - DAY, end + DAY)
    first, last = (int(day) for day in told.day_at(np.array([start, end - 1])))
    begins = told.begins[first - 1 : last + 3]
    cut = slices(calendar, stops, offsets, int(begins[0]), int(begins[-1]))
    return Days(told.days[first - 1 : last + 2] - EPOCH, begins, cut, _digests(cut, begins))


def _digests(cut: Slices, begins: Ints) -> tuple[bytes, ...]:
    columns = (cut.start, cut.end, cut.scheduled, cut.stopped, cut.shift, cut.day, cut.unconfirmed)
    found = []
    for first, last in pairwise(np.searchsorted(cut.start, begins, "left").tolist()):
        digest = sha256(repr(cut.names).encode())
        for column in columns:
            digest.update(np.ascontiguousarray(column[first:last]).tobytes())
        found.append(digest.digest())
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Unit:
    of: Asset | Meter
    calendar: Calendar
    stops: Stops
    days: Days

    @property
    def id(self) -> str:
        return self.of.id


def units_of(plant: Plant, start: int, end: int, only: Iterable[str] | None = None) -> list[Unit]:
    """Every asset and meter, or `only` some; those of one calendar and the same stops share their days."""
    made: dict[tuple[int, Stops], Days] = {}
    found = []
    units: list[Asset | Meter] = [*plant.assets.values(), *plant.meters.values()]
    wanted = None if only is None else set(only)
    for of in units:
        if wanted is not None and of.id not in wanted:
            continue
        asset = isinstance(of, Asset)
        calendar = plant.calendar_of(of.id) if asset else plant.calendar
        stops = stops_of(plant, of.id) if asset else ()
        key = id(calendar), stops
        if key not in made:
            made[key] = days_of(plant, calendar, stops, start, end)
        found.append(Unit(of, calendar, stops, made[key]))
    return found
