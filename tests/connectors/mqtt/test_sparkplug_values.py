"""What the metrics of a Sparkplug payload say, and when it was so: types, nulls, times, history."""

from typing import Any

import pytest

from tests.connectors.mqtt.nodes import MS_NOW, alive, bd_seq, nodes, one, press, topic
from tests.connectors.mqtt.points import NOW, SECOND, said
from tests.connectors.mqtt.proto import MS, metric, payload

VALUES = [
    ("Int8", 0xF4, None, -12),  # eight bits of two's complement
    ("Int8", 0xFFFFFFF4, None, -12),  # the same in the width of its field
    ("Int8", 127, None, 127),
    ("Int8", 300, None, "BadOutOfRange"),
    ("Int16", 0xFFFF8000, None, -32768),
    ("Int32", 4294967284, None, -12),  # benthos v0.12.7
    ("Int32", 2**64 - 12, 11, -12),
    ("Int32", 2147483648, None, -2147483648),
    ("Int32", 2**33, 11, "BadOutOfRange"),
    ("Int64", 2**64 - 12, None, -12),
    ("Int64", 2**63 - 1, None, 2**63 - 1),
    ("Int64", 5, 10, 5),
    ("UInt8", 255, None, 255),
    ("UInt8", 256, None, "BadOutOfRange"),
    ("UInt16", 65535, None, 65535),
    ("UInt32", 4294967295, None, 4294967295),
    ("UInt32", 4294967295, 11, 4294967295),  # sparkplug-payload writes it so
    ("UInt32", 2**32, 11, "BadOutOfRange"),
    ("UInt64", 2**63 - 1, None, 2**63 - 1),
    ("UInt64", 2**63, None, "BadOutOfRange"),  # more than a column of integers holds
    ("DateTime", 1_793_577_600_000, None, 1_793_577_600_000),
    ("Float", 1.5, None, 1.5),
    ("Double", 0.1, None, 0.1),
    ("Double", float("nan"), None, "Bad"),
    ("Double", float("-inf"), None, "BadOutOfRange"),
    ("Boolean", True, None, 1),
    ("Boolean", False, None, 0),
    ("String", "00123", None, "00123"),  # benthos v0.12.7
    ("String", "12.50", None, "12.50"),
    ("Text", "无锡", None, "无锡"),
    ("String", b"\xff", None, "BadDecodingError"),
    ("DataSet", 1, None, "BadTypeMismatch"),
    ("String", None, None, "BadNoData"),
    ("Int32", None, None, "BadNoData"),
    ("Int32", 1.5, None, "BadNoData"),  # in a field that no integer is in
]


@pytest.mark.parametrize(("kind", "value", "field", "expected"), VALUES)
def test_a_value_is_what_its_birth_says_that_it_is(kind: str, value: Any, field: int | None, expected: Any) -> None:
    made = nodes(press("x", "X"))
    made.frames(topic("NBIRTH"), payload(bd_seq(0), seq=0), NOW)
    (born,) = made.frames(topic("DBIRTH", "press"), payload(metric("X", value, kind, 4, field=field), seq=1), NOW)
    assert said(born) == {"press.x": expected}
    bare = payload(metric(alias=4, value=value, field=field), seq=2)  # newer nodes leave the datatype to the birth
    found = one(made.frames(topic("DDATA", "press"), bare, NOW))
    assert found == {"press.x": expected}
    assert type(found["press.x"]) is type(expected)


def test_a_null_is_no_value() -> None:
    made = nodes(press(), press("state", "State"))
    alive(made)
    data = payload(metric(alias=1, null=True), metric(alias=2, null=True, value="RUN"), seq=2)
    assert one(made.frames(topic("DDATA", "press"), data, NOW)) == {
        "press.total": "BadNoData",
        "press.state": "BadNoData",
    }


def test_data_of_another_type_than_the_birth_is_not_guessed_at() -> None:
    made = nodes(press())
    alive(made)
    data = payload(metric(alias=1, value=101, kind="Int32"), seq=2)
    assert one(made.frames(topic("DDATA", "press"), data, NOW)) == {"press.total": "BadTypeMismatch"}


def test_a_type_of_the_plant_file_counts_for_more() -> None:
    made = nodes(press(type="float64"), press("state", "State", type="string"), press("small", "Total", type="int16"))
    made.frames(topic("NBIRTH"), payload(bd_seq(0), seq=0), NOW)
    metrics = metric("Total", 100_000, "UInt32", 1), metric("State", 7, "Int32", 2)
    assert one(made.frames(topic("DBIRTH", "press"), payload(*metrics, seq=1), NOW)) == {
        "press.total": 100_000.0,
        "press.small": "BadOutOfRange",
        "press.state": "7",
    }


# -- times -------------------------------------------------------------------------------------------------------------
def test_each_metric_has_its_time() -> None:
    made = nodes(press(), press("state", "State"))
    alive(made)
    early = metric(alias=1, value=101, ms=MS_NOW - 1000)
    data = payload(early, metric(alias=2, value="IDLE"), metric(alias=1, value=102, ms=MS_NOW - 500), seq=2, ms=MS_NOW)
    (frame,) = made.frames(topic("DDATA", "press"), data, NOW)
    assert frame.columns is not None
    assert frame.columns.tolist() == [0, 0, 1]
    assert frame.ints.tolist() == [101, 102]
    assert frame.times is not None
    assert frame.times.tolist() == [NOW - SECOND, NOW - SECOND // 2, NOW]


def test_what_is_historical_is_no_sign_of_life() -> None:
    made = nodes(press())
    alive(made)
    old = [metric(alias=1, value=90 + i, ms=MS_NOW - 60_000 + i, historical=True) for i in range(2)]
    data = payload(*old, metric(alias=1, value=101, ms=MS_NOW), seq=2)
    live, past = made.frames(topic("DDATA", "press"), data, NOW)
    assert (live.live, live.ints.tolist()) == (True, [101])
    assert (past.live, past.ints.tolist()) == (False, [90, 91])
    assert past.times is not None
    assert past.times.tolist() == [NOW - 60 * SECOND, NOW - 60 * SECOND + MS]


def test_a_time_that_cannot_be_meant_is_kept_and_not_believed() -> None:
    made = nodes(press())
    alive(made)
    (frame,) = made.frames(topic("DDATA", "press"), payload(metric(alias=1, value=1, ms=5000), seq=2), NOW)
    assert frame.time == NOW
    assert frame.source_times is not None
    assert frame.source_times.tolist() == [5 * SECOND]
