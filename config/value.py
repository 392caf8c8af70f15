"""What a reading means: scale and offset, or the state or mode that it is one of; exact, so that 0.1 x 3 is 0.3."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from config.plant import MODES, STATES, Point

Reading = int | float | str


def meaning(reading: Reading, names: tuple[str, ...], readings: Mapping[str, str]) -> str:
    """One of `names`; a text that is one of them already counts as such, and what maps to none is unknown."""
    if isinstance(reading, float) and reading.is_integer():
        reading = int(reading)
    text = str(reading)
    word = {"1": "true", "0": "false"}.get(text)
    found = readings.get(text) or (readings.get(word) if word else None)
    return found or (text if text in names else names[0])


def final(point: Point, reading: Reading, scaled: bool = False) -> Reading:
    """The value that people see. A whole result is an int."""
    if point.name == "state" and point.states is not None:
        return meaning(reading, STATES, point.states)
    if point.name == "mode" and point.modes is not None:
        return meaning(reading, MODES, point.modes)
    if isinstance(reading, str) or scaled or (point.scale == 1 and point.offset == 0):
        return reading
    exact = Fraction(Decimal(repr(reading))) * point.scale + point.offset
    return int(exact) if exact.denominator == 1 else float(exact)
