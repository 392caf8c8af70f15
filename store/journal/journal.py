"""The journal open for writing: the agent's store-and-forward buffer and its historian in one.

One process writes. `append` is called by one thread about once a second and returns when the frames are durable;
`tend` compacts, looks after damage and sheds, and is called by another thread when there is leisure.
"""

import sqlite3
import threading
import time as clocks
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from config.plant import Keep
from connectors.base import Frame
from store import StoreError
from store.journal.folder import Lock, made, numbered
from store.journal.history import History
from store.journal.ledger import Ledger
from store.journal.live import Live, full, refusal
from store.journal.schema import ROWS, Damage
from store.journal.shelf import listed

SEGMENT = 32 * 2**20  # bytes of rows before the next segment is begun
DAY = 86400 * 10**9


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
        self.keep, self.consumers, self.clock = keep, tuple(consumers), clock
        self.segment = min(segment, keep.bytes // 16)
        self._writing = threading.RLock()
        self._lock = Lock(folder / "lock")
        if not self._lock.take():
            raise StoreError(
                f"{folder}: another agent writes this journal (got process {self._lock.owner()}); stop that one first"
            )
        try:
            self.ledger = Ledger(folder)
            self.live = self._resume()
            self.epoch = 1 + max(self.ledger.epoch, 0)
            self.ledger.epoch = self.epoch
        except sqlite3.Error as error:
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._writing:
            super().close()
            self.live.close()
            self.ledger.close()
            self._lock.release()

    # -- writing -------------------------------------------------------------------------------------------------------
    def _resume(self) -> Live:
        rows = [path for path in listed(self.folder).values() if path.name.endswith(ROWS)]
        return Live(rows[-1]) if rows else self._begin()

    def _begin(self) -> Live:
        with numbered(self.folder) as number:
            return Live.create(self.folder, number, self.clock())

    def append(self, frames: Sequence[Frame]) -> int:
        """All of these frames or none, durable when it returns: the last one's place in the log.

        Raises `StoreError`: the disk is full, or `when_full: stop` holds (nothing was kept, the same call may be made
        again); or, `fatal`, the disk failed.
        """
        with self._writing:
            try:
                last = self.live.append(frames, self.epoch)
            except sqlite3.Error as error:
                raise refusal(self.live.path, error) from error
            if self.live.size >= self.segment or self.clock() - self.live.created >= DAY:
                self._rotate()
            return last

    def _rotate(self) -> None:
        try:
            begun = self._begin()
        except (sqlite3.Error, OSError):
            return  # no room for another file: this one goes on
        self.live.close()
        self.live = begun

    def note(self, kind: str, time: int, detail: Mapping[str, object]) -> int:
        """Records an event in the log, durably; its place."""
        with self._writing:
            try:
                return self.live.note(self.epoch, time, kind, detail)
            except sqlite3.Error as error:
                raise refusal(self.live.path, error) from error

    def step(self, time: int, detail: Mapping[str, object]) -> int:
        """The wall clock stepped: records a `clock` event and begins an epoch, whose number it returns."""
        with self._writing:
            self.note("clock", time, {**detail, "epoch": self.epoch + 1})
            self.epoch += 1
            self.ledger.epoch = self.epoch
            return self.epoch


__all__ = ["DAY", "SEGMENT", "Damage", "Journal", "full"]
