"""Forming past days again where what they depend on changed: a late row, or a part of the plant file.

Days that follow one another are formed at once. The store's version of their rows is taken before and after, so that a
row that arrives meanwhile cannot be missed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from config.plant import Asset, Meter, Plant
from config.slices import Slices
from config.zone import HOUR
from kpi.facts import form
from kpi.facts.archive import Day, Stamp
from kpi.facts.names import Names
from kpi.facts.parts import Parts
from kpi.facts.reach import Reaches
from kpi.facts.reading import EVER
from kpi.facts.schema import Table
from kpi.facts.units import Unit
from kpi.series import ClockStep
from store.reader import Reader

LONGEST = 31  # days formed at once
TRIES = 4


def formed(
    reader: Reader, plant: Plant, of: Asset | Meter, cut: Slices, steps: Sequence[ClockStep], names: Names
) -> form.Formed:
    if isinstance(of, Asset):
        return form.of_asset(reader, plant, of, cut, steps, names)
    return form.of_meter(reader, of, cut, steps, names)


def refresh(
    reader: Reader,
    plant: Plant,
    unit: Unit,
    wanted: Sequence[int],
    days: Mapping[int, Day],
    steps: Sequence[ClockStep],
    names: Names,
) -> set[int]:
    """Brings the facts of one unit on these days to what rows and plant file say now; the days that changed."""
    parts = Parts(plant, unit)
    versions: dict[tuple[int, int], str] = {}
    stale = []
    for day in wanted:
        stamp = days[day].stamps.get(unit.id)
        if stamp is not None and stamp.kept:
            continue
        if stamp is None or stamp.config != parts(day, stamp.since, stamp.until):
            stale.append(day)
            continue
        span = stamp.first, stamp.last
        if span not in versions:
            versions[span] = reader.version(unit.id, *span)
        if versions[span] != stamp.version:
            stale.append(day)
    for run in _runs(stale):
        _form(reader, plant, unit, run, days, steps, names, parts)
    return set(stale)


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
    unit: Unit,
    run: Sequence[int],
    days: Mapping[int, Day],
    steps: Sequence[ClockStep],
    names: Names,
    parts: Parts,
) -> None:
    cut = unit.days.only(run[0], run[-1])
    first, last = int(cut.start[0]) - HOUR, int(cut.end[-1]) + HOUR
    for _ in range(TRIES):
        before = reader.version(unit.id, first, last)
        made = formed(reader, plant, unit.of, cut, steps, names)
        reaches = Reaches(made, unit.of)
        spans = [reaches.of(*unit.days.span(day)) for day in run]
        reached = min(one.since for one in spans), max(one.until for one in spans)
        if reached[0] >= first and reached[1] <= last and reader.version(unit.id, first, last) == before:
            break
        first, last = min(first, reached[0]), max(last, reached[1])
    gone = _gone(reader, unit.of)
    code = names.code(unit.id)
    for day, span in zip(run, spans, strict=True):
        tables = _of_day(made.tables, *unit.days.span(day))
        held = days[day].stamps.get(unit.id)
        if held is not None and (held.oldest < gone or days[day].rows(code) > _rows(tables)):
            days[day].stamps[unit.id] = replace(held, version="")
            continue
        config = parts(day, span.since, span.until)
        stamp = Stamp(span.since, span.until, span.oldest, config, first, last, before)
        days[day].fresh[code], days[day].stamps[unit.id] = tables, stamp


def _of_day(tables: Mapping[str, Table], start: int, end: int) -> dict[str, Table]:
    """Tables of one asset are in the order of time."""
    found = {}
    for name, table in tables.items():
        first, last = np.searchsorted(table["start"], (start, end), "left")
        found[name] = table[first:last]
    return found


def _rows(tables: Mapping[str, Table]) -> int:
    return sum(int(tables[name]["rows"].sum()) for name in ("slices", "energy") if name in tables)


def _gone(reader: Reader, of: Asset | Meter) -> int:
    """The first time that the store still has a row of; facts that depend on earlier ones cannot be formed again."""
    points = list(of.points) if isinstance(of, Asset) else [of.point.name]
    firsts = [int(rows.time[0]) for rows in reader.after(of.id, points, -EVER).values() if len(rows)]
    return min(firsts, default=EVER)
