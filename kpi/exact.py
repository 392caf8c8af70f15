"""Readings as exact decimals, rounded half-even to whole steps before any difference, and shares by cumulative floor.

Floats are fast and the decimal they were written as is the truth: a result is formed in float64, and only where it
falls so near a tie that float64 could err is it formed again as a fraction.
"""

from decimal import Decimal
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from connectors.base import Floats, Ints

_LARGEST = 2**62
_COUNTABLE = 2**60
_EXACT = 2**50


def fraction(value: float | int | Fraction) -> Fraction:
    """The decimal that a number prints as: 0.1 is one tenth."""
    return Fraction(Decimal(repr(value))) if isinstance(value, float) else Fraction(value)


def countable(numbers: Floats | Ints, factor: Fraction) -> NDArray[np.bool_]:
    """Which readings can be counted at all; what a broken device shows beyond is no quantity of anything."""
    most = ceil(_COUNTABLE / abs(factor))
    return np.asarray((numbers < most) & (numbers > -most))


def steps(numbers: Floats | Ints, factor: Fraction, offset: Fraction = Fraction(0)) -> Ints:
    """numbers · factor + offset as whole steps, rounded half-even on the exact decimal. All must be `countable`."""
    if factor == 1 and not offset and numbers.dtype.kind == "i":
        return np.asarray(numbers, np.int64)
    scaled = numbers.astype(np.float64) * float(factor) + float(offset)
    whole = np.rint(scaled)
    result = whole.astype(np.int64)
    size = np.abs(scaled)
    whole -= scaled
    tie = np.abs(whole, out=whole)
    size *= 4e-15
    tie += size
    found = np.flatnonzero((tie >= 0.5 - 1e-9) | (size > _EXACT * 4e-15))
    if len(found):
        values, inverse = np.unique(numbers[found], return_inverse=True)
        exact = [round(fraction(value.item()) * factor + offset) for value in values]
        result[found] = np.array(exact, np.int64)[inverse]
    return result


def share(amount: Ints, part: Ints, whole: Ints) -> Ints:
    """floor(amount · part / whole), exact; 0 where `whole` is 0."""
    if not len(amount):
        return np.zeros(0, np.int64)
    whole = np.where(whole == 0, 1, whole)
    if float(np.abs(amount).max()) * float(np.abs(part).max()) < _LARGEST:
        return amount * part // whole
    safe = np.abs(amount).astype(np.float64) * np.abs(part).astype(np.float64) < _LARGEST
    result = np.where(safe, amount, 0) * np.where(safe, part, 0) // whole
    for index in np.flatnonzero(~safe):
        result[index] = int(amount[index]) * int(part[index]) // int(whole[index])
    return result
