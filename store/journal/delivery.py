"""What a consumer has not acknowledged yet: windows of the log, oldest first or newest first, none spanning a segment.

A consumer may take live rows before its backlog: acknowledged places are kept as ranges, not as one mark.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from connectors.base import Frame, Layout
from store.journal.chunk import Chunk
from store.journal.ledger import Ledger
from store.journal.rows import frames
from store.journal.segment import PLACES, Segment
from store.journal.shelf import Shelf
from store.reader import Event


class Row(NamedTuple):
    """A frame with its place in the log and its clock epoch (0: imported)."""

    seq: int
    epoch: int
    frame: Frame


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything at the places `first` to `last`, both included; struck values are not in it. It may be empty, and is
    acknowledged all the same."""

    first: int
    last: int
    rows: Sequence[Row]
    events: Sequence[tuple[int, Event]]  # with their epochs


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one layout in a batch. `text` spells the words of its texts; `struck` [lines, rows] marks values that
    count no more, None where all count."""

    layout: Layout
    chunk: Chunk
    text: Mapping[int, str]
    struck: NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class Columns:
    """A batch as it lies in the journal, in columns: nothing is made for a row or a value."""

    first: int
    last: int
    parts: Sequence[Part]
    events: Sequence[tuple[int, Event]]


Range = tuple[int, int]


class Cursor:
    """The acknowledged places of one consumer, as the ledger has them."""

    def __init__(self, ledger: Ledger, consumer: str) -> None:
        self.ledger, self.consumer = ledger, consumer
        self._ranges = ledger.ranges(consumer)
        self.delivered = ledger.delivered(consumer)

    def gaps(self, segment: Segment) -> list[Range]:
        """Places of the segment that are not acknowledged, in order."""
        if segment.number in self.delivered:
            return []
        found, place = [], 1
        for first, last in (*self._ranges.get(segment.number, ()), (segment.last + 1, segment.last + 1)):
            if first > place:
                found.append((place, first - 1))
            place = max(place, last + 1)
        return found

    def window(self, segments: Iterable[Segment], n: int, newest: bool) -> tuple[Segment, int, int] | None:
        for segment in sorted(segments, key=lambda s: s.number, reverse=newest):
            gaps = self.gaps(segment)
            if gaps:
                first, last = gaps[-1 if newest else 0]
                return (
                    (segment, max(first, last - n + 1), last) if newest else (segment, first, min(last, first + n - 1))
                )
        return None

    def backlog(self, segments: Iterable[Segment], n: int, head: int) -> tuple[Segment, int, int] | None:
        """The oldest places; of the segment that `head` is in none after it, since those are live rows."""
        number, place = head >> PLACES, head & ((1 << PLACES) - 1)
        for segment in sorted(segments, key=lambda s: s.number):
            for first, last in self.gaps(segment):
                if segment.number == number:
                    last = min(last, place)
                if first <= last:
                    return segment, first, min(last, first + n - 1)
        return None

    def tail(self, segment: Segment, n: int) -> tuple[Segment, int, int] | None:
        """The newest places of this segment that are not acknowledged."""
        gaps = self.gaps(segment)
        return (segment, max(gaps[-1][0], gaps[-1][1] - n + 1), gaps[-1][1]) if gaps else None

    def acknowledge(self, segment: int, first: int, last: int) -> None:
        """Durably."""
        if segment in self.delivered:
            return
        ranges: list[Range] = []
        for some in sorted([*self._ranges.get(segment, ()), (first, last)]):
            if ranges and some[0] <= ranges[-1][1] + 1:
                ranges[-1] = (ranges[-1][0], max(ranges[-1][1], some[1]))
            else:
                ranges.append(some)
        self.ledger.acknowledge(self.consumer, segment, ranges)
        self._ranges[segment] = ranges

    def settle(self, closed: Segment, now: int) -> None:
        """A closed segment that is acknowledged whole is delivered from now on."""
        if closed.number not in self.delivered and not self.gaps(closed):
            self.ledger.deliver(self.consumer, closed.number, now)
            self.delivered[closed.number] = now
            self._ranges.pop(closed.number, None)

    def drop(self, segment: int) -> None:
        self.delivered.pop(segment, None)
        self._ranges.pop(segment, None)


def batch(shelf: Shelf, segment: Segment, first: int, last: int) -> Batch:
    rows = [row for chunk in segment.places(first - 1, last) for row in _rows(shelf, segment, chunk)]
    rows.sort(key=lambda row: row.seq)
    return Batch(segment.base + first, segment.base + last, rows, segment.events((), first - 1, last))


def columns(shelf: Shelf, segment: Segment, first: int, last: int) -> Columns:
    parts = []
    for chunk in segment.places(first - 1, last):
        gone = _struck(shelf, segment, chunk)
        mask = None
        if gone:
            mask = np.zeros(chunk.values.shape, np.bool_)
            for column, seqs in gone.items():
                line = 0 if chunk.columns is not None else column
                here = np.isin(chunk.seqs, list(seqs))
                mask[line] |= here if chunk.columns is None else here & (chunk.columns == column)
        parts.append(Part(segment.layouts[chunk.layout], chunk, _text(segment, chunk), mask))
    return Columns(segment.base + first, segment.base + last, parts, segment.events((), first - 1, last))


def _text(segment: Segment, chunk: Chunk) -> Mapping[int, str]:
    of = segment.layouts[chunk.layout]
    texts = of.floats + of.ints
    codes = chunk.values[texts:] if chunk.columns is None else chunk.values[0, chunk.columns >= texts]
    return segment.text(codes) if codes.size else {}


def _struck(shelf: Shelf, segment: Segment, chunk: Chunk) -> dict[int, frozenset[int]]:
    """Places in the segment whose value was struck, by column."""
    struck: dict[int, frozenset[int]] = {}
    if not shelf.stricken:
        return struck
    for number, column in enumerate(segment.layouts[chunk.layout].columns):
        places = shelf.struck(column.asset, column.point)[0]
        if len(places) and len(here := np.intersect1d(places - segment.base, chunk.seqs)):
            struck[number] = frozenset(here.tolist())
    return struck


def _rows(shelf: Shelf, segment: Segment, chunk: Chunk) -> list[Row]:
    of = segment.layouts[chunk.layout]
    found = frames(chunk, of, _text(segment, chunk), _struck(shelf, segment, chunk))
    return [Row(segment.base + seq, chunk.epoch, frame) for seq, frame in found]
