"""Answers that come late or never, over every carrier: none is taken for another, and the line goes on."""

import asyncio
import itertools
import random
import select
import time

import pytest

from connectors import quality
from connectors.base import Disconnected, Frame
from connectors.modbus import Modbus
from tests.connectors.modbus.carriers import CARRIERS, UNITS, Counting, later, lost, on, plc
from tests.connectors.modbus.device import Asked, Device, Out, served
from tests.connectors.modbus.points import MS, PATIENT, hurry, point, soon, source, take


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


async def test_a_late_answer_that_came_while_we_stood_still_is_not_the_next_one() -> None:
    """The machine of the agent may stand still until a late answer has come, and the time for it is over."""
    device, holding = Counting({1: {}}), False
    held: list[tuple[Out, bytes]] = []

    def late(asked: Asked, frame: bytes, out: Out) -> None:
        if holding:
            held.append((out, frame))
        else:
            out(frame)

    async with on("serial", device, late) as url, plc(url, address=5) as other, plc(url) as hasty:
        await take(other, 1)
        hurry(hasty, 80 * MS)
        holding = True
        with pytest.raises(Disconnected):
            await take(hasty, 1)
        while not held:
            await asyncio.sleep(0.001)
        holding = False
        out, frame = held.pop()
        out(frame)
        select.select([hasty._endpoint._exchanges.transport.sync_serial], [], [], 60)  # type: ignore[union-attr]
        time.sleep(0.1)
        before = len(device.asked)
        assert (await take(other, 1))[0].ints.tolist() == [1000 + before]


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
