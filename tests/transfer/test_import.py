"""An import takes all rows or none: each wrong row is named by its line, and the same file twice changes nothing."""

import json
import random
from pathlib import Path

import pytest

from config.load import load
from gemba.cli import main
from gemba.commands.import_ import Progress
from store.journal import History, Journal, place
from store.transfer.intake import take_in
from tests.transfer.test_export import plant, told

HEAD = "time,asset,point,value,quality\n"
T = "2026-11-02T08:00:00Z"
ISO = "write it in ISO 8601 with an offset, as 2026-11-02T08:00:00+08:00 or with Z"
NAMES = "the first line names time,asset,point,value and, where wanted, quality,hold,scaled,kind"
WRONG = {
    "no offset": (
        "2026-11-02T08:00:00,m,total,1,",
        [f"2: time: is no time with an offset (got 2026-11-02T08:00:00); {ISO}"],
    ),
    "unknown asset": (
        f"{T},z,total,1,",
        ["2: asset: is not in the plant file (got z); name an asset, or a meter's id with the point `reading`"],
    ),
    "unknown point": (
        f"{T},m,weight,1,",
        ["2: point: m has no such point (got weight); it has state, total, hot, label"],
    ),
    "not a number": (f"{T},m,total,abc,", ["2: value: must be a number (got abc); correct the value"]),
    "not finite": (
        f"{T},m,hot,inf,",
        ["2: value: is not a finite number (got inf); leave the row out, or give it a Bad quality and no value"],
    ),
    "no value": (
        f"{T},m,total,,",
        ["2: value: is missing (got ); give a value, or a quality that says why there is none"],
    ),
    "unknown quality": (
        f"{T},m,total,1,Nice",
        ["2: quality: is no StatusCode's name or number (got Nice); correct it, or leave it empty"],
    ),
    "two values": (
        f"{T},m,total,1,\n{T},m,total,2,",
        ["3: value: m total has two values at this time (got 1 and 2); leave one of them out"],
    ),
    "columns": (f"{T},m,total", ["2: row: has another number of columns (got 3 instead of 5); see the first line"]),
    "several": (
        f"soon,m,total,1,\n{T},q,total,1,\n{T},m,total,x,",
        [
            f"2: time: is no time with an offset (got soon); {ISO}",
            "3: asset: is not in the plant file (got q); name an asset, or a meter's id with the point `reading`",
            "4: value: must be a number (got x); correct the value",
        ],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_rows_are_named_and_nothing_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    rows, says = WRONG[name]
    path, file = plant(tmp_path, "in-01"), tmp_path / "rows.csv"
    file.write_text(f"{HEAD}2026-11-01T00:00:00Z,m,hot,1,\n{rows}\n")
    assert main(["import", str(path), str(file)]) == 2
    lines = [line.removeprefix(f"{file}:") for line in capsys.readouterr().err.splitlines()]
    shifted = [f"{int(text.split(':', 1)[0]) + 1}:{text.split(':', 1)[1]}" for text in says]
    assert lines == shifted
    assert all(not series for series in told(path).values())


def test_a_heading_that_lacks_a_column_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, file = plant(tmp_path, "in-01"), tmp_path / "rows.csv"
    file.write_text("time,asset,value,colour\n")
    assert main(["import", str(path), str(file)]) == 2
    got = "(got time,asset,value,colour)"
    assert capsys.readouterr().err.splitlines() == [
        f"{file}:1: headings: no column point {got}; {NAMES}",
        f"{file}:1: headings: unknown column colour {got}; {NAMES}",
    ]


def outcome(path: Path, file: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, int, int]:
    capsys.readouterr()
    assert main(["import", str(path), str(file), "--json", *more]) == 0
    done = json.loads(capsys.readouterr().out)
    return done["rows"], done["new"], done["same"]


def test_the_same_file_twice_changes_nothing_and_order_is_free(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"2026-11-02T08:{m:02}:{s:02}Z,m,total,{60 * m + s}," for m in range(10) for s in range(60)]
    path, file = plant(tmp_path, "in-01"), tmp_path / "rows.csv"
    file.write_text(HEAD + "\n".join(lines) + "\n")
    assert outcome(path, file, capsys) == (600, 600, 0)
    random.Random(1).shuffle(lines)
    file.write_text(HEAD + "\n".join(lines + lines[:50]) + "\n")
    assert outcome(path, file, capsys) == (650, 0, 650)
    assert [row[1] for row in told(path)["total"]] == list(range(600))


def test_rows_of_the_future_are_kept_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, file = plant(tmp_path, "in-01"), tmp_path / "rows.csv"
    file.write_text(f"{HEAD}{T},m,total,1,\n2110-01-01T00:00:00Z,m,total,3,\n2109-12-31T16:00:00Z,m,total,2,\n")
    warning = (
        f"warning: {file}:3: time: 2 rows lie in the future, this is the first (got 2110-01-01T08:00:00+08:00); "
        "see the offset of the times, and this machine's clock"
    )
    assert main(["import", str(path), str(file), "--json", "--lang", "en"]) == 0
    written = capsys.readouterr()
    assert written.err.splitlines() == [warning]
    assert json.loads(written.out)["new"] == 3
    assert [row[1] for row in told(path)["total"]] == [1, 2, 3]


def test_a_clock_a_minute_before_ours_is_no_future(tmp_path: Path) -> None:
    path, file = plant(tmp_path, "in-01"), tmp_path / "rows.csv"
    file.write_text(f"{HEAD}2026-11-02T08:01:00Z,m,total,1,\n2026-11-02T08:01:00.001Z,m,total,2,\n")
    found = take_in(load(path), file, 0, False, False, None, 1_793_606_400 * 10**9, Progress(chinese=False))
    assert found.ahead is not None
    assert (found.ahead.line, found.ahead.what) == (3, "1 row lies in the future")


def test_another_value_is_a_fault_unless_it_replaces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, file = plant(tmp_path, "in-01"), tmp_path / "rows.csv"
    file.write_text(f"{HEAD}{T},m,total,1,\n")
    assert outcome(path, file, capsys) == (1, 1, 0)
    file.write_text(f"{HEAD}{T},m,total,5,\n2026-11-02T09:00:00Z,m,total,6,\n")
    assert main(["import", str(path), str(file)]) == 2
    assert "m total has another value at this time (got 5, stored is 1)" in capsys.readouterr().err
    assert [row[1] for row in told(path)["total"]] == [1]
    assert outcome(path, file, capsys, "--replace") == (2, 2, 0)
    assert [row[1] for row in told(path)["total"]] == [5, 6]
    history = History(place(load(path)))
    assert [event.kind for event in history.events(0, 2**62, ["strike"])] == ["strike"]
    history.close()


def test_it_runs_beside_an_agent_that_holds_the_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, file = plant(tmp_path, "in-01"), tmp_path / "rows.csv"
    file.write_text(f"{HEAD}{T},m,total,1,\n")
    with Journal.open(place(load(path))):
        assert outcome(path, file, capsys) == (1, 1, 0)
    assert [row[1] for row in told(path)["total"]] == [1]


def test_a_gateway_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody would ever read that journal, or send it on."""
    path, file = plant(tmp_path, "in-01"), tmp_path / "rows.csv"
    file.write_text(f"{HEAD}{T},m,total,1,\n")
    says = f"no source of {path} stands behind that gateway (got g9); known: none"
    assert main(["import", str(path), str(file), "--gateway", "g9"]) == 2
    assert capsys.readouterr().err == f"gemba import: {says}\n"
    span = ["--from", "2026-11-01", "--to", "2026-11-02"]
    assert main(["export", str(path), *span, "--gateway", "g9"]) == 2
    assert capsys.readouterr().err == f"gemba export: {says}\n"
    assert not (tmp_path / "data-in-01").exists()
