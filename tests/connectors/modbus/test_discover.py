"""gemba discover modbus: what it writes checks and reads, as it stands."""

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import connectors.modbus.discover as module
import gemba.commands.discover as discover_command
from config.plant import Plant
from connectors.base import Disconnected
from connectors.found import Findings
from gemba.cli import main
from tests.connectors.modbus.device import Device, served
from tests.connectors.modbus.points import PATIENT, source

PLANT = Plant("case", "case", ZoneInfo("UTC"), Path(), Path("plant.yaml"), "")
UNITS = {
    1: {"holding": {**{i: 100 + i for i in range(5)}, **{i: 200 + i for i in range(12, 15)}}, "input": {3: 7}},
    3: {"holding": {0: 9}, "coil": {4: 1}},
}


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 1_000_000)
    for name in ("connectors.modbus", "connectors.modbus.plan", "connectors.modbus.discover"):
        monkeypatch.setattr(sys.modules[name], "DEADLINE", PATIENT)


async def found(device: Device, units: range, registers: range = range(20)) -> Findings:
    async with served(device) as url:
        return await module.discover(source(url), PLANT, units=units, registers=registers)


async def test_every_register_that_can_be_read_is_found() -> None:
    findings = await found(Device(UNITS, {0: b"Acme", 1: b"M-7"}), range(1, 2))
    assert [(f.asset, f.point, f.at, f.shown) for f in findings.found] == [
        *(("unit-1", f"holding-{i}", f"holding:{i}", str(100 + i)) for i in range(5)),
        *(("unit-1", f"holding-{i}", f"holding:{i}", str(200 + i)) for i in range(12, 15)),
        ("unit-1", "input-3", "input:3", "7"),
    ]
    assert findings.identity == {"VendorName": "Acme", "ProductCode": "M-7"}
    assert findings.left_out == (
        "unit 1, holding: 5-11 cannot be read",
        "unit 1, holding: 15-19 cannot be read",
        "unit 1, input: 0-2 cannot be read",
        "unit 1, input: 4-19 cannot be read",
    )


async def test_a_table_that_is_there_costs_one_request() -> None:
    device = Device({1: {"holding": dict.fromkeys(range(300), 5), "input": dict.fromkeys(range(300), 6)}})
    findings = await found(device, range(1, 2), range(300))
    assert len(findings.found) == 600
    assert device.reads == [(1, f, start, count) for f in (3, 4) for start, count in ((0, 125), (125, 125), (250, 50))]


async def test_bits_are_found_where_somebody_asks() -> None:
    """Coils in one request for the lot; what stands alone among discrete inputs is found one by one."""
    coils = {i: i % 3 == 0 for i in range(2010)}
    device = Device(
        {1: {"holding": {0: 5}, "coil": {i: int(on) for i, on in coils.items()}, "discrete": {9: 1, 12: 0}}}
    )
    async with served(device) as url:
        of = source(url)
        findings = await module.discover(of, PLANT, registers=range(1), bits=range(2010))
        assert not [f for f in (await module.discover(of, PLANT, registers=range(1))).found if "coil" in f.at]
    told = {f.at: f.shown for f in findings.found}
    assert [told.pop(f"coil:{i}") for i in range(2010)] == [str(int(on)) for on in coils.values()]
    assert told == {"holding:0": "5", "discrete:9": "1", "discrete:12": "0"}
    assert (1, 1, 0, 2000) in device.reads
    assert (1, 1, 2000, 10) in device.reads


class Hasty(module._Search):
    """Gives up unit 2 at once, and all others never."""

    async def _read(self, unit: int, table: str, first: int, count: int) -> tuple[int, ...] | int:
        self._deadline = 50_000_000 if unit == 2 else PATIENT
        return await super()._read(unit, table, first, count)


async def test_units_that_are_not_there_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_Search", Hasty)
    findings = await found(Device(UNITS, silent={2}), range(1, 5), range(1))
    assert {f.device for f in findings.found} == {1, 3}
    assert findings.identity["unit 3 VendorName"] == "Gemba"
    assert "unit 2: no answer" in findings.left_out
    assert "unit 4: the gateway answers for it with exception 11" in findings.left_out


async def test_where_nobody_answers_it_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_Search", Hasty)
    with pytest.raises(Disconnected, match="no answer of unit 2"):
        await found(Device(UNITS, silent={2}), range(2, 3))


async def test_a_device_that_refuses_the_function_is_not_asked_register_by_register() -> None:
    class Deaf(Device):
        def answer(self, asked: object) -> bytes | None:
            return bytes((asked.function | 0x80, 1))  # type: ignore[attr-defined]

    device = Deaf(UNITS)
    findings = await found(device, range(1, 2))
    assert findings.left_out[0] == "unit 1, holding: function 3 is answered with exception 1"
    assert len(device.reads) == 2


@contextmanager
def elsewhere(device: Device) -> Iterator[str]:
    """The device in a thread of its own, since a command has the loop to itself; yields host and port."""
    ready, stop = threading.Event(), asyncio.Event()
    place: list[str] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with served(device) as url:
            place.append(url.removeprefix("tcp://"))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(10)
        yield place[0]
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(10)


def test_discover_paste_check_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said: Callable[[], str] = lambda: capsys.readouterr().out  # noqa: E731
    device = Device(UNITS, {0: b"Acme"})
    with elsewhere(device) as place:
        assert main(["discover", "modbus", place, "--units", "1-3", "--registers", "0-19", "--bits", "0-9"]) == 0
        plant = tmp_path / "plant.yaml"
        plant.write_text(said())
        assert main(["check", str(plant)]) == 0
        said()
        assert main(["read", str(plant), "--json"]) == 0
        rows = {(row["asset"], row["point"]): row for row in json.loads(said())["rows"]}
        assert {key: row["value"] for key, row in rows.items()} == {
            **{("unit-1", f"holding-{i}"): 100 + i for i in range(5)},
            **{("unit-1", f"holding-{i}"): 200 + i for i in range(12, 15)},
            ("unit-1", "input-3"): 7,
            ("unit-3", "holding-0"): 9,
            ("unit-3", "coil-4"): 1,
        }
        assert {row["quality"] for row in rows.values()} == {"Good"}
        assert main(["discover", "modbus", place, "--units", "1-3", "--registers", "0-19", "--into", str(plant)]) == 0
        assert "assets:" not in said()
    assert not device.writes


@pytest.mark.parametrize(
    ("target", "zone"),
    [
        ("/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin  # this machine's: is it the plant's?"),
        ("/usr/share/zoneinfo/UTC", "Asia/Shanghai  # a guess: is it the plant's?"),
        (None, "Asia/Shanghai  # a guess: is it the plant's?"),
    ],
)
def test_the_time_zone_of_a_machine_is_not_passed_for_the_plants(
    target: str | None, zone: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "localtime"
    if target is not None:
        link.symlink_to(target)
    monkeypatch.setattr(discover_command, "LOCALTIME", link)
    with elsewhere(Device(UNITS)) as place:
        assert main(["discover", "modbus", place, "--registers", "0-1"]) == 0
    assert f"\ntimezone: {zone}; days and shifts are told by it\n" in capsys.readouterr().out


def test_what_a_wider_point_reads_already_is_not_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with elsewhere(Device(UNITS)) as place:
        plant = tmp_path / "plant.yaml"
        plant.write_text(
            f'plant: case\ntimezone: Asia/Shanghai\ndata: ./data\nsources: {{plc: {{protocol: modbus, url: "tcp://{place}"}}}}\n'
            'assets: {a: {source: plc, points: {total: {at: "holding:1", type: float64}}}}\n'
        )
        assert main(["discover", str(plant), "--source", "plc", "--registers", "0-4", "--into", str(plant)]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if " at:" in line]
    assert [line.split(":")[0] for line in lines] == ['"holding-0"', '"input-3"']


def test_a_source_of_a_plant_file_is_asked_for_its_own_unit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with elsewhere(Device(UNITS)) as place:
        plant = tmp_path / "plant.yaml"
        plant.write_text(
            "plant: case\ntimezone: Asia/Shanghai\ndata: ./data\n"
            f'sources: {{plc: {{protocol: modbus, unit: 3, url: "tcp://{place}"}}}}\n'
            'assets: {a: {source: plc, points: {total: {at: "holding:1"}}}}\n'
        )
        assert main(["discover", str(plant), "--source", "plc", "--registers", "0-4"]) == 0
    shown = capsys.readouterr().out
    assert '"unit-3":' in shown and '"holding:0"' in shown and '"unit-1":' not in shown
