"""MQTT: what a message costs, from Mosquitto's socket to a frame with quality that was acknowledged after a commit.

A hundred machines publish JSON of six values, 105 bytes, at QoS 1. The client has one core to itself; broker and
publisher share the other. Rates are noisy, CPU for each message is steady. The commit is simulated, and once it is the
agent's own, into the journal. Beside ours in the same run: plain paho in its own loop, and Telegraf where it is built.
"""

import asyncio
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import paho.mqtt.client as paho
import uvloop
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks._figure import Cost, Row, looped, pinned, telegraf, told, watched
from benchmarks.modbus import agent
from config.plant import SECOND, MqttAddress, Plant, Point, Security, Source
from connectors.clock import SYSTEM
from connectors.mqtt import Mqtt, connect
from edge.collect import Collector
from edge.keep import Keeper
from store.journal import Journal
from tests.servers import provide
from tests.servers.mosquitto import Mosquitto

MACHINES = 100
RATE = 10_000  # messages a second
WARM = 1.5
SPAN = 4.0  # seconds of each measurement
BACKLOG = 60_000  # messages that wait when it is to go as fast as it can
CPU_BAR = 16.0  # us a message, at most
RATE_BAR = 0.97 * RATE  # sustained, at least
COMMIT = 0.2
SETTINGS: dict[str, str | int] = {
    "max_inflight_messages": 1000,
    "max_queued_messages": 0,
    "set_tcp_nodelay": "true",
    "log_type": "error",
}
FIELDS = ("power", "energy", "total", "temperature", "pressure")


class Meter:
    """Counts messages; the figures are those from the first mark to the second."""

    def __init__(self) -> None:
        self.count = 0
        self._marks: list[tuple[float, float, int]] = []

    def mark(self) -> None:
        self._marks.append((time.process_time(), time.perf_counter(), self.count))

    @property
    def cost(self) -> Cost:
        (cpu, wall, count), (cpu_after, wall_after, after) = self._marks
        return Cost.of(cpu_after - cpu, wall_after - wall, after - count)


# -- publishing, in a process of its own -------------------------------------------------------------------------------
def packets(first: int, count: int) -> bytes:
    """PUBLISH at QoS 1 of consecutive values of all machines in turn."""
    found = []
    for number in range(first, first + count):
        topic = f"plant/m{number % MACHINES:02d}/telemetry".encode()
        values = (number % 997 / 8, number / 16, number, 21.5, 3.25)
        body = orjson.dumps({**dict(zip(FIELDS, values, strict=True)), "state": "RUN"})
        packet = struct.pack(">H", len(topic)) + topic + struct.pack(">H", number % 65_000 + 1) + body.ljust(105)
        found.append(bytes([0x32, len(packet) & 0x7F | 0x80, len(packet) >> 7]) + packet)
    return b"".join(found)


def publish(port: int, count: int, rate: int) -> None:
    """By the socket itself: a library would cost the broker its core. Never more than 5000 ahead of the broker."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03pub")
        line.recv(4)
        print("connected", flush=True)
        acknowledged = [0]

        def listen() -> None:
            while data := line.recv(65_536):
                acknowledged[0] += len(data) // 4

        threading.Thread(target=listen, daemon=True).start()
        began = time.monotonic()
        for sent in range(0, count, 100):
            while sent - acknowledged[0] > 5000 or (rate and sent / rate > time.monotonic() - began):
                time.sleep(0.001)
            line.sendall(packets(sent, 100))
        while acknowledged[0] < count:
            time.sleep(0.01)
        line.shutdown(socket.SHUT_RDWR)


@contextmanager
def publishing(broker: Mosquitto, count: int, rate: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "benchmarks.mqtt", "publish", str(broker.port), str(count), str(rate)]
    core = str(max(os.sched_getaffinity(broker.pid)))
    child = subprocess.Popen(["taskset", "-c", core, *command], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        yield child
    finally:
        child.terminate()
        child.wait(60)
        child.stdout.close()


# -- ours --------------------------------------------------------------------------------------------------------------
def plant(broker: Mosquitto, folder: Path, version: str) -> tuple[Source, list[Point], Plant]:
    source = Source("bench", "mqtt", broker.url, version=version, security=Security(insecure=True))
    points = []
    for machine in range(MACHINES):
        for name in (*FIELDS, "state"):
            at = MqttAddress("plant/+/telemetry", name)
            unit = "x" if name in FIELDS else None
            points.append(Point(f"m{machine:02d}", name, "bench", at, unit=unit, every=SECOND))
    return source, points, Plant("bench", "bench", ZoneInfo("UTC"), folder, folder / "plant.yaml", "")


def collector(broker: Mosquitto, folder: Path, version: str) -> Mqtt:
    return Mqtt(*plant(broker, folder, version))


async def taken(made: Mqtt, meter: Meter, until: int) -> None:
    """Every frame, looked at; committed when half of the window waits, at the latest after 200 ms."""
    loop, owed = asyncio.get_running_loop(), 0
    timer: asyncio.TimerHandle | None = None

    def commit() -> None:
        nonlocal owed, timer
        made.durable(owed)
        owed, timer = 0, None

    async with aclosing(made.frames()) as frames:  # type: ignore[type-var]
        async for frame in frames:
            if frame.quality is not None or len(frame.floats) != len(FIELDS):
                raise RuntimeError("a value is missing")
            meter.count += 1
            owed += 1
            if 2 * owed >= made.window:
                if timer:
                    timer.cancel()
                commit()
            elif timer is None:
                timer = loop.call_later(COMMIT, commit)
            if meter.count == until:
                break
    commit()


async def sustained(broker: Mosquitto, folder: Path, version: str) -> Cost:
    meter, loop = Meter(), asyncio.get_running_loop()
    count = round(RATE * (SPAN + WARM + 0.5))
    async with collector(broker, folder, version) as made:
        with publishing(broker, count, RATE):
            loop.call_later(WARM, meter.mark)
            loop.call_later(WARM + SPAN, meter.mark)
            await taken(made, meter, count)
    return meter.cost


async def flat_out(broker: Mosquitto, folder: Path, version: str) -> Cost:
    """What has waited in the broker's queue, as fast as it comes."""
    made, meter = collector(broker, folder, version), Meter()
    async with made:
        pass
    with publishing(broker, BACKLOG) as child:
        child.wait(60)
    async with made:
        meter.mark()
        await taken(made, meter, BACKLOG)
        meter.mark()
    return meter.cost


async def kept(broker: Mosquitto, folder: Path) -> Cost:
    """Through the agent's hands: report by exception, communication history, group commit, acknowledgement."""
    meter, loop = Meter(), asyncio.get_running_loop()
    journal = Journal.open(folder / "journal")
    keeper = Keeper(journal)
    own = Collector(*plant(broker, folder, "3.1.1"), connect, keeper, SYSTEM)
    tasks = [asyncio.create_task(keeper.run()), asyncio.create_task(own.run())]

    def mark() -> None:
        meter.count = own.seen.frames
        meter.mark()

    await asyncio.sleep(0.5)
    with publishing(broker, round(RATE * (SPAN + WARM + 0.5)), RATE):
        loop.call_later(WARM, mark)
        loop.call_later(WARM + SPAN, mark)
        while own.seen.frames < round(RATE * (SPAN + WARM + 0.5)) or getattr(own.connector, "waiting", 1):
            await asyncio.sleep(0.1)
    for task in reversed(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await keeper.close()
    journal.close()
    return meter.cost


# -- plain paho --------------------------------------------------------------------------------------------------------
def plain(broker: Mosquitto, rate: int) -> Cost:
    """paho in its own loop, as its documentation has it: JSON taken apart, acknowledged by hand in batches."""
    meter, mids, done = Meter(), [], threading.Event()  # type: ignore[var-annotated]
    count = round(RATE * (SPAN + WARM + 0.5)) if rate else BACKLOG
    client = paho.Client(CallbackAPIVersion.VERSION2, "plain", clean_session=False, manual_ack=True)

    def heard(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        found = orjson.loads(message.payload)
        if len([found[name] for name in FIELDS]) != len(FIELDS):
            raise RuntimeError("a value is missing")
        meter.count += 1
        mids.append(message.mid)
        if len(mids) == 500 or meter.count == count:
            for mid in mids:
                client.ack(mid, 1)
            mids.clear()
        if meter.count == count:
            done.set()

    client.on_message = heard
    subscribed = threading.Event()
    client.on_connect = lambda *_: client.subscribe("plant/+/telemetry", 1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    subscribed.wait(60)
    if rate:
        with publishing(broker, count, rate):
            time.sleep(WARM)
            meter.mark()
            time.sleep(SPAN)
            meter.mark()
            done.wait(60)
    else:
        client.disconnect()
        client.loop_stop()
        with publishing(broker, count) as child:
            child.wait(60)
        meter.mark()
        client.reconnect()
        client.loop_start()
        done.wait(60)
        meter.mark()
    client.disconnect()
    client.loop_stop()
    return meter.cost


# -- Telegraf ----------------------------------------------------------------------------------------------------------
def telegrafs(broker: Mosquitto, folder: Path) -> Cost | None:
    """Telegraf's mqtt_consumer, discarded; None where it is not built. It takes what is published, or blocks."""
    if provide.find("telegraf") is None:
        return None
    config = (
        agent("1s", 500, "200ms") + "[[outputs.discard]]\n[[inputs.mqtt_consumer]]\n"
        f'  servers = ["tcp://127.0.0.1:{broker.port}"]\n  topics = ["plant/+/telemetry"]\n  qos = 1\n'
        '  client_id = "telegraf"\n  persistent_session = true\n  max_undelivered_messages = 1000\n'
        '  data_format = "json_v2"\n  [[inputs.mqtt_consumer.json_v2]]\n'
        '    [[inputs.mqtt_consumer.json_v2.object]]\n      path = "@this"\n'
    )
    with telegraf(config, folder) as process:
        time.sleep(2.0)
        with publishing(broker, round(RATE * (SPAN + WARM + 0.5)), RATE):
            time.sleep(WARM)
            cpu, wall = watched(process, SPAN)
            time.sleep(1.0)
    return Cost.of(cpu, wall, round(RATE * wall))


# -- the run -----------------------------------------------------------------------------------------------------------
def run() -> Iterator[Row]:
    """All figures; the one with a bar the best of three, since others use the machine."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with Mosquitto(folder / "broker", settings=SETTINGS) as broker, pinned(broker.pid):
            costs = [looped(lambda: sustained(broker, folder, "3.1.1"), uvloop.new_event_loop) for _ in range(3)]
            best = min(costs, key=lambda cost: cost.cpu)
            yield Row("10 k/s, acknowledged after commit", best.cpu, "us CPU/message", CPU_BAR, note=str(best))
            fastest = 1e6 * max(cost.rate for cost in costs)
            yield Row("10 k/s, acknowledged after commit", fastest, "messages/s", RATE_BAR, True)
            cost = looped(lambda: kept(broker, folder), uvloop.new_event_loop)
            yield Row("10 k/s, through the agent into the journal", cost.cpu, "us CPU/message", note=str(cost))
            for name, version, factory in (("asyncio", "3.1.1", None), ("MQTT 5", "5", uvloop.new_event_loop)):
                cost = looped(lambda: sustained(broker, folder, version), factory)  # noqa: B023
                yield Row(f"10 k/s, {name}", cost.cpu, "us CPU/message", note=str(cost))
            cost = looped(lambda: flat_out(broker, folder, "3.1.1"), uvloop.new_event_loop)
            yield Row("flat out, from the broker's queue", cost.cpu, "us CPU/message", note=str(cost))
            for name, rate in (("10 k/s", RATE), ("flat out", 0)):
                cost = plain(broker, rate)
                yield Row(f"{name}, plain paho", cost.cpu, "us CPU/message", note=str(cost))
            if found := telegrafs(broker, folder):
                yield Row("10 k/s, telegraf", found.cpu, "us CPU/message", note=str(found))


if __name__ == "__main__":
    if sys.argv[1:2] == ["publish"]:
        publish(*(int(word) for word in sys.argv[2:]))
    else:
        sys.exit(told(run, "mosquitto"))
