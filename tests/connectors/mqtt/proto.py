"""Sparkplug payloads written byte by byte, as protobuf's encoding and the specification's field numbers have them."""

import struct
from typing import Any

DATATYPES = ["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double"]
DATATYPES += ["Boolean", "String", "DateTime", "Text", "UUID", "DataSet", "Bytes"]
MS = 1_000_000


def varint(number: int) -> bytes:
    found = b""
    while True:
        number, low = number >> 7, number & 0x7F
        found += bytes([low | (0x80 if number else 0)])
        if not number:
            return found


def whole(field: int, number: int) -> bytes:
    return varint(field << 3) + varint(number)


def long(field: int, data: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(data)) + data


def metric(
    name: str | None = None,
    value: Any = None,
    kind: str | None = None,
    alias: int | None = None,
    ms: int | None = None,
    historical: bool = False,
    null: bool = False,
    field: int | None = None,
) -> bytes:
    """`field` is the one that carries the value, where it is not the usual one of its Python type."""
    found = b""
    if name is not None:
        found += long(1, name.encode())
    if alias is not None:
        found += whole(2, alias)
    if ms is not None:
        found += whole(3, ms)
    if kind is not None:
        found += whole(4, DATATYPES.index(kind) + 1)
    if historical:
        found += whole(5, 1)
    if null:
        found += whole(7, 1)
    if isinstance(value, bool):
        found += whole(field or 14, int(value))
    elif isinstance(value, int):
        found += whole(field or (11 if value >= 2**32 else 10), value)
    elif isinstance(value, float) and (field or (12 if kind == "Float" else 13)) == 12:
        found += varint(12 << 3 | 5) + struct.pack("<f", value)
    elif isinstance(value, float):
        found += varint(13 << 3 | 1) + struct.pack("<d", value)
    elif isinstance(value, str | bytes):
        found += long(field or 15, value.encode() if isinstance(value, str) else value)
    return found


def payload(*metrics: bytes, seq: int | None = None, ms: int | None = None) -> bytes:
    found = whole(1, ms) if ms is not None else b""
    found += b"".join(long(2, one) for one in metrics)
    return found + (whole(3, seq) if seq is not None else b"")
