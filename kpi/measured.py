"""A measured number with everything that it takes to believe it: bounds, coverage, terms, inputs, method."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from zoneinfo import ZoneInfo

from config.zone import shown

Number = int | float
Json = dict[str, object]


def number(value: Fraction | int | None) -> Number | None:
    """As it is printed: whole numbers whole, all others as the nearest float."""
    if value is None or isinstance(value, int):
        return value
    return value.numerator if value.denominator == 1 else float(value)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was read: how many rows, a digest over them, the plant file's, and from which store."""

    rows: int
    sha256: str
    plant_sha256: str
    store: str

    def json(self) -> Json:
        return {"rows": self.rows, "sha256": self.sha256, "plant_sha256": self.plant_sha256, "store": self.store}


@dataclass(frozen=True, slots=True)
class Measured:
    """A KPI over [start, end), exact. `value` is None when it is not measured; then `reason` says why."""

    kpi: str
    value: Fraction | None
    low: Fraction | None
    high: Fraction | None
    unit: str
    coverage: Fraction | None
    reason: str | None
    flags: tuple[str, ...]
    profile: str
    terms: Mapping[str, Fraction | int]
    start: int
    end: int
    method: str
    inputs: Inputs
    excluded: tuple[tuple[str, str], ...] | None = None
    """Of a group: members that cannot be measured, and why."""
    extra: Mapping[str, object] = field(default_factory=dict)

    def json(self, zone: ZoneInfo) -> Json:
        """As /openapi.json describes it."""
        found: Json = {
            "kpi": self.kpi,
            "value": _float(self.value),
            "low": _float(self.low),
            "high": _float(self.high),
            "unit": self.unit,
            "coverage": _float(self.coverage),
            "reason": self.reason,
            "flags": list(self.flags),
            "profile": self.profile,
            "terms": {name: number(value) for name, value in self.terms.items()},
            "from": shown(self.start, zone),
            "to": shown(self.end, zone),
            "method": self.method,
            "inputs": self.inputs.json(),
            **self.extra,
        }
        if self.excluded is not None:
            found["excluded"] = [{"asset": asset, "reason": reason} for asset, reason in self.excluded]
        return found


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
