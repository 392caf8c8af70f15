"""Devices whose every value says whose it is and which one: nothing can be foreign, twice or missing unnoticed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.load import load
from config.plant import ModbusAddress, Plant, Point
from connectors.clock import SYSTEM, Clock
from edge.agent import Agent
from simulators.faults import Proxy
from simulators.modbus import Endpoint, Unit, listen_tcp
from store.journal import History, place

STEP = 10_000_000
HEAD = "plant: coded-01\ntimezone: Asia/Shanghai\ndata: ./data\nsources:\n"


@dataclass
class Device:
    """One Modbus device; each request for its register brings the next number."""

    number: int
    issued: list[int] = field(default_factory=list)
    proxy: Proxy | None = None
    endpoint: Endpoint | None = None

    def reading(self, _: Point, __: int) -> Any:
        value = self.number * STEP + len(self.issued)
        self.issued.append(value)
        return value


@dataclass
class Site:
    """All devices, and the plant file that names them."""

    devices: list[Device]
    plant: Plant

    def kept(self, number: int) -> list[int]:
        """The Good values of one device as the journal has them, in the order of time."""
        return [value for value, code in self.rows(number) if code < 0x40000000]

    def rows(self, number: int) -> list[tuple[int, int]]:
        history = History(place(self.plant))
        try:
            series = history.series(f"m{number}", ["count"], 0, 2**62)["count"]
        finally:
            history.close()
        return list(zip(series.numbers.tolist(), series.quality.tolist(), strict=True))

    def judge(self) -> None:
        """What holds whatever happened: nothing foreign, nothing twice, nothing out of order, nothing written."""
        for device in self.devices:
            kept = self.kept(device.number)
            assert set(kept) <= set(device.issued), "foreign"
            assert kept == sorted(set(kept)), "twice, or out of order"
            assert device.endpoint is not None
            assert device.endpoint.writes == []


@asynccontextmanager
async def site(folder: Path, count: int, every: str = "100ms", more: str = "") -> AsyncIterator[Site]:
    devices = [Device(number) for number in range(1, count + 1)]
    text, assets = HEAD, "assets:\n"
    for device in devices:
        at = ModbusAddress("holding", 0)
        point = Point(f"m{device.number}", "count", f"d{device.number}", at, type="uint32")
        device.endpoint = Endpoint({1: Unit([point], device.reading)})
        server, port = await listen_tcp(device.endpoint)
        device.proxy = Proxy(port, modbus=True)
        await device.proxy.open()
        url = f"tcp://127.0.0.1:{device.proxy.port}"
        text += f'  d{device.number}: {{protocol: modbus, url: "{url}", every: {every}, timeout: 300ms}}\n'
        at_text = f'{{source: d{device.number}, at: "holding:0", type: uint32}}'
        assets += f"  m{device.number}: {{points: {{count: {at_text}}}}}\n"
        device.server = server  # type: ignore[attr-defined]
    file = folder / "plant.yaml"
    file.write_text(text + assets + more, encoding="utf-8")
    try:
        yield Site(devices, load(file))
    finally:
        for device in devices:
            assert device.proxy is not None
            await device.proxy.close()
            device.server.close()  # type: ignore[attr-defined]


@asynccontextmanager
async def collecting(plant: Plant, clock: Clock = SYSTEM) -> AsyncIterator[Agent]:
    """An agent on this plant, stopped cleanly at the end."""
    agent = Agent(plant, clock=clock)
    task = asyncio.create_task(agent.run())
    try:
        async with asyncio.timeout(10):
            await agent.ready()
        yield agent
    finally:
        agent.stop()
        async with asyncio.timeout(10):
            await task
