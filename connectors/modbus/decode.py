"""A reply becomes columns in a few array operations: which bytes go where was worked out once, with the plan.

Pure. All values of one type in a reply are seen as an array where they lie as they are sent, one behind the other;
otherwise one index into its bytes gathers them, which puts their registers and bytes in order as well. Nothing is
scaled: values are as on the wire.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from config.plant import Point
from connectors import quality
from connectors.base import NO_FLOATS, NO_INTS, Floats, Frame, Ints, Layout, Qualities
from connectors.clock import Clock
from connectors.modbus.plan import Request, kind, place, width, wire_type

Places = NDArray[np.intp]
Gather = Callable[[bytes], NDArray[np.generic]]

_TYPES = {"int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4", "int64": "i8", "uint64": "u8"}
_TYPES |= {"float32": "f4", "float64": "f8"}
_FLOATS = ("float32", "float64")
_TOP = np.uint64(2**63)

EXCEPTIONS = {
    1: quality.BAD_NOT_READABLE,  # the device does not know the function
    2: quality.BAD_NODE_UNKNOWN,
    3: quality.BAD_CONFIGURATION,
    4: quality.BAD_DEVICE_FAILURE,
    5: quality.BAD_OUT_OF_SERVICE,
    6: quality.BAD_OUT_OF_SERVICE,  # busy
    8: quality.BAD_DEVICE_FAILURE,
    10: quality.BAD_NO_COMMUNICATION,  # the gateway has no path to the unit
    11: quality.BAD_TIMEOUT,  # the unit does not answer the gateway
}
OBJECTS = (
    "VendorName",
    "ProductCode",
    "MajorMinorRevision",
    "VendorUrl",
    "ProductName",
    "ModelName",
    "UserApplicationName",
)


class Columns:
    """The arrays of a frame in the making: Good where nobody says otherwise."""

    def __init__(self, of: Layout) -> None:
        self.layout = of
        self.floats: Floats = np.full(of.floats, np.nan) if of.floats else NO_FLOATS
        self.ints: Ints = np.zeros(of.ints, np.int64) if of.ints else NO_INTS
        self.texts = [""] * of.texts
        self.quality: Qualities | None = None
        self._sent = self._received = self._slowest = 0  # monotonic

    def answered(self, sent: int, received: int) -> None:
        """One of its exchanges took from then to then."""
        self._sent = self._sent or sent
        self._received = received
        self._slowest = max(self._slowest, received - sent)

    def bad(self, columns: Places | int, reason: int) -> None:
        if self.quality is None:
            self.quality = np.zeros(len(self.layout.columns), np.uint32)
        self.quality[columns] = reason

    def good(self, columns: Places) -> None:
        if self.quality is not None:
            self.quality[columns] = quality.GOOD

    def frame(self, clock: Clock) -> Frame:
        """The frame, as of the middle of all exchanges; of its floats NaN is Bad, and infinity out of range."""
        if self.layout.floats and not (finite := np.isfinite(self.floats)).all():
            odd = np.flatnonzero(~finite)
            odd = odd if self.quality is None else odd[self.quality[odd] == quality.GOOD]
            self.bad(odd[np.isnan(self.floats[odd])], quality.BAD)
            self.bad(odd[np.isinf(self.floats[odd])], quality.BAD_OUT_OF_RANGE)
            self.floats[odd] = np.nan
        time = clock.wall_ns() - (clock.monotonic_ns() - (self._sent + self._received) // 2)
        return Frame(self.layout, time, self.floats, self.ints, self.texts, self.quality, round_trip=self._slowest)


class Operation(Protocol):
    """Takes what it knows of out of a reply and puts it where it belongs."""

    def __call__(self, body: bytes, into: Columns) -> None: ...


class Decoder:
    """Of the replies to one request of a group."""

    def __init__(self, request: Request, points: Sequence[Point]) -> None:
        """`points` are all of the group, in its order."""
        kinds = [kind(point) for point in points]
        first = {"float": 0, "int": kinds.count("float"), "text": len(kinds) - kinds.count("text")}
        nth = {i: kinds[:i].count(kinds[i]) for i in request.points}
        self.columns: Places = np.array([first[kinds[i]] + nth[i] for i in request.points], np.intp)
        self.size = (request.count + 7) // 8 if request.function in (1, 2) else 2 * request.count
        alike: dict[str, list[int]] = {}
        for i in request.points:
            alike.setdefault(wire_type(points[i]), []).append(i)
        self._operations = [
            _operation(request, wire, [points[i] for i in members], [nth[i] for i in members], first[kinds[members[0]]])
            for wire, members in alike.items()
        ]

    def __call__(self, body: bytes, into: Columns) -> None:
        """`body` is a byte count and as many bytes; whoever calls has compared it with `size`."""
        for operation in self._operations:
            operation(body, into)


def _operation(request: Request, wire: str, points: Sequence[Point], nth: Sequence[int], first: int) -> Operation:
    """`nth` is the place of each point among the values of its kind, `first` the first column of that kind."""
    to = np.array(nth, np.intp)
    run = slice(nth[0], nth[-1] + 1) if (np.diff(to) == 1).all() else to
    if request.function in (1, 2):
        return _Bits(np.array([place(p).address - request.address for p in points], np.intp), run)
    places = [_order(1 + 2 * (place(p).address - request.address), width(p), p.order, wire) for p in points]
    if wire == "string":
        return _Texts(places, nth, first, [frozenset(map(str, p.invalid)) for p in points])
    if wire == "bool":
        shifts = np.array([place(p).bit or 0 for p in points], np.uint16)
        masks = np.array([0xFFFF if place(p).bit is None else 1 for p in points], np.uint16)
        return _Flags(np.concatenate(places), shifts, masks, run)
    gather, dtype = _gather(np.concatenate(places), _TYPES[wire])
    struck = [(k, pattern) for k, p in enumerate(points) for pattern in _patterns(p.invalid, dtype)]
    at = np.array([k for k, _ in struck], np.intp)
    patterns = np.array([pattern for _, pattern in struck], f"{dtype.byteorder}u{dtype.itemsize}")
    return _Numbers(gather, to, run, first, wire, at, patterns)


def _gather(index: Places, code: str) -> tuple[Gather, np.dtype[np.generic]]:
    """How numbers whose bytes lie there, lowest first, are seen as an array; and its type."""
    size, start = int(code[1]), int(index.min())
    straight = np.arange(start, start + index.size).reshape(-1, size)[:, ::-1].ravel()
    if np.array_equal(index, straight):
        big, count = np.dtype(f">{code}"), index.size // size
        return (lambda body: np.frombuffer(body, big, count, start)), big
    little = np.dtype(f"<{code}")
    return (lambda body: np.frombuffer(body, np.uint8).take(index).view(little)), little


def _order(start: int, registers: int, order: str, wire: str) -> Places:
    """Where the bytes of a value lie in the reply: of a number the lowest first, of a text the first one.

    As sent, ABCD has the highest register first, and of each register the high byte. CDAB and DCBA turn the registers
    round, BADC and DCBA the bytes of each. The registers of a text are never turned round.
    """
    index = np.arange(start, start + 2 * registers, dtype=np.intp).reshape(registers, 2)
    if order in ("BADC", "DCBA"):
        index = index[:, ::-1]
    if wire == "string":
        return index.ravel()
    if order in ("CDAB", "DCBA"):
        index = index[::-1]
    return index.ravel()[::-1]


def _patterns(invalid: Sequence[int | str], dtype: np.dtype[np.generic]) -> Iterator[int]:
    """The bits that stand for a declared invalid value: its own where they fit, and those of the float it is."""
    bits = 8 * dtype.itemsize
    for value in invalid:
        if isinstance(value, int) and -(2 ** (bits - 1)) <= value < 2**bits:
            yield value % 2**bits
        if isinstance(value, int) and dtype.kind == "f":
            with suppress(OverflowError):
                yield int.from_bytes(struct.pack(f"<{dtype.char}", float(value)), "little")


# -- operations --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Numbers:
    gather: Gather
    to: Places
    run: Places | slice  # the same places
    first: int
    wire: str
    at: Places  # which of the values may be invalid
    patterns: NDArray[np.generic]  # and the bits of each when it is

    def __call__(self, body: bytes, into: Columns) -> None:
        values = self.gather(body)
        array: Floats | Ints = into.floats if self.wire in _FLOATS else into.ints
        if self.wire == "float32":
            with np.errstate(invalid="ignore"):  # a signalling NaN is no reason to warn
                array[self.run] = values
        else:
            array[self.run] = values
        if self.at.size:
            self._strike(self.at[values.view(self.patterns.dtype)[self.at] == self.patterns], into, array)
        if self.wire == "uint64":  # beyond what a column holds
            self._strike(np.flatnonzero(values >= _TOP), into, array)

    def _strike(self, which: Places, into: Columns, array: Floats | Ints) -> None:
        if which.size:
            into.bad(self.first + self.to[which], quality.BAD_OUT_OF_RANGE)
            array[self.to[which]] = np.nan if self.wire in _FLOATS else 0


@dataclass(frozen=True, slots=True)
class _Flags:
    """Single bits of registers, and registers that are true when they are not 0."""

    places: Places
    shifts: NDArray[np.uint16]
    masks: NDArray[np.uint16]
    run: Places | slice

    def __call__(self, body: bytes, into: Columns) -> None:
        registers = np.frombuffer(body, np.uint8).take(self.places).view("<u2")
        into.ints[self.run] = ((registers >> self.shifts) & self.masks) != 0


@dataclass(frozen=True, slots=True)
class _Bits:
    """Coils and discrete inputs, eight in a byte, the lowest bit first."""

    bits: Places
    run: Places | slice

    def __call__(self, body: bytes, into: Columns) -> None:
        into.ints[self.run] = np.unpackbits(np.frombuffer(body, np.uint8, offset=1), bitorder="little")[self.bits]


@dataclass(frozen=True, slots=True)
class _Texts:
    """Up to the first NUL, without the blanks that fill it up; what is not UTF-8 is Bad."""

    places: Sequence[Places]
    to: Sequence[int]
    first: int
    invalid: Sequence[frozenset[str]]

    def __call__(self, body: bytes, into: Columns) -> None:
        raw = np.frombuffer(body, np.uint8)
        for index, to, invalid in zip(self.places, self.to, self.invalid, strict=True):
            held = raw.take(index).tobytes().partition(b"\0")[0].rstrip()
            try:
                text = held.decode()
            except UnicodeDecodeError:
                into.bad(self.first + to, quality.BAD_DECODING)
                continue
            if text in invalid:
                into.bad(self.first + to, quality.BAD_OUT_OF_RANGE)
            else:
                into.texts[to] = text


# -- device identification ---------------------------------------------------------------------------------------------
def objects(body: bytes) -> tuple[dict[str, str], int | None]:
    """Named texts of a reply to 43/14, and the object to go on with where more follow; ValueError when it is none."""
    if len(body) < 6 or body[0] != 0x0E:
        raise ValueError("no device identification")
    found, rest = {}, body[6:]
    for _ in range(body[5]):
        if len(rest) < 2 or len(rest) < 2 + rest[1]:
            raise ValueError("device identification ends too early")
        number, text, rest = rest[0], rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
        if number < len(OBJECTS):
            found[OBJECTS[number]] = text.decode(errors="replace").strip("\0 ")
    return found, body[4] if body[3] == 0xFF else None
