"""Against implementations that share nothing with pymodbus or with us, and over a cable that is pulled."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import uvloop
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from connectors import quality
from connectors.base import Disconnected
from connectors.modbus import Modbus
from tests.connectors.modbus.device import Device, on_terminal, served, terminal
from tests.connectors.modbus.points import MS, PATIENT, codes, hurry, point, soon, source, take
from tests.servers.libmodbus import LibModbus, coil, holding
from tests.servers.mbpoll import mbpoll

REQUESTS = 70_000  # more than there are transaction ids


# -- libmodbus ---------------------------------------------------------------------------------------------------------
async def test_libmodbus_serves_all_four_tables(libmodbus: LibModbus) -> None:
    points = [
        *(point(f"holding:{i}", every=20 * MS) for i in range(300, 500)),
        *(point(f"input:{i}", every=20 * MS) for i in range(5)),
        *(point(f"coil:{i}", every=20 * MS) for i in range(100)),
        *(point(f"discrete:{i}", every=20 * MS) for i in range(3, 30)),
    ]
    async with Modbus(source(libmodbus.url), points) as connector:
        (frame,) = await take(connector, 1)
        assert connector.identity == {}  # it refuses 43/14
    got = {column.point: value for column, value in zip(frame.layout.columns, frame.ints.tolist(), strict=True)}
    wanted = {f"holding:{i}": holding(1, i) for i in range(300, 500)}
    wanted |= {f"input:{i}": 65535 - holding(1, i) for i in range(5)}
    wanted |= {f"coil:{i}": int(coil(1, i)) for i in range(100)}
    wanted |= {f"discrete:{i}": int(not coil(1, i)) for i in range(3, 30)}
    assert got == wanted
    assert libmodbus.writes == []


@pytest.mark.server("libmodbus")
async def test_libmodbus_with_a_hole_and_units_that_are_not_there(tmp_path: Path) -> None:
    with LibModbus(tmp_path, units=(1, 2), hole=(10, 11), silent=(3,)) as server:
        points = [point(f"holding:{i}", unit=unit, every=20 * MS) for unit in (1, 2, 9) for i in range(8, 16)]
        async with Modbus(source(server.url), points) as connector:
            frames = await take(connector, 6)
            with pytest.raises(Disconnected, match="no answer of unit 3"):
                await Modbus(source(server.url, unit=3, timeout=50 * MS), soon(point("holding:0", unit=3))).__aenter__()
        for unit, frame in zip((1, 2, 9), frames[:3], strict=True):
            bad = {8 + n: code for n, code in enumerate(codes(frame)) if code != "Good"}
            assert bad == (
                {10: "BadNodeIdUnknown", 11: "BadNodeIdUnknown"}
                if unit != 9
                else dict.fromkeys(range(8, 16), "BadTimeout")
            )
        assert server.writes == []


@pytest.mark.server("libmodbus")
async def test_a_server_that_hangs_with_its_socket_open_and_one_that_dies(tmp_path: Path) -> None:
    """reliability.md 1.3, faults 1, 4 and 7."""
    with LibModbus(tmp_path) as server:
        connector = Modbus(source(server.url), soon(point("holding:7")))
        for harm, heal, deadline, reason in (
            (server.suspend, server.resume, 200 * MS, quality.BAD_TIMEOUT),
            (server.kill, server.start, PATIENT, quality.BAD_NOT_CONNECTED),
        ):
            with pytest.raises(Disconnected) as caught:
                async with connector:
                    assert (await take(connector, 1))[0].ints.tolist() == [holding(1, 7)]
                    harm()
                    hurry(connector, deadline)
                    await take(connector, 5)
            assert caught.value.reason == reason
            hurry(connector, PATIENT)
            await asyncio.to_thread(heal)
            async with connector:
                assert (await take(connector, 1))[0].ints.tolist() == [holding(1, 7)]


@pytest.mark.server("libmodbus")
def test_no_foreign_value_past_the_wrap_of_transaction_ids(tmp_path: Path) -> None:
    """reliability.md 1.3, fault 6 (pymodbus#2173): another device's reply after 65,536 requests on one connection."""

    async def run(url: str, unit: int, count: int) -> int:
        points = [replace(p, every=1) for p in soon(*(point(f"holding:{i}", unit=unit) for i in range(4)))]
        wanted = np.array([holding(unit, i) for i in range(4)])
        foreign = 0
        async with Modbus(source(url, unit=unit), points) as connector:
            async for frame in connector.frames():
                foreign += frame.quality is not None or not np.array_equal(frame.ints, wanted)
                count -= 1
                if not count:
                    break
        return foreign

    async def both(url: str) -> list[int]:
        return await asyncio.gather(*(run(url, unit, REQUESTS // 2) for unit in (1, 2)))

    with LibModbus(tmp_path, units=(1, 2)) as server:
        assert uvloop.run(both(server.url)) == [0, 0]


@pytest.mark.server("mbpoll")
async def test_the_device_of_these_tests_is_read_by_mbpoll() -> None:
    device = Device({7: {"holding": {30: 7030, 31: 65535}, "coil": dict.fromkeys(range(9), 1)}})
    async with served(device) as url:
        port = int(url.rpartition(":")[2])
        assert await asyncio.to_thread(mbpoll, port, "holding", 30, 2, 7) == [7030, 65535]
        assert await asyncio.to_thread(mbpoll, port, "coil", 0, 9, 7) == [1] * 9
        with pytest.raises(RuntimeError, match="Illegal data address"):
            await asyncio.to_thread(mbpoll, port, "holding", 29, 2, 7)


# -- a serial line -----------------------------------------------------------------------------------------------------
async def test_pymodbus_at_the_other_end_of_a_serial_line() -> None:
    """Two pseudo terminals with a wire between them: both ends are pyserial's."""
    with terminal() as (left, near), terminal() as (right, far):
        loop = asyncio.get_running_loop()
        loop.add_reader(left, lambda: os.write(right, os.read(left, 300)))
        loop.add_reader(right, lambda: os.write(left, os.read(right, 300)))
        cells = [
            SimData(0, values=[3.25, -1.5], datatype=DataType.FLOAT32),
            SimData(4, values=[9], datatype=DataType.REGISTERS),
        ]
        server = ModbusSerialServer([SimDevice(5, simdata=cells)], port=far, baudrate=19200)
        await server.serve_forever(background=True)
        url = f"rtu://{near}?baud=19200&parity=N"
        points = [
            point("holding:0", "a", 5, type="float32", every=50 * MS),
            point("holding:2", "b", 5, type="float32", every=50 * MS),
            point("holding:4", "c", 5, every=50 * MS),
        ]
        async with Modbus(source(url, unit=5), points) as connector:
            for frame in await take(connector, 3):
                assert (frame.floats.tolist(), frame.ints.tolist()) == ([3.25, -1.5], [9])
                assert frame.quality is None
        await server.shutdown()
        loop.remove_reader(left)
        loop.remove_reader(right)


async def test_a_serial_device_that_is_unplugged() -> None:
    device = Device({1: {"holding": {0: 1}}})
    with pytest.raises(Disconnected) as caught:
        async with on_terminal(device) as url:
            connector = await Modbus(source(url), soon(point("holding:0"))).__aenter__()
        hurry(connector, 200 * MS)
        await take(connector, 3)
    assert caught.value.reason in (quality.BAD_NOT_CONNECTED, quality.BAD_TIMEOUT)
    await connector.__aexit__(None, None, None)
    with pytest.raises(Disconnected, match="No such file"):
        await connector.__aenter__()


# -- a cable -----------------------------------------------------------------------------------------------------------
def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def far_away() -> Iterator[tuple[str, str]]:
    """A device in a network of its own, at the other end of a cable; yields its address and our end of the cable."""
    tag = os.getpid() % 10000
    space, ours, theirs = f"gemba-{tag}", f"gma{tag}", f"gmb{tag}"
    net = f"10.{200 + tag % 50}.{tag // 50 % 250}"
    script = (
        "import asyncio\n"
        "from tests.connectors.modbus.device import Device, served\n"
        "async def main():\n"
        f"    async with served(Device({{1: {{'holding': {{0: 4711}}}}}}), port=1502, host='{net}.2'):\n"
        "        print('ready', flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    _ip("netns", "add", space)
    try:
        _ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", space)
        _ip("addr", "add", f"{net}.1/24", "dev", ours)
        _ip("link", "set", ours, "up")
        _ip("-n", space, "addr", "add", f"{net}.2/24", "dev", theirs)
        _ip("-n", space, "link", "set", theirs, "up")
        command = ["ip", "netns", "exec", space, sys.executable, "-c", script]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as process:
            assert process.stdout is not None
            try:
                assert process.stdout.readline() == b"ready\n"
                yield f"tcp://{net}.2:1502", ours
            finally:
                process.kill()
    finally:
        _ip("netns", "delete", space)
        subprocess.run(["ip", "link", "delete", ours], check=False, capture_output=True)


@pytest.mark.privilege("netns")
async def test_a_cable_that_is_pulled_and_put_back() -> None:
    """reliability.md 1.3, fault 3: half-open TCP. Noticed within the deadline; a new socket when the cable is back."""
    with far_away() as (url, cable):
        points = soon(point("holding:0"), every=100 * MS)
        connector = Modbus(source(url), points)
        with pytest.raises(Disconnected) as caught:
            async with connector:
                assert (await take(connector, 1))[0].ints.tolist() == [4711]
                _ip("link", "set", cable, "down")
                hurry(connector, 300 * MS)
                await take(connector, 3)
        assert caught.value.reason == quality.BAD_TIMEOUT
        with pytest.raises(Disconnected):
            await connector.__aenter__()
        _ip("link", "set", cable, "up")
        hurry(connector, PATIENT)
        async with asyncio.timeout(60):
            while True:  # the link needs a moment
                try:
                    async with connector:
                        assert (await take(connector, 1))[0].ints.tolist() == [4711]
                    break
                except Disconnected:
                    await asyncio.sleep(0.05)
