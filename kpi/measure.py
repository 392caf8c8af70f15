"""A KPI of one asset, or of a group: the sums of those that can be measured, divided once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from typing import Literal

from config.plant import PIECES, Asset, Rules
from kpi import formulas
from kpi.facts.facts import Facts
from kpi.facts.pieces import counting
from kpi.facts.schema import named
from kpi.indicators import KPIS, Finding, Kpi, Subject
from kpi.measured import Inputs, Measured
from kpi.sums import Sums, total

Profile = Literal["iso22400", "tpm"]
PROFILES: tuple[Profile, ...] = ("iso22400", "tpm")
OF_COUNTERS = ("spread", "reset", "rollover", "glitch", "rate_exceeded", "unsettled", "unbounded")
OF_GOOD = frozenset({"oee", "quality", "nee", "teep"})
LOST = frozenset({"not_configured", "no_ideal_cycle", "no_data", "low_coverage"})
"""Reasons for which a member is left out of its group. One with nothing to divide by stays in: it adds its zeros."""


@dataclass(frozen=True, slots=True)
class Member:
    """One asset over one window; `has` as `kpi.indicators.Subject` wants it."""

    id: str
    sums: Sums
    has: frozenset[str]


@dataclass(frozen=True, slots=True)
class Frame:
    """What every KPI of one row has in common."""

    start: int
    end: int
    profile: Profile
    rules: Rules
    plant_sha256: str
    store: str


def frame(facts: Facts, profile: Profile, start: int, end: int) -> Frame:
    return Frame(start, end, profile, facts.plant.rules, facts.plant.sha256, facts.store)


def knowable(asset: Asset, rules: Rules) -> frozenset[str]:
    """What the plant file configures of an asset."""
    how = counting(asset, rules)
    has = {column for column, used in how.uses().items() if used} | {role for role in PIECES if role in how.registers}
    if "state" in asset.points or (asset.state_from and "power" in asset.points):
        has.add("state")
    if "mode" in asset.points:
        has.add("mode")
    if asset.ideal:
        has.add("ideal")
    if "energy" in asset.points or "power" in asset.points:
        has.add("energy")
    told = {"good", "reject", "rework"} & how.registers.keys()
    if rules.all_good and how.gq and not ("good" in told and "total" in how.registers) and how.gq == how.pq:
        has.add("all_good")
    return frozenset(has)


def measure(kpi: Kpi, member: Member, of: Frame) -> Measured:
    """A KPI of one asset."""
    found = kpi.find(_subject(member.sums, member.has, of))
    return _measured(kpi, found, found.coverage, [member], member.has, of, _reason(found, found.coverage, of))


def measure_group(kpi: Kpi, members: Sequence[Member], of: Frame) -> Measured:
    """A KPI of a group; members that cannot be measured are named in `excluded`."""
    own = {member.id: kpi.find(_subject(member.sums, member.has, of)) for member in members}
    why = {member.id: _reason(own[member.id], own[member.id].coverage, of) for member in members}
    kept = [member for member in members if why[member.id] not in LOST]
    found = _together(kpi, kept, of)
    if found is not None and found.blocked:  # products of different machines weigh by PRI, and one has none
        why |= {member.id: "no_ideal_cycle" for member in kept if member.sums.unrated or "ideal" not in member.has}
        kept = [member for member in members if why[member.id] not in LOST]
        found = _together(kpi, kept, of)
    excluded = tuple((member.id, str(why[member.id])) for member in members if why[member.id] in LOST)
    if found is None:
        reason = excluded[0][1] if excluded else "not_configured"
        nothing = Finding((None, None, None), Fraction(0), {}, reason)
        return _measured(kpi, nothing, Fraction(0), members, frozenset(), of, reason, excluded)
    whole = sum(member.sums.pbt for member in members)
    known = sum((member.sums.pbt * (own[member.id].coverage or 0) for member in kept), Fraction(0))
    coverage = formulas.ratio(known, whole) if whole else found.coverage
    has = frozenset.intersection(*(member.has for member in kept))
    return _measured(kpi, found, coverage, kept, has, of, _reason(found, coverage, of), excluded)


def _subject(sums: Sums, has: frozenset[str], of: Frame) -> Subject:
    return Subject(sums, has, of.profile == "tpm", of.rules.coverage)


def _together(kpi: Kpi, kept: Sequence[Member], of: Frame) -> Finding | None:
    if not kept:
        return None
    has = frozenset.intersection(*(member.has for member in kept))
    return kpi.find(_subject(total(member.sums for member in kept), has, of))


def _reason(found: Finding, coverage: Fraction | None, of: Frame) -> str | None:
    if found.blocked == "not_configured":
        return found.blocked
    if found.empty == "no_planned_time":
        return found.empty
    if found.blocked:
        return found.blocked
    if coverage is not None and coverage < of.rules.coverage:
        return "low_coverage" if coverage else "no_data"
    return found.empty


def _measured(
    kpi: Kpi,
    found: Finding,
    coverage: Fraction | None,
    members: Sequence[Member],
    has: frozenset[str],
    of: Frame,
    reason: str | None,
    excluded: tuple[tuple[str, str], ...] | None = None,
) -> Measured:
    value, low, high = found.bounds if not found.blocked else (None, None, None)
    return Measured(
        kpi.key,
        value if reason is None else None,
        low,
        high,
        kpi.unit,
        coverage,
        reason,
        _flags(kpi, found, members, has),
        of.profile,
        found.terms,
        of.start,
        of.end,
        kpi.method,
        inputs(members, of),
        excluded,
    )


def _flags(kpi: Kpi, found: Finding, members: Sequence[Member], has: frozenset[str]) -> tuple[str, ...]:
    told = flags_of(members, found.counters, energy=kpi.key == "energy_per_piece")
    if "all_good" in has and kpi.key in OF_GOOD:
        told = (*told, "all_good")
    return (*told, *found.flags)


def flags_of(members: Iterable[Member], counters: bool, energy: bool = False) -> tuple[str, ...]:
    """What was flagged of their facts, as far as it concerns a KPI."""
    bits = 0
    for member in members:
        bits |= member.sums.flags | (member.sums.energy_flags if energy else 0)
    return tuple(name for name in named(bits) if counters or name not in OF_COUNTERS)


def inputs(members: Sequence[Member], of: Frame) -> Inputs:
    """How many rows, and a digest over those of every member that does not depend on their order."""
    digest = sha256()
    rows = 0
    for member in sorted(members, key=lambda one: one.id):
        rows += member.sums.rows
        digest.update(f"{member.id}:{member.sums.rows}:{member.sums.digest:016x}\n".encode())
    return Inputs(rows, digest.hexdigest(), of.plant_sha256, of.store)


def all_of(member: Member, of: Frame) -> dict[str, Measured]:
    return {key: measure(kpi, member, of) for key, kpi in KPIS.items()}


def all_of_group(members: Sequence[Member], of: Frame) -> dict[str, Measured]:
    return {key: measure_group(kpi, members, of) for key, kpi in KPIS.items()}


def nothing(key: str, of: Frame, reason: str, unit: str = "1") -> Measured:
    """A KPI of which nothing at all can be said, and why."""
    bare = Inputs(0, sha256().hexdigest(), of.plant_sha256, of.store)
    method = f"{key}@1"
    zero = Fraction(0)
    return Measured(key, None, None, None, unit, zero, reason, (), of.profile, {}, of.start, of.end, method, bare, ())
