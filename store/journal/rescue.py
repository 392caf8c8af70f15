"""Damage: found by reading a segment whole, and survived: what is sound is kept, the rest is a `loss` on record.

The rescued segment takes the number of the damaged one, and holds the event that says what is missing from it. The
damaged file goes to the folder `aside`.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from store.journal.chunk import chunk_of, partitioned
from store.journal.columns import ColumnFile
from store.journal.compaction import unlinked
from store.journal.folder import ASIDE
from store.journal.ledger import Held, Ledger
from store.journal.live import sync_folder
from store.journal.rows import sound_row
from store.journal.schema import COLUMNS, Damage, Record, connect, damage, layout_of, readable, sound
from store.journal.segment import number_of
from store.journal.shelf import LEDGER, listed

log = logging.getLogger("gemba.journal")
LAST = 2**22  # how far places are tried when even the last one cannot be read


def verify(path: Path, whole: bool = True) -> None:
    """Reads the whole segment. Raises one of `Damage` when anything in it is not what was written, or missing (the
    ledger, not `whole`, has events of any place)."""
    if not path.name.endswith(COLUMNS):
        _recovered(path)
    connection = readable(path)
    try:
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if found != "ok":
            raise ValueError(found)
        places = 0
        for record in connection.execute("SELECT * FROM frames"):
            sound_row(record)
            places += 1
        for record in connection.execute("SELECT * FROM chunks"):
            places += chunk_of(record).frames
        for table in ("layouts", "words", "events", "strikes", "about"):
            for record in connection.execute(f"SELECT * FROM {table}"):
                sound(record, table)
                places += table == "events"
        about = {name: value for name, value, _ in connection.execute("SELECT * FROM about")}
        if not whole:
            return
        if path.name.endswith(COLUMNS):
            expected = about["places"]
        else:
            ask = "SELECT max((SELECT coalesce(max(seq), 0) FROM frames), (SELECT coalesce(max(seq), 0) FROM events))"
            expected = connection.execute(ask).fetchone()[0]
        if places != expected:
            raise ValueError(f"{expected - places} records are missing")
    finally:
        connection.close()


def _recovered(path: Path) -> None:
    """Takes back, or finishes, what a writer that was killed was in the middle of: only a writer may."""
    connection = connect(path, "rw")
    try:
        connection.execute("PRAGMA user_version")
    finally:
        connection.close()


def rescue(path: Path, fault: Exception, known: Held | None, now: int) -> Held:
    """Sets a damaged segment aside and puts what is sound of it in its place. `known`: what it held, if it is known."""
    folder, number = path.parent, number_of(path)
    target = ColumnFile(folder / f"{number:09d}.rescued.tmp")
    try:
        created, seen = _copied(path, target)
    except Damage as error:
        target.discard()
        if not damage(error):
            raise
        target, created, seen = ColumnFile(target.path), now, 0
    if known is None:
        lost: dict[str, object] = {
            "rows": seen - target.places,
            "at_least": True,
            "from": created,
            "to": now,
            "sources": {},
        }
    else:
        lost = known.lost(target.account)
    detail = {"reason": "corrupt", "segment": number, "fault": str(fault), "rescued": target.places}
    target.note(now, "loss", detail | lost)
    held = target.close(created, now)
    _kept_aside(path)
    published = target.publish(folder, number)
    if published != path:
        unlinked(path)
        sync_folder(folder)
    return held


def _kept_aside(path: Path) -> None:
    aside = path.parent / ASIDE
    aside.mkdir(exist_ok=True)
    for name in (path.name, f"{path.name}-wal"):
        if (path.parent / name).exists():
            (aside / name).unlink(missing_ok=True)
            os.link(path.parent / name, aside / name)
    sync_folder(aside)


def sound_ledger(folder: Path) -> Ledger:
    """The folder's ledger. Of a damaged one what is sound is kept; without its cursors everything is delivered once
    more, and nothing is lost."""
    path = folder / LEDGER
    if not path.exists():
        return _begun(folder)
    try:
        verify(path, whole=False)
        return Ledger(folder)
    except Damage as error:
        if not damage(error):
            raise
        log.error("%s: damaged (%s); it is set aside, and a new one begun", path, error)
    events, strikes = [], []
    try:
        connection = readable(path)
        events = [record[:-1] for record in _sound(connection, "events", "seq")]
        strikes = [record[1:-1] for record in _sound(connection, "strikes", "id")]
        connection.close()
    except Damage:
        pass
    _kept_aside(path)
    unlinked(path)
    ledger = _begun(folder)
    ledger.carry(events, strikes)
    return ledger


def _begun(folder: Path) -> Ledger:
    """A new ledger goes on with the clock epochs of the segments that are there."""
    epochs = [0]
    for path in listed(folder).values():
        try:
            connection = readable(path)
            epochs += connection.execute("SELECT coalesce(max(epoch), 0) FROM frames").fetchone()
            epochs += connection.execute("SELECT coalesce(max(epoch), 0) FROM chunks").fetchone()
            connection.close()
        except Damage:
            continue
    ledger = Ledger(folder)
    ledger.epoch = max(epochs)
    return ledger


# -- what is sound -----------------------------------------------------------------------------------------------------
def _copied(path: Path, target: ColumnFile) -> tuple[int, int]:
    """Copies what is sound: when the segment was created, and the last place seen. Without every layout and word no
    row means anything: raises one of `Damage`."""
    connection = readable(path)
    try:
        layouts = {record[0]: layout_of(record) for record in connection.execute("SELECT * FROM layouts")}
        words = [sound(record, "words")[:2] for record in connection.execute("SELECT * FROM words")]
        created = connection.execute("SELECT value FROM about WHERE name = 'created'").fetchone()[0]
        for number, layout in layouts.items():
            target.layout(number, layout)
        for word in words:
            target.word(*word)
        chunks = partitioned(list(_sound(connection, "frames", "seq")))
        chunks += [chunk_of(record) for record in _sound(connection, "chunks", "id")]
        for chunk in chunks:
            if chunk.layout in layouts:
                target.chunk(chunk)
        for record in _sound(connection, "events", "seq"):
            target.event(record[:-1])
        for record in _sound(connection, "strikes", "id"):
            target.strike_record(record[1:-1])
        return created, target.last
    finally:
        connection.close()


def _sound(connection: sqlite3.Connection, table: str, key: str) -> Iterator[Record]:
    for record in _readable(connection, table, key):
        try:
            yield sound_row(record) if table == "frames" else sound(record, table)
        except Damage:
            continue


def _readable(connection: sqlite3.Connection, table: str, key: str) -> Iterator[Record]:
    """Every record that can still be read, in the order of its key: a bad page costs what stands on it."""
    spans = [(_edge(connection, table, key, "ASC"), _edge(connection, table, key, "DESC"))]
    while spans:
        first, last = spans.pop()
        question = f"SELECT * FROM {table} WHERE {key} BETWEEN ? AND ? ORDER BY {key}"
        try:
            found = connection.execute(question, (first, last)).fetchall()
        except sqlite3.Error:
            if first < last:
                middle = (first + last) // 2
                spans += [(middle + 1, last), (first, middle)]
            continue
        yield from found


def _edge(connection: sqlite3.Connection, table: str, key: str, order: str) -> int:
    try:
        found = connection.execute(f"SELECT {key} FROM {table} ORDER BY {key} {order} LIMIT 1").fetchone()
    except sqlite3.Error:
        return 1 if order == "ASC" else LAST
    return int(found[0]) if found else 0
