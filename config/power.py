"""State from power: the honest way to read a machine without a controller. One rule for KPIs and for every store."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from config.plant import STATES, Point, PowerStates

_KILOWATTS = {"W": Fraction(1, 1000), "kW": Fraction(1), "MW": Fraction(1000)}
_NEAR = 1e-9  # of a limit: there the exact decimal decides


def state_codes(
    numbers: NDArray[np.float64] | NDArray[np.int64], scaled: NDArray[np.bool_], point: Point, limits: PowerStates
) -> NDArray[np.int8]:
    """Up to `off` it is off, up to `idle` idle, above running; readings as on the wire, where not `scaled`."""
    size = _KILOWATTS.get(point.unit or "kW", Fraction(1))
    power = numbers * np.where(scaled, float(size), float(point.scale * size))
    power = power + np.where(scaled, 0.0, float(point.offset * size))
    found = np.full(len(numbers), STATES.index("off"), np.int8)
    for limit, state in ((limits.off, "idle"), (limits.idle, "running")):
        above = power > float(limit)
        for index in np.flatnonzero(np.abs(power - float(limit)) <= _NEAR * (1 + abs(float(limit)))).tolist():
            exact = Fraction(Decimal(repr(numbers[index].item())))
            final = exact if scaled[index] else exact * point.scale + point.offset
            above[index] = final * size > limit
        found[above] = STATES.index(state)
    return found
