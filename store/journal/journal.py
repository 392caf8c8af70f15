"""The journal open for writing: the agent's store-and-forward buffer and its historian in one.

One process writes. `append` is called by one thread about once a second and returns when the frames are durable;
`tend` compacts, looks after damage and sheds, and is called by another thread every ten seconds or so.
"""

import logging
import shutil
import sqlite3
import threading
import time as clocks
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from config.plant import Keep
from connectors.base import Frame
from store import StoreError
from store.journal.delivery import Batch, Columns, Cursor, batch, columns
from store.journal.folder import Lock, made, numbered
from store.journal.history import EVER, History
from store.journal.live import CHECKPOINT, PAGE, Live, full, refusal
from store.journal.receipts import held
from store.journal.rescue import sound_ledger, verify
from store.journal.schema import COLUMNS, ROWS, Damage, current, damage
from store.journal.segment import PLACES
from store.journal.shelf import listed
from store.journal.upkeep import Upkeep

SEGMENT = 32 * 2**20  # bytes of rows before the next segment is begun
AGE = 86400  # [s] the same, by time
SHARE = 16  # a segment takes no more than this part of what the journal may take, or of the disk
log = logging.getLogger("gemba.journal")


class Journal(History):
    """Also a reader of itself. Every method may be called from any thread."""

    def __init__(
        self,
        folder: Path,
        keep: Keep = Keep(),
        consumers: Sequence[str] = (),
        clock: Callable[[], int] = clocks.time_ns,
        segment: int = SEGMENT,
    ) -> None:
        made(folder)
        super().__init__(folder)
        self.clock, self._largest = clock, segment
        self._bounded(keep)
        self._checkpoint = max(4, min(CHECKPOINT, self.segment // PAGE // 4))
        self._writing = threading.RLock()
        self._dead: StoreError | None = None
        self._lock = Lock(folder / "lock")
        if not self._lock.take():
            raise StoreError(
                f"{folder}: another agent writes this journal (got process {self._lock.owner()}); stop that one first"
            )
        try:
            self._start(consumers)
        except (sqlite3.Error, OSError) as error:
            self._lock.release()
            raise refusal(folder, error) from error
        except BaseException:
            self._lock.release()
            raise

    @classmethod
    def open(
        cls,
        folder: Path,
        keep: Keep = Keep(),
        consumers: Sequence[str] = (),
        clock: Callable[[], int] = clocks.time_ns,
        segment: int = SEGMENT,
    ) -> Self:
        """`consumers`: those that must acknowledge a segment before it counts as delivered. Raises `StoreError` when
        another process has it open, or the disk does not let it."""
        return cls(folder, keep, consumers, clock, segment)

    def _start(self, consumers: Sequence[str]) -> None:
        self.ledger = sound_ledger(self.folder)
        self.cursors = {consumer: Cursor(self.ledger, consumer) for consumer in consumers}
        self.upkeep = Upkeep(self.folder, self.keep, self.ledger, self.cursors, self.clock)
        self.upkeep.tidy()
        self.live = self._resume()
        self._since = clocks.monotonic()
        self.epoch = self.ledger.epoch + 1
        self.ledger.epoch = self.epoch
        self.upkeep.account_missing(self.events(-EVER, EVER, ("loss", "expired")))
        self._pay()

    def _resume(self) -> Live:
        rows = [path for path in listed(self.folder).values() if path.name.endswith(ROWS)]
        if not rows:
            return self._begin()
        try:
            verify(rows[-1])
            live = Live(rows[-1], self._checkpoint)
            if current(live.connection):
                return live
            live.close()  # an older format is read, and not written on
            return self._begin()
        except Damage as error:
            self.upkeep.rescue(rows[-1], error)
            return self._begin()

    def _begin(self) -> Live:
        with numbered(self.folder) as number:
            return Live.create(self.folder, number, self.clock(), self._checkpoint)

    def _bounded(self, keep: Keep) -> None:
        self.keep = keep
        self.segment = min(self._largest, keep.bytes // SHARE, shutil.disk_usage(self.folder).total // SHARE)

    def limit(self, keep: Keep) -> None:
        """Another `keep` of the plant file, from now on."""
        self._bounded(keep)
        self.upkeep.keep = keep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._writing, self.upkeep.lock:
            super().close()
            try:
                self.live.close()
                self.ledger.close()
            except sqlite3.Error as error:
                log.warning("%s: not closed cleanly (%s); nothing committed is lost", self.folder, error)
            finally:
                self._lock.release()

    # -- writing -------------------------------------------------------------------------------------------------------
    def append(self, frames: Sequence[Frame], receipts: Mapping[str, bytes] = {}) -> int:
        """All of these frames or none, durable when it returns: the last one's place in the log. `receipts`: what their
        sources are to be told after a crash, by source.

        Raises `StoreError`: the disk is full, or `when_full: stop` holds (nothing was kept, the same call may be made
        again); or, `fatal`, the disk failed and the process must end.
        """
        with self._writing:
            self._admit()
            last = self._written(lambda: self.live.append(frames, self.epoch, receipts))
            if self.live.size >= self.segment or clocks.monotonic() - self._since >= AGE:
                self.rotate()
            return last

    def _admit(self) -> None:
        if self.keep.when_full == "stop" and self.upkeep.full:
            self.upkeep.retain(self.live.number)
            if self.upkeep.full:
                raise StoreError(
                    f"{self.folder}: the journal is full (got {self.upkeep.full} past the limit of `keep`) and "
                    "`when_full: stop` holds; make room, or raise the limit"
                )

    def receipts(self) -> dict[str, list[bytes]]:
        """Those of the last commits that had any, by source, the oldest first."""
        try:
            return held(self.folder)
        except sqlite3.Error as error:
            log.warning("%s: what sources handed over last cannot be read (got %s)", self.folder, error)
            return {}

    def note(self, kind: str, time: int, detail: Mapping[str, object]) -> int:
        """Records an event in the log, durably; its place."""
        with self._writing:
            return self._written(lambda: self.live.note(self.epoch, time, kind, detail))

    def step(self, time: int, detail: Mapping[str, object]) -> int:
        """The wall clock stepped: records a `clock` event and begins an epoch, whose number it returns."""
        with self._writing:
            self.note("clock", time, {**detail, "epoch": self.epoch + 1})
            self.ledger.epoch = self.epoch + 1
            self.epoch += 1
            return self.epoch

    def _written(self, write: Callable[[], int]) -> int:
        """Once more after shedding where the disk was full, or in a new segment where this one was damaged."""
        if self._dead is not None:
            raise self._dead
        try:
            try:
                return write()
            except sqlite3.Error as error:
                if full(error):
                    self.upkeep.retain(self.live.number)
                elif damage(error):
                    self._replace(error)
                else:
                    raise
                return write()
        except sqlite3.Error as error:
            refused = refusal(self.live.path, error)
            if refused.fatal:
                self._dead = refused
            raise refused from error

    def _replace(self, error: sqlite3.Error) -> None:
        self.live.connection.close()
        self.upkeep.rescue(self.live.path, error)
        self.live = self._begin()

    def rotate(self) -> None:
        """Closes the live segment and begins the next, where there is room for it; else the live one goes on."""
        with self._writing:
            try:
                begun = self._begin()
            except (sqlite3.Error, OSError) as error:
                log.warning("%s: no new segment (%s); this one goes on", self.live.path, error)
                return
            closed, self.live = self.live, begun
            self._since = clocks.monotonic()
            try:
                closed.close()
            except sqlite3.Error as error:
                self._dead = refusal(closed.path, error)
                raise self._dead from error

    # -- at leisure ----------------------------------------------------------------------------------------------------
    def tend(self) -> None:
        """Compacts what is closed, reads a segment through for damage, sheds what is past `keep`, and records it.

        Raises `StoreError`, `fatal`, when the disk failed; for want of room it does what it can.
        """
        try:
            self.upkeep.run(self._settle())
        except FileNotFoundError:
            log.debug("%s: a segment went meanwhile; the next round sees the folder as it is", self.folder)
        except (sqlite3.Error, OSError) as error:
            if not full(error):
                raise refusal(self.folder, error) from error
            log.warning("%s: no room to tend the journal in; the next round tries again", self.folder)
        self._pay()

    def _settle(self) -> int:
        """Marks as delivered what consumers have whole by now; the number of the live segment."""

        def settled() -> None:
            for segment in self.shelf.segments.values():
                if segment.bad:
                    self.upkeep.suspect(segment.path)
                if segment.number < live or segment.path.name.endswith(COLUMNS):
                    for cursor in self.cursors.values():
                        cursor.settle(segment, self.clock())

        with self._one:
            live = self.live.number
            self.shelf.reading(settled, rows=False)
            return live

    def _pay(self) -> None:
        """Puts into the log what upkeep owes it; what finds no room stays owed."""
        with self._writing:
            try:
                self.upkeep.pay(self.note)
            except StoreError as error:
                if error.fatal:
                    raise
            except sqlite3.Error as error:
                if not full(error):
                    raise refusal(self.folder, error) from error

    # -- consumers -----------------------------------------------------------------------------------------------------
    def pending(self, consumer: str, n: int, newest: bool = False) -> Batch | None:
        """At most `n` places that the consumer has not acknowledged: the oldest, or the newest ones (live rows before
        the backlog). None when there are none. Asked again before they are acknowledged, they are the same."""
        with self._one:
            return self.shelf.reading(lambda: self._pending(consumer, n, newest), rows=False)

    def _pending(self, consumer: str, n: int, newest: bool) -> Batch | None:
        found = self.cursors[consumer].window(self.shelf.segments.values(), n, newest)
        return None if found is None else batch(self.shelf, *found)

    def pending_columns(self, consumer: str, n: int, segment: int | None = None, head: int = 0) -> Columns | None:
        """The same as columns: the newest places of this segment, or the oldest of all, in which those after `head` in
        its own segment are left for later, as live rows."""
        with self._one:
            return self.shelf.reading(lambda: self._pending_columns(consumer, n, segment, head), rows=False)

    def _pending_columns(self, consumer: str, n: int, segment: int | None, head: int) -> Columns | None:
        cursor, segments = self.cursors[consumer], self.shelf.segments
        if segment is None:
            found = cursor.backlog(segments.values(), n, head)
        else:
            found = cursor.tail(segments[segment], n) if segment in segments else None
        return None if found is None else columns(self.shelf, *found)

    def acknowledge(self, consumer: str, last: int, first: int | None = None) -> None:
        """The consumer has everything at places `first` to `last` (those of a batch), durably, from now on. Without
        `first`: everything of that segment up to `last`."""
        number, place = last >> PLACES, last & ((1 << PLACES) - 1)
        begun = 1 if first is None else first & ((1 << PLACES) - 1)
        with self._one:
            try:
                self.cursors[consumer].acknowledge(number, begun, place)
            except sqlite3.Error as error:
                raise refusal(self.ledger.path, error) from error

    def backlog(self, consumer: str) -> int:
        """Places that the consumer has not acknowledged."""

        def counted() -> int:
            segments = self.shelf.segments.values()
            return sum(last - first + 1 for s in segments for first, last in self.cursors[consumer].gaps(s))

        with self._one:
            return self.shelf.reading(counted, rows=False)
