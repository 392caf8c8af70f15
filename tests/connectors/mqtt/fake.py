"""A broker that does what no good one does: refuses topics, keeps its window to the letter, answers late, breaks off,
speaks nonsense. MQTT 3.1.1 (5 as far as a CONNACK goes), one client at a time; whoever publishes to it fails."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.connectors.mqtt.test_wire import packet

PUBLISH = 3


@dataclass
class Broker:
    """`window` messages are sent ahead; `refuses` are topics; `accepts` is the code of the CONNACK, None: no answer;
    `says` is sent instead of any answer; `late` delays each one [s]."""

    window: int = 1000
    refuses: tuple[str, ...] = ()
    accepts: int | None = 0
    says: bytes | None = None
    late: float = 0.0
    five: bool = False
    port: int = 0
    asked: list[int] = field(default_factory=list)  # types of packets that it was sent
    acknowledged: list[int] = field(default_factory=list)
    connections: int = 0
    _queue: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    _sent: int = 0
    _writer: asyncio.StreamWriter | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def send(self, topic: str, *payloads: bytes, retained: bool = False) -> None:
        """At QoS 1, as far as the window goes; the rest when there is room in it."""
        self._queue += [(0x33 if retained else 0x32, topic.encode(), payload) for payload in payloads]
        self._pump()

    def _pump(self) -> None:
        while self._writer and self._sent < len(self._queue) and self._sent - len(self.acknowledged) < self.window:
            self._sent += 1
            first, topic, payload = self._queue[self._sent - 1]
            body = struct.pack(">H", len(topic)) + topic + struct.pack(">H", self._sent) + payload
            self._writer.write(packet(first, body))

    def drop(self) -> None:
        if self._writer:
            self._writer.transport.abort()

    def raw(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.connections += 1
        try:
            while True:
                first = (await reader.readexactly(1))[0]
                length = shift = 0
                while True:
                    digit = (await reader.readexactly(1))[0]
                    length |= (digit & 0x7F) << shift
                    shift += 7
                    if not digit & 0x80:
                        break
                self.asked.append(first >> 4)
                await self._answer(first >> 4, await reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writer = None
            writer.close()

    async def _answer(self, kind: int, body: bytes) -> None:
        assert self._writer is not None
        if self.late:
            await asyncio.sleep(self.late)
        if self.says is not None:
            self._writer.write(self.says)
        elif kind == 1 and self.accepts is not None:
            self._writer.write(packet(0x20, bytes([0, self.accepts]) + (b"\0" if self.five else b"")))
        elif kind == 8 and self.accepts is not None:
            self._writer.write(packet(0x90, body[:2] + bytes(self._codes(body[2:]))))
        elif kind == 12 and self.accepts is not None:
            self._writer.write(b"\xd0\x00")
        elif kind == 4:
            self.acknowledged.append(int.from_bytes(body))
            self._pump()

    def _codes(self, body: bytes) -> list[int]:
        codes = []
        while body:
            size = int.from_bytes(body[:2])
            codes.append(0x80 if body[2 : 2 + size].decode() in self.refuses else 1)
            body = body[3 + size :]
        return codes


@asynccontextmanager
async def served(broker: Broker) -> AsyncIterator[Broker]:
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        server.close()
        broker.drop()
        await asyncio.sleep(0)
        assert PUBLISH not in broker.asked
