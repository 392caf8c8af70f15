"""A run: the virtual plant behind real servers on loopback, one for each address of the plant file, with faults on
the way as a timetable says."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from config.plant import ModbusAddress, Plant, Point
from simulators import modbus
from simulators.faults import Fault, Proxy
from simulators.mqtt import Broker, Publisher
from simulators.opcua import OpcuaServer
from simulators.plant import MS, Reset, VirtualPlant
from simulators.rewrite import rewritten


class Simulation:
    """Simulated devices for every source of a plant. `writes` names what anybody tried to write."""

    def __init__(
        self,
        plant: Plant,
        folder: Path,
        seed: int = 1,
        pace: Fraction = Fraction(1),
        faults: Sequence[Fault] = (),
        start: int | None = None,
    ) -> None:
        self.plant, self.folder, self.pace, self.faults = plant, folder, pace, faults
        self.began = time.time_ns()
        resets = tuple(Reset(f.asset, f.point, self.began + f.at * MS) for f in faults if f.kind == "reset")
        self.virtual = VirtualPlant(plant, self.began if start is None else start, seed, resets, pace)
        self.urls: dict[str, str] = {}
        self.proxies: dict[str, Proxy] = {}
        self._skew: dict[str, int] = {}
        self._stack = AsyncExitStack()
        self._writes: list[tuple[str, list[str]]] = []

    @property
    def writes(self) -> list[str]:
        return [f"{url}: {what}" for url, found in self._writes for what in found]

    def readings(self, point: Point, now: int) -> Any:
        value = self.virtual.readings(point, np.array([now]))[0]
        return value.item() if isinstance(value, np.generic) else value

    def clock(self, url: str) -> Callable[[], int]:
        """The device's own clock, which a fault may have moved."""
        return lambda: time.time_ns() + self._skew.get(url, 0)

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        await self._stack.__aenter__()
        try:
            by_url: dict[str, list[str]] = {}
            for name, source in self.plant.sources.items():
                by_url.setdefault(source.url, []).append(name)
            for url, names in by_url.items():
                await self._listen(url, names)
            if self.faults:
                self._background(self._timetable())
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _background(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)

        async def stop() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._stack.push_async_callback(stop)

    # -- servers ---------------------------------------------------------------------------------------------------
    async def _listen(self, url: str, names: list[str]) -> None:
        points = [point for point in self.plant.points() if point.source in names]
        protocol = self.plant.sources[names[0]].protocol
        open_server = {"modbus": self._modbus, "opcua": self._opcua, "mqtt": self._mqtt}[protocol]
        for name in names:
            self.urls[name] = await open_server(url, points) if name == names[0] else self.urls[names[0]]
            if name != names[0] and names[0] in self.proxies:
                self.proxies[name] = self.proxies[names[0]]

    async def _behind_proxy(self, url: str, port: int, scheme: str) -> str:
        proxy = Proxy(port, scheme == "tcp")
        await proxy.open()
        self._stack.push_async_callback(proxy.close)
        for name, source in self.plant.sources.items():
            if source.url == url:
                self.proxies[name] = proxy
        return f"{scheme}://127.0.0.1:{proxy.port}"

    async def _modbus(self, url: str, points: list[Point]) -> str:
        units: dict[int, list[Point]] = {}
        for point in points:
            assert isinstance(point.at, ModbusAddress)
            units.setdefault(point.at.unit, []).append(point)
        tables = {unit: modbus.Unit(own, self.readings) for unit, own in units.items()}
        endpoint = modbus.Endpoint(tables, clock=self.clock(url))
        self._writes.append((url, endpoint.writes))
        if url.startswith("rtu:"):
            close, path = modbus.listen_pty(endpoint)
            self._stack.callback(close)
            return f"rtu://{path}?baud=115200"
        scheme = url.partition(":")[0]
        server, port = await modbus.listen_tcp(endpoint, rtu=scheme == "rtuovertcp")
        self._stack.callback(server.close)
        return await self._behind_proxy(url, port, scheme)

    async def _opcua(self, url: str, points: list[Point]) -> str:
        server = OpcuaServer(points, self.readings, self.clock(url))
        port = await server.open()
        self._stack.push_async_callback(server.close)
        self._writes.append((url, server.writes))
        return await self._behind_proxy(url, port, "opc.tcp")

    async def _mqtt(self, url: str, points: list[Point]) -> str:
        broker = Broker(self.folder)
        port = await broker.open()
        self._stack.push_async_callback(broker.close)
        publisher = Publisher(points, self.readings, self.clock(url))
        await publisher.open(port)
        self._stack.push_async_callback(publisher.close)
        self._writes.append((url, publisher.writes))
        return await self._behind_proxy(url, port, "mqtt")

    # -- faults ----------------------------------------------------------------------------------------------------
    async def _timetable(self) -> None:
        steps: list[tuple[int, str, Fault]] = []
        for fault in self.faults:
            steps.append((fault.at, "begin", fault))
            if fault.lasts:
                steps.append((fault.at + fault.lasts, "end", fault))
        for at, what, fault in sorted(steps, key=lambda step: step[0]):
            await asyncio.sleep(max(0.0, (self.began + at * MS - time.time_ns()) / 1e9))
            if fault.kind == "clock":
                self._skew[self.plant.sources[fault.source].url] = fault.by * MS if what == "begin" else 0
            elif fault.kind != "reset" and fault.source in self.proxies:
                await self.proxies[fault.source].set(fault.kind if what == "begin" else "", fault.by)

    def write_plant(self) -> Path:
        """`plant.yaml` in the folder, with the addresses of this run."""
        path = self.folder / "plant.yaml"
        path.write_text(rewritten(self.plant.file, self.urls, self.pace), encoding="utf-8")
        return path
