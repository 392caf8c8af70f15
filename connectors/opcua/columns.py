"""What items say becomes the columns of a frame; what a column cannot carry is Bad, with its reason.

A column's kind was learned, or told by the plant file. An integer is carried by a column of floats, and what the plant
file calls a text takes any value as it is written; nothing else is turned into what it is not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors import quality
from connectors.base import Floats, Ints, Qualities
from connectors.opcua.decode import IS_INTEGER, IS_NUMBER, IS_REAL, IS_SCALAR, Places, Values
from connectors.opcua.wire import Type

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Shape:
    """How many items are carried as each kind. `told` are those whose type the plant file tells, `fresh` those of
    which no value was seen yet; `invalid` are readings, by place, that stand for none."""

    floats: int
    ints: int
    texts: int
    told: Flags
    fresh: Flags
    invalid: tuple[tuple[int, tuple[int | str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """Values in the order floats, ints, texts, as a frame has them. `misfits` are the places of values whose type asks
    for another kind of column than the one that was learned."""

    floats: Floats
    ints: Ints
    texts: tuple[str, ...]
    quality: Qualities
    misfits: Places


def columns(values: Values, shape: Shape) -> Columns:
    """Items in the order floats, ints, texts become columns; what a column cannot carry is Bad, with its reason."""
    split, end = shape.floats, shape.floats + shape.ints
    codes = values.codes
    fits = np.concatenate([IS_NUMBER[codes[:split]], IS_INTEGER[codes[split:end]], IS_SCALAR[codes[end:]]])
    unsound = np.zeros(len(codes), np.bool_)
    unsound[:split] = ~np.isfinite(values.floats[:split])
    unsound[split:end] = (codes[split:end] == Type.UINT64) & (values.ints[split:end] < 0)
    whole = np.zeros(len(codes), np.bool_)
    whole[split:end] = IS_REAL[codes[split:end]] & shape.told[split:end]
    if whole.any():
        _make_whole(values, whole, unsound)
    texts = [values.text(place) for place in range(end, len(codes))]
    unsound[end:] = [text is None for text in texts]
    for place, words in shape.invalid:
        unsound[place] |= values.said(place) in words
    judged = _judged(values, fits | whole, unsound, shape.fresh)
    carried = judged < quality.BAD
    return Columns(
        np.where(carried[:split], values.floats[:split], np.nan),
        np.where(carried[split:end], values.ints[split:end], 0),
        tuple(text if text and good else "" for text, good in zip(texts, carried[end:].tolist(), strict=True)),
        judged,
        np.flatnonzero((~fits & ~shape.told | shape.fresh) & IS_SCALAR[codes]),
    )


def _make_whole(values: Values, whole: Flags, unsound: Flags) -> None:
    """Reals in a column that the plant file calls an integer: whole numbers are carried, others are out of range."""
    floats = values.floats[whole]
    fits = (np.abs(floats) < 2.0**63) & (np.rint(floats) == floats)
    values.ints[whole] = np.where(fits, floats, 0).astype(np.int64)
    unsound[whole] = ~fits


def _judged(values: Values, fits: Flags, unsound: Flags, fresh: Flags) -> Qualities:
    """The server's own word where it is Bad; else what is wrong with the value, if anything is."""
    if not values.status.any() and fits.all() and not unsound.any() and not fresh.any():
        return values.status
    judged = np.where(unsound, np.uint32(quality.BAD_OUT_OF_RANGE), values.status)
    judged = np.where(fresh, np.uint32(quality.BAD_WAITING_FOR_INITIAL_DATA), judged)
    judged = np.where(fits, judged, np.uint32(quality.BAD_TYPE_MISMATCH))
    judged = np.where(values.codes == 0, np.uint32(quality.BAD_NO_DATA), judged)
    return np.where(values.status >= quality.BAD, values.status, judged).astype(np.uint32)
