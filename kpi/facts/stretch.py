"""Forming past days again where what they depend on changed: a late row, or a part of the plant file.

Days that follow one another are formed at once. The store's version of their rows is taken before and after, so that a
row that arrives meanwhile cannot be missed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from config.plant import Asset, Meter, Plant
from config.slices import Slices
from config.zone import HOUR
from kpi.facts import form
from kpi.facts.archive import STORES, Day, Stamp, stamped
from kpi.facts.links import heard
from kpi.facts.names import Names
from kpi.facts.parts import Parts
from kpi.facts.reach import reaches
from kpi.facts.reading import EVER
from kpi.facts.schema import Table
from kpi.facts.units import Unit
from kpi.series import ClockStep
from store.reader import Reader

LONGEST = 31  # days formed at once
TRIES = 4
KEPT = 31 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Stale:
    """What of one asset or meter has to be formed anew."""

    unit: Unit
    parts: Parts
    days: list[int]


def stale(reader: Reader, plant: Plant, unit: Unit, wanted: Sequence[int], days: Mapping[int, Day]) -> Stale:
    """The days of which rows or plant file say something else now than when their facts were formed."""
    parts = Parts(plant, unit)
    versions: dict[tuple[int, int], str] = {}
    found = []
    for day in wanted:
        stamp = days[day].stamp(unit.id, reader.store)
        if stamp is not None and stamp.kept:
            continue
        if stamp is None or stamp.config != parts(day, stamp.since, stamp.until):
            found.append(day)
            continue
        span = stamp.first, stamp.last
        if span not in versions:
            versions[span] = reader.version(unit.id, *span)
        if versions[span] != stamp.version:
            found.append(day)
    return Stale(unit, parts, found)


def refresh(
    reader: Reader,
    plant: Plant,
    of: Sequence[Stale],
    days: Mapping[int, Day],
    steps: Sequence[ClockStep],
    names: Names,
    told: Callable[[int, int], None],
) -> set[int]:
    """Brings these facts to what rows and plant file say now; the days that changed."""
    batches: dict[tuple[int, int, int], tuple[list[int], list[Stale]]] = {}
    for one in of:
        for run in _runs(one.days):
            batches.setdefault((id(one.unit.days), run[0], run[-1]), (run, []))[1].append(one)
    if batches:
        np.empty(KEPT, np.uint8)  # once freed, the C library keeps that much: else it fetches every page of every array
    begun = reader.span() if batches else None
    done, whole = 0, sum(len(some) for _, some in batches.values())
    for run, some in batches.values():
        cut = some[0].unit.days.only(run[0], run[-1])
        first, last = int(cut.start[0]) - HOUR, int(cut.end[-1]) + HOUR
        if begun is None or begun[0] >= first:
            first = -EVER  # the first days of a plant depend on there being nothing before them
        versions = [reader.version(one.unit.id, first, last) for one in some]
        form.foretell(reader, [one.unit.of for one in some], cut)
        links = heard(reader, [one.unit.id for one in some if isinstance(one.unit.of, Asset)], cut, names)
        for one, version in zip(some, versions, strict=True):
            told(done, whole)
            done += 1
            _form(reader, plant, one, run, cut, (first, last, version), links, days, steps, names)
    return {day for one in of for day in one.days}


def _runs(days: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for day in days:
        if run and (day != run[-1] + 1 or len(run) == LONGEST):
            yield run
            run = []
        run.append(day)
    if run:
        yield run


def _form(
    reader: Reader,
    plant: Plant,
    stale: Stale,
    run: Sequence[int],
    cut: Slices,
    before: tuple[int, int, str],
    links: dict[str, Table],
    days: Mapping[int, Day],
    steps: Sequence[ClockStep],
    names: Names,
) -> None:
    unit = stale.unit
    first, last, version = before
    of_days = [unit.days.span(day) for day in run]
    for attempt in range(TRIES):
        if attempt:
            version = reader.version(unit.id, first, last)
            if reader.version(unit.id, *before[:2]) != before[2]:
                links = heard(reader, [unit.id] if isinstance(unit.of, Asset) else [], cut, names)
        made = form.of(reader, plant, unit.of, cut, links.get(unit.id), steps, names)
        spans = reaches(made, unit.of, of_days)
        reached = min(one.since for one in spans), max(one.until for one in spans)
        steady = reader.version(unit.id, first, last) == version
        if reached[0] >= first and reached[1] <= last and steady:
            break
        first, last = min(first, reached[0]), max(last, reached[1])
    gone = _gone(reader, unit.of, list(made.reading.points), [days[day] for day in run])
    code = names.code(unit.id)
    each = _by_day(made.tables, of_days)
    for day, span, tables in zip(run, spans, each, strict=True):
        if (left := _left(days[day], unit.id, code, reader.store, gone, tables)) is not None:
            days[day].stamps[stamped(unit.id, reader.store)] = left._replace(version="")
            continue
        config = stale.parts(day, span.since, span.until)
        stamp = Stamp(span.since, span.until, span.oldest, config, first, last, version)
        days[day].put(unit.id, code, tables, stamp, reader.store)


def _left(day: Day, unit: str, code: int, store: str, gone: int, made: Mapping[str, Table]) -> Stamp | None:
    """The stamp of facts whose rows this store has no longer, or of another's that it never had; None: it has them."""
    told, own = _told(day, unit, store), stamped(unit, store) in day.stamps
    if told is None or told.oldest < gone:
        return told
    return told if own and day.rows(code) > _rows(made) else None


def _told(day: Day, unit: str, store: str) -> Stamp | None:
    """This store's stamp, else another's."""
    names = (stamped(unit, store), *(stamped(unit, one) for one in STORES))
    return next((day.stamps[name] for name in names if name in day.stamps), None)


def _by_day(tables: Mapping[str, Table], spans: Sequence[tuple[int, int]]) -> list[dict[str, Table]]:
    """The part of each table in each of these spans; tables of one asset are in the order of time."""
    found: list[dict[str, Table]] = [{} for _ in spans]
    for name, table in tables.items():
        places = np.searchsorted(np.ascontiguousarray(table["start"]), np.array(spans), "left").tolist()
        for part, (first, last) in zip(found, places, strict=True):
            part[name] = table[first:last]
    return found


def _rows(tables: Mapping[str, Table]) -> int:
    return sum(int(tables[name]["rows"].sum()) for name in ("slices", "energy") if name in tables)


def _gone(reader: Reader, of: Asset | Meter, read: Sequence[str], days: Sequence[Day]) -> int:
    """The first time that the store still has a row of; facts that depend on earlier ones cannot be formed again.

    Where none of these days depends on rows before one that is there, that will do."""
    told = [stamp.oldest for day in days if (stamp := _told(day, of.id, reader.store)) is not None]
    oldest = min(told, default=EVER)
    if oldest == EVER or any(len(rows) for rows in reader.series(of.id, read, oldest, oldest + 1).values()):
        return -EVER
    points = list(of.points) if isinstance(of, Asset) else [of.point.name]
    firsts = [int(rows.time[0]) for rows in reader.after(of.id, points, -EVER).values() if len(rows)]
    return min(firsts, default=EVER)
