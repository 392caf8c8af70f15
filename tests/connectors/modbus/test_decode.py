import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plant import Point
from connectors import quality
from connectors.base import Frame
from connectors.modbus.decode import EXCEPTIONS, Columns, Decoder, objects
from connectors.modbus.plan import place, plan, wire_type
from tests.connectors.clock import StoppedClock
from tests.connectors.modbus.points import TYPES, point, source


def decoded(points: list[Point], registers: dict[int, int] | None = None, bits: dict[int, int] | None = None) -> Frame:
    """The frame that these registers and bits make, whatever the table."""
    (group,) = plan(source(), points)
    columns = Columns(group.layout)
    for request in group.requests:
        wanted = range(request.address, request.address + request.count)
        if request.function in (1, 2):
            raw = sum((bits or {}).get(i, 0) << n for n, i in enumerate(wanted)).to_bytes(
                (request.count + 7) // 8, "little"
            )
        else:
            raw = b"".join(struct.pack(">H", (registers or {}).get(i, 0)) for i in wanted)
        decoder = Decoder(request, group.points)
        assert decoder.size == len(raw)
        decoder(bytes((len(raw) % 256,)) + raw, columns)
    return columns.frame(StoppedClock())


def read(points: list[Point], *args: Any) -> dict[str, Any]:
    """By name, the value of a Good point or the name of its quality."""
    frame = decoded(points, *args)
    values = [*frame.floats.tolist(), *frame.ints.tolist(), *frame.texts]
    codes = [0] * len(values) if frame.quality is None else frame.quality.tolist()
    return {
        column.point: quality.name(code) if code else value
        for column, value, code in zip(frame.layout.columns, values, codes, strict=True)
    }


def one(kind: str, *registers: int, at: str = "holding:0", **more: Any) -> Any:
    return read([point(at, "x", type=kind, **more)], dict(enumerate(registers, place(point(at)).address)))["x"]


# -- orders: worked out by hand, byte for byte -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("order", "registers"),
    [
        ("ABCD", (0x42F6, 0xE979)),
        ("BADC", (0xF642, 0x79E9)),
        ("CDAB", (0xE979, 0x42F6)),
        ("DCBA", (0x79E9, 0xF642)),
    ],
)
def test_two_registers_in_every_order(order: str, registers: tuple[int, int]) -> None:
    assert one("uint32", *registers, order=order) == 0x42F6E979
    assert one("int32", *registers, order=order) == 0x42F6E979
    assert one("float32", *registers, order=order) == 123.45600128173828  # the float32 nearest to 123.456


@pytest.mark.parametrize(
    ("order", "registers"),
    [
        ("ABCD", (0x0123, 0x4567, 0x89AB, 0xCDEF)),
        ("BADC", (0x2301, 0x6745, 0xAB89, 0xEFCD)),
        ("CDAB", (0xCDEF, 0x89AB, 0x4567, 0x0123)),
        ("DCBA", (0xEFCD, 0xAB89, 0x6745, 0x2301)),
    ],
)
def test_four_registers_in_every_order(order: str, registers: tuple[int, ...]) -> None:
    assert one("uint64", *registers, order=order) == 0x0123456789ABCDEF
    assert one("int64", *registers, order=order) == 0x0123456789ABCDEF
    assert one("float64", *registers, order=order) == struct.unpack(">d", bytes.fromhex("0123456789ABCDEF"))[0]


@pytest.mark.parametrize(("order", "value"), [("ABCD", 0x1234), ("BADC", 0x3412), ("CDAB", 0x1234), ("DCBA", 0x3412)])
def test_one_register_in_every_order(order: str, value: int) -> None:
    assert one("uint16", 0x1234, order=order) == value
    assert one("bool", 0x1234, at="holding:0.2", order=order) == value >> 2 & 1


# -- types -------------------------------------------------------------------------------------------------------------
def test_signs() -> None:
    """collectors.md (benthos v0.12.7): an int32 of -12 became 4294967284."""
    assert one("int32", 0xFFFF, 0xFFF4) == -12
    assert one("uint32", 0xFFFF, 0xFFF4) == 4294967284
    assert one("int16", 0x8000) == -32768
    assert one("uint16", 0x8000) == 32768
    assert one("int64", 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF) == -1


def test_an_uint64_beyond_a_column_is_out_of_range() -> None:
    assert one("uint64", 0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF) == 2**63 - 1
    assert one("uint64", 0x8000, 0, 0, 0) == "BadOutOfRange"


def test_a_register_without_a_type_is_an_uint16_and_a_bit_a_bool() -> None:
    assert one(None, 65535) == 65535  # type: ignore[arg-type]
    assert wire_type(point("holding:0.3", type="uint16")) == "bool"
    assert wire_type(point("coil:0")) == "bool"


def test_bits_count_from_the_lowest() -> None:
    points = [point(f"holding:100.{bit}", str(bit)) for bit in range(16)]
    assert [bit for bit, value in read(points, {100: 0x8009}).items() if value] == ["0", "3", "15"]


def test_a_bool_of_a_whole_register_is_true_unless_it_is_0() -> None:
    assert [one("bool", value) for value in (0, 1, 2, 0xFF00)] == [0, 1, 1, 1]


def test_coils_are_packed_from_the_lowest_bit_of_the_first_byte() -> None:
    """collectors.md (pymodbus 3.9 to 3.11): the order of coils changed twice. The specification's own example, 6.1."""
    specified = bytes.fromhex("CD6B05")  # coils 20 to 38: 27-20 are 1100 1101, 35-28 are 0110 1011, 38-36 are 101
    coils = {20 + i: specified[i // 8] >> i % 8 & 1 for i in range(19)}
    (group,) = plan(source(), [point(f"coil:{i}", str(i)) for i in coils])
    columns = Columns(group.layout)
    Decoder(group.requests[0], group.points)(b"\x03" + specified, columns)
    on = {int(c.point) for c, v in zip(group.layout.columns, columns.ints, strict=True) if v}
    assert on == {20, 22, 23, 26, 27, 28, 29, 31, 33, 34, 36, 38}


def test_discrete_inputs_with_holes_between_the_points() -> None:
    points = [point("discrete:3", gap=9), point("discrete:12", gap=9)]
    assert read(points, None, {3: 0, 7: 1, 12: 1}) == {"discrete:3": 0, "discrete:12": 1}


def test_texts() -> None:
    """collectors.md (benthos v0.12.7): serial numbers that look like numbers lost digits."""
    assert one("string", 0x3030, 0x3132, 0x3330, length=3) == "001230"
    assert one("string", 0x4142, 0x4300, 0x5858, length=3) == "ABC"
    assert one("string", 0x4142, 0x2020, length=2) == "AB"
    assert one("string", 0x4241, 0x4443, length=2, order="BADC") == "ABCD"
    assert one("string", 0x4142, 0x4344, length=2, order="CDAB") == "ABCD"
    assert one("string", 0xE58E, 0x8B00, length=2) == "压"
    assert one("string", 0xC4E3, length=1) == "BadDecodingError"  # 你 in GBK
    assert one("string", 0, 0, length=2) == ""


# -- what is no value --------------------------------------------------------------------------------------------------
def test_declared_invalid_values_are_those_of_the_wire() -> None:
    assert one("int16", 0x8000, invalid=(0x8000,)) == "BadOutOfRange"
    assert one("int16", 0x8000, invalid=(-32768,)) == "BadOutOfRange"
    assert one("int16", 0x8001, invalid=(0x8000,)) == -32767
    assert one("uint32", 0xFFFF, 0xFFFF, invalid=(0xFFFFFFFF,)) == "BadOutOfRange"
    assert one("uint32", 0xFFFF, 0xFFFF, invalid=(-1,)) == "BadOutOfRange"
    assert one("uint16", 7, invalid=(0x10007,)) == 7  # no value of a single register
    assert one("uint64", 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, invalid=(2**64 - 1,)) == "BadOutOfRange"
    assert one("float32", 0xC61C, 0x3C00, invalid=(-9999,)) == "BadOutOfRange"
    assert one("float32", 0x7F7F, 0xFFFF, invalid=(0x7F7FFFFF,)) == "BadOutOfRange"
    assert one("float32", 0x7F7F, 0xFFFE, invalid=(0x7F7FFFFF, 10**60)) == struct.unpack(">f", b"\x7f\x7f\xff\xfe")[0]
    assert one("string", 0x2D2D, length=1, invalid=("--",)) == "BadOutOfRange"
    assert one("string", 0x3430, length=1, invalid=(40,)) == "BadOutOfRange"
    assert one("uint32", 0x0000, 0x8000, invalid=(0x8000,), order="CDAB") == 0x80000000


def test_an_invalid_value_costs_no_other_point() -> None:
    points = [point(f"holding:{i}", str(i), type="int16", invalid=(0x8000,) if i % 2 else ()) for i in range(4)]
    assert read(points, dict.fromkeys(range(4), 0x8000)) == {
        "0": -32768, "1": "BadOutOfRange", "2": -32768, "3": "BadOutOfRange",
    }  # fmt: skip


def test_what_is_no_number_is_bad() -> None:
    assert one("float32", 0x7FC0, 0) == "Bad"
    assert one("float32", 0x7FA0, 0) == "Bad"  # signalling: numpy would warn
    assert one("float64", 0x7FF8, 0, 0, 0) == "Bad"
    assert one("float32", 0x7F80, 0) == "BadOutOfRange"
    assert one("float64", 0xFFF0, 0, 0, 0) == "BadOutOfRange"
    assert one("float32", 0x7FC0, 0, invalid=(0x7FC00000,)) == "BadOutOfRange"  # said so


def test_a_bad_value_means_nothing() -> None:
    points = [
        point("holding:0", type="float32"),
        point("holding:2", type="int16", invalid=(5,)),
        point("holding:3", type="string", length=1, invalid=("AB",)),
    ]
    frame = decoded(points, {0: 0x7F80, 2: 5, 3: 0x4142})
    assert math.isnan(frame.floats[0])
    assert (frame.ints.tolist(), frame.texts) == ([0], [""])


def test_a_frame_that_is_good_says_so_without_an_array() -> None:
    assert decoded([point("holding:0", type="float32"), point("holding:2", invalid=(9,))]).quality is None


def test_a_refused_request_keeps_its_reason_beside_what_is_no_number() -> None:
    (group,) = plan(source(), [point("holding:0", type="float32"), point("holding:9", type="float32")])
    columns = Columns(group.layout)
    refused, answered = (Decoder(request, group.points) for request in group.requests)
    columns.bad(refused.columns, quality.BAD_NODE_UNKNOWN)
    answered(bytes.fromhex("047fc00000"), columns)
    frame = columns.frame(StoppedClock())
    assert frame.quality is not None
    assert [quality.name(code) for code in frame.quality.tolist()] == ["BadNodeIdUnknown", "Bad"]


def test_every_exception_has_a_status_code_of_its_kind() -> None:
    names = {code: quality.name(status) for code, status in EXCEPTIONS.items()}
    assert names == {
        1: "BadNotReadable",
        2: "BadNodeIdUnknown",
        3: "BadConfigurationError",
        4: "BadDeviceFailure",
        5: "BadOutOfService",
        6: "BadOutOfService",
        8: "BadDeviceFailure",
        10: "BadNoCommunication",
        11: "BadTimeout",
    }


# -- laws --------------------------------------------------------------------------------------------------------------
RANGES = {
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**63 - 1),
}


def value_of(kind: str) -> st.SearchStrategy[Any]:
    if kind in RANGES:
        return st.integers(*RANGES[kind])
    return st.floats(allow_nan=False, allow_infinity=False, width=32 if kind == "float32" else 64)


def encoded(kind: str, value: Any, order: str) -> list[int]:
    """The registers of a value, by moving letters about: A is its highest byte, and each pair of letters a register."""
    size = 2 * TYPES[kind]
    raw = (
        struct.pack(">f" if size == 4 else ">d", value) if kind[0] == "f" else (value % 256**size).to_bytes(size, "big")
    )
    pairs = [raw[i : i + 2] for i in range(0, size, 2)]
    if order in ("CDAB", "DCBA"):
        pairs.reverse()
    return [int.from_bytes(pair if order in ("ABCD", "CDAB") else pair[::-1], "big") for pair in pairs]


typed = st.sampled_from(sorted(TYPES)).flatmap(
    lambda kind: st.tuples(
        st.just(kind), value_of(kind), st.sampled_from(["ABCD", "BADC", "CDAB", "DCBA"]), st.integers(0, 3)
    )
)


@settings(max_examples=100, deadline=None)
@given(st.lists(typed, min_size=1, max_size=30))
def test_decoding_what_was_encoded_gives_it_back(values: list[tuple[str, Any, str, int]]) -> None:
    points, registers, address = [], {}, 0
    for n, (kind, value, order, hole) in enumerate(values):
        address += hole
        points.append(point(f"input:{address}", str(n), type=kind, order=order, gap=hole))
        registers |= dict(enumerate(encoded(kind, value, order), address))
        address += TYPES[kind]
    assert read(points, registers) == {str(n): value for n, (_, value, _, _) in enumerate(values)}


anything = st.lists(
    st.builds(
        lambda address, kind, order, invalid: point(
            f"holding:{address}",
            type=kind,
            order=order,
            length=3 if kind == "string" else None,
            invalid=tuple(invalid),
            gap=2,
        ),
        st.integers(0, 40),
        st.sampled_from(["bool", "string", *TYPES]),
        st.sampled_from(["ABCD", "BADC", "CDAB", "DCBA"]),
        st.lists(st.one_of(st.integers(), st.text(max_size=3)), max_size=2),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(anything, st.binary(min_size=100, max_size=100))
def test_whatever_the_bytes_are_there_is_a_frame(points: list[Point], raw: bytes) -> None:
    """Fuzz: no exception, and every value is either Good and a finite number or text, or Bad and nothing."""
    registers = {i: int.from_bytes(raw[2 * i : 2 * i + 2], "big") for i in range(50)}
    frame = decoded(points, registers)
    codes = np.zeros(len(points), np.uint32) if frame.quality is None else frame.quality
    good = quality.good(codes)
    floats, ints = frame.layout.floats, frame.layout.ints
    assert np.isfinite(frame.floats).tolist() == good[:floats].tolist()
    assert not frame.ints[~good[floats : floats + ints]].any()
    assert all(text == "" for text, fine in zip(frame.texts, good[floats + ints :], strict=True) if not fine)
    assert len(frame.texts) == frame.layout.texts


# -- device identification ---------------------------------------------------------------------------------------------
def test_identification() -> None:
    body = bytes.fromhex("0e 01 81 00 00 03 00 04") + b"Acme" + b"\x01\x02X1\x02\x04 1.0"
    assert objects(body) == ({"VendorName": "Acme", "ProductCode": "X1", "MajorMinorRevision": "1.0"}, None)
    assert objects(bytes.fromhex("0e 02 82 ff 05 01 04 02 4d 31")) == ({"ProductName": "M1"}, 5)
    assert objects(bytes.fromhex("0e 02 82 00 00 02 80 01 41 06 01 42")) == ({"UserApplicationName": "B"}, None)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60))
def test_identification_of_anything_is_texts_or_a_value_error(body: bytes) -> None:
    for tried in (body, b"\x0e\x01\x81\x00\x00" + body):
        try:
            found, following = objects(tried)
        except ValueError:
            continue
        assert all(isinstance(text, str) for text in found.values())
        assert following is None or 0 <= following < 256
