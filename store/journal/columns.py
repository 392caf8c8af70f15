"""A column segment being written: into a temporary file, closed whole, then published under its number.

Used by compaction (rows that are closed), by rescue (what is left of a damaged segment) and by imports.
"""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from connectors.base import Ints, Layout
from store.journal.chunk import Chunk, cut
from store.journal.ledger import Held
from store.journal.live import published
from store.journal.schema import COLUMNS, Record, create, layout_record, sealed
from store.journal.segment import hourly

CHUNK = f"INSERT INTO chunks VALUES ({','.join('?' * 17)})"


class ColumnFile:
    """Layouts and words before the chunks that name them; `close` before `publish`."""

    def __init__(self, temporary: Path) -> None:
        self.path = temporary
        self.connection: sqlite3.Connection = create(temporary)
        self.connection.execute("BEGIN")
        self._sources: dict[int, str] = {}
        self._tallies: dict[tuple[int, int], int] = {}
        self.account: dict[str, tuple[int, int, int]] = {}
        self._chunks = 0
        self.last = 0
        self.places = 0

    def layout(self, number: int, layout: Layout) -> None:
        self._sources[number] = layout.source
        self.connection.execute("INSERT INTO layouts VALUES (?,?,?,?,?,?,?)", layout_record(number, layout))

    def word(self, number: int, text: str) -> None:
        self.connection.execute("INSERT INTO words VALUES (?,?,?)", sealed(number, text))

    def chunk(self, whole: Chunk) -> None:
        """Rows in the order of time, of any number; they are cut to size."""
        for hour, rows in hourly(whole):
            key = whole.layout, hour
            self._tallies[key] = self._tallies.get(key, 0) + rows
        for part in cut(whole):
            self._chunks += 1
            self.connection.execute(CHUNK, sealed(self._chunks, *part.record()))
        self.last = max(self.last, int(whole.seqs.max()))
        first, last = int(whole.times[0]), int(whole.times[-1])
        source = self._sources[whole.layout]
        rows, since, until = self.account.get(source, (0, first, last))
        self.account[source] = rows + whole.frames, min(since, first), max(until, last)
        self.places += whole.frames

    def event(self, record: Record) -> None:
        """A record of `events` without its CRC: place, epoch, time, kind, detail."""
        self.connection.execute("INSERT INTO events VALUES (?,?,?,?,?,?)", sealed(*record))
        self.last = max(self.last, record[0])
        self.places += 1

    def note(self, time: int, kind: str, detail: Mapping[str, object]) -> None:
        """An event of its own, at the end, outside every clock epoch."""
        self.event((self.last + 1, 0, time, kind, json.dumps(detail, ensure_ascii=False)))

    def strike(self, asset: str, point: str, seqs: Ints, times: Ints) -> None:
        self.strike_record((asset, point, seqs.astype("<i8").tobytes(), times.astype("<i8").tobytes()))

    def strike_record(self, fields: Record) -> None:
        number = 1 + self.connection.execute("SELECT count(*) FROM strikes").fetchone()[0]
        self.connection.execute("INSERT INTO strikes VALUES (?,?,?,?,?,?)", sealed(number, *fields))

    def close(self, created: int, closed: int) -> Held:
        tallies = [(layout, hour, rows) for (layout, hour), rows in sorted(self._tallies.items())]
        self.connection.executemany("INSERT INTO tallies VALUES (?,?,?)", tallies)
        for name, value in (("created", created), ("closed", closed), ("last", self.last), ("places", self.places)):
            self.connection.execute("INSERT INTO about VALUES (?,?,?)", sealed(name, value))
        self.connection.execute("COMMIT")
        self.connection.close()
        return Held(closed, sum(rows for rows, _, _ in self.account.values()), self.account)

    def publish(self, folder: Path, number: int) -> Path:
        path = folder / f"{number:09d}{COLUMNS}"
        published(self.path, path)
        return path

    def discard(self) -> None:
        self.connection.close()
        self.path.unlink(missing_ok=True)
