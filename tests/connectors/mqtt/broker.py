"""Publishing to a broker by plain paho, and collecting from one as the agent does."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from connectors.base import Frame
from connectors.mqtt import Mqtt
from tests.servers.mosquitto import Mosquitto

Sent = tuple[str, bytes] | tuple[str, bytes, int] | tuple[str, bytes, int, bool]


class Publisher:
    """A device: everything that was published was acknowledged by the broker when `publish` returns."""

    def __init__(self, broker: Mosquitto, client_id: str = "device") -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=not client_id)
        self.client.reconnect_delay_set(1, 1)
        self.client.max_inflight_messages_set(1000)
        if broker.authority:
            self.client.tls_set(str(broker.ca))
        if broker.password:
            self.client.username_pw_set(broker.user, broker.password)
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()

    def send(self, messages: Iterable[Sent]) -> list[paho.MQTTMessageInfo]:
        return [self.client.publish(m[0], m[1], *(m[2:] or (1,))) for m in messages]

    def publish(self, *messages: Sent) -> None:
        for info in self.send(messages):
            info.wait_for_publish(20)
            assert info.is_published()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


async def publish(broker: Mosquitto, *messages: Sent) -> None:
    """Topic, payload, QoS (1 unless told) and whether it is retained."""

    def run() -> None:
        publisher = Publisher(broker, "")
        try:
            publisher.publish(*messages)
        finally:
            publisher.close()

    await asyncio.to_thread(run)


async def take(connector: Mqtt, count: int, within: float = 60.0) -> list[Frame]:
    """So many frames, none of them durable yet."""
    found: list[Frame] = []
    async with asyncio.timeout(within):
        async for frame in connector.frames():
            found.append(frame)
            if len(found) == count:
                break
    return found


async def until(holds: Callable[[], bool], within: float = 60.0) -> None:
    """Waits for what is to become so."""
    async with asyncio.timeout(within):
        while not holds():
            await asyncio.sleep(0.002)


async def acknowledged(broker: Mosquitto, client_id: str, count: int) -> None:
    """Waits until the broker has read so many acknowledgements of this client's, since it began."""
    await until(lambda: broker.tail(100_000).count(f"Received PUBACK from {client_id} ") == count)


async def collect(
    connector: Mqtt, count: int, within: float = 60.0, commit: float = 0.2, overdue: list[int] | None = None
) -> list[Frame]:
    """So many frames, committed as an agent does: when half of the window waits, at the latest after 200 ms. What was
    committed because of those is added to `overdue`."""
    loop, found, committed = asyncio.get_running_loop(), list[Frame](), 0
    timer: asyncio.TimerHandle | None = None

    def late() -> None:
        if overdue is not None:
            overdue.append(len(found))
        done()

    def done() -> None:
        nonlocal committed, timer
        connector.durable(len(found) - committed)
        committed, timer = len(found), None

    async with asyncio.timeout(within):
        async for frame in connector.frames():
            found.append(frame)
            if 2 * connector.waiting >= connector.window or len(found) == count:
                if timer:
                    timer.cancel()
                done()
            elif timer is None:
                timer = loop.call_later(commit, late)
            if len(found) == count:
                break
    return found


async def silence(connector: Mqtt, for_: float = 0.1) -> bool:
    """Whether nothing comes for a while."""
    try:
        await take(connector, 1, for_)
    except TimeoutError:
        return True
    return False


def numbers(frames: Sequence[Frame], column: int = 0) -> list[Any]:
    return [frame.floats.tolist()[column] for frame in frames]
