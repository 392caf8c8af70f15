"""Facts of a plant over a window, from rows or from what is kept of past days; which of the two never shows."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from itertools import pairwise
from typing import Literal

import numpy as np

from config.faults import Fault, PlantError
from config.plant import Asset, Plant
from config.slices import slices
from config.zone import EPOCH, Offsets, shown
from kpi import dimensions
from kpi.facts import form, stretch
from kpi.facts.archive import Archive, Day
from kpi.facts.links import heard
from kpi.facts.names import Names
from kpi.facts.schema import Table, chosen, in_order, stacked
from kpi.facts.units import Unit, units_of
from store.reader import Reader

log = logging.getLogger("gemba.facts")
TABLES = ("slices", "products", "energy", "links")
OF_RATES = ("asset", "start", "end", "day", "scheduled", "held_ms", "flags")  # columns of `slices`
AT_ONCE = 7  # days of which a rate is told at once
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Facts:
    """The four tables over [start, end), every asset and meter of the plant; text is an index into `names`."""

    plant: Plant
    start: int
    end: int
    slices: Table
    products: Table
    energy: Table
    links: Table
    names: tuple[str, ...]
    store: Literal["journal", "influxdb"]

    def code(self, word: str) -> int:
        """The index of a word; -1 where it does not occur."""
        return self.names.index(word) if word in self.names else -1


def facts(
    reader: Reader,
    plant: Plant,
    start: int,
    end: int,
    archive: Archive | None = None,
    now: int | None = None,
    told: Told | None = None,
) -> Facts:
    """What happened in [start, end) [ns]. Past production days are kept in `archive` where there is one.

    `told` hears how many of how many assets and meters are done.

    Raises PlantError where an end cuts a slice of which only facts are left, naming the nearest possible time.
    """
    now, names = time.time_ns() if now is None else now, Names()
    with reader.steady():
        parts = _parts(reader, plant, start, end, archive, now, names, told or _quiet)
    tables = {name: in_order(stacked(name, [part[name] for part in parts if name in part])) for name in TABLES}
    return Facts(plant, start, end, **tables, names=names.words(), store=reader.store)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a rate is told from: some columns of `slices`, and `links`, in no order."""

    slices: Table
    links: Table
    names: tuple[str, ...]


def history(reader: Reader, plant: Plant, start: int, end: int, archive: Archive | None, now: int) -> Heard:
    """Of the facts in [start, end) only this, some days at a time: a rate looks far back, and at little of each day."""
    names, slices, links = Names(), [], []
    with reader.steady():
        for first, last in _some_days(plant, start, end):
            parts = _parts(reader, plant, first, last, archive, now, names, _quiet)
            slices.append(chosen("slices", [part["slices"] for part in parts if "slices" in part], OF_RATES))
            links += [part["links"].copy() for part in parts if "links" in part]
    return Heard(np.concatenate(slices), stacked("links", links), names.words())


def _some_days(plant: Plant, start: int, end: int) -> list[tuple[int, int]]:
    """[start, end) cut where a production day begins and no calendar of the plant has a slice going on."""
    every = list({id(unit.days): unit.days for unit in units_of(plant, start, end)}.values())
    edges = [at for at in (every[0].begins.tolist() if every else []) if start < at < end]
    edges = [at for at in edges if all(at in days.cut.start for days in every)][AT_ONCE - 1 :: AT_ONCE]
    return list(pairwise([start, *edges, end]))


def _quiet(_: int, __: int) -> None:
    pass


def _parts(
    reader: Reader,
    plant: Plant,
    start: int,
    end: int,
    archive: Archive | None,
    now: int,
    names: Names,
    told: Told,
) -> list[Mapping[str, Table]]:
    steps = form.clock_steps(reader)
    units = units_of(plant, start, end)
    whole = _past(units, start, end, now, archive, reader.span()) if archive else {unit.id: [] for unit in units}
    limits = _limits(units, whole, start, end)
    days: dict[int, Day] = {}
    parts: list[Mapping[str, Table]] = []
    if archive:
        days = archive.read(sorted({day for wanted in whole.values() for day in wanted}), names)
        stale = [stretch.stale(reader, plant, unit, whole[unit.id], days) for unit in units if whole[unit.id]]
        changed = stretch.refresh(reader, plant, stale, days, steps, names, told)
        stamp = blake2b(f"{now}:{reader.store}".encode(), digest_size=8).hexdigest()
        for day in changed:
            days[day].settle()
        _keep(archive, plant, {day: days[day] for day in sorted(changed)}, names, stamp)
        parts += _kept(limits, days, end, names)
    rest: dict[tuple[int, int, int], list[Unit]] = {}
    for unit in units:
        for first, last in _rest(*limits[unit.id], start, end):
            _refuse_lost(unit, whole[unit.id], days, first, last, plant)
            rest.setdefault((id(unit.days), first, last), []).append(unit)
    for (_, first, last), some in rest.items():
        one = some[0]
        cut = slices(one.calendar, one.stops, Offsets(plant.timezone, first, last), first, last)
        form.foretell(reader, [unit.of for unit in some], cut)
        links = heard(reader, [unit.id for unit in some if isinstance(unit.of, Asset)], cut, names)
        for done, unit in enumerate(some):
            told(done, len(some))
            parts.append(form.of(reader, plant, unit.of, cut, links.get(unit.id), steps, names).tables)
    return parts


def _keep(archive: Archive, plant: Plant, days: Mapping[int, Day], names: Names, stamp: str) -> None:
    """What cannot be kept (a full disk, a folder that is another user's) is formed again when it is asked for."""
    try:
        for day, held in days.items():
            archive.write(day, held, names, stamp)
        dimensions.keep(plant, archive.root)
    except OSError as error:
        log.warning("%s: facts cannot be kept (got %s); each answer forms them again", archive.root, error)


def _past(
    units: Sequence[Unit], start: int, end: int, now: int, archive: Archive, held: tuple[int, int] | None
) -> dict[str, list[int]]:
    """The days of each unit that are over, and of which a whole slice lies in the window.

    Days before the first row of the store and after its last are not worth a file, unless they have one already.
    """
    by_days: dict[int, list[int]] = {}
    for unit in units:
        of = unit.days
        if id(of) in by_days:
            continue
        inside = (of.cut.start >= start) & (of.cut.end <= end)
        touched = np.unique(of.cut.day[inside].astype(np.int64)) - EPOCH
        over = np.intersect1d(touched, of.labels[of.begins[1:] <= now]).tolist()
        worth = [day for day in over if _reached(of.span(day), held) or archive.path("slices", day).exists()]
        by_days[id(of)] = list(range(worth[0], worth[-1] + 1)) if worth else []
    return {unit.id: by_days[id(unit.days)] for unit in units}


def _reached(span: tuple[int, int], held: tuple[int, int] | None) -> bool:
    return held is not None and span[0] <= held[1] and span[1] > held[0]


def _limits(
    units: Sequence[Unit], whole: Mapping[str, Sequence[int]], start: int, end: int
) -> dict[str, tuple[int, int]]:
    """The whole slices of each unit's days that lie in the window, as one interval; empty where there are none."""
    by_days: dict[int, tuple[int, int]] = {}
    for unit in units:
        if id(unit.days) in by_days:
            continue
        cut = unit.days.cut
        inside = (cut.start >= start) & (cut.end <= end) & np.isin(cut.day - EPOCH, whole[unit.id])
        found = (int(cut.start[inside][0]), int(cut.end[inside][-1])) if inside.any() else (start, start)
        by_days[id(unit.days)] = found
    return {unit.id: by_days[id(unit.days)] for unit in units}


def _kept(
    limits: Mapping[str, tuple[int, int]], days: Mapping[int, Day], end: int, names: Names
) -> list[dict[str, Table]]:
    """The rows of kept days that lie in the window."""
    codes = names.codes(list(limits))
    low, high = np.full((2, len(names.words())), end, np.int64)
    if limits:
        low[codes], high[codes] = np.array(list(limits.values()), np.int64).T
    parts = []
    for day in days.values():
        part = {}
        for name, table in day.tables.items():
            inside = (table["start"] >= low[table["asset"]]) & (table["start"] < high[table["asset"]])
            part[name] = table if inside.all() else table[inside]
        parts.append(part)
    return parts


def _rest(first: int, last: int, start: int, end: int) -> list[tuple[int, int]]:
    """What of the window is not covered by whole slices of past days, which are [first, last)."""
    if first == last:
        return [(start, end)]
    return [(a, b) for a, b in ((start, first), (last, end)) if a < b]


def _refuse_lost(
    unit: Unit, wanted: Sequence[int], days: Mapping[int, Day], first: int, last: int, plant: Plant
) -> None:
    for day in wanted:
        stamp = days[day].stamp(unit.id, "journal")
        begin, stop = unit.days.span(day)
        if stamp is None or not stamp.kept or last <= begin or first >= stop:
            continue
        asked, argument = (first, "from") if first > begin and first not in unit.days.cut.start else (last, "to")
        edges = np.append(unit.days.cut.start, unit.days.cut.end[-1])
        nearest = int(edges[np.argmin(np.abs(edges - asked))])
        label = date.fromordinal(day + EPOCH).isoformat()
        what = f"lies inside a slice of {label}, of which only facts are left"
        do = f"the nearest possible time is {shown(nearest, plant.timezone)}"
        raise PlantError([Fault(argument, 0, "", what, shown(asked, plant.timezone), do)])
