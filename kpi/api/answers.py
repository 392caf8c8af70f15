"""Answers that are kept: a document's bytes, for as long as what it was made of is still what the store holds.

An answer that was made of kept facts alone names the versions of all rows behind them; while these are the same, so is
the answer, however old. One for which rows were read serves again for a few seconds only.
"""

import ctypes
import gzip
import hashlib
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import orjson

from store.reader import Event, Links, Reader, Series

FRESH = 5 * 10**9  # an answer may be so old before it is looked at again [ns]
LONG = 2 * 10**8  # work after which memory is given back [ns]
ROOM = 24 * 2**20  # bytes kept
SMALL = 1024  # bytes that are not worth packing

Key = tuple[Any, ...]


class Answer:
    """The bytes of a document and their tag."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.tag = hashlib.sha256(body).hexdigest()[:32]

    @cached_property
    def packed(self) -> bytes:
        """As gzip; made once, when it is first asked for."""
        return gzip.compress(self.body, 1, mtime=0)

    @property
    def size(self) -> int:
        return len(self.body) + len(self.__dict__.get("packed", b""))


class Witness:
    """A reader that remembers what it was asked of versions, events and span; and whether rows were read."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.rows = False
        self.told: dict[tuple[str, Key], object] = {}

    @property
    def store(self) -> Literal["journal", "influxdb"]:
        return self._reader.store

    def steady(self) -> AbstractContextManager[None]:
        return self._reader.steady()

    def series(self, asset: str, points: Sequence[str], start: int, end: int) -> dict[str, Series]:
        self.rows = True
        return self._reader.series(asset, points, start, end)

    def before(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        self.rows = True
        return self._reader.before(asset, points, time, good)

    def after(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        self.rows = True
        return self._reader.after(asset, points, time, good)

    def links(self, assets: Sequence[str], start: int, end: int) -> dict[str, Links]:
        self.rows |= bool(assets)
        return self._reader.links(assets, start, end)

    def events(self, start: int, end: int, kinds: Sequence[str] = ()) -> list[Event]:
        found = self._reader.events(start, end, kinds)
        self.told["events", (start, end, tuple(kinds))] = found
        return found

    def span(self) -> tuple[int, int] | None:
        found = self._reader.span()
        self.told["span", ()] = found
        return found

    def version(self, asset: str, start: int, end: int) -> str:
        found = self._reader.version(asset, start, end)
        self.told["version", (asset, start, end)] = found
        return found

    @property
    def lasts(self) -> bool:
        """Whether what was made names the versions of everything behind it."""
        return not self.rows and any(name == "version" for name, _ in self.told)

    def stands(self, reader: Reader, end: int) -> bool:
        """Whether this reader would say the same; rows may have come after `end`, the last that the question asks."""
        if self.rows or reader.store != self.store:
            return False
        with reader.steady():
            return all(self._same(reader, name, asked, told, end) for (name, asked), told in self.told.items())

    def _same(self, reader: Reader, name: str, asked: Key, told: Any, end: int) -> bool:
        if name == "span":
            now = reader.span()
            return (told is None) == (now is None) and (
                told is None or now is None or (told[0], min(told[1], end)) == (now[0], min(now[1], end))
            )
        return bool(getattr(reader, name)(*asked) == told)


@dataclass(slots=True)
class _Kept:
    answer: Answer
    witness: Witness
    seen: int  # monotonic [ns], when it was last known to be right

    def within(self, age: int) -> bool:
        return time.monotonic_ns() - self.seen < age


class Answers:
    """Kept answers by their questions. One question is worked on once, however many ask it at the same time; who asks
    while a kept answer is looked at again has that one."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._one = threading.Lock()
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._asked: dict[Key, threading.Lock] = {}

    def of(
        self, key: Key, end: int, reader: Callable[[], Reader], made: Callable[[Reader], Any], lasting: bool = True
    ) -> Answer:
        """The answer to the question `key` about time up to `end`, formed by `made` where none is kept that stands.
        One that is not `lasting` rests on more than this reader, and serves for a few seconds only."""
        kept = self._find(key)
        if kept is not None and kept.within(FRESH):
            return kept.answer
        with self._one:
            lock = self._asked.setdefault(key, threading.Lock())
        if not lock.acquire(blocking=kept is None or not kept.within(2 * FRESH)):
            assert kept is not None
            return kept.answer
        try:
            kept = self._find(key)
            if kept is None or not kept.within(FRESH):
                kept = self._again(kept, end, reader(), made)
                kept.witness.rows |= not lasting
                self._keep(key, kept)
            return kept.answer
        finally:
            lock.release()
            with self._one:
                self._asked.pop(key, None)

    def _again(self, kept: _Kept | None, end: int, reader: Reader, made: Callable[[Reader], Any]) -> _Kept:
        begun = time.monotonic_ns()
        if kept is not None and kept.witness.stands(reader, end):
            return _Kept(kept.answer, kept.witness, begun)
        witness = Witness(reader)
        answer = Answer(orjson.dumps(made(witness)) + b"\n")
        if time.monotonic_ns() - begun > LONG:
            _give_back()
        return _Kept(answer, witness, time.monotonic_ns())

    def _find(self, key: Key) -> _Kept | None:
        with self._one:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Key, kept: _Kept) -> None:
        with self._one:
            self._kept[key] = kept
            while len(self._kept) > 1 and sum(one.answer.size for one in self._kept.values()) > self._room:
                self._kept.popitem(last=False)


def _give_back() -> None:
    """What a large answer took of memory goes back to the machine; glibc keeps the most of it otherwise."""
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


class Remembered:
    """What several answers have in common: worked on once for all questions that rest on the same versions.

    Whoever reads through a `Witness` has asked for all these versions too when it is served from here.
    """

    def __init__(self, few: int = 8) -> None:
        self._few = few
        self._one = threading.Lock()
        self._kept: OrderedDict[Key, tuple[Witness, Any]] = OrderedDict()

    def of(self, key: Key, end: int, reader: Reader, made: Callable[[Reader], Any]) -> Any:
        with self._one:
            kept = self._kept.get(key)
        if kept is not None and kept[0].stands(reader, end):
            return kept[1]
        witness = Witness(reader)
        found = made(witness)
        if witness.lasts:
            with self._one:
                self._kept[key] = witness, found
                while len(self._kept) > self._few:
                    self._kept.popitem(last=False)
        return found
