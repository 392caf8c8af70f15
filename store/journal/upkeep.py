"""What a journal does at leisure: closes out rows into columns, looks for damage, and sheds what is past its limits.

Every removal ends in an event that says what went, of which sources, and why. Should the process die between the two,
the ledger still knows what the segment held, and the next start accounts for it.
"""

import logging
import shutil
import sqlite3
import threading
import time as clocks
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from config.plant import Keep
from store.journal.compaction import compact, taken, unlinked
from store.journal.delivery import Cursor
from store.journal.folder import ASIDE, size
from store.journal.ledger import Held, Ledger
from store.journal.live import full, sync_folder
from store.journal.rescue import rescue, verify
from store.journal.retention import Closed, Plan, Reason, Room, plan
from store.journal.schema import COLUMNS, ROWS, Damage, Record, damage, readable, sound
from store.journal.segment import number_of, opened
from store.journal.shelf import listed
from store.reader import Event

AGAIN = 86400.0  # [s] after which a segment is read through once more
OUTLIVING = ("loss", "expired", "strike", "plant")  # events that stay when their segment goes
log = logging.getLogger("gemba.journal")


class Owed(NamedTuple):
    """The event of a segment that is gone."""

    kind: str
    time: int
    segment: int
    detail: Mapping[str, object]


class Upkeep:
    """Works on closed segments only. `owed` are events that belong into the log and are not there yet."""

    def __init__(
        self, folder: Path, keep: Keep, ledger: Ledger, cursors: Mapping[str, Cursor], clock: Callable[[], int]
    ) -> None:
        self.folder, self.keep, self.ledger, self.cursors, self.clock = folder, keep, ledger, cursors, clock
        self.lock = threading.RLock()
        self.owed: list[Owed] = []
        self.full: Reason | None = None
        self._verified: dict[Path, float] = {}
        self._suspects: set[Path] = set()

    # -- at the start --------------------------------------------------------------------------------------------------
    def tidy(self) -> None:
        """Finishes what the last process was in the middle of, and sets aside what cannot even be opened."""
        for pattern in (f"*{ROWS[:-3]}.tmp", "*.rescued.tmp", "*.ledger.tmp"):
            for path in self.folder.glob(pattern):
                path.unlink()
        for path in listed(self.folder).values():
            if not path.name.endswith(COLUMNS):
                continue
            rows = path.with_name(path.name.replace(COLUMNS, ROWS))
            if rows.exists():
                unlinked(rows)
            try:
                opened(path).close()
            except Damage as error:
                self.rescue(path, error)

    def account_missing(self, events: Iterable[Event]) -> None:
        """Segments that the ledger knows, that are not there, and that no event tells of."""
        told = {event.detail.get("segment") for event in events if event.detail.get("reason") != "corrupt"}
        there = listed(self.folder)
        for number, held in self.ledger.held().items():
            if number in told and number not in there:
                self.ledger.drop(number)
            elif number not in there:
                self._owe("loss", number, {"reason": "missing", "segment": number, **held.lost({})})

    def _owe(self, kind: str, segment: int, detail: Mapping[str, object]) -> None:
        (log.warning if kind == "loss" else log.debug)("%s: %s %s", self.folder, kind, dict(detail))
        self.owed.append(Owed(kind, self.clock(), segment, detail))

    def pay(self, note: Callable[[str, int, Mapping[str, object]], object]) -> None:
        """Records what is owed. Only then does the ledger forget the segment: it is the account until there is one."""
        while self.owed:
            first = self.owed[0]
            note(first.kind, first.time, first.detail)
            self.owed.pop(0)
            self.ledger.drop(first.segment)

    # -- at leisure ----------------------------------------------------------------------------------------------------
    def run(self, live: int) -> None:
        """One round. `live` is the number of the segment that is being written."""
        with self.lock:
            self._compact(live)
            self._register(live)
            self._scrub(live)
            self.retain(live)

    def _closed(self, live: int) -> dict[int, Path]:
        return {n: path for n, path in listed(self.folder).items() if n < live or path.name.endswith(COLUMNS)}

    def _compact(self, live: int) -> None:
        for number, path in self._closed(live).items():
            if path.name.endswith(COLUMNS):
                continue
            try:
                self.ledger.hold(number, compact(path, self.clock()))
            except Damage as error:
                if full(error):
                    return
                self.rescue(path, error)

    def _register(self, live: int) -> dict[int, Held]:
        """What each closed segment holds, in the ledger too: of those that are not compacted yet, and of imports, which
        came by themselves."""
        known = self.ledger.held()
        for number, path in self._closed(live).items():
            if number in known:
                continue
            try:
                known[number] = holding(path, self.clock())
            except Damage as error:
                self.rescue(path, error)
                continue
            try:
                self.ledger.hold(number, known[number])
            except sqlite3.Error as error:
                if not full(error):
                    raise
        return known

    def suspect(self, path: Path) -> None:
        """A reader found something wrong in it: it is the next to be looked at."""
        self._suspects.add(path)

    def _scrub(self, live: int) -> None:
        """Reads one segment through: the one that was longest not looked at."""
        now = clocks.monotonic()
        paths = [path for path in self._closed(live).values() if path.name.endswith(COLUMNS)]
        self._verified = {path: when for path, when in self._verified.items() if path in paths}
        due = [p for p in paths if p in self._suspects or now - self._verified.get(p, -AGAIN) >= AGAIN]
        if not due:
            return
        path = min(due, key=lambda p: (p not in self._suspects, self._verified.get(p, 0.0), p.name))
        self._suspects.discard(path)
        self._verified[path] = now
        try:
            verify(path)
        except Damage as error:
            self.rescue(path, error)

    def rescue(self, path: Path, error: Exception) -> None:
        """Sets a damaged segment aside, unless it was not damage that stopped the reading."""
        if not damage(error):
            raise error
        log.error("%s: damaged (%s); it is set aside, and what can be read of it is kept", path, error)
        number = number_of(path)
        self.ledger.hold(number, rescue(path, error, self.ledger.held().get(number), self.clock()))

    # -- shedding ------------------------------------------------------------------------------------------------------
    def retain(self, live: int) -> None:
        """Removes what the plan names. Needs no room on the disk, unless something outlives its segment."""
        with self.lock:
            room = self._room()
            for path in sorted((self.folder / ASIDE).glob("*"), key=lambda p: p.stat().st_mtime):
                if room.used <= self.keep.bytes and room.free >= self.keep.free * room.total:
                    break
                path.unlink()
                room = self._room()
            made = self._plan(live, room)
            for closed, reason in made.going:
                try:
                    self._shed(closed, reason)
                except sqlite3.Error as error:
                    if not full(error):
                        raise
            self.full = made.full

    def _room(self) -> Room:
        disk = shutil.disk_usage(self.folder)
        return Room(size(self.folder), disk.free, disk.total)

    def _plan(self, live: int, room: Room) -> Plan:
        held = self._register(live)
        delivered = [cursor.delivered for cursor in self.cursors.values()]
        closed = []
        for number, path in self._closed(live).items():
            if number in held:
                times = [when.get(number) for when in delivered]
                done = None if not times or None in times else max(time for time in times if time is not None)
                closed.append(Closed(number, path, taken(path), held[number], done))
        return plan(closed, self.keep, self.clock(), room)

    def _shed(self, closed: Closed, reason: Reason) -> None:
        try:
            outlives = outliving(closed.path)
        except Damage as error:
            if not damage(error):
                raise
            outlives = [], []
        if any(outlives):
            self.ledger.carry(*outlives)
        unlinked(closed.path)
        sync_folder(self.folder)
        kind = "expired" if reason == "delivered" else "loss"
        detail = {"reason": reason, "segment": closed.number, "delivered": closed.delivered is not None}
        self._owe(kind, closed.number, detail | closed.held.lost({}))
        for cursor in self.cursors.values():
            cursor.drop(closed.number)


def outliving(path: Path) -> tuple[list[Record], list[Record]]:
    """Records, without their ids or CRCs, of the events and strikes that stay when this segment goes."""
    segment = opened(path)
    marks = ",".join("?" * len(OUTLIVING))
    events = segment.ask(f"SELECT * FROM events WHERE kind IN ({marks})", *OUTLIVING)
    strikes = segment.ask("SELECT * FROM strikes")
    segment.close()
    return (
        [(segment.base + record[0], *sound(record, "events")[1:-1]) for record in events],
        [sound(record, "strikes")[1:-1] for record in strikes],
    )


def holding(path: Path, now: int) -> Held:
    """What a closed segment holds, by rows or by columns."""
    found: dict[str, tuple[int, int, int]] = {}
    segment = readable(path)
    try:
        sources = dict(segment.execute("SELECT id, source FROM layouts"))
        closed = segment.execute("SELECT value FROM about WHERE name = 'closed'").fetchone()
        for layout, rows, first, last in segment.execute(
            "SELECT layout, count(*), min(time), max(time) FROM frames GROUP BY layout UNION ALL "
            "SELECT layout, sum(rows), min(first), max(last) FROM chunks GROUP BY layout"
        ):
            before, since, until = found.get(sources[layout], (0, first, last))
            found[sources[layout]] = before + rows, min(since, first), max(until, last)
    finally:
        segment.close()
    return Held(closed[0] if closed else now, sum(rows for rows, _, _ in found.values()), found)
