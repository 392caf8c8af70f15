"""How a KPI changed against a baseline: relative and in points, and whether the bounds leave any doubt about it."""

from fractions import Fraction

from kpi.measured import Json, Measured


def change(now: Measured, base: Measured) -> Json:
    """`certain`: whatever the true values within their bounds, the change has the same sign."""
    if now.value is None or base.value is None:
        return {
            "relative": None,
            "points": None,
            "certain": False,
            "reason": "no_baseline" if base.reason else now.reason,
        }
    points = now.value - base.value
    relative = points / base.value if base.value else None
    return {
        "relative": None if relative is None else float(relative),
        "points": float(points),
        "certain": _certain(now, base),
    }


def _certain(now: Measured, base: Measured) -> bool:
    ends = (now.low, now.high, base.low, base.high)
    if any(end is None for end in ends):
        return False
    low, high, base_low, base_high = (Fraction(end) for end in ends if end is not None)
    least, most = low - base_high, high - base_low
    return least > 0 or most < 0 or least == most == 0
