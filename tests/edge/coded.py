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
from store.reader import Reader
from tests.edge.oracle import rows, verdict

STEP = 10_000_000  # sequences of a point
POINTS = ("count", "twin")
HEAD = "plant: coded-01\ntimezone: Asia/Shanghai\ndata: ./data\nsources:\n"


def coded(device: int, point: str, sequence: int) -> int:
    """A value that says whose it is and which one."""
    return (10 * device + POINTS.index(point)) * STEP + sequence


@dataclass
class Device:
    """One Modbus device; each request for its registers brings the next number of both points."""

    number: int
    issued: list[int] = field(default_factory=list)
    """Of `count`; those of `twin` go with them."""
    proxy: Proxy | None = None
    endpoint: Endpoint | None = None

    def reading(self, point: Point, _: int) -> Any:
        if point.name == POINTS[0]:
            self.issued.append(coded(self.number, point.name, len(self.issued)))
        return coded(self.number, point.name, len(self.issued) - 1)

    def of(self, point: str) -> list[int]:
        """All numbers of a point that were issued."""
        return [number + POINTS.index(point) * STEP for number in self.issued]

    @property
    def writes(self) -> list[str]:
        assert self.endpoint is not None
        return self.endpoint.writes

    async def fault(self, kind: str = "", by: int = 0) -> None:
        """From now on this happens on the way to it, or nothing."""
        assert self.proxy is not None
        await self.proxy.set(kind, by)

    def units(self) -> list[Point]:
        at = [ModbusAddress("holding", 2 * place) for place in range(len(POINTS))]
        pairs = zip(POINTS, at, strict=True)
        return [Point(f"m{self.number}", name, f"d{self.number}", one, type="uint32") for name, one in pairs]


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
            return [(value, code) for _, _, value, code in rows(history, f"m{number}", "count")]
        finally:
            history.close()

    def wrong(self, reader: Reader, ended: bool = False) -> list[str]:
        """What does not hold of what a store has, in words."""
        found = []
        for device in self.devices:
            for point in POINTS:
                kept = rows(reader, f"m{device.number}", point)
                what = verdict(device.of(point), kept, ended)
                found += [f"{reader.store}: m{device.number} {point}: {one}" for one in what]
            found += [f"m{device.number}: {one}" for one in device.writes]
        return found

    def judge(self, ended: bool = False) -> None:
        """What holds whatever happened: nothing foreign, twice, out of order or missing unnoticed, nothing written."""
        history = History(place(self.plant))
        try:
            wrong = self.wrong(history, ended)
        finally:
            history.close()
        assert not wrong, "\n".join(wrong)


def asset(number: int) -> str:
    """A coded device in a plant file."""
    at = (f'{name}: {{at: "holding:{2 * place}", type: uint32}}' for place, name in enumerate(POINTS))
    return f"  m{number}: {{source: d{number}, points: {{{', '.join(at)}}}}}\n"


@asynccontextmanager
async def site(folder: Path, count: int, every: str = "100ms", more: str = "") -> AsyncIterator[Site]:
    devices = [Device(number) for number in range(1, count + 1)]
    text, assets = HEAD, "assets:\n"
    for device in devices:
        device.endpoint = Endpoint({1: Unit(device.units(), device.reading)})
        server, port = await listen_tcp(device.endpoint)
        device.proxy = Proxy(port, modbus=True)
        await device.proxy.open()
        url = f"tcp://127.0.0.1:{device.proxy.port}"
        text += f'  d{device.number}: {{protocol: modbus, url: "{url}", every: {every}, timeout: 300ms}}\n'
        assets += asset(device.number)
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
            ready = asyncio.create_task(agent.ready())
            await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if ready.cancel():
            await task
        yield agent
    finally:
        agent.stop()
        async with asyncio.timeout(10):
            await task
