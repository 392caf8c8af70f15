"""What flowed through each gauge in each period, summed from facts by gauge, period and calendar year of the data.

A rise that was not counted, and time that no two readings enclose, widen the upper bound by `max_rate`; where the
gauge has none, nothing bounds it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import reduce

import numpy as np

from config.carriers import CARRIERS
from config.plant import STATES, Plant
from config.span import Window, windows
from config.zone import EPOCH, Offsets, local_ns
from connectors.base import Ints
from kpi.energy_meters import Gauge, Tree
from kpi.facts.facts import Facts
from kpi.facts.flows import Metered, of_asset, of_meter
from kpi.facts.schema import BIT
from kpi.runs import MS

NOT_COUNTED = BIT["rate_exceeded"] | BIT["unsettled"]
_DAY = 86_400 * 10**9


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
    """The energy facts of a window, by gauge and period. Cells are periods, and what lies between them, cut at the turn
    of each calendar year."""

    def __init__(self, facts: Facts, per: str = "window") -> None:
        self.facts, self.plant = facts, facts.plant
        self.tree = Tree(facts.plant)
        self.periods = windows(self.plant, self.plant.calendar, per, facts.start, facts.end)
        starts, self.years, self.period = _cells(facts, self.periods)
        self.length = np.diff(np.append(starts, facts.end) // MS)
        place = {gauge: index for index, gauge in enumerate(self.tree.gauges)}
        row_of = np.array([place.get(name, -1) for name in facts.names], np.int64)
        table = facts.energy[row_of[facts.energy["asset"]] >= 0]
        gauge, cell = row_of[table["asset"]], np.searchsorted(starts, table["start"], "right") - 1
        shape = (len(place), len(starts))
        self._place, self.state = place, np.zeros((*shape, len(STATES)), np.int64)
        columns = np.zeros((4, *shape), np.int64)
        for into, name in zip(columns, ("amount", "high", "covered_ms", "rows"), strict=True):
            np.add.at(into, (gauge, cell), table[name])
        self.amount, self.high, self.covered, self.rows = columns
        self.flags = np.zeros(shape, np.int64)
        np.bitwise_or.at(self.flags, (gauge, cell), table["flags"])
        states = table["state"] >= 0
        np.add.at(self.state, (gauge[states], cell[states], table["state"][states]), table["amount"][states])
        # the rows of an asset stand with its slices, whichever of its points they are of
        told = facts.slices[row_of[facts.slices["asset"]] >= 0]
        cell = np.searchsorted(starts, told["start"], "right") - 1
        np.add.at(self.rows, (row_of[told["asset"]], cell), told["rows"])
        self._digest = np.zeros(len(place), np.int64)
        for rows in (table, told):
            np.add.at(self._digest, row_of[rows["asset"]], rows["digest"])

    def digest(self, gauge: str) -> int:
        """Over every row that was read of the gauge in the window; the order of rows does not matter."""
        return int(self._digest[self._place[gauge]]) % 2**64

    def cells(self, period: int | None) -> Ints:
        """The cells of one period, or of all."""
        return np.flatnonzero(self.period == period) if period is not None else np.arange(len(self.period))

    def sum(self, gauges: Iterable[Gauge], period: int | None = None) -> Sum:
        """The gauges together in one period, or in the whole window."""
        return reduce(Sum.__add__, (self._one(gauge.id, self.cells(period)) for gauge in gauges))

    def _one(self, gauge: str, cells: Ints) -> Sum:
        place = self._place[gauge]
        amount, high, covered, rows = (
            table[place, cells] for table in (self.amount, self.high, self.covered, self.rows)
        )
        by_year: dict[int, int] = {}
        for year, part in zip(self.years[cells].tolist(), amount.tolist(), strict=True):
            by_year[year] = by_year.get(year, 0) + part
        flags = int(np.bitwise_or.reduce(self.flags[place, cells]))
        whole, told = int(self.length[cells].sum()), int(covered.sum())
        more = _more(metered(self.plant, gauge), int(high.sum()), whole - told, flags)
        most = None if more is None else sum(by_year.values()) + more
        return Sum(tuple(sorted(by_year.items())), most, told, whole, int(rows.sum()), flags)

    def by_state(self, gauges: Iterable[str], period: int | None = None) -> dict[str, int]:
        """What the machines used in each state, in the smallest unit of electricity; they sum to what they used."""
        places = np.array([self._place[gauge] for gauge in gauges], np.int64)
        if not len(places):
            return {}
        found = self.state[np.ix_(places, self.cells(period))].sum((0, 1))
        return dict(zip(STATES, found.tolist(), strict=True))


def metered(plant: Plant, gauge: str) -> Metered:
    """The point behind a gauge."""
    if gauge in plant.meters:
        return of_meter(plant.meters[gauge])
    found = of_asset(plant.assets[gauge])
    assert found is not None, gauge
    return found


def _more(of: Metered, high: int, silent: int, flags: int) -> int | None:
    """How much more it could be than was counted, with so much time [ms] that no readings enclose."""
    if flags & BIT["unbounded"]:
        return None
    if not silent:
        return high
    rate = of.point.counter.max_rate if of.point.counter and not of.rate else None
    if rate is None:
        return None
    steps = rate * abs(of.point.scale) * CARRIERS[of.carrier].steps(of.unit) * silent / 1000
    most = -(-steps.numerator // steps.denominator)
    return max(high, most) if flags & NOT_COUNTED else high + most


def _cells(facts: Facts, periods: Sequence[Window]) -> tuple[Ints, Ints, Ints]:
    """Where each cell starts, the calendar year it lies in, and its period; -1 between periods."""
    offsets = Offsets(facts.plant.timezone, facts.start, facts.end)
    local = offsets.local(np.array([facts.start, facts.end - 1], np.int64))
    first, last = (date.fromordinal(int(at) // _DAY + EPOCH).year for at in local)
    news = [local_ns(date(year, 1, 1).toordinal()) for year in range(first + 1, last + 1)]
    turns = offsets.utc(np.array(news, np.int64))
    begins, ends = (np.array([getattr(one, at) for one in periods], np.int64) for at in ("start", "end"))
    cells = np.unique(np.concatenate(([facts.start], begins, ends, turns)))
    cells = cells[cells < facts.end]
    period = np.searchsorted(begins, cells, "right") - 1
    inside = (period >= 0) & (cells < ends[np.maximum(period, 0)]) if len(periods) else period >= 0
    return cells, first + np.searchsorted(turns, cells, "right"), np.where(inside, period, -1)
