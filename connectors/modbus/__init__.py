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

from config.plant import SECOND, Plant, Point, Source
from connectors import quality
from connectors.base import Connector, Disconnected, Frame, Layout, gap
from connectors.clock import SYSTEM, Clock
from connectors.grid import Grid, Polls
from connectors.modbus.endpoint import Endpoint
from connectors.modbus.identity import identify
from connectors.modbus.plan import DEADLINE, plan, summary
from connectors.modbus.poll import ABSENT, Poller

LONGEST_REST = 60 * SECOND
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
        groups = plan(source, points)
        self._pollers = [Poller(group, clock, source.pause) for group in groups]
        self._units = {group.unit: _Unit(group.unit) for group in groups}
        self._endpoint: Endpoint | None = None
        _log.info("%s: %s", source.id, summary(groups))

    @property
    def layouts(self) -> Sequence[Layout]:
        return [poller.group.layout for poller in self._pollers]

    @property
    def identity(self) -> dict[str, str]:
        """What the device has said it is: the source's own unit, or else the first one that said anything."""
        known = self.identities
        return known.get(self.source.unit) or next(iter(known.values()), {})

    @property
    def identities(self) -> dict[int, dict[str, str]]:
        """The same by unit."""
        return {unit.id: unit.identity for unit in self._units.values() if unit.identity}

    # -- a connection --------------------------------------------------------------------------------------------------
    async def __aenter__(self) -> Self:
        self._endpoint = Endpoint.at(self.source.url, self._clock)
        await self._endpoint.enter(self.source.timeout or DEADLINE)
        try:
            await self._meet(self._endpoint)
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

    async def _meet(self, endpoint: Endpoint) -> None:
        """A socket that opens proves nothing of the units behind it: one of them must answer, best the source's own."""
        self._units = {poller.group.unit: _Unit(poller.group.unit) for poller in self._pollers}
        for poller in sorted(self._pollers, key=lambda poller: poller.group.unit != self.source.unit):
            unit = self._units[poller.group.unit]
            if unit.rest:
                continue
            try:
                await poller.probe(endpoint)
            except Disconnected as error:
                if not self._bearable(unit, error):
                    raise
                continue
            await self._identify(unit, endpoint, poller.group.deadline)
            return

    async def _identify(self, unit: "_Unit", endpoint: Endpoint, deadline: int) -> None:
        unit.identity = await identify(endpoint, unit.id, deadline, self.source.pause)

    # -- frames --------------------------------------------------------------------------------------------------------
    async def frames(self) -> AsyncIterator[Frame]:
        """One for each poll of a group. A connector is entered first."""
        endpoint = self._endpoint
        assert endpoint is not None
        if not self._pollers:
            await asyncio.Event().wait()
        grid = Grid([poller.group.every for poller in self._pollers], self._clock, self._phase, self.polls)
        while True:
            poller = self._pollers[await grid.due()]
            try:
                frame = await self._frame(poller, endpoint)
            except Disconnected as error:
                self.polls.failed(error.reason)
                raise
            self.polls.ended(frame.quality)
            yield frame

    def durable(self, frames: int) -> None:
        """Nothing is owed to a device that is polled."""

    async def _frame(self, poller: Poller, endpoint: Endpoint) -> Frame:
        unit = self._units[poller.group.unit]
        if unit.rest and unit.rests_until > self._clock.monotonic_ns():
            return gap(poller.group.layout, self._clock.wall_ns(), unit.reason)
        try:
            frame = await poller.frame(endpoint)
        except Disconnected as error:
            if not self._bearable(unit, error):
                raise
            return gap(poller.group.layout, self._clock.wall_ns(), error.reason)
        unit.rest = 0
        if unit.identity is None:
            await self._identify(unit, endpoint, poller.group.deadline)
        return frame

    def _bearable(self, unit: "_Unit", error: Disconnected) -> bool:
        """Whether others of this source may still answer. Then this unit rests, so that it does not hold them up."""
        if error.reason not in ABSENT:
            return False
        unit.rest = min(2 * unit.rest or SECOND, LONGEST_REST)
        unit.rests_until = self._clock.monotonic_ns() + unit.rest
        unit.reason = error.reason
        return any(not other.rest for other in self._units.values())


@dataclass(slots=True)
class _Unit:
    """A device behind the endpoint. One that is silent while others answer rests longer and longer."""

    id: int
    identity: dict[str, str] | None = None  # None: not asked yet
    rest: int = 0
    rests_until: int = 0
    reason: int = quality.GOOD
