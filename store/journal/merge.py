"""From chunks to series: the rows of one point out of however many layouts and segments, in one order, exactly.

Points of one layout share its arrays of times, epochs and holds; most series are made without sorting anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.base import NO_INTS, Floats, Ints, Kind, Layout, Qualities
from store.journal.chunk import Chunk
from store.journal.segment import Segment
from store.reader import Series

EXACT = 2**53  # integers up to here are float64 too


def frozen(array: NDArray[np.generic]) -> None:
    """Arrays are shared between series: nobody writes to them."""
    array.flags.writeable = False


@dataclass(frozen=True, slots=True)
class Rows:
    """What the rows of one chunk are for every point in them. `seqs` are places in the segment, `base` is its own."""

    base: int
    seqs: Ints
    times: Ints
    epoch: int
    hold: int
    scaled: bool

    def places(self) -> Ints:
        """In the whole log."""
        return self.seqs + self.base


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one point out of one chunk. `words` are 8-byte words of this kind; without `quality` all are Good."""

    rows: Rows
    words: Ints
    quality: Qualities | None
    kind: Kind
    text: tuple[str, ...] = ()  # of kind text: `words` are indexes here


def _spelled(segment: Segment, words: Ints) -> tuple[Ints, tuple[str, ...]]:
    codes, places = np.unique(words, return_inverse=True)
    text = segment.text(codes)
    return places.astype(np.int64), tuple(text[code] for code in codes.tolist())


def pieces(segment: Segment, layout: int, points: dict[str, list[int]], start: int, end: int) -> dict[str, list[Piece]]:
    """The pieces of these points (column numbers by name) in one layout."""
    of = segment.layouts[layout]
    found: dict[str, list[Piece]] = {}
    for whole in segment.chunks(layout, start, end):
        rows = _rows(segment, whole, of)
        for point, columns in points.items():
            for column in columns:
                chunk, line = whole, column
                if whole.columns is not None:
                    chunk, line = whole.take(np.flatnonzero(whole.columns == column)), 0
                    rows = _rows(segment, chunk, of)
                if not len(chunk):
                    continue
                words, kind = chunk.values[line], of.columns[column].kind
                text: tuple[str, ...] = ()
                if kind == "text":
                    words, text = _spelled(segment, words)
                quality = None if chunk.quality is None else chunk.quality[line]
                found.setdefault(point, []).append(Piece(rows, words, quality, kind, text))
    return found


def _rows(segment: Segment, chunk: Chunk, of: Layout) -> Rows:
    return Rows(segment.base, chunk.seqs, chunk.times, chunk.epoch, of.hold, of.scaled)


@dataclass(frozen=True, slots=True)
class _Joined:
    """Rows of many chunks, one after the other; `order` brings them into the order of a series, None: they are."""

    each: list[Rows]  # held, since the memo knows them by their ids
    times: Ints
    epochs: Ints
    hold: Ints
    scaled: NDArray[np.bool_]
    order: NDArray[np.intp] | None

    def places(self) -> Ints:
        places = np.concatenate([rows.places() for rows in self.each])
        return places if self.order is None else places[self.order]


Memo = dict[tuple[int, ...], _Joined]  # by the ids of the rows


def series(found: Sequence[Piece], struck: Ints, memo: Memo) -> Series:
    """All pieces of one point as one series, struck rows left out. `memo` serves the points of one call: what pieces
    have in common is joined and ordered once."""
    return placed(found, struck, memo)[0]


def placed(found: Sequence[Piece], struck: Ints, memo: Memo) -> tuple[Series, Callable[[], Ints]]:
    """The same, with what tells the place of each row in the log."""
    if len(struck):
        found = [piece for some in found if len((piece := _unstruck(some, struck)).words)]
    if not found:
        return EMPTY, lambda: NO_INTS
    key = tuple(id(piece.rows) for piece in found)
    if key not in memo:
        memo[key] = _joined([piece.rows for piece in found])
    rows = memo[key]
    numbers, text, words = _values(found)
    made = Series(rows.times, numbers, _quality(found), rows.epochs, rows.hold, rows.scaled, text, words)
    return made if rows.order is None else taken(made, rows.order), rows.places


def _unstruck(piece: Piece, struck: Ints) -> Piece:
    rows, kept = piece.rows, ~np.isin(piece.rows.places(), struck)
    if kept.all():
        return piece
    quality = None if piece.quality is None else piece.quality[kept]
    some = replace(rows, seqs=rows.seqs[kept], times=rows.times[kept])
    return replace(piece, rows=some, words=piece.words[kept], quality=quality)


def _joined(each: list[Rows]) -> _Joined:
    times = each[0].times if len(each) == 1 else np.concatenate([rows.times for rows in each])
    counts = [len(rows.times) for rows in each]
    epochs = _spread([rows.epoch for rows in each], counts, np.int64)
    order = None
    if not (times[1:] > times[:-1]).all():
        order = np.lexsort((np.concatenate([rows.places() for rows in each]), epochs, times))
    hold = _spread([rows.hold for rows in each], counts, np.int64)
    joined = _Joined(each, times, epochs, hold, _spread([rows.scaled for rows in each], counts, np.bool_), order)
    for array in (times, epochs, hold, joined.scaled):
        frozen(array)
    return joined


def _spread(values: Sequence[int], counts: Sequence[int], kind: type[np.generic]) -> NDArray[Any]:
    """Each value as often as its count."""
    alike = len(set(values)) == 1
    return np.full(sum(counts), values[0], kind) if alike else np.repeat(np.array(values, kind), counts)


def _quality(found: Sequence[Piece]) -> Qualities:
    if all(piece.quality is None for piece in found):
        return np.zeros(sum(len(piece.words) for piece in found), np.uint32)
    each = [np.zeros(len(p.words), np.uint32) if p.quality is None else p.quality for p in found]
    return np.concatenate(each, dtype=np.uint32)


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
