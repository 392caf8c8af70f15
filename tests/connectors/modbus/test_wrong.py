"""Bytes that are no answer, over every carrier: no value comes of them, and the next connection is sound."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.plant import ModbusAddress, Point
from connectors import quality
from connectors.base import Disconnected
from connectors.modbus import Modbus
from connectors.modbus import endpoint as lines
from connectors.modbus.plan import place
from tests.connectors.modbus.carriers import CARRIERS, UNITS, Counting, on, plc
from tests.connectors.modbus.device import Asked, Device, Out, crc, framed, mbap, served
from tests.connectors.modbus.points import MS, PATIENT, hurry, point, source, take

WRONG: dict[str, Callable[[Asked, bytes], bytes]] = {
    "garbage": lambda asked, reply: b"\xde\xad\xbe\xef" * 8,
    "one byte": lambda asked, reply: b"\x00",
    "another unit": lambda asked, reply: mbap(asked.tid, 2, reply),
    "another transaction": lambda asked, reply: mbap(asked.tid + 1, asked.unit, reply),
    "no transaction": lambda asked, reply: mbap(0, asked.unit, reply),
    "another protocol": lambda asked, reply: mbap(asked.tid, asked.unit, reply, protocol=7),
    "another function": lambda asked, reply: mbap(asked.tid, asked.unit, b"\x04" + reply[1:]),
    "an unknown function": lambda asked, reply: mbap(asked.tid, asked.unit, b"\x63" + reply[1:]),
    "a function that writes": lambda asked, reply: mbap(asked.tid, asked.unit, b"\x10\x00\x00\x00\x01"),
    "truncated": lambda asked, reply: mbap(asked.tid, asked.unit, reply)[:-1],
    "a register too few": lambda asked, reply: mbap(asked.tid, asked.unit, b"\x03\x00"),
    "a register too many": lambda asked, reply: mbap(asked.tid, asked.unit, b"\x03\x04\x03\xe9\x03\xea"),
    "a byte count that lies": lambda asked, reply: mbap(asked.tid, asked.unit, b"\x03\x04\x03\xe9"),
    "more bytes than counted": lambda asked, reply: mbap(asked.tid, asked.unit, b"\x03\x02\x03\xe9\x00"),
    "nothing but a function": lambda asked, reply: mbap(asked.tid, asked.unit, b"\x03"),
    "an exception without a code": lambda asked, reply: mbap(asked.tid, asked.unit, b"\x83"),
    "an exception to another function": lambda asked, reply: mbap(asked.tid, asked.unit, b"\x84\x02"),
    "a length without end": lambda asked, reply: mbap(asked.tid, asked.unit, reply, length=65535) + b"\0" * 3000,
    "a length of nothing": lambda asked, reply: mbap(asked.tid, asked.unit, b"", length=0) + reply,
}
WRONG_RTU: dict[str, Callable[[Asked, bytes], bytes]] = {
    "garbage": lambda asked, reply: b"\xde\xad\xbe\xef" * 8,
    "a wrong checksum": lambda asked, reply: framed(asked, reply, True)[:-1] + b"\x00",
    "another unit": lambda asked, reply: b"\x02" + reply + crc(b"\x02" + reply),
    "another function": lambda asked, reply: framed(asked, b"\x04" + reply[1:], True),
    "an unknown function": lambda asked, reply: framed(asked, b"\x63" + reply[1:], True),
    "an odd encapsulated answer": lambda asked, reply: framed(asked, b"\x2b\x0d\x01\x00\x00\x00\x00\x09\xff", True),
    "diagnostics cut short": lambda asked, reply: framed(asked, b"\x08", True),
    "truncated": lambda asked, reply: framed(asked, reply, True)[:-1],
    "a register too many": lambda asked, reply: framed(asked, b"\x03\x04\x03\xe9\x03\xea", True),
    "an exception to another function": lambda asked, reply: framed(asked, b"\x84\x02", True),
}
EVERY_WRONG = [("tcp", name) for name in WRONG] + [(c, name) for c in ("rtuovertcp", "serial") for name in WRONG_RTU]


@pytest.mark.parametrize(("carrier", "name"), EVERY_WRONG)
async def test_what_is_no_answer_becomes_no_value(carrier: str, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """reliability.md 1.3, fault 5: rejected, no value stored, and sound again at the next connection."""
    device = Device(UNITS)
    wrong = (WRONG if carrier == "tcp" else WRONG_RTU)[name]
    sound = [True]

    def twist(asked: Asked, frame: bytes, out: Out) -> None:
        reply = device.answer(asked)
        assert reply is not None
        out(frame if sound[0] else wrong(asked, reply))

    async with on(carrier, device, twist) as url:
        connector = plc(url)
        with pytest.raises(Disconnected) as caught:
            async with asyncio.timeout(20), connector:
                async for frame in connector.frames():
                    assert frame.ints.tolist() == [1000]
                    sound[0] = False
                    hurry(connector, 100 * MS)
        assert caught.value.reason in (quality.BAD_COMMUNICATION, quality.BAD_TIMEOUT)
        assert connector.polls.good == 1
        sound[0] = True
        hurry(connector, PATIENT)
        async with connector:
            assert [frame.ints.tolist() for frame in await take(connector, 2)] == [[1000]] * 2
    assert [record for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_an_answer_that_comes_twice_or_byte_by_byte_is_one_answer(carrier: str) -> None:
    """reliability.md 1.3, faults 5 and 7: duplicated frames, one-byte segments."""

    async def twist(asked: Asked, frame: bytes, out: Out) -> None:
        for byte in frame:
            out(bytes((byte,)))
            await asyncio.sleep(0)
        if asked.number % 2:
            out(frame)

    device = Counting({1: {}})
    async with on(carrier, device, twist) as url:
        kept = 0
        async with asyncio.timeout(60):
            while kept < 4:  # a copy on a serial line may cost the next exchange, never its truth
                with contextlib.suppress(Disconnected):
                    async with plc(url, timeout=80 * MS) as connector:
                        frames = connector.frames()
                        for _ in range(4):
                            before = len(device.asked)
                            assert (await anext(frames)).ints.tolist() == [1000 + before]
                            kept += 1


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_answers_that_come_together_are_told_apart(carrier: str) -> None:
    """reliability.md 1.3, fault 5: merged frames. A late answer and the next one, as long as can be, in one segment."""
    held: list[bytes] = []
    merged = [0]
    long = [point(f"holding:{i}", unit=2, every=20 * MS) for i in range(125)]

    def merge(asked: Asked, frame: bytes, out: Out) -> None:
        if asked.unit == 1 and doomed.polls.good:
            held.append(frame)
        else:
            out(b"".join([*held, frame]))
            merged[0] += len(held)
            held.clear()

    async def fail() -> None:
        with pytest.raises(Disconnected):
            async with doomed:
                async for frame in doomed.frames():
                    assert set(frame.ints // 1000) == {1}
                    hurry(doomed, 200 * MS)

    device = Counting({1: {}, 2: {}})
    async with on(carrier, device, merge) as url, Modbus(source(url, unit=2), long) as healthy:
        doomed = Modbus(source(url), [replace(p, at=one(p)) for p in long])
        frames = healthy.frames()
        await anext(frames)
        failing = asyncio.ensure_future(fail())
        while not (failing.done() and merged[0]):
            assert set((await anext(frames)).ints // 1000) == {2}  # none was lost with the late ones
        await failing


def one(p: Point) -> ModbusAddress:
    """The same place at unit 1."""
    return replace(place(p), unit=1)


# -- anything at all ---------------------------------------------------------------------------------------------------
@asynccontextmanager
async def babbling(segments: list[bytes]) -> AsyncIterator[str]:
    """Answers whatever it is asked with these, over and over."""

    def out(asked: Asked, frame: bytes, send: Out) -> None:
        for segment in segments:
            send(segment.replace(b"TT", asked.tid.to_bytes(2, "big")) or b"\x00")

    async with served(Device(UNITS), twist=out) as url:
        yield url


pieces = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=40),
        st.builds(
            lambda body: b"TT\x00\x00" + (len(body) + 1).to_bytes(2, "big") + b"\x01" + body, st.binary(max_size=8)
        ),
        st.just(b"TT\x00\x00\x00\x05\x01\x03\x02\x03\xe8"),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pieces)
async def test_whatever_is_sent_there_is_a_true_frame_or_disconnected(segments: list[bytes]) -> None:
    """Fuzz of the reply path over a real socket: no exception but ours, in bounded time."""
    async with asyncio.timeout(20), babbling(segments) as url:
        connector = plc(url, timeout=30 * MS)
        try:
            async with connector:
                for frame in await take(connector, 2):
                    assert frame.quality is not None or len(frame.ints) == 1
        except Disconnected as error:
            assert error.reason in (quality.BAD_COMMUNICATION, quality.BAD_TIMEOUT, quality.BAD_NOT_CONNECTED)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=600), st.booleans(), st.integers(1, 40))
def test_any_bytes_are_taken_in_bounded_time(data: bytes, rtu: bool, cut: int) -> None:
    """reliability.md 1.3, fault 5 (pymodbus#2698, #2856): garbage killed the protocol, or cost seconds of CPU."""

    async def feed() -> None:
        scheme = "rtuovertcp" if rtu else "tcp"
        exchanges, _ = lines._client(lines.line(f"{scheme}://127.0.0.1:1"), 1_000_000_000)
        exchanges.request_dev_id, exchanges.request_transaction_id = 1, 0 if rtu else 1
        for start in range(0, len(data), cut):
            exchanges.data_received(data[start : start + cut])
        assert len(exchanges.recv_buffer) <= lines.ROOM

    began = time.process_time()
    asyncio.run(feed())
    assert time.process_time() - began < 0.4
