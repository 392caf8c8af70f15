"""What a form may stand on: facts, rates and energy of one window of one plant, each formed once and when asked for.

A baseline is another ground. Coverage of a point is told in scheduled time, with the time apart of which no
communication history tells.
"""

import time
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property

import numpy as np

from config.devices import Device
from config.plant import METERED, PIECES, ROLES, Asset, Plant, Point
from config.span import Window, windows
from config.zone import EPOCH, shown
from connectors.base import Ints
from kpi.binding.tally import Share
from kpi.energy import Consumption, consumption
from kpi.energy_ledger import Ledger
from kpi.facts import form
from kpi.facts.archive import Archive
from kpi.facts.facts import Facts, facts
from kpi.facts.reading import Reading
from kpi.facts.schema import COVERED_MS
from kpi.groups import members_of
from kpi.indicators import KPIS
from kpi.measure import Frame, Member, frame, inputs, knowable, measure, measure_group
from kpi.measured import Measured
from kpi.polls import Polls, polls
from kpi.rate import Rate
from kpi.report import rates_of
from kpi.runs import MS, intersection, union
from kpi.series import ClockStep
from kpi.sums import Sums, of_asset
from store.reader import Reader

COLUMN = dict(zip(PIECES, ("pq_ms", "gq_ms", "scrap_ms", "rework_ms"), strict=True))
MINUTE_MS = 60_000
UNFIT = ("not_configured", "no_ideal_cycle")


def reach(plant: Plant, window: tuple[int, int], baseline: tuple[int, int] | None = None) -> tuple[int, int]:
    """The span whose rows a form rests on: its windows, and those of their rates."""
    windows = [window, baseline] if baseline else [window]
    back = plant.rules.networked.window
    return min(min(start, end - back) for start, end in windows), max(end for _, end in windows)


class Ground:
    """One window [start, end) [ns] of a plant, and the baseline it is compared with where there is one."""

    def __init__(
        self,
        reader: Reader,
        plant: Plant,
        start: int,
        end: int,
        archive: Archive | None = None,
        now: int | None = None,
        baseline: tuple[int, int] | None = None,
    ) -> None:
        self.reader, self.plant, self.start, self.end, self.archive = reader, plant, start, end, archive
        self.now = time.time_ns() if now is None else now
        self.baseline = Ground(reader, plant, *baseline, archive, self.now) if baseline else None
        self._sums: dict[str, Sums] = {}
        self._shares: dict[tuple[str, str], Share] = {}

    # -- facts ---------------------------------------------------------------------------------------------------------
    @cached_property
    def facts(self) -> Facts:
        return facts(self.reader, self.plant, self.start, self.end, self.archive, self.now)

    @cached_property
    def frame(self) -> Frame:
        return frame(self.facts, "iso22400", self.start, self.end)

    @cached_property
    def rates(self) -> Mapping[str, Rate]:
        return rates_of(self.reader, self.facts, self.archive, self.now)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.facts)

    @cached_property
    def consumption(self) -> Consumption:
        return consumption(self.ledger)

    @cached_property
    def first(self) -> int | None:
        """The plant's first record [ns]."""
        held = self.reader.span()
        return held[0] if held else None

    @cached_property
    def polls(self) -> Polls:
        told, since = self.facts, self.end if self.first is None else self.first
        return polls(self.plant, told.slices, told.links, told.names, since)

    @cached_property
    def steps(self) -> tuple[ClockStep, ...]:
        return form.clock_steps(self.reader)

    @property
    def months(self) -> list[Window]:
        return windows(self.plant, self.plant.calendar, "month", self.start, self.end)

    def sums(self, asset: str) -> Sums:
        if asset not in self._sums:
            self._sums[asset] = of_asset(self.facts, asset, [(self.start, self.end)])[0]
        return self._sums[asset]

    def member(self, asset: str) -> Member:
        return Member(asset, self.sums(asset), knowable(self.plant.assets[asset], self.plant.rules))

    @cached_property
    def members(self) -> list[Member]:
        """Of every connected asset that is in scope."""
        return [self.member(asset) for asset in members_of(self.plant, self.start, self.end)]

    def of_kpi(self, key: str) -> tuple[Measured, list[Member]]:
        """A KPI of all machines that are made to tell it, and those machines: a metered saw has no OEE to lack."""
        own = [m for m in self.members if measure(KPIS[key], m, self.frame).reason not in UNFIT]
        told = measure_group(KPIS[key], own or self.members, self.frame)
        out = {name for name, _ in told.excluded or ()}
        return told, [member for member in own if member.id not in out]

    # -- the register --------------------------------------------------------------------------------------------------
    @cached_property
    def devices(self) -> list[Device]:
        """The rows in scope that are valid on the last day."""
        if self.plant.register is None:
            return []
        day = date.fromordinal(self.rates["digitalization"].window.last_day + EPOCH)
        rows = self.plant.register.devices
        return [r for r in rows if r.in_scope and (r.since or day) <= day <= (r.until or day)]

    @property
    def key_devices(self) -> list[Device]:
        return [row for row in self.devices if row.key]

    @cached_property
    def key_processes(self) -> dict[str, list[Device]]:
        """A row of a key process that names none is a process of its own."""
        found: dict[str, list[Device]] = {}
        for row in self.devices:
            if row.key_process:
                found.setdefault(row.process or row.id, []).append(row)
        return found

    def asset(self, device: Device) -> Asset | None:
        return self.plant.assets.get(device.id)

    # -- how much was heard --------------------------------------------------------------------------------------------
    @cached_property
    def links(self) -> dict[str, Share]:
        """Of each asset, scheduled time in which it was heard; of that nothing tells, before the first record too."""
        told = self.polls
        columns = (told.good.sum(1).tolist(), told.expected.sum(1).tolist(), told.scheduled.sum(1).tolist())
        return {
            asset: Share(min(good, whole), max(whole - expected, 0), whole)
            for asset, good, expected, whole in zip(told.assets, *columns, strict=True)
        }

    @cached_property
    def answered(self) -> frozenset[str]:
        """Assets of which a point other than energy and power was Good in some poll, at any time of the window."""
        told = self.polls
        return frozenset(asset for asset, read in zip(told.assets, told.read.sum(1).tolist(), strict=True) if read)

    def answers(self, asset: str) -> bool | None:
        """Whether its controller answered; None where no communication history tells of it, as of imported rows."""
        if asset in self.answered:
            return True
        told = self.links[asset]
        return False if told.whole and not told.unknown and not self.polls.imported.any() else None

    def heard(self, asset: str, point: str) -> Share:
        """How much of scheduled time a point's value was known."""
        key = asset, point
        if key not in self._shares:
            self._shares[key] = self._heard(self.plant.assets[asset], point)
        return self._shares[key]

    def _heard(self, asset: Asset, point: str) -> Share:
        sums, unknown = self.sums(asset.id), self.links[asset.id].unknown
        if point == "state" or (point == "power" and asset.state_from):
            return Share(sums.pbt - sums.u, unknown, sums.pbt)
        if point in COLUMN and COLUMN[point] in knowable(asset, self.plant.rules):
            return Share(sums.covered[COVERED_MS.index(COLUMN[point])], unknown, sums.pbt)
        if point in METERED and "energy" in asset.points:
            return Share(sums.energy_covered, sums.window - sums.energy_covered, sums.window)
        good = self._held(asset.id, asset.points[point], self._scheduled(asset.id))
        whole = self.links[asset.id].whole
        return Share(min(good, whole), whole - good if point in METERED else unknown, whole)

    def _scheduled(self, asset: str) -> tuple[Ints, Ints]:
        rows = self.facts.slices
        mine = rows[(rows["asset"] == self.facts.code(asset)) & (rows["scheduled"] == 1)]
        return mine["start"], mine["end"]

    def _held(self, asset: str, point: Point, inside: tuple[Ints, Ints]) -> int:
        """Time [ms] in which a Good value stood."""
        reading = Reading(self.reader, asset, {point.name: point}, self.start, self.end, self.steps)
        rows = reading.held(point.name, self.start, self.end)
        good = rows.take(np.flatnonzero(rows.good))
        following = np.append(rows.time[1:], np.iinfo(np.int64).max)[rows.good]
        ends = np.minimum(good.time + good.hold, following)
        start, end = intersection(union([(good.time, ends)]), union([inside]))
        return int((end - start).sum()) // MS

    def meter(self, name: str) -> Share:
        """How much of the window a meter was online, by its communication history."""
        told = self.reader.links([name], self.start, self.end)[name]
        minutes, expected = len(np.unique(told.time)) * MINUTE_MS, int(told.expected.sum())
        heard = int(told.good.sum()) * minutes // expected if expected else 0
        whole = (self.end - self.start) // MS
        return Share(min(heard, whole), max(whole - minutes, 0), whole)

    @cached_property
    def inputs(self) -> Mapping[str, object]:
        """Rows of every machine in scope, and one digest over them; a KPI's evidence has those of its own."""
        return inputs(self.members, self.frame).json()

    # -- evidence ------------------------------------------------------------------------------------------------------
    def told(self, grade: str = "A", **more: object) -> dict[str, object]:
        """What every piece of evidence says of itself: its grade, inputs, window, store, plant file and register."""
        register = self.plant.register
        return {
            "grade": grade,
            "inputs": self.inputs,
            **more,
            "from": shown(self.start, self.plant.timezone),
            "to": shown(self.end, self.plant.timezone),
            "store": self.reader.store,
            "plant_sha256": self.plant.sha256,
            "register": register and {"sha256": register.sha256, "rows": len(register.devices)},
        }


def parameters_of(asset: Asset) -> list[str]:
    """Operating data of a machine: its process values, else its power or energy."""
    return values_of(asset) or [name for name in METERED if name in asset.points]


def values_of(asset: Asset) -> list[str]:
    """Its process values: every point that is no role."""
    return [name for name in asset.points if name not in ROLES]


def of_kind(plant: Plant, *prefixes: str) -> Iterable[Point]:
    """Process values whose name begins with one of these words, as `risk_gas`."""
    for asset in plant.assets.values():
        yield from (asset.points[name] for name in values_of(asset) if name.split("_")[0] in prefixes)
