"""Bytes of a reply to arrays: the masks and type bytes are checked for all items at once, the values gathered by type.

Where each item stands is learned from one reply; it holds for the next one when the mask and the type byte of every
item say the same again, else the reply is walked and learned anew. Texts and the rarer types go through asyncua's own
decoder, one by one, and stand last in a request so that their lengths move nothing else.
"""

import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from asyncua.common.utils import Buffer
from asyncua.ua import uatypes
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import variant_from_binary
from asyncua.ua.uaprotocol_hand import XmlElement
from numpy.typing import NDArray

from connectors import quality
from connectors.base import Disconnected, Floats, Ints, Kind, Qualities
from connectors.opcua import wire
from connectors.opcua.wire import Mask, Type

Flags = NDArray[np.bool_]
Octets = NDArray[np.uint8]
Places = NDArray[np.intp]

_INTEGERS: dict[int, str] = {
    Type.BOOLEAN: "u1",
    Type.SBYTE: "i1",
    Type.BYTE: "u1",
    Type.INT16: "<i2",
    Type.UINT16: "<u2",
    Type.INT32: "<i4",
    Type.UINT32: "<u4",
    Type.INT64: "<i8",
    Type.UINT64: "<u8",
    Type.STATUS: "<u4",
}
_REALS: dict[int, str] = {Type.FLOAT: "<f4", Type.DOUBLE: "<f8"}
_NUMBERS = {**_INTEGERS, **_REALS}
_TEXTS: tuple[int, ...] = (
    Type.STRING,
    Type.DATETIME,
    Type.GUID,
    Type.XML,
    Type.NODE_ID,
    Type.EXPANDED_NODE_ID,
    Type.QUALIFIED_NAME,
    Type.LOCALIZED_TEXT,
)
_EPOCH = 116_444_736_000_000_000  # 1970 in ticks of 100 ns since 1601
_LAST = np.iinfo(np.int64).max // 100 + _EPOCH
_LONGEST = 65_535


def _flags(codes: Any) -> Flags:
    flags = np.zeros(256, np.bool_)
    flags[list(codes)] = True
    return flags


_SIZES = np.zeros(256, np.intp)
_SIZES[list(wire.FIXED)] = list(wire.FIXED.values())
IS_INTEGER, IS_REAL, IS_TEXT = _flags(_INTEGERS), _flags(_REALS), _flags(_TEXTS)
IS_NUMBER = IS_INTEGER | IS_REAL
IS_SCALAR = IS_NUMBER | IS_TEXT


def kind(code: int) -> Kind | None:
    """The kind of column that carries values of this type byte; None where none does."""
    if IS_INTEGER[code]:
        return "int"
    if IS_REAL[code]:
        return "float"
    return "text" if IS_TEXT[code] else None


def nanoseconds(ticks: Ints) -> Ints:
    """UTC [ns] of OPC UA's ticks; 0, none, for what lies before 1970 or beyond what 64 bits can say."""
    sound = (ticks > _EPOCH) & (ticks <= _LAST)
    return np.where(sound, (np.where(sound, ticks, _EPOCH) - _EPOCH) * 100, 0)


# -- values ------------------------------------------------------------------------------------------------------------
class Values:
    """What the items of one message say, one place an item; `codes` are type bytes, 0 where no value was sent."""

    def __init__(self, data: bytes, count: int) -> None:
        self.data = data
        self.codes: Octets = np.zeros(count, np.uint8)
        self.floats: Floats = np.full(count, np.nan)
        self.ints: Ints = np.zeros(count, np.int64)
        self.status: Qualities = np.zeros(count, np.uint32)
        self.source: Ints = np.zeros(count, np.int64)
        self.at: Places = np.zeros(count, np.intp)  # where the type byte stands

    def taken(self, places: Places) -> "Values":
        """These of the items, in this order."""
        found = Values(self.data, 0)
        for name in ("codes", "floats", "ints", "status", "source", "at"):
            setattr(found, name, getattr(self, name)[places])
        return found

    def text(self, place: int) -> str | None:
        """The value as text; None where it is none that a text can carry."""
        code = int(self.codes[place])
        if code == Type.BOOLEAN:
            return "true" if self.ints[place] else "false"
        if IS_INTEGER[code]:
            return str(int(self.ints[place]) % (1 << 64) if code == Type.UINT64 else self.ints[place])
        if IS_REAL[code]:
            return repr(float(self.floats[place]))
        if not IS_TEXT[code]:
            return None
        try:
            found = _worded(variant_from_binary(Buffer(self.data, int(self.at[place]))).Value)
        except Exception:  # whatever asyncua's decoder makes of these bytes, they are no text
            return None
        return found if len(found) <= _LONGEST else None

    def texts(self, place: int) -> list[str]:
        """The value as a list of texts; empty where it is none."""
        found: list[str] = []
        if self.codes[place] == Type.STRING | wire.ARRAY:
            at, count = wire.count(self.data, int(self.at[place]) + 1)
            for _ in range(count):
                end = wire.text(self.data, at)
                found.append(self.data[at + 4 : end].decode("utf-8", "replace"))
                at = end
        return found

    def said(self, place: int) -> int | float | str | None:
        """The value as the plant file would write it."""
        code = int(self.codes[place])
        if IS_NUMBER[code]:
            return int(self.ints[place]) if IS_INTEGER[code] else float(self.floats[place])
        return self.text(place)


def _worded(value: Any) -> str:
    match value:
        case None:
            found = ""
        case uatypes.LocalizedText():
            found = value.Text or ""
        case uatypes.QualifiedName():
            found = value.Name or ""
        case XmlElement():
            found = value.Value or ""
        case uatypes.NodeId():
            found = value.to_string()
        case datetime():
            found = value.isoformat().replace("+00:00", "Z")
        case _:
            found = str(value)
    return found.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class _Span:
    """Items one behind the other whose masks and types are known, with the place of every part of each."""

    def __init__(self, octets: Octets, first: int, starts: list[int], ends: dict[int, int], end: int) -> None:
        self.first, self.end, self.count = first, end, len(starts)
        begin = np.array(starts, np.intp)
        masks = octets[begin]
        self.at = begin + 1
        filled = masks & Mask.VALUE > 0
        self.codes = np.where(filled, octets[self.at], 0).astype(np.uint8)
        self.probe = np.concatenate([begin, self.at[filled]])
        self.expected = octets[self.probe]
        self.groups = [
            (int(code), np.flatnonzero(self.codes == code)) for code in np.unique(self.codes) if int(code) in _NUMBERS
        ]
        behind = self.at + np.where(filled, 1 + _SIZES[self.codes], 0)
        behind[list(ends)] = list(ends.values())
        self.status = _placed(masks & Mask.STATUS, behind)
        behind += 4 * (masks & Mask.STATUS > 0)
        self.source = _placed(masks & Mask.SOURCE, behind)
        behind += 8 * (masks & Mask.SOURCE > 0) + 2 * (masks & Mask.SOURCE_PICO > 0)
        self.server = _placed(masks & Mask.SERVER & ~(masks << 1), behind)  # taken where there is no source time

    def holds(self, octets: Octets, first: int) -> bool:
        """Whether the items of this reply stand where those of the learned one stood."""
        return first == self.first and self.end <= len(octets) and np.array_equal(octets[self.probe], self.expected)

    def read(self, into: Values, base: int = 0) -> None:
        """The values of these items, to the places from `base` on."""
        here = slice(base, base + self.count)
        into.codes[here] = self.codes
        into.at[here] = self.at
        for code, places in self.groups:
            found = _gathered(into.data, _NUMBERS[code], self.at[places] + 1)
            if code == Type.BOOLEAN:
                found = found > 0
            into.floats[places + base] = found
            if code in _INTEGERS:
                into.ints[places + base] = found.astype(np.int64)
        places, at = self.status
        into.status[places + base] = _gathered(into.data, "<u4", at)
        for places, at in (self.server, self.source):
            into.source[places + base] = nanoseconds(_gathered(into.data, "<i8", at))


def _placed(flags: NDArray[np.integer[Any]], at: Places) -> tuple[Places, Places]:
    places = np.flatnonzero(flags)
    return places, at[places]


def _gathered(data: bytes, kind: str, at: Places) -> NDArray[Any]:
    """Values of one type at these places: indexing a view that has one at every byte."""
    dtype = np.dtype(kind)
    every: NDArray[Any] = np.ndarray((len(data) - dtype.itemsize + 1,), dtype, data, strides=(1,))
    return every[at]


# -- messages ----------------------------------------------------------------------------------------------------------
class Reply:
    """The reader of one request's replies: it keeps what the last one taught."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.walked = 0
        """How many replies did not look like the one before."""
        self._learned: _Span | None = None

    def values(self, data: bytes) -> Values:
        """The items of a ReadResponse. Raises `Disconnected` for what is none, or is not of this request."""
        try:
            return self._values(data)
        except wire.UNREADABLE as fault:
            raise Disconnected(f"the reply to a read cannot be understood ({fault})", quality.BAD_DECODING) from fault

    def _values(self, data: bytes) -> Values:
        at, count = wire.count(data, parameters(data, ObjectIds.ReadResponse_Encoding_DefaultBinary))
        if count != self.count:
            raise ValueError(f"{count} values for {self.count} nodes")
        octets = np.frombuffer(data, np.uint8)
        span = self._learned
        if span is None or not span.holds(octets, at):
            span = self._learned = self._learn(data, octets, at)
        found = Values(data, count)
        span.read(found)
        if span.count < count:
            starts, ends, end = wire.walk(data, span.end, count - span.count)
            _Span(octets, span.end, starts, ends, end).read(found, span.count)
        return found

    def _learn(self, data: bytes, octets: Octets, at: int) -> _Span:
        """The leading items whose length their first two bytes tell; what follows is walked at each reply."""
        self.walked += 1
        starts, ends, end = wire.walk(data, at, self.count)
        fixed = min(ends, default=self.count)
        return _Span(octets, at, starts[:fixed], {}, starts[fixed] if ends else end)


@dataclass(frozen=True, slots=True)
class Publication:
    """A PublishResponse: whose it is, its number, and what it notifies; no items in one that only keeps alive.

    `places` are the client handles, an item each. `status` is what became of the subscription where that changed.
    """

    subscription: int
    sequence: int
    empty: bool
    places: Places
    values: Values
    status: int = quality.GOOD


def publication(data: bytes) -> Publication:
    """Raises `Disconnected` for what is no PublishResponse, or one that says that the service failed."""
    try:
        return _publication(data)
    except wire.UNREADABLE as fault:
        raise Disconnected(f"a notification cannot be understood ({fault})", quality.BAD_DECODING) from fault


def _publication(data: bytes) -> Publication:
    at = parameters(data, ObjectIds.PublishResponse_Encoding_DefaultBinary)
    (subscription,) = struct.unpack_from("<I", data, at)
    at, available = wire.count(data, at + 4)
    at += 4 * available + 1
    (sequence,) = struct.unpack_from("<I", data, at)
    at, parts = wire.count(data, at + 12)
    spans, status = [], quality.GOOD
    for _ in range(parts):
        kind, body, at = wire.extension(data, at)
        if kind == ObjectIds.DataChangeNotification_Encoding_DefaultBinary:
            first, count = wire.count(data, body)
            starts, ends, end = wire.walk(data, first, count, lead=4)
            spans.append(_Span(np.frombuffer(data, np.uint8), first, starts, ends, end))
        elif kind == ObjectIds.StatusChangeNotification_Encoding_DefaultBinary:
            (status,) = struct.unpack_from("<I", data, body)
    found = Values(data, sum(span.count for span in spans))
    base = 0
    for span in spans:
        span.read(found, base)
        base += span.count
    handles = _gathered(data, "<u4", found.at - 5).astype(np.intp)
    return Publication(subscription, sequence, parts == 0, handles, found, status)


def parameters(data: bytes, kind: int) -> int:
    """Where the parameters of a response begin. Raises `Disconnected` where the service failed, ValueError for a
    response of another kind."""
    found, result, at = wire.header(data)
    if result >= quality.BAD:
        raise Disconnected(f"the server refuses to answer ({quality.name(result)})", result)
    if found != kind:
        raise ValueError(f"a response of type {found} where {kind} was due")
    return at
