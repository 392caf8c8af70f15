"""Faults on the way between an agent and a device: a proxy in front of every simulated server, and a timetable.

A fault file is a list; `at` and `for` count from the start of the run:

    - {at: 10s, for: 5s, source: press-plc, fault: hang}
    - {at: 30s, source: press-plc, fault: reset, asset: press-01, point: total}
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.cursor import Cursor, Reject, choice, integer, text
from config.document import read
from config.faults import PlantError

ON_THE_WAY = ("refuse", "stall", "hang", "garbage", "late", "wrong-unit", "restart")
IN_THE_DEVICE = ("reset", "clock")
UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True, slots=True)
class Fault:
    """Times in ms from the start. `by` is how late, or how far the device's clock jumps."""

    at: int
    lasts: int
    source: str
    kind: str
    by: int = 0
    asset: str = ""
    point: str = ""


def _duration(cursor: Cursor) -> int:
    word = text(cursor)
    number = word.rstrip("abcdefghijklmnopqrstuvwxyz")
    if word[len(number) :] not in UNITS or not number.lstrip("-").isdigit():
        raise Reject("must be a duration", "write a number and one of ms s min h d")
    return int(number) * UNITS[word[len(number) :]]


def load(path: Path, sources: Mapping[str, object]) -> tuple[Fault, ...]:
    """The timetable of a fault file; raises PlantError with every fault that it has itself."""
    node, faults = read(path)
    if faults and not node.value:  # what cannot be read has no rows to be wrong
        raise PlantError(faults)
    found = []

    def source(cursor: Cursor) -> str:
        return choice(*sources)(cursor)

    for row in Cursor(node, str(path), faults).parsed(Cursor.items, []):
        found.append(
            Fault(
                row.need("at", _duration) or 0,
                row.take("for", _duration, 0),
                row.need("source", source) or "",
                row.need("fault", choice(*ON_THE_WAY, *IN_THE_DEVICE)) or "",
                row.take("by", _duration, 0),
                row.take("asset", text, ""),
                row.take("point", text, ""),
            )
        )
        row.take("unit", integer)
        row.close(("at", "for", "source", "fault", "by", "asset", "point"))
    if faults:
        raise PlantError(faults)
    return tuple(sorted(found, key=lambda fault: fault.at))


class Proxy:
    """Passes bytes between an ephemeral loopback port and a server, unless its `fault` says otherwise."""

    def __init__(self, port: int, modbus: bool = False) -> None:
        self.target, self.modbus = port, modbus
        self.fault, self.by = "", 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._random = random.Random(port)
        self._passing = asyncio.Event()
        self._passing.set()

    async def open(self) -> int:
        """Listens, on the same port again after it was closed."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def close(self) -> None:
        self.drop()
        if self._server:
            self._server.close()
            self._server = None
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def drop(self) -> None:
        for pipe in tuple(self._pipes):
            pipe.transport.abort()

    async def set(self, fault: str = "", by: int = 0) -> None:
        """From now on this fault, or none."""
        before, self.fault, self.by = self.fault, fault, by
        (self._passing.clear if fault == "stall" else self._passing.set)()
        if fault in ("refuse", "restart") and self._server:
            self._server.close()
            self._server = None
            self.drop()
        elif before in ("refuse", "restart") and fault not in ("refuse", "restart") and self._server is None:
            await self.open()
        elif before == "hang":
            self.drop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        if self._server is None:  # refused meanwhile
            writer.transport.abort()
            far_writer.transport.abort()
            return
        self._pipes |= {writer, far_writer}
        ways = (self._pass(reader, far_writer, False), self._pass(far_reader, writer, True))
        tasks = [asyncio.ensure_future(way) for way in ways]
        self._tasks.update(tasks)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            self._tasks.difference_update(tasks)
            self._pipes -= {writer, far_writer}
            for end in (writer, far_writer):
                end.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: bool) -> None:
        try:
            while data := await reader.read(65_536):
                if self.fault == "hang":
                    continue
                if reply:
                    await self._passing.wait()
                    data = await self._spoilt(data)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass

    async def _spoilt(self, data: bytes) -> bytes:
        if self.fault == "late":
            await asyncio.sleep(self.by / 1000)
        if self.fault == "garbage":
            return self._random.randbytes(len(data))
        if self.fault == "wrong-unit" and self.modbus and len(data) > 6:
            return data[:6] + bytes(((data[6] + 1) & 0xFF,)) + data[7:]
        return data
