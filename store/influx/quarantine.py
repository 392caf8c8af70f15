"""Lines that InfluxDB will never take as they are: kept in one file, so that nothing is lost unseen and nothing waits
behind them. `gemba quarantine` lists, retries and exports them.

One JSON document a line; every change is a new file that takes the old one's name, or an append that was synced.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from store.influx.delivery import Refused

NAME = "quarantine.jsonl"
MOST = 10_000  # lines
BYTES = 8 * 2**20
ROOM = 0.9  # of both is left when some had to go, so that not every new line writes the file anew


@dataclass(frozen=True, slots=True)
class Held:
    """A line, when it was refused [ns], and the server's message."""

    time: int
    line: str
    why: str

    def record(self) -> bytes:
        told = {"time": self.time, "line": self.line, "why": self.why}
        return json.dumps(told, ensure_ascii=False).encode() + b"\n"


class Quarantine:
    """Of one journal's folder. The agent adds while a command retries: a lock on the file's name keeps them apart."""

    def __init__(self, folder: Path, most: int = MOST, size: int = BYTES) -> None:
        self.path = folder / NAME
        self._most, self._size = most, size
        self._seen: tuple[tuple[int, int, int], list[Held]] | None = None
        self.count = len(self.all())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        handle = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def all(self) -> list[Held]:
        """Oldest first. A last line that a power cut tore is left out."""
        try:
            stat = self.path.stat()
            key = stat.st_ino, stat.st_size, stat.st_mtime_ns
            if self._seen is None or self._seen[0] != key:
                self._seen = key, list(_records(self.path.read_bytes()))
        except FileNotFoundError:
            return []
        return list(self._seen[1])

    def add(self, refused: Iterable[Refused], now: int) -> int:
        """Durable when it returns; a line that is here already stays as it is. How many old ones had to go."""
        new = {r.line.decode(errors="replace"): r.why for r in refused}
        if not new:
            return 0
        with self._alone():
            held = self.all()
            known = {one.line for one in held}
            more = [Held(now, line, why) for line, why in new.items() if line not in known]
            kept = self._newest([*held, *more])
            if len(kept) == len(held) + len(more):
                self._append(more)
            else:
                self._write(kept)
            self.count = len(kept)
        return len(held) + len(more) - len(kept)

    def release(self, gone: Iterable[Held]) -> None:
        """These were taken after all."""
        lines = {one.line for one in gone}
        with self._alone():
            kept = [one for one in self.all() if one.line not in lines]
            self._write(kept)
            self.count = len(kept)

    def _newest(self, held: list[Held]) -> list[Held]:
        sizes = [len(one.record()) for one in held]
        if len(held) <= self._most and sum(sizes) <= self._size:
            return held
        room, first = int(ROOM * self._size), len(held)
        while len(held) - first < int(ROOM * self._most) and room >= sizes[first - 1]:
            first -= 1
            room -= sizes[first]
        return held[first:]

    def _append(self, more: Iterable[Held]) -> None:
        with self.path.open("a+b") as file:
            torn = file.tell() and not _ends(file)
            file.write((b"\n" if torn else b"") + b"".join(one.record() for one in more))
            file.flush()
            os.fsync(file.fileno())

    def _write(self, held: Iterable[Held]) -> None:
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            file.write(b"".join(one.record() for one in held))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _ends(file: BinaryIO) -> bool:
    """Whether the last line is whole."""
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _records(raw: bytes) -> Iterator[Held]:
    for line in raw.split(b"\n"):
        try:
            told = json.loads(line)
            yield Held(told["time"], told["line"], told["why"])
        except (ValueError, LookupError, TypeError):
            continue
