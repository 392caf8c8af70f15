"""The agent: one asyncio program that collects every source of a plant, keeps what is worth a row, and forwards it.

It owns no thread but the journal's two, ends only when it is told to or when the disk itself fails, and starts
whatever InfluxDB does. Told to, it ends by one deadline, whatever hangs: a device, a broker, the disk.
"""

import asyncio
import importlib
import logging
import shutil
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from config.load import load
from config.plant import SECOND, Plant, Point, Source
from config.version import version
from connectors import quality
from connectors.clock import SYSTEM, Clock
from edge.aside import Aside
from edge.clock import ClockWatch, Step, synchronisation
from edge.collect import Collector, Factory
from edge.keep import Keeper
from edge.links import next_minute
from edge.notify import notify, watchdog_interval
from edge.status import Door, Status, socket_path
from store import StoreError
from store.journal import Journal, place
from store.journal.folder import size

if TYPE_CHECKING:
    from edge.forward import Forwarder

STOP = 5.0  # [s] from being told to stop until all is done or given up: half of what a service manager waits
COMMITTED, LEFT = 1.5, 3.5  # of them, for the first commit and for the connections; the last commit has what remains
TEND = 10.0
SLOTS = 4  # of an interval: polls are spread over it, but a wake of an idle processor costs as much as several polls
INFLUXDB = "influxdb"
NEWS = ("plant", "identity")  # events that are written only where they say something new
_log = logging.getLogger("gemba.agent")
_Sources = dict[str, tuple[Source, tuple[Point, ...]]]


def factory(protocol: str) -> Factory:
    """The protocol's own folder is imported when a plant has a source that speaks it."""
    module = importlib.import_module(f"connectors.{protocol}")
    return module.connect  # type: ignore[no-any-return]


def _collected(plant: Plant, gateway: str | None) -> _Sources:
    """The sources that this gateway collects, with their points."""
    found: _Sources = {}
    for source in plant.sources.values():
        if source.gateway == gateway:
            points = tuple(point for point in plant.points() if point.source == source.id)
            if points:
                found[source.id] = (source, points)
    return found


class Agent:
    """`run` until `stop` is called. `reload` takes a new plant file, or keeps the old one and says why."""

    def __init__(self, plant: Plant, gateway: str | None = None, clock: Clock = SYSTEM) -> None:
        self.plant, self.gateway, self.clock = plant, gateway, clock
        self.folder: Path = place(plant, gateway)
        self.collectors: dict[str, Collector] = {}
        self.forwarder: Forwarder | None = None
        self.started = clock.wall_ns()
        self.trouble = ""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._told = 0.0  # when to stop, by the loop's clock
        self._fault: Exception | None = None
        self._reloading = asyncio.Lock()
        self._watch = ClockWatch(clock)
        self._steps = 0
        self._ready = asyncio.Event()

    # -- life ------------------------------------------------------------------------------------------------------
    async def run(self) -> None:
        """Raises `StoreError` when the journal cannot be opened, or the disk fails under it."""
        consumers = [INFLUXDB] if self.plant.store else []
        self._aside = Aside("gemba-journal-beside")
        self.journal = await self._aside.do(lambda: Journal.open(self.folder, self.plant.keep, consumers))
        self.keeper = Keeper(self.journal)
        door = Door(socket_path(self.folder), self.status)
        try:
            await self._begin()
            await door.open()
            self._spawn("keep", self.keeper.run)
            self._spawn("minutes", self._minutes)
            self._spawn("clock", self._clocks)
            self._spawn("tend", self._tend)
            if self.plant.store is not None:
                from edge.forward import Forwarder

                self.forwarder = Forwarder(self.plant, self.journal, self.gateway, self.clock)
                self._spawn("forward", self.forwarder.run)
            if (interval := watchdog_interval()) is not None:
                self._spawn("watchdog", lambda: self._watchdog(interval))
            notify("READY=1")
            self._ready.set()
            await self._stopping.wait()
            if self._fault is not None:
                raise self._fault
        finally:
            notify("STOPPING=1")
            await self._end(door)

    async def ready(self) -> None:
        await self._ready.wait()

    def stop(self) -> None:
        """`run` ends within `STOP` of the first call."""
        if not self._stopping.is_set():
            self._told = asyncio.get_running_loop().time()
            self._stopping.set()

    def _spawn(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """What it raises ends the agent: half of one would look like a whole."""

        async def guarded() -> None:
            try:
                await work()
            except Exception as error:
                if not isinstance(error, StoreError):
                    _log.exception("%s: a fault of the agent itself", name)
                self._fault = self._fault or error
                self.stop()

        self._tasks[name] = asyncio.create_task(guarded(), name=name)

    async def _begin(self) -> None:
        span = await self._aside.do(self.journal.span)
        await self.keeper.remember(NEWS)
        self.keeper.note("start", self.started, {"gateway": self.gateway, "sha256": self.plant.sha256})
        self.keeper.note_new("plant", self.started, version(self.plant))
        self._collect(_collected(self.plant, self.gateway))
        if span is not None:
            for collector in self.collectors.values():
                collector.gap(min(span[1] + 1, self.started), quality.BAD_SHUTDOWN)

    async def _end(self, door: Door) -> None:
        """What a broker waits for is committed while it can still be told; when nobody collects, the last of it is."""
        self.stop()
        await self._by(self._told + COMMITTED, "commit", self.keeper.commit())
        await self._cancel(tuple(self._tasks), self._told + LEFT)
        now = self.clock.wall_ns()
        for collector in self.collectors.values():
            self._put_link(collector, now)
            collector.gap(now, quality.BAD_SHUTDOWN)
        self.keeper.note("stop", now, {})
        kept = await self._by(self._told + STOP, "last commit", self.keeper.close())
        await door.close()
        if kept:  # else a thread is still in the journal, and nothing that was committed waits for its closing
            await self._by(self._told + STOP, "closing of the journal", self._aside.do(self.journal.close))
        self._aside.end()

    async def _by(self, until: float, name: str, work: Awaitable[None]) -> bool:
        """Whether it ended in time, well or not."""
        try:
            async with asyncio.timeout_at(until):
                await work
        except TimeoutError:
            _log.error("the %s takes too long, is the disk hanging? It is not waited for", name)
            return False
        except StoreError as error:
            _log.error("the %s failed: %s", name, error)
        return True

    async def _cancel(self, names: Iterable[str], until: float) -> None:
        tasks = {self._tasks.pop(name) for name in names}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=max(0.0, until - asyncio.get_running_loop().time()))

    # -- sources ---------------------------------------------------------------------------------------------------
    def _collect(self, wanted: _Sources) -> None:
        """Starts a collector for each; polls of sources with one interval are spread over it."""
        base = self.clock.monotonic_ns()
        for place_, (name, (source, points)) in enumerate(wanted.items()):
            every = min(point.every for point in points)
            phase = base + every * (place_ % SLOTS) // SLOTS
            make = factory(source.protocol)
            collector = Collector(
                source, points, self.plant, make, self.keeper, self.clock, phase, self._watch.look, self._begin_epoch
            )
            self.collectors[name] = collector
            self._spawn(f"source {name}", collector.run)

    async def reload(self) -> bool:
        """The plant file again. Any fault in it keeps the old plant, and the buffer is not touched either way."""
        async with self._reloading:
            try:
                plant = await asyncio.to_thread(load, self.plant.file)
                if (plant.id, plant.data) != (self.plant.id, self.plant.data):
                    raise ValueError("`plant` and `data` cannot change while the agent runs; restart it")
                if (plant.store is None) != (self.plant.store is None):
                    raise ValueError("`store` cannot come or go while the agent runs; restart it")
            except Exception as error:
                self.trouble = f"reload refused: {error}"
                _log.error("the plant file was not taken, the old one stays: %s", error)
                return False
            await self._change(_collected(self.plant, self.gateway), _collected(plant, self.gateway), plant)
            self.journal.limit(plant.keep)
            if self.forwarder is not None:
                self.forwarder.reload(plant)
            self.keeper.note_new("plant", self.clock.wall_ns(), version(plant))
            _log.info("the plant file was read again")
            return True

    async def _change(self, before: _Sources, after: _Sources, plant: Plant) -> None:
        """Only the sources that differ are touched."""
        gone = [name for name in before if before[name] != after.get(name)]
        began = asyncio.get_running_loop().time()
        if gone:
            await self._by(began + COMMITTED, "commit", self.keeper.commit())
        await self._cancel((f"source {name}" for name in gone), began + LEFT)
        now = self.clock.wall_ns()
        for name in gone:
            collector = self.collectors.pop(name)
            self._put_link(collector, now)
            collector.gap(now, quality.BAD_SHUTDOWN)
        if gone:  # what they handed over last, so that those who take their place know of it
            await self._by(began + STOP, "commit", self.keeper.commit())
            await self.keeper.remember()
        self.plant, self.trouble = plant, ""
        self._collect({name: after[name] for name in after if name not in self.collectors})

    # -- what goes on beside ---------------------------------------------------------------------------------------
    def _put_link(self, collector: Collector, wall: int) -> None:
        row = collector.links.minute(self.clock.monotonic_ns(), wall, collector.seen.state)
        if row is not None:
            self.keeper.put(row)

    async def _minutes(self) -> None:
        while True:
            wall = self.clock.wall_ns()
            await self.clock.sleep_until(self.clock.monotonic_ns() + next_minute(wall) - wall)
            now = self.clock.wall_ns()
            for collector in self.collectors.values():
                self._put_link(collector, now)
            state = synchronisation()
            self.keeper.note("sync", now, {"synchronised": state.synchronised, "error_us": state.error})

    async def _clocks(self) -> None:
        while True:
            await self.clock.sleep_until(self.clock.monotonic_ns() + SECOND)
            if (step := self._watch.look()) is not None:
                self._begin_epoch(step)

    def _begin_epoch(self, step: Step) -> None:
        self._steps += 1
        _log.warning("the clock stepped by %.3f s; an epoch begins", step.by / SECOND)
        for collector in self.collectors.values():
            collector.stepped(step.by)
        self.keeper.step(step.new, {"old": step.old, "new": step.new})

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(TEND)
            try:
                await self._aside.do(self.journal.tend)
            except StoreError as error:
                if error.fatal:
                    raise
                _log.warning("%s", error)

    async def _watchdog(self, interval: float) -> None:
        """Fed only by progress: all tasks live, and what waited for a commit the last time was tried since."""
        before, waited = -1, False
        while True:
            await asyncio.sleep(interval)
            kept = self.keeper.kept
            tried = kept.commits + kept.failures + kept.events
            if not any(task.done() for task in self._tasks.values()) and (tried > before or not waited):
                notify("WATCHDOG=1")
            before, waited = tried, self.keeper.pending

    # -- status ----------------------------------------------------------------------------------------------------
    def status(self) -> Status:
        now = self.clock.wall_ns()
        kept, disk, keep = self.keeper.kept, shutil.disk_usage(self.folder), self.journal.keep
        state = synchronisation()
        return {
            "plant": self.plant.id,
            "gateway": self.gateway,
            "sha256": self.plant.sha256,
            "started": self.started,
            "time": now,
            "trouble": self.trouble or kept.trouble,
            "sources": {name: c.status(self.clock.monotonic_ns()) for name, c in self.collectors.items()},
            "journal": {
                "commits": kept.commits,
                "failures": kept.failures,
                "waiting": kept.waiting,
                "lost": kept.lost,
                "slowest_commit": round(kept.slowest, 4),
                "bytes": size(self.folder),
                "free": disk.free,
                "wanted": int(keep.free * disk.total),
                "when_full": keep.when_full,
            },
            "clock": {"steps": self._steps, "synchronised": state.synchronised, "error_us": state.error},
            **({} if self.forwarder is None else {"influxdb": self.forwarder.status()}),
        }
