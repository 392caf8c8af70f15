"""The segment that is being written: one connection, one transaction for each call, durable when it returns."""

import errno
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from connectors.base import Frame, Layout
from store import StoreError
from store.journal.receipts import keep
from store.journal.rows import INSERT, records
from store.journal.schema import ROWS, Record, connect, create, layout_of, layout_record, sealed, sound
from store.journal.segment import PLACES, number_of

PAGE = 4096
CHECKPOINT = 256  # pages of the WAL, 1 MB

# The storage under the file failed, and what was synced may not be there: SQLite's IOERR and what it makes of it.
_FATAL = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB}
_NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}


def full(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOSPC
    return getattr(error, "sqlite_errorcode", 0) in _NO_ROOM


def refusal(where: Path, error: sqlite3.Error | OSError) -> StoreError:
    """What a failed write means to who asked for it."""
    code = getattr(error, "sqlite_errorcode", 0)
    if full(error):
        return StoreError(f"{where}: the disk is full; nothing of this was kept, make room and it goes on by itself")
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if code & 0xFF in _FATAL or isinstance(error, OSError):
        return StoreError(f"{where}: the disk failed (got {name}: {error}); stop, and look at the disk", fatal=True)
    return StoreError(f"{where}: nothing of this was kept (got {name}: {error}); try again")


def sync_folder(folder: Path) -> None:
    """Makes the names in it durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def published(temporary: Path, path: Path) -> None:
    """Gives a whole, closed file its name, durably: it is there with all its content, or not at all."""
    handle = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    temporary.rename(path)
    sync_folder(path.parent)


def writable(path: Path, checkpoint: int = CHECKPOINT) -> sqlite3.Connection:
    connection = connect(path, "rw")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={checkpoint}")
    connection.execute(f"PRAGMA journal_size_limit={checkpoint * PAGE}")
    return connection


class Live:
    """Open for writing, by one thread at a time. Knows the layouts and words it has already written."""

    def __init__(self, path: Path, checkpoint: int = CHECKPOINT) -> None:
        self.path = path
        self.number = number_of(path)
        self.connection = writable(path, checkpoint)
        self.created, self.last, self._size = self._about()
        self._layouts: dict[Layout, int] = {
            layout_of(record): record[0] for record in self.connection.execute("SELECT * FROM layouts")
        }
        self._words: dict[str, int] = {
            sound(record, "words")[1]: record[0] for record in self.connection.execute("SELECT * FROM words")
        }
        self._near: dict[int, tuple[Layout, int]] = {}  # by id(): hashing a layout for each frame would cost most of it
        self._new: list[Record] = []

    @classmethod
    def create(cls, folder: Path, number: int, now: int, checkpoint: int = CHECKPOINT) -> "Live":
        path = folder / f"{number:09d}{ROWS}"
        temporary = path.with_suffix(".tmp")
        connection = create(temporary, wal=True)
        try:
            connection.execute("INSERT INTO about VALUES (?,?,?)", sealed("created", now))
            # Closing would do it too, but says nothing where a full disk does not let it.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()
        published(temporary, path)
        return cls(path, checkpoint)

    def _about(self) -> tuple[int, int, int]:
        ask = self.connection.execute
        created = ask("SELECT value FROM about WHERE name = 'created'").fetchone()[0]
        last = max(ask(f"SELECT coalesce(max(seq), 0) FROM {table}").fetchone()[0] for table in ("frames", "events"))
        return created, last, self._pages()

    def _pages(self) -> int:
        return int(self.connection.execute("PRAGMA page_count").fetchone()[0]) * PAGE

    @property
    def size(self) -> int:
        return self._size

    @property
    def base(self) -> int:
        return self.number << PLACES

    def _layout(self, layout: Layout) -> int:
        near = self._near.get(id(layout))
        if near is not None:
            return near[1]
        number = self._layouts.get(layout)
        if number is None:
            number = len(self._layouts) + 1
            self._layouts[layout] = number
            self._new.append(("layout", layout, number))
        self._near[id(layout)] = (layout, number)
        return number

    def _word(self, text: str) -> int:
        number = self._words.get(text)
        if number is None:
            number = self._words[text] = len(self._words) + 1
            self._new.append(("word", text, number))
        return number

    def _rows(self, frames: Sequence[Frame], epoch: int) -> Iterator[Record]:
        seq = self.last + 1
        for frame in frames:
            for record in records(frame, self._layout(frame.layout), seq, epoch, self._word):
                yield record
                seq += 1

    def append(self, frames: Sequence[Frame], epoch: int, receipts: Mapping[str, bytes] = {}) -> int:
        """All of these frames or none, with the receipts; the place of the last one. Durable when it returns."""
        try:
            rows = list(self._rows(frames, epoch))
            if rows:
                self._commit([(INSERT, rows)], receipts)
                self.last = rows[-1][0]
        except BaseException:
            self._forget()
            raise
        self._new.clear()
        return self.base + self.last

    def note(self, epoch: int, time: int, kind: str, detail: Mapping[str, object]) -> int:
        text = json.dumps(detail, ensure_ascii=False)
        record = sealed(self.last + 1, epoch, time, kind, text)
        self._commit([("INSERT INTO events VALUES (?,?,?,?,?,?)", [record])])
        self.last += 1
        return self.base + self.last

    def _commit(self, work: list[tuple[str, list[Record]]], receipts: Mapping[str, bytes] = {}) -> None:
        layouts = [layout_record(number, of) for kind, of, number in self._new if kind == "layout"]
        words = [sealed(number, text) for kind, text, number in self._new if kind == "word"]
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO layouts VALUES (?,?,?,?,?,?,?)", layouts)
            connection.executemany("INSERT INTO words VALUES (?,?,?)", words)
            for statement, rows in work:
                connection.executemany(statement, rows)
            if receipts:
                keep(connection, receipts)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                try:
                    connection.execute("ROLLBACK")
                except sqlite3.Error:  # the first error says more
                    pass
            raise
        self._size = self._pages()

    def _forget(self) -> None:
        """What a failed commit would have added is not there."""
        for kind, of, _ in self._new:
            if kind == "layout":
                del self._layouts[of]
            else:
                del self._words[of]
        if self._new:
            self._near.clear()
        self._new.clear()

    def close(self) -> None:
        """Everything into the file itself, and the WAL away where nobody reads it. Where there is no room for that the
        WAL stays, and is read with the file."""
        try:
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            if not full(error):
                raise
        finally:
            self.connection.close()
