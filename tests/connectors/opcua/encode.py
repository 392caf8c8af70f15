"""OPC UA binary as the specification writes it (10000-6, 5.2), by struct alone: what the decoder is tested with."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

FORMATS = {1: "?", 2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d", 13: "q", 19: "I"}
TICKS_1970 = 116_444_736_000_000_000


def text(value: str | bytes | None) -> bytes:
    if value is None:
        return struct.pack("<i", -1)
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<i", len(data)) + data


def localized(locale: str | None, value: str | None) -> bytes:
    mask = (locale is not None) | (value is not None) << 1
    return bytes([mask]) + (text(locale) if locale is not None else b"") + (text(value) if value is not None else b"")


def scalar(code: int, value: object) -> bytes:
    """A variant: the type byte and a number or a text; bytes are taken as they are."""
    if isinstance(value, bytes):
        return bytes([code]) + value
    if code == 12:
        return bytes([code]) + text(value)  # type: ignore[arg-type]
    return bytes([code]) + struct.pack("<" + FORMATS[code], value)


def array(code: int, values: Iterable[object], dimensions: tuple[int, ...] = ()) -> bytes:
    bodies = [scalar(code, value)[1:] for value in values]
    end = struct.pack(f"<i{len(dimensions)}i", len(dimensions), *dimensions) if dimensions else b""
    return bytes([code | 0x80 | (0x40 if dimensions else 0)]) + struct.pack("<i", len(bodies)) + b"".join(bodies) + end


@dataclass(frozen=True)
class Item:
    """A DataValue. Times are ticks; the picoseconds follow their own timestamp."""

    variant: bytes | None = None
    status: int | None = None
    source: int | None = None
    source_pico: int | None = None
    server: int | None = None
    server_pico: int | None = None

    def encoded(self) -> bytes:
        parts = (
            (1, self.variant),
            (2, None if self.status is None else struct.pack("<I", self.status)),
            (4, None if self.source is None else struct.pack("<q", self.source)),
            (16, None if self.source_pico is None else struct.pack("<H", self.source_pico)),
            (8, None if self.server is None else struct.pack("<q", self.server)),
            (32, None if self.server_pico is None else struct.pack("<H", self.server_pico)),
        )
        return bytes([sum(bit for bit, part in parts if part is not None)]) + b"".join(
            p for _, p in parts if p is not None
        )


def response(kind: int, result: int = 0, strings: tuple[str, ...] = (), diagnostic: bytes = b"\0") -> bytes:
    """The type and the header of a response."""
    table = struct.pack("<i", len(strings)) + b"".join(map(text, strings))
    return b"\x01\0" + struct.pack("<HqII", kind, TICKS_1970, 7, result) + diagnostic + table + b"\0\0\0"


def read_response(items: Iterable[Item], head: bytes | None = None) -> bytes:
    bodies = [item.encoded() for item in items]
    return (head or response(634)) + struct.pack("<i", len(bodies)) + b"".join(bodies) + struct.pack("<i", -1)


def publish_response(
    items: Iterable[tuple[int, Item]] | None, sequence: int = 1, subscription: int = 5, extra: bytes = b""
) -> bytes:
    """One DataChangeNotification; none at all for items None. `extra` is one more ExtensionObject."""
    parts = []
    if items is not None:
        bodies = [struct.pack("<I", handle) + item.encoded() for handle, item in items]
        body = struct.pack("<i", len(bodies)) + b"".join(bodies) + struct.pack("<i", -1)
        parts.append(extension(811, body))
    if extra:
        parts.append(extra)
    message = struct.pack("<IqI", sequence, TICKS_1970, len(parts)) + b"".join(parts)
    return response(829) + struct.pack("<IiI?", subscription, 1, sequence, False) + message + struct.pack("<ii", -1, -1)


def extension(kind: int, body: bytes) -> bytes:
    return b"\x01\0" + struct.pack("<H", kind) + b"\x01" + text(body)
