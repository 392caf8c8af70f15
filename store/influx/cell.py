"""Cells back to rows: what the fields of a point say, line by line."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.base import Floats, Ints
from connectors.quality import UNCERTAIN
from connectors.quality import good as is_good
from store.influx import shape
from store.influx.table import NONE, Kind, Table
from store.journal.merge import EMPTY
from store.reader import Series


def kinds(points: Sequence[str]) -> dict[str, Kind]:
    """The fields to ask for, and what each of them is."""
    found: dict[str, Kind] = {"epoch": "int"}
    for point in points:
        of = shape.fields(point)
        found |= {of.text: "text", of.quality: "int", of.hold: "int", of.scaled: "bool"}
        found |= {shape.SPELLED: "text"} if point == "state" else {of.value: "float"}
    return found


def series(of: Table, point: str) -> Series:
    """The rows of one point; a line that has no cell of it is none."""
    names = shape.fields(point)
    quality = of.ints[names.quality]
    codes, words = of.texts[names.text]
    given = codes >= 0 if point == "state" else (codes >= 0) | ~np.isnan(of.floats[names.value])
    which = np.flatnonzero(given | (quality != NONE))
    if not len(which):
        return EMPTY
    status = np.where(quality[which] == NONE, 0, quality[which]).astype(np.uint32)
    good = status < UNCERTAIN
    hold = of.ints[names.hold][which]
    imported = hold >= 0
    epoch = np.where(imported | (of.ints["epoch"][which] == NONE), 0, of.ints["epoch"][which])
    text = np.where(good, codes[which], -1).astype(np.int32)
    if point == "state":
        spelled = of.texts[shape.SPELLED][0][which] >= 0
        numbers, text, words = _readings(text, words, spelled, good)
    else:
        numbers, text, words = _values(of.floats[names.value][which], text, words, good)
    return Series(
        of.ints["time"][which],
        numbers,
        status,
        epoch.astype(np.int64),
        np.where(imported, hold, 0),
        of.bools[names.scaled][which] == 1,
        text if (text >= 0).any() else None,
        words if (text >= 0).any() else (),
    )


Values = tuple[Floats | Ints, NDArray[np.int32], tuple[str, ...]]


def _values(numbers: Floats, text: NDArray[np.int32], words: tuple[str, ...], good: NDArray[np.bool_]) -> Values:
    """A good cell with neither a number nor a text is a text of no length."""
    missing = np.isnan(numbers)
    blank = good & missing & (text < 0)
    if blank.any():
        text, words = np.where(blank, len(words), text).astype(np.int32), (*words, "")
    known = good & (text < 0)
    return (np.where(known, numbers, 0.0) if known.any() else np.zeros(len(numbers), np.int64)), text, words


def _readings(
    text: NDArray[np.int32], words: tuple[str, ...], spelled: NDArray[np.bool_], good: NDArray[np.bool_]
) -> Values:
    """Readings of the state: numbers where they spell so, unless they were text."""
    if (blank := good & (text < 0)).any():
        text, words = np.where(blank, len(words), text).astype(np.int32), (*words, "")
    read = [shape.number(word) for word in words]
    numeric = np.array([number is not None for number in read] + [False])[text] & ~spelled
    kept = np.array([0 if number is None or isinstance(number, float) else number for number in read] + [0], np.int64)
    numbers: Floats | Ints = np.where(numeric, kept[text], 0)
    if any(isinstance(read[code], float) for code in np.unique(text[numeric]).tolist()):
        floats = np.array([0.0 if number is None else float(number) for number in read] + [0.0])
        numbers = np.where(numeric, floats[text], 0.0)
    return numbers, np.where(numeric, -1, text).astype(np.int32), words


def enough(rows: Series, good: int, backward: bool) -> slice | None:
    """The part that `good` Good rows are in, counted from the end (or the beginning); None: there are fewer."""
    which = np.flatnonzero(is_good(rows.quality))
    if len(which) < good:
        return None
    return slice(int(which[-good]), None) if backward else slice(0, int(which[good - 1]) + 1)


def joined(parts: Sequence[Series]) -> Series:
    """Rows of parts that follow one another."""
    parts = [part for part in parts if len(part)]
    if len(parts) < 2:
        return parts[0] if parts else EMPTY
    index: dict[str, int] = {}
    texts = []
    for part in parts:
        codes = np.array([index.setdefault(word, len(index)) for word in part.words] + [-1], np.int32)
        texts.append(np.full(len(part), -1, np.int32) if part.text is None else codes[part.text])

    def whole(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    time, numbers, quality = whole("time"), whole("numbers"), whole("quality")
    text = np.concatenate(texts) if index else None
    return Series(time, numbers, quality, whole("epoch"), whole("hold"), whole("scaled"), text, tuple(index))
