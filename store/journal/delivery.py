"""What a consumer has not acknowledged yet: windows of the log, oldest first or newest first, none spanning a segment.

A consumer may take live rows before its backlog: acknowledged places are kept as ranges, not as one mark.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from connectors.base import Frame
from store.journal.chunk import Chunk
from store.journal.ledger import Ledger
from store.journal.rows import frames
from store.journal.segment import Segment
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


def _rows(shelf: Shelf, segment: Segment, chunk: Chunk) -> list[Row]:
    of = segment.layouts[chunk.layout]
    texts = of.floats + of.ints
    codes = chunk.values[texts:] if chunk.columns is None else chunk.values[0, chunk.columns >= texts]
    struck = {}
    for number, column in enumerate(of.columns):
        seqs = shelf.struck(column.asset, column.point)[0] - segment.base
        if len(seqs) and len(here := np.intersect1d(seqs, chunk.seqs)):
            struck[number] = frozenset(here.tolist())
    found = frames(chunk, of, segment.text(codes) if codes.size else {}, struck)
    return [Row(segment.base + seq, chunk.epoch, frame) for seq, frame in found]
