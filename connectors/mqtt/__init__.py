"""MQTT 3.1.1 and 5, JSON, bare values and Sparkplug B: every message that is not retained is a frame, and is
acknowledged when that frame is durable.

A topic that the broker refuses, a value that is missing and a payload that cannot be read are data. A retained message
says nothing of today: it is acknowledged and never looked at. A session that lasts is the broker's memory of us: what
came while we were away comes when we are back, late but with its own time.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import Self

from paho.mqtt._packet import PublishPacket

from config import urls
from config.addresses import SPARKPLUG
from config.plant import Plant, Point, Source
from connectors import quality
from connectors.base import Connector, Frame, Layout, gap
from connectors.clock import SYSTEM, Clock
from connectors.mqtt.decode import Decoder
from connectors.mqtt.kept import Keeper
from connectors.mqtt.owed import WINDOW, Owed, digest
from connectors.mqtt.plan import Group, Topics, covers, is_sparkplug, subscription, subscriptions
from connectors.mqtt.session import Name, Session
from connectors.mqtt.sparkplug import Nodes

ROOM = 2 * WINDOW
"""Frames that wait for the agent before the broker has to."""
MOST_TOPICS = 20_000
"""Topics whose decoders are remembered; a wildcard may bring more than anybody asked for."""
_SPARKPLUG = SPARKPLUG.encode()
_log = logging.getLogger("gemba.mqtt")


def connect(
    source: Source,
    points: Iterable[Point],
    plant: Plant,
    *,
    clock: Clock = SYSTEM,
    phase: int | None = None,
    visit: bool = False,
) -> Connector:
    """The connector of one source and its points; entering it connects. One that only visits (`gemba read`) goes by
    another name than the agent, knows the births that it kept, and leaves nothing behind."""
    return Mqtt(source, points, plant, clock, visit)


def client_id(source: Source, plant: Plant) -> str:
    """The name of a source at its broker: its own for ever, and no other's where several sources have one broker."""
    if source.client_id is None:
        return f"gemba-{plant.id}-{source.id}"
    shared = sum(urls.place(other.url) == urls.place(source.url) for other in plant.sources.values()) > 1
    return f"{source.client_id}-{source.id}" if shared else source.client_id


class Mqtt:
    """One source. To enter it again after Disconnected keeps what is owed for messages of before."""

    def __init__(
        self, source: Source, points: Iterable[Point], plant: Plant, clock: Clock = SYSTEM, visit: bool = False
    ) -> None:
        self.source = source
        self._clock = clock
        self._points = tuple(points)
        self._topics = Topics(self._points)
        self._subscriptions = subscriptions(self._points)
        self._decoders = {group: Decoder(source.id, group) for group in self._topics.groups}
        self._carried: dict[bytes, tuple[Decoder, ...]] = {}
        self._noted: set[Group | str] = set()  # what was said once
        called = client_id(source, plant)
        self._name = Name(f"{called}-visit-{os.urandom(4).hex()}" if visit else called, visit)
        keeper = Keeper(plant.data, source.id)
        self._state = keeper.read()
        self._keeper = None if visit else keeper
        self._nodes = self._known_nodes()
        self._owed = Owed()
        self._queue: deque[Frame] = deque()
        self._wake = asyncio.Event()
        self._session: Session | None = None

    def _known_nodes(self) -> Nodes:
        own = [point for point in self._points if is_sparkplug(point)]
        try:
            return Nodes(self.source.id, own, self._state.births)
        except (AttributeError, KeyError, TypeError, ValueError) as fault:
            _log.warning("%s: the births that were kept cannot be read: %s", self.source.id, fault)
            self._state.births = {}
            return Nodes(self.source.id, own)

    @property
    def layouts(self) -> Sequence[Layout]:
        return [decoder.layout for decoder in self._decoders.values()] + self._nodes.layouts

    @property
    def waiting(self) -> int:
        """Messages that wait to be acknowledged, which is done by the commit of their frames."""
        return self._owed.waiting

    @property
    def window(self) -> int:
        """How many the broker sends before it waits for that: commit when half of them wait, or after 200 ms."""
        return self._owed.window

    # -- a connection --------------------------------------------------------------------------------------------------
    async def __aenter__(self) -> Self:
        self._session = session = Session(self.source, self._name, self._heard, self._wake.set, self._has_room)
        try:
            await session.open()
            self._owed.begun(session.present)
            self._nodes.begun()
            await self._subscribe(session)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
            self._owed.lost()
        if self._keeper is not None:
            await self._keeper.written()

    async def _subscribe(self, session: Session) -> None:
        """To all that the plant file names, and no longer to what it named once."""
        for topic in await session.subscribe(self._subscriptions):
            if topic not in self._noted:
                self._noted.add(topic)
                _log.warning("%s: the broker refuses the topic %s", self.source.id, topic)
            self._refused(topic)
        if self._keeper is None:
            return
        own = list(self._subscriptions)
        if self._state.client_id == self._name.client_id and session.present:
            await session.unsubscribe([topic for topic in self._state.topics if topic not in own])
        if (self._state.client_id, self._state.topics) != (self._name.client_id, own):
            self._state.client_id, self._state.topics = self._name.client_id, own
            self._keeper.write(self._state)

    def _refused(self, topic: str) -> None:
        """A topic that we may not read is a fault of its points alone."""
        now = self._clock.wall_ns()
        for decoder in self._decoders.values():
            asked = subscription(decoder.group.points[0])
            if asked == topic or covers(topic, asked):
                self._queue.append(gap(decoder.layout, now, quality.BAD_NOT_READABLE))
                self._owed.take(0, 0, 1, 0)

    # -- messages ------------------------------------------------------------------------------------------------------
    def _has_room(self) -> bool:
        return len(self._queue) < ROOM

    def _heard(self, message: PublishPacket) -> None:
        """A message becomes frames, or none: either way it is known what is owed for it."""
        mid, payload = message.mid, bytes(message.payload)
        sign = digest(payload) if mid else 0
        before = len(self._queue)
        if not message.retain and not (message.dup and self._owed.again(mid, sign)):
            try:
                self._take(message.topic, payload, message.dup)
            except UnicodeDecodeError:  # of a topic that is no text, and so nobody's
                pass
        now = self._clock.monotonic_ns()
        self._owed.take(mid, sign, len(self._queue) - before, now)
        if len(self._queue) == before:
            self._acknowledge(self._owed.due(now))

    def _take(self, topic: bytes, payload: bytes, dup: bool) -> None:
        now = self._clock.wall_ns()
        decoders = self._carried.get(topic)
        if decoders is None:
            decoders = self._find(topic)
        for decoder in decoders:
            self._queue.append(decoder.frame(payload, now))
            if decoder.unstamped and decoder.group not in self._noted:
                self._noted.add(decoder.group)
                said = topic.decode()
                _log.warning("%s: %s: a time that cannot be meant; that of receipt is taken", self.source.id, said)
        if topic.startswith(_SPARKPLUG):
            self._queue.extend(self._nodes.frames(topic.decode(), payload, now, dup))
            if self._nodes.changed:
                self._keep_births()

    def _find(self, topic: bytes) -> tuple[Decoder, ...]:
        if len(self._carried) >= MOST_TOPICS:
            self._carried.clear()
        found = self._carried[topic] = tuple(self._decoders[group] for group in self._topics.carried(topic.decode()))
        return found

    def _keep_births(self) -> None:
        self._nodes.changed = False
        if self._keeper is not None:
            self._state.births = self._nodes.births
            self._keeper.write(self._state)

    def _acknowledge(self, mids: Sequence[int]) -> None:
        if mids and self._session is not None:
            self._session.acknowledge(mids)

    async def frames(self) -> AsyncIterator[Frame]:
        """One for most messages, as they come; what has come is handed over before Disconnected is raised."""
        session = self._session
        assert session is not None, "a connector is entered first"
        queue = self._queue
        while True:
            while queue:
                yield queue.popleft()
                if len(queue) == ROOM // 2:
                    session.resume()
            if session.fault is not None:
                raise session.fault
            if session.lost is not None:
                raise session.lost
            self._wake.clear()
            await self._wake.wait()

    def durable(self, frames: int) -> None:
        """So many more of the frames are committed: their messages are acknowledged, in their order."""
        self._acknowledge(self._owed.durable(frames, self._clock.monotonic_ns()))

    def receipt(self, frames: int) -> bytes:
        """What is to be committed with so many more frames, for the agent after us."""
        return self._owed.receipt(frames)

    def remember(self, receipts: Iterable[bytes]) -> None:
        """What the agent before us committed: of that, what comes again makes no second row."""
        self._owed.remember(receipts)
