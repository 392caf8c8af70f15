"""Points for tests that need no plant file, written as its addresses are."""

from typing import Any

from config.plant import ModbusAddress, Point, Source

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
    """Waits 0.2 s for an answer unless told."""
    return Source("plc", "modbus", url, **{"timeout": 200_000_000, **more})


def point(at: str, name: str | None = None, unit: int = 1, asset: str = "a", **more: Any) -> Point:
    table, _, rest = at.partition(":")
    address, _, bit = rest.partition(".")
    where = ModbusAddress(table, int(address), int(bit) if bit else None, unit)  # type: ignore[arg-type]
    return Point(asset, name or at, "plc", where, **more)
