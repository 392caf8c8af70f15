"""The register from CSV and XLSX, with English and with Chinese headings and words."""

import builtins
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from config.cursor import Reject
from config.devices import Device
from config.faults import Fault
from config.register import read

ENGLISH = """id,name,workshop,line,process,class,control,key,key_process,in_scope,reason,from,until
press-01,Press 1,a,stamping,stamping,production,native,yes,yes,yes,,2024-03-01,
agv-01,"AGV, small",b,,,logistics,retrofit,no,no,,,,2026-06-30
pump-01,Pump,b,,,auxiliary,none,,,,cooling,,
"""
CHINESE = """编号,名称,车间,产线,工序,类别,控制方式,关键设备,关键工序,计入,说明,启用,停用
press-01,Press 1,a,stamping,stamping,生产,数控,是,是,是,,2024-03-01,
agv-01,"AGV, small",b,,,物流,改造,否,否,,,,2026-06-30
pump-01,Pump,b,,,辅助,无,,,,cooling,,
"""
DEVICES = (
    Device(
        id="press-01",
        row=2,
        name="Press 1",
        workshop="a",
        line="stamping",
        process="stamping",
        kind="production",
        control="native",
        key=True,
        key_process=True,
        in_scope=True,
        since=date(2024, 3, 1),
    ),
    Device(
        id="agv-01",
        row=3,
        name="AGV, small",
        workshop="b",
        kind="logistics",
        control="retrofit",
        until=date(2026, 6, 30),
    ),
    Device(
        id="pump-01",
        row=4,
        name="Pump",
        workshop="b",
        kind="auxiliary",
        control="none",
        in_scope=False,
        reason="cooling",
    ),
)


def devices(file: Path) -> tuple[Device, ...]:
    faults: list[Fault] = []
    warnings: list[Fault] = []
    register = read(file, faults, warnings)
    assert faults == warnings == []
    assert register is not None
    assert register.sha256 == sha256(file.read_bytes()).hexdigest()
    return register.devices


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["english", "chinese"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["unix", "windows"])
def test_csv(tmp_path: Path, text: str, encoding: str, ends: str) -> None:
    file = tmp_path / "register.csv"
    file.write_bytes(text.replace("\n", ends).encode(encoding))
    assert devices(file) == DEVICES


def workbook(file: Path, rows: list[list[Any]]) -> Path:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file


def test_xlsx_with_dates_numbers_and_truth_as_cells(tmp_path: Path) -> None:
    file = workbook(
        tmp_path / "register.xlsx",
        [
            ["编号", "名称", "关键设备", "启用"],
            [101, "Press", True, datetime(2024, 3, 1)],  # noqa: DTZ001
            [None, None, None, None],
            ["102", None, "否", "2024-03-02"],
        ],
    )
    assert devices(file) == (
        Device(id="101", row=2, name="Press", key=True, since=date(2024, 3, 1)),
        Device(id="102", row=4, since=date(2024, 3, 2)),
    )


def test_columns_after_the_id_may_be_absent(tmp_path: Path) -> None:
    file = tmp_path / "register.csv"
    file.write_text("id\na\n\nb\n", encoding="utf-8")
    assert devices(file) == (Device(id="a", row=2), Device(id="b", row=4))


def test_rows_of_one_device_follow_one_another_in_time(tmp_path: Path) -> None:
    file = tmp_path / "register.csv"
    file.write_text(
        "id,workshop,control,from,until\n"
        "mill,b,native,2026-09-16,\npress,a,native,,\nmill,a,none,,2026-03-31\nmill,a,retrofit,2026-04-01,2026-09-15\n"
    )
    found = devices(file)
    assert [(device.id, device.row, device.control) for device in found] == [
        ("mill", 4, "none"),
        ("mill", 5, "retrofit"),
        ("mill", 2, "native"),
        ("press", 3, "native"),
    ]


@pytest.mark.parametrize("written", ["2024-03-01", "2024/3/1", "2024.03.01"])
def test_dates_as_spreadsheets_save_them(tmp_path: Path, written: str) -> None:
    file = tmp_path / "register.csv"
    file.write_text(f"id,from\na,{written}\n", encoding="utf-8")
    assert devices(file)[0].since == date(2024, 3, 1)


def test_a_quoted_line_end_does_not_shift_the_rows_after_it(tmp_path: Path) -> None:
    file = tmp_path / "register.csv"
    file.write_text('id,name\na,"two\nlines"\nb,c\n', encoding="utf-8")
    assert [device.row for device in devices(file)] == [2, 4]


def test_without_openpyxl_the_fault_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = workbook(tmp_path / "register.xlsx", [["id"], ["a"]])
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "openpyxl":
            raise ImportError
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(Reject) as raised:
        read(file, [], [])
    assert (raised.value.what, raised.value.do) == (
        "reading XLSX needs openpyxl",
        "run pip install '.[forms]' in Gemba's folder, or save it as CSV UTF-8",
    )
