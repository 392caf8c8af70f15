"""The folder of a journal as its readers see it: one segment for each number, the columns before the rows.

Files come (rotated, compacted, imported) and go (compacted, shed, set aside) at any moment; each is whole under its
name, and each pass looks at the folder again.
"""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from connectors.base import NO_INTS, Ints
from store import StoreError
from store.journal.schema import COLUMNS, ROWS, Damage
from store.journal.segment import RowSegment, Segment, number_of, opened

LEDGER = "0.ledger.db"  # read like a segment of number 0: it holds what outlives its segment
TRIES = 5
log = logging.getLogger("gemba.journal")

Answer = TypeVar("Answer")
Key = tuple[str, str]


def listed(folder: Path) -> dict[int, Path]:
    """The file of each segment. Where a segment has both forms, a compaction was done and only the rows' unlinking is
    missing."""
    found: dict[int, Path] = {}
    for path in folder.iterdir():
        if path.name.endswith((ROWS, COLUMNS)):
            number = number_of(path)
            if number not in found or path.name.endswith(COLUMNS):
                found[number] = path
    return dict(sorted(found.items()))


class Shelf:
    """Segments in the order of the log, opened when needed, and what is struck in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.segments: dict[int, Segment] = {}
        self.unreadable: dict[Path, str] = {}
        self.ledger: Segment | None = None
        self.steady = 0  # while above 0, files that were opened stay open, and what was seen at first is what is read
        self._seen = self._closed = False
        self._strikes: dict[int, list[tuple[str, str, Ints, Ints]]] = {}
        self._struck: dict[Key, tuple[Ints, Ints]] | None = None

    def refresh(self, rows: bool = True) -> None:
        """Brings the shelf to what the folder holds now; without `rows`, those of row segments are not read."""
        now = listed(self.folder)
        for number in [n for n, segment in self.segments.items() if now.get(n) != segment.path]:
            self._drop(number)
        added = [number for number, path in now.items() if number not in self.segments and self._add(path)]
        if added:
            self.segments = dict(sorted(self.segments.items()))
        self._refresh_ledger()
        for segment in list(self.segments.values()):
            try:
                segment.refresh() if rows else segment.glance()
            except Damage as error:
                self._drop(segment.number)
                self._lose(segment.path, error)

    def _refresh_ledger(self) -> None:
        path = self.folder / LEDGER
        if self.ledger is None:
            if not path.exists():
                return
            self.ledger = Segment(path)
        if self.ledger.ask("SELECT count(*) FROM strikes")[0][0] != len(self._strikes.get(0, ())):
            self._strikes[0] = self.ledger.strikes()
            self._struck = None

    def _add(self, path: Path) -> bool:
        if path in self.unreadable:
            return False
        try:
            segment = opened(path)
            strikes = segment.strikes()
        except Damage as error:
            self._lose(path, error)
            return False
        self.segments[segment.number] = segment
        if strikes:
            self._strikes[segment.number] = strikes
            self._struck = None
        return True

    def _drop(self, number: int) -> None:
        self.segments.pop(number).close()
        if self._strikes.pop(number, None):
            self._struck = None

    def _lose(self, path: Path, error: Exception) -> None:
        self.unreadable[path] = str(error)
        log.warning("%s: cannot be read (%s); its rows are left out until the agent sets it aside", path, error)

    @property
    def stricken(self) -> bool:
        """Whether any row at all counts no more; most plants have none."""
        return any(self._strikes.values())

    def struck(self, asset: str, point: str) -> tuple[Ints, Ints]:
        """Places in the log, and times, of the point's rows that count no more."""
        if self._struck is None:
            by_key: dict[Key, list[tuple[Ints, Ints]]] = {}
            for strikes in self._strikes.values():
                for name, of, seqs, times in strikes:
                    by_key.setdefault((name, of), []).append((seqs, times))
            self._struck = {
                key: (np.concatenate([s for s, _ in pairs]), np.concatenate([t for _, t in pairs]))
                for key, pairs in by_key.items()
            }
        return self._struck.get((asset, point), (NO_INTS, NO_INTS))

    def let_go(self) -> None:
        """Only the live segment stays open: a file that is held open takes its room on the disk when it was shed."""
        self._seen = False
        rows = [segment for segment in self.segments.values() if isinstance(segment, RowSegment)]
        for segment in self.segments.values():
            if segment not in rows[-1:]:
                segment.close()

    def close(self) -> None:
        for segment in (*self.segments.values(), *((self.ledger,) if self.ledger else ())):
            segment.close()
        self.segments.clear()
        self.ledger = None
        self._closed = True

    def reading(self, work: Callable[[], Answer], rows: bool = True) -> Answer:
        """`work` on a fresh shelf; again when a file went under it. Of one that is closed nothing is opened again."""
        if self._closed:
            raise StoreError(f"{self.folder}: the journal was closed meanwhile; open it again")
        fault: Exception | None = None
        for attempt in range(TRIES):
            try:
                if attempt or not self._seen:
                    self.refresh(rows)
                    self._seen = self.steady > 0
                return work()
            except FileNotFoundError as error:
                fault = error
            except sqlite3.Error as error:
                raise StoreError(f"{self.folder}: the journal cannot be read (got {error}); try again") from error
            finally:
                if not self.steady:
                    self.let_go()
        if not self.folder.is_dir():
            raise StoreError(f"{self.folder}: no journal is there; start `gemba agent`, or import history") from fault
        raise StoreError(f"{self.folder}: segments go faster than they are read (got {fault}); try again") from fault
