"""The equipment register: one row a device, from CSV or XLSX, with English or Chinese headings and words."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

from config.cursor import Reject
from config.devices import Device, Register
from config.faults import Fault
from config.files import content

HEADINGS = {
    "id": "编号",
    "name": "名称",
    "workshop": "车间",
    "line": "产线",
    "process": "工序",
    "class": "类别",
    "control": "控制方式",
    "key": "关键设备",
    "key_process": "关键工序",
    "in_scope": "计入",
    "reason": "说明",
    "from": "启用",
    "until": "停用",
}
CLASSES = {"production": "生产", "inspection": "检测", "logistics": "物流", "auxiliary": "辅助"}
CONTROLS = {"native": "数控", "retrofit": "改造", "meter": "仅计量", "none": "无"}
IN_SCOPE = ("production", "inspection", "logistics")
_ANSWERS = {"yes": True, "no": False, "是": True, "否": False}
_TEXTS = ("name", "workshop", "line", "process", "reason")

_DATE = r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})"  # as it is typed, and as spreadsheets save it

Row = tuple[int, Sequence[Any]]


@dataclass(slots=True)
class _Reading:
    file: str
    faults: list[Fault]
    warnings: list[Fault]

    def fault(self, row: int, where: str, what: str, do: str, got: str | None = None) -> None:
        self.faults.append(Fault(self.file, row, where or f"row {row}", what, got, do))


def yes_or_no(word: str) -> bool | None:
    return _ANSWERS.get(word.strip().lower())


def read(file: Path, faults: list[Fault], warnings: list[Fault]) -> Register | None:
    """The register, what is wrong with its rows noted; None without a column of ids.

    Raises Reject for a file that is no table.
    """
    try:
        read = content(file)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise Reject(
            f"the register cannot be read: {why}", "mend the path, or write one with `gemba register`"
        ) from None
    rows = _sheet(read) if file.suffix.lower() == ".xlsx" else _table(read)
    filled = [(number, cells) for number, cells in rows if any(_text(cell) for cell in cells)]
    if not filled:
        raise Reject("the register is empty", "write a row of headings, beginning with id or 编号")
    devices = _devices(_Reading(str(file), faults, warnings), filled[0], filled[1:])
    return None if devices is None else Register(file, sha256(read).hexdigest(), tuple(devices))


def _table(read: bytes) -> list[Row]:
    try:
        text = read.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Reject("the register is not UTF-8 text", "save it as CSV UTF-8, or as XLSX") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    try:
        line = 1
        for cells in reader:
            rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error:
        raise Reject(f"the register is no CSV from line {reader.line_num} on", "mend the quotes") from None
    return rows


def _sheet(read: bytes) -> list[Row]:
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise Reject(
            "reading XLSX needs openpyxl", "run pip install '.[forms]' in Gemba's folder, or save it as CSV UTF-8"
        ) from None
    try:
        book = load_workbook(io.BytesIO(read), read_only=True, data_only=True)
        return [(number, row) for number, row in enumerate(book.worksheets[0].iter_rows(values_only=True), 1)]
    except Exception as error:  # openpyxl raises whatever its parsers raise on a file that is none
        raise Reject(
            f"the register is no XLSX workbook: {type(error).__name__}", "save it again as XLSX or CSV"
        ) from None


# -- rows --------------------------------------------------------------------------------------------------------------
def _devices(reading: _Reading, headings: Row, rows: Sequence[Row]) -> list[Device] | None:
    columns = _columns(reading, *headings)
    if "id" not in columns:
        reading.fault(headings[0], "", "the register has no column `id` (编号)", "write its headings in the first row")
        return None
    devices: dict[str, list[Device]] = {}
    for number, cells in rows:
        values = {key: cells[i] for key, i in columns.items() if i < len(cells) and _text(cells[i])}
        device = _device(reading, number, values)
        if any(_text(cell) for cell in cells[len(headings[1]) :]):
            reading.fault(number, "", "more cells than headings", "mend the commas, or quote the cell", str(len(cells)))
        if device is None:
            continue
        known = devices.setdefault(device.id, [])
        if first := next((other for other in known if _meet(device, other)), None):
            do = "give each its own" + ", or dates that do not meet" * any(d.since or d.until for d in (device, first))
            reading.fault(number, device.id, f"the id stands twice, first in row {first.row}", do)
        known.append(device)
    return [device for rows in devices.values() for device in sorted(rows, key=lambda row: row.since or date.min)]


def _meet(one: Device, other: Device) -> bool:
    """Whether two rows of one id count on the same date; a retrofit ends one row and begins the next."""
    return (one.since or date.min) <= (other.until or date.max) and (other.since or date.min) <= (one.until or date.max)


def _columns(reading: _Reading, number: int, headings: Sequence[Any]) -> dict[str, int]:
    known = {**{key: key for key in HEADINGS}, **{chinese: key for key, chinese in HEADINGS.items()}}
    columns: dict[str, int] = {}
    for i, heading in enumerate(headings):
        written = _text(heading)
        key = known.get(written.lower())
        if key is None:
            if written:
                _unknown(reading, number, written, known)
        elif key in columns:
            reading.fault(number, "", "the heading stands twice", "keep one of them", written)
        else:
            columns[key] = i
    return columns


def _unknown(reading: _Reading, number: int, written: str, known: Iterable[str]) -> None:
    """A misspelt heading is a fault; a column that is the plant's own is left alone, and said."""
    if near := get_close_matches(written.lower(), known, 1):
        reading.fault(number, "", "unknown heading", f"did you mean `{near[0]}`?", written)
    else:
        names = f"{', '.join(HEADINGS)}, or {'、'.join(HEADINGS.values())}"
        reading.warnings.append(
            Fault(reading.file, number, f"row {number}", "the column is not read", written, f"known: {names}")
        )


def _device(reading: _Reading, number: int, values: Mapping[str, Any]) -> Device | None:
    if "id" not in values:
        reading.fault(number, "", "the row has no id", "give the device an id")
        return None
    called = _text(values["id"])
    kind = _word(reading, number, values, "class", CLASSES, "production")
    control = _word(reading, number, values, "control", CONTROLS, "none")
    since, until = (_day(reading, number, values, key) for key in ("from", "until"))
    if since and until and until < since:
        reading.fault(number, called, "`until` lies before `from`", "mend one of them", str(until))
    return Device(
        id=called,
        row=number,
        **{key: _text(values.get(key)) for key in _TEXTS},
        kind=kind,  # type: ignore[arg-type]
        control=control,  # type: ignore[arg-type]
        key=_answer(reading, number, values, "key", False),
        key_process=_answer(reading, number, values, "key_process", False),
        in_scope=_answer(reading, number, values, "in_scope", kind in IN_SCOPE),
        since=since,
        until=until,
    )


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _word(
    reading: _Reading, number: int, values: Mapping[str, Any], key: str, words: Mapping[str, str], default: str
) -> str:
    if key not in values:
        return default
    written = _text(values[key])
    known = {**{word: word for word in words}, **{chinese: word for word, chinese in words.items()}}
    if written.lower() in known:
        return known[written.lower()]
    near = get_close_matches(written.lower(), known, 1)
    choices = f"write one of {', '.join(words)}, or {'、'.join(words.values())}"
    reading.fault(
        number, _text(values["id"]), f"unknown {key}", f"did you mean `{near[0]}`?" if near else choices, written
    )
    return default


def _answer(reading: _Reading, number: int, values: Mapping[str, Any], key: str, default: bool) -> bool:
    if key not in values:
        return default
    answer = values[key] if isinstance(values[key], bool) else yes_or_no(_text(values[key]))
    if answer is None:
        got = _text(values[key])
        reading.fault(number, _text(values["id"]), f"`{key}` is yes or no", "write yes, no, 是 or 否", got)
        return default
    return bool(answer)


def _day(reading: _Reading, number: int, values: Mapping[str, Any], key: str) -> date | None:
    value = values.get(key)
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    found = re.fullmatch(_DATE, _text(value))
    try:
        if found:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    reading.fault(number, _text(values["id"]), f"`{key}` is a date", "write it as 2026-10-01", _text(value))
    return None
