"""Energy as standard coal and CO2: amounts times factors, exact until they are shown.

Consumption is what was consumed and generated, less what was sold, is not production, or is counted a second time:
the output of the plant's own conversion and recovery. What has no factor is never left out silently: then there is no
sum, only the rest as its lower bound.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from config.carriers import CARRIERS, Carrier, Factor
from config.factors import GridFactor, grid
from config.plant import Plant
from kpi.energy_ledger import Ledger, Sum
from kpi.energy_meters import ELECTRICITY, Total
from kpi.facts.schema import named

GRAMS = 1_000_000  # of a tonne; the grid's factors are kg/kWh, which are g/Wh


@dataclass(frozen=True, slots=True)
class Line:
    """A carrier in one role over one span, with its factors. `grid` has one factor for each year of the data."""

    carrier: Carrier
    total: Total
    sum: Sum
    factor: Factor
    grid: tuple[GridFactor, ...]

    @property
    def sign(self) -> int:
        return self.total.sign

    def coal(self, amount: int | None) -> Fraction | None:
        """Standard coal [t] of an amount in smallest units; None where that or the factor is unknown."""
        if amount is None or self.factor.tce is None:
            return None
        return amount * self.factor.tce / self.carrier.steps(self.factor.unit)

    @property
    def tce(self) -> Fraction | None:
        return self.coal(self.sum.total) if self.sum.known else None

    @property
    def least(self) -> Fraction | None:
        """The least it can do to the sum."""
        return self.coal(self.sum.total if self.sign > 0 else self.sum.high)

    @property
    def most(self) -> Fraction | None:
        return self.coal(self.sum.high if self.sign > 0 else self.sum.total)

    @property
    def co2(self) -> Fraction | None:
        """CO2 [t]: of grid power by each year's factor, of a fuel by its own; none of water and of own wind and sun."""
        if self.carrier.category == "water" or (self.carrier.id, self.total.role) == (ELECTRICITY, "generated"):
            return Fraction(0)
        if not self.sum.known:
            return None
        if self.factor.co2 is not None:
            return self.sum.total * self.factor.co2 / self.carrier.steps(self.factor.unit)
        if self.carrier.id != ELECTRICITY:
            return None
        parts = (part * factor.value for (_, part), factor in zip(self.sum.amount, self.grid, strict=True))
        return sum(parts, Fraction(0)) / GRAMS


@dataclass(frozen=True, slots=True)
class Consumption:
    """Every carrier and role over one span, and what they come to."""

    lines: tuple[Line, ...]
    required: Fraction  # coverage below which nothing is measured

    @property
    def counted(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.sign)

    @property
    def coverage(self) -> Fraction:
        """The lowest of any carrier that counts."""
        return min((line.sum.coverage for line in self.counted), default=Fraction(0))

    @property
    def reason(self) -> str | None:
        if not self.counted:
            return "not_configured"
        if not any(line.sum.known for line in self.counted):
            return "no_data"
        if any(line.factor.tce is None for line in self.counted):
            return "no_factor"
        return "low_coverage" if self.coverage < self.required else None

    @property
    def flags(self) -> tuple[str, ...]:
        bits, words = 0, {}
        for line in self.lines:
            bits |= line.sum.flags
            words.update(dict.fromkeys(line.total.flags))
        return (*named(bits), *words)

    @property
    def tce(self) -> Fraction | None:
        return _sum((line.sign, line.tce) for line in self.counted) if self.reason is None else None

    @property
    def tce_low(self) -> Fraction | None:
        """Without the carriers that have no factor: the rest."""
        known = [line for line in self.counted if line.factor.tce is not None]
        return _sum((line.sign, line.least) for line in known) if known else None

    @property
    def tce_high(self) -> Fraction | None:
        return _sum((line.sign, line.most) for line in self.counted) if self.counted else None

    @property
    def co2(self) -> Fraction | None:
        """CO2 [t]; None where the consumption of some carrier has no factor, or too little of it was read."""
        if not self.counted or self.coverage < self.required:
            return None
        return _sum((line.sign, line.co2) for line in self.counted)


def _sum(parts: Iterable[tuple[int, Fraction | None]]) -> Fraction | None:
    whole = Fraction(0)
    for sign, part in parts:
        if part is None:
            return None
        whole += sign * part
    return whole


def line(plant: Plant, total: Total, of: Sum) -> Line:
    """What was summed, with the factors of the plant's profile."""
    carrier = CARRIERS[total.carrier]
    years = tuple(grid(plant.factors.grid, year) for year, _ in of.amount) if carrier.id == ELECTRICITY else ()
    return Line(carrier, total, of, plant.factors.factors[total.carrier], years)


def consumption(ledger: Ledger, period: int = -1) -> Consumption:
    """What the plant consumed in one period, or in the whole window."""
    lines = tuple(line(ledger.plant, each, ledger.sum(each.gauges, period)) for each in ledger.totals)
    return Consumption(lines, ledger.plant.rules.coverage)


def per_revenue(tce: Fraction | None, revenue: Fraction) -> Fraction | None:
    """Standard coal per 100 yuan of revenue [kg]; `revenue` is in 万元.

    >>> per_revenue(Fraction(520), Fraction(5200))
    Fraction(1, 1)
    """
    return tce * 1000 / (revenue * 100) if tce is not None and revenue else None
