"""The agent: one asyncio program that collects every source of a plant, keeps what is worth a row, and forwards it.

It owns no thread but the journal's two, ends only when it is told to or when the disk itself fails, and starts
whatever InfluxDB does.
"""

import asyncio
import importlib
import logging
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from config.load import load
from config.plant import SECOND, Plant, Point, Source
from connectors import quality
from connectors.clock import SYSTEM, Clock
from edge.clock import ClockWatch, synchronisation
from edge.collect import Collector, Factory
from edge.keep import Keeper
from edge.links import next_minute
from edge.notify import notify, watchdog_interval
from edge.status import Door, Status, socket_path
from store import StoreError
from store.journal import Journal, place

STOP = 4.0  # seconds for a clean stop
TEND = 10.0
INFLUXDB = "influxdb"
_log = logging.getLogger("gemba.agent")


def factory(protocol: str) -> Factory:
    """The protocol's own folder is imported when a plant has a source that speaks it."""
    module = importlib.import_module(f"connectors.{protocol}")
    return module.connect  # type: ignore[no-any-return]


def _collected(plant: Plant, gateway: str | None) -> dict[str, tuple[Source, tuple[Point, ...]]]:
    """The sources that this gateway collects, with their points."""
    found: dict[str, tuple[Source, tuple[Point, ...]]] = {}
    for source in plant.sources.values():
        if gateway is None or source.gateway is None or source.gateway == gateway:
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
        self.started = clock.wall_ns()
        self.trouble = ""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._watch = ClockWatch(clock)
        self._steps = 0
        self._ready = asyncio.Event()

    # -- life ------------------------------------------------------------------------------------------------------
    async def run(self) -> None:
        """Raises `StoreError` when the journal cannot be opened, or the disk fails under it."""
        consumers = [INFLUXDB] if self.plant.store else []
        self.journal = await asyncio.to_thread(Journal.open, self.folder, self.plant.keep, consumers)
        self.keeper = Keeper(self.journal)
        door = Door(socket_path(self.folder), self.status)
        try:
            await self._begin()
            await door.open()
            keeping = asyncio.create_task(self.keeper.run(), name="keep")
            self._spawn("minutes", self._minutes)
            self._spawn("clock", self._clocks)
            self._spawn("tend", self._tend)
            if (interval := watchdog_interval()) is not None:
                self._spawn("watchdog", lambda: self._watchdog(interval))
            notify("READY=1")
            self._ready.set()
            stopping = asyncio.create_task(self._stopping.wait())
            await asyncio.wait({keeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            keeping.cancel()
            outcome = (await asyncio.gather(keeping, return_exceptions=True))[0]
            if isinstance(outcome, StoreError):
                raise outcome
        finally:
            notify("STOPPING=1")
            await self._end(door)

    async def ready(self) -> None:
        await self._ready.wait()

    def stop(self) -> None:
        self._stopping.set()

    def _spawn(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        async def guarded() -> None:
            try:
                await work()
            except Exception:
                _log.exception("%s: a fault of the agent itself", name)
                raise

        self._tasks[name] = asyncio.create_task(guarded(), name=name)

    async def _begin(self) -> None:
        span = await asyncio.to_thread(self.journal.span)
        detail = {"gateway": self.gateway, "sha256": self.plant.sha256}
        await self.keeper.work(lambda: self.journal.note("start", self.started, detail))
        self._collect(_collected(self.plant, self.gateway))
        if span is not None:
            for collector in self.collectors.values():
                collector.gap(min(span[1] + 1, self.started), quality.BAD_SHUTDOWN)

    async def _end(self, door: Door) -> None:
        for name in tuple(self._tasks):
            await self._cancel(name)
        now = self.clock.wall_ns()
        for collector in self.collectors.values():
            collector.gap(now, quality.BAD_SHUTDOWN)
        self._put_links(now)
        try:
            async with asyncio.timeout(STOP):
                await self.keeper.close()
                await asyncio.to_thread(self.journal.note, "stop", now, {})
        except (TimeoutError, StoreError, sqlite3.Error) as error:
            _log.error("the last commit failed: %s", error)
        await door.close()
        await asyncio.to_thread(self.journal.close)

    async def _cancel(self, name: str) -> None:
        task = self._tasks.pop(name)
        task.cancel()
        await asyncio.wait({task}, timeout=STOP)

    # -- sources ---------------------------------------------------------------------------------------------------
    def _collect(self, wanted: dict[str, tuple[Source, tuple[Point, ...]]]) -> None:
        """Starts a collector for each; polls of sources with one interval are spread over it."""
        base = self.clock.monotonic_ns()
        for place_, (name, (source, points)) in enumerate(wanted.items()):
            every = min(point.every for point in points)
            phase = base + every * place_ // max(1, len(wanted))
            make = factory(source.protocol)
            collector = Collector(source, points, self.plant, make, self.keeper, self.clock, phase)
            self.collectors[name] = collector
            self._spawn(f"source {name}", collector.run)

    async def reload(self) -> bool:
        """The plant file again. Any fault in it keeps the old plant, and the buffer is not touched either way."""
        try:
            plant = await asyncio.to_thread(load, self.plant.file)
            if (plant.id, plant.data) != (self.plant.id, self.plant.data):
                raise ValueError("`plant` and `data` cannot change while the agent runs; restart it")
        except Exception as error:
            self.trouble = f"reload refused: {error}"
            _log.error("the plant file was not taken, the old one stays: %s", error)
            return False
        before, after = _collected(self.plant, self.gateway), _collected(plant, self.gateway)
        now = self.clock.wall_ns()
        for name in [name for name in before if before[name] != after.get(name)]:
            await self._cancel(f"source {name}")
            self.collectors.pop(name).gap(now, quality.BAD_SHUTDOWN)
        self.plant, self.trouble = plant, ""
        self._collect({name: after[name] for name in after if name not in self.collectors})
        detail = {"sha256": plant.sha256, "text": plant.file.read_text(encoding="utf-8")}
        await self.keeper.work(lambda: self.journal.note("plant", now, detail))
        return True

    # -- what goes on beside ---------------------------------------------------------------------------------------
    def _put_links(self, wall: int) -> None:
        for collector in self.collectors.values():
            row = collector.links.minute(self.clock.monotonic_ns(), wall, collector.seen.state)
            if row is not None:
                self.keeper.put(row)

    async def _minutes(self) -> None:
        while True:
            wall = self.clock.wall_ns()
            await self.clock.sleep_until(self.clock.monotonic_ns() + next_minute(wall) - wall)
            now = self.clock.wall_ns()
            self._put_links(now)
            state = synchronisation()
            detail = {"synchronised": state.synchronised, "error_us": state.error}
            try:
                await self.keeper.work(lambda at=now, what=detail: self.journal.note("sync", at, what))  # type: ignore[misc]
            except StoreError as error:
                if getattr(error, "fatal", False):
                    raise

    async def _clocks(self) -> None:
        while True:
            await self.clock.sleep_until(self.clock.monotonic_ns() + SECOND)
            if (step := self._watch.look()) is None:
                continue
            self._steps += 1
            _log.warning("the clock stepped by %.3f s; an epoch begins", step.by / SECOND)
            await self.keeper.commit()
            detail = {"old": step.old, "new": step.new}
            await self.keeper.work(lambda at=step.new, what=detail: self.journal.step(at, what))  # type: ignore[misc]

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(TEND)
            await asyncio.to_thread(self.journal.tend)

    async def _watchdog(self, interval: float) -> None:
        """Fed only by progress: commits while anything is up, and collectors that live."""
        commits = -1
        while True:
            await asyncio.sleep(interval)
            alive = not any(task.done() for task in self._tasks.values())
            idle = not any(c.seen.state == "up" for c in self.collectors.values()) or self.keeper.kept.trouble
            if alive and (idle or self.keeper.kept.commits > commits):
                notify("WATCHDOG=1")
            commits = self.keeper.kept.commits

    # -- status ----------------------------------------------------------------------------------------------------
    def status(self) -> Status:
        now = self.clock.wall_ns()
        kept, disk = self.keeper.kept, shutil.disk_usage(self.folder)
        state = synchronisation()
        return {
            "plant": self.plant.id,
            "gateway": self.gateway,
            "sha256": self.plant.sha256,
            "started": self.started,
            "time": now,
            "trouble": self.trouble or kept.trouble,
            "sources": {name: _source_status(c, now) for name, c in self.collectors.items()},
            "journal": {
                "commits": kept.commits,
                "failures": kept.failures,
                "waiting": kept.waiting,
                "lost": kept.lost,
                "slowest_commit": round(kept.slowest, 4),
                "bytes": sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file()),
                "free": disk.free,
            },
            "clock": {"steps": self._steps, "synchronised": state.synchronised, "error_us": state.error},
        }


def _source_status(collector: Collector, now: int) -> Status:
    seen = collector.seen
    polls: Any = getattr(collector.connector, "polls", None)
    return {
        "protocol": collector.source.protocol,
        "url": collector.source.url,
        "state": seen.state,
        "since": seen.since,
        "age": round((now - seen.last) / SECOND, 3) if seen.last else None,
        "round_trip": seen.round_trip / SECOND if seen.round_trip else None,
        "frames": seen.frames,
        "kept": seen.kept,
        "good": seen.good,
        "bad": dict(seen.bad),
        "missed": polls.missed if polls else None,
        "connections": seen.connections,
        "trouble": seen.trouble,
        "identity": seen.identity,
    }
