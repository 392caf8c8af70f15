"""A damaged segment is set aside and told of; what is read is what was written; the journal starts all the same."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from time import time_ns as clock

import numpy as np
import pytest

from config.plant import Keep
from connectors.base import Column, layout
from store.journal import History, Journal
from store.journal.publication import Part, importing, publish
from store.journal.schema import damage
from tests.store.model import EVER, SECOND, START, message, polls

EACH = 400
TIMES = np.arange(START, START + 5000 * SECOND, SECOND)
READINGS = layout("meters", "import", [Column("main", "reading", "float")])
COMPACTED, IMPORTED, CLOSED, LIVE = (
    "000000001.cols.db",
    "000000003.cols.db",
    "000000002.rows.db",
    "000000004.rows.db",
)
KEEP = Keep(days=100_000, free=Fraction(0))
FLIPS = 12  # places in each file, spread evenly


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with one segment of each sort, closed cleanly."""
    folder = tmp_path_factory.mktemp("sound") / "journal"
    with Journal.open(folder, KEEP) as journal:
        journal.append(polls(EACH))
        journal.append([message(START + i * SECOND, [0, 2], [float(i), f"item {i}"]) for i in range(EACH)])
        journal.rotate()
        journal.tend()
        journal.append(polls(EACH, first=EACH))
        with importing(folder, print):
            words = TIMES.astype(np.float64).view(np.int64)
            publish(folder, [Part(READINGS, TIMES, words, None)], (), (), [("import", {})], clock())
        journal.tend()
        journal.rotate()
        journal.append(polls(EACH, first=2 * EACH))
    assert [path.name for path in sorted(folder.glob("*.*s.db"))] == sorted([COMPACTED, IMPORTED, CLOSED, LIVE])
    return folder


def rows(reader: History) -> Counter[tuple[str, int, object]]:
    """Every row by source: the value encodes which one it is."""
    found: Counter[tuple[str, int, object]] = Counter()
    polled = reader.series("press-01", ["total", "state"], 0, EVER)
    words = polled["state"]
    assert words.text is not None
    for index, (time, total) in enumerate(
        zip(polled["total"].time.tolist(), polled["total"].numbers.tolist(), strict=True)
    ):
        assert words.words[int(words.text[index])] == str(total % 3)
        found["press-plc", time, total] += 1
    products = reader.series("oven-01", ["product"], 0, EVER)["product"]
    for time, code in zip(products.time.tolist(), [] if products.text is None else products.text.tolist(), strict=True):
        found["broker", time, products.words[code]] += 1
    readings = reader.series("main", ["reading"], 0, EVER)["reading"]
    for time, value in zip(readings.time.tolist(), readings.numbers.tolist(), strict=True):
        found["meters", time, value] += 1
    return found


def survives(folder: Path, whole: Counter[tuple[str, int, object]], damaged: Path, exact: bool) -> int:
    """What both readers give is right, and what is missing is told: how many rows that is."""
    reader = History(folder)
    assert rows(reader) <= whole
    reader.close()
    with Journal.open(folder, KEEP) as journal:
        for _ in range(4):
            journal.tend()
        found = rows(journal)
        assert found <= whole
        missing = Counter(source for source, _, _ in (whole - found).elements())
        losses = journal.events(-EVER, EVER, ("loss",))
        if missing or losses:
            (loss,) = losses
            assert loss.detail["reason"] == "corrupt"
            assert (folder / "aside" / damaged.name).exists()
            if exact:
                told = {source: some["rows"] for source, some in loss.detail["sources"].items()}  # type: ignore[attr-defined]
                assert told == missing
            else:
                assert loss.detail["at_least"]
                assert int(str(loss.detail["rows"])) <= missing.total()
        journal.append(polls(1, first=9000))
        assert sum(rows(journal).values()) == sum(found.values()) + 1
    with Journal.open(folder, KEEP) as journal:
        assert len(journal.events(-EVER, EVER, ("loss",))) == len(losses)
        assert sum(rows(journal).values()) == sum(found.values()) + 1
    return missing.total()


def flipped(place: int) -> Callable[[bytes], bytes]:
    def flip(content: bytes) -> bytes:
        at = place * len(content) // FLIPS + place % 97
        return content[:at] + bytes([content[at] ^ (1 << place % 8)]) + content[at + 1 :]

    return flip


def shortened(part: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(len(content) * part)]


def test_a_file_that_ends_early_is_damage_in_every_version_of_sqlite() -> None:
    """From 3.45 on SQLite reads long records past its own cache, and says that a device failed where the file ends."""
    for code, damaged in ((sqlite3.SQLITE_IOERR_SHORT_READ, True), (sqlite3.SQLITE_IOERR_READ, False)):
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = code
        assert damage(error) == damaged


@pytest.mark.parametrize("name", [COMPACTED, IMPORTED, CLOSED, LIVE])
def test_truncated(name: str, sound: Path, tmp_path: Path) -> None:
    for index, part in enumerate((0, 0.01, 0.5, 0.9999)):
        folder = tmp_path / str(index)
        shutil.copytree(sound, folder)
        with closing(History(folder)) as reader:
            whole = rows(reader)
        path = folder / name
        path.write_bytes(shortened(part)(path.read_bytes()))
        missing = survives(folder, whole, path, exact=name.endswith("cols.db"))
        assert missing > 0


@pytest.mark.parametrize("name", [COMPACTED, IMPORTED, CLOSED, LIVE])
def test_bits_flipped_anywhere(name: str, sound: Path, tmp_path: Path) -> None:
    lost = 0
    for place in range(FLIPS):
        folder = tmp_path / str(place)
        shutil.copytree(sound, folder)
        with closing(History(folder)) as reader:
            whole = rows(reader)
        path = folder / name
        path.write_bytes(flipped(place)(path.read_bytes()))
        lost += survives(folder, whole, path, exact=name.endswith("cols.db")) > 0
        shutil.rmtree(folder)
    assert lost >= FLIPS // 4
