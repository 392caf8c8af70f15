"""A chunk: rows of one layout and one clock epoch as columns, in the order of time; the same in memory and on disk.

Every value is one 8-byte word, whatever its kind: a float64, an int64, or the number of a text in the segment's words.
A dense chunk has a line of words for each column of its layout; a sparse one has a single line, and says in `columns`
which column each word is of.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.base import Ints, Qualities
from store.journal.schema import Record, crc

BYTES = 128 * 1024  # of a chunk on disk, about: what one read brings in
SPARSE = 4096  # words of a sparse chunk

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Chunk:
    """`seqs` are places in the segment. None means: all live, no round trip, all Good, no source time."""

    layout: int
    epoch: int
    seqs: Ints
    times: Ints
    values: Ints  # [lines, rows]
    columns: NDArray[np.int32] | None = None
    live: NDArray[np.bool_] | None = None
    round_trips: Ints | None = None
    quality: Qualities | None = None  # [lines, rows]
    source_times: Ints | None = None  # [lines, rows]

    def __len__(self) -> int:
        return len(self.times)

    @property
    def frames(self) -> int:
        return len(self) if self.columns is None else len(np.unique(self.seqs))

    def take(self, which: slice | NDArray[np.intp]) -> "Chunk":
        """Some of the rows, in the order named."""
        return replace(
            self,
            seqs=self.seqs[which],
            times=self.times[which],
            values=self.values[:, which],
            **{
                name: held[..., which]
                for name in ("columns", "live", "round_trips", "quality", "source_times")
                if (held := getattr(self, name)) is not None
            },
        )

    def within(self, start: int, end: int) -> "Chunk":
        low, high = np.searchsorted(self.times, (start, end))
        return self if low == 0 and high == len(self) else self.take(slice(int(low), int(high)))

    def record(self) -> Record:
        """The fields of its record in `chunks`, id and CRC apart."""
        contiguous = bool((np.diff(self.seqs) == 1).all())
        return (
            self.layout,
            self.epoch,
            len(self),
            int(self.times[0]),
            int(self.times[-1]),
            int(self.seqs.min()),
            int(self.seqs.max()),
            None if contiguous else self.seqs.astype("<u4").tobytes(),
            self.times.astype("<i8", copy=False).tobytes(),
            *(
                None if held is None else np.ascontiguousarray(held, kind).tobytes()
                for held, kind in (
                    (self.columns, "<i4"),
                    (self.live, "u1"),
                    (self.round_trips, "<i8"),
                    (self.quality, "<u4"),
                    (self.source_times, "<i8"),
                    (self.values, "<i8"),
                )
            ),
        )


def chunk_of(record: Record) -> Chunk:
    """The chunk of a whole record of `chunks`, checked. Its arrays are read-only views of what was read."""
    if crc(*record[:-1]) != record[-1]:
        raise ValueError(f"chunks: record {record[0]} is not what was written")
    _, layout, epoch, rows, _, _, seq, _, seqs, times, columns, live, round_trips, quality, source_times, values, _ = (
        record
    )

    def lines(blob: bytes | None, kind: str) -> Any:
        return None if blob is None else np.frombuffer(blob, kind).reshape(-1, rows)

    return Chunk(
        layout,
        epoch,
        np.arange(seq, seq + rows) if seqs is None else np.frombuffer(seqs, "<u4").astype(np.int64),
        np.frombuffer(times, "<i8"),
        lines(values, "<i8"),
        None if columns is None else np.frombuffer(columns, "<i4"),
        None if live is None else np.frombuffer(live, np.bool_),
        None if round_trips is None else np.frombuffer(round_trips, "<i8"),
        lines(quality, "<u4"),
        lines(source_times, "<i8"),
    )


# -- from rows ---------------------------------------------------------------------------------------------------------
def gathered(records: Sequence[Record]) -> Chunk:
    """Records of `frames` of one layout and epoch, all dense or all sparse, as one chunk in the order of time."""
    seqs, layouts, times, epochs, live, round_trips, columns, values, quality, source_times, _ = zip(
        *records, strict=True
    )
    sparse = columns[0] is not None
    each = np.fromiter((len(blob) // 8 for blob in values), np.int64, len(values))

    def spread(fields: Sequence[int], kind: type[np.generic]) -> Array:
        held = np.array(fields, kind)
        return np.repeat(held, each) if sparse else held

    def lines(blobs: Sequence[bytes | None], kind: str, size: int) -> Any:
        if not any(blobs):
            return None
        joined = b"".join(
            blob if blob is not None else bytes(int(count) * size) for blob, count in zip(blobs, each, strict=True)
        )
        words = np.frombuffer(joined, kind)
        return words.reshape(1, -1) if sparse else words.reshape(len(records), -1).T

    chunk = Chunk(
        layouts[0],
        epochs[0],
        spread(seqs, np.int64),
        spread(times, np.int64),
        lines(values, "<i8", 8),
        np.frombuffer(b"".join(columns), "<i4") if sparse else None,
        None if all(live) else spread(live, np.bool_),
        spread(round_trips, np.int64) if any(round_trips) else None,
        lines(quality, "<u4", 4),
        lines(source_times, "<i8", 8),
    )
    return ordered(chunk)


def ordered(chunk: Chunk) -> Chunk:
    """In the order of time; rows of one time stay in the order of the log."""
    if bool((chunk.times[1:] >= chunk.times[:-1]).all()):
        return chunk
    return chunk.take(np.argsort(chunk.times, kind="stable"))


def partitioned(records: Sequence[Record]) -> list[Chunk]:
    """Records of `frames`, in the order of the log, as one chunk for each layout, epoch and density."""
    parts: dict[tuple[int, int, bool], list[Record]] = {}
    for record in records:
        parts.setdefault((record[1], record[3], record[6] is None), []).append(record)
    return [gathered(part) for part in parts.values()]


def joined(left: Chunk, right: Chunk) -> Chunk:
    """Two chunks of one layout, epoch and density as one; `left` is earlier in the log."""
    lines = len(left.values)

    def both(name: str, empty: float, kind: type[np.generic], flat: bool = False) -> Array | None:
        held = [getattr(left, name), getattr(right, name)]
        if held[0] is None and held[1] is None:
            return None
        filled = [
            np.full(len(chunk) if flat else (lines, len(chunk)), empty, kind) if array is None else array
            for array, chunk in zip(held, (left, right), strict=True)
        ]
        return np.concatenate(filled, axis=-1)

    return ordered(
        Chunk(
            left.layout,
            left.epoch,
            np.concatenate((left.seqs, right.seqs)),
            np.concatenate((left.times, right.times)),
            np.concatenate((left.values, right.values), axis=1),
            None if left.columns is None or right.columns is None else np.concatenate((left.columns, right.columns)),
            both("live", True, np.bool_, True),
            both("round_trips", 0, np.int64, True),
            both("quality", 0, np.uint32),
            both("source_times", 0, np.int64),
        )
    )


def cut(chunk: Chunk) -> Iterator[Chunk]:
    """A long chunk in pieces of about a size that is worth one read, all alike: a tail of some rows is not."""
    size = SPARSE if chunk.columns is not None else min(4096, max(64, BYTES // (8 * len(chunk.values) + 12)))
    edges = np.linspace(0, len(chunk), max(1, round(len(chunk) / size)) + 1).astype(np.int64).tolist()
    for start, end in pairwise(edges):
        yield chunk.take(slice(start, end))
