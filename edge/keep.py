"""Frames into the journal: one commit a second, sooner where a broker waits for it. While commits fail, frames wait in
a bounded queue; what it cannot hold is lost, counted, a gap on record, and told to the journal when it works again.
"""

import asyncio
import logging
import struct
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from connectors.base import Frame, Layout
from edge.aside import Aside
from edge.batch import Batch, Epoch, Handed, Loss, Owner, accounted
from store import StoreError
from store.journal import Journal
from store.journal.history import EVER
from store.journal.rows import records

COMMIT = 1.0
SOON = 0.2
ROOM = 4_000_000  # values that may wait
EVENTS = 10_000  # events that may wait
_UNWRITABLE = (ValueError, OverflowError, TypeError, struct.error)
T = TypeVar("T")
_log = logging.getLogger("gemba.keep")


@dataclass(slots=True)
class Kept:
    """What the keeper has done since it started."""

    commits: int = 0
    frames: int = 0
    values: int = 0
    failures: int = 0
    events: int = 0
    lost: int = 0
    slowest: float = 0.0
    trouble: str = ""
    waiting: int = 0


class Keeper:
    """Owns the writing side of the journal. `put` never blocks; `run` commits until cancelled."""

    def __init__(self, journal: Journal, room: int = ROOM, commit: float = COMMIT) -> None:
        self.journal, self.kept = journal, Kept()
        self._room, self._commit = room, commit
        self._queue: deque[Handed] = deque()
        self._owners: dict[int, Owner] = {}
        self._losses: dict[Layout, Loss] = {}
        self._events: deque[tuple[str, int, Mapping[str, object]]] = deque()
        self._noted: dict[tuple[str, object], Mapping[str, object]] = {}
        self.receipts: dict[str, list[bytes]] = {}
        """What was committed for each source beside its frames, for one that begins anew."""
        self._wake = asyncio.Event()
        self._soon = asyncio.Event()
        self._now = asyncio.Event()
        self._one = asyncio.Lock()
        self._taking = asyncio.Event()
        self._taking.set()
        self._aside = Aside("gemba-journal")

    # -- from the loop ---------------------------------------------------------------------------------------------
    def put(self, frame: Frame, owner: Owner | None = None) -> None:
        """Hands a frame over for the next commit."""
        self._queue.append((frame, owner))
        self.kept.waiting += len(frame.layout.columns)
        self._wake.set()
        if self.kept.waiting > self._room:
            self._shed()

    def passed(self, owner: Owner) -> None:
        """One more frame of this owner was seen; it is durable with the next commit, whether it was put or dropped."""
        if not owner.handed:
            self._owners[id(owner)] = owner
            self._wake.set()
        owner.handed += 1

    def note(self, kind: str, time: int, detail: Mapping[str, object]) -> None:
        """An event for the next commit; while commits fail it waits."""
        if len(self._events) < EVENTS:
            self._events.append((kind, time, detail))
        self._wake.set()

    def note_new(self, kind: str, time: int, detail: Mapping[str, object]) -> None:
        """An event only where it says something else than the last of its kind and source."""
        key = kind, detail.get("source")
        if self._noted.get(key) != detail:
            self._noted[key] = detail
            self.note(kind, time, detail)

    def step(self, time: int, detail: Mapping[str, object]) -> None:
        """The clock was set: an epoch begins between what was put before this and what is put after it."""
        self._queue.append((Epoch(time, detail), None))
        self._wake.set()

    def hurry(self, at_once: bool = False) -> None:
        """Somebody waits for the commit: it comes within 200 ms of the first call, or now."""
        self._soon.set()
        if at_once:
            self._now.set()

    @property
    def stopped(self) -> bool:
        """The journal takes nothing and its `when_full` is `stop`: nobody is to collect."""
        return not self._taking.is_set()

    async def taking(self) -> None:
        """Returns when frames may be collected."""
        await self._taking.wait()

    @property
    def pending(self) -> bool:
        return bool(self._queue or self._owners or self._events)

    async def work(self, call: Callable[[], T]) -> T:
        """Runs something with the journal in the thread that alone writes it."""
        return await self._aside.do(call)

    async def remember(self, kinds: Sequence[str] = ()) -> None:
        """Reads what earlier commits say: receipts, and of each source the last events of these kinds."""

        def read() -> None:
            self.receipts = self.journal.receipts()
            for event in self.journal.events(-EVER, EVER, kinds) if kinds else ():
                self._noted[event.kind, event.detail.get("source")] = event.detail

        await self.work(read)

    # -- what cannot be held ---------------------------------------------------------------------------------------
    def _shed(self) -> None:
        """The oldest go; those that a broker would send again last, and only where nothing else makes room."""
        for patient in (True, False):
            kept: deque[Handed] = deque()
            while self._queue and self.kept.waiting > self._room * 9 // 10:
                frame, owner = self._queue.popleft()
                if isinstance(frame, Frame) and (owner is None or owner.patient) is patient:
                    self.kept.waiting -= len(frame.layout.columns)
                    self._lose(frame)
                else:
                    kept.append((frame, owner))
            self._queue.extendleft(reversed(kept))

    def _lose(self, frame: Frame) -> None:
        self.kept.lost += 1
        loss = self._losses.setdefault(frame.layout, Loss(frame.time, frame.time))
        loss.start, loss.end = min(loss.start, frame.time), max(loss.end, frame.time)
        loss.frames += 1

    # -- the loop --------------------------------------------------------------------------------------------------
    async def run(self) -> None:
        """Raises `StoreError` only when the disk itself failed (`fatal`): the supervisor starts the agent again."""
        while True:
            await self._pause()
            await self.commit()

    async def _pause(self) -> None:
        await self._wake.wait()
        if self.kept.trouble:  # nobody is helped by asking a full disk more often
            await asyncio.sleep(self._commit)
        else:
            try:
                async with asyncio.timeout(self._commit):
                    await self._soon.wait()
                    async with asyncio.timeout(SOON):
                        await self._now.wait()
            except TimeoutError:
                pass
        for event in (self._wake, self._soon, self._now):
            event.clear()

    async def commit(self) -> None:
        """Everything handed over so far, as one transaction. Once begun it is finished, whoever stops waiting."""
        await asyncio.shield(asyncio.ensure_future(self._committed()))

    async def _committed(self) -> None:
        async with self._one:
            await self._write()

    async def _write(self) -> None:
        batch = self._take()
        began = asyncio.get_running_loop().time()
        try:
            if batch.queue or batch.losses:
                await self._append(batch)
            for of, loss in batch.losses.items():
                self.note("loss", loss.start, accounted(of, loss))
            batch.losses.clear()
            self._done(batch)
            await self._write_events()
        except StoreError as error:
            self._put_back(batch, error)
            if error.fatal:
                raise
            return
        self.kept.slowest = max(self.kept.slowest, asyncio.get_running_loop().time() - began)
        self._works()

    def _take(self) -> Batch:
        handed = [(owner, owner.handed) for owner in self._owners.values()]
        for owner, _ in handed:
            owner.handed = 0
        batch = Batch(list(self._queue), handed, self._losses)
        self._queue.clear()
        self._owners.clear()
        self._losses = {}
        self.kept.waiting = 0
        return batch

    async def _append(self, batch: Batch) -> None:
        """In the order of coming: an epoch begins between the frames before it and those behind it."""
        while True:
            await self._append_part(batch)
            if (epoch := batch.written()) is None:
                return
            time, detail = epoch.time, epoch.detail
            await self.work(lambda: self.journal.step(time, detail))  # noqa: B023
            del batch.queue[0]

    async def _append_part(self, batch: Batch) -> None:
        try:
            await self.work(lambda: self.journal.append(batch.part(), batch.receipts()))
        except _UNWRITABLE:
            batch.queue = [pair for pair in batch.queue if self._writable(pair[0])]
            await self.work(lambda: self.journal.append(batch.part(), batch.receipts()))

    def _writable(self, frame: Frame | Epoch) -> bool:
        """One frame that cannot be written, which is a fault of its connector, does not cost the others."""
        if isinstance(frame, Epoch):
            return True
        try:
            list(records(frame, 0, 1, 0, lambda text: len(text.encode())))
        except _UNWRITABLE as error:
            _log.error("%s: a frame that cannot be written: %s", frame.layout.source, error)
            self._lose(frame)
            return False
        return True

    def _done(self, batch: Batch) -> None:
        """From here on it is durable, whatever else goes wrong."""
        if batch.frames or batch.handed:
            self.kept.commits += 1
        self.kept.frames += batch.frames
        self.kept.values += batch.values
        handed, batch.handed = batch.handed, []
        for owner, count in handed:
            owner.told(count)

    async def _write_events(self) -> None:
        while self._events:
            kind, time, detail = self._events[0]
            await self.work(lambda: self.journal.note(kind, time, detail))  # noqa: B023
            self._events.popleft()
            self.kept.events += 1

    def _works(self) -> None:
        if self.kept.trouble:
            _log.warning("journal: commits work again; %d frames were lost meanwhile", self.kept.lost)
            self.kept.trouble = ""
            self._taking.set()

    def _put_back(self, batch: Batch, error: StoreError) -> None:
        self.kept.failures += 1
        stops = self.journal.keep.when_full == "stop"
        if not self.kept.trouble:
            what = "collecting stops (`when_full: stop`)" if stops else "collecting goes on, frames wait in memory"
            _log.error("journal: %s; %s", error, what)
        self.kept.trouble = str(error)
        if stops:
            self._taking.clear()
        self._queue.extendleft(reversed(batch.queue))
        self.kept.waiting += batch.waiting
        for owner, count in batch.handed:
            owner.handed += count
            self._owners[id(owner)] = owner
        for of, loss in batch.losses.items():
            later = self._losses.setdefault(of, loss)
            if later is not loss:
                later.start, later.end = min(loss.start, later.start), max(loss.end, later.end)
                later.frames += loss.frames
        self._wake.set()
        if self.kept.waiting > self._room:
            self._shed()

    async def close(self) -> None:
        """The last commit."""
        try:
            await self.commit()
            if self.kept.trouble:
                _log.error("journal: %d frames could not be kept before the end", len(self._queue))
        finally:
            self._aside.end()
