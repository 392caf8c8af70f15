"""OEE of stations in series: good of the last by the planned time of the bottleneck, over the bottleneck's PBT.

Stations are never summed or multiplied: what the line makes is what leaves its last station, and what it could make is
what its bottleneck could.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from config.plant import Asset, Line, Plant
from kpi import formulas
from kpi.facts.schema import BIT
from kpi.measure import LOST, Frame, Member, flags_of, inputs, nothing
from kpi.measured import Measured
from kpi.sums import Sums


def spans(plant: Plant, line: Line, start: int, end: int) -> list[tuple[int, int]]:
    """A window, cut wherever another ideal cycle of the bottleneck comes into force."""
    ideal = plant.assets[line.bottleneck].ideal if line.bottleneck else ()
    edges = sorted({start, end, *(cycle.since for cycle in ideal if cycle.since and start < cycle.since < end)})
    return list(pairwise(edges))


def line_oee(
    plant: Plant, line: Line | None, members: Mapping[str, Member], made: Sequence[tuple[int, Sums]], of: Frame
) -> Measured:
    """Of one line over one window; `members` are its assets' sums, `made` those of its last station in each of `spans`
    and where it begins."""
    if line is None or not line.serial or line.bottleneck is None:
        return nothing("line_oee", of, "not_configured")
    last, slowest = members[line.serial[-1]], members[line.bottleneck]
    pri, more, unrated = _planned(plant.assets[slowest.id], made)
    pbt = slowest.sums.pbt
    coverage = formulas.ratio(last.sums.covered[1], last.sums.pbt)
    reason = _reason(last, unrated, pbt, coverage, of)
    value = formulas.line_oee(pri, pbt)
    bounded = not last.sums.flags & BIT["unbounded"] and not unrated
    return replace(
        nothing("line_oee", of, reason or ""),
        value=value if reason is None else None,
        low=value if not unrated else None,
        high=formulas.line_oee(pri + more, pbt) if bounded else None,
        coverage=coverage,
        reason=reason,
        flags=flags_of([last], counters=True),
        terms={"PBT": pbt, "PRI_GQ": pri, "GQ": last.sums.busy.good},
        inputs=inputs(list({one.id: one for one in (last, slowest)}.values()), of),
        excluded=((last.id, reason),) if reason in LOST else (),
        extra={"last": last.id, "bottleneck": slowest.id},
    )


def _reason(last: Member, unrated: bool, pbt: int, coverage: Fraction | None, of: Frame) -> str | None:
    if "gq_ms" not in last.has:
        return "not_configured"
    if unrated:
        return "no_ideal_cycle"
    if not pbt or coverage is None:
        return "no_planned_time"
    if coverage < of.rules.coverage:
        return "low_coverage" if coverage else "no_data"
    return None


def _planned(bottleneck: Asset, parts: Iterable[tuple[int, Sums]]) -> tuple[Fraction, Fraction, bool]:
    """Planned time [ms] of the bottleneck for what the last station made, that for what it could have made besides,
    and whether for some of it none is known."""
    whole = more = Fraction(0)
    unrated = not bottleneck.ideal
    for at, sums in parts:
        known = [cycle for cycle in bottleneck.ideal if cycle.since is None or cycle.since <= at]
        for (product, _), made in sums.kinds.items():
            own = [cycle for cycle in known if product and cycle.product == product]
            rest = [cycle for cycle in known if cycle.product is None]
            chosen = max(own or rest, key=lambda cycle: (cycle.since is not None, cycle.since or 0), default=None)
            if chosen is None:
                unrated = True
                continue
            each = chosen.seconds * 1000 / bottleneck.cavities.designed
            whole, more = whole + made.good * each, more + made.good_high * each
    return whole, more, unrated
