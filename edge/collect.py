"""One source, collected: this alone connects, waits, and tries again. A source that is gone says so once and is a gap
in the record; one that comes back says so once. Nothing here waits for another source.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import numpy as np

from config.plant import SECOND, Plant, Point, Source
from connectors import quality
from connectors.base import Column, Connector, Disconnected, Frame, Layout, gap
from connectors.clock import Clock
from edge.backoff import Backoff
from edge.batch import Owner
from edge.clock import Step
from edge.exception import Exceptions
from edge.keep import Keeper
from edge.links import Links

SILENCE = 60 * SECOND  # a connector that brings nothing for so long, or for ten intervals, is taken for hung
LEAVING = 2.0  # seconds to close a connection in
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
    heard: int = 0
    """The same on the monotonic clock: what the age is counted from."""
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
        look: Callable[[], Step | None] = lambda: None,
        begin: Callable[[Step], None] = lambda step: None,
    ) -> None:
        """`look` says whether the wall clock was set since it was asked last, and `begin` begins an epoch then."""
        self.source, self.points, self.plant = source, points, plant
        self.seen = Seen(since=clock.wall_ns())
        self.links = Links(source.id, points, clock.monotonic_ns(), clock.wall_ns())
        self._factory, self._keeper, self._clock, self._phase = factory, keeper, clock, phase
        self._look, self._begin = look, begin
        self._points: Mapping[tuple[str, str], Point] = {point.key: point for point in points}
        self._exceptions: dict[Layout, Exceptions] = {}
        self._gap = gap_layout(source.id, points)
        self._backoff = Backoff(random.Random(f"{plant.id}/{source.id}"))
        every = min((point.every for point in points), default=source.every)
        self._patience = max(SILENCE, 10 * every) / SECOND
        self._broker = source.protocol == "mqtt"  # it says nothing while nothing happens, and looks after its own link
        self._every = every
        self._held = 0  # when the connection of now brought its first frame
        self._last_layout: Layout | None = None
        self._last_exceptions: Exceptions | None = None
        self.connector: Connector | None = None

    async def run(self) -> None:
        while True:
            await self._keeper.taking()
            self._held = 0
            try:
                await self._connected()
            except Disconnected as error:
                self._gone(str(error), error.reason)
            except TimeoutError:
                self._gone(f"nothing for {self._patience:.0f} s", quality.BAD_TIMEOUT)
            except Exception as error:
                _log.exception("%s: a fault of the connector itself", self.source.id)
                self._gone(f"{type(error).__name__}: {error}", quality.BAD_UNEXPECTED)
            now = self._clock.monotonic_ns()
            pause = self._backoff.failed((now - self._held) / SECOND if self._held else 0.0)
            await self._clock.sleep_until(now + int(pause * SECOND))

    async def _connected(self) -> None:
        connector = self.connector or self._made()
        receipt = getattr(connector, "receipt", None)
        owner = Owner(self.source.id, connector.durable, not self._broker, receipt)
        entered = cast(AbstractAsyncContextManager[Connector], connector)
        async with asyncio.timeout(self._patience) as deadline, entered:
            self._back(connector)
            frames = connector.frames()
            try:
                await self._take_all(frames, owner, connector, deadline)
            finally:
                if not deadline.expired():
                    deadline.reschedule(asyncio.get_running_loop().time() + LEAVING)
                await cast("_Closing", frames).aclose()

    def _made(self) -> Connector:
        """The connector, which is told what an agent before us committed and may not have acknowledged."""
        made = self._factory(self.source, self.points, self.plant, clock=self._clock, phase=self._phase)
        if receipts := self._keeper.receipts.get(self.source.id):
            cast(Any, made).remember(receipts)
        self.connector = made
        return made

    async def _take_all(
        self, frames: AsyncIterator[Frame], owner: Owner, connector: Connector, deadline: asyncio.Timeout
    ) -> None:
        loop, kept = asyncio.get_running_loop(), 0.0
        if self._broker:
            deadline.reschedule(None)
        async for frame in frames:
            self._take(frame, owner)
            if self._keeper.stopped:
                raise Disconnected("the journal is full and `when_full: stop` holds", quality.BAD_OUT_OF_SERVICE)
            if not self._broker:
                if (now := loop.time()) - kept > self._patience / 10:  # a timer for each frame would cost too much
                    deadline.reschedule(now + self._patience)
                    kept = now
            elif waiting := getattr(connector, "waiting", 0):
                self._keeper.hurry(at_once=2 * waiting >= getattr(connector, "window", 0))

    def _take(self, frame: Frame, owner: Owner) -> None:
        """A frame belongs to the epoch of the clock that stamped it."""
        step = self._look()
        if step is None:
            self._keep(frame, owner)
        elif abs(frame.time - step.old) < abs(frame.time - step.new):
            self._keep(frame, owner)
            self._begin(step)
        else:
            self._begin(step)
            self._keep(frame, owner)

    def _keep(self, frame: Frame, owner: Owner) -> None:
        seen, now = self.seen, self._clock.monotonic_ns()
        self._held = self._held or now
        seen.frames += 1
        seen.round_trip = frame.round_trip or seen.round_trip
        if frame.live:
            seen.heard = now
            seen.last = max(seen.last, frame.time)
        self._count(frame)
        self.links.take(frame, now)
        self._keeper.passed(owner)
        if self._worth(frame):
            seen.kept += 1
            self._keeper.put(frame, owner)

    def _worth(self, frame: Frame) -> bool:
        if frame.layout is not self._last_layout or self._last_exceptions is None:  # hashing a layout costs more
            exceptions = self._exceptions.get(frame.layout)
            if exceptions is None:
                exceptions = self._exceptions[frame.layout] = Exceptions(frame.layout, self._points)
            self._last_layout, self._last_exceptions = frame.layout, exceptions
        return self._last_exceptions.keep(frame)

    def _count(self, frame: Frame) -> None:
        seen = self.seen
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
        if seen.identity:
            self._keeper.note_new("identity", seen.since, {"source": self.source.id, "identity": seen.identity})

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

    def status(self, now: int) -> dict[str, object]:
        """For `gemba status`, at this time of the monotonic clock."""
        seen = self.seen
        polls: Any = getattr(self.connector, "polls", None)
        return {
            "protocol": self.source.protocol,
            "url": self.source.url,
            "state": seen.state,
            "since": seen.since,
            "age": round((now - seen.heard) / SECOND, 3) if seen.heard else None,
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

    def stepped(self, by: int) -> None:
        """The wall clock stepped: times that were remembered are told by the new one."""
        if self.seen.last:
            self.seen.last += by
        self.links.stepped(by)

    def gap(self, time: int, reason: int) -> None:
        """From `time` on nothing is known of any point of this source."""
        self._keeper.put(gap(self._gap, time, reason))
        for exceptions in self._exceptions.values():
            exceptions.forget()


class _Closing(Protocol):
    async def aclose(self) -> None: ...
