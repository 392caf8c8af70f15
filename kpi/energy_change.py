"""Energy against a baseline: how much less, and whether what is not known could turn it round."""

from dataclasses import replace
from fractions import Fraction

from kpi.energy import Consumption, per_revenue
from kpi.measured import Json

Span = tuple[Fraction | None, Fraction | None, Fraction | None]  # value, low, high


def change(before: Consumption, now: Consumption, revenue_before: Fraction | None, revenue: Fraction | None) -> Json:
    """Relative and absolute change of each headline; null where either is not measured."""
    found: Json = {
        "tce": _changed(_coal(before), _coal(now)),
        "co2_t": _changed(_exact(before, before.co2), _exact(now, now.co2)),
        "co2_t_constant": _changed(_exact(before, at_constant_factor(before, now)), _exact(now, now.co2)),
    }
    if revenue is not None and revenue_before is not None:
        found["kgce_per_100_yuan"] = _changed(_divided(before, revenue_before), _divided(now, revenue))
    return found


def at_constant_factor(before: Consumption, now: Consumption) -> Fraction | None:
    """CO2 [t] of the baseline by the grid factor of the window's last year, so that consumption alone differs."""
    latest = next((line.grid[-1] for line in now.lines if line.grid), None)
    if latest is None:
        return before.co2
    lines = tuple(replace(line, grid=(latest,) * len(line.grid)) for line in before.lines)
    return replace(before, lines=lines).co2


def _coal(of: Consumption) -> Span:
    return of.tce, of.tce_low, of.tce_high


def _divided(of: Consumption, revenue: Fraction) -> Span:
    value, low, high = (per_revenue(part, revenue) for part in _coal(of))
    return value, low, high


def _exact(of: Consumption, value: Fraction | None) -> Span:
    """CO2 has bounds of its own only where all was read."""
    return (value, value, value) if of.tce_low == of.tce_high else (value, None, None)


def _changed(before: Span, now: Span) -> Json | None:
    """`certain`: no value within the bounds of either would turn the change round."""
    if before[0] is None or now[0] is None:
        return None
    least = None if now[1] is None or before[2] is None else now[1] - before[2]
    most = None if now[2] is None or before[1] is None else now[2] - before[1]
    certain = least is not None and most is not None and (least > 0 or most < 0 or least == most == 0)
    difference = now[0] - before[0]
    return {
        "relative": float(difference / before[0]) if before[0] else None,
        "absolute": float(difference),
        "certain": certain,
    }
