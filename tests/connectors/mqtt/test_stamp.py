"""When a message was so: every form that a time may have, and times that cannot be meant."""

import math
import time
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.mqtt import stamp
from tests.connectors.mqtt.points import NOW, SECOND, T, decoder, point

TIMES = [
    ("2026-11-02T08:00:00+08:00", NOW),
    ("2026-11-02T00:00:00Z", NOW),
    ("2026-11-01T18:30:00-05:30", NOW),
    ("2026-11-02 08:00:00.123456789+0800", NOW + 123_456_789),
    ("2026-11-02T00:00:00,5Z", NOW + SECOND // 2),
    ("2026-11-02T08+08:00", None),
    ("2026-11-02T00:00Z", NOW),
    ("2026-11-02T00:00:00.123456789987Z", NOW + 123_456_789),
    ("2028-02-29T00:00:00Z", 1_835_395_200 * SECOND),
    ("2026-02-29T00:00:00Z", None),
    ("2026-11-02T24:00:00Z", None),
    ("2026-11-02T08:00:00", None),  # whose time?
    ("2026-11-02", None),
    ("yesterday", None),
    (1_793_577_600, NOW),
    (1_793_577_600.25, NOW + SECOND // 4),
    (1_793_577_600.123, NOW + 123_000_000),
    (1_793_577_600_123, NOW + 123_000_000),
    (1_793_577_600_123_456, NOW + 123_456_000),
    (1_793_577_600_123_456_789, NOW + 123_456_789),
    ("1793577600123", NOW + 123_000_000),
    ("1793577600.5", NOW + SECOND // 2),
    (True, None),
    (None, None),
    (-5, None),
    (math.nan, None),
    (math.inf, None),
    (10**30, None),
    (5e10, None),  # seconds of the year 3554: more than 64 bits hold
    ([1], None),
]


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_a_time_is_read_to_the_nanosecond(text: Any, expected: int | None) -> None:
    assert stamp.nanoseconds(text) == expected


@settings(max_examples=200, deadline=None)
@given(st.integers(stamp.EARLIEST, 4_000_000_000 * SECOND))
def test_a_time_is_the_same_in_every_form(ns: int) -> None:
    second, rest = divmod(ns, SECOND)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    assert stamp.nanoseconds(f"{text}.{rest:09d}Z") == ns
    assert stamp.nanoseconds(ns) == ns
    assert stamp.nanoseconds(ns // 1000) == ns // 1000 * 1000
    assert stamp.nanoseconds(ns // 1_000_000) == ns // 1_000_000 * 1_000_000
    assert stamp.nanoseconds(second) == second * SECOND


def test_the_payload_says_when_it_was_so() -> None:
    """collectors.md 13: the default gather time hides delay."""
    made = decoder(point("power", T, "p", unit="kW", time="meta.ts"))
    frame = made.frame(b'{"p":1,"meta":{"ts":"2026-11-01T23:00:00Z"}}', NOW)
    assert (frame.time, frame.source_times) == (NOW - 3600 * SECOND, None)
    assert made.unstamped == 0


@pytest.mark.parametrize("text", ["1970-01-01T00:05:00Z", "2000-01-01T00:00:10Z", "2026-11-02T00:00:03Z"])
def test_a_time_that_cannot_be_meant_is_kept_and_not_believed(text: str) -> None:
    """collectors.md 13: treat implausible source time; a clock without its battery, one that runs ahead."""
    made = decoder(point("power", T, "p", unit="kW", time="ts"), point("total", T, "n", time="ts"))
    frame = made.frame(orjson.dumps({"p": 1, "n": 2, "ts": text}), NOW)
    assert frame.time == NOW
    assert frame.source_times is not None
    assert frame.source_times.tolist() == [stamp.nanoseconds(text)] * 2
    assert made.unstamped == 1


def test_a_message_without_its_time_has_that_of_its_receipt() -> None:
    made = decoder(point("power", T, "p", unit="kW", time="ts"))
    for payload in (b'{"p":1}', b'{"p":1,"ts":null}', b"garbage", b'{"p":1,"ts":"2026-11-02T08:00:00"}'):
        frame = made.frame(payload, NOW)
        assert (frame.time, frame.source_times) == (NOW, None)
    assert made.unstamped == 4
