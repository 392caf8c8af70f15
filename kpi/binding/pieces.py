"""How many of the pieces were right, by production month: at the inspection stations, else as the machines count them.

All pieces of a month count, also those outside planned time: a product is what it is whenever it was made.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from kpi.binding.ground import Ground
from kpi.indicators import KPIS
from kpi.measure import Member, measure_group
from kpi.measured import Measured
from kpi.sums import Pieces, Sums, of_asset

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Month:
    month: str
    part: Fraction
    whole: Fraction

    @property
    def rate(self) -> Fraction:
        return self.part / self.whole


@dataclass(frozen=True, slots=True)
class Rated:
    """Months with their counts; `sure` where every station that should tell does."""

    kpi: Measured
    months: Sequence[Month]
    stations: Sequence[str]
    basis: str
    absent: Sequence[str]

    @property
    def reason(self) -> str | None:
        return self.kpi.reason or (None if self.months else "no_production")

    @property
    def sure(self) -> bool:
        return not self.absent

    @property
    def mean(self) -> Fraction | None:
        return None if self.reason else sum((month.rate for month in self.months), ZERO) / len(self.months)

    @property
    def pooled(self) -> Fraction | None:
        if self.reason:
            return None
        return sum((month.part for month in self.months), ZERO) / sum((month.whole for month in self.months), ZERO)

    def evidence(self, of: Ground) -> Mapping[str, object]:
        months = [
            {"month": each.month, "part": each.part, "total": each.whole, "rate": each.rate} for each in self.months
        ]
        return {
            **self.kpi.json(of.plant.timezone),
            "basis": self.basis,
            "stations": list(self.stations),
            "stations_not_measured": list(self.absent),
            "months": months,
            "mean_of_months": self.mean,
            "pooled": self.pooled,
        }


def passed(of: Ground) -> Rated:
    return _rated(of, "quality", _good)


def rejected(of: Ground) -> Rated:
    return _rated(of, "scrap_ratio", _scrap)


def _good(made: Pieces, member: Member) -> Fraction:
    return Fraction(made.good)


def _scrap(made: Pieces, member: Member) -> Fraction:
    """As counted, else what is neither good nor rework."""
    return Fraction(made.reject if "reject" in member.has else made.total - made.good - made.rework)


def _rated(of: Ground, kpi: str, part: Callable[[Pieces, Member], Fraction]) -> Rated:
    """At the inspection stations of the register; where none of them is connected, as every machine counts."""
    rows = [row.id for row in of.devices if row.kind == "inspection"]
    own = [of.member(asset) for asset in rows if asset in of.plant.assets]
    absent = [asset for asset in rows if asset not in of.plant.assets]
    if own:
        told = measure_group(KPIS[kpi], own, of.frame)
        out = {asset for asset, _ in told.excluded or ()}
        kept, basis = [member for member in own if member.id not in out], "inspection_stations"
    else:
        (told, kept), basis = of.of_kpi(kpi), "machine_counters"
    absent += [asset for asset, _ in told.excluded or ()]
    months = [] if told.reason else _months(of, kept, part)
    return Rated(told, months, [member.id for member in kept], basis, absent)


def _months(of: Ground, kept: Sequence[Member], part: Callable[[Pieces, Member], Fraction]) -> list[Month]:
    windows = [(month.start, month.end) for month in of.months]
    sums: list[list[Sums]] = [of_asset(of.facts, member.id, windows) for member in kept]
    found = []
    for place, month in enumerate(of.months):
        some, whole = ZERO, ZERO
        for member, each in zip(kept, sums, strict=True):
            made = _all(each[place])
            some, whole = some + part(made, member), whole + made.total
        if whole:
            found.append(Month(month.day.strftime("%Y-%m"), some, whole))
    return found


def _all(sums: Sums) -> Pieces:
    made = Pieces()
    made.add(sums.busy)
    made.add(sums.outside)
    return made
