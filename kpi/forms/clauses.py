"""A level holds when all its clauses hold: measured where facts decide, else declared. A fact that fails caps it.

Declaring level n declares every clause up to n that was not measured. Clauses with a branch are alternatives (或): one
branch is enough, and they fail only when every branch does. What was merely not measured never caps.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from config.template import Clause, Clauses, Levels, Setting, Template
from kpi.forms.measured import UNKNOWN, Holding, Measured

Origin = Literal["measured", "supported", "declared", "missing"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One clause and what became of it; `holds` is None where nothing was declared or measured."""

    level: int
    clause: Clause
    origin: Origin
    holds: bool | None
    reason: str | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)

    @property
    def fails(self) -> bool:
        return self.holds is False


@dataclass(frozen=True, slots=True)
class Rating:
    """The level reached of a scene, an indicator or an option. `cap` is where facts stopped the declared level."""

    level: int
    declared: int
    cap: int | None
    clauses: tuple[Judged, ...]

    def unmet(self, to: int) -> tuple[Judged, ...]:
        """What is still to be met for that level."""
        return tuple(each for each in self.clauses if self.level < each.level <= to and each.holds is not True)

    @property
    def measured(self) -> bool:
        """Whether facts alone decided every clause up to the level, and there are some."""
        own = [each for each in self.clauses if each.level <= self.level]
        return bool(own) and all(each.origin == "measured" for each in own)

    @property
    def origin(self) -> Origin:
        """Where the level comes from: capped or all measured; facts among declarations; declarations; nothing."""
        if self.measured or self.cap is not None:
            return "measured"
        if not self.declared:
            return "missing"
        own = {each.origin for each in self.clauses if each.level <= self.level}
        return "supported" if own & {"measured", "supported"} else "declared"


@dataclass(frozen=True, slots=True)
class Judge:
    """Rates by the rules of one form, under its switches."""

    template: Template
    settings: Mapping[str, Setting]
    facts: Measured

    def rate(self, levels: Levels, declared: int) -> Rating:
        rows = [[self._judged(level, clause, declared) for clause in row or ()] for level, row in enumerate(levels, 1)]
        written = [level for level, row in enumerate(levels, 1) if row is not None]
        reached = [level for level in written if _holds(rows[level - 1])]
        failing = [level for level in written if level <= declared and _fails(rows[level - 1])]
        if self.settings.get("cumulative", True):
            broken = next((level for level in written if level not in reached), len(levels) + 1)
            reached = [level for level in reached if level < broken]
            cap = max((level for level in written if level < failing[0]), default=0) if failing else None
        else:
            cap = max(reached, default=0) if declared in failing else None
        return Rating(max(reached, default=0), declared, cap, tuple(each for row in rows for each in row))

    def holding(self, clause: Clause) -> Holding:
        rule = self.template.rule(clause, self.settings)
        return UNKNOWN if rule is None else self.facts.rules.get(rule, UNKNOWN)

    def _judged(self, level: int, clause: Clause, declared: int) -> Judged:
        fact = self.holding(clause)
        if clause.basis == "measured" and fact.holds is not None:
            return Judged(level, clause, "measured", fact.holds, None, fact.evidence)
        if declared < level:
            return Judged(level, clause, "missing", None, fact.reason, fact.evidence)
        origin: Origin = "supported" if clause.basis == "supported" and fact.holds else "declared"
        return Judged(level, clause, origin, True, fact.reason, fact.evidence)


def option_levels(clauses: Clauses) -> Levels:
    """A box to tick as a scene of one level."""
    return (clauses,)


def _branches(row: list[Judged]) -> tuple[list[Judged], list[list[Judged]]]:
    common = [each for each in row if each.clause.branch is None]
    numbers = sorted({each.clause.branch for each in row if each.clause.branch is not None})
    return common, [[each for each in row if each.clause.branch == number] for number in numbers]


def _holds(row: list[Judged]) -> bool:
    common, branches = _branches(row)
    met = not branches or any(all(each.holds for each in branch) for branch in branches)
    return met and all(each.holds for each in common)


def _fails(row: list[Judged]) -> bool:
    common, branches = _branches(row)
    refused = bool(branches) and all(any(each.fails for each in branch) for branch in branches)
    return refused or any(each.fails for each in common)
