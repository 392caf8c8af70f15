"""The weeks before a demo began, written into its journal as one closed segment, as if an agent had been there: rows by
exception, gaps where a device failed, and the communication history of every minute."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.plant import METERED, SECOND, Plant, Point
from connectors.base import Column, Kind, Layout, layout
from connectors.quality import BAD_NO_COMMUNICATION
from simulators.history import kept
from simulators.plant import VirtualPlant
from store.journal.chunk import Chunk
from store.journal.columns import ColumnFile
from store.journal.folder import made, numbered
from store.reader import LINK_GROUP, LINK_POINTS, LINK_STATES

MINUTE = 60 * SECOND
EPOCH = 1  # one boot, one steady clock
Spans = Mapping[str, Sequence[tuple[int, int]]]


@dataclass(slots=True)
class _Words:
    file: ColumnFile
    known: dict[str, int]

    def code(self, text: str) -> int:
        if text not in self.known:
            self.known[text] = len(self.known)
            self.file.word(self.known[text], text)
        return self.known[text]


def write(
    folder: Path,
    plant: Plant,
    virtual: VirtualPlant,
    start: int,
    end: int,
    lost: Spans,
    sources: Sequence[str] | None = None,
) -> int:
    """The rows of [start, end) [ns]; `lost` are the spans in which a source answered nothing. All sources, or these.
    Returns how many rows."""
    sources = list(plant.sources) if sources is None else sources
    made(folder)
    file = ColumnFile(folder / f"demo-{sources[0]}.tmp")
    words = _Words(file, {})
    groups: dict[tuple[str, str], list[Point]] = {}
    for point in (point for point in plant.points() if point.source in sources):
        groups.setdefault((point.source, point.asset), []).append(point)
    number = 0
    for (source, _), points in groups.items():
        number += 1
        _rows(file, words, number, virtual, points, start, end, lost.get(source, ()))
    for source in sources:
        own = [point for point in plant.points() if point.source == source]
        if chunk := _links(number + 1, source, own, start, end, lost.get(source, ())):
            number += 1
            file.layout(number, chunk[0])
            file.chunk(_placed(file, chunk[1]))
    file.close(end, end)
    with numbered(folder) as place:
        file.publish(folder, place)
    return file.places


def _placed(file: ColumnFile, chunk: Chunk) -> Chunk:
    """At the next free places of the segment."""
    from dataclasses import replace

    return replace(chunk, seqs=np.arange(file.last + 1, file.last + 1 + len(chunk.times)))


def _rows(
    file: ColumnFile,
    words: _Words,
    number: int,
    virtual: VirtualPlant,
    points: Sequence[Point],
    start: int,
    end: int,
    lost: Sequence[tuple[int, int]],
) -> None:
    times, values = kept(virtual, points, start, end, lost)
    kinds: dict[str, Kind] = {name: _kind(column) for name, column in values.items()}
    of = layout(points[0].source, "poll", [Column(p.asset, p.name, kinds[p.name]) for p in points])
    lines = np.stack([_line(words, values[column.point]) for column in of.columns])
    ends = np.array([begin for begin, _ in lost if start <= begin < end], np.int64)
    quality = None
    if len(ends):
        times, lines, quality = _with_gaps(times, lines, ends)
    if len(times):
        file.layout(number, of)
        seqs = np.arange(len(times))
        file.chunk(_placed(file, Chunk(number, EPOCH, seqs, times, lines, quality=quality)))


def _with_gaps(
    times: NDArray[np.int64], lines: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32]]:
    """A Bad row where each loss begins."""
    whole = np.concatenate([times, ends])
    order = np.argsort(whole, kind="stable")
    bad = np.concatenate([np.zeros(len(times), bool), np.ones(len(ends), bool)])[order]
    values = np.concatenate([lines, np.zeros((len(lines), len(ends)), np.int64)], axis=1)[:, order]
    quality = np.where(bad, np.uint32(BAD_NO_COMMUNICATION), np.uint32(0))
    return whole[order], values, np.tile(quality, (len(lines), 1))


def _kind(column: NDArray[Any]) -> Kind:
    return "text" if column.dtype == object else "float" if column.dtype.kind == "f" else "int"


def _line(words: _Words, column: NDArray[Any]) -> NDArray[np.int64]:
    """One value a word: a float's bits, an int, or the number of a text."""
    if column.dtype == object:
        texts, codes = np.unique(column.astype(str), return_inverse=True)
        known = np.array([words.code(str(text)) for text in texts], np.int64)
        return known[codes]
    if column.dtype.kind == "f":
        return np.ascontiguousarray(column, np.float64).view(np.int64)
    return column.astype(np.int64)


def _links(
    number: int, source: str, points: Iterable[Point], start: int, end: int, lost: Sequence[tuple[int, int]]
) -> tuple[Layout, Chunk] | None:
    periods: dict[str, int] = {}
    for point in points:
        if point.name not in METERED:
            periods[point.asset] = min(point.every, periods.get(point.asset, point.every))
    if not periods:
        return None
    minutes = np.arange(start // MINUTE * MINUTE, end, MINUTE, dtype=np.int64)
    up = _up(minutes, lost)
    lines = list(_counted(periods.values(), minutes, up))
    columns = tuple(Column(asset, name, "int") for asset in periods for name in LINK_POINTS)
    return Layout(source, LINK_GROUP, columns), Chunk(number, EPOCH, np.arange(len(minutes)), minutes, np.stack(lines))


def _up(minutes: NDArray[np.int64], lost: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """How many seconds of each minute the source answered."""
    answered = np.full(len(minutes), MINUTE, np.int64)
    for begin, finish in lost:
        answered -= np.clip(np.minimum(finish, minutes + MINUTE) - np.maximum(begin, minutes), 0, MINUTE)
    return answered


def _counted(periods: Iterable[int], minutes: NDArray[np.int64], up: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for period in periods:
        due = (minutes + MINUTE) // period - minutes // period
        yield due
        yield due * up // MINUTE
        yield np.where(up > 0, LINK_STATES.index("up"), LINK_STATES.index("retrying")).astype(np.int64)
