"""Modbus TCP: what a value costs, from a libmodbus server's socket to decoded frames with quality.

Fifty devices of a hundred registers, each with a source and a socket of its own. The client has one core to itself and
the server the other. Rates are noisy, CPU for each value is steady. Beside ours in the same run: plain pymodbus, which
ends at a list of registers, and Telegraf where it is built.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

import uvloop
from pymodbus.client import AsyncModbusTcpClient, ModbusTcpClient

from benchmarks._figure import Cost, Row, looped, pinned, telegraf, told, watched
from config.plant import SECOND, ModbusAddress, Point, Source
from connectors.modbus import connect
from tests.servers import provide
from tests.servers.libmodbus import LibModbus

DEVICES = 50
REGISTERS = 100
SPAN = 3.0  # seconds of each measurement
CPU_BAR = 0.5  # us a value, at most
RATE_BAR = 2.0  # million values a second, at least
WARM, LONG = 3.0, 6.0  # of Telegraf, and of its measurement
FLAT_OUT = 1  # [ns] as the interval: the next poll is due when the last one ends


# -- the three ---------------------------------------------------------------------------------------------------------
async def ours(ports: Sequence[int], every: int) -> Cost:
    """Frames, each of them looked at: all Good, and one step on from the last one, as the server counts its answers."""
    counts = [0] * len(ports)

    async def poll(index: int) -> None:
        source = Source("bench", "modbus", f"tcp://127.0.0.1:{ports[index]}", every=every, timeout=5 * SECOND)
        points = [
            Point("a", f"r{i}", "bench", ModbusAddress("holding", i), type="uint16", every=every)
            for i in range(REGISTERS)
        ]
        last = None
        async with connect(source, points) as connector, aclosing(connector.frames()) as frames:  # type: ignore[type-var]
            async for frame in frames:
                value = frame.ints.item(-1)
                if frame.quality is not None or last not in (None, (value - 1) % 65536):
                    raise RuntimeError("a value is missing")
                if not counts:
                    break
                last = value
                counts[index] += REGISTERS

    return await _measured([poll(index) for index in range(len(ports))], counts)


async def plain(ports: Sequence[int]) -> Cost:
    """pymodbus as its own documentation reads registers."""
    counts = [0] * len(ports)

    async def poll(index: int) -> None:
        async with AsyncModbusTcpClient("127.0.0.1", port=ports[index], timeout=5) as client:
            while counts:
                reply = await client.read_holding_registers(0, count=REGISTERS, device_id=1)
                if reply.isError() or len(reply.registers) != REGISTERS:
                    raise RuntimeError("a value is missing")
                if counts:
                    counts[index] += REGISTERS

    return await _measured([poll(index) for index in range(len(ports))], counts)


async def _measured(polls: Sequence[Awaitable[None]], counts: list[int]) -> Cost:
    """A poll ends by itself when `counts` is emptied: Python 3.11 may forget a cancellation in plain pymodbus."""
    tasks = [asyncio.ensure_future(poll) for poll in polls]
    await asyncio.sleep(0.5)
    cpu, wall, before = time.process_time(), time.perf_counter(), sum(counts)
    await asyncio.sleep(SPAN)
    while sum(counts) == before and not any(task.done() for task in tasks):  # a device that stands still for a moment
        await asyncio.sleep(0.01)
    cost = Cost.of(time.process_time() - cpu, time.perf_counter() - wall, sum(counts) - before)
    counts.clear()
    await asyncio.gather(*tasks)
    return cost


def telegrafs(ports: Sequence[int], interval: str, folder: Path) -> Cost | None:
    """Telegraf's modbus input, discarded; None where it is not built."""
    if provide.find("telegraf") is None:
        return None
    config = agent(interval, 5000) + "[[outputs.discard]]\n" + inputs(ports, REGISTERS)
    with telegraf(config, folder) as process:
        time.sleep(WARM)
        before = _answers(ports)
        cpu, wall = watched(process, LONG)
        after = _answers(ports)
    answers = sum((later - earlier - 1) % 65536 for earlier, later in zip(before, after, strict=True))
    return Cost.of(cpu, wall, answers * REGISTERS)


def agent(interval: str, batch: int, flush: str = "1s") -> str:
    return (
        f'[agent]\n  interval = "{interval}"\n  flush_interval = "{flush}"\n  omit_hostname = true\n'
        f"  metric_batch_size = {batch}\n  metric_buffer_limit = 200000\n"
    )


def inputs(ports: Sequence[int], registers: int) -> str:
    """One input a device, all its registers in one request."""
    fields = ",\n".join(f'      {{address={i}, name="r{i}", type="UINT16"}}' for i in range(registers))
    return "".join(
        f'[[inputs.modbus]]\n  name = "d{port}"\n  controller = "tcp://127.0.0.1:{port}"\n  timeout = "5s"\n'
        '  configuration_type = "request"\n  [[inputs.modbus.request]]\n    slave_id = 1\n    register = "holding"\n'
        f"    fields = [\n{fields}\n    ]\n"
        for port in ports
    )


def _answers(ports: Sequence[int]) -> list[int]:
    """How many requests each device has answered, as its registers say."""
    counted = []
    for port in ports:
        with ModbusTcpClient("127.0.0.1", port=port) as client:
            counted.append(client.read_holding_registers(0, count=1, device_id=1).registers[0])
    return counted


# -- the run -----------------------------------------------------------------------------------------------------------
def run() -> Iterator[Row]:
    """All figures; flat out the best of five, since others use the machine."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with LibModbus(folder / "server", devices=DEVICES, size=1000, step=True) as server, pinned(server.pid):
            ports = server.ports
            for name, factory in (("uvloop", uvloop.new_event_loop), ("asyncio", None)):
                costs = [looped(lambda: ours(ports, FLAT_OUT), factory) for _ in range(5)]
                best = min(costs, key=lambda cost: cost.cpu)
                bars = (CPU_BAR, RATE_BAR) if name == "uvloop" else (None, None)
                yield Row(f"flat out, {name}", best.cpu, "us CPU/value", bars[0], note=str(best))
                fastest = max(cost.rate for cost in costs)
                yield Row(f"flat out, {name}", fastest, "M values/s", bars[1], True)
                for interval in (10, 100):
                    cost = looped(lambda: ours(ports, interval * SECOND // 1000), factory)  # noqa: B023
                    yield Row(f"every {interval} ms, {name}", cost.cpu, "us CPU/value", note=str(cost))
            for name, factory in (("uvloop", uvloop.new_event_loop), ("asyncio", None)):
                cost = looped(lambda: plain(ports), factory)
                yield Row(f"flat out, plain pymodbus, {name}", cost.cpu, "us CPU/value", note=str(cost))
            for interval in (10, 100):
                found = telegrafs(ports, f"{interval}ms", folder)
                if found:
                    yield Row(f"every {interval} ms, telegraf", found.cpu, "us CPU/value", note=str(found))


if __name__ == "__main__":
    sys.exit(told(run, "libmodbus"))
