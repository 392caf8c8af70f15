"""The small database beside the segments: what consumers acknowledged, what each segment held, and what outlives it.

It is read like a segment of number 0: its events are the losses, and its strikes those, of segments that are gone.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from store.journal.live import published, writable
from store.journal.schema import Record, create, forward, sealed
from store.journal.shelf import LEDGER

_TABLES = """
    CREATE TABLE acknowledged (
        consumer TEXT NOT NULL, segment INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        PRIMARY KEY (consumer, segment, first)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE delivered (
        consumer TEXT NOT NULL, segment INTEGER NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (consumer, segment)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE held (
        segment INTEGER PRIMARY KEY, closed INTEGER NOT NULL, rows INTEGER NOT NULL, account TEXT NOT NULL
    ) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What a closed segment holds: when it was closed, its rows, and for each source [rows, first, last]."""

    closed: int
    rows: int
    account: Mapping[str, tuple[int, int, int]]

    def lost(self, still: Mapping[str, tuple[int, int, int]]) -> dict[str, object]:
        """What is missing when only `still` is there, as a `loss` tells it."""
        gone = {
            source: {"rows": rows - still.get(source, (0,))[0], "from": first, "to": last}
            for source, (rows, first, last) in self.account.items()
            if rows > still.get(source, (0,))[0]
        }
        return {
            "rows": sum(some["rows"] for some in gone.values()),
            "from": min((some["from"] for some in gone.values()), default=None),
            "to": max((some["to"] for some in gone.values()), default=None),
            "sources": gone,
        }


class Ledger:
    """Each method is one transaction, durable when it returns; threads take turns."""

    def __init__(self, folder: Path) -> None:
        path = folder / LEDGER
        if not path.exists():
            temporary = path.with_suffix(".tmp")
            create(temporary, _TABLES, wal=True).close()
            published(temporary, path)
        self.path = path
        self._one = threading.Lock()
        self.connection = writable(path)
        forward(self.connection)

    def close(self) -> None:
        with self._one:
            self.connection.close()

    def _all(self, question: str, *values: object) -> list[Record]:
        with self._one:
            return self.connection.execute(question, values).fetchall()

    def _write(self, work: Iterable[tuple[str, Record]]) -> None:
        with self._one:
            self._transaction(work)

    def _transaction(self, work: Iterable[tuple[str, Record]]) -> None:
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            for statement, values in work:
                self.connection.execute(statement, values)
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                try:
                    self.connection.execute("ROLLBACK")
                except sqlite3.Error:  # the first error says more
                    pass
            raise

    # -- the clock's epoch ---------------------------------------------------------------------------------------------
    @property
    def epoch(self) -> int:
        found = self._all("SELECT value FROM about WHERE name = 'epoch'")
        return int(found[0][0]) if found else 0

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._write([("INSERT OR REPLACE INTO about VALUES (?,?,?)", sealed("epoch", value))])

    # -- consumers -----------------------------------------------------------------------------------------------------
    def ranges(self, consumer: str) -> dict[int, list[tuple[int, int]]]:
        """Acknowledged places [first, last] by segment, in order, apart from segments acknowledged whole."""
        found: dict[int, list[tuple[int, int]]] = {}
        for segment, first, last in self._all(
            "SELECT segment, first, last FROM acknowledged WHERE consumer = ? ORDER BY segment, first", consumer
        ):
            found.setdefault(segment, []).append((first, last))
        return found

    def delivered(self, consumer: str) -> dict[int, int]:
        """When a closed segment had been acknowledged whole."""
        return dict(self._all("SELECT segment, time FROM delivered WHERE consumer = ?", consumer))

    def acknowledge(self, consumer: str, segment: int, ranges: list[tuple[int, int]]) -> None:
        """These are now the acknowledged places of the segment."""
        self._write(
            [
                ("DELETE FROM acknowledged WHERE consumer = ? AND segment = ?", (consumer, segment)),
                *(("INSERT INTO acknowledged VALUES (?,?,?,?)", (consumer, segment, *some)) for some in ranges),
            ]
        )

    def deliver(self, consumer: str, segment: int, time: int) -> None:
        self._write(
            [
                ("DELETE FROM acknowledged WHERE consumer = ? AND segment = ?", (consumer, segment)),
                ("INSERT OR IGNORE INTO delivered VALUES (?,?,?)", (consumer, segment, time)),
            ]
        )

    # -- segments ------------------------------------------------------------------------------------------------------
    def held(self) -> dict[int, Held]:
        return {
            segment: Held(closed, rows, {source: tuple(some) for source, some in json.loads(account).items()})
            for segment, closed, rows, account in self._all("SELECT * FROM held ORDER BY segment")
        }

    def hold(self, segment: int, held: Held) -> None:
        account = json.dumps(held.account, ensure_ascii=False)
        self._write([("INSERT OR REPLACE INTO held VALUES (?,?,?,?)", (segment, held.closed, held.rows, account))])

    def carry(self, events: list[Record], strikes: list[Record]) -> None:
        """Takes over what outlives its segment; taken twice it is there once."""
        known = self._all("SELECT * FROM strikes")
        gone = {record[1:5] for record in known}
        new = [record for record in strikes if record[:4] not in gone]
        self._write(
            [
                *(("INSERT OR IGNORE INTO events VALUES (?,?,?,?,?,?)", sealed(*record)) for record in events),
                *(
                    ("INSERT INTO strikes VALUES (?,?,?,?,?,?)", sealed(number, *record))
                    for number, record in enumerate(new, len(known) + 1)
                ),
            ]
        )

    def drop(self, segment: int) -> None:
        """The segment is gone and accounted for."""
        self._write(
            [(f"DELETE FROM {table} WHERE segment = ?", (segment,)) for table in ("acknowledged", "delivered", "held")]
        )
