"""From chunks to series: the rows of one point out of however many layouts and segments, in one order, exactly.

Points of one layout share its arrays of times, epochs and holds; most series are made without sorting anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.base import NO_INTS, Floats, Ints, Kind, Qualities
from store.journal.chunk import Chunk
from store.journal.segment import Segment
from store.reader import Series

EXACT = 2**53  # integers up to here are float64 too


def frozen(array: NDArray[np.generic]) -> None:
    """Arrays are shared between series: nobody writes to them."""
    array.flags.writeable = False


@dataclass(frozen=True, slots=True)
class Rows:
    """What the dense chunks of one layout have in common for all of its points."""

    seqs: Ints
    times: Ints
    epochs: Ints
    hold: Ints
    scaled: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one point out of one layout of one segment. `words` are 8-byte words of this kind."""

    rows: Rows
    words: Ints
    quality: Qualities
    kind: Kind
    text: tuple[str, ...] = ()  # of kind text: `words` are indexes here


def _common(segment: Segment, chunks: Sequence[Chunk], hold: int, scaled: bool) -> Rows:
    count = sum(map(len, chunks))
    rows = Rows(
        np.concatenate([chunk.seqs for chunk in chunks]) + segment.base,
        np.concatenate([chunk.times for chunk in chunks]),
        np.repeat(np.array([chunk.epoch for chunk in chunks], np.int64), [len(chunk) for chunk in chunks]),
        np.full(count, hold, np.int64),
        np.full(count, scaled),
    )
    for array in (rows.seqs, rows.times, rows.epochs, rows.hold, rows.scaled):
        frozen(array)
    return rows


def _quality(chunks: Sequence[Chunk], line: int, count: int) -> Qualities:
    if all(chunk.quality is None for chunk in chunks):
        return np.zeros(count, np.uint32)
    return np.concatenate(
        [np.zeros(len(c), np.uint32) if c.quality is None else c.quality[line] for c in chunks], dtype=np.uint32
    )


def _spelled(segment: Segment, words: Ints) -> tuple[Ints, tuple[str, ...]]:
    codes, places = np.unique(words, return_inverse=True)
    text = segment.text(codes)
    return places.astype(np.int64), tuple(text[code] for code in codes.tolist())


def pieces(segment: Segment, layout: int, points: dict[str, list[int]], start: int, end: int) -> dict[str, list[Piece]]:
    """The pieces of these points (column numbers by name) in one layout."""
    of = segment.layouts[layout]
    chunks = list(segment.chunks(layout, start, end))
    found: dict[str, list[Piece]] = {}

    def add(point: str, column: int, rows: Rows, words: Ints, quality: Qualities) -> None:
        kind = of.columns[column].kind
        text: tuple[str, ...] = ()
        if kind == "text":
            words, text = _spelled(segment, words)
        found.setdefault(point, []).append(Piece(rows, words, quality, kind, text))

    dense = [chunk for chunk in chunks if chunk.columns is None and len(chunk)]
    if dense:
        rows = _common(segment, dense, of.hold, of.scaled)
        for point, columns in points.items():
            for column in columns:
                words = np.concatenate([chunk.values[column] for chunk in dense])
                add(point, column, rows, words, _quality(dense, column, len(words)))
    sparse = [chunk for chunk in chunks if chunk.columns is not None]
    for point, columns in points.items():
        for column in columns:
            some = [chunk.take(which) for chunk in sparse if len(which := np.flatnonzero(chunk.columns == column))]
            if some:
                rows = _common(segment, some, of.hold, of.scaled)
                add(
                    point, column, rows, np.concatenate([c.values[0] for c in some]), _quality(some, 0, len(rows.times))
                )
    return found


Order = NDArray[np.intp] | None  # None: the rows are in order as they are
Memo = dict[tuple[int, ...], tuple[Rows, Order, list[Rows]]]  # by the ids of the last


def series(found: Sequence[Piece], struck: Ints, memo: Memo) -> Series:
    """All pieces of one point as one series, struck rows left out. `memo` serves the points of one call: what pieces
    have in common is joined and ordered once."""
    return placed(found, struck, memo)[0]


def placed(found: Sequence[Piece], struck: Ints, memo: Memo) -> tuple[Series, Ints]:
    """The same, with the place of each row in the log."""
    if len(struck):
        found = [piece for some in found if len((piece := _unstruck(some, struck)).words)]
    if not found:
        return EMPTY, NO_INTS
    key = tuple(id(piece.rows) for piece in found)
    if key not in memo:
        each = [piece.rows for piece in found]
        memo[key] = (*_joined(each), each)
    rows, order, _ = memo[key]
    quality = found[0].quality if len(found) == 1 else np.concatenate([piece.quality for piece in found])
    numbers, text, words = _values(found)
    made = Series(rows.times, numbers, quality, rows.epochs, rows.hold, rows.scaled, text, words)
    return (made, rows.seqs) if order is None else (taken(made, order), rows.seqs[order])


def _unstruck(piece: Piece, struck: Ints) -> Piece:
    rows, kept = piece.rows, ~np.isin(piece.rows.seqs, struck)
    if kept.all():
        return piece
    some = Rows(rows.seqs[kept], rows.times[kept], rows.epochs[kept], rows.hold[kept], rows.scaled[kept])
    return Piece(some, piece.words[kept], piece.quality[kept], piece.kind, piece.text)


def _joined(each: Sequence[Rows]) -> tuple[Rows, Order]:
    if len(each) == 1:
        rows = each[0]
    else:
        columns = [(r.seqs, r.times, r.epochs, r.hold, r.scaled) for r in each]
        rows = Rows(*(np.concatenate(column) for column in zip(*columns, strict=True)))
    if (rows.times[1:] > rows.times[:-1]).all():
        return rows, None
    return rows, np.lexsort((rows.seqs, rows.epochs, rows.times))


def taken(made: Series, which: NDArray[np.intp] | slice) -> Series:
    """Some rows of a series, in the order named."""
    text = None if made.text is None else made.text[which]
    return Series(
        made.time[which],
        made.numbers[which],
        made.quality[which],
        made.epoch[which],
        made.hold[which],
        made.scaled[which],
        text,
        made.words,
    )


def _values(found: Sequence[Piece]) -> tuple[Floats | Ints, NDArray[np.int32] | None, tuple[str, ...]]:
    kinds = {piece.kind for piece in found}
    if "text" not in kinds:
        return _numbers(found, kinds), None, ()
    index: dict[str, int] = {}
    for piece in found:
        for word in piece.text:
            index.setdefault(word, len(index))
    text = [
        np.array([index[word] for word in piece.text], np.int32)[piece.words]
        if piece.kind == "text"
        else np.full(len(piece.words), -1, np.int32)
        for piece in found
    ]
    return _numbers(found, kinds - {"text"}), np.concatenate(text), tuple(index)


def _numbers(found: Sequence[Piece], kinds: set[Kind]) -> Floats | Ints:
    """int64 where all are integers; float64 where any is not, unless only int64 can hold them all exactly."""
    blank = [piece.kind == "text" for piece in found]
    if "float" not in kinds:
        parts = [np.zeros(len(p.words), np.int64) if b else p.words for p, b in zip(found, blank, strict=True)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
    floats = [p.words.view("<f8") for p in found if p.kind == "float"]
    ints = [p.words for p in found if p.kind == "int"]
    if any(len(i) and (i.max() > EXACT or i.min() < -EXACT) for i in ints) and all(map(_whole, floats)):
        return np.concatenate(
            [
                np.nan_to_num(p.words.view("<f8")).astype(np.int64) if p.kind == "float" else p.words * (not b)
                for p, b in zip(found, blank, strict=True)
            ]
        )
    parts_f = [
        p.words.view("<f8") if p.kind == "float" else np.zeros(len(p.words)) if b else p.words.astype(np.float64)
        for p, b in zip(found, blank, strict=True)
    ]
    return parts_f[0] if len(parts_f) == 1 else np.concatenate(parts_f)


def _whole(floats: Floats) -> bool:
    held = floats[~np.isnan(floats)]
    return bool(((np.abs(held) < 2.0**63) & (held == np.floor(held))).all())


EMPTY = Series(
    np.empty(0, np.int64),
    np.empty(0, np.float64),
    np.empty(0, np.uint32),
    np.empty(0, np.int64),
    np.empty(0, np.int64),
    np.empty(0, np.bool_),
)
