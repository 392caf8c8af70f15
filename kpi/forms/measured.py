"""What the forms are told of facts: a reading of an item, and whether the rule of a clause holds. Nothing else crosses.

The KPI side makes a `Measured` from `Template.rules` and each item's `measured`; with `NOTHING` a form is scored as it
was declared. Whatever is not known, for any reason, is left out or says why; only a fact may fail.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from config.template import Rule


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured of one item. `terms` carry their names and units in an answer file: `total`, `networked`;
    `before.tce`; `before` and `after` where an item has one number (a pass rate in per cent), `base` and `now`.

    No terms: not measured, and `reason` says why. `origin` is supported where a declaration still decides. `next` are
    the devices that would count next, the cheapest first.
    """

    terms: Mapping[str, Fraction] = field(default_factory=dict)
    origin: Literal["measured", "supported"] = "measured"
    reason: str | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)
    next: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """What facts say of one rule. None: they do not say, and `reason` says why; that never caps a level."""

    holds: bool | None
    reason: str | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    """All that was measured for a form: readings by the item's number, holdings by rule."""

    items: Mapping[str, Reading] = field(default_factory=dict)
    rules: Mapping[Rule, Holding] = field(default_factory=dict)


NOTHING = Measured()
UNKNOWN = Holding(None)
