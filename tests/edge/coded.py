"""Devices whose every value says whose it is and which one: nothing can be foreign, twice or missing unnoticed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from config.load import load
from config.plant import ModbusAddress, Plant, Point
from connectors.clock import SYSTEM, Clock, SystemClock
from edge.agent import Agent
from simulators.faults import Proxy
from simulators.modbus import Endpoint, Unit, listen_tcp
from store.journal import History, place
from store.reader import Reader
from tests.edge.child import PATIENCE
from tests.edge.oracle import rows, verdict

STEP = 10_000_000  # sequences of a point
POINTS = ("count", "twin")
WELL = "10s"  # that a device may take which is well: so long no machine stands still
HEAD = "plant: coded-01\ntimezone: Asia/Shanghai\ndata: ./data\nsources:\n"


def coded(device: int, point: str, sequence: int) -> int:
    """A value that says whose it is and which one."""
    return (10 * device + POINTS.index(point)) * STEP + sequence


def registers(number: int) -> list[Point]:
    """The points of a Modbus device."""
    at = [ModbusAddress("holding", 2 * place) for place in range(len(POINTS))]
    return [Point(f"m{number}", name, f"d{number}", one, type="uint32") for name, one in zip(POINTS, at, strict=True)]


class Machine(Protocol):
    """What is judged, whatever it speaks."""

    number: int

    @property
    def issued(self) -> Sequence[int]:
        """The numbers of `count`; those of the other points go with them."""

    @property
    def writes(self) -> Sequence[str]: ...

    @property
    def source(self) -> str:
        """Its line in a plant file's `sources`."""

    @property
    def asset(self) -> str: ...

    async def fault(self, kind: str = "", by: int = 0) -> None:
        """From now on this happens on the way to it, or nothing."""


def modbus(number: int, url: str, every: str, timeout: str) -> tuple[str, str]:
    """The lines of a coded Modbus device in a plant file."""
    at = (f'{name}: {{at: "holding:{2 * place}", type: uint32}}' for place, name in enumerate(POINTS))
    return (
        f'  d{number}: {{protocol: modbus, url: "{url}", every: {every}, timeout: {timeout}}}\n',
        f"  m{number}: {{source: d{number}, points: {{{', '.join(at)}}}}}\n",
    )


@dataclass
class Device:
    """One Modbus device; each request for its registers brings the next number of both points."""

    number: int
    every: str = "100ms"
    timeout: str = WELL
    issued: list[int] = field(default_factory=list)
    proxy: Proxy | None = None
    endpoint: Endpoint | None = None
    server: asyncio.Server | None = None

    def reading(self, point: Point, _: int) -> Any:
        if point.name == POINTS[0]:
            self.issued.append(coded(self.number, point.name, len(self.issued)))
        return coded(self.number, point.name, len(self.issued) - 1)

    async def serve(self) -> None:
        self.endpoint = Endpoint({1: Unit(registers(self.number), self.reading)})
        self.server, port = await listen_tcp(self.endpoint)
        self.proxy = Proxy(port, modbus=True)
        await self.proxy.open()

    async def close(self) -> None:
        assert self.proxy is not None
        assert self.server is not None
        await self.proxy.close()
        self.server.close()

    @property
    def _told(self) -> tuple[str, str]:
        assert self.proxy is not None
        return modbus(self.number, f"tcp://127.0.0.1:{self.proxy.port}", self.every, self.timeout)

    @property
    def source(self) -> str:
        return self._told[0]

    @property
    def asset(self) -> str:
        return self._told[1]

    @property
    def writes(self) -> list[str]:
        assert self.endpoint is not None
        return self.endpoint.writes

    async def fault(self, kind: str = "", by: int = 0) -> None:
        assert self.proxy is not None
        await self.proxy.set(kind, by)


@dataclass
class Site:
    """All devices, and the plant file that names them."""

    devices: list[Device]
    plant: Plant
    others: Sequence[Machine] = ()

    @property
    def machines(self) -> list[Machine]:
        return [*self.devices, *self.others]

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
        for machine in self.machines:
            for place_, point in enumerate(POINTS):
                kept = rows(reader, f"m{machine.number}", point)
                what = verdict([number + place_ * STEP for number in machine.issued], kept, ended)
                found += [f"{reader.store}: m{machine.number} {point}: {one}" for one in what]
            found += [f"m{machine.number}: {one}" for one in machine.writes]
        return found

    def judge(self, ended: bool = False) -> None:
        """What holds whatever happened: nothing foreign, twice, out of order or missing unnoticed, nothing written."""
        history = History(place(self.plant))
        try:
            wrong = self.wrong(history, ended)
        finally:
            history.close()
        assert not wrong, "\n".join(wrong)


@asynccontextmanager
async def site(
    folder: Path,
    count: int,
    every: str = "100ms",
    more: str = "",
    others: Sequence[Machine] = (),
    timeout: str = WELL,
    well: int = 0,
) -> AsyncIterator[Site]:
    """So many devices of this `timeout`, and so many more that are well."""
    timeouts = [timeout] * count + [WELL] * well
    devices = [Device(number, every, one) for number, one in enumerate(timeouts, 1)]
    for device in devices:
        await device.serve()
    machines = [*devices, *others]
    sources, assets = "".join(one.source for one in machines), "".join(one.asset for one in machines)
    file = folder / "plant.yaml"
    file.write_text(f"{HEAD}{sources}assets:\n{assets}{more}", encoding="utf-8")
    try:
        yield Site(devices, load(file), others)
    finally:
        for device in devices:
            await device.close()


class Stepping(SystemClock):
    """The clocks of this machine, of which the wall's may be set."""

    def __init__(self) -> None:
        self.by = 0

    def wall_ns(self) -> int:
        return SystemClock.wall_ns() + self.by


@asynccontextmanager
async def collecting(plant: Plant, clock: Clock = SYSTEM) -> AsyncIterator[Agent]:
    """An agent on this plant, stopped cleanly at the end."""
    agent = Agent(plant, clock=clock)
    task = asyncio.create_task(agent.run())
    ready = asyncio.create_task(agent.ready())
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if ready.cancel():
            await task
        yield agent
    finally:
        agent.stop()
        async with asyncio.timeout(PATIENCE):
            await task
