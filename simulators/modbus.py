"""Modbus devices of a virtual plant: TCP, RTU over TCP, and RTU on a pseudo terminal, with registers for each unit.

This server is its own small implementation, so that what the product's library understands is checked by something
else. It answers reads (1 to 4) and identification (43/14); any other function is a write, answered with exception 1
and counted, and fails the run.
"""

import asyncio
import os
import struct
import time
import tty
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.plant import ModbusAddress, Point

TABLES = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
WIDTH = {
    "int16": 1,
    "uint16": 1,
    "int32": 2,
    "uint32": 2,
    "float32": 2,
    "int64": 4,
    "uint64": 4,
    "float64": 4,
    "bool": 1,
}
PACKED = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q", "float32": "f"}
IDENTITY = (b"Gemba", b"virtual device", b"1.0")
Readings = Callable[[Point, int], Any]


def crc16(data: bytes) -> bytes:
    """Of serial frames: polynomial 0xA001, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)


def registers(point: Point, value: Any) -> list[int]:
    """The 16-bit words of a value in the point's type and order."""
    kind = point.type or "uint16"
    if kind == "string":
        size = 2 * (point.length or 1)
        raw = str(value).encode()[:size].ljust(size, b"\0")
        order = "<" if point.order in ("BADC", "DCBA") else ">"
        return list(struct.unpack(f"{order}{size // 2}H", raw))
    bits = 16 * WIDTH[kind]
    if kind in ("float32", "float64"):
        raw = struct.pack(">f" if kind == "float32" else ">d", float(value))
    else:
        whole = int(value) & ((1 << bits) - 1)
        raw = whole.to_bytes(bits // 8, "big")
    words = list(struct.unpack(f">{bits // 16}H", raw))
    if point.order in ("CDAB", "DCBA"):
        words.reverse()
    if point.order in ("BADC", "DCBA"):
        words = [(w >> 8) | ((w & 0xFF) << 8) for w in words]
    return words


@dataclass(slots=True)
class Unit:
    """One unit id: its points, and the registers they fill, made anew for each request at one instant."""

    points: Sequence[Point]
    readings: Readings
    image: dict[str, dict[int, int]] = field(default_factory=dict)

    def refresh(self, now: int) -> None:
        image: dict[str, dict[int, int]] = {name: {} for name in TABLES.values()}
        for point in self.points:
            at = point.at
            assert isinstance(at, ModbusAddress)
            value, table = self.readings(point, now), image[at.table]
            if at.table in ("coil", "discrete"):
                table[at.address] = int(bool(value))
            elif at.bit is not None:
                table[at.address] = table.get(at.address, 0) | int(bool(value)) << at.bit
            else:
                table.update(enumerate(registers(point, value), at.address))
        self.image = image

    def read(self, table: str, start: int, count: int) -> list[int] | None:
        cells = self.image[table]
        if any(start + i not in cells for i in range(count)):
            return None
        return [cells[start + i] for i in range(count)]


@dataclass(slots=True)
class Endpoint:
    """All units behind one address. `writes` counts the requests that would have changed something."""

    units: dict[int, Unit]
    writes: list[str] = field(default_factory=list)
    clock: Callable[[], int] = time.time_ns
    requests: int = 0

    def reply(self, unit: int, pdu: bytes) -> bytes | None:
        """The reply to one request; None where no unit answers, as on a bus."""
        if unit not in self.units or not pdu:
            return None
        self.requests += 1
        function = pdu[0]
        if function in TABLES and len(pdu) == 5:
            return self._read(self.units[unit], function, *struct.unpack(">HH", pdu[1:]))
        if function == 0x2B and len(pdu) >= 4 and pdu[1] == 0x0E:
            objects = b"".join(bytes((i, len(text))) + text for i, text in enumerate(IDENTITY))
            return bytes((0x2B, 0x0E, pdu[2], 0x01, 0x00, 0x00, len(IDENTITY))) + objects
        self.writes.append(f"unit {unit}: function {function}")
        return bytes((function | 0x80, 1))

    def _read(self, unit: Unit, function: int, start: int, count: int) -> bytes:
        bits = function in (1, 2)
        if not 1 <= count <= (2000 if bits else 125):
            return bytes((function | 0x80, 3))
        unit.refresh(self.clock())
        cells = unit.read(TABLES[function], start, count)
        if cells is None:
            return bytes((function | 0x80, 2))
        if bits:
            packed: NDArray[np.uint8] = np.packbits(np.array(cells, np.uint8), bitorder="little")
            return bytes((function, len(packed))) + packed.tobytes()
        return bytes((function, 2 * count)) + struct.pack(f">{count}H", *cells)


async def _serve_tcp(endpoint: Endpoint, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            transaction, protocol, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
            pdu = await reader.readexactly(length - 1)
            if protocol == 0 and (answer := endpoint.reply(unit, pdu)) is not None:
                writer.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


class _Serial:
    """Cuts a stream of bytes into RTU requests by their length and checksum."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint, self.buffer = endpoint, b""

    def feed(self, data: bytes) -> bytes:
        self.buffer = (self.buffer + data)[-512:]
        answers = b""
        while len(self.buffer) >= 4:
            size = {0x2B: 7, 0x0F: 0, 0x10: 0}.get(self.buffer[1], 8) or (
                self.buffer[6] + 9 if len(self.buffer) > 6 else 0
            )
            if not size or len(self.buffer) < size:
                break
            frame, self.buffer = self.buffer[:size], self.buffer[size:]
            if crc16(frame[:-2]) != frame[-2:]:
                self.buffer = b""
                break
            if (answer := self.endpoint.reply(frame[0], frame[1:-2])) is not None:
                answers += (body := frame[:1] + answer) + crc16(body)
        return answers


async def _serve_rtu(endpoint: Endpoint, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    serial = _Serial(endpoint)
    try:
        while data := await reader.read(256):
            writer.write(serial.feed(data))
    except ConnectionError:
        pass
    finally:
        writer.close()


async def listen_tcp(endpoint: Endpoint, rtu: bool = False, host: str = "127.0.0.1") -> tuple[asyncio.Server, int]:
    """Listens on an ephemeral port, of loopback unless told, with MBAP frames or those of a serial line."""
    serve = _serve_rtu if rtu else _serve_tcp
    server = await asyncio.start_server(lambda r, w: serve(endpoint, r, w), host, 0)
    return server, server.sockets[0].getsockname()[1]


def listen_pty(endpoint: Endpoint) -> tuple[Callable[[], None], str]:
    """A pseudo terminal with the devices at its far end; returns how to close it, and its path."""
    far, near = os.openpty()
    tty.setraw(far)
    tty.setraw(near)
    serial = _Serial(endpoint)
    loop = asyncio.get_running_loop()
    os.set_blocking(far, False)

    def readable() -> None:
        try:
            data = os.read(far, 256)
        except OSError:
            return
        if answer := serial.feed(data):
            os.write(far, answer)

    loop.add_reader(far, readable)

    def close() -> None:
        loop.remove_reader(far)
        os.close(far)
        os.close(near)

    return close, os.ttyname(near)
