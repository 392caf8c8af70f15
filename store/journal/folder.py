"""What lies in a journal's folder beside the segments: who may write, and the number the next segment gets."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from store import StoreError
from store.journal.shelf import LEDGER, listed

ASIDE = "aside"  # damaged segments, kept for who wants to look, until room is needed


class Lock:
    """A file locked by one process; it says who. The lock goes with the process, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = -1

    def take(self) -> bool:
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        self._handle = handle
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        except OSError:  # a full disk does not unlock it; only its owner stays unnamed
            pass
        return True

    def wait(self, told: Callable[[str], None]) -> None:
        """Until it is free; `told` is called once when that is not now."""
        said = False
        while not self.take():
            if not said:
                told(self.owner())
                said = True
            time.sleep(0.05)

    def owner(self) -> str:
        try:
            return self.path.read_text().strip() or "unknown"
        except OSError:
            return "unknown"

    def release(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


@contextmanager
def numbered(folder: Path) -> Iterator[int]:
    """The next segment's number, for whoever publishes one while this is held; no number is ever given twice."""
    handle = os.open(folder / "number", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        text = os.pread(handle, 32, 0).strip()
        counted = int(text) if text.isdigit() else 0
        number = max(counted, max(listed(folder), default=0)) + 1
        os.pwrite(handle, f"{number:019d}\n".encode(), 0)
        os.fsync(handle)
        yield number
    finally:
        os.close(handle)


def made(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: the journal's folder cannot be made (got {error.strerror}); see `data`") from error


def size(folder: Path) -> int:
    """Bytes of everything in it."""
    total = 0
    for path in (*folder.iterdir(), *((folder / ASIDE).iterdir() if (folder / ASIDE).is_dir() else ())):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


__all__ = ["ASIDE", "LEDGER", "Lock", "made", "numbered", "size"]
