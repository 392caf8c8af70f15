"""Units and sources that share one line: one request at a time, and a fault is the fault of whoever has it."""

import asyncio
import time
from itertools import pairwise

import pytest
import serial

from connectors import quality
from connectors.base import Disconnected
from connectors.modbus import Modbus
from tests.connectors.clock import START, StoppedClock
from tests.connectors.modbus.carriers import UNITS
from tests.connectors.modbus.device import Asked, Device, Out, on_terminal, served
from tests.connectors.modbus.points import MS, PATIENT, codes, hurry, point, soon, source, take


async def test_sources_with_one_url_share_its_connection_and_only_one_request_is_under_way() -> None:
    """collectors.md 6: overlapping requests on a serial gateway. One lock for each physical endpoint."""
    under_way: list[int] = []
    most = 0

    async def counting(asked: Asked, frame: bytes, out: Out) -> None:
        nonlocal most
        under_way.append(1)
        most = max(most, len(under_way))
        await asyncio.sleep(0.002)
        under_way.pop()
        out(frame)

    device = Device(UNITS)
    async with served(device, twist=counting) as url:

        async def run(unit: int) -> list[list[int]]:
            async with Modbus(source(url, unit=unit), soon(point("holding:0", unit=unit))) as connector:
                return [frame.ints.tolist() for frame in await take(connector, 5)]

        assert await asyncio.gather(*(run(unit) for unit in (1, 2, 3))) == [[[1000]] * 5, [[2000]] * 5, [[3000]] * 5]
    assert device.connections == 1
    assert most == 1


async def test_the_last_source_closes_the_connection() -> None:
    """collectors.md 1: sessions that nobody closes."""
    device = Device(UNITS)
    async with served(device) as url:
        first, second = (Modbus(source(url, unit=u), soon(point("holding:0", unit=u))) for u in (1, 2))
        async with first:
            async with second:
                pass
            assert (await take(first, 1))[0].ints.tolist() == [1000]
        async with second:
            assert (await take(second, 1))[0].ints.tolist() == [2000]
    assert device.connections == 2


async def test_a_pause_is_kept_between_requests_on_the_line() -> None:
    device = Device(UNITS)
    times: list[float] = []

    def note(asked: Asked, frame: bytes, out: Out) -> None:
        times.append(time.monotonic())
        out(frame)

    async with served(device, twist=note) as url:
        points = soon(point("holding:0"), point("holding:2"), point("holding:4"))
        async with Modbus(source(url, pause=20 * MS), points) as connector:
            await take(connector, 2)
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.019


async def test_a_silent_unit_among_others_of_its_source_is_data_and_rests() -> None:
    """collectors.md 4: one dead device slows all."""
    device = Device(UNITS, silent={2})
    points = [p for unit in (1, 2, 3) for p in soon(point("holding:0", unit=unit))]
    async with served(device) as url, Modbus(source(url), points, StoppedClock()) as connector:
        hurry(connector, 100 * MS, unit=2)
        frames = await take(connector, 30)
        seen = {unit: [f for f in frames if f.layout.group.endswith(str(unit))] for unit in (1, 2, 3)}
        assert {tuple(codes(frame)) for frame in seen[2]} == {("BadTimeout",)}
        assert not any(frame.live for frame in seen[2])
        assert [frame.ints.tolist() for frame in seen[1] + seen[3]] == [[1000]] * len(seen[1]) + [[3000]] * len(seen[3])
        assert sum(asked.unit == 2 for asked in device.asked) == 1
        assert device.connections == 1


async def test_a_unit_that_comes_back_is_read_again() -> None:
    device = Device(UNITS, silent={2})
    points = [p for unit in (1, 2) for p in soon(point("holding:0", unit=unit))]
    clock = StoppedClock()
    async with served(device) as url, Modbus(source(url), points, clock) as connector:
        frames = connector.frames()
        assert codes(await anext(frames)) == ["Good"]
        hurry(connector, 50 * MS, unit=2)
        assert codes(await anext(frames)) == ["BadTimeout"]
        hurry(connector, PATIENT)
        device.silent.clear()
        while codes(frame := await anext(frames)) != ["Good"] or "2" not in frame.layout.group.split()[-1]:
            assert clock.monotonic - START <= 1000 * MS
        assert frame.ints.tolist() == [2000]
        assert clock.monotonic - START == 1000 * MS  # it rested for a second
        device.silent.add(1)
        hurry(connector, 50 * MS, unit=1)
        assert {f.ints.tolist()[0] for f in [await anext(frames) for _ in range(6)] if f.quality is None} == {2000}


async def test_each_unit_of_a_source_says_what_it_is() -> None:
    points = [p for unit in (1, 2, 3) for p in soon(point("holding:0", unit=unit))]
    async with served(Device(UNITS)) as url, Modbus(source(url, unit=2), points) as connector:
        assert connector.identity == {"VendorName": "Gemba", "ProductCode": "Device", "MajorMinorRevision": "1.0"}
        assert list(connector.identities) == [2]
        await take(connector, 3)
        assert sorted(connector.identities) == [1, 2, 3]


async def test_a_lost_connection_is_no_silent_unit() -> None:
    def close(asked: Asked, frame: bytes, out: Out) -> None:
        out(b"" if asked.number > 6 and asked.unit == 2 else frame)

    points = [p for unit in (1, 2) for p in soon(point("holding:0", unit=unit))]
    async with served(Device(UNITS), twist=close) as url, Modbus(source(url), points) as connector:
        with pytest.raises(Disconnected) as caught:
            await take(connector, 20)
    assert caught.value.reason == quality.BAD_NOT_CONNECTED


async def test_a_source_of_which_no_unit_answers_is_disconnected() -> None:
    device = Device(UNITS, silent={1, 2})
    points = [p for unit in (1, 2) for p in soon(point("holding:0", unit=unit))]
    async with served(device) as url, Modbus(source(url, unit=3), soon(point("holding:0", unit=3))):  # it is connected
        with pytest.raises(Disconnected, match=r"no answer of unit 2 within 0\.05 s") as caught:
            await Modbus(source(url, timeout=50 * MS), points).__aenter__()
    assert caught.value.reason == quality.BAD_TIMEOUT


async def test_a_source_without_points_waits() -> None:
    async with served(Device(UNITS)) as url, Modbus(source(url), []) as connector:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(connector.frames()), 0.05)


async def test_a_serial_line_that_another_program_has_open() -> None:
    async with on_terminal(Device(UNITS)) as url:
        held = serial.Serial(url.removeprefix("rtu://").partition("?")[0], exclusive=True)
        with held, pytest.raises(Disconnected, match="another program has this line open"):
            async with Modbus(source(url), soon(point("holding:0"))):
                pass
