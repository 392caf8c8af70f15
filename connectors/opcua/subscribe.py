"""Subscriptions and the Publish requests that bring their messages; nothing is lost silently.

A few Publish requests are always with the server, and no more: when nobody takes what they bring, no further ones are
sent, the server's queues fill, and what overflows there carries the overflow bit in its status. A hole in the numbers
of the messages is a lost connection.
"""

import asyncio
import struct
from collections import deque

from asyncua.common.utils import Buffer
from asyncua.ua import uatypes
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaprotocol_auto import (
    CreateMonitoredItemsRequest,
    CreateMonitoredItemsResponse,
    CreateSubscriptionRequest,
    CreateSubscriptionResponse,
    DeleteSubscriptionsRequest,
    DeleteSubscriptionsResponse,
    MonitoredItemCreateRequest,
    MonitoringMode,
    TimestampsToReturn,
)

from config.plant import SECOND
from connectors import quality
from connectors.base import Disconnected
from connectors.clock import Clock
from connectors.opcua import plan
from connectors.opcua.notify import Watch
from connectors.opcua.session import Session

SLOWEST = 10 * SECOND
"""Longest publishing interval: a dead subscription is found within a few of these, however rarely its points change."""
LIFETIME = 60 * SECOND
"""A server forgets a subscription that nobody has asked about for so long."""
_CLOCK = uatypes.NodeId.from_string(f"i={ObjectIds.Server_ServerStatus_CurrentTime}")


class Publisher:
    """The Publish requests of one session that are with the server, and their replies in the order of arrival."""

    def __init__(self, session: Session, clock: Clock, wake: asyncio.Event) -> None:
        self.ready: deque[tuple[int, int, asyncio.Future[Buffer]]] = deque()
        """Wall time, monotonic time and the reply; as many at most as there are requests."""
        self._session, self._clock, self._wake = session, clock, wake
        self._waiting: set[asyncio.Future[Buffer]] = set()

    def post(self, acknowledged: tuple[int, int] | None = None) -> None:
        """One more request; it tells the server that this message of this subscription came."""
        pairs = struct.pack("<iII", 1, *acknowledged) if acknowledged else struct.pack("<i", 0)
        future = self._session.post(ObjectIds.PublishRequest_Encoding_DefaultBinary, pairs, 0)
        self._waiting.add(future)
        future.add_done_callback(self._arrived)

    def _arrived(self, future: asyncio.Future[Buffer]) -> None:
        self._waiting.discard(future)
        if not future.cancelled():
            future.exception()  # it is raised where it is taken, or by nobody when we are closing
            self.ready.append((self._clock.wall_ns(), self._clock.monotonic_ns(), future))
            self._wake.set()

    def close(self) -> None:
        for future in tuple(self._waiting):
            future.cancel()


class Subscription:
    """One subscription on the server, for the points of one group; `watch` reads its messages."""

    def __init__(self, session: Session, group: plan.Group, clock: Clock) -> None:
        self.group = group
        self.id = 0
        self.bad: dict[int, int] = {}
        """Items that the server would not monitor, by place, with its reason."""
        self._session, self._clock = session, clock
        self.watch = Watch(group, session.url, min(group.every, SLOWEST), clock.monotonic_ns())

    async def create(self) -> None:
        """Raises `Disconnected` where the server offers no subscription, or none with a heartbeat."""
        period = min(self.group.every, SLOWEST)
        request = CreateSubscriptionRequest()
        asked = request.Parameters
        asked.RequestedPublishingInterval = period / 1e6
        asked.RequestedMaxKeepAliveCount = max(1, SLOWEST // period)
        asked.RequestedLifetimeCount = max(30, LIFETIME // period)
        asked.PublishingEnabled = True
        made = await self._session.request("subscribing", request, CreateSubscriptionResponse)
        self.id = int(made.Parameters.SubscriptionId)
        period = max(period, int(made.Parameters.RevisedPublishingInterval * 1e6))
        self.watch = Watch(self.group, self._session.url, period, self._clock.monotonic_ns())
        if (await self._monitor([_CLOCK], self.watch.heartbeat))[0] >= quality.BAD:
            raise Disconnected(f"{self._session.url}: the server lets nobody watch its clock; use mode poll")
        nodes = [item.node for item in self.group.items]
        self.bad = {}
        for first in range(0, len(nodes), self._session.limits.monitor):
            states = await self._monitor(nodes[first : first + self._session.limits.monitor], first)
            self.bad |= {first + i: code for i, code in enumerate(states) if code >= quality.BAD}

    async def _monitor(self, nodes: list[uatypes.NodeId], first: int) -> list[int]:
        """The status of each new item; their handles count from `first`."""
        request = CreateMonitoredItemsRequest()
        request.Parameters.SubscriptionId = self.id
        request.Parameters.TimestampsToReturn = TimestampsToReturn.Both
        for handle, node in enumerate(nodes, first):
            item = MonitoredItemCreateRequest()
            item.ItemToMonitor.NodeId = node
            item.ItemToMonitor.AttributeId = plan.VALUE
            item.MonitoringMode = MonitoringMode.Reporting
            item.RequestedParameters.ClientHandle = handle
            item.RequestedParameters.SamplingInterval = min(self.group.every, self.watch.period) / 1e6
            item.RequestedParameters.QueueSize = depth(self.watch.period)
            item.RequestedParameters.DiscardOldest = True
            request.Parameters.ItemsToCreate.append(item)
        made = await self._session.request("monitoring", request, CreateMonitoredItemsResponse)
        if len(made.Results) != len(nodes):
            raise Disconnected(f"{self._session.url}: {len(made.Results)} items monitored of {len(nodes)}")
        return [int(result.StatusCode.value) for result in made.Results]

    async def renew(self, group: plan.Group) -> None:
        """The same points with another layout: a new subscription, which tells all values, then an end of the old."""
        old, self.group = self.id, group
        await self.create()
        request = DeleteSubscriptionsRequest()
        request.Parameters.SubscriptionIds = [old]
        await self._session.request("unsubscribing", request, DeleteSubscriptionsResponse)


def depth(period: int) -> int:
    """Values that the server keeps of an item between two messages. It is asked to sample as often as a poll would
    read, and may sample more often: there is room for 20 a second, and for two publishing periods."""
    return 2 * max(5, period * 20 // SECOND)
