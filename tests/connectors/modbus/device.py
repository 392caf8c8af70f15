"""A Modbus device written by hand for the tests, which shares no code with the product or pymodbus, and can misbehave.

`Device` answers requests out of a table of registers. `served` puts it on TCP, RTU over TCP or a pseudo terminal; there
`twist` sees each reply before it is sent, and says what really goes out, and when.
"""

import asyncio
import os
import struct
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

WRITES = (5, 6, 15, 16, 22, 23)
Out = Callable[[bytes], None]
Twist = Callable[["Asked", bytes, Out], Awaitable[None] | None]


@dataclass
class Asked:
    """One request as it came in."""

    number: int  # from 0, over all connections
    unit: int
    pdu: bytes
    tid: int = 0
    connection: int = 0

    @property
    def function(self) -> int:
        return self.pdu[0]

    @property
    def address(self) -> int:
        return int.from_bytes(self.pdu[1:3], "big")

    @property
    def count(self) -> int:
        return int.from_bytes(self.pdu[3:5], "big")


Table = dict[int, int]


@dataclass
class Device:
    """Units with their tables; an address that stands in none is answered with exception 2."""

    units: dict[int, dict[str, Table]]
    identity: dict[int, bytes] | None = field(default_factory=lambda: {0: b"Gemba", 1: b"Device", 2: b"1.0"})
    most: int = 125  # registers in one request, exception 3 beyond
    silent: set[int] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    @property
    def reads(self) -> list[tuple[int, int, int, int]]:
        """(unit, function, address, count) of each request but those for identification."""
        return [(a.unit, a.function, a.address, a.count) for a in self.asked if a.function != 43]

    @property
    def writes(self) -> list[Asked]:
        return [a for a in self.asked if a.function in WRITES]

    def answer(self, asked: Asked) -> bytes | None:
        if asked.unit in self.silent:
            return None
        if asked.function == 43 and self.identity is not None:
            return self._identify(asked.pdu)
        tables = self.units.get(asked.unit)
        if tables is None:
            return bytes((asked.function | 0x80, 11))
        name = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}.get(asked.function)
        if name is None:
            return bytes((asked.function | 0x80, 1))
        bits = asked.function < 3
        if not 1 <= asked.count <= (2000 if bits else self.most):
            return bytes((asked.function | 0x80, 3))
        cells = tables.get(name, {})
        wanted = range(asked.address, asked.address + asked.count)
        if any(i not in cells for i in wanted):
            return bytes((asked.function | 0x80, 2))
        if bits:
            packed = bytearray((asked.count + 7) // 8)
            for n, i in enumerate(wanted):
                packed[n // 8] |= (cells[i] & 1) << n % 8
            return bytes((asked.function, len(packed))) + packed
        return bytes((asked.function, 2 * asked.count)) + b"".join(struct.pack(">H", cells[i]) for i in wanted)

    def _identify(self, pdu: bytes) -> bytes:
        assert self.identity is not None
        basic = {k: v for k, v in self.identity.items() if pdu[2] > 1 or k < 3}
        objects = b"".join(bytes((k, len(v))) + v for k, v in basic.items())
        return bytes((43, 14, pdu[2], 0x82, 0, 0, len(basic))) + objects


def crc(frame: bytes) -> bytes:
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


def mbap(tid: int, unit: int, pdu: bytes, protocol: int = 0, length: int | None = None) -> bytes:
    return struct.pack(">HHHB", tid, protocol, len(pdu) + 1 if length is None else length, unit) + pdu


def framed(asked: Asked, reply: bytes, rtu: bool) -> bytes:
    """The reply as a well-behaved device sends it."""
    if rtu:
        return bytes((asked.unit,)) + reply + crc(bytes((asked.unit,)) + reply)
    return mbap(asked.tid, asked.unit, reply)


async def _respond(device: Device, asked: Asked, rtu: bool, out: Out, twist: Twist | None) -> None:
    device.asked.append(asked)
    reply = device.answer(asked)
    if reply is None:
        return
    frame = framed(asked, reply, rtu)
    if twist is None:
        out(frame)
    elif (done := twist(asked, frame, out)) is not None:
        await done


async def _serve_tcp(
    device: Device, reader: asyncio.StreamReader, out: Out, connection: int, twist: Twist | None
) -> None:
    while True:
        tid, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
        pdu = await reader.readexactly(length - 1)
        await _respond(device, Asked(len(device.asked), unit, pdu, tid, connection), False, out, twist)


async def _serve_rtu(
    device: Device, reader: asyncio.StreamReader, out: Out, connection: int, twist: Twist | None
) -> None:
    while True:
        head = await reader.readexactly(2)
        frame = head + await reader.readexactly(5 if head[1] == 43 else 6)
        assert crc(frame[:-2]) == frame[-2:], f"the request {frame.hex()} has a wrong checksum"
        await _respond(device, Asked(len(device.asked), frame[0], frame[1:-2], 0, connection), True, out, twist)


@asynccontextmanager
async def served(
    device: Device, rtu: bool = False, twist: Twist | None = None, port: int = 0, host: str = "127.0.0.1"
) -> AsyncIterator[str]:
    """On a port of this machine; yields its URL."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        device.connections += 1
        writers.append(writer)

        def out(data: bytes) -> None:
            if not data:
                writer.transport.abort()
            elif not writer.is_closing():
                writer.write(data)

        try:
            await (_serve_rtu if rtu else _serve_tcp)(device, reader, out, device.connections, twist)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, port)
    scheme = "rtuovertcp" if rtu else "tcp"
    try:
        yield f"{scheme}://{host}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)


@contextmanager
def terminal() -> Iterator[tuple[int, str]]:
    """A pseudo terminal: the end of the devices, and the path of the gateway's."""
    far, near = os.openpty()
    tty.setraw(far)
    tty.setraw(near)
    os.set_blocking(far, False)
    try:
        yield far, os.ttyname(near)
    finally:
        os.close(far)
        os.close(near)


@asynccontextmanager
async def on_terminal(device: Device, twist: Twist | None = None) -> AsyncIterator[str]:
    """On a serial line; yields its URL."""
    loop = asyncio.get_running_loop()
    with terminal() as (far, path):
        reader = asyncio.StreamReader()
        loop.add_reader(far, lambda: reader.feed_data(os.read(far, 256)))
        task = asyncio.ensure_future(_serve_rtu(device, reader, lambda data: _write(far, data), 1, twist))
        try:
            yield f"rtu://{path}?baud=115200&parity=N"
        finally:
            loop.remove_reader(far)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _write(far: int, data: bytes) -> None:
    os.write(far, data)
