"""Devices that misbehave, over every carrier: what they send is never taken for what was asked, and costs only them."""

import asyncio
import contextlib
import itertools
import random
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from config.plant import ModbusAddress, Point
from connectors import quality
from connectors.base import Disconnected, Frame
from connectors.modbus import Modbus
from connectors.modbus import endpoint as lines
from connectors.modbus.plan import place
from tests.connectors.modbus.device import Asked, Device, Out, Twist, crc, framed, mbap, on_terminal, served
from tests.connectors.modbus.points import PATIENT, hurry, point, source
from tests.connectors.modbus.test_connector import MS, codes, soon, take

CARRIERS = ("tcp", "rtuovertcp", "serial")
UNITS = {unit: {"holding": {i: 1000 * unit + i for i in range(20)}} for unit in (1, 2, 3)}


def on(carrier: str, device: Device, twist: Twist | None = None) -> AbstractAsyncContextManager[str]:
    if carrier == "serial":
        return on_terminal(device, twist)
    return served(device, carrier == "rtuovertcp", twist)


def plc(url: str, unit: int = 1, timeout: int = PATIENT, address: int = 0) -> Modbus:
    return Modbus(source(url, unit=unit, timeout=timeout), soon(point(f"holding:{address}", unit=unit)))


async def lost(connector: Modbus) -> Disconnected:
    """Connects and polls until it is Disconnected; whatever it says before must be true."""
    with pytest.raises(Disconnected) as caught:
        async with asyncio.timeout(60), connector:
            async for frame in connector.frames():
                assert frame.ints.tolist() == [1000]
    return caught.value


# -- nobody there ------------------------------------------------------------------------------------------------------
async def test_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        error = await lost(plc(f"tcp://{address}"))
    assert str(error) == f"{address}: Connection refused"
    assert error.reason == quality.BAD_NOT_CONNECTED


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("rtu:///dev/gemba-none0", "No such file"),
        ("tcp://no-such-host.invalid", "no-such-host.invalid"),
        ("tcp://" + "x" * 300, "xxx"),
    ],
)
async def test_what_cannot_be_opened_says_why(url: str, words: str) -> None:
    error = await lost(plc(url))
    assert words in str(error)


async def test_all_who_wait_for_a_dead_endpoint_share_one_attempt() -> None:
    """collectors.md 4: thirty units behind a dead gateway do not wait thirty deadlines."""
    with socket.socket() as listener:  # accepts nothing once its backlog is full
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        filling = [socket.socket() for _ in range(4)]
        for each in filling:
            each.setblocking(False)
            each.connect_ex(address)
        await asyncio.sleep(0.05)
        url = f"tcp://127.0.0.1:{address[1]}"
        async with asyncio.timeout(5):  # 0.3 s, and not 30 times as much
            errors = await asyncio.gather(*(lost(plc(url, unit, 300 * MS)) for unit in range(1, 31)))
        assert {error.reason for error in errors} == {quality.BAD_NOT_CONNECTED}
        for each in filling:
            each.close()


async def test_a_lost_source_stays_lost_until_it_is_entered_again() -> None:
    """collectors.md 1: library and program both reconnected, and flooded the server with sessions."""
    device = Device(UNITS)
    async with served(device) as url:
        connector = plc(url)
        async with connector:
            await take(connector, 1)
    port = int(url.rpartition(":")[2])
    assert (await lost(connector)).reason == quality.BAD_NOT_CONNECTED
    again = Device(UNITS)
    async with served(again, port=port):
        await asyncio.sleep(0.3)
        assert again.connections == 0
        async with connector:
            await take(connector, 1)
        assert again.connections == 1


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_silence_is_disconnected_at_the_deadline(carrier: str) -> None:
    """collectors.md 2: connected, but no data."""
    device = Device(UNITS)
    async with on(carrier, device) as url:
        connector = plc(url)
        with pytest.raises(Disconnected, match=r"no answer of unit 1 within 0\.25") as caught:
            async with connector:
                async for _ in connector.frames():
                    device.silent.add(1)
                    hurry(connector, 250 * MS)
                    began = time.monotonic()
        assert time.monotonic() - began >= 0.25
        assert caught.value.reason == quality.BAD_TIMEOUT
        assert connector.polls.bad == {"BadTimeout": 1}
        device.silent.clear()
        hurry(connector, PATIENT)
        async with connector:
            assert (await take(connector, 1))[0].ints.tolist() == [1000]


async def test_lost_in_the_middle_of_a_poll_is_noticed_at_once() -> None:
    def reset(asked: Asked, frame: bytes, out: Out) -> None:
        out(b"" if asked.number >= 3 else frame)

    async with served(Device(UNITS), twist=reset) as url:
        connector = plc(url)
        error = await lost(connector)
    assert error.reason == quality.BAD_NOT_CONNECTED  # and no deadline
    assert connector.polls.good == 1


async def test_the_kernel_watches_the_connection_too() -> None:
    """reliability.md 1.3, fault 3: a deadline on each request, TCP_USER_TIMEOUT, and keepalive."""
    async with served(Device(UNITS)) as url, plc(url, timeout=10_000 * MS) as connector:
        exchanges = connector._endpoint._exchanges  # type: ignore[union-attr]
        kernel = exchanges.transport.get_extra_info("socket")  # type: ignore[union-attr]
        assert kernel.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        assert kernel.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


# -- late --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_slow_device_is_polled_without_overlap(carrier: str) -> None:
    """reliability.md 1.3, fault 2: no overlapping polls, skipped slots counted."""
    under_way, most = [0], [0]

    async def slow(asked: Asked, frame: bytes, out: Out) -> None:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        await asyncio.sleep(0.15 * (asked.function == 3))
        under_way[0] -= 1
        out(frame)

    async with on(carrier, Device(UNITS), slow) as url, plc(url) as connector:
        frames = await take(connector, 3)
    assert [frame.ints.tolist() for frame in frames] == [[1000]] * 3
    assert most == [1]
    assert connector.polls.missed >= 14  # of 20 ms each, in two polls of 150 ms
    assert connector.polls.due == connector.polls.missed + connector.polls.good


class Counting(Device):
    """Every register holds the number of the request that reads it, so that a stale answer shows."""

    def answer(self, asked: Asked) -> bytes | None:
        if asked.function != 3:
            return super().answer(asked)
        return bytes((3, 2 * asked.count)) + struct.pack(">H", asked.number % 1000 + 1000 * asked.unit) * asked.count


def later(seconds: float, out: Out, frame: bytes) -> None:
    """Sent so much later or never: a device that stood still itself would be later than any deadline allows for."""
    loop = asyncio.get_running_loop()
    due = loop.time() + seconds
    loop.call_later(seconds, lambda: out(frame) if loop.time() < due + 0.02 else None)


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("lateness", [0.09, 0.15])
async def test_a_late_answer_is_never_taken_for_the_next_one(carrier: str, lateness: float) -> None:
    """collectors.md 5: a stale reply taken as current, after an exchange that was given up.

    Unit 1 answers one in seven late; unit 2 shares its line. A source is entered again at once, which is the hardest
    case: the agent would wait longer.
    """
    device = Counting({1: {}, 2: {}})
    chance = random.Random(7)

    lates: list[Asked] = []

    def late(asked: Asked, frame: bytes, out: Out) -> None:
        if asked.unit == 1 and chance.random() < 1 / 7:
            lates.append(asked)
            later(lateness, out, frame)
        else:
            out(frame)

    async with on(carrier, device, late) as url:
        kept: dict[int, list[Frame]] = {1: [], 2: []}

        def enough() -> bool:
            return len(kept[1]) >= 4 and len(kept[2]) >= 8 and len(lates) >= 3

        async def run(unit: int, address: int) -> None:
            connector = plc(url, unit, 80 * MS if unit == 1 else PATIENT, address)
            while not enough():
                try:
                    async with connector:
                        frames = connector.frames()
                        while not enough():
                            before = len(device.asked)
                            frame = await anext(frames)
                            value = frame.ints.tolist()[0]
                            assert value // 1000 == unit
                            assert value % 1000 >= before % 1000, "older than its own request"
                            kept[unit].append(frame)
                except Disconnected as error:
                    assert unit == 1, str(error)

        async with asyncio.timeout(60):
            await asyncio.gather(run(1, 0), run(2, 5))


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_late_answer_does_not_outlive_the_connection(carrier: str) -> None:
    """collectors.md 5, of a unit that has its line to itself: the answer comes when it is connected to anew."""
    device = Counting({1: {}})
    lateness = [0.0]

    def late(asked: Asked, frame: bytes, out: Out) -> None:
        if lateness[0]:
            later(lateness[0], out, frame)
        else:
            out(frame)

    async with on(carrier, device, late) as url:
        connector = plc(url)
        with pytest.raises(Disconnected):
            async with connector:
                async for frame in connector.frames():
                    assert frame.ints.tolist()[0] // 1000 == 1
                    hurry(connector, 80 * MS)
                    lateness[0] = 0.09
        lateness[0] = 0.0
        hurry(connector, PATIENT)
        async with connector:
            async with asyncio.timeout(60):
                frames = connector.frames()
                for _ in range(3):
                    before = len(device.asked)
                    assert (await anext(frames)).ints.tolist() == [1000 + before]


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_late_answer_that_came_while_we_stood_still_is_not_the_next_one(carrier: str) -> None:
    """The machine of the agent may stand still until a late answer has come, and the time for it is over."""
    device = Counting({1: {}})
    loop, armed = asyncio.get_running_loop(), [False]

    def late(asked: Asked, frame: bytes, out: Out) -> None:
        def arrive() -> None:
            out(frame)
            time.sleep(0.05)

        if armed[0]:
            armed[0] = False
            loop.call_later(0.085, time.sleep, 0.2)
            loop.call_later(0.09, arrive)
        else:
            out(frame)

    async with on(carrier, device, late) as url, plc(url, address=5) as other, plc(url) as hasty:
        frames = other.frames()
        await anext(frames)
        hurry(hasty, 80 * MS)
        armed[0] = True
        with pytest.raises(Disconnected):
            await take(hasty, 1)
        before = len(device.asked)
        assert (await anext(frames)).ints.tolist() == [1000 + before]


async def test_a_silent_unit_costs_rtu_over_tcp_a_new_socket_and_modbus_tcp_nothing() -> None:
    """An answer without a transaction id that is still on its way must have no way in."""
    for carrier, connections in (("tcp", 1), ("rtuovertcp", 2)):
        device = Device(UNITS, silent={1})
        async with on(carrier, device) as url, plc(url, 2) as healthy:
            await lost(plc(url, 1, 80 * MS))
            assert (await take(healthy, 1))[0].ints.tolist() == [2000]
        assert device.connections == connections


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_silent_unit_holds_up_the_others_for_no_more_than_its_deadline(carrier: str) -> None:
    """collectors.md 4 (pymodbus#1654): never close the shared bus for one silent unit."""
    device = Device(UNITS, silent={1})
    async with on(carrier, device) as url, plc(url, 2) as healthy:

        async def poll() -> None:
            async for frame in healthy.frames():
                assert frame.ints.tolist() == [2000]

        polling = asyncio.ensure_future(poll())
        for _ in range(3):
            assert (await lost(plc(url, 1, 150 * MS))).reason == quality.BAD_TIMEOUT
            await asyncio.sleep(0.03)
        assert not polling.done()
        polling.cancel()
    units = [asked.unit for asked in device.asked]
    assert units.count(1) == 3
    assert (1, 1) not in itertools.pairwise(units)  # whoever waited is next
    if carrier == "tcp":
        assert device.connections == 1


async def test_a_connection_on_which_nobody_answers_is_opened_anew() -> None:
    """A gateway whose session hangs, while a source that is seldom polled keeps the shared connection in use."""
    device = Device(UNITS)

    def stuck(asked: Asked, frame: bytes, out: Out) -> None:
        if asked.connection > 1 or asked.number < 2:
            out(frame)

    hourly = soon(point("holding:0", unit=3), every=3_600_000 * MS)
    async with served(device, twist=stuck) as url, Modbus(source(url, unit=3), hourly) as seldom:
        for unit in (1, 2, 1):
            assert (await lost(plc(url, unit, 80 * MS))).reason == quality.BAD_TIMEOUT
            assert device.connections == 1
        async with plc(url, 1) as connector:
            assert (await take(connector, 1))[0].ints.tolist() == [1000]
        assert (await take(seldom, 1))[0].ints.tolist() == [3000]
    assert device.connections == 2


async def test_two_silent_units_among_healthy_ones_are_no_reason_to_open_it_anew() -> None:
    """collectors.md 4: never close the shared bus for a silent unit."""
    device = Device(UNITS, silent={1, 2})
    async with served(device) as url, plc(url, 3) as healthy:
        for unit in (1, 2, 1, 2, 1, 2):
            await lost(plc(url, unit, 80 * MS))
            assert (await take(healthy, 1))[0].ints.tolist() == [3000]
    assert device.connections == 1


async def test_one_silent_unit_is_no_reason_to_open_it_anew_however_often_it_is_asked() -> None:
    """pymodbus would close the connection after the fourth answer that did not come."""
    device = Device(UNITS, silent={1})
    hourly = soon(point("holding:0", unit=3), every=3_600_000 * MS)
    async with served(device) as url, Modbus(source(url, unit=3), hourly) as seldom:
        for _ in range(6):
            await lost(plc(url, 1, 40 * MS))
        assert (await take(seldom, 1))[0].ints.tolist() == [3000]
    assert device.connections == 1


async def test_after_garbage_the_others_go_on_over_a_new_socket() -> None:
    def garbage(asked: Asked, frame: bytes, out: Out) -> None:
        out(b"\x00" * 40 if asked.unit == 1 else frame)

    device = Device(UNITS)
    async with served(device, twist=garbage) as url, plc(url, 2) as healthy:
        async with asyncio.timeout(60):
            while (await lost(plc(url, 1, 80 * MS))).reason != quality.BAD_COMMUNICATION:
                pass  # it came too late to be looked at
        assert (await take(healthy, 2))[1].ints.tolist() == [2000]
    assert device.connections == 2


# -- wrong -------------------------------------------------------------------------------------------------------------
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


async def test_a_gateway_that_speaks_for_a_silent_unit() -> None:
    """Exceptions 10 and 11: the gateway answers, the unit does not."""
    async with served(Device(UNITS)) as url:
        with pytest.raises(Disconnected, match="the gateway says of unit 9: exception 11") as caught:
            await plc(url, 9).__aenter__()
    assert caught.value.reason == quality.BAD_TIMEOUT


@pytest.mark.parametrize(
    ("code", "name"), [(1, "BadNotReadable"), (4, "BadDeviceFailure"), (6, "BadOutOfService"), (99, "Bad")]
)
async def test_an_exception_is_data(code: int, name: str) -> None:
    def refuse(asked: Asked, frame: bytes, out: Out) -> None:
        out(frame if asked.address != 2 else mbap(asked.tid, asked.unit, bytes((0x83, code))))

    points = soon(point("holding:0"), point("holding:2"))
    async with served(Device(UNITS), twist=refuse) as url, Modbus(source(url), points) as connector:
        assert codes((await take(connector, 1))[0]) == ["Good", name]
    assert connector.polls.good == 1


# -- cancelled ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("carrier", CARRIERS)
async def test_an_exchange_that_was_cancelled_leaves_nothing_for_the_next_one(carrier: str) -> None:
    """collectors.md 5 (pymodbus#538): transaction ids off by one after cancelled waits."""
    device = Counting({1: {}, 2: {}})
    slow_ones: list[Asked] = []

    def slow(asked: Asked, frame: bytes, out: Out) -> None:
        if asked.unit == 1 and device.reads.count((1, 3, 0, 1)) == 3:
            slow_ones.append(asked)
            later(0.06, out, frame)
        else:
            asyncio.get_running_loop().call_later(0.02 * (asked.unit == 1), out, frame)

    async with on(carrier, device, slow) as url, plc(url, 2) as neighbour:
        async with plc(url, 1) as connector:
            frames = connector.frames()
            await anext(frames)
            hurry(connector, 400 * MS)  # so long may the answer be late
            waiting = asyncio.ensure_future(anext(frames))
            while not slow_ones:
                await asyncio.sleep(0.001)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        async with plc(url, 1) as connector:
            for each, unit in ((connector, 1), (neighbour, 2)):
                frames = each.frames()
                for _ in range(3):
                    before = len(device.asked)
                    assert (await anext(frames)).ints.tolist() == [1000 * unit + before]


async def test_a_cancellation_at_the_moment_of_the_reply_is_not_forgotten() -> None:
    """wait_for of Python 3.11 returns the reply then, and the agent would never stop."""
    async with served(Device(UNITS)) as url, plc(url) as connector:
        await take(connector, 1)
        endpoint = connector._endpoint
        assert endpoint is not None
        assert endpoint._exchanges is not None

        def cancel(sending: bool, pdu: ModbusPDU) -> ModbusPDU:
            if not sending:
                polling.cancel()
            return pdu

        endpoint._exchanges.trace_pdu = cancel
        polling = asyncio.ensure_future(take(connector, 1000))
        await asyncio.wait([polling], timeout=60)
        assert polling.cancelled()


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


def test_the_library_never_reconnects_or_repeats() -> None:
    """collectors.md 1: one owner of reconnection."""

    async def built() -> tuple[int, float | None]:
        exchanges, _ = lines._client(lines.line("tcp://127.0.0.1:1"), 1_000_000_000)
        return exchanges.retries, exchanges.comm_params.reconnect_delay

    assert asyncio.run(built()) == (0, 0)
    assert AsyncModbusTcpClient.__init__.__kwdefaults__["retries"] == 3  # so it must be said
