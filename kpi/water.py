"""Reuse of water by the plant's meters: reused over fresh and reused."""

from dataclasses import replace
from fractions import Fraction

from config.carriers import CARRIERS
from kpi import formulas
from kpi.energy_ledger import Ledger
from kpi.energy_meters import Place, Tree
from kpi.facts.facts import Facts
from kpi.facts.schema import named
from kpi.measure import Frame, nothing
from kpi.measured import Measured


def water_reuse(facts: Facts, of: Frame) -> Measured:
    """Over the whole window of these facts; amounts in m3, the unit of water."""
    tree = Tree(facts.plant)
    whole_plant = Place("plant")
    reused_by, fresh_by = tree.total("water", "reused", whole_plant), tree.total("water", "fresh", whole_plant)
    if reused_by is None or fresh_by is None:
        return nothing("water_reuse", of, "not_configured")
    ledger = Ledger(facts)
    reused, fresh = ledger.sum(reused_by.gauges), ledger.sum(fresh_by.gauges)
    value = formulas.water_reuse(reused.total, fresh.total)
    coverage = min(reused.coverage, fresh.coverage)
    reason = None if value is not None else "no_production"
    if coverage < of.rules.coverage:
        reason = "low_coverage" if coverage else "no_data"
    flags = dict.fromkeys((*named(reused.flags | fresh.flags), *reused_by.flags, *fresh_by.flags))
    return replace(
        nothing("water_reuse", of, ""),
        value=value if reason is None else None,
        low=None if fresh.high is None else formulas.water_reuse(reused.total, fresh.high),
        high=None if reused.high is None else formulas.water_reuse(reused.high, fresh.total),
        coverage=Fraction(coverage),
        reason=reason,
        flags=tuple(flags),
        terms={name: CARRIERS["water"].shown(of.total) for name, of in (("reused", reused), ("fresh", fresh))},
        inputs=ledger.inputs((*reused_by.gauges, *fresh_by.gauges)),
    )
