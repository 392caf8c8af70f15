"""Frames as records of the table `frames`, and back: one row has one time, so that every search can go by it.

A sparse frame whose values have times of their own becomes a row for each of those times.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from struct import Struct

import numpy as np

from connectors.base import Frame, Layout
from store.journal.chunk import Array, Chunk
from store.journal.schema import Record

_head = Struct("<6q").pack
INSERT = "INSERT INTO frames VALUES (?,?,?,?,?,?,?,?,?,?,?)"
Words = Callable[[str], int]


def _sealed(
    seq: int,
    layout: int,
    frame: Frame,
    epoch: int,
    columns: bytes | None,
    values: bytes,
    rest: tuple[bytes | None, ...],
) -> Record:
    live, quality, sources = int(frame.live), *rest
    time, trip = int(frame.time), int(frame.round_trip)
    total = zlib.crc32(_head(seq, layout, time, epoch, live, trip))
    for blob in (columns, values, quality, sources):
        if blob is not None:
            total = zlib.crc32(blob, total)
    return seq, layout, time, epoch, live, trip, columns, values, quality, sources, total


def sound_row(record: Record) -> Record:
    """The same check as `schema.sound`, made for the many."""
    total = zlib.crc32(_head(*record[:6]))
    for blob in record[6:10]:
        if blob is not None:
            total = zlib.crc32(blob, total)
    if total != record[10]:
        raise ValueError(f"frames: record {record[0]} is not what was written")
    return record


def _words(frame: Frame, word: Words) -> Array:
    """Every value of the frame as one 8-byte word, in the order of its qualities."""
    texts = np.array([word(text) for text in frame.texts], np.int64)
    return np.concatenate((np.asarray(frame.floats, "<f8").view("<i8"), np.asarray(frame.ints, "<i8"), texts))


def _misshapen(frame: Frame, found: object) -> ValueError:
    of = frame.layout
    return ValueError(f"{of.source}, {of.group}: a frame does not have the shape of its layout (got {found})")


def records(frame: Frame, layout: int, seq: int, epoch: int, word: Words) -> Iterator[Record]:
    """The rows of one frame from place `seq` on. A frame that is not of its layout's shape is a mistake of its maker:
    `ValueError`."""
    if frame.columns is not None:
        yield from _sparse(frame, layout, seq, epoch, word)
        return
    of, floats, ints = frame.layout, frame.floats, frame.ints
    if len(floats) != of.floats or len(ints) != of.ints or len(frame.texts) != of.texts:
        raise _misshapen(frame, f"{len(floats)} floats, {len(ints)} ints, {len(frame.texts)} texts")
    if of.ints or of.texts or floats.dtype != np.float64:
        values = _words(frame, word).tobytes()
    else:
        values = floats.tobytes()
    quality = frame.quality if frame.quality is not None and frame.quality.any() else None
    rest = tuple(
        None if held is None else np.asarray(held, kind).tobytes()
        for held, kind in ((quality, "<u4"), (frame.source_times, "<i8"))
    )
    if any(blob is not None and len(blob) != size * len(of.columns) for blob, size in zip(rest, (4, 8), strict=True)):
        raise _misshapen(frame, "qualities or source times of another length")
    yield _sealed(seq, layout, frame, epoch, None, values, rest)


def _sparse(frame: Frame, layout: int, seq: int, epoch: int, word: Words) -> Iterator[Record]:
    of, columns = frame.layout, np.asarray(frame.columns, "<i4")
    kinds = np.searchsorted((of.floats, of.floats + of.ints), columns, "right")
    counts = np.bincount(kinds, minlength=3).tolist()
    if counts != [len(frame.floats), len(frame.ints), len(frame.texts)] or (np.diff(kinds) < 0).any():
        raise _misshapen(frame, f"columns {columns.tolist()}, which stand in the order float, int, text")
    values = _words(frame, word)
    times = np.full(len(columns), frame.time) if frame.times is None else np.asarray(frame.times, np.int64)
    quality = frame.quality if frame.quality is not None and frame.quality.any() else None
    for time in dict.fromkeys(times.tolist()):
        which = np.flatnonzero(times == time)
        rest = tuple(
            None if held is None else np.asarray(held, kind)[which].tobytes()
            for held, kind in ((quality, "<u4"), (frame.source_times, "<i8"))
        )
        at = Frame(of, time, live=frame.live, round_trip=frame.round_trip)
        yield _sealed(seq, layout, at, epoch, columns[which].tobytes(), values[which].tobytes(), rest)
        seq += 1


# -- back --------------------------------------------------------------------------------------------------------------
def _frame(
    of: Layout, time: int, columns: Array | None, words: Array, text: Mapping[int, str], quality: Array | None
) -> Frame:
    kinds: Sequence[int] | Array
    if columns is None:
        floats, ints = of.floats, of.floats + of.ints
    else:
        kinds = np.searchsorted((of.floats, of.floats + of.ints), columns, "right")
        floats, ints = (int(edge) for edge in np.searchsorted(kinds, (1, 2)))
    words = np.ascontiguousarray(words)
    texts = tuple(text[code] for code in words[ints:].tolist())
    return Frame(of, time, words[:floats].view("<f8"), words[floats:ints], texts, quality, columns)


def frames(
    chunk: Chunk, of: Layout, text: Mapping[int, str], struck: Mapping[int, frozenset[int]]
) -> Iterable[tuple[int, Frame]]:
    """The frames of a chunk with their places. `struck`: places of rows whose column was struck, by column."""
    sparse = chunk.columns is not None
    order = np.argsort(chunk.seqs, kind="stable")
    edges = np.flatnonzero(np.diff(chunk.seqs[order], prepend=-1))
    for which in np.split(order, edges[1:]):
        first = which[0]
        at = which if sparse else first
        columns = chunk.columns[which] if chunk.columns is not None else None
        words = chunk.values[0, which] if sparse else chunk.values[:, first]
        quality = None if chunk.quality is None else chunk.quality[0, which] if sparse else chunk.quality[:, first]
        sources = chunk.source_times
        source = None if sources is None else sources[0, at] if sparse else sources[:, at]
        seq = int(chunk.seqs[first])
        gone = [column for column, seqs in struck.items() if seq in seqs]
        if gone:
            columns = np.arange(len(of.columns), dtype=np.int32) if columns is None else columns
            kept = ~np.isin(columns, gone)
            columns, words = columns[kept], words[kept]
            quality = None if quality is None else quality[kept]
            source = None if source is None else source[kept]
            if not len(columns):
                continue
        frame = _frame(of, int(chunk.times[first]), columns, words, text, quality)
        frame.source_times = source
        frame.live = chunk.live is None or bool(chunk.live[first])
        frame.round_trip = 0 if chunk.round_trips is None else int(chunk.round_trips[first])
        yield seq, frame
