"""Rates of several plants: divided once over those that have a value, and bounds that leave none of them out."""

from fractions import Fraction

import pytest

from kpi import plants
from kpi.plants import Part
from kpi.rate import Rate, Window

SPAN = Window(0, 1, 0, 0, 30, 22)


def part(name: str, counts: tuple[int, int, int, int] | None, reason: str | None = None, silent: str = "") -> Part:
    """`counts`: low, numerator, high, denominator; None where the plant was never heard of."""
    if counts is None:
        return Part(name, 0, 1, None, {}, silent)
    low, numerator, high, denominator = counts
    rate = Rate("networking", numerator, denominator, low, high, SPAN, {}, reason)
    return Part(name, 0, 1, None, {"networking": rate}, silent)


# low, value, high, reason and flags of the group; of the first plant 40 of 90 devices are networked, 36 to 45 at most
FIRST = part("a", (36, 40, 45, 90))
CASES = {
    "both are measured": (part("b", (2, 3, 4, 10)), 38 / 100, 43 / 100, 49 / 100, None, []),
    "a short history": (part("b", (2, 3, 4, 10), "short_history"), 36 / 100, 40 / 90, 55 / 100, None, []),
    "too much is out": (part("b", (0, 0, 0, 30), "short_history"), 36 / 120, None, 75 / 120, "low_coverage", []),
    "a silent one": (part("b", (0, 0, 8, 10), "no_data", "gone"), 36 / 100, 40 / 90, 55 / 100, None, ["store_silent"]),
    "never heard of": (part("b", None, silent="gone"), None, None, None, "no_data", ["store_silent"]),
}


@pytest.mark.parametrize("case", CASES)
def test_bounds_leave_no_plant_out(case: str) -> None:
    other, low, value, high, reason, flags = CASES[case]
    told = plants.rates([FIRST, other], Fraction(9, 10))["networking"]
    assert isinstance(told, dict)
    assert (told["low"], told["value"], told["high"]) == (low, value, high)
    assert (told["reason"], told["flags"]) == (reason, flags)
