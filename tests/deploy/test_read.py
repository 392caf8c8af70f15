"""What `gemba read` shows of a reading that the plant file gives no name to: the reading, as it was on the wire."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gemba.cli import main
from tests.connectors.modbus.device import Device
from tests.connectors.modbus.test_discover import elsewhere

JAM = {20: 0x4A41, 21: 0x4D00}  # "JAM"
LONG = {30 + i: 0x4142 for i in range(30)}  # "AB" thirty times
REGISTERS = {0: 7, 1: 2, 2: 9, 3: 1, 4: 153, 5: 153, **JAM, **LONG}
PLANT = """plant: read-01
timezone: UTC
data: ./data
sources: {plc: {protocol: modbus, url: "tcp://PLACE", timeout: 10s}}
assets:
  odd:
    source: plc
    points: {state: {at: "holding:0", states: {2: running}}, mode: {at: "holding:2", modes: {1: manual}}}
  even:
    source: plc
    points: {state: {at: "holding:1", states: {2: running}}, mode: {at: "holding:3", modes: {1: manual}}}
  text: {source: plc, points: {state: {at: "holding:20", type: string, length: 2, states: {RUN: running}}}}
  long: {source: plc, points: {state: {at: "holding:30", type: string, length: 30, states: {RUN: running}}}}
  tank: {source: plc, points: {level: {at: "holding:4", scale: 0.1}, count: {at: "holding:5"}, gone: {at: "holding:9"}}}
"""


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[str]:
    file = tmp_path / "plant.yaml"
    with elsewhere(Device({1: {"holding": REGISTERS}})) as place:
        file.write_text(PLANT.replace("PLACE", place), encoding="utf-8")
        yield str(file)


def test_a_table_shows_the_reading_that_has_no_name(plant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", plant, "--lang", "en"]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    shown = {tuple(line.split()[:2]): line.split("  ") for line in lines}
    assert {key: [cell.strip() for cell in cells if cell][2] for key, cells in shown.items()} == {
        ("odd", "state"): "unknown (7)",
        ("odd", "mode"): "unknown (9)",
        ("even", "state"): "running",
        ("even", "mode"): "manual",
        ("text", "state"): "unknown ('JAM')",
        ("long", "state"): f"unknown ('{10 * 'AB'}'…)",
        ("tank", "level"): "15.3",
        ("tank", "count"): "153",
        ("tank", "gone"): "—",
    }


def test_json_has_the_reading_where_the_value_is_another(plant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", plant, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    same = {"asset", "point", "source", "value", "quality", "round_trip_ms"}
    assert all(set(row) - {"reading"} == same for row in rows)
    assert {(row["asset"], row["point"]): (row["value"], row.get("reading", "none")) for row in rows} == {
        ("odd", "state"): ("unknown", 7),
        ("odd", "mode"): ("unknown", 9),
        ("even", "state"): ("running", 2),
        ("even", "mode"): ("manual", 1),
        ("text", "state"): ("unknown", "JAM"),
        ("long", "state"): ("unknown", 30 * "AB"),
        ("tank", "level"): (15.3, 153),
        ("tank", "count"): (153, "none"),
        ("tank", "gone"): (None, "none"),
    }
