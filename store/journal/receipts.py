"""What a source must know again after a crash of the frames that it handed over: committed with them, in one
transaction, and so there if and only if they are.

MQTT needs it: a message that was committed, and not acknowledged before the agent was killed, comes again. It stands in
the segment that is being written and is gone once that is compacted; what it speaks of is settled long before.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from store.journal.schema import ROWS, connect
from store.journal.shelf import listed

KEPT = 64  # commits of a source
_MADE = "CREATE TABLE IF NOT EXISTS receipts (id INTEGER PRIMARY KEY, source TEXT NOT NULL, receipt BLOB NOT NULL)"
_OLD = """DELETE FROM receipts WHERE source = ?1 AND id <=
    (SELECT id FROM receipts WHERE source = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)"""


def keep(connection: sqlite3.Connection, receipts: Mapping[str, bytes]) -> None:
    """Within the transaction of the frames; by source."""
    connection.execute(_MADE)
    for source, receipt in receipts.items():
        connection.execute("INSERT INTO receipts (source, receipt) VALUES (?,?)", (source, receipt))
        connection.execute(_OLD, (source, KEPT))


def held(folder: Path) -> dict[str, list[bytes]]:
    """Those of each source, the oldest first; of the last two segments, since the last may have just begun."""
    found: dict[str, list[bytes]] = {}
    for path in [path for path in listed(folder).values() if path.name.endswith(ROWS)][-2:]:
        connection = connect(path, "ro")
        try:
            if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'receipts'").fetchone():
                for source, receipt in connection.execute("SELECT source, receipt FROM receipts ORDER BY id"):
                    found.setdefault(source, []).append(receipt)
        finally:
            connection.close()
    return found
