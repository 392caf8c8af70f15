"""What a source promises while its device behaves: frames on time, stamped, and no more requests than needed."""

import asyncio
import time
from collections.abc import Awaitable

import pytest

from connectors.grid import Polls
from connectors.modbus import Modbus
from connectors.modbus.endpoint import Line, line
from tests.connectors.clock import START, StoppedClock
from tests.connectors.modbus.device import Asked, Device, Out, Twist, on_terminal, served
from tests.connectors.modbus.points import MS, PATIENT, codes, hurry, point, soon, source, take

HOLDING = {1: {"holding": {i: 100 + i for i in range(200)}, "input": {i: 900 + i for i in range(50)}}}


# -- frames ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("carrier", ["tcp", "rtuovertcp", "serial"])
async def test_a_poll_is_one_frame_over_every_carrier(carrier: str) -> None:
    device = Device(HOLDING)
    serving = on_terminal(device) if carrier == "serial" else served(device, rtu=carrier == "rtuovertcp")
    points = soon(point("holding:0"), point("holding:1", type="int32"), point("input:4"))
    async with serving as url, Modbus(source(url), points) as connector:
        frames = await take(connector, 3)
    assert [frame.ints.tolist() for frame in frames] == [[100, 101 << 16 | 102, 904]] * 3
    assert all(frame.quality is None and frame.live for frame in frames)
    assert device.reads[-2:] == [(1, 3, 0, 3), (1, 4, 4, 1)]
    assert not device.writes


async def test_a_frame_is_stamped_in_the_middle_of_its_exchange() -> None:
    """collectors.md 13: the time of gathering hides how long the answer took."""

    async def late(asked: Asked, frame: bytes, out: Out) -> None:
        await asyncio.sleep(0.06)
        out(frame)

    async with served(Device(HOLDING), twist=late) as url, Modbus(source(url), soon(point("holding:0"))) as connector:
        frames = connector.frames()
        before = time.time_ns()
        frame = await anext(frames)
        after = time.time_ns()
    assert 60 * MS <= frame.round_trip < after - before
    assert before + 29 * MS < frame.time < after - 29 * MS
    assert frame.source_times is None


async def test_groups_of_one_source_keep_their_intervals() -> None:
    points = [*soon(point("holding:0")), *soon(point("input:0"), every=60 * MS)]
    clock = StoppedClock()
    async with served(Device(HOLDING)) as url, Modbus(source(url), points, clock, START + 5 * MS) as connector:
        frames = connector.frames()
        polled = []
        for _ in range(9):
            frame = await anext(frames)
            polled.append((frame.layout.group, (clock.monotonic - START) // MS))
    fast, slow = "poll 0.02s 1", "poll 0.06s 1"
    assert polled == [
        *((fast, 5), (slow, 5), (fast, 25), (fast, 45), (fast, 65), (slow, 65), (fast, 85), (fast, 105), (fast, 125)),
    ]
    assert connector.polls == Polls(due=9, good=9)


async def test_a_slow_consumer_makes_no_queue() -> None:
    """collectors.md 11: frames are made when they are taken; what fell due meanwhile is missed, and counted."""
    device = Device(HOLDING)
    async with served(device) as url, Modbus(source(url), soon(point("holding:0"))) as connector:
        frames = connector.frames()
        began = time.monotonic_ns()
        await anext(frames)
        asked = len(device.asked)
        await asyncio.sleep(0.1)
        assert len(device.asked) == asked
        await anext(frames)
        took = time.monotonic_ns() - began
    assert len(device.asked) == asked + 1
    assert 4 <= connector.polls.missed <= took // (20 * MS)


async def test_waiting_costs_nothing() -> None:
    """collectors.md 20: poll loops that burnt a core while nothing was due."""
    points = [point(f"holding:{i}", every=3_600_000 * MS) for i in range(50)]
    async with served(Device(HOLDING)) as url, Modbus(source(url), points) as connector:
        frames = connector.frames()
        await anext(frames)
        waiting = asyncio.ensure_future(anext(frames))
        await asyncio.sleep(0.02)
        began = time.process_time()
        await asyncio.sleep(0.4)
        assert time.process_time() - began < 0.02
        waiting.cancel()


# -- the device --------------------------------------------------------------------------------------------------------
async def test_what_the_device_says_it_is() -> None:
    identity = {0: b"Acme", 1: b"M-7", 2: b"2.1", 4: b"Meter"}
    async with served(Device(HOLDING, identity)) as url, Modbus(source(url), soon(point("holding:0"))) as connector:
        assert connector.identity == {
            "VendorName": "Acme", "ProductCode": "M-7", "MajorMinorRevision": "2.1", "ProductName": "Meter",
        }  # fmt: skip
        assert connector.identities == {1: connector.identity}


def refused(asked: Asked, frame: bytes, out: Out) -> None:
    out(frame)


def closed(asked: Asked, frame: bytes, out: Out) -> None:
    out(b"" if asked.function == 43 else frame)


def silence(asked: Asked, frame: bytes, out: Out) -> None:
    if asked.function != 43:
        out(frame)


def deranged(asked: Asked, frame: bytes, out: Out) -> None:
    """As libmodbus does it: refused, and of no use from then on."""
    out(frame if asked.function == 43 or asked.connection > 1 or asked.number == 0 else b"")


@pytest.mark.parametrize("twist", [refused, closed, silence, deranged])
async def test_a_device_that_takes_identification_ill_is_read_all_the_same_and_never_asked_again(twist: Twist) -> None:
    device = Device(HOLDING, identity=None)

    def watched(asked: Asked, frame: bytes, out: Out) -> Awaitable[None] | None:
        """After the first request comes the question who it is, and only that may go without an answer."""
        hurry(connector, PATIENT if asked.number else 100 * MS)
        return twist(asked, frame, out)

    async with served(device, twist=watched) as url:
        for _ in range(3):
            connector = Modbus(source(url), soon(point("holding:0")))
            async with connector:
                assert connector.identity == {}
                assert (await take(connector, 1))[0].ints.tolist() == [100]
    assert sum(asked.function == 43 for asked in device.asked) == 1
    assert device.connections == 4  # one each, and a new one after the question


async def test_a_device_with_only_basic_identification() -> None:
    class Basic(Device):
        def answer(self, asked: Asked) -> bytes | None:
            return b"\xab\x03" if asked.pdu[:3] == b"\x2b\x0e\x02" else super().answer(asked)

    async with served(Basic(HOLDING, {0: b"Acme"})) as url, Modbus(source(url), soon(point("holding:0"))) as connector:
        assert connector.identity == {"VendorName": "Acme"}


async def test_identification_in_several_replies() -> None:
    class Long(Device):
        def answer(self, asked: Asked) -> bytes | None:
            if asked.function != 43:
                return super().answer(asked)
            first = asked.pdu[3]
            head = (43, 14, 2, 0x82, 0xFF, first + 1) if first < 2 else (43, 14, 2, 0x82, 0, 0)
            return bytes((*head, 1, first, 1, 65 + first))

    async with served(Long(HOLDING)) as url, Modbus(source(url), soon(point("holding:0"))) as connector:
        assert connector.identity == {"VendorName": "A", "ProductCode": "B", "MajorMinorRevision": "C"}


async def test_what_was_learned_of_a_device_outlives_the_connection_and_what_recovers_is_read_again() -> None:
    device = Device({1: {"holding": {0: 1, 1: 2, 3: 4}}})
    connector = Modbus(source(), soon(*(point(f"holding:{i}") for i in range(4))))
    async with served(device) as url:
        connector.source = source(url)
        for _ in range(2):
            async with connector:
                assert codes((await take(connector, 1))[0]) == ["Good", "Good", "BadNodeIdUnknown", "Good"]
        assert device.reads.count((1, 3, 0, 4)) == 2  # to see whether the unit answers, and the first poll
        device.units[1]["holding"][2] = 3
        async with connector:
            assert (await take(connector, 1))[0].ints.tolist() == [1, 2, 3, 4]


async def test_a_table_that_appears_is_read_once_it_is_there() -> None:
    device = Device({1: {"holding": {0: 1}}})
    points = soon(point("holding:0"), point("input:0"), point("input:1"))
    async with served(device) as url, Modbus(source(url), points) as connector:
        frames = connector.frames()
        assert codes(await anext(frames)) == ["Good", "BadNodeIdUnknown", "BadNodeIdUnknown"]
        device.units[1]["input"] = {0: 7, 1: 8}
        assert (await anext(frames)).ints.tolist() == [1, 7, 8]


async def test_a_block_that_was_refused_whole_is_taken_apart_again_at_the_next_connection() -> None:
    device = Device({1: {"holding": {0: 1}}})
    points = soon(point("holding:0"), point("input:0"), point("input:1"))
    async with served(device) as url:
        connector = Modbus(source(url), points)
        async with connector:
            await take(connector, 1)
        device.units[1]["input"] = {1: 8}
        async with connector:
            frames = connector.frames()
            assert codes(await anext(frames)) == ["Good", "BadNodeIdUnknown", "Good"]
            device.units[1]["input"] = {0: 7, 1: 8}
            assert (await anext(frames)).ints.tolist() == [1, 7, 8]


# -- addresses ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("tcp://plc", Line("plc", 502)),
        ("tcp://PLC:1502", Line("plc", 1502)),
        ("tcp://[::1]:502", Line("::1", 502)),
        ("rtuovertcp://10.0.0.7:4001", Line("10.0.0.7", 4001, rtu=True)),
        ("rtu:///dev/none0?baud=19200&parity=E&bits=7&stop=2", Line("/dev/none0", 0, True, 19200, "E", 7, 2)),
        ("rtu:///dev/none0", Line("/dev/none0", 0, True, 9600, "N", 8, 1)),
    ],
)
def test_urls(url: str, wanted: Line) -> None:
    assert line(url) == wanted


def test_one_character_takes_as_long_as_its_bits() -> None:
    assert line("rtu:///dev/none0?baud=10000&parity=E").character == 1_100_000  # 11 bits
    assert line("rtu:///dev/none0?baud=10000").character == 1_000_000
    assert line("tcp://plc").character == 0
