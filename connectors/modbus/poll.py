"""One poll of a group: its requests one after another into one frame, and what a refused block teaches for the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from config.plant import Point
from connectors import quality
from connectors.base import Disconnected, Frame
from connectors.clock import Clock
from connectors.modbus.decode import EXCEPTIONS, Columns, Decoder
from connectors.modbus.endpoint import Endpoint
from connectors.modbus.pdu import Read, Reply
from connectors.modbus.plan import Group, Request, split

ABSENT = (quality.BAD_NO_COMMUNICATION, quality.BAD_TIMEOUT)
TAKE_APART = (2, 3)  # exceptions: no such address, or not so many at once


@dataclass(slots=True, eq=False)
class _Ask:
    """A request of the plan, ready to be sent. `whole`: every part of it was refused, so it is left in one piece."""

    request: Request
    read: Read
    decode: Decoder
    whole: bool = False

    @classmethod
    def of(cls, request: Request, points: Sequence[Point]) -> Self:
        return cls(request, Read(request), Decoder(request, points))


class Poller:
    """Of one group. What it has learned of the device outlives the connection."""

    def __init__(self, group: Group, clock: Clock, pause: int) -> None:
        self.group = group
        self._clock, self._pause = clock, pause
        self._asks = [_Ask.of(request, group.points) for request in group.requests]

    async def probe(self, endpoint: Endpoint) -> None:
        """Whether the unit answers at all, else Disconnected. What was refused whole may be there again, too."""
        for ask in self._asks:
            ask.whole = False
        await self._read(endpoint, self._asks[0], Columns(self.group.layout))

    async def frame(self, endpoint: Endpoint) -> Frame:
        """Stamped in the middle between the first request and the last reply, with the slowest of the round trips."""
        into = Columns(self.group.layout)
        learned: dict[_Ask, list[tuple[_Ask, bool]]] = {}
        for ask in self._asks:
            if await self._read(endpoint, ask, into) in TAKE_APART and not ask.whole:
                learned[ask] = await self._apart(endpoint, ask, into)
        if learned:
            self._asks = [leaf for ask in self._asks for leaf, _ in learned.get(ask, [(ask, False)])]
        return into.frame(self._clock)

    async def _read(self, endpoint: Endpoint, ask: _Ask, into: Columns) -> int:
        """The exception with which a block was refused, or 0 and its values."""
        reply, sent, received = await endpoint.ask(ask.read, ask.decode.size, self.group.deadline, self._pause)
        into.answered(sent, received)
        if isinstance(reply, Reply):
            into.good(ask.decode.columns)
            ask.decode(reply.body, into)
            ask.whole = False
            return 0
        code = int(reply.exception_code)
        reason = EXCEPTIONS.get(code, quality.BAD)
        if reason in ABSENT:
            text = f"{endpoint.line}: the gateway says of unit {self.group.unit}: exception {code}"
            raise Disconnected(text, reason)
        into.bad(ask.decode.columns, reason)
        return code

    async def _apart(self, endpoint: Endpoint, ask: _Ask, into: Columns) -> list[tuple[_Ask, bool]]:
        """Takes a refused block apart down to what is refused.

        Returns what to ask from the next poll on, and of each whether it was refused: parts that are refused whole are
        asked as one.
        """
        leaves: list[tuple[_Ask, bool]] = []
        for part in split(ask.request, self.group.points):
            own = _Ask.of(part, self.group.points)
            code = await self._read(endpoint, own, into)
            leaves += await self._apart(endpoint, own, into) if code in TAKE_APART else [(own, bool(code))]
        if all(refused for _, refused in leaves):
            ask.whole = True
            return [(ask, True)]
        return leaves
