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
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from kpi.api.witness import Key, Proof, Witness
from store.reader import Reader

FRESH = 5 * 10**9  # an answer may be so old before it is looked at again [ns]
LONG = 2 * 10**8  # work after which memory is given back [ns]
ROOM = 24 * 2**20  # bytes kept
SMALL = 1024  # bytes that are not worth packing


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


@dataclass(slots=True)
class _Kept:
    answer: Answer
    proof: Proof
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
        self,
        key: Key,
        end: int,
        reader: Callable[[], Reader],
        made: Callable[[Reader], Any],
        ready: Callable[[], tuple[Answer, Proof] | None],
        lasting: bool = True,
    ) -> Answer:
        """The answer to the question `key` about time up to `end`, formed by `made` where none is kept or `ready` that
        stands. One that is not `lasting` rests on more than this reader, and serves for a few seconds only."""
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
                old = (kept.answer, kept.proof) if kept else ready()
                kept = self._again(old, end, reader(), made)
                kept.proof.rows |= not lasting
                self._keep(key, kept)
            return kept.answer
        finally:
            lock.release()
            with self._one:
                self._asked.pop(key, None)

    def _again(
        self, old: tuple[Answer, Proof] | None, end: int, reader: Reader, made: Callable[[Reader], Any]
    ) -> _Kept:
        begun = time.monotonic_ns()
        if old is not None and old[1].stands(reader, end):
            return _Kept(*old, begun)
        witness = Witness(reader)
        answer = Answer(orjson.dumps(made(witness)) + b"\n")
        if time.monotonic_ns() - begun > LONG:
            _give_back()
        return _Kept(answer, witness.proof, time.monotonic_ns())

    def lasting(self) -> dict[Key, tuple[Answer, Proof]]:
        """Those that are right for as long as the store says the same."""
        with self._one:
            return {key: (kept.answer, kept.proof) for key, kept in self._kept.items() if kept.proof.lasts}

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
        self._kept: OrderedDict[Key, tuple[Proof, Any]] = OrderedDict()

    def of(self, key: Key, end: int, reader: Reader, made: Callable[[Reader], Any]) -> Any:
        with self._one:
            kept = self._kept.get(key)
        if kept is not None and kept[0].stands(reader, end):
            return kept[1]
        witness = Witness(reader)
        found = made(witness)
        if witness.proof.lasts:
            with self._one:
                self._kept[key] = witness.proof, found
                while len(self._kept) > self._few:
                    self._kept.popitem(last=False)
        return found
