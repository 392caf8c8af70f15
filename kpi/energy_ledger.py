"""What flowed through each gauge in each period, summed from facts by gauge, period and calendar year of the data.

A rise that was not counted, and time that no two readings enclose, widen the upper bound by `max_rate`; where the
gauge has none, nothing bounds it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import reduce
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from config.carriers import CARRIERS
from config.plant import STATES, Plant
from config.span import Window, windows
from config.zone import DAY, EPOCH, Offsets, local_ns
from connectors.base import Ints
from kpi.energy_meters import Gauge, Tree
from kpi.facts.facts import Facts
from kpi.facts.flows import Metered, of_asset, of_meter
from kpi.facts.schema import BIT
from kpi.measured import Inputs
from kpi.runs import MS, instants

OF_ROWS = BIT["overlap"] | BIT["imported"]
NOT_COUNTED = BIT["rate_exceeded"] | BIT["unsettled"]


@dataclass(frozen=True, slots=True)
class Sum:
    """What flowed through one gauge or several, in the carrier's smallest unit, by calendar year of the data.

    `high` is what it could be; None: nothing bounds it. `covered` and `whole` [ms] are summed over the gauges.
    """

    amount: tuple[tuple[int, int], ...]
    high: int | None
    covered: int
    whole: int
    rows: int
    flags: int

    @property
    def total(self) -> int:
        return sum(amount for _, amount in self.amount)

    @property
    def known(self) -> bool:
        """Whether anything at all was read; if not, it is not zero but unknown."""
        return self.covered > 0

    @property
    def coverage(self) -> Fraction:
        return Fraction(self.covered, self.whole) if self.whole else Fraction(0)

    def __add__(self, other: "Sum") -> "Sum":
        mine, others = dict(self.amount), dict(other.amount)
        years = sorted(mine.keys() | others.keys())
        return Sum(
            tuple((year, mine.get(year, 0) + others.get(year, 0)) for year in years),
            None if self.high is None or other.high is None else self.high + other.high,
            self.covered + other.covered,
            self.whole + other.whole,
            self.rows + other.rows,
            self.flags | other.flags,
        )


class Ledger:
    """The energy facts of a window, by gauge and period; the last period of all is the whole window."""

    def __init__(self, facts: Facts, per: str = "window") -> None:
        self.facts, self.plant = facts, facts.plant
        self.tree = Tree(facts.plant)
        self.totals = self.tree.totals()
        self.periods = windows(self.plant, self.plant.calendar, per, facts.start, facts.end)
        self._cells = _cells(facts, self.periods)
        self._place = {gauge: index for index, gauge in enumerate(self.tree.gauges)}
        row_of = np.array([self._place.get(name, -1) for name in facts.names], np.int64)
        table = facts.energy[row_of[facts.energy["asset"]] >= 0]
        gauge, cell = row_of[table["asset"]], self._cells.of(table["start"])
        amount, high, covered, rows, flags = np.zeros((5, len(self._place), len(self._cells.start)), np.int64)
        for into, name in ((amount, "amount"), (high, "high"), (covered, "covered_ms"), (rows, "rows")):
            np.add.at(into, (gauge, cell), table[name])
        np.bitwise_or.at(flags, (gauge, cell), table["flags"])
        # the rows of an asset and their marks stand with its slices, whichever of its points they are of
        told = facts.slices[row_of[facts.slices["asset"]] >= 0]
        there = row_of[told["asset"]], self._cells.of(told["start"])
        np.add.at(rows, there, told["rows"])
        np.bitwise_or.at(flags, there, told["flags"] & OF_ROWS)
        self._amounts = {year: self._by_period(np.where(self._cells.year == year, amount, 0)) for year in self._years()}
        self._high, self._covered, self.rows = (self._by_period(column) for column in (high, covered, rows))
        self._flags = self._by_period(flags, np.bitwise_or)
        self._whole = self._by_period(self._cells.length[None])[0]
        self._sums: dict[tuple[str, int], Sum] = {}
        states = np.zeros((len(self._place), len(self._cells.start), len(STATES)), np.int64)
        known = table["state"] >= 0
        np.add.at(states, (gauge[known], cell[known], table["state"][known]), table["amount"][known])
        self._states = self._by_period(states)
        self._digest = np.zeros(len(self._place), np.int64)
        for part in (table, told):
            np.add.at(self._digest, row_of[part["asset"]], part["digest"])

    def _years(self) -> list[int]:
        return sorted(set(self._cells.year.tolist()))

    def _by_period(self, column: Ints, sum_: np.ufunc = np.add) -> Ints:
        """[gauge, cell] as [gauge, period]."""
        found = np.zeros((len(column), len(self.periods) + 1, *column.shape[2:]), np.int64)
        inside = self._cells.period >= 0
        sum_.at(found.swapaxes(0, 1), self._cells.period[inside], column.swapaxes(0, 1)[inside])
        found[:, -1] = sum_.reduce(column, axis=1)
        return found

    def inputs(self, gauges: Iterable[Gauge]) -> Inputs:
        """The rows of these gauges in the window, and one digest over those of each; their order does not matter."""
        places = {gauge.id: self._place[gauge.id] for gauge in gauges}
        told = [f"{name} {int(self._digest[places[name]]) % 2**64}" for name in sorted(places)]
        rows = int(self.rows[list(places.values()), -1].sum())
        return Inputs(rows, sha256("\n".join(told).encode()).hexdigest(), self.plant.sha256, self.facts.store)

    def sum(self, gauges: Iterable[Gauge], period: int = -1) -> Sum:
        """The gauges together in one period, or in the whole window."""
        return reduce(Sum.__add__, (self._one(gauge.id, period) for gauge in gauges))

    def _one(self, gauge: str, period: int) -> Sum:
        if (gauge, period) not in self._sums:
            at = self._place[gauge], period
            years = [year for year in self._amounts if period < 0 or self._cells.within(period, year)]
            amounts = tuple((year, int(self._amounts[year][at])) for year in years)
            high, told, rows, flags = (int(c[at]) for c in (self._high, self._covered, self.rows, self._flags))
            whole = int(self._whole[period])
            more = _more(metered(self.plant, gauge), high, whole - told, flags)
            most = None if more is None else sum(part for _, part in amounts) + more
            self._sums[gauge, period] = Sum(amounts, most, told, whole, rows, flags)
        return self._sums[gauge, period]

    def by_state(self, gauges: Iterable[str], period: int = -1) -> dict[str, int]:
        """What the machines used in each state, in the smallest unit of electricity; they sum to what they used."""
        places = [self._place[gauge] for gauge in gauges]
        if not places:
            return {}
        return dict(zip(STATES, self._states[places, period].sum(0).tolist(), strict=True))


def metered(plant: Plant, gauge: str) -> Metered:
    """The point behind a gauge."""
    if gauge in plant.meters:
        return of_meter(plant.meters[gauge])
    found = of_asset(plant.assets[gauge])
    assert found is not None, gauge
    return found


def _more(of: Metered, high: int, silent: int, flags: int) -> int | None:
    """How much more it could be than was counted, with so much time [ms] that no readings enclose. Rises that were not
    counted lie in that time, and need not be added to it; what a reset lost does not."""
    if flags & BIT["unbounded"]:
        return None
    if not silent:
        return high
    rate = of.point.counter.max_rate if of.point.counter and not of.rate else None
    if rate is None:
        return None
    steps = rate * abs(of.point.scale) * CARRIERS[of.carrier].steps(of.unit) * silent / 1000
    most = -(-steps.numerator // steps.denominator)
    inside = flags & NOT_COUNTED and not flags & BIT["reset"]
    return max(high, most) if inside else high + most


@dataclass(frozen=True, slots=True)
class Cells:
    """Periods, and what lies between them (period -1), cut at the turn of each calendar year."""

    start: Ints
    length: Ints  # [ms]
    year: Ints
    period: Ints

    def of(self, at: Ints) -> NDArray[np.intp]:
        return np.searchsorted(self.start, at, "right") - 1

    def within(self, period: int, year: int) -> bool:
        """Whether a period has a part in a calendar year."""
        return bool(((self.period == period) & (self.year == year)).any())


def _cells(facts: Facts, periods: Sequence[Window]) -> Cells:
    offsets = Offsets(facts.plant.timezone, facts.start, facts.end)
    local = offsets.local(np.array([facts.start, facts.end - 1], np.int64))
    first, last = (date.fromordinal(int(at) // DAY + EPOCH).year for at in local)
    news = [local_ns(date(year, 1, 1).toordinal()) for year in range(first + 1, last + 1)]
    turns = offsets.utc(np.array(news, np.int64))
    begins, ends = (np.array([getattr(one, at) for one in periods], np.int64) for at in ("start", "end"))
    start = instants(np.array([facts.start]), begins, ends, turns)
    start = start[start < facts.end]
    period = np.searchsorted(begins, start, "right") - 1
    if len(periods):
        period = np.where(start < ends[np.maximum(period, 0)], period, -1)
    length = np.diff(np.append(start, facts.end) // MS)
    return Cells(start, length, first + np.searchsorted(turns, start, "right"), period)
