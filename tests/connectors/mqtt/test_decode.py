"""Payloads become columns: what is there exactly as it is, what is not with its reason, and nothing raises."""

import json
import math
import time
from fractions import Fraction
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plant import Counter, Point
from connectors.base import Frame
from connectors.mqtt.decode import MOST_LAYOUTS, Decoder
from tests.connectors.mqtt.points import NOW, T, decoder, point, said

BADS = {"BadNoData", "BadDecodingError", "BadTypeMismatch", "BadOutOfRange", "Bad"}


def value(made: Point, payload: bytes) -> Any:
    """What one point makes of a payload: its value, or the name of its quality."""
    return said(decoder(made).frame(payload, NOW))[f"oven.{made.name}"]


def fields(frame: Frame) -> tuple[Any, ...]:
    return frame.time, said(frame), [(c.point, c.kind) for c in frame.layout.columns]


# -- values ------------------------------------------------------------------------------------------------------------
def test_a_message_is_one_frame() -> None:
    made = decoder(
        point("state", T, "state", states={"RUN": "running"}),
        point("power", T, "power.total", unit="kW"),
        point("total", T, "counts[1].all", type="uint32"),
        point("zone.1", T, '"zones"["1.temp"]', unit="C"),
    )
    payload = b'{"state":"RUN","power":{"total":12.5},"counts":[null,{"all":1045}],"zones":{"1.temp":-0.25}}'
    frame = made.frame(payload, NOW)
    assert said(frame) == {"oven.power": 12.5, "oven.zone.1": -0.25, "oven.total": 1045, "oven.state": "RUN"}
    assert (frame.time, frame.quality, frame.columns, frame.live) == (NOW, None, None, True)
    assert frame.layout.group == "topic plant/oven/telemetry"


def test_one_missing_value_costs_the_others_nothing() -> None:
    """collectors.md 3: one bad point kills the rest."""
    made = decoder(point("power", T, "power", unit="kW"), point("energy", T, "e.kwh"), point("alarm", T, "alarm"))
    for payload in (
        b'{"power":1.5,"alarm":"E7"}',
        b'{"power":1.5,"e":7,"alarm":"E7"}',
        b'{"power":1.5,"e":[],"alarm":"E7"}',
    ):
        assert said(made.frame(payload, NOW)) == {
            "oven.power": 1.5,
            "oven.energy": "BadNoData",
            "oven.alarm": "E7",
        }


VALUES = [
    # a number is what it is, of whatever JSON type it is written as
    ({"unit": "kW"}, b"12.5", 12.5),
    ({"unit": "kW"}, b"7", 7.0),
    ({"unit": "kW"}, b"true", 1.0),
    ({"unit": "kW"}, b'" 12.5 "', 12.5),
    ({"unit": "kW"}, b'"12,5"', "BadTypeMismatch"),
    ({"unit": "kW"}, b'"1_000"', "BadTypeMismatch"),
    ({"unit": "kW"}, b'""', "BadTypeMismatch"),
    ({"unit": "kW"}, b"null", "BadNoData"),
    ({"unit": "kW"}, b"[1]", "BadTypeMismatch"),
    ({"unit": "kW"}, b"{}", "BadTypeMismatch"),
    ({"unit": "kW"}, b"NaN", "Bad"),
    ({"unit": "kW"}, b"1e999", "BadOutOfRange"),
    ({"unit": "kW"}, b"1" * 400, "BadOutOfRange"),
    ({"counter": Counter()}, b"9007199254740991", 9007199254740991.0),
    ({"scale": Fraction(1, 10)}, b"123", 123.0),  # as on the wire
    # an integer is exact to its last digit, and within its type
    ({"type": "int64"}, b"9223372036854775807", 9223372036854775807),
    ({"type": "int64"}, b"-9223372036854775808", -9223372036854775808),
    ({"type": "uint64"}, b"9223372036854775807", 9223372036854775807),
    ({"type": "uint64"}, b"18446744073709551615", "BadOutOfRange"),
    ({"type": "uint64"}, b"-1", "BadOutOfRange"),
    ({"type": "int16"}, b"-32768", -32768),
    ({"type": "int16"}, b"32768", "BadOutOfRange"),
    ({"type": "uint16"}, b"65535", 65535),
    ({"type": "uint32"}, b"4294967296", "BadOutOfRange"),
    ({"type": "int32"}, b"3.0", 3),
    ({"type": "int32"}, b"3.5", "BadOutOfRange"),
    ({"type": "int32"}, b'"-12"', -12),
    ({"type": "int32"}, b"NaN", "Bad"),
    ({"type": "bool"}, b"true", 1),
    ({"type": "bool"}, b"0", 0),
    ({"type": "bool"}, b'"False"', 0),
    ({"type": "bool"}, b"2", "BadOutOfRange"),
    # a text keeps its digits
    ({"type": "string"}, b'"00123"', "00123"),
    ({"type": "string"}, b"7", "7"),
    ({"type": "string"}, b"7.0", "7.0"),
    ({"type": "string"}, b"false", "false"),
    ({"type": "string"}, '"无锡"'.encode(), "无锡"),
    ({"type": "string"}, b'"\\ud800"', "BadDecodingError"),
    ({"type": "string"}, b'{"a":1}', "BadTypeMismatch"),
    ({"type": "string"}, b'"' + b"x" * 65536 + b'"', "BadOutOfRange"),
    # what stands for no value
    ({"type": "int16", "invalid": (-32768, 32767)}, b"32767", "BadOutOfRange"),
    ({"unit": "C", "invalid": (850,)}, b"850.0", "BadOutOfRange"),
    ({"unit": "C", "invalid": (850,)}, b"850.5", 850.5),
    ({"type": "string", "invalid": ("n/a",)}, b'"n/a"', "BadOutOfRange"),
]


@pytest.mark.parametrize(("more", "json_value", "expected"), VALUES)
def test_a_value_is_judged_by_its_point(more: dict[str, Any], json_value: bytes, expected: Any) -> None:
    """Alone, and beside one that needs no judging; the second time, too."""
    made = decoder(point("a", T, "v", **more), point("b", T, "w", unit="kW"))
    for _ in range(2):
        found = said(made.frame(b'{"v":' + json_value + b',"w":1.5}', NOW))
        assert found == {"oven.a": expected, "oven.b": 1.5}
        assert type(found["oven.a"]) is type(expected)


STATES = [
    (b"2", 2),
    (b"2.0", 2),
    (b"true", 1),
    (b'"False"', 0),
    (b'"RUN"', "RUN"),
    (b'"2"', "2"),
    (b"2.5", "2.5"),
    (b"18446744073709551615", "18446744073709551615"),
    (b"null", "BadNoData"),
    (b"[]", "BadTypeMismatch"),
]


@pytest.mark.parametrize(("json_value", "expected"), STATES)
def test_a_state_is_a_code_or_a_word(json_value: bytes, expected: Any) -> None:
    assert value(point("state", T, "v"), b'{"v":' + json_value + b"}") == expected


BARE = [
    ("power", {"unit": "kW"}, b" 12.5\r\n", 12.5),
    ("power", {"unit": "kW"}, b"TRUE", 1.0),
    ("power", {"unit": "kW"}, b"12,5", "BadTypeMismatch"),
    ("power", {"unit": "kW"}, b"", "BadNoData"),
    ("power", {"unit": "kW"}, b"\xff\xfe", "BadDecodingError"),
    ("power", {"unit": "kW"}, b"nan", "BadTypeMismatch"),
    ("power", {"unit": "kW"}, b'{"v":1}', "BadTypeMismatch"),
    ("total", {"type": "uint32"}, b"1045", 1045),
    ("serial", {"type": "string"}, b"00123", "00123"),
    ("serial", {"type": "string"}, b'"00123"', "00123"),
    ("state", {}, b"RUN", "RUN"),
    ("state", {}, b'"RUN"', "RUN"),
    ("state", {}, b"2", 2),
    ("state", {}, b"true", 1),
    ("product", {}, b"007", "007"),
    ("product", {}, b'"7"', "7"),
    ("level", {}, b"21.50", 21.5),
    ("level", {}, b"-3", -3.0),
    ("level", {}, b"0021", "0021"),
    ("level", {}, "满".encode(), "满"),
]


@pytest.mark.parametrize(("name", "more", "payload", "expected"), BARE)
def test_a_payload_may_be_the_value_itself(name: str, more: dict[str, Any], payload: bytes, expected: Any) -> None:
    found = value(point(name, T, **more), payload)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b"not json", b"[" * 100_000, b'{"v":1}}', b"\x00"])
def test_what_is_no_json_is_bad_for_all_that_is_looked_for(payload: bytes) -> None:
    made = decoder(point("state", T, "s"), point("power", T, "p", unit="kW"), point("raw", T))
    found = said(made.frame(payload, NOW))
    assert {found["oven.state"], found["oven.power"]} == {"BadDecodingError"}
    assert said(made.frame(b'{"s":"RUN","p":1}', NOW + 1)) | {"oven.raw": None} == {
        "oven.power": 1.0,
        "oven.state": "RUN",
        "oven.raw": None,
    }


# -- layouts -----------------------------------------------------------------------------------------------------------
def test_a_value_of_another_kind_makes_another_layout() -> None:
    made = decoder(point("state", T, "s", states={"1": "running"}), point("power", T, "p", unit="kW"))
    first = made.frame(b'{"s":1,"p":2}', NOW)
    again = made.frame(b'{"s":2,"p":2}', NOW)
    word = made.frame(b'{"s":"RUN","p":2}', NOW)
    missing = made.frame(b'{"p":2}', NOW)
    back = made.frame(b'{"s":1,"p":2}', NOW)
    assert fields(first)[2] == [("power", "float"), ("state", "int")]
    assert fields(word)[2] == [("power", "float"), ("state", "text")]
    assert first.layout is again.layout is back.layout
    assert missing.layout is word.layout  # nothing is no other kind
    assert said(missing) == {"oven.power": 2.0, "oven.state": "BadNoData"}


def test_layouts_are_bounded_whatever_comes() -> None:
    """collectors.md 11: bounded everywhere. Five open points could be of 2^5 kinds."""
    made = decoder(*(point(f"p{i}", T, f"p{i}") for i in range(5)))
    seen = set()
    for number in range(32):
        document = {f"p{i}": "x" if number >> i & 1 else 1 for i in range(5)}
        frame = made.frame(orjson.dumps(document), NOW)
        seen.add(frame.layout)
        for i in range(5):
            assert said(frame)[f"oven.p{i}"] in (document[f"p{i}"], "BadTypeMismatch")
    assert len(seen) == MOST_LAYOUTS


# -- laws --------------------------------------------------------------------------------------------------------------
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=10),
    st.sampled_from(["12", "1e5", "true", "007", "RUN", "\ud800"]),
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
TYPES = [None, "bool", "int16", "uint32", "int64", "uint64", "float32", "float64", "string"]
points = st.lists(
    st.builds(
        lambda name, path, kind, unit: (name, path, kind, unit),
        st.sampled_from(["state", "power", "total", "level", "alarm", "x", "y"]),
        st.sampled_from([None, "a", "b", "a.b", "a[0]", "a[1].c", "c"]),
        st.sampled_from(TYPES),
        st.sampled_from([None, "kW"]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda p: p[0],
)


def _sound(made: Decoder, payload: bytes) -> None:
    frame = made.frame(payload, NOW)
    of = frame.layout
    assert (len(frame.floats), len(frame.ints), len(frame.texts)) == (of.floats, of.ints, of.texts)
    assert (frame.floats.dtype, frame.ints.dtype) == (np.float64, np.int64)
    for name, found in said(frame).items():
        column = next(c for c in of.columns if f"{c.asset}.{c.point}" == name)
        if found not in BADS:
            assert type(found) is {"float": float, "int": int, "text": str}[column.kind]
            assert not isinstance(found, float) or math.isfinite(found)
        if isinstance(found, str):
            found.encode()


@settings(max_examples=300, deadline=None)
@given(points, st.lists(documents, min_size=1, max_size=4))
def test_any_document_becomes_a_frame(
    asked: list[tuple[str, str | None, str | None, str | None]], found: list[Any]
) -> None:
    made = decoder(*(point(name, T, path, type=kind, unit=unit) for name, path, kind, unit in asked))
    for each in found:
        _sound(made, json.dumps(each).encode())


@settings(max_examples=300, deadline=None)
@given(points, st.binary(max_size=60))
def test_any_bytes_become_a_frame(asked: list[tuple[str, str | None, str | None, str | None]], payload: bytes) -> None:
    made = decoder(*(point(name, T, path, type=kind, unit=unit) for name, path, kind, unit in asked))
    _sound(made, payload)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_what_was_encoded_is_decoded(numbers: list[float], whole: int, text: str) -> None:
    made = decoder(
        *(point(f"n{i}", T, f"n[{i}]", type="float64") for i in range(3)),
        point("i", T, "i", type="int64"),
        point("s", T, "s", type="string"),
    )
    found = said(made.frame(json.dumps({"n": numbers, "i": whole, "s": text}).encode(), NOW))
    assert found == {**{f"oven.n{i}": n for i, n in enumerate(numbers)}, "oven.i": whole, "oven.s": text}


def test_a_megabyte_of_nonsense_is_soon_done_with() -> None:
    """reliability.md, fault 5: decode under a budget."""
    made = decoder(point("state", T, "s"), point("raw", T, type="string"))
    hostile = [b"[" * 2_000_000, b'{"s":' * 300_000, b"9" * 2_000_000, b'"' + b"\\u0000" * 300_000, b"\xff" * 2_000_000]
    began = time.process_time()
    for payload in hostile:
        made.frame(payload, NOW)
    assert time.process_time() - began < 2.0
