"""Reuse of water by the meters of a plant, or of several: reused over fresh and reused."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from hashlib import sha256

from config.carriers import CARRIERS
from kpi import formulas
from kpi.energy_ledger import Ledger, Sum
from kpi.energy_meters import Place, Total, Tree
from kpi.facts.facts import Facts
from kpi.facts.schema import named
from kpi.measure import Frame, nothing
from kpi.measured import Inputs, Measured


@dataclass(frozen=True, slots=True)
class Waters:
    """The two totals of one plant that meters both."""

    ledger: Ledger
    reused: Total
    fresh: Total

    def sums(self) -> tuple[Sum, Sum]:
        return self.ledger.sum(self.reused.gauges), self.ledger.sum(self.fresh.gauges)

    def inputs(self) -> Inputs:
        return self.ledger.inputs((*self.reused.gauges, *self.fresh.gauges))


def water_reuse(plants: Sequence[Facts], of: Frame) -> Measured:
    """Over the whole window of these facts; amounts in m3, the unit of water. A plant that does not meter both is left
    out, and named."""
    found = {facts.plant.id: _waters(facts) for facts in plants}
    kept = [waters for waters in found.values() if waters is not None]
    if not kept:
        return nothing("water_reuse", of, "not_configured")
    reused, fresh = (reduce(Sum.__add__, some) for some in zip(*(waters.sums() for waters in kept), strict=True))
    value = formulas.water_reuse(reused.total, fresh.total)
    coverage = min(reused.coverage, fresh.coverage)
    reason = None if value is not None else "no_production"
    if coverage < of.rules.coverage:
        reason = "low_coverage" if coverage else "no_data"
    marks = (flag for waters in kept for flag in (*waters.reused.flags, *waters.fresh.flags))
    return replace(
        nothing("water_reuse", of, ""),
        value=value if reason is None else None,
        low=None if fresh.high is None else formulas.water_reuse(reused.total, fresh.high),
        high=None if reused.high is None else formulas.water_reuse(reused.high, fresh.total),
        coverage=Fraction(coverage),
        reason=reason,
        flags=tuple(dict.fromkeys((*named(reused.flags | fresh.flags), *marks))),
        terms={name: CARRIERS["water"].shown(one.total) for name, one in (("reused", reused), ("fresh", fresh))},
        inputs=_inputs([waters.inputs() for waters in kept], of),
        excluded=tuple((plant, "not_configured") for plant, waters in found.items() if waters is None),
    )


def _waters(facts: Facts) -> Waters | None:
    tree, plant = Tree(facts.plant), Place("plant")
    reused, fresh = tree.total("water", "reused", plant), tree.total("water", "fresh", plant)
    return None if reused is None or fresh is None else Waters(Ledger(facts), reused, fresh)


def _inputs(parts: Sequence[Inputs], of: Frame) -> Inputs:
    """Those of one plant as they are; of several the rows of all, and one digest."""
    if len(parts) == 1:
        return parts[0]
    digest = sha256("".join(part.sha256 for part in parts).encode()).hexdigest()
    return Inputs(sum(part.rows for part in parts), digest, of.plant_sha256, of.store)
