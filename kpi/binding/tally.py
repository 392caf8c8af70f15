"""Which devices meet a requirement, which do not, and of which nothing is known; so that only a fact may fail.

What is not known never decides: it makes the answer open wherever it could turn it. Devices that the register names and
nothing connects count as not meeting it, but only where something of the kind is connected at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from kpi.forms.measured import Holding

Evidence = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a time was covered, and of how much nothing is told [ms]."""

    good: int
    unknown: int
    whole: int

    def reaches(self, least: Fraction) -> bool | None:
        """None where what is not told could decide either way, or where there is no time at all."""
        if not self.whole:
            return None
        if Fraction(self.good, self.whole) >= least and self.good:
            return True
        return False if Fraction(min(self.good + self.unknown, self.whole), self.whole) < least else None

    @property
    def value(self) -> Fraction | None:
        return Fraction(self.good, self.whole) if self.whole else None


def both(parts: Iterable[bool | None]) -> bool | None:
    """All of them: one that fails decides, else one that is not known leaves it open."""
    found = list(parts)
    return False if False in found else None if None in found else True


def either(parts: Iterable[bool | None]) -> bool | None:
    found = list(parts)
    return True if True in found else None if None in found else False


@dataclass(slots=True)
class Tally:
    """`absent` have nothing of the kind connected."""

    yes: list[str] = field(default_factory=list)
    no: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def add(self, name: str, met: bool | None) -> None:
        (self.yes if met else self.open if met is None else self.no).append(name)

    @property
    def connected(self) -> int:
        return len(self.yes) + len(self.no) + len(self.open)

    def every(self, evidence: Evidence) -> Holding:
        """Every one of them must meet it."""
        if not self.connected:
            return Holding(None, "not_configured", self.told(evidence))
        if self.no or self.absent:
            return Holding(False, None, self.told(evidence))
        return self._open(evidence) if self.open else Holding(True, None, self.told(evidence))

    def least(self, count: int, evidence: Evidence) -> Holding:
        """So many must meet it; it fails only where that many are connected."""
        if len(self.yes) >= count:
            return Holding(True, None, self.told(evidence))
        if len(self.yes) + len(self.open) < count <= self.connected:
            return Holding(False, None, self.told(evidence))
        return self._open(evidence) if self.open else Holding(None, "not_configured", self.told(evidence))

    def share(self, least: Fraction, evidence: Evidence) -> Holding:
        """So large a part of all of them must meet it, the absent among them."""
        if not self.connected:
            return Holding(None, "not_configured", self.told(evidence))
        needed = least * (self.connected + len(self.absent))
        if len(self.yes) >= needed:
            return Holding(True, None, self.told(evidence))
        if len(self.yes) + len(self.open) < needed:
            return Holding(False, None, self.told(evidence))
        return self._open(evidence)

    def _open(self, evidence: Evidence) -> Holding:
        return Holding(None, "low_coverage", self.told(evidence))

    def told(self, evidence: Evidence) -> dict[str, object]:
        whole = self.connected + len(self.absent)
        lists = {"met": self.yes, "not_met": self.no, "not_known": self.open, "not_connected": self.absent}
        return {"count": len(self.yes), "of": whole, **{k: v for k, v in lists.items() if v}, **evidence}
