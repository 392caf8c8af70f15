"""Points for tests that need no plant file, written as its addresses are, and what a connector makes of them."""

from dataclasses import replace
from typing import Any

import numpy as np

from config.plant import ModbusAddress, Point, Source
from connectors import quality
from connectors.base import Frame
from connectors.modbus import Modbus

MS = 1_000_000
PATIENT = 30_000_000_000
"""The deadline of whatever is to go well: a machine that stands still for a second is no fault of the device."""

TYPES = {
    "int16": 1,
    "uint16": 1,
    "int32": 2,
    "uint32": 2,
    "float32": 2,
    "int64": 4,
    "uint64": 4,
    "float64": 4,
}


def source(url: str = "tcp://127.0.0.1:1", **more: Any) -> Source:
    return Source("plc", "modbus", url, **{"timeout": PATIENT, **more})


def hurry(connector: Modbus, deadline: int, unit: int | None = None) -> None:
    """From here on it gives up sooner (or later again), or one unit of its does."""
    connector.source = replace(connector.source, timeout=deadline)
    for poller in connector._pollers:
        if unit in (None, poller.group.unit):
            poller.group = replace(poller.group, deadline=deadline)


def point(at: str, name: str | None = None, unit: int = 1, asset: str = "a", **more: Any) -> Point:
    table, _, rest = at.partition(":")
    address, _, bit = rest.partition(".")
    where = ModbusAddress(table, int(address), int(bit) if bit else None, unit)  # type: ignore[arg-type]
    return Point(asset, name or at, "plc", where, **more)


def soon(*points: Point, every: int = 20 * MS) -> list[Point]:
    return [point(p.name, unit=p.at.unit, every=every, type=p.type) for p in points]  # type: ignore[union-attr]


async def take(connector: Modbus, count: int) -> list[Frame]:
    frames = connector.frames()
    return [await anext(frames) for _ in range(count)]


def codes(frame: Frame) -> list[str]:
    got = np.zeros(len(frame.layout.columns), np.uint32) if frame.quality is None else frame.quality
    return [quality.name(code) for code in got.tolist()]
