"""docs/journal-format.md is enough: the code of the page, alone in a process, reads what was written."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from connectors.base import Column, Frame, Layout, gap, layout
from connectors.quality import BAD_TIMEOUT
from store.journal import Journal
from store.journal.schema import STEPS
from store.reader import LINK_GROUP, LINK_POINTS

PAGE = Path(__file__).parents[2] / "docs" / "journal-format.md"
LAYOUT = layout("plc", "1s", [Column("m", "hot", "float"), Column("m", "total", "int"), Column("m", "label", "text")])
SECOND = 10**9


def written(folder: Path, compacted: bool) -> None:
    with Journal.open(folder, clock=lambda: 100 * 86_400 * SECOND) as journal:
        frames = [
            Frame(LAYOUT, t * SECOND, np.array([t / 10]), np.array([2**62 + t]), (f"word {t % 2}",)) for t in range(5)
        ]
        sparse = Frame(LAYOUT, 5 * SECOND, ints=np.array([-7]), columns=np.array([1], np.int32))
        journal.append([*frames, sparse, gap(LAYOUT, 6 * SECOND, BAD_TIMEOUT)])
        if compacted:
            journal.rotate()
            journal.tend()


def told(folder: Path, point: str, *group: str) -> list[str]:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    command = [sys.executable, "-I", "-c", code, str(folder), "m", point, *group]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def check(folder: Path) -> None:
    bad = str(BAD_TIMEOUT)
    assert told(folder, "hot")[:5] == [f"{t * SECOND} {t / 10} 0" for t in range(5)]
    totals = [f"{t * SECOND} {2**62 + t} 0" for t in range(5)]
    assert told(folder, "total") == [*totals, f"{5 * SECOND} -7 0", f"{6 * SECOND} 0 {bad}"]
    assert told(folder, "label")[:2] == ["0 word 0 0", f"{SECOND} word 1 0"]
    assert told(folder, "hot")[-1].endswith(bad)


def test_rows_are_read(tmp_path: Path) -> None:
    written(tmp_path, compacted=False)
    assert list(tmp_path.glob("*.rows.db"))
    check(tmp_path)


def test_columns_are_read(tmp_path: Path) -> None:
    written(tmp_path, compacted=True)
    assert list(tmp_path.glob("*.cols.db"))
    check(tmp_path)


@pytest.mark.parametrize("compacted", [False, True])
def test_pieces_that_are_good_are_not_polls_that_were(tmp_path: Path, compacted: bool) -> None:
    pieces = layout("plc", "1s", [Column("m", "good", "int")])
    history = Layout("plc", LINK_GROUP, tuple(Column("m", name, "int") for name in LINK_POINTS))
    with Journal.open(tmp_path, clock=lambda: 100 * 86_400 * SECOND) as journal:
        journal.append([Frame(pieces, t * SECOND, ints=np.array([900 + t])) for t in range(3)])
        journal.append([Frame(history, t * SECOND, ints=np.array([60, 60 - t, 1])) for t in range(2)])
        if compacted:
            journal.rotate()
            journal.tend()
    assert told(tmp_path, "good") == ["0 900 0", f"{SECOND} 901 0", f"{2 * SECOND} 902 0"]
    assert told(tmp_path, "good", "link") == ["0 60 0", f"{SECOND} 59 0"]
    assert told(tmp_path, "expected", "link") == ["0 60 0", f"{SECOND} 60 0"]
    assert told(tmp_path, "expected") == []


def test_every_table_and_column_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for table, body in re.findall(r"CREATE TABLE (\w+) \((.*?)\) STRICT", STEPS[-1], re.DOTALL):
        assert f"`{table}`" in page, table
        pattern = r'^\s*"?(\w+)"? (?:INTEGER|TEXT|BLOB)|, "?(\w+)"? (?:INTEGER|TEXT|BLOB)'
        for column in re.findall(pattern, body, re.MULTILINE):
            name = column[0] or column[1]
            if name not in ("crc", "id", "first", "last", "last_seq", "hour", "name", "value"):
                assert re.search(rf"\b{name}\b", page), f"{table}.{name}"
