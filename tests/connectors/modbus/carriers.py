"""A device that misbehaves over every carrier, and a connector of one of its points."""

import asyncio
import struct
from contextlib import AbstractAsyncContextManager

import pytest

from connectors.base import Disconnected
from connectors.modbus import Modbus
from tests.connectors.modbus.device import Asked, Device, Out, Twist, on_terminal, served
from tests.connectors.modbus.points import PATIENT, point, soon, source

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
