"""The socket that paho believes it has: bytes come and go by asyncio's transport, TLS included, and only what a reader
says gets through.

What arrives is kept until it is taken, packet by packet: a message that is here whole in one go, all else by paho,
whose reading a byte at a time costs no system call here. A packet without end is cut, and what was cut of it does not
arrive. The filter stands where every byte leaves: whoever asks for it, a PUBLISH raises `PermissionError` before it is
sent.
"""

import asyncio
from collections.abc import Callable
from typing import cast

CONNECT, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 3, 4, 5, 6, 7
SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT = 8, 10, 12, 14
READING = frozenset({CONNECT, PUBACK, PUBREC, PUBCOMP, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT})
WILL = 0x04  # of the flags of a CONNECT: the broker is to publish something for us
LARGEST = 2**21 - 1
"""Bytes of a packet, the most that three bytes of length can say; of a longer one this much arrives."""
_MORE = 0x80


def permit(packet: bytes | bytearray) -> None:
    """Raises `PermissionError` unless these whole packets only connect, subscribe, acknowledge, ask and leave."""
    acknowledged = len(packet) // 4
    if packet[0::4].count(PUBACK << 4) == packet[1::4].count(2) == acknowledged and len(packet) == 4 * acknowledged:
        return
    at = 0
    while at < len(packet):
        kind = packet[at] >> 4
        if kind not in READING:
            raise PermissionError(f"an MQTT packet of type {kind} is no reading, and is never sent")
        head, length = header(packet, at) or (0, -1)
        if length < 0 or at + head + length > len(packet):
            raise PermissionError("half an MQTT packet cannot be judged, and is never sent")
        if kind == CONNECT:
            name = int.from_bytes(packet[at + head : at + head + 2])
            flags = packet[at + head + 2 + name + 1 : at + head + 2 + name + 2]
            if not flags or flags[0] & WILL:
                raise PermissionError("an MQTT will is a message, and is never left")
        at += head + length


def header(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """Bytes of a fixed header, and how many follow it; None where it is not there whole yet."""
    length = shift = 0
    for index in range(at + 1, min(at + 5, len(data))):
        length |= (data[index] & 0x7F) << shift
        shift += 7
        if not data[index] & _MORE:
            return index + 1 - at, length
    return (5, length) if len(data) - at >= 5 else None


class Wire(asyncio.Protocol):
    """One connection. `arrived` is called when there is something to read, and `ended` once, with the fault if any."""

    def __init__(self, arrived: Callable[[], None], ended: Callable[[Exception | None], None]) -> None:
        self._arrived, self._ended = arrived, ended
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._at = 0
        self._keep = self._skip = 0
        self._paused = False

    # -- asyncio's side ------------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._skip:
            data = self._without_surplus(data)
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0
        self._arrived()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._ended(exc)

    @property
    def connected(self) -> bool:
        return self._transport is not None

    def pause(self, paused: bool) -> None:
        """Whether the broker is to wait: nothing more is read off the socket."""
        if self._transport is not None and paused != self._paused and not self._transport.is_closing():
            self._paused = paused
            (self._transport.pause_reading if paused else self._transport.resume_reading)()

    def at_packet(self) -> bool:
        """Before paho begins a packet: whether its header is there. One that is too long is cut here."""
        data, at = self._data, self._at
        left = len(data) - at
        if left >= 5 and not data[at + 1] & data[at + 2] & data[at + 3] & _MORE:
            return True
        found = header(data, at) if left > 1 else None
        if found is None:
            return False
        head, length = found
        if length > LARGEST:
            self._cut(head, length)
        return True

    def message(self) -> tuple[int, bytes] | None:
        """The first byte and the body of a message at QoS 0 or 1 that is here whole, taken off the wire; None for all
        else, which paho reads. Asked where `at_packet` said yes."""
        data, at = self._data, self._at
        if data[at] & 0xF4 != PUBLISH << 4:
            return None
        head, length = header(data, at) or (0, LARGEST)
        start, end = at + head, at + head + length
        if end > len(data):
            return None
        self._at = end
        return data[at], data[start:end]

    def _cut(self, head: int, length: int) -> None:
        """A packet of just LARGEST bytes in the place of this one; more of its bytes are still to come."""
        body = self._data[self._at + head :]
        self._keep, self._skip = LARGEST, length - LARGEST
        self._data = bytes([self._data[self._at], 0xFF, 0xFF, 0x7F]) + self._without_surplus(body)
        self._at = 0

    def _without_surplus(self, data: bytes) -> bytes:
        kept = data[: self._keep]
        self._keep -= len(kept)
        skipped = min(self._skip, len(data) - len(kept))
        self._skip -= skipped
        return kept + data[len(kept) + skipped :]

    # -- paho's side ---------------------------------------------------------------------------------------------------
    @property
    def waiting(self) -> bool:
        return self._at < len(self._data)

    def recv(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size]
        if found:
            self._at += len(found)
            return found
        if self._transport is None:
            return b""
        raise BlockingIOError

    def send(self, packet: bytes | bytearray) -> int:
        permit(packet)
        if self._transport is None:
            raise ConnectionError("the connection is closed")
        self._transport.write(bytes(packet))
        return len(packet)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def fileno(self) -> int:
        return -1

    def setblocking(self, flag: bool) -> None:
        """Never blocks anyway."""
