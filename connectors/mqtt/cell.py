"""What one point makes of a value: a number, a text, or the reason why it is neither. Pure.

A point with a type, and one that is counted, scaled or measured in a unit, has one kind for ever. Another shows its
kind in each value: a state may be a code today and a word tomorrow, and both are kept as they are.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from config.plant import METERED, PIECES, READING, Point
from connectors import quality
from connectors.base import Kind

LONGEST = 65_535
"""Letters of a text."""
TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INT64 = (-(2**63), 2**63 - 1)
NOTHING: Final[dict[Kind, Any]] = {"float": math.nan, "int": 0, "text": ""}

_BOUNDS = {
    "bool": (0, 1),
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (16, 32, 64)},
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (16, 32)},
    "uint64": (0, INT64[1]),  # what a column of whole numbers can hold
}
_WORDS = ("state", "mode", "product", "alarm")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]{0,399})(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,4})?")

Judged = tuple[Kind, Any, int]
"""The kind, the value (nothing where it is not Good), the quality."""


# -- judging -----------------------------------------------------------------------------------------------------------
def _unfit(kind: Kind, code: int) -> Judged:
    return kind, NOTHING[kind], code


def spoken(value: Any) -> Any:
    """A text that says true, false or a number, as that; anything else as it is."""
    if not isinstance(value, str):
        return value
    word = value.strip()
    if word in TRUTHS:
        return TRUTHS[word]
    if not _NUMBER.fullmatch(word):
        return value
    return int(word) if _WHOLE.fullmatch(word) else float(word)


def _number(value: Any) -> Judged:
    value = spoken(value)
    if not isinstance(value, bool | int | float):
        return _unfit("float", quality.BAD_TYPE_MISMATCH)
    try:
        found = float(value)
    except OverflowError:
        return _unfit("float", quality.BAD_OUT_OF_RANGE)
    if math.isfinite(found):
        return "float", found, quality.GOOD
    return _unfit("float", quality.BAD if math.isnan(found) else quality.BAD_OUT_OF_RANGE)


def _whole(low: int, high: int) -> Callable[[Any], Judged]:
    def judge(value: Any) -> Judged:
        value = spoken(value)
        if not isinstance(value, bool | int | float):
            return _unfit("int", quality.BAD_TYPE_MISMATCH)
        if isinstance(value, float) and math.isnan(value):
            return _unfit("int", quality.BAD)
        if (isinstance(value, float) and not value.is_integer()) or not low <= value <= high:
            return _unfit("int", quality.BAD_OUT_OF_RANGE)
        return "int", int(value), quality.GOOD

    return judge


def _text(value: Any) -> Judged:
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int | float):
        value = repr(value)
    if not isinstance(value, str):
        return _unfit("text", quality.BAD_TYPE_MISMATCH)
    if len(value) > LONGEST:
        return _unfit("text", quality.BAD_OUT_OF_RANGE)
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        return _unfit("text", quality.BAD_DECODING)
    return "text", value, quality.GOOD


def _word(value: Any) -> Judged:
    """Of a state and its like: a whole number is a code, true and false are 1 and 0, all else is the name of one."""
    if isinstance(value, str):
        value = TRUTHS.get(value, value)
    if isinstance(value, bool | int) or (isinstance(value, float) and value.is_integer()):
        judged = _WORD(value)
        if judged[2] == quality.GOOD:
            return judged
    return _text(value)


def _open(value: Any) -> Judged:
    return _text(value) if isinstance(value, str) else _number(value)


_WORD = _whole(*INT64)
_TYPED: dict[str, Callable[[Any], Judged]] = {
    **{name: _whole(*bounds) for name, bounds in _BOUNDS.items()},
    "float32": _number,
    "float64": _number,
    "string": _text,
}


# -- cells -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Cell:
    """One point. `first` is the kind to begin with, and the only one where it is `told`; `bounds` are those of a whole
    number. Where `invalid` is empty, a value of the kind and within the bounds is Good as it is."""

    point: Point
    first: Kind
    told: bool
    judge: Callable[[Any], Judged]
    bounds: tuple[int, int]
    invalid: frozenset[str]

    def __call__(self, value: Any) -> Judged:
        if value is None:
            return _unfit(self.first, quality.BAD_NO_DATA)
        judged = self.judge(value)
        if self.invalid and judged[2] == quality.GOOD:
            found = judged[1]
            whole = isinstance(found, float) and found.is_integer()
            if str(int(found) if whole else found) in self.invalid:
                return _unfit(judged[0], quality.BAD_OUT_OF_RANGE)
        return judged

    def bare(self, text: str) -> Judged:
        """Of a payload that is nothing but this text: what looks like a number is one, as far as the point is open to
        it; digits behind a leading zero are a name."""
        if not self.told and (_WHOLE if self.judge is _word else _PLAIN).fullmatch(text):
            return self(int(text) if _WHOLE.fullmatch(text) else float(text))
        return self(TRUTHS.get(text, text) if not self.told else text)


def cell(point: Point) -> Cell:
    invalid = frozenset(str(reading) for reading in point.invalid)
    if point.type is not None:
        judge = _TYPED[point.type]
        return Cell(point, judge("")[0], True, judge, _BOUNDS.get(point.type, INT64), invalid)
    if point.name in _WORDS:
        return Cell(point, _expected(point), False, _word, INT64, invalid)
    if _measures(point):
        return Cell(point, "float", True, _number, INT64, invalid)
    return Cell(point, "float", False, _open, INT64, invalid)


def declared(point: Point, kind: Kind) -> Cell:
    """A cell whose kind the sender declares; a type of the plant file counts for more."""
    judge = {"float": _number, "int": _WORD, "text": _text}[kind]
    return cell(point) if point.type is not None else replace(cell(point), first=kind, told=True, judge=judge)


def _measures(point: Point) -> bool:
    scaled = point.scale != 1 or point.offset or point.deadband or point.resolution != 1
    return bool(scaled or point.counter or point.unit) or point.name in (*PIECES, *METERED, READING)


def _expected(point: Point) -> Kind:
    """A state whose readings are all numbers is one, until it is seen to be a word."""
    readings = {"state": point.states, "mode": point.modes}.get(point.name)
    return "int" if readings and all(_WHOLE.fullmatch(reading) for reading in readings) else "text"
