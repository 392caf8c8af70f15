"""From rows to facts: one asset or meter over slices that follow one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from config.plant import METERED, PIECES, READING, SECOND, Asset, Meter, Plant, Point
from config.slices import Slices, slices, stops_of
from config.zone import EPOCH, Offsets
from connectors.base import Ints
from kpi.allocation import Cuts, busy_time
from kpi.counter import Rises, within
from kpi.facts import flows, machine, pieces
from kpi.facts.names import Names
from kpi.facts.reading import EVER, MARGIN, Reading, around
from kpi.facts.schema import BIT, Table, empty
from kpi.runs import MS, Runs, union
from kpi.series import ClockStep, Samples
from store.reader import Reader

KPI_POINTS = ("state", *PIECES, "product", "mode", "energy", "power")
Tables = Mapping[str, Table]


@dataclass(frozen=True, slots=True)
class Formed:
    """The tables of one asset or meter, and the span of rows that they depend on, by slice: `since` to `until`."""

    tables: Tables
    reading: Reading
    opened: int | None


def clock_steps(reader: Reader, end: int = EVER) -> tuple[ClockStep, ...]:
    """Where the clock was set, and so which epochs count from there on."""
    found = []
    for event in reader.events(-EVER, end, ("clock",)):
        epoch = event.detail.get("epoch")
        if isinstance(epoch, int):
            found.append(ClockStep(epoch, event.time))
    return tuple(found)


def of_asset(
    reader: Reader, plant: Plant, asset: Asset, cut: Slices, links: Table, steps: Sequence[ClockStep], names: Names
) -> Formed:
    """Everything about one connected asset; `links` is its communication history in these slices."""
    cuts = Cuts(np.append(cut.start, cut.end[-1]), cut.scheduled)
    start, end = int(cuts.edges[0]), int(cuts.edges[-1])
    reading = Reading(reader, asset.id, _points(asset), start, end, steps, asset.short_stop + 1)
    how = pieces.counting(asset, plant.rules)
    rises = pieces.count(reading, how)
    first, last = _reach(rises, start, end)
    of = machine.machine(reading, asset, first, last)
    for role, counted in rises.items():
        rises[role] = within(counted, how.registers[role], of.active)
    wide = cut if _short(rises, start, end) else _slices(plant, asset.id, first, last)
    busy = busy_time(Cuts(np.append(wide.start, wide.end[-1]), wide.scheduled), of.planned())

    told = _slice_rows(cut, names)
    stop_ends = np.array([stop_end for _, stop_end in stops_of(plant, asset.id)], np.int64)
    machine.tell(told, of, asset, cuts, cut, stop_ends)
    made = pieces.products(reading, asset, start, last)
    products, flags = pieces.table(rises, how, made, cuts, busy, names)
    told["flags"] |= flags
    for column, time in pieces.covered(rises, how, cuts, busy).items():
        told[column] = time
    energy = empty("energy")
    if metered := flows.of_asset(asset):
        energy = flows.table(flows.flow(reading, metered, cuts, of.states), metered, cuts, names, meter=False)
    told["held_ms"], imported = _held(reader, asset, reading, cuts, links)
    told["rows"], told["digest"] = reading.counts(cuts.edges)
    told["flags"] |= marked(reading, cuts) | imported
    opened = [counted.opened for counted in rises.values() if counted.opened is not None]
    code = names.code(asset.id)
    tables: Tables = {"slices": told, "products": products, "energy": energy, "links": links}
    for table in tables.values():
        table["asset"] = code
    return Formed(tables, reading, min(opened, default=None))


def foretell(reader: Reader, units: Sequence[Asset | Meter], cut: Slices) -> None:
    """Tells the store what of these assets and meters is read next."""
    points = {unit.id: _points(unit) if isinstance(unit, Asset) else {READING: unit.point} for unit in units}
    margins = [around(points[unit.id], unit.short_stop + 1 if isinstance(unit, Asset) else MARGIN) for unit in units]
    margin = max(margins, default=0)
    names = {asset: list(some) for asset, some in points.items() if some}
    reader.ahead(names, int(cut.start[0]) - margin, int(cut.end[-1]) + margin)


def of(
    reader: Reader,
    plant: Plant,
    unit: Asset | Meter,
    cut: Slices,
    links: Table | None,
    steps: Sequence[ClockStep],
    names: Names,
) -> Formed:
    """One asset or meter; of an asset, with its communication history."""
    if isinstance(unit, Asset):
        return of_asset(reader, plant, unit, cut, empty("links") if links is None else links, steps, names)
    return of_meter(reader, unit, cut, steps, names)


def of_meter(reader: Reader, meter: Meter, cut: Slices, steps: Sequence[ClockStep], names: Names) -> Formed:
    """A meter's energy rows; it has no states and no slices of its own."""
    cuts = Cuts(np.append(cut.start, cut.end[-1]), cut.scheduled)
    reading = Reading(reader, meter.id, {READING: meter.point}, int(cuts.edges[0]), int(cuts.edges[-1]), steps)
    metered = flows.of_meter(meter)
    nothing = Runs(np.empty(0, np.int64), np.empty(0, np.int8), int(cuts.edges[-1]))
    energy = flows.table(flows.flow(reading, metered, cuts, nothing), metered, cuts, names, meter=True)
    energy = flows.with_rows(energy, *reading.counts(cuts.edges), cuts, names.code(meter.carrier))
    place = np.searchsorted(cuts.edges, energy["start"], "left")
    energy["flags"] |= marked(reading, cuts)[place]
    energy["asset"] = names.code(meter.id)
    return Formed({"energy": energy}, reading, None)


def _points(asset: Asset) -> dict[str, Point]:
    wanted = {role: asset.points[role] for role in KPI_POINTS if role in asset.points}
    if "power" in wanted and "energy" in wanted and not asset.state_from:
        del wanted["power"]
    return wanted


def _reach(rises: Mapping[str, Rises], start: int, end: int) -> tuple[int, int]:
    """The span of every interval that touches [start, end)."""
    first, last = start, end
    for counted in rises.values():
        begin, stop = np.searchsorted(counted.end, start, "right"), np.searchsorted(counted.start, end, "left")
        if begin < stop:
            first, last = min(first, int(counted.start[begin])), max(last, int(counted.end[stop - 1]))
    return first, last


def _short(rises: Mapping[str, Rises], start: int, end: int) -> bool:
    """Whether no interval that has to be spread reaches out of the span."""
    for counted in rises.values():
        place = np.searchsorted(counted.end, (start, end), "right")
        place = place[place < len(counted)]
        begun, hold = counted.start[place], counted.hold[place]
        if ((begun < (start, end)[: len(place)]) & (counted.end[place] - begun > hold)).any():
            return False
    return True


def _slices(plant: Plant, asset: str, start: int, end: int) -> Slices:
    offsets = Offsets(plant.timezone, start, end)
    return slices(plant.calendar_of(asset), stops_of(plant, asset), offsets, start, end)


def _slice_rows(cut: Slices, names: Names) -> Table:
    told = empty("slices", len(cut))
    told["start"], told["end"], told["scheduled"] = cut.start, cut.end, cut.scheduled
    told["day"] = cut.day - EPOCH
    told["shift"] = names.codes(("", *cut.names))[cut.shift.astype(np.int64) + 1]
    told["flags"] = np.where(cut.unconfirmed, BIT["calendar_unconfirmed"], 0)
    return told


def marked(reading: Reading, cuts: Cuts) -> Ints:
    """What was flagged of rows: overlap, duplicate, imported."""
    flags = np.zeros(len(cuts), np.int64)
    for name, series in reading.rows.items():
        marks = [*reading.samples(name).marks, (series.time[series.epoch <= 0], BIT["imported"])]
        for times, bit in marks:
            place = cuts.of(times)
            flags[np.unique(place[(place >= 0) & (place < len(cuts))])] |= bit
    return flags


def _held(reader: Reader, asset: Asset, reading: Reading, cuts: Cuts, links: Table) -> tuple[Ints, Ints]:
    """Time in which a point other than energy and power was held Good, and where points that no KPI uses were imported.

    Only where there is no communication history does a rate ask for it; points that no KPI uses are read only then.
    """
    whole = np.diff(cuts.edges // MS)
    points = {name: point for name, point in asset.points.items() if name not in METERED}
    known = [name for name in points if name in reading.points]
    found, imported = np.zeros((2, len(cuts)), np.int64)
    spans: list[tuple[Ints, Ints]] = []
    for name in known:
        spans.append(_good_time(reading.held(name, reading.start, reading.end)))
        found = cuts.milliseconds(union(spans))
        if (found == whole).all():
            return found, imported
    silent = ~np.isin(cuts.edges[:-1], links["start"]) & (found < whole)
    rest = {name: point for name, point in points.items() if name not in known}
    if rest and silent.any():
        asked = Reading(reader, asset.id, rest, reading.start, reading.end, reading.steps, SECOND)
        spans += [_good_time(asked.held(name, reading.start, reading.end)) for name in rest]
        found = cuts.milliseconds(union(spans))
        imported = marked(asked, cuts) & BIT["imported"]
    return found, imported


def _good_time(rows: Samples) -> tuple[Ints, Ints]:
    """When a point was held Good, as intervals that are apart."""
    end = np.minimum(rows.time + rows.hold, np.append(rows.time[1:], EVER)[: len(rows)])
    goes_on = rows.good[:-1] & rows.good[1:] & (end[:-1] == rows.time[1:])
    first = rows.good & ~np.append(False, goes_on)[: len(rows)]
    last = rows.good & ~np.append(goes_on, False)[: len(rows)]
    return rows.time[first], end[last]
