"""Sparkplug B from an edge node that was not written by us, over Mosquitto; and a node to which nothing is said."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Frame
from connectors.mqtt import Mqtt
from tests.connectors.mqtt.broker import silence, take, until
from tests.connectors.mqtt.points import plant, point, said, source
from tests.servers.mosquitto import Mosquitto
from tests.servers.sparkplug import Metric, SparkplugNode

MS = 1_000_000
TOTAL: Metric = {"name": "Total", "alias": 1, "type": "UInt32", "value": 4_000_000_000}
STATE: Metric = {"name": "State", "alias": 2, "type": "String", "value": "RUN"}
TYPES: list[tuple[str, Any, Any]] = [
    ("Int8", -12, -12),
    ("Int16", -32768, -32768),
    ("Int32", -12, -12),
    ("Int64", -9_223_372_036_854_775_808, -9_223_372_036_854_775_808),
    ("UInt8", 255, 255),
    ("UInt16", 65535, 65535),
    ("UInt32", 4_294_967_295, 4_294_967_295),
    ("UInt64", 9_223_372_036_854_775_807, 9_223_372_036_854_775_807),
    ("Float", 1.5, 1.5),
    ("Double", 0.1, 0.1),
    ("Boolean", True, 1),
    ("String", "00123", "00123"),
    ("Text", "无锡", "无锡"),
    ("UUID", "7f3b", "7f3b"),
    ("DateTime", 1_793_577_600_000, 1_793_577_600_000),
]


@asynccontextmanager
async def collecting(broker: Mosquitto, folder: Path, node: SparkplugNode) -> AsyncIterator[Mqtt]:
    device = f"spBv1.0/{node.group}/+/{node.node}/press"
    points = [
        point("total", device, "Total", "press"),
        point("state", device, "State", "press"),
        point("uptime", f"spBv1.0/{node.group}/+/{node.node}", "Uptime", "edge"),
    ]
    async with Mqtt(source(broker.url, client_id=f"c-{node.group}"), points, plant(folder)) as made:
        yield made


@pytest.fixture
def node(sparkplug: SparkplugNode, request: pytest.FixtureRequest) -> SparkplugNode:
    """In a group of its own, since the broker is shared."""
    sparkplug.stop()
    sparkplug.group, sparkplug.bd_seq = f"g{abs(hash(request.node.name)):x}", -1
    sparkplug.start()
    return sparkplug


async def said_by(made: Mqtt, count: int = 1) -> list[dict[str, Any]]:
    return [said(frame) for frame in await take(made, count)]


async def alive(made: Mqtt, node: SparkplugNode) -> list[Frame]:
    await asyncio.to_thread(node.birth, [{"name": "Uptime", "alias": 9, "type": "Int64", "value": 5}])
    await asyncio.to_thread(node.birth, [TOTAL, STATE], "press")
    return await take(made, 2)


async def test_a_life(mosquitto: Mosquitto, node: SparkplugNode, tmp_path: Path) -> None:
    async with collecting(mosquitto, tmp_path, node) as made:
        before = time.time_ns() // MS * MS
        born = await alive(made, node)
        assert [said(frame) for frame in born] == [
            {"edge.uptime": 5},
            {"press.total": 4_000_000_000, "press.state": "RUN"},
        ]
        assert all(before <= frame.time <= time.time_ns() and frame.live for frame in born)
        await asyncio.to_thread(node.data, [{"alias": 1, "type": "UInt32", "value": 4_000_000_001}], "press")
        await asyncio.to_thread(node.data, [{"alias": 2, "type": "String", "value": "IDLE"}], "press", bare=True)
        await asyncio.to_thread(node.data, [{"name": "Uptime", "type": "Int64", "value": 6}])
        assert await said_by(made, 3) == [{"press.total": 4_000_000_001}, {"press.state": "IDLE"}, {"edge.uptime": 6}]
        await asyncio.to_thread(node.death, "press")
        assert await said_by(made) == [{"press.total": "BadNoCommunication", "press.state": "BadNoCommunication"}]
        await asyncio.to_thread(node.birth, [TOTAL, STATE], "press")
        assert await said_by(made) == [{"press.total": 4_000_000_000, "press.state": "RUN"}]
        await asyncio.to_thread(node.kill)  # the broker publishes its will
        dead = await said_by(made, 2)
        assert dead[0] | dead[1] == dict.fromkeys(("edge.uptime", "press.total", "press.state"), "BadNoCommunication")


async def test_what_is_lost_on_the_way_is_told(mosquitto: Mosquitto, node: SparkplugNode, tmp_path: Path) -> None:
    async with collecting(mosquitto, tmp_path, node) as made:
        await alive(made, node)
        await asyncio.to_thread(node.data, [{"alias": 1, "type": "UInt32", "value": 7}], "press", skip=1)
        lost = await said_by(made, 3)
        assert lost[0] | lost[1] == dict.fromkeys(("edge.uptime", "press.total", "press.state"), "BadDataLost")
        assert lost[2] == {"press.total": 7}


async def test_births_are_kept_and_none_is_asked_for(mosquitto: Mosquitto, node: SparkplugNode, tmp_path: Path) -> None:
    """A rebirth request would be a write: without a birth the data waits for one, with a kept one it is read."""
    async with collecting(mosquitto, tmp_path, node) as made:
        await alive(made, node)
    await asyncio.to_thread(node.data, [{"alias": 1, "type": "UInt32", "value": 7}], "press")  # nobody is there
    await until(lambda: f"spBv1.0/{node.group}/DDATA/{node.node}/press" in mosquitto.tail(100_000))
    async with collecting(mosquitto, tmp_path, node) as made:  # a new agent, with the file of the old one
        assert await silence(made)
        await asyncio.to_thread(node.data, [{"alias": 1, "type": "UInt32", "value": 8}], "press", bare=True)
        assert await said_by(made) == [{"press.total": 8}]
    async with collecting(mosquitto, tmp_path / "elsewhere", node) as made:  # one without it
        await asyncio.to_thread(node.data, [{"alias": 1, "type": "UInt32", "value": 9}], "press")
        waiting = "BadWaitingForInitialData"
        assert await said_by(made) == [{"press.total": waiting, "press.state": waiting}]
        await asyncio.to_thread(node.birth, [TOTAL, STATE], "press")
        assert await said_by(made) == [{"press.total": 4_000_000_000, "press.state": "RUN"}]
    assert await asyncio.to_thread(node.commands) == []


async def test_a_new_life_begins_with_its_own_births(mosquitto: Mosquitto, node: SparkplugNode, tmp_path: Path) -> None:
    """The same aliases for other metrics: nothing of the old life may be read into the new one."""
    async with collecting(mosquitto, tmp_path, node) as made:
        await alive(made, node)
        await asyncio.to_thread(node.kill)
        await take(made, 2)
        await asyncio.to_thread(node.start)
        await asyncio.to_thread(node.birth, [{"name": "Uptime", "alias": 1, "type": "Int64", "value": 0}])
        assert await said_by(made) == [{"edge.uptime": 0}]
        await asyncio.to_thread(node.data, [{"alias": 1, "type": "Int64", "value": 1}], "press")
        waiting = "BadWaitingForInitialData"
        assert await said_by(made) == [{"press.total": waiting, "press.state": waiting}]
        swapped: list[Metric] = [{**TOTAL, "alias": 2, "value": 3}, {**STATE, "alias": 1, "value": "OFF"}]
        await asyncio.to_thread(node.birth, swapped, "press")
        assert await said_by(made) == [{"press.total": 3, "press.state": "OFF"}]


async def test_every_type_that_a_column_carries(mosquitto: Mosquitto, node: SparkplugNode, tmp_path: Path) -> None:
    topic = f"spBv1.0/{node.group}/+/{node.node}"
    points = [point(kind.lower(), topic, kind, "edge") for kind, _, _ in TYPES]
    async with Mqtt(source(mosquitto.url, client_id=node.group), points, plant(tmp_path)) as made:
        await asyncio.to_thread(
            node.birth, [{"name": k, "alias": i + 1, "type": k, "value": v} for i, (k, v, _) in enumerate(TYPES)]
        )
        expected = {f"edge.{kind.lower()}": value for kind, _, value in TYPES}
        assert await said_by(made) == [expected]
        await asyncio.to_thread(
            node.data, [{"alias": i + 1, "type": k, "value": v} for i, (k, v, _) in enumerate(TYPES)], bare=True
        )
        assert await said_by(made) == [expected]
        await asyncio.to_thread(
            node.data, [{"alias": i + 1, "type": k, "value": None} for i, (k, _, _) in enumerate(TYPES)]
        )
        assert await said_by(made) == [dict.fromkeys(expected, "BadNoData")]


async def test_what_is_historical_keeps_its_time(mosquitto: Mosquitto, node: SparkplugNode, tmp_path: Path) -> None:
    async with collecting(mosquitto, tmp_path, node) as made:
        await alive(made, node)
        now = time.time_ns() // MS
        old: Metric = {"alias": 1, "type": "UInt32", "value": 5, "timestamp": now - 60_000, "isHistorical": True}
        await asyncio.to_thread(node.data, [old], "press", qos=1)
        (frame,) = await take(made, 1)
        assert (frame.live, frame.time, frame.ints.tolist()) == (False, (now - 60_000) * MS, [5])
        assert made.waiting == 1
        made.durable(3)
        assert made.waiting == 0
