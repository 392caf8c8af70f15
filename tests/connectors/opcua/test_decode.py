"""Replies as bytes, good, odd and malicious: what columns they make, and that nothing but `Disconnected` is raised."""

import math
import struct
import time

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Disconnected
from connectors.opcua import wire
from connectors.opcua.decode import Reply, Values, publication
from tests.connectors.opcua import encode
from tests.connectors.opcua.encode import Item, array, extension, localized, read_response, scalar, text

TIME = encode.TICKS_1970 + 17_987_616_000_000_000  # 2027-01-01T00:00:00Z, 20,819 days after 1970
TIME_NS = 1_798_761_600_000_000_000


def values(items: list[Item]) -> Values:
    return Reply(len(items)).values(read_response(items))


# -- any mix against asyncua -------------------------------------------------------------------------------------------
def _number(code: int) -> st.SearchStrategy[bytes]:
    if code == 1:
        return st.booleans().map(lambda v: scalar(code, v))
    if code in (10, 11):
        return st.floats(width=32 if code == 10 else 64).map(lambda v: scalar(code, v))
    size = 8 * struct.calcsize("<" + encode.FORMATS[code])
    low, high = (0, 2**size - 1) if encode.FORMATS[code].isupper() else (-(2 ** (size - 1)), 2 ** (size - 1) - 1)
    return st.integers(low, high).map(lambda v: scalar(code, v))


NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
VARIANTS = st.one_of(
    st.just(b"\0"),
    st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]).flatmap(_number),
    st.one_of(st.none(), NAMES).map(lambda v: b"\x0c" + text(v)),
    st.integers(TIME, TIME + 10**15).map(lambda v: scalar(13, v)),
    st.binary(min_size=16, max_size=16).map(lambda v: b"\x0e" + v),
    st.binary(max_size=4).map(lambda v: b"\x0f" + text(v)),
    st.integers(0, 65535).map(lambda v: b"\x11\x01\x02" + struct.pack("<H", v)),
    NAMES.map(lambda v: b"\x11\x03\x02\x00" + text(v)),
    st.just(scalar(19, 0)),
    NAMES.map(lambda v: b"\x14\x01\x00" + text(v)),
    st.tuples(st.one_of(st.none(), NAMES), st.one_of(st.none(), NAMES)).map(lambda v: b"\x15" + localized(*v)),
    NAMES.map(lambda v: b"\x16" + b"\x01\x02\x39\x30" + b"\x01" + text(v)),
    st.lists(st.integers(0, 255), max_size=4).map(lambda v: array(3, v)),
    st.lists(NAMES, min_size=2, max_size=2).map(lambda v: array(12, v, (2, 1))),
)
TICKS = st.one_of(st.none(), st.integers(TIME, TIME + 10**15))
PICO = st.one_of(st.none(), st.integers(0, 9999))
STATUS = st.one_of(st.none(), st.sampled_from([0, 0x480, 0x40900000, 0x80340000, 0x808A0000]))
ITEMS = st.builds(Item, st.one_of(st.none(), VARIANTS), STATUS, TICKS, PICO, TICKS, PICO)


def _same(item: Item, found: Values, place: int, theirs: ua.DataValue) -> None:
    variant = theirs.Value
    assert variant is not None
    code = int(found.codes[place])
    assert code == (item.variant[0] if item.variant else 0)
    assert int(found.status[place]) == (theirs.StatusCode.value if theirs.StatusCode else 0)
    if code in range(1, 10):
        assert int(found.ints[place]) % 2**64 == int(variant.Value) % 2**64
    if code in range(1, 12):
        assert found.floats[place] == pytest.approx(float(variant.Value), nan_ok=True, rel=0, abs=0)
    if code == 12:
        assert found.text(place) == (variant.Value or "")
    if code == 21:
        assert found.text(place) == (variant.Value.Text or "")
    if code > 63 or code in (15, 22):
        assert found.text(place) is None
    when = item.source if item.source is not None else item.server
    assert int(found.source[place]) == (0 if when is None else (when - encode.TICKS_1970) * 100)


@settings(max_examples=150, deadline=None)
@given(st.lists(ITEMS, max_size=12))
def test_columns_say_what_asyncuas_own_decoder_says(items: list[Item]) -> None:
    data = read_response(items)
    theirs = struct_from_binary(ua.ReadResponse, Buffer(data)).Results
    found = Reply(len(items)).values(data)
    for place, (item, their) in enumerate(zip(items, theirs, strict=True)):
        _same(item, found, place, their)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(ITEMS, min_size=4, max_size=4), min_size=2, max_size=5))
def test_what_one_reply_taught_never_changes_what_another_says(replies: list[list[Item]]) -> None:
    reader = Reply(4)
    for items in replies:
        taught, fresh = reader.values(read_response(items)), values(items)
        for name in ("codes", "floats", "ints", "status", "source"):
            np.testing.assert_array_equal(getattr(taught, name), getattr(fresh, name))
        assert [taught.text(i) for i in range(4)] == [fresh.text(i) for i in range(4)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), ITEMS), max_size=10))
def test_notifications_say_what_asyncuas_own_decoder_says(items: list[tuple[int, Item]]) -> None:
    data = encode.publish_response(items, sequence=9)
    theirs = struct_from_binary(ua.PublishResponse, Buffer(data)).Parameters
    found = publication(data)
    assert (found.subscription, found.sequence, found.empty) == (5, 9, False)
    assert found.places.tolist() == [handle for handle, _ in items]
    notified = theirs.NotificationMessage.NotificationData[0].MonitoredItems
    for place, ((_, item), their) in enumerate(zip(items, notified, strict=True)):
        _same(item, found.values, place, their.Value)


# -- worked out by hand ------------------------------------------------------------------------------------------------
def test_a_reply_that_looks_like_the_last_one_is_not_walked_again() -> None:
    reader = Reply(3)
    for n in range(5):
        items = [Item(scalar(11, n + 0.5), source=TIME + n), Item(scalar(6, -n)), Item(scalar(12, "x" * n))]
        found = reader.values(read_response(items))
        assert found.floats.tolist()[0] == n + 0.5
        assert found.ints.tolist()[1] == -n
        assert found.text(2) == "x" * n
        assert found.source.tolist()[0] == TIME_NS + 100 * n
    assert reader.walked == 1


def test_picoseconds_that_come_and_go_move_nothing() -> None:
    """node-opcua sends them for some items and not for others, from one reply to the next."""
    reader = Reply(2)
    for pico in (None, 7, None):
        items = [
            Item(scalar(11, 1.5), source=TIME, source_pico=pico, server=TIME + 5),
            Item(scalar(11, 2.5), server=TIME),
        ]
        found = reader.values(read_response(items))
        assert found.floats.tolist() == [1.5, 2.5]
        assert found.source.tolist() == [TIME_NS, TIME_NS]
    assert reader.walked == 3


def test_a_text_of_another_length_in_front_of_numbers_moves_them() -> None:
    reader = Reply(2)
    for word in ("a", "abc", "ab"):
        found = reader.values(read_response([Item(scalar(12, word)), Item(scalar(7, 4_000_000_000))]))
        assert found.text(0) == word
        assert found.ints.tolist()[1] == 4_000_000_000


def test_texts_of_every_kind() -> None:
    guid = bytes.fromhex("78563412bc9af0debeefdeadbeef0001")
    items = [
        Item(scalar(12, "läuft")),
        Item(b"\x15" + localized("de", "Störung")),
        Item(b"\x15" + localized("de", None)),
        Item(b"\x14\x02\x00" + text("Name")),
        Item(scalar(13, TIME + 12_345_670)),
        Item(b"\x0e" + guid),
        Item(b"\x11\x03\x02\x00" + text("CNC")),
        Item(b"\x10" + text("<a/>")),
        Item(scalar(12, b"\x02\0\0\0\xff\xfe")),
        Item(scalar(1, True)),
        Item(scalar(9, 2**64 - 1)),
        Item(scalar(11, 2.5)),
        Item(b"\x0f" + text(b"\1\2")),
    ]
    said = [values(items).text(place) for place in range(len(items))]
    assert said == [
        *("läuft", "Störung", "", "Name", "2027-01-01T00:00:01.234567Z", "12345678-9abc-def0-beef-deadbeef0001"),
        *("ns=2;s=CNC", "<a/>", "\ufffd\ufffd", "true", "18446744073709551615", "2.5", None),
    ]


def test_lists_of_texts() -> None:
    """As a server's namespaces are; whatever else is sent in their place is an empty list."""
    sent = [
        array(12, ["urn:a", "", "läuft"]),
        array(12, []),
        scalar(12, "urn:a"),
        b"\x80" + struct.pack("<i", 2**31 - 1),
    ]
    found = values([Item(variant) for variant in sent])
    assert [found.texts(place) for place in range(4)] == [["urn:a", "", "läuft"], [], [], []]


def test_a_text_beyond_all_measure_is_none() -> None:
    assert values([Item(scalar(12, "x" * 65_536))]).text(0) is None


def test_times_that_no_clock_shows_are_none() -> None:
    """Collectors 13: a source time before 1970 or beyond 64 bits of nanoseconds is treated as not sent."""
    ticks = [0, -1, encode.TICKS_1970, 2**63 - 1, TIME]
    found = values([Item(scalar(3, 1), source=t) for t in ticks])
    assert found.source.tolist() == [0, 0, 0, 0, TIME_NS]


def test_a_header_with_diagnostics_and_strings_is_stepped_over() -> None:
    inner = b"\x1f" + struct.pack("<4i", 1, 2, 3, 4) + text("more")
    head = encode.response(634, strings=("one", "two"), diagnostic=b"\x60" + struct.pack("<I", 0x80010000) + inner)
    assert Reply(1).values(read_response([Item(scalar(6, 5))], head)).ints.tolist() == [5]


def test_a_subscription_that_ended_says_why() -> None:
    change = extension(820, struct.pack("<I", 0x800A0000) + b"\0")
    found = publication(encode.publish_response(None, extra=change))
    assert (found.status, len(found.places), found.empty) == (0x800A0000, 0, False)
    assert publication(encode.publish_response(None)).empty


# -- what cannot be ----------------------------------------------------------------------------------------------------
def test_a_refusal_names_its_status() -> None:
    with pytest.raises(Disconnected, match="BadTooManyOperations") as raised:
        Reply(1).values(encode.response(397, 0x80100000))
    assert raised.value.reason == 0x80100000


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("another response", encode.publish_response(None)),
        ("one value too many", read_response([Item(scalar(3, 1)), Item(scalar(3, 1))])),
        ("a mask with reserved bits", encode.response(634) + struct.pack("<i", 1) + b"\xc1\x03\x01" + b"\0" * 8),
        ("a type that is none", read_response([Item(b"\x1f" + b"\0" * 8)])),
        ("a text longer than its message", read_response([Item(b"\x0c" + struct.pack("<i", 2**31 - 1))])),
        ("an array longer than its message", read_response([Item(b"\x8b" + struct.pack("<i", 2**31 - 1))])),
        ("nothing", b""),
    ],
)
def test_what_cannot_be_understood_is_a_lost_connection(name: str, data: bytes) -> None:
    with pytest.raises(Disconnected):
        Reply(1).values(data)


def test_every_cut_of_a_reply_is_noticed() -> None:
    data = read_response([Item(scalar(11, 1.0), 0, TIME, 1, TIME, 1), Item(scalar(12, "text"))])
    for length in range(len(data) - 4):
        with pytest.raises(Disconnected):
            Reply(2).values(data[:length])


BOMBS = {
    # Reliability, fault 5: seconds of CPU in a decoder. asyncua would make two thousand million Nones of the first.
    "an array of nothing": b"\x80" + struct.pack("<i", 2**31 - 1),
    "dimensions that multiply": b"\xc3" + struct.pack("<iB", 1, 1) + struct.pack("<i3i", 3, 1000, 1000, 1000),
    "variants in variants": b"\x98" + struct.pack("<i", 1) + b"\x18" * 40 + b"\x03\x01",
    "arrays of arrays of nothing": b"\x98" + struct.pack("<i", 2000) + (b"\x80" + struct.pack("<i", 2**31 - 1)) * 2000,
    "diagnostics in diagnostics": b"\x19" + b"\x40" * 5000 + b"\0",
}


@pytest.mark.parametrize("name", BOMBS)
def test_malice_costs_no_time(name: str) -> None:
    data = read_response([Item(BOMBS[name])] * 50)
    began = time.process_time()
    try:
        found = Reply(50).values(data)
        assert [found.text(place) for place in range(50)] == [None] * 50
    except Disconnected:
        pass
    assert time.process_time() - began < 0.5


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 50), st.booleans())
def test_no_bytes_raise_anything_else(body: bytes, count: int, notified: bool) -> None:
    began = time.process_time()
    try:
        if notified:
            publication(encode.response(829) + body)
        else:
            found = Reply(count).values(encode.response(634) + struct.pack("<i", count) + body)
            for place in range(count):
                found.text(place)
    except Disconnected:
        pass
    assert time.process_time() - began < 0.5


@settings(max_examples=200, deadline=None)
@given(st.lists(ITEMS, min_size=1, max_size=6), st.data())
def test_no_flipped_bit_raises_anything_else(items: list[Item], data: st.DataObject) -> None:
    reader = Reply(len(items))
    sound = bytearray(read_response(items))
    reader.values(bytes(sound))
    for _ in range(3):
        sound[data.draw(st.integers(0, len(sound) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = reader.values(bytes(sound))
        for place in range(len(items)):
            found.text(place)
    except Disconnected:
        pass


def test_sizes_of_all_masks_and_types() -> None:
    """The step table against a sum by hand: value, status 4, times 8 each, picoseconds 2 each."""
    for mask in range(64):
        parts = [(2, 4), (4, 8), (8, 8), (16, 2), (32, 2)]
        behind = sum(size for bit, size in parts if mask & bit)
        data = bytes([mask, 11]) + bytes(60)
        starts, ends, end = wire.walk(data, 0, 1)
        assert (starts, ends, end) == ([0], {}, 1 + (9 if mask & 1 else 0) + behind)
    assert math.isclose(sum(wire.FIXED.values()), 71)
