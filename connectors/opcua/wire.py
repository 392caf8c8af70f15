"""Where each value of a message stands (OPC 10000-6, 5.2): positions only, so that values can be taken out in columns.

Nothing here believes a length before it has been checked against the bytes that are there, so the time is bounded by
them. What cannot be read raises one of `UNREADABLE`; decode.py makes `Disconnected` of it.
"""

import struct
from collections.abc import Callable
from enum import IntEnum, IntFlag

UNREADABLE = (IndexError, ValueError, OverflowError, struct.error)


class Type(IntEnum):
    """The built-in types, as a variant's type byte names them."""

    NULL = 0
    BOOLEAN = 1
    SBYTE = 2
    BYTE = 3
    INT16 = 4
    UINT16 = 5
    INT32 = 6
    UINT32 = 7
    INT64 = 8
    UINT64 = 9
    FLOAT = 10
    DOUBLE = 11
    STRING = 12
    DATETIME = 13
    GUID = 14
    BYTESTRING = 15
    XML = 16
    NODE_ID = 17
    EXPANDED_NODE_ID = 18
    STATUS = 19
    QUALIFIED_NAME = 20
    LOCALIZED_TEXT = 21
    EXTENSION = 22
    DATA_VALUE = 23
    VARIANT = 24
    DIAGNOSTIC = 25


ARRAY, DIMENSIONS = 0x80, 0x40  # further bits of the type byte


class Mask(IntFlag):
    """What a DataValue holds. On the wire the picoseconds follow their own timestamp, though their bits do not."""

    VALUE = 1
    STATUS = 2
    SOURCE = 4
    SERVER = 8
    SOURCE_PICO = 16
    SERVER_PICO = 32


FIXED: dict[int, int] = {
    Type.NULL: 0,
    Type.BOOLEAN: 1,
    Type.SBYTE: 1,
    Type.BYTE: 1,
    Type.INT16: 2,
    Type.UINT16: 2,
    Type.INT32: 4,
    Type.UINT32: 4,
    Type.INT64: 8,
    Type.UINT64: 8,
    Type.FLOAT: 4,
    Type.DOUBLE: 8,
    Type.DATETIME: 8,
    Type.GUID: 16,
    Type.STATUS: 4,
}
_BEHIND = {Mask.STATUS: 4, Mask.SOURCE: 8, Mask.SERVER: 8, Mask.SOURCE_PICO: 2, Mask.SERVER_PICO: 2}
_DEPTH = 16
_INT = struct.Struct("<i").unpack_from


def behind(mask: int) -> int:
    """Bytes of a DataValue behind its value."""
    return sum(size for bit, size in _BEHIND.items() if mask & bit)


def _steps() -> bytes:
    """The length of a DataValue by its first two bytes (mask, type); 0 where these do not tell it."""
    steps = bytearray(65536)
    for mask in range(64):
        if mask & Mask.VALUE:
            for code, size in FIXED.items():
                steps[mask | code << 8] = 2 + size + behind(mask)
        else:
            steps[mask::256] = bytes([1 + behind(mask)]) * 256
    return bytes(steps)


_STEPS = _steps()


def walk(data: bytes, at: int, count: int, lead: int = 0) -> tuple[list[int], dict[int, int], int]:
    """Of `count` DataValues, each `lead` bytes behind the one before: where each begins, where the value of each that
    has no fixed size ends (by its place), and the end of all."""
    starts = []
    ends = {}
    for place in range(count):
        at += lead
        starts.append(at)
        step = _STEPS[data[at] | data[at + 1] << 8]
        if step:
            at += step
        elif data[at] > 63:
            raise ValueError(f"a value begins with the mask 0x{data[at]:02x}")
        else:
            ends[place] = variant(data, at + 1)
            at = ends[place] + behind(data[at])
    if at > len(data):
        raise ValueError("the last value is cut off")
    return starts, ends, at


# -- the end of each thing that begins at a place ----------------------------------------------------------------------
def variant(data: bytes, at: int, depth: int = 0) -> int:
    code = data[at]
    at += 1
    if not code & ARRAY:
        return _element(code & 0x3F, data, at, depth)
    at, elements = count(data, at)
    if code & 0x3F in FIXED:
        at += elements * FIXED[code & 0x3F]
    else:
        for _ in range(elements):
            at = _element(code & 0x3F, data, at, depth)
    if code & DIMENSIONS:
        at, dimensions = count(data, at)
        at += 4 * dimensions
    if at > len(data):
        raise ValueError("an array is longer than its message")
    return at


def _element(kind: int, data: bytes, at: int, depth: int) -> int:
    if kind in FIXED:
        return at + FIXED[kind]
    if depth > _DEPTH or kind not in _ELEMENTS:
        raise ValueError(f"a value has the type {kind} at depth {depth}")
    return _ELEMENTS[kind](data, at, depth + 1)


def text(data: bytes, at: int, depth: int = 0) -> int:
    """Of a String, ByteString or XmlElement."""
    at, length = count(data, at)
    if length > len(data) - at:
        raise ValueError("a text is longer than its message")
    return at + length


def _qualified(data: bytes, at: int, depth: int) -> int:
    return text(data, at + 2)


def _localized(data: bytes, at: int, depth: int) -> int:
    mask = data[at]
    at += 1
    for bit in (1, 2):
        if mask & bit:
            at = text(data, at)
    return at


def _node(data: bytes, at: int, depth: int = 0) -> int:
    form = data[at]
    sizes = {0: 2, 1: 4, 2: 7, 4: 19}
    if form & 0x3F in sizes:
        at += sizes[form & 0x3F]
    elif form & 0x3F in (3, 5):
        at = text(data, at + 3)
    else:
        raise ValueError(f"a node id has the form {form}")
    if form & 0x80:
        at = text(data, at)
    return at + 4 if form & 0x40 else at


def _extension(data: bytes, at: int, depth: int = 0) -> int:
    at = _node(data, at)
    return text(data, at + 1) if data[at] else at + 1


def _value(data: bytes, at: int, depth: int) -> int:
    mask = data[at]
    return (variant(data, at + 1, depth) if mask & Mask.VALUE else at + 1) + behind(mask)


def _diagnostic(data: bytes, at: int, depth: int = 0) -> int:
    if depth > _DEPTH:
        raise ValueError("diagnostics are nested beyond all measure")
    mask = data[at]
    at += 1 + 4 * (mask & 0x0F).bit_count()
    if mask & 0x10:
        at = text(data, at)
    if mask & 0x20:
        at += 4
    return _diagnostic(data, at, depth + 1) if mask & 0x40 else at


_ELEMENTS: dict[int, Callable[[bytes, int, int], int]] = {
    Type.STRING: text,
    Type.BYTESTRING: text,
    Type.XML: text,
    Type.NODE_ID: _node,
    Type.EXPANDED_NODE_ID: _node,
    Type.QUALIFIED_NAME: _qualified,
    Type.LOCALIZED_TEXT: _localized,
    Type.EXTENSION: _extension,
    Type.DATA_VALUE: _value,
    Type.VARIANT: variant,
    Type.DIAGNOSTIC: _diagnostic,
}


# -- responses ---------------------------------------------------------------------------------------------------------
def count(data: bytes, at: int) -> tuple[int, int]:
    """The place behind a length and the length, that of a null array being 0."""
    return at + 4, max(0, _INT(data, at)[0])


def header(data: bytes) -> tuple[int, int, int]:
    """The type of a response, its service result, and where its parameters begin."""
    at = _node(data, 0)
    kind = int.from_bytes(data[2:4], "little") if data[0] == 1 else 0
    result = int.from_bytes(data[at + 12 : at + 16], "little")
    at = _diagnostic(data, at + 16)
    at, strings = count(data, at)
    for _ in range(strings):
        at = text(data, at)
    return kind, result, _extension(data, at)


def extension(data: bytes, at: int) -> tuple[int, int, int]:
    """The type of an ExtensionObject (0 where it is not of the standard), where its body begins, and its end."""
    body = _node(data, at)
    kind = int.from_bytes(data[at + 2 : at + 4], "little") if data[at : at + 2] == b"\x01\x00" else 0
    end = _extension(data, at)
    return kind, min(body + 5, end), end
