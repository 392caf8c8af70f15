"""tests/cases/modbus: each folder is a plant file with what its device holds, and the values that must come of it.

The device is once the tests' own and once pymodbus's simulator, except where `device:` gives it a trait of its own.
`requests` are those of the first poll, `later` those of the second (by default the same).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.faults import PlantError
from config.load import load
from connectors import quality
from connectors.modbus import connect
from connectors.modbus.plan import FUNCTIONS
from tests.connectors.modbus.device import Device, served
from tests.connectors.modbus.points import PATIENT

CASES = Path(__file__).parents[2] / "cases" / "modbus"
FOLDERS = sorted(folder for folder in CASES.iterdir() if folder.is_dir())
WRONG = [folder for folder in FOLDERS if (folder / "error.txt").exists()]
RIGHT = [folder for folder in FOLDERS if folder not in WRONG]
Units = dict[int, dict[str, dict[int, int]]]


def expected(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "expected.yaml").read_text())  # type: ignore[no-any-return]


def units(folder: Path) -> Units:
    written = yaml.safe_load((folder / "registers.yaml").read_text())
    return {
        unit: {
            table: {start + i: value for start, values in runs.items() for i, value in enumerate(values)}
            for table, runs in tables.items()
        }
        for unit, tables in written.items()
    }


@asynccontextmanager
async def simulator(device: Device) -> AsyncIterator[str]:
    """pymodbus's own server, with the same tables; what is asked of it is noted in `device`."""

    def blocks(unit: int, table: str) -> list[SimData]:
        cells = device.units[unit].get(table)
        if table in ("coil", "discrete"):  # pymodbus knows them in sixteens
            start = min(cells) if cells else 0
            bits = [bool((cells or {}).get(i)) for i in range(start, max(cells or {15: 0}) + 1)]
            return [SimData(start, values=bits + [False] * (-len(bits) % 16), datatype=DataType.BITS)]
        cells = cells or {40000: 0}
        return [SimData(address, values=value, datatype=DataType.REGISTERS) for address, value in sorted(cells.items())]

    simulated = [
        SimDevice(unit, simdata=tuple(blocks(unit, table) for table in ("coil", "discrete", "holding", "input")))
        for unit in device.units
    ]
    server = ModbusTcpServer(simulated, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        yield f"tcp://127.0.0.1:{server.transport.sockets[0].getsockname()[1]}"
    finally:
        await server.shutdown()


async def polled(folder: Path, url: str, device: Device) -> list[tuple[dict[str, Any], dict[str, str], list[str]]]:
    """Values, qualities and requests of two polls of every group."""
    plant = load(folder / "plant.yaml")
    source = replace(plant.sources["plc"], url=url, timeout=PATIENT)
    names = {unit: name for name, unit in FUNCTIONS.items()}
    polls = []
    points = [replace(point, every=50_000_000) for point in plant.points()]
    async with connect(source, points, plant) as connector:
        frames = connector.frames()
        for _ in range(2):
            device.asked.clear()
            values: dict[str, Any] = {}
            qualities: dict[str, str] = {}
            for _ in connector.layouts:
                frame = await anext(frames)
                found = [*frame.floats.tolist(), *frame.ints.tolist(), *frame.texts]
                codes = [0] * len(found) if frame.quality is None else frame.quality.tolist()
                for column, value, code in zip(frame.layout.columns, found, codes, strict=True):
                    name = column.point if len(plant.assets) == 1 else f"{column.asset}.{column.point}"
                    (qualities if code else values)[name] = quality.name(code) if code else value
            asked = [f"{unit} {names[function]} {start} {count}" for unit, function, start, count in device.reads]
            polls.append((values, qualities, asked))
    return polls


@pytest.mark.parametrize("folder", RIGHT, ids=lambda folder: folder.name)
async def test_what_the_device_holds_is_what_the_plant_file_says(folder: Path) -> None:
    wanted = expected(folder)
    device = Device(units(folder), **wanted.get("device", {}))
    async with served(device) as url:
        first, second = await polled(folder, url, device)
    assert first == (wanted["values"], wanted.get("qualities", {}), wanted["requests"])
    assert second == (wanted["values"], wanted.get("qualities", {}), wanted.get("later", wanted["requests"]))


@pytest.mark.parametrize("folder", [f for f in RIGHT if "device" not in expected(f)], ids=lambda folder: folder.name)
async def test_pymodbus_simulating_the_device_makes_no_difference(folder: Path) -> None:
    wanted = expected(folder)
    device = Device(units(folder))
    async with simulator(device) as url:
        for values, qualities, _ in await polled(folder, url, device):
            assert (values, qualities) == (wanted["values"], wanted.get("qualities", {}))


@pytest.mark.parametrize("folder", WRONG, ids=lambda folder: folder.name)
def test_what_cannot_be_is_a_fault_of_the_plant_file(folder: Path) -> None:
    with pytest.raises(PlantError) as caught:
        load(folder / "plant.yaml")
    told = [str(fault).replace(str(folder) + "/", "") for fault in caught.value.faults]
    for line in (folder / "error.txt").read_text().splitlines():
        assert any(fault.startswith(line) for fault in told), told


def test_every_case_is_run() -> None:
    assert len(RIGHT) >= 12
    assert len(WRONG) >= 3
