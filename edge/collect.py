"""One source, collected: this alone connects, waits, and tries again. A source that is gone says so once and is a gap
in the record; one that comes back says so once. Nothing here waits for another source.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol, cast

import numpy as np

from config.plant import SECOND, Plant, Point, Source
from connectors import quality
from connectors.base import Column, Connector, Disconnected, Frame, Layout, gap
from connectors.clock import Clock
from edge.backoff import Backoff
from edge.exception import Exceptions
from edge.keep import Keeper, Owner
from edge.links import Links

SILENCE = 60 * SECOND  # a connector that brings nothing for so long, or for ten intervals, is taken for hung
GAP_GROUP = "gap"
_log = logging.getLogger("gemba.collect")


class Factory(Protocol):
    def __call__(
        self, source: Source, points: Sequence[Point], plant: Plant, *, clock: Clock, phase: int | None
    ) -> Connector: ...


@dataclass(slots=True)
class Seen:
    """What is known of a source since the agent started; `gemba status` shows it."""

    state: str = "down"
    since: int = 0
    frames: int = 0
    kept: int = 0
    good: int = 0
    bad: dict[str, int] = field(default_factory=dict)
    connections: int = 0
    failures: int = 0
    trouble: str = ""
    last: int = 0
    round_trip: int = 0
    identity: dict[str, str] = field(default_factory=dict)


def gap_layout(source: str, points: Sequence[Point]) -> Layout:
    """All points of a source, to say of all of them at once that nothing is known."""
    return Layout(source, GAP_GROUP, tuple(Column(point.asset, point.name, "int") for point in points))


class Collector:
    """Runs until cancelled; whatever its source does, it neither ends nor raises."""

    def __init__(
        self,
        source: Source,
        points: Sequence[Point],
        plant: Plant,
        factory: Factory,
        keeper: Keeper,
        clock: Clock,
        phase: int = 0,
    ) -> None:
        self.source, self.points, self.plant = source, points, plant
        self.seen = Seen(since=clock.wall_ns())
        self.links = Links(source.id, points, clock.monotonic_ns(), clock.wall_ns())
        self._factory, self._keeper, self._clock, self._phase = factory, keeper, clock, phase
        self._points: Mapping[tuple[str, str], Point] = {point.key: point for point in points}
        self._exceptions: dict[Layout, Exceptions] = {}
        self._gap = gap_layout(source.id, points)
        self._backoff = Backoff(random.Random(f"{plant.id}/{source.id}"))
        every = min((point.every for point in points), default=source.every)
        self._silence = max(SILENCE, 10 * every) / SECOND if source.protocol != "mqtt" else None
        self._every = every
        self.connector: Connector | None = None

    async def run(self) -> None:
        while True:
            began = self._clock.monotonic_ns()
            try:
                await self._connected()
            except Disconnected as error:
                self._gone(str(error), error.reason)
            except TimeoutError:
                self._gone(f"no frame for {self._silence:.0f} s", quality.BAD_TIMEOUT)
            except Exception as error:
                _log.exception("%s: a fault of the connector itself", self.source.id)
                self._gone(f"{type(error).__name__}: {error}", quality.BAD_UNEXPECTED)
            held = (self._clock.monotonic_ns() - began) / SECOND
            pause = self._backoff.failed(held if self.seen.frames else 0.0)
            await self._clock.sleep_until(self._clock.monotonic_ns() + int(pause * SECOND))

    async def _connected(self) -> None:
        connector = self.connector or self._factory(
            self.source, self.points, self.plant, clock=self._clock, phase=self._phase
        )
        self.connector = connector
        owner = Owner(self.source.id, connector.durable, self.source.protocol != "mqtt")
        entered = cast(AbstractAsyncContextManager[Connector], connector)
        async with entered:
            self._back(connector)
            frames = connector.frames()
            try:
                await self._take_all(frames, owner, connector)
            finally:
                await cast("_Closing", frames).aclose()

    async def _take_all(self, frames: AsyncIterator[Frame], owner: Owner, connector: Connector) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._silence) as deadline:
            async for frame in frames:
                self._take(frame, owner)
                if self._silence is not None:
                    deadline.reschedule(loop.time() + self._silence)
                elif _waits(connector):
                    self._keeper.hurry()

    def _take(self, frame: Frame, owner: Owner) -> None:
        seen = self.seen
        seen.frames += 1
        seen.round_trip = frame.round_trip or seen.round_trip
        self._count(frame)
        self.links.take(frame, self._clock.monotonic_ns())
        self._keeper.passed(owner)
        exceptions = self._exceptions.get(frame.layout)
        if exceptions is None:
            exceptions = self._exceptions[frame.layout] = Exceptions(frame.layout, self._points)
        if exceptions.keep(frame):
            seen.kept += 1
            self._keeper.put(frame, owner)

    def _count(self, frame: Frame) -> None:
        seen = self.seen
        if frame.live:
            seen.last = max(seen.last, frame.time)
        count = len(frame.layout.columns) if frame.columns is None else len(frame.columns)
        if frame.quality is None:
            seen.good += count
            return
        good = int(np.count_nonzero(quality.good(frame.quality)))
        seen.good += good
        if good < count:
            for code, times in zip(*np.unique(frame.quality, return_counts=True), strict=True):
                if code >= quality.UNCERTAIN:
                    name = quality.name(int(code))
                    seen.bad[name] = seen.bad.get(name, 0) + int(times)

    # -- coming and going ------------------------------------------------------------------------------------------
    def _back(self, connector: Connector) -> None:
        seen = self.seen
        if seen.failures or not seen.connections:
            _log.info("%s: connected", self.source.id)
        seen.state, seen.trouble, seen.since = "up", "", self._clock.wall_ns()
        seen.connections += 1
        seen.failures = 0
        seen.identity = dict(getattr(connector, "identity", None) or {})

    def _gone(self, why: str, reason: int) -> None:
        seen = self.seen
        if not seen.failures:
            _log.warning("%s: lost: %s; trying again, at the latest every minute", self.source.id, why)
        now = self._clock.wall_ns()
        if seen.state == "up" or not seen.failures:
            seen.since = now
            # What the last frame said stands for the interval of its poll; behind it nothing is known.
            at = min(now, seen.last + self._every) if seen.last else now
            self.gap(at, reason)
        seen.state, seen.trouble = "retrying", why
        seen.failures += 1

    def gap(self, time: int, reason: int) -> None:
        """From `time` on nothing is known of any point of this source."""
        self._keeper.put(gap(self._gap, time, reason))
        for exceptions in self._exceptions.values():
            exceptions.forget()


class _Closing(Protocol):
    async def aclose(self) -> None: ...


def _waits(connector: Connector) -> bool:
    """Whether a broker waits for acknowledgements: half of its window is taken, or anything is."""
    return bool(getattr(connector, "waiting", 0))
