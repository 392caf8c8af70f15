"""Devices that misbehave, over every carrier: what they send is never taken for what was asked, and costs only them."""

import asyncio
import socket
import time

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from connectors import quality
from connectors.base import Disconnected
from connectors.modbus import Modbus
from connectors.modbus import endpoint as lines
from tests.connectors.modbus.carriers import CARRIERS, UNITS, Counting, later, lost, on, plc
from tests.connectors.modbus.device import Asked, Device, Out, mbap, served
from tests.connectors.modbus.points import MS, PATIENT, codes, hurry, point, soon, source, take


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


def test_the_library_never_reconnects_or_repeats() -> None:
    """collectors.md 1: one owner of reconnection."""

    async def built() -> tuple[int, float | None]:
        exchanges, _ = lines._client(lines.line("tcp://127.0.0.1:1"), 1_000_000_000)
        return exchanges.retries, exchanges.comm_params.reconnect_delay

    assert asyncio.run(built()) == (0, 0)
    assert AsyncModbusTcpClient.__init__.__kwdefaults__["retries"] == 3  # so it must be said


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
