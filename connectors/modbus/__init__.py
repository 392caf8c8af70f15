"""Modbus TCP, RTU and RTU over TCP: each group of points is read in the fewest requests, and is one frame a poll.

A point that is refused is data, and so is a silent unit beside others of its source that answer; a source of which
nobody answers is Disconnected.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pymodbus.pdu import ModbusPDU

from config.plant import SECOND, Plant, Point, Source
from connectors import quality
from connectors.base import Connector, Disconnected, Frame, Layout, gap
from connectors.clock import SYSTEM, Clock
from connectors.grid import Grid, Polls
from connectors.modbus.decode import EXCEPTIONS, Columns, Decoder
from connectors.modbus.endpoint import Endpoint
from connectors.modbus.identity import identify
from connectors.modbus.pdu import Read, Reply
from connectors.modbus.plan import DEADLINE, Group, Request, plan, split, summary

LONGEST_REST = 60 * SECOND
_TAKE_APART = (2, 3)  # exceptions: no such address, or not so many at once
_ABSENT = (quality.BAD_NO_COMMUNICATION, quality.BAD_TIMEOUT)
_log = logging.getLogger("gemba.modbus")


def connect(
    source: Source,
    points: Iterable[Point],
    plant: Plant | None = None,
    *,
    clock: Clock = SYSTEM,
    phase: int | None = None,
) -> Connector:
    """The connector of one source and its points; entering it connects."""
    return Modbus(source, points, clock, phase)


class Modbus:
    """One source. To enter it again after Disconnected keeps what it has learned of the device."""

    def __init__(
        self, source: Source, points: Iterable[Point], clock: Clock = SYSTEM, phase: int | None = None
    ) -> None:
        self.source = source
        self.polls = Polls()
        self._clock, self._phase = clock, phase
        self._groups = plan(source, points)
        self._asks = [[_Ask.of(request, group.points) for request in group.requests] for group in self._groups]
        self._units = {group.unit: _Unit(group.unit) for group in self._groups}
        self._endpoint: Endpoint | None = None
        _log.info("%s: %s", source.id, summary(self._groups))

    @property
    def layouts(self) -> Sequence[Layout]:
        return [group.layout for group in self._groups]

    @property
    def identity(self) -> dict[str, str]:
        """What the device has said it is; of several units, the source's own, or else the first one."""
        units = [self._units[self.source.unit]] if self.source.unit in self._units else list(self._units.values())
        return next((unit.identity for unit in units if unit.identity), {})

    @property
    def identities(self) -> dict[int, dict[str, str]]:
        """The same by unit."""
        return {unit.id: unit.identity for unit in self._units.values() if unit.identity}

    # -- a connection --------------------------------------------------------------------------------------------------
    async def __aenter__(self) -> Self:
        self._endpoint = Endpoint.at(self.source.url, self._clock)
        await self._endpoint.enter(self.source.timeout or DEADLINE)
        try:
            await self._meet()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._endpoint is not None:
            self._endpoint.leave()
            self._endpoint = None

    async def _meet(self) -> None:
        """A socket that opens proves nothing of the units behind it: one of them must answer."""
        self._units = {group.unit: _Unit(group.unit) for group in self._groups}
        for ask in (ask for asks in self._asks for ask in asks):
            ask.whole = False
        for group, asks in zip(self._groups, self._asks, strict=True):
            unit = self._units[group.unit]
            if unit.rest:
                continue
            try:
                await self._exchange(asks[0].read, asks[0].decode.bytes, group.deadline)
                await self._identify(unit, group.deadline)
                break
            except Disconnected as error:
                if not self._bearable(unit, error):
                    raise

    async def _identify(self, unit: "_Unit", deadline: int) -> None:
        assert self._endpoint is not None
        unit.identity = await identify(self._endpoint, unit.id, deadline, self.source.pause)

    async def _exchange(self, pdu: ModbusPDU, size: int, deadline: int) -> tuple[ModbusPDU, int, int]:
        assert self._endpoint is not None, "a connector is entered first"
        reply, sent, received = await self._endpoint.ask(pdu, size, deadline, self.source.pause)
        if reply.isError() and (reason := EXCEPTIONS.get(reply.exception_code)) in _ABSENT:
            text = f"{self.source.url}: the gateway says of unit {pdu.dev_id}: exception {reply.exception_code}"
            raise Disconnected(text, reason)
        return reply, sent, received

    # -- frames --------------------------------------------------------------------------------------------------------
    async def frames(self) -> AsyncIterator[Frame]:
        """One for each poll of a group, stamped in the middle between its first request and its last reply."""
        if not self._groups:
            await asyncio.Event().wait()
        grid = Grid([group.every for group in self._groups], self._clock, self._phase, self.polls)
        while True:
            index = await grid.due()
            try:
                frame = await self._frame(index)
            except Disconnected as error:
                self.polls.failed(error.reason)
                raise
            self.polls.ended(frame.quality)
            yield frame

    def durable(self, frames: int) -> None:
        """Nothing is owed to a device that is polled."""

    async def _frame(self, index: int) -> Frame:
        group = self._groups[index]
        unit = self._units[group.unit]
        if unit.rests_until > self._clock.monotonic_ns():
            return gap(group.layout, self._clock.wall_ns(), unit.reason)
        try:
            frame = await self._poll(index)
            if unit.identity is None:
                await self._identify(unit, group.deadline)
        except Disconnected as error:
            if not self._bearable(unit, error):
                raise
            return gap(group.layout, self._clock.wall_ns(), error.reason)
        unit.rests_until = unit.rest = 0
        return frame

    def _bearable(self, unit: "_Unit", error: Disconnected) -> bool:
        """Whether others of this source may still answer. Then this unit rests, so that it does not hold them up."""
        if error.reason not in _ABSENT:
            return False
        unit.rest = min(2 * unit.rest or SECOND, LONGEST_REST)
        unit.rests_until = self._clock.monotonic_ns() + unit.rest
        unit.reason = error.reason
        return any(not other.rest for other in self._units.values())

    async def _poll(self, index: int) -> Frame:
        group, poll = self._groups[index], _Poll(Columns(self._groups[index].layout))
        asks: list[_Ask] = []
        for ask in self._asks[index]:
            asks += [leaf for leaf, _ in await self._read(ask, group, poll)]
        self._asks[index] = asks
        middle = (poll.sent + poll.received) // 2
        time = self._clock.wall_ns() - (self._clock.monotonic_ns() - middle)
        return poll.columns.frame(time, poll.slowest)

    async def _read(self, ask: "_Ask", group: Group, poll: "_Poll") -> list[tuple["_Ask", bool]]:
        """Reads a block, and takes a refused one apart down to what is refused.

        Returns what to ask from the next poll on, and of each whether it was refused: halves that are refused whole are
        asked as one.
        """
        reply, sent, received = await self._exchange(ask.read, ask.decode.bytes, group.deadline)
        poll.answered(sent, received)
        if isinstance(reply, Reply):
            ask.decode(reply.body, poll.columns)
            ask.whole = False
            return [(ask, False)]
        parts: list[Request] = []
        if reply.exception_code in _TAKE_APART and not ask.whole:
            parts = split(ask.request, group.points)
        if not parts:
            poll.columns.bad(ask.decode.columns, EXCEPTIONS.get(reply.exception_code, quality.BAD))
            return [(ask, True)]
        leaves: list[tuple[_Ask, bool]] = []
        for part in parts:
            leaves += await self._read(_Ask.of(part, group.points), group, poll)
        if all(refused for _, refused in leaves):
            ask.whole = True
            return [(ask, True)]
        return leaves


@dataclass(slots=True)
class _Ask:
    """A request of the plan, ready to be sent. `whole`: every part of it was refused, so it is left in one piece."""

    request: Request
    read: Read
    decode: Decoder
    whole: bool = False

    @classmethod
    def of(cls, request: Request, points: Sequence[Point]) -> Self:
        return cls(request, Read(request), Decoder(request, points))


@dataclass(slots=True)
class _Poll:
    """What one poll of a group has brought so far, and when [monotonic ns]."""

    columns: Columns
    sent: int = 0
    received: int = 0
    slowest: int = 0

    def answered(self, sent: int, received: int) -> None:
        self.sent = self.sent or sent
        self.received = received
        self.slowest = max(self.slowest, received - sent)


@dataclass(slots=True)
class _Unit:
    """A device behind the endpoint. One that is silent while others answer rests longer and longer."""

    id: int
    identity: dict[str, str] | None = None  # None: not asked yet
    rest: int = 0
    rests_until: int = 0
    reason: int = quality.GOOD
