"""OPC UA: points polled by requests that are encoded once, or subscribed to; replies decoded in columns.

What one point says wrong is that point's quality; what the connection does wrong is `Disconnected`. Nothing here
connects a second time, and nothing that leaves could change a device.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import replace
from types import TracebackType
from typing import Self

from asyncua.ua.object_ids import ObjectIds

from config.plant import Plant, Point, Source
from connectors import quality
from connectors.base import Connector, Disconnected, Frame, Kind
from connectors.clock import SYSTEM, Clock
from connectors.grid import Grid, Polls
from connectors.opcua import plan
from connectors.opcua.columns import columns
from connectors.opcua.decode import Reply, kind, publication
from connectors.opcua.entry import enter, leave
from connectors.opcua.session import Session
from connectors.opcua.subscribe import Publisher, Subscription

MODE = "poll"
"""Where neither point nor source says; README.md has the measurement behind it."""
NAMED = 10  # nodes that a warning names
_log = logging.getLogger("gemba.opcua")
_READ = ObjectIds.ReadRequest_Encoding_DefaultBinary
_TOO_MANY_PUBLISHES = 0x80780000
_TOO_MUCH = (0x80100000, 0x80B80000, 0x80B90000, 0x80080000)  # operations, request, response, encoding limits


class Poll:
    """One group with its encoded request and what its replies have taught."""

    def __init__(self, group: plan.Group) -> None:
        self.group = group
        self.parameters = plan.read_parameters(item.node for item in group.items)
        self.reply = Reply(len(group.items))


class OpcUa:
    """One source. To enter it again after Disconnected keeps what it has learned of the points."""

    def __init__(
        self, source: Source, points: Iterable[Point], plant: Plant, clock: Clock = SYSTEM, phase: int | None = None
    ) -> None:
        self.source = source
        self.points = tuple(points)
        self.bad: dict[tuple[str, str], int] = {}
        """StatusCodes of the points that could not be read when the connection was made."""
        self.identity: dict[str, str] = {}
        """Who the server says that it is."""
        self.polls = Polls()
        self._plant, self._clock, self._phase = plant, clock, phase
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._said: set[str] = set()
        self._session: Session | None = None
        self._polls: list[Poll] = []
        self._subscriptions: list[Subscription] = []
        self._publisher: Publisher | None = None
        self._grid: Grid | None = None
        self._due: asyncio.Task[int] | None = None
        self._wake = asyncio.Event()

    # -- connection ----------------------------------------------------------------------------------------------------
    async def __aenter__(self) -> Self:
        watched = {point.key for point in self.points if (point.mode or self.source.mode or MODE) == "subscribe"}
        session = await enter(self.source, self._plant, self.source.id if watched else "")
        self._session, self.identity = session, session.identity
        try:
            items, most = await self._learn(session)
            polled = [item for item in items if item.point.key not in watched]
            subscribed = [item for item in items if item.point.key in watched]
            self._polls = [Poll(group) for group in plan.groups(self.source, "poll", polled, most)]
            groups = plan.groups(self.source, "subscribe", subscribed, len(subscribed) or 1)
            self._subscriptions = [Subscription(session, group, self._clock) for group in groups]
            for subscription in self._subscriptions:
                await subscription.create()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        self._report()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._publisher:
            self._publisher.close()
        if self._due:
            self._due.cancel()
        session, self._session = self._session, None
        self._publisher = self._grid = self._due = None
        if session:
            await leave(session)

    async def _learn(self, session: Session) -> tuple[list[plan.Item], int]:
        """The kind of each point, from its value now, and how many nodes one request may name."""
        items = plan.items(self.points, session.namespaces)
        most = plan.fitting(items, session.limits.read, session.room)
        seen: list[plan.Item] = []
        bad = {}
        while len(seen) < len(items):
            part = items[len(seen) : len(seen) + most]
            try:
                values = await session.read([item.node for item in part])
            except Disconnected as fault:
                if fault.reason not in _TOO_MUCH or len(part) == 1:
                    raise
                most = len(part) // 2
                continue
            for item, code, status in zip(part, values.codes.tolist(), values.status.tolist(), strict=True):
                key = item.point.key
                if status >= quality.BAD:
                    bad[key] = status
                if own := item.kind or kind(code) or self._kinds.get(key):
                    self._kinds[key] = own
                seen.append(replace(item, kind=own))
        self.bad = bad
        return seen, most

    def _report(self) -> None:
        """The plan, and what cannot be read; each is said again when it has changed."""
        self._say(logging.INFO, plan.summary([poll.group for poll in self._polls], len(self._subscriptions)))
        if self.bad:
            named = [f"{asset}.{point} {quality.name(code)}" for (asset, point), code in list(self.bad.items())[:NAMED]]
            more = f" and {len(self.bad) - NAMED} more" if len(self.bad) > NAMED else ""
            what = f"{len(self.bad)} of {len(self.points)} nodes cannot be read: {', '.join(named)}{more}"
            self._say(logging.WARNING, what)

    def _say(self, level: int, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            _log.log(level, "%s: %s", self.source.id, text)

    # -- frames --------------------------------------------------------------------------------------------------------
    async def frames(self) -> AsyncIterator[Frame]:
        """Endless. Raises `Disconnected` when the connection goes, or a subscription's heartbeat stands still."""
        session = self._session
        if session is None:
            raise Disconnected(f"{self.source.url}: not connected", quality.BAD_NOT_CONNECTED)
        if self._polls and self._grid is None:
            self._grid = Grid([poll.group.every for poll in self._polls], self._clock, self._phase)
            self.polls = self._grid.polls
        both = self._subscribed(session) if self._subscriptions else self._polled(session)
        async with contextlib.aclosing(both):
            async for frame in both:
                yield frame

    async def _polled(self, session: Session) -> AsyncGenerator[Frame, None]:
        assert self._grid is not None
        while True:
            yield await self._poll(session, await self._grid.due())

    async def _poll(self, session: Session, index: int) -> Frame:
        """One request and its reply, stamped with the time between them."""
        assert self._grid is not None
        poll = self._polls[index]
        group = poll.group
        began, sent = self._clock.wall_ns(), self._clock.monotonic_ns()
        data = await session.ask("read", _READ, poll.parameters, group.deadline / 1e9)
        took = self._clock.monotonic_ns() - sent
        values = poll.reply.values(data)
        found = columns(values, group.shape)
        if len(found.misfits):
            self._polls[index] = Poll(self._learned(group, {int(p): int(values.codes[p]) for p in found.misfits}))
        bad = found.quality if found.quality.any() else None
        self._grid.polls.ended(bad)
        return Frame(
            group.layout,
            began + took // 2,
            found.floats,
            found.ints,
            found.texts,
            bad,
            source_times=values.source,
            round_trip=took,
        )

    def _learned(self, group: plan.Group, codes: dict[int, int]) -> plan.Group:
        wider = plan.learned(group, codes)
        self._kinds |= {item.point.key: item.kind for item in wider.items if item.kind}
        return wider

    async def _subscribed(self, session: Session) -> AsyncGenerator[Frame, None]:
        """Messages as they arrive, and between them the polls that are due."""
        if self._publisher is None:
            self._publisher = Publisher(session, self._clock, self._wake)
            for subscription in self._subscriptions:
                self._publisher.post()
                self._publisher.post()
                if subscription.bad:
                    yield subscription.watch.refused(subscription.bad, self._clock.wall_ns())
        publisher = self._publisher
        while True:
            while publisher.ready:
                for frame in await self._published(publisher):
                    yield frame
            if self._grid and self._due is None:
                self._due = asyncio.create_task(self._grid.due())
                self._due.add_done_callback(lambda _: self._wake.set())
            if self._due and self._due.done():
                index, self._due = self._due.result(), None
                yield await self._poll(session, index)
                continue
            now = self._clock.monotonic_ns()
            await self._woken(min(subscription.watch.left(now) for subscription in self._subscriptions))

    async def _woken(self, within: int) -> None:
        try:
            async with asyncio.timeout(within / 1e9):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _published(self, publisher: Publisher) -> list[Frame]:
        """The frames of the message that arrived first; it is acknowledged with the next request."""
        wall, monotonic, future = publisher.ready.popleft()
        try:
            data = bytes(future.result())
        except Exception as fault:  # whatever ended the connection
            raise Disconnected(f"{self.source.url}: {fault}", quality.BAD_NOT_CONNECTED) from None
        try:
            message = publication(data)
        except Disconnected as fault:
            if fault.reason == _TOO_MANY_PUBLISHES:
                return []
            raise
        with contextlib.suppress(Disconnected):  # the requests that are still waiting say so, behind this message
            publisher.post(None if message.empty else (message.subscription, message.sequence))
        for subscription in self._subscriptions:
            if subscription.id == message.subscription:
                frames, misfits = subscription.watch.frames(message, wall, monotonic)
                if misfits:
                    await subscription.renew(self._learned(subscription.group, misfits))
                    if subscription.bad:
                        frames.append(subscription.watch.refused(subscription.bad, wall))
                return frames
        return []

    def durable(self, frames: int) -> None:
        """Nothing to do: what a server was asked for it need not be told that we kept."""


def connect(
    source: Source, points: Iterable[Point], plant: Plant, *, clock: Clock = SYSTEM, phase: int | None = None
) -> Connector:
    """The connector of one source and its points; entering it connects. `phase` [monotonic ns] staggers its polls."""
    return OpcUa(source, points, plant, clock, phase)
