"""Laws of what a subscription tells, whatever the server's clock and its source times do."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plant import SECOND
from connectors import quality
from connectors.base import Disconnected, Frame
from connectors.opcua import decode, notify, plan
from connectors.opcua.wire import Type
from tests.connectors.opcua import encode
from tests.connectors.opcua.encode import Item, scalar
from tests.connectors.opcua.plants import point, source

BEGIN = 1_798_761_600 * SECOND
TICKS = encode.TICKS_1970 + 17_987_616_000_000_000
CODES = {"f": Type.DOUBLE, "i": Type.INT32, "s": Type.STRING}


def watch(period: int = SECOND) -> notify.Watch:
    """Of three points, one of each kind."""
    of = source("opc.tcp://x", every=period, timeout=2 * SECOND)
    items = [plan.Item(point(name, of), plan.node(f"s={name}", [])) for name in CODES]
    (group,) = plan.groups(of, "subscribe", items, 10)
    learned = plan.learned(group, dict(enumerate(CODES.values())))
    return notify.Watch(learned, "opc.tcp://x", period, 0)


def told(place: int, value: int, at: int | None, status: int | None = None) -> tuple[int, Item]:
    """Item `place` says this value at a time in ms after the beginning."""
    variant = (scalar(11, float(value)), scalar(6, value), scalar(12, str(value)))[place]
    return place, Item(variant, status, None if at is None else TICKS + at * 10_000)


def beat(at: int) -> tuple[int, Item]:
    return 3, Item(scalar(13, TICKS + at * 10_000))


def rows(frame: Frame) -> list[tuple[int, int, Any]]:
    """Column, time and value (or StatusCode) of each row."""
    assert frame.columns is not None
    values = [*frame.floats.tolist(), *frame.ints.tolist(), *map(float, (text or 0 for text in frame.texts))]
    codes = [0] * len(values) if frame.quality is None else frame.quality.tolist()
    times = [frame.time] * len(values) if frame.times is None else frame.times.tolist()
    assert len(values) == len(codes) == len(times) == len(frame.columns)
    said = [code if code >= quality.BAD else value for value, code in zip(values, codes, strict=True)]
    return list(zip(frame.columns.tolist(), times, said, strict=True))


TOLD = st.tuples(
    st.integers(0, 2),
    st.integers(0, 99),
    st.one_of(st.none(), st.integers(-5000, 25_000)),
    st.sampled_from([None, None, 0x480, 0x80340000]),
)
MESSAGES = st.lists(st.tuples(st.lists(TOLD, max_size=6), st.integers(0, 1500), st.booleans()), max_size=12)


@settings(max_examples=120, deadline=None)
@given(MESSAGES, st.integers(-3000, 3000))
def test_nothing_is_lost_and_every_point_rises(messages: list[Any], offset: int) -> None:
    """Collectors 13: every notification is a row, and no two rows of a point share a time, or go back."""
    own, now = watch(), 10_000
    last: dict[int, int] = {}
    held: dict[int, Any] = {}
    for number, (items, passed, beats) in enumerate(messages, 1):
        now += passed
        sent = [told(*item) for item in items] + ([beat(now + offset)] if beats else [])
        message = decode.publication(encode.publish_response(sent, number))
        wall = BEGIN + now * 1_000_000
        (*frames,), misfits = own.frames(message, wall, now * 1_000_000)
        assert not misfits
        if items:
            first = rows(frames[0])
            assert len(first) == len(items)
            for place in range(3):
                wanted = [i[3] if i[3] and i[3] >= quality.BAD else float(i[1]) for i in items if i[0] == place]
                assert [said for column, _, said in first if column == place] == wanted
        for frame in frames:
            for column, time, said in rows(frame):
                assert time > last.get(column, -1)
                last[column] = time
                if frame.times is None:
                    assert said == held[column], "what was not notified is as it was"
                    assert time <= wall
                held[column] = said


def test_a_missing_message_is_a_lost_connection() -> None:
    own = watch()
    for number in (0xFFFFFFFE, 0xFFFFFFFF, 1, 2):  # they count round, past 0
        own.frames(decode.publication(encode.publish_response([beat(number % 100)], number)), BEGIN, 0)
    own.frames(decode.publication(encode.publish_response(None, 3)), BEGIN, 0)  # one that keeps alive counts for none
    own.frames(decode.publication(encode.publish_response([beat(7)], 3)), BEGIN, 0)
    with pytest.raises(Disconnected, match="message 5 came after 3") as raised:
        own.frames(decode.publication(encode.publish_response([beat(8)], 5)), BEGIN, 0)
    assert raised.value.reason == quality.BAD_DATA_LOST


def test_a_subscription_that_the_server_ended() -> None:
    ended = encode.extension(820, (0x800A0000).to_bytes(4, "little") + b"\0")
    with pytest.raises(Disconnected, match=r"the subscription has ended \(BadTimeout\)"):
        watch().frames(decode.publication(encode.publish_response(None, extra=ended)), BEGIN, 0)


@pytest.mark.parametrize(("period", "patience"), [(SECOND // 10, 3.0), (SECOND, 3.0), (5 * SECOND, 15.0)])
def test_a_heartbeat_may_stay_away_for_three_periods(period: int, patience: float) -> None:
    """Collectors 2. The deadline of a request is 2 s here; a server may move its clock once a second only."""
    own = watch(period)
    end = int(patience * SECOND)
    assert own.left(0) == end
    own.frames(decode.publication(encode.publish_response([beat(1)], 1)), BEGIN, SECOND)
    assert own.left(SECOND) == end
    own.frames(decode.publication(encode.publish_response([beat(1)], 2)), BEGIN, 2 * SECOND)
    assert own.left(2 * SECOND) == end - SECOND, "a clock that says the same again has not moved"
    own.frames(decode.publication(encode.publish_response([told(0, 1, 2)], 3)), BEGIN, 2 * SECOND)
    assert own.left(SECOND + end) == 0, "nor do values keep it alive"
    with pytest.raises(Disconnected, match="connected, but the server's clock has not moved for"):
        own.left(SECOND + end + 1)
