"""Frames into the journal: one commit a second, sooner where a broker waits for it. While commits fail, frames wait in
a bounded queue; what it cannot hold is lost, counted, and told to the journal when it works again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from connectors.base import Frame
from store import StoreError
from store.journal import Journal

COMMIT = 1.0
SOON = 0.2
ROOM = 4_000_000  # values that may wait
T = TypeVar("T")
_log = logging.getLogger("gemba.keep")


@dataclass(slots=True)
class Owner:
    """Who handed frames over: counted in the order of yielding, kept or not, so that it can be told what is durable."""

    source: str
    told: Callable[[int], None]
    patient: bool = True
    """It cannot wait for its frames to come again: they may be shed. A broker's messages come again by themselves."""
    handed: int = 0


@dataclass(slots=True)
class Loss:
    """Frames of one source that nothing could hold."""

    start: int
    end: int
    frames: int = 0


@dataclass(slots=True)
class Kept:
    """What the keeper has done since it started."""

    commits: int = 0
    frames: int = 0
    values: int = 0
    failures: int = 0
    lost: int = 0
    slowest: float = 0.0
    trouble: str = ""
    waiting: int = 0


@dataclass(slots=True)
class _Batch:
    frames: list[Frame] = field(default_factory=list)
    handed: dict[int, tuple[Owner, int]] = field(default_factory=dict)


class Keeper:
    """Owns the writing side of the journal. `put` never blocks; `run` commits until cancelled."""

    def __init__(self, journal: Journal, room: int = ROOM, commit: float = COMMIT) -> None:
        self.journal, self.kept = journal, Kept()
        self._room, self._commit = room, commit
        self._queue: deque[tuple[Frame, Owner | None]] = deque()
        self._owners: dict[int, Owner] = {}
        self._losses: dict[str, Loss] = {}
        self._wake = asyncio.Event()
        self._soon = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "gemba-journal")

    # -- from the loop ---------------------------------------------------------------------------------------------
    def put(self, frame: Frame, owner: Owner | None = None) -> None:
        """Hands a frame over for the next commit."""
        self._queue.append((frame, owner))
        self.kept.waiting += len(frame.layout.columns)
        if owner is not None:
            self._owners[id(owner)] = owner
        self._wake.set()
        if self.kept.waiting > self._room:
            self._shed()

    def passed(self, owner: Owner) -> None:
        """One more frame of this owner was seen; it is durable with the next commit, whether it was put or dropped."""
        owner.handed += 1
        self._owners[id(owner)] = owner
        self._wake.set()

    def hurry(self) -> None:
        """Somebody waits for the commit: it comes within 200 ms of the first call."""
        self._soon.set()

    def _shed(self) -> None:
        kept: deque[tuple[Frame, Owner | None]] = deque()
        while self._queue and self.kept.waiting > self._room * 9 // 10:
            frame, owner = self._queue.popleft()
            if owner is not None and not owner.patient:
                kept.append((frame, owner))
                continue
            self.kept.waiting -= len(frame.layout.columns)
            self.kept.lost += 1
            loss = self._losses.setdefault(frame.layout.source, Loss(frame.time, frame.time))
            loss.start, loss.end = min(loss.start, frame.time), max(loss.end, frame.time)
            loss.frames += 1
        self._queue.extendleft(reversed(kept))

    async def work(self, call: Callable[[], T]) -> T:
        """Runs something with the journal in the thread that alone writes it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    # -- the loop --------------------------------------------------------------------------------------------------
    async def run(self) -> None:
        """Raises `StoreError` only when the disk itself failed (`fatal`): the supervisor starts the agent again."""
        while True:
            await self._pause()
            await self.commit()

    async def _pause(self) -> None:
        await self._wake.wait()
        try:
            async with asyncio.timeout(self._commit):
                await self._soon.wait()
                await asyncio.sleep(SOON)
        except TimeoutError:
            pass
        self._wake.clear()
        self._soon.clear()

    async def commit(self) -> None:
        """Everything handed over so far, as one transaction."""
        batch = self._take()
        if not batch.frames and not batch.handed:
            return
        began = asyncio.get_running_loop().time()
        try:
            if batch.frames:
                await self.work(lambda: self.journal.append(batch.frames))
            await self._account()
        except StoreError as error:
            if getattr(error, "fatal", False):
                raise
            self._put_back(batch, error)
            return
        if self.kept.trouble:
            _log.warning("journal: commits work again; %d frames were lost meanwhile", self.kept.lost)
            self.kept.trouble = ""
        self.kept.commits += 1
        self.kept.frames += len(batch.frames)
        self.kept.values += sum(len(frame.layout.columns) for frame in batch.frames)
        self.kept.slowest = max(self.kept.slowest, asyncio.get_running_loop().time() - began)
        for owner, count in batch.handed.values():
            owner.told(count)

    def _take(self) -> _Batch:
        batch = _Batch([frame for frame, _ in self._queue])
        for key, owner in self._owners.items():
            if owner.handed:
                batch.handed[key] = (owner, owner.handed)
                owner.handed = 0
        self._taken = list(self._queue)
        self._queue.clear()
        self._owners.clear()
        self.kept.waiting = 0
        return batch

    def _put_back(self, batch: _Batch, error: StoreError) -> None:
        self.kept.failures += 1
        if not self.kept.trouble:
            _log.error("journal: %s; collecting goes on and frames wait in memory", error)
        self.kept.trouble = str(error)
        self._queue.extendleft(reversed(self._taken))
        self.kept.waiting += sum(len(frame.layout.columns) for frame, _ in self._taken)
        for key, (owner, count) in batch.handed.items():
            owner.handed += count
            self._owners[key] = owner
        self._wake.set()
        if self.kept.waiting > self._room:
            self._shed()

    async def _account(self) -> None:
        """Tells the journal what was lost while it could not write."""
        while self._losses:
            source, loss = next(iter(self._losses.items()))
            detail = {
                "source": source,
                "from": loss.start,
                "to": loss.end,
                "frames": loss.frames,
                "why": "journal full",
            }
            await self.work(lambda at=loss.start, what=detail: self.journal.note("loss", at, what))  # type: ignore[misc]
            del self._losses[source]

    async def close(self) -> None:
        """The last commit."""
        try:
            await self.commit()
        finally:
            self._thread.shutdown(wait=False)
