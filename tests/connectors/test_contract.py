"""One body over all protocols: what the agent relies on, whichever wire it is.

A connector starts, gives a point at fault as data, raises `Disconnected` when its device goes or hangs, comes back when
it is entered again, and bears with a slow one.
"""

import asyncio
import contextlib
import importlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import simulators.sparkplug
from config.load import load
from config.plant import SECOND, Plant, Point, Source
from connectors import quality
from connectors.base import Connector, Disconnected, Frame
from simulators.run import Simulation

HEAD = "plant: wire-01\ntimezone: Asia/Shanghai\ndata: ./data\nsources:\n  s: {source}\nassets:\n  m:\n    points:\n"
MODBUS = '{protocol: modbus, url: "tcp://10.0.0.1:502", every: 200ms, timeout: 30s}'
RTU = '{protocol: modbus, url: "rtuovertcp://10.0.0.1:502", every: 200ms, timeout: 30s}'
OPCUA = '{protocol: opcua, url: "opc.tcp://10.0.0.1:4840", every: 200ms, timeout: 30s, security: {insecure: true}%s}'
MQTT = '{protocol: mqtt, url: "mqtt://10.0.0.1:1883", every: 1s, timeout: 30s, security: {insecure: true}}'
HASTY = "timeout: 800ms"
REGISTERS = {
    "state": 'at: "holding:0", states: {0: off, 1: idle, 2: running, 3: down, 4: setup}',
    "total": 'at: "holding:2", type: uint32, counter: {}',
    "hot": 'at: "input:4", type: float32',
}
NODES = {
    "state": 'at: "nsu=urn:x;s=State", states: mtconnect',
    "total": 'at: "nsu=urn:x;s=Total", type: uint32, counter: {}',
    "hot": 'at: "nsu=urn:x;s=Hot", type: float64',
}
PATHS = {
    "state": "at: {topic: m/data, path: state}, states: {I: idle, R: running, D: down, S: setup, O: off}",
    "total": "at: {topic: m/data, path: n.total}, type: int64, counter: {}",
    "hot": "at: {topic: m/data, path: n.hot}",
}
METRICS = {
    "state": "at: {topic: spBv1.0/g/+/edge/m, path: State}, states: {I: idle, R: running, D: down, S: setup, O: off}",
    "total": "at: {topic: spBv1.0/g/+/edge/m, path: Total}, type: int64, counter: {}",
    "hot": "at: {topic: spBv1.0/g/+/edge, path: Hot}",
}
FAULTY = {"modbus": 'at: "holding:900"', "opcua": 'at: "nsu=urn:x;s=None"', "mqtt": "at: {topic: m/data, path: none}"}
NOT_BORN = "at: {topic: spBv1.0/g/+/edge/m, path: None}"
WIRES = {
    "modbus-tcp": (MODBUS, REGISTERS),
    "modbus-rtu-over-tcp": (RTU, REGISTERS),
    "opcua-poll": (OPCUA % ", mode: poll", NODES),
    "opcua-subscribe": (OPCUA % ", mode: subscribe", NODES),
    "mqtt": (MQTT, PATHS),
    "sparkplug": (MQTT, METRICS),
}


@dataclass
class Wire:
    """A simulated device, and the same as the connector under test sees it."""

    run: Simulation
    plant: Plant
    source: Source
    points: list[Point]

    def connector(self) -> Connector:
        module = importlib.import_module(f"connectors.{self.source.protocol}")
        made: Connector = module.connect(self.source, self.points, self.plant)
        return made

    async def fault(self, kind: str = "", by: int = 0) -> None:
        await self.run.proxies["s"].set(kind, by)


@pytest.fixture(autouse=True)
def _often_born(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulators.sparkplug, "REBIRTH", SECOND)  # whoever comes later waits for it


def plant_file(folder: Path, name: str, source: str, points: dict[str, str]) -> Path:
    lines = "".join(f"      {point}: {{source: s, {text}}}\n" for point, text in points.items())
    path = folder / name
    path.write_text(HEAD.replace("{source}", source) + lines, encoding="utf-8")
    return path


@asynccontextmanager
async def wired(folder: Path, name: str, faulty: bool = False, hasty: bool = False) -> AsyncIterator[Wire]:
    """`hasty` gives up soon, which a machine that stands still for a moment makes it do without a fault as well."""
    source, points = WIRES[name]
    source = source.replace("timeout: 30s", HASTY) if hasty else source
    async with Simulation(load(plant_file(folder, "device.yaml", source, points)), folder / "out") as run:
        protocol = run.plant.sources["s"].protocol
        wrong = NOT_BORN if name == "sparkplug" else FAULTY[protocol]
        seen = {**points, "gone": wrong} if faulty else points
        path = plant_file(folder, "plant.yaml", source, seen)
        text = path.read_text(encoding="utf-8").replace(run.plant.sources["s"].url, run.urls["s"])
        path.write_text(text, encoding="utf-8")
        plant = load(path)
        yield Wire(run, plant, plant.sources["s"], plant.points())
        assert run.writes == []


def qualities(frame: Frame) -> dict[str, int]:
    columns = range(len(frame.layout.columns)) if frame.columns is None else frame.columns.tolist()
    codes = [0] * len(columns) if frame.quality is None else frame.quality.tolist()
    return {frame.layout.columns[column].point: code for column, code in zip(columns, codes, strict=True)}


async def seen(connector: Connector, names: set[str], good: bool = True) -> dict[str, int]:
    """Frames until each of these points was there (and Good); the last quality of each."""
    found: dict[str, int] = {}
    async for frame in connector.frames():
        found |= qualities(frame)
        connector.durable(1)
        if frame.live:
            assert abs(frame.time - time.time_ns()) < 5 * 10**9
        if all(name in found and (found[name] == 0) >= good for name in names):
            return found
    raise AssertionError("frames() ended")


everywhere = pytest.mark.parametrize("name", WIRES)


@everywhere
async def test_starts(tmp_path: Path, name: str) -> None:
    async with wired(tmp_path, name) as wire, asyncio.timeout(60), wire.connector() as connector:
        found = await seen(connector, {"state", "total", "hot"})
        assert set(found.values()) == {quality.GOOD}


@everywhere
async def test_a_point_at_fault_is_data(tmp_path: Path, name: str) -> None:
    async with wired(tmp_path, name, faulty=True) as wire, asyncio.timeout(60), wire.connector() as connector:
        found = await seen(connector, {"state", "total", "hot"})
        if "gone" not in found:
            found |= await seen(connector, {"gone"}, good=False)
        assert found.pop("gone") >= quality.BAD
        assert set(found.values()) == {quality.GOOD}


@everywhere
async def test_lost_in_the_middle_and_back_again(tmp_path: Path, name: str) -> None:
    async with wired(tmp_path, name) as wire, asyncio.timeout(90):
        connector = wire.connector()
        async with connector:
            await seen(connector, {"state", "total", "hot"})
            await wire.fault("refuse")
            with pytest.raises(Disconnected):
                async for _ in connector.frames():
                    connector.durable(1)
        with pytest.raises(Disconnected):
            async with connector:
                pass
        await wire.fault()
        async with connector:
            assert set((await seen(connector, {"state", "total", "hot"})).values()) == {quality.GOOD}


@everywhere
@pytest.mark.timeout(120)
async def test_a_device_that_hangs_with_its_socket_open_is_noticed(tmp_path: Path, name: str) -> None:
    async with wired(tmp_path, name, hasty=True) as wire, asyncio.timeout(90):
        connector, hung = wire.connector(), False
        while not hung:
            with contextlib.suppress(Disconnected):
                async with connector:
                    await seen(connector, {"state", "total", "hot"})
                    await wire.fault("hang")
                    hung = True
                    async for _ in connector.frames():
                        connector.durable(1)
                    pytest.fail("frames() ended")


@everywhere
async def test_a_slow_device_is_borne_with(tmp_path: Path, name: str) -> None:
    async with wired(tmp_path, name) as wire, asyncio.timeout(60), wire.connector() as connector:
        await seen(connector, {"state", "total", "hot"})
        await wire.fault("late", 150)
        for _ in range(3):
            assert set((await seen(connector, {"hot"})).values()) == {quality.GOOD}


@everywhere
async def test_what_is_hung_from_the_start_is_not_entered(tmp_path: Path, name: str) -> None:
    async with wired(tmp_path, name, hasty=True) as wire, asyncio.timeout(60):
        await wire.fault("hang")
        with pytest.raises(Disconnected):
            async with wire.connector():
                pass
