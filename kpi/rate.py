"""A rate of equipment: a share of the register, with the devices that count and why the others do not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from config.plant import Plant
from config.zone import shown

REASONS = {
    "not_connected": ("in the register, but not connected", "台账中有，未接入"),
    "control_meter": ("only metered, by the register", "台账登记为仅计量"),
    "control_none": ("no control of its own, by the register", "台账登记为无控制器"),
    "metered_points_only": ("only energy and power points", "只有能耗、功率数据点"),
    "no_history": ("no communication history in the window", "窗口内没有通信记录"),
    "no_scheduled_time": ("not scheduled in the window", "窗口内没有计划时间"),
    "too_few_days": ("heard on too few of its scheduled days", "有好值的计划日不足"),
    "too_few_samples": ("too few of the polls due were good", "好采样占比不足"),
}


@dataclass(frozen=True, slots=True)
class Excluded:
    """A device that does not count, and why; how far it came where that was measured."""

    asset: str
    reason: str
    days: Fraction | None = None
    samples: Fraction | None = None

    def document(self) -> dict[str, object]:
        far = {"days": self.days, "samples": self.samples}
        return {
            "asset": self.asset,
            "reason": self.reason,
            **{name: float(value) for name, value in far.items() if value is not None},
        }


@dataclass(frozen=True, slots=True)
class Window:
    """The span that rates are told from. `days` of it were observed, `scheduled` of them with scheduled time."""

    start: int
    end: int
    first_day: int  # days since 1970-01-01
    last_day: int
    days: int
    scheduled: int


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of devices (or processes). `numerator` and `denominator` stand even where there is no value."""

    kpi: str
    numerator: int | None
    denominator: int | None
    low: int | None
    high: int | None
    window: Window
    rule: Mapping[str, object]
    reason: str | None = None
    coverage: Fraction = Fraction(1)
    flags: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    also: Mapping[str, object] = field(default_factory=dict)

    @property
    def value(self) -> Fraction | None:
        return self._share(self.numerator) if self.reason is None else None

    def _share(self, count: int | None) -> Fraction | None:
        return Fraction(count, self.denominator) if count is not None and self.denominator else None

    @property
    def almost(self) -> tuple[Excluded, ...]:
        """Those that were heard, but not enough, the nearest first."""
        heard = [each for each in self.excluded if each.samples]
        return tuple(sorted(heard, key=lambda each: (-(each.days or 0), -(each.samples or 0), each.asset)))

    def numbers(self) -> dict[str, object]:
        """What it comes to, without the devices."""
        low, high = self._share(self.low), self._share(self.high)
        value, low_, high_ = (None if part is None else float(part) for part in (self.value, low, high))
        return {
            "kpi": self.kpi,
            "value": value,
            "low": low_,
            "high": high_,
            "unit": "1",
            "coverage": float(self.coverage),
            "reason": self.reason,
            "flags": list(self.flags),
            "numerator": self.numerator,
            "denominator": self.denominator,
            "days_observed": self.window.days,
        }

    def document(self, plant: Plant) -> dict[str, object]:
        """As /openapi.json describes it."""
        register = plant.register
        return {
            **self.numbers(),
            "assets": list(self.assets),
            "almost": [each.document() for each in self.almost],
            "excluded": [each.document() for each in self.excluded],
            "rule": dict(self.rule),
            "register": register and {"sha256": register.sha256, "rows": len(register.devices)},
            "from": shown(self.window.start, plant.timezone),
            "to": shown(self.window.end, plant.timezone),
            "method": f"{self.kpi}@1",
            **self.also,
        }
