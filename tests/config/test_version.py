"""A plant file travels with its register and its working days, and is the same plant where it arrives."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from config.faults import PlantError
from config.load import load
from config.version import plant_of, version

PLANT = """
plant: wuxi-02
timezone: Asia/Shanghai
data: ./data
register: lists/register.csv
calendar: {shifts: [{start: "08:00", end: "20:00", days: mon-fri}], workdays: {file: workdays.csv}}
sources:
  plc: {protocol: modbus, url: "tcp://192.168.10.11"}
  broker: {protocol: mqtt, url: "mqtts://192.168.10.2", security: {user: gemba, password: {file: mqtt.pw}}}
assets:
  press-01:
    ideal_cycle: 2.4s
    points: {state: {source: plc, at: "holding:0", states: {0: idle, 1: running}}}
"""
REGISTER = "编号,车间\npress-01,一车间\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "register.csv").write_bytes(b"\xef\xbb\xbf" + REGISTER.encode())
    (tmp_path / "workdays.csv").write_text("2026-10-10,yes\n")
    (tmp_path / "mqtt.pw").write_text("open sesame")
    (tmp_path / "mqtt.pw").chmod(0o600)
    (tmp_path / "plant.yaml").write_text(PLANT, encoding="utf-8")
    return tmp_path / "plant.yaml"


def test_it_arrives_as_the_same_plant(file: Path) -> None:
    made = load(file)
    told = json.loads(json.dumps(version(made)))
    for path in (file, file.parent / "lists" / "register.csv", file.parent / "workdays.csv"):
        path.unlink()
    arrived = plant_of(told)
    assert arrived.register is not None
    assert [(row.id, row.workshop) for row in arrived.register.devices] == [("press-01", "一车间")]
    assert arrived.calendar.workdays == {date(2026, 10, 10): True}
    assert replace(arrived, warnings=made.warnings) == made


def test_what_comes_with_the_program_does_not_travel(file: Path) -> None:
    """In a new process, where it is read with the first plant: a plant is the same, however many were read before."""
    words = (
        "import pathlib, sys, config.load as of; print([len(of.load(pathlib.Path(sys.argv[1])).files) for _ in '12'])"
    )
    told = subprocess.run([sys.executable, "-P", "-c", words, str(file)], check=True, capture_output=True, text=True)
    assert told.stdout == "[3, 3]\n"  # the plant file, its register and its workdays


def test_no_secret_travels(file: Path) -> None:
    told = json.dumps(version(load(file)))
    assert "mqtt.pw" in told
    assert "open sesame" not in told


def test_secrets_are_not_looked_for_where_it_arrives(file: Path) -> None:
    told = version(load(file))
    (file.parent / "mqtt.pw").chmod(0o644)
    assert plant_of(told).id == "wuxi-02"
    with pytest.raises(PlantError, match="everybody may read"):
        load(file)


def test_a_workbook_travels_too(file: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("register", 0)
    for row in (["id", "line"], ["press-01", "stamping"]):
        sheet.append(row)
    book.save(file.parent / "register.xlsx")
    file.write_text(PLANT.replace("lists/register.csv", "register.xlsx"), encoding="utf-8")
    told = json.loads(json.dumps(version(load(file))))
    (file.parent / "register.xlsx").unlink()
    assert plant_of(told).line_of("press-01") == "stamping"


def test_a_large_one_fits_into_a_field(file: Path) -> None:
    file.write_text(PLANT + "# as large as thousands of machines\n" * 40_000, encoding="utf-8")
    made = load(file)
    told = json.dumps(version(made))
    assert len(told) < 2**20 < len(made.files[str(file)])
    assert plant_of(json.loads(told)) == made


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"text": "plant: [\n"}, "not YAML"),
        ({"files": {}}, "the register cannot be read"),
        ({"files": None}, "not a plant version"),
        ({"text": {"zlib": "AAAA"}}, "not a plant version"),
        ({"text": PLANT.replace("ideal_cycle", "ideal")}, "ideal"),
    ],
)
def test_what_cannot_be_understood_is_told(file: Path, change: dict[str, object], what: str) -> None:
    with pytest.raises(PlantError, match=what):
        plant_of({**version(load(file)), **change})
