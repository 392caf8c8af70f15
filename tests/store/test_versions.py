"""A journal of every released format opens; tests/cases/journal has one of each, written when it was new."""

import sqlite3
import tarfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from config.plant import Keep
from connectors.base import Column, Frame, layout
from store import StoreError
from store.journal import History, Journal, schema
from tests.store.model import EVER, SECOND, START, shown

CASES = Path(__file__).parents[1] / "cases" / "journal"
KEEP = Keep(days=100_000, free=Fraction(0))
POLLED = layout("plc", "poll", [Column("m", "hot", "float"), Column("m", "total", "int"), Column("m", "label", "text")])
TIMEOUT = 0x800A0000
# One frame, a gap, a frame of one value; the first total was struck by an import of 7, which stands for 15 minutes.
HOLDS = {
    "hot": [(START, "0.1", 0, 1, 0, False), (START + SECOND, "nan", TIMEOUT, 1, 0, False)],
    "total": [
        (START, "7", 0, 0, 900 * SECOND, True),
        (START + SECOND, "0", TIMEOUT, 1, 0, False),
        (START + 2 * SECOND, "-3", 0, 1, 0, False),
    ],
    "label": [(START, "'运行'", 0, 1, 0, False), (START + SECOND, "''", TIMEOUT, 1, 0, False)],
}


def unpacked(version: int, folder: Path) -> Path:
    with tarfile.open(CASES / f"version-{version}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def told(reader: History) -> dict[str, list[tuple[object, ...]]]:
    return {point: shown(series) for point, series in reader.series("m", tuple(HOLDS), 0, EVER).items()}


def goes_on(folder: Path) -> None:
    """Read, appended to, compacted, delivered from where the cursor stood."""
    with Journal.open(folder, KEEP, ["influxdb"]) as journal:
        assert journal.epoch == 2
        assert told(journal) == HOLDS
        batch = journal.pending("influxdb", 9)
        assert batch is not None
        assert [event.kind for _, event in batch.events] == ["plant"], "the two frames before it were acknowledged"
        journal.append([Frame(POLLED, START + 3 * SECOND, np.array([0.5]), np.array([8]), ("b",))])
        after = told(journal)
        assert after["total"] == [*HOLDS["total"], (START + 3 * SECOND, "8", 0, 2, 0, False)]
        for _ in range(2):
            journal.rotate()
            journal.tend()
            assert told(journal) == after


def test_every_version_there_ever_was_has_a_case() -> None:
    assert len(list(CASES.glob("version-*.tar.xz"))) == len(schema.STEPS)


@pytest.mark.parametrize("version", range(1, len(schema.STEPS) + 1))
def test_a_journal_of_each_version_goes_on(version: int, tmp_path: Path) -> None:
    goes_on(unpacked(version, tmp_path))


def test_an_older_version_is_taken_forward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the next version will do to today's files: they stay as they are, and what is written is of the new one."""
    folder = unpacked(1, tmp_path)
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, "CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT"))
    before = {path.name: path.read_bytes() for path in folder.glob("*.cols.db")}
    reader = History(folder)
    assert told(reader) == HOLDS
    reader.close()
    goes_on(folder)
    assert {name: (folder / name).read_bytes() for name in before} == before
    new = sorted(set(folder.glob("*s.db")) - {folder / name for name in before})
    for path in new:
        segment = sqlite3.connect(path)
        assert segment.execute("PRAGMA user_version").fetchone() == (2,)
        segment.close()
    assert len(new) == 4


@pytest.mark.parametrize("name", ["000000001.cols.db", "000000002.rows.db"])
def test_a_newer_version_is_refused(name: str, tmp_path: Path) -> None:
    folder = unpacked(1, tmp_path)
    segment = sqlite3.connect(folder / name)
    segment.execute("PRAGMA user_version=2")
    segment.close()
    said = (
        "journal: a segment is of a newer format (got version 2, this Gemba knows 1); "
        "update Gemba, or give it another data folder"
    )
    with pytest.raises(StoreError) as refused:
        Journal.open(folder, KEEP)
    assert str(refused.value) == said
    reader = History(folder)
    with pytest.raises(StoreError) as refused:
        reader.span()
    assert str(refused.value) == said
    reader.close()
