"""One segment as it is read, by rows or by columns: which layouts it has, and their chunks in a span of time or of log.

Places in a segment count from 1. What fails its CRC, or cannot be read, is left out, counted in `bad` and logged once:
the writer sets the segment aside when it finds it.
"""

import json
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.base import Ints, Layout
from store.journal.chunk import Chunk, chunk_of, joined, partitioned
from store.journal.rows import sound_row
from store.journal.schema import COLUMNS, HOUR, Damage, Record, damage, layout_of, readable, sound
from store.reader import Event

PLACES = 32  # bits of a place in the log that count within its segment
log = logging.getLogger("gemba.journal")
_IN_TIME = itemgetter(4, 6)  # `first` and `seq` of a chunk: to sort them, SQLite would copy each whole record


def number_of(path: Path) -> int:
    return int(path.name.partition(".")[0])


class Segment:
    """What both forms share. `frames` and `chunks` are asked by the subclasses; the rest is small and read whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = number_of(path)
        self.base = self.number << PLACES
        self.layouts: dict[int, Layout] = {}
        self.assets: dict[str, list[int]] = {}
        self.spans: dict[int, tuple[int, int]] = {}  # of series time, both ends included
        self.last = 0  # place
        self.bad: set[int] = set()
        self._text: dict[int, str] = {}
        self._connection: sqlite3.Connection | None = None

    @property
    def connection(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = readable(self.path)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def glance(self) -> None:
        """Sees how far the segment goes now."""

    def refresh(self) -> None:
        """Reads what was written since."""

    def ask(self, question: str, *values: object) -> list[Record]:
        """The answer; `FileNotFoundError` when the file went while it was read (compacted or shed): look again."""
        try:
            return self.connection.execute(question, values).fetchall()
        except sqlite3.Error as error:
            if not self.path.exists():
                raise FileNotFoundError(self.path) from error
            raise

    def seek(self, question: str, *values: object) -> list[Record]:
        """The answer, as far as the file can be read: a damaged page costs what was asked of it."""
        try:
            return self.ask(question, *values)
        except sqlite3.Error as error:
            if not damage(error):
                raise
            self.fault(0, error)
            return []

    def about(self) -> dict[str, int]:
        return {name: value for name, value, _ in self.ask("SELECT * FROM about")}

    def _learn(self, records: Iterable[Record]) -> None:
        for record in records:
            layout = layout_of(record)
            self.layouts[record[0]] = layout
            for asset in {column.asset for column in layout.columns}:
                self.assets.setdefault(asset, []).append(record[0])

    def fault(self, record: int, error: Exception) -> None:
        if record not in self.bad:
            self.bad.add(record)
            log.warning("%s: record %d cannot be read (%s); its rows are left out", self.path, record, error)

    def text(self, codes: NDArray[Any]) -> dict[int, str]:
        """The words with these numbers."""
        missing = [code for code in np.unique(codes).tolist() if code not in self._text]
        for start in range(0, len(missing), 500):
            some = missing[start : start + 500]
            marks = ",".join("?" * len(some))
            for record in self.ask(f"SELECT * FROM words WHERE id IN ({marks})", *some):
                self._text[record[0]] = sound(record, "words")[1]
        return self._text

    def events(self, kinds: Sequence[str] = (), after: int = 0, through: int = 1 << PLACES) -> list[tuple[int, Event]]:
        """Events in places (after, through], with their epochs."""
        marks = f" AND kind IN ({','.join('?' * len(kinds))})" if kinds else ""
        found = []
        for record in self.seek(
            f"SELECT * FROM events WHERE seq > ? AND seq <= ?{marks} ORDER BY seq", after, through, *kinds
        ):
            try:
                seq, epoch, time, kind, detail, _ = sound(record, "events")
            except ValueError as error:
                self.fault(-record[0], error)
                continue
            found.append((epoch, Event(self.base + seq, time, kind, json.loads(detail))))
        return found

    def strikes(self) -> list[tuple[str, str, Ints, Ints]]:
        """Asset, point, places in the whole log, and times of rows that count no more."""
        return [
            (asset, point, np.frombuffer(seqs, "<i8"), np.frombuffer(times, "<i8"))
            for _, asset, point, seqs, times, _ in (
                sound(record, "strikes") for record in self.ask("SELECT * FROM strikes ORDER BY id")
            )
        ]

    def chunks(self, layout: int, start: int, end: int) -> Iterator[Chunk]:
        raise NotImplementedError

    def places(self, after: int, through: int) -> list[Chunk]:
        """Chunks that have rows at places (after, through], cut to those."""
        raise NotImplementedError

    def rows(self, asset: str, start: int, end: int) -> int:
        """Rows of the layouts that have any of the asset in [start, end), in the hours that this touches."""
        spans = self.spans
        layouts = [
            layout
            for layout in self.assets.get(asset, ())
            if layout in spans and spans[layout][0] < end and spans[layout][1] >= start
        ]
        return self._tally(layouts, start // HOUR, -(-end // HOUR)) if layouts else 0

    def _tally(self, layouts: Sequence[int], start: int, end: int) -> int:
        """Rows in hours [start, end), hours since 1970."""
        raise NotImplementedError


_alike: dict[tuple[Record, ...], tuple[dict[int, Layout], dict[str, list[int]]]] = {}
"""What column segments know of their layouts, which are mostly the same: records that are equal to sound ones, their
CRCs too, are sound."""


class ColumnSegment(Segment):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        records = tuple(self.ask("SELECT * FROM layouts ORDER BY id"))
        if records not in _alike:
            self._learn(records)
            _alike[records] = self.layouts, self.assets
        self.layouts, self.assets = _alike[records]
        self._rows: dict[int, int] = {}
        for layout, first, last, rows in self.ask(
            "SELECT layout, min(first), max(last), sum(rows) FROM chunks GROUP BY layout"
        ):
            self.spans[layout] = (first, last)
            self._rows[layout] = rows
        self._since = min((first for first, _ in self.spans.values()), default=0)
        self._until = max((last for _, last in self.spans.values()), default=0)
        self.last = self.about()["last"]
        self._near: OrderedDict[int, Chunk] = OrderedDict()  # those a consumer is in the middle of

    def _read(self, record: Record) -> Chunk | None:
        try:
            return chunk_of(record)
        except ValueError as error:
            self.fault(record[0], error)
            return None

    def chunks(self, layout: int, start: int, end: int) -> Iterator[Chunk]:
        which = "FROM chunks WHERE layout = ? AND last >= ? AND first < ?"
        try:
            found = self.ask(f"SELECT * {which}", layout, start, end)
        except sqlite3.Error as error:
            if not damage(error):
                raise
            keys = self.seek(f"SELECT id {which}", layout, start, end)
            found = [record for (key,) in keys for record in self.seek("SELECT * FROM chunks WHERE id = ?", key)]
        for record in sorted(found, key=_IN_TIME):
            chunk = self._read(record)
            if chunk is not None:
                yield chunk.within(start, end)

    def places(self, after: int, through: int) -> list[Chunk]:
        wanted = self.seek("SELECT id, last_seq FROM chunks WHERE last_seq > ? AND seq <= ?", after, through)
        found = []
        for key, last in wanted:
            chunk = self._near.pop(key, None)
            if chunk is None:
                found_here = self.seek("SELECT * FROM chunks WHERE id = ?", key)
                chunk = self._read(found_here[0]) if found_here else None
            if chunk is None:
                continue
            if last > through:
                self._near[key] = chunk
            which = np.flatnonzero((chunk.seqs > after) & (chunk.seqs <= through))
            if len(which):
                found.append(chunk.take(which))
        for key in self._near.keys() - {key for key, _ in wanted}:
            del self._near[key]
        return found

    def rows(self, asset: str, start: int, end: int) -> int:
        if start <= self._since and self._until < end:
            return sum(self._rows.get(layout, 0) for layout in self.assets.get(asset, ()))
        return super().rows(asset, start, end)

    def _tally(self, layouts: Sequence[int], start: int, end: int) -> int:
        spans = [self.spans[layout] for layout in layouts]
        if all(start * HOUR <= first and last < end * HOUR for first, last in spans):
            return sum(self._rows[layout] for layout in layouts)
        marks = ",".join("?" * len(layouts))
        question = f"SELECT coalesce(sum(rows), 0) FROM tallies WHERE layout IN ({marks}) AND hour >= ? AND hour < ?"
        found = self.seek(question, *layouts, start, end)
        return int(found[0][0]) if found else 0


class RowSegment(Segment):
    """Its rows are held in memory as chunks, and each refresh reads only what came since."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._held: dict[int, list[Chunk]] = {}
        self._hours: dict[int, dict[int, int]] = {}
        self._seen = 0
        self.connection.execute("PRAGMA user_version")

    def refresh(self) -> None:
        found = self.ask("SELECT * FROM frames WHERE seq > ? ORDER BY seq", self._seen)
        self._learn_more()
        good = []
        for record in found:
            try:
                good.append(sound_row(record))
            except ValueError as error:
                self.fault(record[0], error)
        for chunk in partitioned(good):
            self._hold(chunk)
        if found:
            self._seen = found[-1][0]
        self.glance()

    def _learn_more(self) -> None:
        self._learn(self.ask("SELECT * FROM layouts WHERE id > ? ORDER BY id", max(self.layouts, default=0)))

    def glance(self) -> None:
        asked = "SELECT max((SELECT coalesce(max(seq), 0) FROM frames), (SELECT coalesce(max(seq), 0) FROM events))"
        self.last = self.ask(asked)[0][0]

    def _hold(self, chunk: Chunk) -> None:
        hours = self._hours.setdefault(chunk.layout, {})
        for hour, rows in hourly(chunk):
            hours[hour] = hours.get(hour, 0) + rows
        first, last = self.spans.get(chunk.layout, (int(chunk.times[0]), int(chunk.times[-1])))
        self.spans[chunk.layout] = (min(first, int(chunk.times[0])), max(last, int(chunk.times[-1])))
        held = self._held.setdefault(chunk.layout, [])
        kind = (chunk.epoch, chunk.columns is None)
        # Like carries of a binary counter: a day of small refreshes costs n log n, not n squared.
        while held and (held[-1].epoch, held[-1].columns is None) == kind and len(held[-1]) <= 2 * len(chunk):
            chunk = joined(held.pop(), chunk)
        held.append(chunk)

    def chunks(self, layout: int, start: int, end: int) -> Iterator[Chunk]:
        for chunk in self._held.get(layout, ()):
            part = chunk.within(start, end)
            if len(part):
                yield part

    def places(self, after: int, through: int) -> list[Chunk]:
        found = self.ask("SELECT * FROM frames WHERE seq > ? AND seq <= ? ORDER BY seq", after, through)
        self._learn_more()
        return partitioned([record for record in found if record[0] not in self.bad])

    def _tally(self, layouts: Sequence[int], start: int, end: int) -> int:
        return sum(
            rows for layout in layouts for hour, rows in self._hours.get(layout, {}).items() if start <= hour < end
        )


def hourly(chunk: Chunk) -> list[tuple[int, int]]:
    """Rows by hour since 1970."""
    hours, rows = np.unique(chunk.times // HOUR, return_counts=True)
    return list(zip(hours.tolist(), rows.tolist(), strict=True))


def opened(path: Path) -> Segment:
    """The segment of this file. Raises one of `Damage` when it is none, `FileNotFoundError` when it just went."""
    try:
        return ColumnSegment(path) if path.name.endswith(COLUMNS) else RowSegment(path)
    except Damage as error:
        if not path.exists():
            raise FileNotFoundError(path) from error
        raise
