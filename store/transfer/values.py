"""The column `value` of a CSV: integers stay integers, other numbers are float64, everything else is text.

Each value becomes one 8-byte word as the journal holds it, decided in columns; what is wrong is named by its row.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from config.plant import PIECES, Point
from connectors.base import Ints, Kind

FLOAT, INT, TEXT = 0, 1, 2
KINDS: tuple[Kind, ...] = ("float", "int", "text")  # the index is the code here
WIDE = 2**63

_INTEGER = r"^[+-]?[0-9]{1,18}$"
_LONG = r"^[+-]?[0-9]{19,}$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_ENDLESS = r"(?i)^[+-]?(nan|inf|infinity)$"

TRUTH = {"true": 1, "false": 0}


def demand(point: Point) -> str:
    """What a value of this point must be: `text`, `number`, `bool`, or anything (`any`)."""
    if point.type == "string":
        return "text"
    if point.name in ("state", "mode"):
        return "any"
    if point.type == "bool":
        return "bool"
    shaped = point.counter or point.unit or point.scale != 1 or point.offset or point.deadband
    return "number" if point.type or shaped or point.name in (*PIECES, "energy", "power") else "any"


@dataclass(slots=True)
class Words:
    """One word and kind for each row; `text` are the words of kind text, by their index."""

    kinds: NDArray[np.int8]
    words: Ints
    wrong: dict[int, tuple[str, str]]  # row: what is wrong, what to do


class Spelling:
    """Texts seen so far, each once."""

    def __init__(self) -> None:
        self.index: dict[str, int] = {}

    def codes(self, texts: pa.Array) -> Ints:
        found = texts.dictionary_encode()
        known = [self.index.setdefault(text, len(self.index)) for text in found.dictionary.to_pylist()]
        codes: Ints = np.array(known, np.int64)[found.indices.to_numpy(zero_copy_only=False)]
        return codes

    def texts(self) -> tuple[str, ...]:
        return tuple(self.index)


def _matches(values: pa.Array, pattern: str) -> NDArray[np.bool_]:
    return np.asarray(pc.match_substring_regex(values, pattern).to_numpy(zero_copy_only=False), np.bool_)


def _filled(values: pa.Array, which: NDArray[np.bool_]) -> pa.Array:
    return values.filter(pa.array(which))


def words(
    values: pa.Array, demands: NDArray[Any], forced: NDArray[Any], blank: NDArray[Any], spelled: Spelling
) -> Words:
    """`demands` says for each row what its point demands, `forced` which kind the file itself names ("" for none).
    `blank`: rows whose quality is not Good may have no value."""
    count = len(values)
    kinds = np.full(count, TEXT, np.int8)
    found = np.zeros(count, np.int64)
    wrong: dict[int, tuple[str, str]] = {}
    empty = np.asarray(pc.equal(values, "").to_numpy(zero_copy_only=False), np.bool_)
    texts = (demands == "text") | (forced == "text")
    open_rows = ~(empty | texts)

    integer = _matches(values, _INTEGER) & open_rows & (forced != "float")
    number = ~integer & open_rows & _matches(values, _NUMBER)
    found[integer] = _integers(_filled(values, integer))
    kinds[integer] = INT
    if number.any():
        floats = pc.cast(_filled(values, number), pa.float64()).to_numpy(zero_copy_only=False)
        found[number] = floats.view(np.int64)
        kinds[number] = FLOAT
        for row in np.flatnonzero(number)[~np.isfinite(floats)].tolist():
            wrong[row] = ("is beyond what a number can be", "correct the value")
        _long(values, number & (forced != "float"), kinds, found)

    rest = ~(integer | number)
    for row in np.flatnonzero(rest & open_rows & _matches(values, _ENDLESS)).tolist():
        wrong[row] = ("is not a finite number", "leave the row out, or give it a Bad quality and no value")
    truth = rest & (demands == "bool")
    for row in np.flatnonzero(truth & open_rows).tolist():
        said = TRUTH.get(values[row].as_py().lower())
        if said is not None:
            kinds[row], found[row], rest[row] = INT, said, False
    for row in np.flatnonzero(rest & open_rows & np.isin(demands, ("number", "bool"))).tolist():
        wrong.setdefault(row, ("must be a number", "correct the value"))
    for row in np.flatnonzero(empty & ~blank & (forced != "text")).tolist():
        wrong[row] = ("is missing", "give a value, or a quality that says why there is none")

    missing = empty & ~texts
    kinds[missing] = np.where(forced[missing] == "float", FLOAT, INT)
    found[missing & (kinds == FLOAT)] = np.array(np.nan).view(np.int64)
    named = kinds == TEXT
    found[named] = spelled.codes(_filled(values, named))
    return Words(kinds, found, wrong)


def _integers(texts: pa.Array) -> Ints:
    return np.asarray(pc.cast(pc.utf8_ltrim(texts, "+"), pa.int64()).to_numpy(zero_copy_only=False), np.int64)


def _long(values: pa.Array, number: NDArray[np.bool_], kinds: NDArray[np.int8], found: Ints) -> None:
    """Integers of 19 digits and more are exact where they fit 64 bits."""
    for row in np.flatnonzero(number & _matches(values, _LONG)).tolist():
        text = values[row].as_py()
        value = int(text) if len(text) < 100 else WIDE
        if -WIDE <= value < WIDE:
            kinds[row], found[row] = INT, value
