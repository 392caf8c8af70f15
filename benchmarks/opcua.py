"""OPC UA: what a value and a notification cost, from node-opcua's socket to decoded frames with quality.

The client has one core to itself and the server the other. Rates are noisy, CPU for each value is steady: that is what
the bars are set in. Beside ours in the same run: plain asyncua, and Telegraf where it is built.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from zoneinfo import ZoneInfo

import uvloop
from asyncua import Client, ua

from benchmarks._figure import Row, looped, pinned, telegraf, told, watched
from benchmarks.modbus import agent
from config.plant import SECOND, Asset, OpcuaAddress, Plant, Point, Security, Source
from connectors.opcua import connect
from tests.servers import provide
from tests.servers.nodeopcua import NAMESPACE, NodeOpcUa

NODES = 1000
POLLS = 200
SPAN = 10.0  # seconds of notifications
WARM = 3.0  # of Telegraf
POLL_BAR = 1.2  # us CPU a value
SHARE_BAR = 20.0  # % of a core at 10,000 notifications a second


def plant(url: str, mode: str, every: int, folder: Path) -> tuple[Source, list[Point], Plant]:
    source = Source("bench", "opcua", url, every=every, mode=mode, security=Security(insecure=True))  # type: ignore[arg-type]
    points = [Point("a", f"n{i}", "bench", OpcuaAddress(f"nsu={NAMESPACE};s=n{i}"), every=every) for i in range(NODES)]
    own = {point.name: point for point in points}
    return source, points, Plant(
        "bench", "bench", ZoneInfo("UTC"), folder, folder / "plant.yaml", "", {"bench": source}, {"a": Asset("a", own)}
    )  # fmt: skip


# -- polling -----------------------------------------------------------------------------------------------------------
async def polls(url: str, folder: Path) -> tuple[float, float]:
    """us CPU a value, and thousands of values a second."""
    source, points, own = plant(url, "poll", SECOND // 1000, folder)
    async with connect(source, points, own) as connector, aclosing(connector.frames()) as frames:  # type: ignore[type-var]
        for _ in range(20):
            await anext(frames)
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(POLLS):
            frame = await anext(frames)
            if frame.quality is not None or len(frame.floats) != NODES:
                raise RuntimeError("a value is missing")
        return _figures(cpu, wall, POLLS * NODES)


async def plain_polls(url: str) -> tuple[float, float]:
    """asyncua's own read_attributes, to DataValues."""
    async with Client(url) as client:
        index = await client.get_namespace_index(NAMESPACE)
        nodes = [ua.NodeId.from_string(f"ns={index};s=n{i}") for i in range(NODES)]
        for _ in range(5):
            await client.uaclient.session.read_attributes(nodes, ua.AttributeIds.Value)
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(POLLS // 4):
            values = await client.uaclient.session.read_attributes(nodes, ua.AttributeIds.Value)
            if len([value.Value.Value for value in values if value.StatusCode.is_good()]) != NODES:
                raise RuntimeError("a value is missing")
        return _figures(cpu, wall, POLLS // 4 * NODES)


def _figures(cpu: float, wall: float, values: int) -> tuple[float, float]:
    return 1e6 * (time.process_time() - cpu) / values, values / (time.perf_counter() - wall) / 1000


# -- notifications -----------------------------------------------------------------------------------------------------
async def notifications(url: str, folder: Path) -> tuple[float, float]:
    """% of a core, and thousands of notifications a second."""
    source, points, own = plant(url, "subscribe", SECOND // 10, folder)
    async with connect(source, points, own) as connector, aclosing(connector.frames()) as frames:  # type: ignore[type-var]
        for _ in range(20):
            await anext(frames)
        cpu, wall, count = time.process_time(), time.perf_counter(), 0
        while time.perf_counter() - wall < SPAN:
            frame = await anext(frames)
            count += len(frame.floats) if frame.times is not None else 0
        return _share(cpu, wall, count)


class _Counter:
    def __init__(self) -> None:
        self.count = 0

    def datachange_notification(self, node: object, value: object, data: object) -> None:
        self.count += 1


async def plain_notifications(url: str) -> tuple[float, float]:
    counter = _Counter()
    async with Client(url) as client:
        index = await client.get_namespace_index(NAMESPACE)
        nodes = [client.get_node(f"ns={index};s=n{i}") for i in range(NODES)]
        subscription = await client.create_subscription(100, counter)
        await subscription.subscribe_data_change(nodes, queuesize=10, sampling_interval=100.0)
        await asyncio.sleep(1.0)
        cpu, wall, before = time.process_time(), time.perf_counter(), counter.count
        await asyncio.sleep(SPAN)
        return _share(cpu, wall, counter.count - before)


def _share(cpu: float, wall: float, count: int) -> tuple[float, float]:
    took = time.perf_counter() - wall
    return 100 * (time.process_time() - cpu) / took, count / took / 1000


# -- telegraf ----------------------------------------------------------------------------------------------------------
TELEGRAF = """
[[inputs.opcua]]
  endpoint = "{url}"
  security_policy = "None"
  security_mode = "None"
  auth_method = "Anonymous"
  nodes = [{nodes}]
[[outputs.discard]]
"""


def telegrafs(url: str, folder: Path) -> tuple[float, float] | None:
    """us CPU a value of Telegraf's opcua input, ten polls a second, discarded; None where it is not built."""
    if provide.find("telegraf") is None:
        return None
    nodes = ",".join(f'{{name="n{i}", namespace="2", identifier_type="s", identifier="n{i}"}}' for i in range(NODES))
    said = folder / "telegraf.log"
    with telegraf(agent("100ms", 1000) + TELEGRAF.format(url=url, nodes=nodes), folder) as process:
        time.sleep(WARM)
        late = said.read_bytes().count(b"took longer")
        cpu, wall = watched(process, SPAN)
        late = said.read_bytes().count(b"took longer") - late
    values = (10 * wall - late) * NODES
    return 1e6 * cpu / values, values / wall / 1000


# -- the run -----------------------------------------------------------------------------------------------------------
def run() -> Iterator[Row]:
    """All figures; of our polls the best of three, since others use the machine."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with NodeOpcUa(folder / "server", nodes=NODES, hz=10) as server, pinned(server.pid):
            for name, factory in (("asyncio", None), ("uvloop", uvloop.new_event_loop)):
                us, rate = min(looped(lambda: polls(server.url, folder), factory) for _ in range(3))
                yield Row(f"poll {NODES} nodes, {name}", us, "us/value", POLL_BAR, note=f"{rate:.0f} k values/s")
                share, rate = looped(lambda: notifications(server.url, folder), factory)
                note = f"{rate:.1f} k/s, {share * 10 / rate:.2f} us each"
                yield Row(f"notifications, {name}", share, "% of a core", SHARE_BAR, note=note)
            us, rate = looped(lambda: plain_polls(server.url))
            yield Row("poll, plain asyncua", us, "us/value", note=f"{rate:.0f} k values/s")
            share, rate = looped(lambda: plain_notifications(server.url))
            note = f"{rate:.1f} k/s, {share * 10 / rate:.2f} us each"
            yield Row("notifications, plain asyncua", share, "% of a core", note=note)
            if (found := telegrafs(server.url, folder)) is not None:
                yield Row("poll, telegraf", found[0], "us/value", note=f"{found[1]:.0f} k values/s")


if __name__ == "__main__":
    sys.exit(told(run, "nodeopcua"))
