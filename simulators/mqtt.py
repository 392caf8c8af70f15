"""A broker and a publisher: every topic that the plant file names, with all of its points in one JSON message.

The broker is Mosquitto where it is on the machine, otherwise an embedded one. The publisher listens to everything: a
message that it did not send itself is a write, and fails the run.
"""

import asyncio
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from config import json_path
from config.plant import MqttAddress, Point
from simulators import sparkplug
from simulators.opcua import free_port

SECOND = 1_000_000_000
SETTINGS = """listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_inflight_messages 1000
max_queued_messages 0
"""
Readings = Callable[[Point, int], Any]


def topic_of(point: Point) -> str:
    """The topic that a simulated device publishes under; a wildcard stands for the asset's name."""
    assert isinstance(point.at, MqttAddress)
    return point.at.topic.replace("+", point.asset).replace("#", point.asset)


def message(points: Sequence[Point], readings: Readings, now: int) -> bytes:
    """All points of one topic as JSON, or the bare value where a point has no path."""
    document: Any = None
    for point in points:
        assert isinstance(point.at, MqttAddress)
        value = readings(point, now)
        if point.at.path is None:
            return str(value).encode() if not isinstance(value, str) else value.encode()
        document = _with(document, json_path.parse(point.at.path), value)
        if point.at.time:
            stamp = datetime.fromtimestamp(now // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            document = _with(document, json_path.parse(point.at.time), f"{stamp}.{now % SECOND:09d}Z")
    return orjson.dumps(document)


def _with(tree: Any, path: json_path.Path, value: Any) -> Any:
    """The document with this value at the end of the path; what is on the way is made as it is needed."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        items = tree if isinstance(tree, list) else []
        items += [None] * (step + 1 - len(items))
        items[step] = _with(items[step], rest, value)
        return items
    table = tree if isinstance(tree, dict) else {}
    table[step] = _with(table.get(step), rest, value)
    return table


class Broker:
    """Mosquitto in a process of its own, or amqtt in this loop."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, 0
        self._process: asyncio.subprocess.Process | None = None
        self._embedded: Any = None

    async def open(self) -> int:
        self.port = self.port or free_port()
        binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if binary:
            settings = self.folder / "mosquitto.conf"
            settings.write_text(SETTINGS.format(port=self.port))
            quiet = asyncio.subprocess.DEVNULL
            self._process = await asyncio.create_subprocess_exec(binary, "-c", settings, stdout=quiet, stderr=quiet)
        else:
            await self._embed()
        await _listening(self.port)
        return self.port

    async def _embed(self) -> None:
        from amqtt.broker import Broker as Embedded

        logging.getLogger("amqtt").setLevel(logging.ERROR)
        logging.getLogger("transitions").setLevel(logging.ERROR)
        listener = {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}
        plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
        self._embedded = Embedded({"listeners": {"default": listener}, "plugins": plugins})
        await self._embedded.start()

    async def close(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()
        if self._embedded:
            await self._embedded.shutdown()


async def _listening(port: int) -> None:
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    raise ConnectionError(f"the broker does not listen on port {port}")


class Publisher:
    """Publishes each topic four times in its longest normal silence, from five times a second to every two seconds."""

    def __init__(self, points: Sequence[Point], readings: Readings, clock: Callable[[], int]) -> None:
        self.readings, self.clock = readings, clock
        self.writes: list[str] = []
        self._topics: dict[str, list[Point]] = {}
        nodes: dict[tuple[str, str], list[Point]] = {}
        for point in points:
            if (node := sparkplug.node_of(point)) is not None:
                nodes.setdefault(node, []).append(point)
            else:
                self._topics.setdefault(topic_of(point), []).append(point)
        self._nodes = [(sparkplug.EdgeNode(*names, own), own) for names, own in nodes.items()]
        self._own: Counter[tuple[str, bytes]] = Counter()
        self._client: paho.Client | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, port: int) -> None:
        self._client = client = paho.Client(CallbackAPIVersion.VERSION2, client_id="gemba-simulated-devices")
        client.max_inflight_messages_set(1000)
        client.on_connect = lambda c, *_: c.subscribe("#", 1)
        client.on_message = self._heard
        client.connect("127.0.0.1", port)
        client.loop_start()
        self._tasks = [asyncio.create_task(self._live(topic)) for topic in self._topics]
        self._tasks += [asyncio.create_task(self._born(node, own)) for node, own in self._nodes]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client:
            self._client.disconnect()
            await asyncio.to_thread(self._client.loop_stop)

    def _heard(self, _client: Any, _data: Any, heard: paho.MQTTMessage) -> None:
        key = heard.topic, bytes(heard.payload)
        if self._own[key] > 0:
            self._own[key] -= 1
        elif not heard.dup:
            self.writes.append(heard.topic)
        if not self._own[key]:
            del self._own[key]

    async def _live(self, topic: str) -> None:
        points = self._topics[topic]
        while True:
            self._publish(topic, message(points, self.readings, self.clock()))
            await asyncio.sleep(_pause(points))

    async def _born(self, node: sparkplug.EdgeNode, points: Sequence[Point]) -> None:
        begin = True
        while True:
            if self._client is not None and self._client.is_connected():
                for topic, payload in node.messages(self.readings, self.clock(), begin):
                    self._publish(topic, payload)
                begin = False
            else:
                begin = True
            await asyncio.sleep(_pause(points))

    def _publish(self, topic: str, payload: bytes) -> None:
        assert self._client is not None
        if self._client.is_connected():
            self._own[topic, payload] += 1
            self._client.publish(topic, payload, qos=1)


def _pause(points: Sequence[Point]) -> float:
    return min(max(min(point.every for point in points) / 4 / SECOND, 0.2), 2.0)
