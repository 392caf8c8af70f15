"""What leaves is reading, whoever asks; what arrives is bounded."""

import ast
import asyncio
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt._packet import PublishPacket
from paho.mqtt.enums import CallbackAPIVersion

import connectors.mqtt
from connectors.mqtt.session import Client
from connectors.mqtt.wire import LARGEST, Wire, header, permit


class Transport(asyncio.Transport):
    """What was written, and whether reading is paused."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


def wire() -> tuple[Wire, Transport]:
    made, transport = Wire(lambda: None, lambda _: None), Transport()
    made.connection_made(transport)
    return made, transport


def listening(room: int = 1_000_000_000, version: int = paho.MQTTv311) -> tuple[Client, Transport, list[bytes]]:
    """paho on a wire that is connected to nothing, and the payloads that it has heard."""
    heard: list[bytes] = []
    client = Client(CallbackAPIVersion.VERSION2, "c", protocol=version, manual_ack=True)

    def arrived() -> None:
        client.wire.pause(not client.read_all(lambda: len(heard) < room))

    client.wire, transport = Wire(arrived, lambda _: None), Transport()
    client.wire.connection_made(transport)
    client.heard = lambda message: heard.append(message.payload)
    client._sock = client.wire  # type: ignore[assignment]
    return client, transport, heard


def packet(first: int, body: bytes) -> bytes:
    """A packet as MQTT 3.1.1, section 2.2 has it."""
    length, rest = b"", len(body)
    while True:
        rest, digit = divmod(rest, 128)[0], rest % 128
        length += bytes([digit | (0x80 if rest else 0)])
        if not rest:
            return bytes([first]) + length + body


def connect_packet(flags: int) -> bytes:
    return packet(0x10, b"\x00\x04MQTT\x04" + bytes([flags]) + b"\x00\x3c\x00\x01c")


READING = {
    "CONNECT": connect_packet(0x00),
    "CONNECT with user and password": connect_packet(0xC0),
    "PUBACK": b"\x40\x02\x00\x07",
    "PUBREC": b"\x50\x02\x00\x07",
    "PUBCOMP": b"\x70\x02\x00\x07",
    "SUBSCRIBE": packet(0x82, b"\x00\x01\x00\x01a\x01"),
    "UNSUBSCRIBE": packet(0xA2, b"\x00\x01\x00\x01a"),
    "PINGREQ": b"\xc0\x00",
    "DISCONNECT": b"\xe0\x00",
}
WRITING = {
    "PUBLISH": packet(0x30, b"\x00\x01av"),
    "PUBLISH QoS 1": packet(0x32, b"\x00\x01a\x00\x01v"),
    "PUBLISH QoS 2, retained": packet(0x35, b"\x00\x01a\x00\x01v"),
    "PUBREL": b"\x62\x02\x00\x01",
    "CONNECT with a will": connect_packet(0x04),
    "CONNECT with a retained will": connect_packet(0x2C),
    "CONNACK": b"\x20\x02\x00\x00",
    "AUTH": b"\xf0\x00",
    "nothing known": b"\x00\x00",
    "half a packet": b"\x82\x05\x00",
    "half a header": b"\x82",
}


@pytest.mark.parametrize("name", READING)
def test_reading_leaves(name: str) -> None:
    made, transport = wire()
    assert made.send(READING[name]) == len(READING[name])
    assert transport.written == READING[name]


@pytest.mark.parametrize("name", WRITING)
def test_nothing_else_leaves(name: str) -> None:
    made, transport = wire()
    for before in (b"", *READING.values(), READING["PUBACK"] * 3):
        with pytest.raises(PermissionError):
            made.send(before + WRITING[name])
    assert transport.written == b""


WHOLE = [one for name, one in WRITING.items() if not name.startswith("half")]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*READING.values(), *WHOLE]), max_size=6))
def test_a_write_among_reads_is_found(packets: list[bytes]) -> None:
    try:
        permit(b"".join(packets))
        permitted = True
    except PermissionError:
        permitted = False
    assert permitted == (not any(one in WHOLE for one in packets))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=12))
def test_whatever_bytes_leave_the_filter_holds(data: bytes) -> None:
    made, transport = wire()
    try:
        made.send(data)
    except PermissionError:
        assert transport.written == b""
    else:
        at = 0
        while at < len(data):
            head, length = header(data, at) or (1, 0)
            assert data[at] >> 4 not in (0, 2, 3, 6, 9, 11, 13, 15)
            at += head + length


def test_paho_itself_cannot_publish() -> None:
    """Every way that paho has to publish something raises before a byte leaves."""
    client, transport, _ = listening()
    ways: list[Callable[[], Any]] = [
        lambda: client.publish("plant/press/cmd", b"start"),
        lambda: client.publish("plant/press/cmd", b"start", qos=1),
        lambda: client.publish("plant/press/cmd", b"start", qos=2, retain=True),
        lambda: client._send_pubrel(1),
    ]
    for way in ways:
        with pytest.raises(PermissionError):
            way()
        client.loop_write()
    client.will_set("plant/press/cmd", b"stop")
    with pytest.raises(PermissionError):
        client.connect("broker")
    client.loop_write()
    assert transport.written == b""


def test_plain_paho_would_publish() -> None:
    """The same calls without our wire and filter do leave, so the test above can fail."""
    sent = []

    class Plain(paho.Client):
        def _sock_send(self, buf: bytes | bytearray) -> int:
            sent.append(bytes(buf))
            return len(buf)

    client = Plain(CallbackAPIVersion.VERSION2, "c")
    client._sock = wire()[0]  # type: ignore[assignment]
    client.publish("a", b"v")
    assert sent == [packet(0x30, b"\x00\x01av")]


def test_nothing_in_the_source_asks_for_a_write() -> None:
    """DESIGN.md 6: no write method exists, and a test walks the source for one."""
    folder = Path(connectors.mqtt.__file__).parent
    names = set()
    for file in folder.glob("*.py"):
        tree = ast.parse(file.read_text())
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert "subscribe" in names
    assert not names & {
        "publish",
        "_send_publish",
        "will_set",
        "enable_bridge_mode",
        "single",
        "multiple",
        "write_value",
    }


# -- what arrives ------------------------------------------------------------------------------------------------------
def published(*payloads: bytes) -> bytes:
    """PUBLISH packets of QoS 0 under the topic `a`."""
    return b"".join(packet(0x30, b"\x00\x01a" + payload) for payload in payloads)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=400), min_size=1, max_size=8), st.lists(st.sampled_from([1, 2, 3, 50, 1000])))
def test_packets_arrive_however_they_are_cut(payloads: list[bytes], sizes: list[int]) -> None:
    """reliability.md, fault 7: segments of one byte."""
    stream, (client, _, heard) = published(*payloads), listening()
    while stream:
        size = sizes.pop() if sizes else 1
        client.wire.data_received(stream[:size])
        stream = stream[size:]
    assert heard == payloads


def marked(dup: bool, qos: int, retain: bool) -> bytes:
    """A PUBLISH to `a/b`, number 513 where it has one."""
    first = 0x30 | dup << 3 | qos << 1 | retain
    return packet(first, b"\x00\x03a/b" + (b"\x02\x01" if qos else b"") + b"said")


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize(("dup", "qos"), [(False, 0), (False, 1), (True, 1)])
def test_a_message_is_the_same_whole_and_in_pieces(dup: bool, qos: int, retain: bool, size: int) -> None:
    client, _, _ = listening()
    heard: list[PublishPacket] = []
    client.heard = heard.append
    stream = marked(dup, qos, retain)
    for start in range(0, len(stream), size):
        client.wire.data_received(stream[start : start + size])
    assert heard == [PublishPacket(dup, qos, retain, b"a/b", 513 if qos else 0, None, b"said")]


def test_a_message_of_qos_2_is_heard_when_it_is_released() -> None:
    """Nobody subscribes so, but a broker that sends it is answered as MQTT 3.1.1, section 4.3.3 has it."""
    client, transport, heard = listening()
    client.wire.data_received(marked(False, 2, False))
    assert heard == []
    client.loop_write()
    assert transport.written[-4:] == b"\x50\x02\x02\x01"  # PUBREC
    client.wire.data_received(b"\x62\x02\x02\x01")  # PUBREL
    assert heard == [b"said"]


@pytest.mark.parametrize(
    "properties",
    [b"\x00", b"\x02\x01\x01", b"\x07\x26\x00\x01k\x00\x01v", b"\x83\x01\x03\x00\x80" + 128 * b"x"],
    ids=["none", "format", "user", "131 bytes"],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_the_properties_of_mqtt_5_are_no_part_of_a_payload(properties: bytes, size: int) -> None:
    """MQTT 5, section 3.3.2.3: the payload begins where they end."""
    client, _, heard = listening(version=paho.MQTTv5)
    stream = packet(0x32, b"\x00\x01a\x00\x07" + properties + b"said")
    for start in range(0, len(stream), size):
        client.wire.data_received(stream[start : start + size])
    assert heard == [b"said"]


@pytest.mark.parametrize("body", [b"\x00\x01a\x00\x07", b"\x00\x01a\x00\x07\x05said", b"\x00\x01a\x00\x07\xff\xff"])
def test_properties_that_end_behind_the_packet_are_no_mqtt(body: bytes) -> None:
    client, _, heard = listening(version=paho.MQTTv5)
    with pytest.raises(ValueError, match="not whole"):
        client.wire.data_received(packet(0x32, body))
    assert heard == []


@pytest.mark.parametrize("chunk", [1000, 65_536, 1_000_003, 10_000_000])
def test_a_packet_without_end_is_cut(chunk: int) -> None:
    """collectors.md 11: what arrives is bounded, and what follows is not lost."""
    long = struct.pack(">I", 123_456_789) * 1_250_000
    stream, (client, _, heard) = published(b"before", long, b"after", long, b"end"), listening()
    for start in range(0, len(stream), chunk):
        client.wire.data_received(stream[start : start + chunk])
    cut = long[: LARGEST - 3]
    assert heard == [b"before", cut, b"after", cut, b"end"]


def test_the_broker_waits_where_there_is_no_room() -> None:
    client, transport, heard = listening(room=3)
    client.wire.data_received(published(*(b"%d" % i for i in range(10))))
    assert heard == [b"0", b"1", b"2"]
    assert transport.paused


def test_a_header_is_read_when_it_is_whole() -> None:
    # The limits of each length of a remaining length: MQTT 3.1.1, table 2.4.
    assert header(b"\x30\x00", 0) == (2, 0)
    assert header(b"\x30\x7f", 0) == (2, 127)
    assert header(b"\x30\x80\x01", 0) == (3, 128)
    assert header(b"\x30\xff\xff\x7f", 0) == (4, 2_097_151)
    assert header(b"\x30\xff\xff\xff\x7f", 0) == (5, 268_435_455)
    assert [header(b"\x30\xff\xff\xff\x7f"[:size], 0) for size in range(1, 5)] == [None] * 4
