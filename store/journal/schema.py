"""The file format of a segment, and how an older one is read: docs/journal-format.md tells it to a stranger.

A segment is one SQLite file. A *row* segment is written by the agent, one row a frame, in WAL mode; a *column* segment
is a closed one, written once. Both have the same tables; each record carries a CRC of its fields.
"""

import json
import sqlite3
import zlib
from pathlib import Path
from struct import Struct
from typing import Any
from urllib.parse import quote

from connectors.base import Column, Layout
from store import StoreError

APPLICATION = 0x47454D42  # "GEMB"
ROWS, COLUMNS = ".rows.db", ".cols.db"
HOUR = 3600 * 10**9

# Step n takes a file of version n to n + 1; a new file is taken all the way from nothing. Steps are never edited.
STEPS = (
    """
    CREATE TABLE layouts (
        id INTEGER PRIMARY KEY, source TEXT NOT NULL, "group" TEXT NOT NULL, hold INTEGER NOT NULL,
        scaled INTEGER NOT NULL, columns TEXT NOT NULL, crc INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
    CREATE TABLE frames (
        seq INTEGER PRIMARY KEY, layout INTEGER NOT NULL, time INTEGER NOT NULL, epoch INTEGER NOT NULL,
        live INTEGER NOT NULL, round_trip INTEGER NOT NULL, columns BLOB, "values" BLOB NOT NULL, quality BLOB,
        source_times BLOB, crc INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE chunks (
        id INTEGER PRIMARY KEY, layout INTEGER NOT NULL, epoch INTEGER NOT NULL, rows INTEGER NOT NULL,
        first INTEGER NOT NULL, last INTEGER NOT NULL, seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
        seqs BLOB, times BLOB NOT NULL, columns BLOB, live BLOB, round_trips BLOB, quality BLOB, source_times BLOB,
        "values" BLOB NOT NULL, crc INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX chunks_in_time ON chunks (layout, last, first);
    CREATE INDEX chunks_in_log ON chunks (last_seq, seq);
    CREATE TABLE tallies (
        layout INTEGER NOT NULL, hour INTEGER NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (layout, hour)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, time INTEGER NOT NULL, kind TEXT NOT NULL,
        detail TEXT NOT NULL, crc INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE strikes (
        id INTEGER PRIMARY KEY, asset TEXT NOT NULL, point TEXT NOT NULL, seqs BLOB NOT NULL, times BLOB NOT NULL,
        crc INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE about (name TEXT PRIMARY KEY, value INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT;
    """,
)

Record = tuple[Any, ...]

_INTEGER = Struct("<q").pack
# What a damaged file raises on the way: from SQLite, from numpy and JSON on what it still gave, and from `sound`.
Damage = (sqlite3.DatabaseError, ValueError, KeyError, TypeError, OverflowError)
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
_CUT_OFF = sqlite3.SQLITE_IOERR_SHORT_READ  # what SQLite calls a file that ends early, from 3.45 on


def damage(error: Exception) -> bool:
    """Whether this is the file's fault, rather than a full disk's, a busy lock's or a failing device's."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0)
        return code & 0xFF in _DAMAGED or code == _CUT_OFF
    return isinstance(error, Damage)


def crc(*fields: Any) -> int:
    """CRC-32 over the fields of a record: integers as 8 bytes, text as UTF-8, blobs as they are, NULL as nothing."""
    total = 0
    for field in fields:
        if isinstance(field, int):
            total = zlib.crc32(_INTEGER(field), total)
        elif isinstance(field, str):
            total = zlib.crc32(field.encode(), total)
        elif field is not None:
            total = zlib.crc32(field, total)
    return total


def sealed(*fields: Any) -> Record:
    """The fields of a record with their CRC behind them."""
    return (*fields, crc(*fields))


def sound(record: Record, table: str) -> Record:
    """The record, once its CRC agrees."""
    if crc(*record[:-1]) != record[-1]:
        raise ValueError(f"{table}: record {record[0]} is not what was written")
    return record


def connect(path: Path, mode: str, *, timeout: float = 5.0) -> sqlite3.Connection:
    """`mode`: rw, ro, or immutable for a column segment, which nobody writes to again."""
    how = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    return sqlite3.connect(
        f"file:{quote(str(path))}?{how}", uri=True, isolation_level=None, check_same_thread=False, timeout=timeout
    )


def current(connection: sqlite3.Connection) -> bool:
    """Whether the file is of this version; an older one is not. A newer one is refused: it may mean what we do not
    know."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(STEPS):
        raise StoreError(
            f"journal: a segment is of a newer format (got version {version}, this Gemba knows {len(STEPS)}); "
            "update Gemba, or give it another data folder"
        )
    return version == len(STEPS)


def forward(connection: sqlite3.Connection) -> None:
    """Takes a file of any older version to this one."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    for number, step in enumerate(STEPS[version:], version + 1):
        connection.executescript(f"BEGIN;{step};PRAGMA user_version={number};COMMIT")


def create(path: Path, more: str = "", wal: bool = False) -> sqlite3.Connection:
    """A new, empty segment file, not yet durable: who writes it syncs it and renames it in. What goes on being written
    is of WAL mode before it has its name: a reader never finds a rollback journal, which it could not roll back."""
    path.unlink(missing_ok=True)
    connection = connect(path, "rwc")
    connection.execute("PRAGMA synchronous=OFF")  # synced once, whole, before it gets its name
    connection.execute(f"PRAGMA application_id={APPLICATION}")
    forward(connection)
    connection.executescript(more)
    if wal:
        connection.execute("PRAGMA journal_mode=WAL")
    return connection


def readable(path: Path) -> sqlite3.Connection:
    """A read-only connection to a segment, of this version: an older file is taken forward in memory."""
    connection = connect(path, "immutable" if path.name.endswith(COLUMNS) else "ro")
    try:
        connection.execute("PRAGMA cache_size=10")  # pages: a chunk is read once, and none of it wanted again
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
            raise ValueError("not a segment of a journal")
        if current(connection):
            return connection
        copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        connection.backup(copy)
        forward(copy)
    except BaseException:
        connection.close()
        raise
    connection.close()
    return copy


# -- layouts -----------------------------------------------------------------------------------------------------------
def layout_record(number: int, layout: Layout) -> Record:
    columns = json.dumps([[c.asset, c.point, c.kind] for c in layout.columns], ensure_ascii=False)
    return sealed(number, layout.source, layout.group, layout.hold, int(layout.scaled), columns)


_known: dict[Record, Layout] = {}


def layout_of(record: Record) -> Layout:
    """The layout of a record; one object for all segments that have it, since most of them have the same ones."""
    key = sound(record, "layouts")[1:-1]
    if key not in _known:
        source, group, hold, scaled, columns = key
        named = tuple(Column(*column) for column in json.loads(columns))
        _known[key] = Layout(source, group, named, hold, bool(scaled))
    return _known[key]
