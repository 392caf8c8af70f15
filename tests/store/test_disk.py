"""A disk that is really full: bounded, no crash, and every row there or accounted for."""

import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from config.plant import Keep
from store import StoreError
from store.journal import Journal
from tests.store.model import EVER, polls

pytestmark = pytest.mark.privilege("tmpfs")

EACH = 500


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Four megabytes of their own."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(tmp_path)], check=True)
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def filled(disk: Path) -> Path:
    """A file that takes all the room there is."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))
    return ballast


def totals(journal: Journal) -> list[int]:
    return journal.series("press-01", ["total"], 0, EVER)["total"].numbers.tolist()


def shed(journal: Journal) -> int:
    return sum(int(str(event.detail["rows"])) for event in journal.events(-EVER, EVER, ("loss",)))


def test_the_oldest_goes_when_room_runs_out(disk: Path) -> None:
    keep = Keep(free=Fraction(1, 10))
    with Journal.open(disk / "journal", keep) as journal:
        for commit in range(150):
            journal.append(polls(EACH, first=commit * EACH))
            if commit % 5 == 0:
                journal.tend()
        found = totals(journal)
        count = 150 * EACH
        assert shed(journal) > 0
        assert found == list(range(shed(journal), count))
        span = journal.span()
        assert span is not None
        assert (span[1] - span[0]) // 10**9 == len(found) - 1


def test_without_room_nothing_is_kept_and_with_room_it_goes_on(disk: Path) -> None:
    with Journal.open(disk / "journal", Keep(free=Fraction(0))) as journal:
        journal.append(polls(EACH))
        ballast = filled(disk)
        with pytest.raises(StoreError, match="the disk is full; nothing of this was kept") as refused:
            for _ in range(50):
                journal.append(polls(EACH, first=EACH))
        assert not refused.value.fatal
        before = totals(journal)
        journal.tend()
        ballast.unlink()
        journal.append(polls(3, first=10**6))
        assert totals(journal) == [*before, 10**6, 10**6 + 1, 10**6 + 2]
        journal.tend()
    with Journal.open(disk / "journal", Keep(free=Fraction(0))) as journal:
        assert totals(journal) == [*before, 10**6, 10**6 + 1, 10**6 + 2]


def test_stop_keeps_everything_and_says_so(disk: Path) -> None:
    keep = Keep(free=Fraction(1, 2), when_full="stop")
    with Journal.open(disk / "journal", keep) as journal:
        written = 0
        with pytest.raises(StoreError, match=r"the journal is full .got free past the limit of `keep`.*; make room"):
            for commit in range(200):
                journal.append(polls(EACH, first=commit * EACH))
                written += EACH
                journal.tend()
        assert totals(journal) == list(range(written))
        assert shed(journal) == 0


def test_a_journal_opens_on_a_full_disk_once_there_is_room(disk: Path) -> None:
    with Journal.open(disk / "journal", Keep(free=Fraction(0))) as journal:
        journal.append(polls(EACH))
    ballast = filled(disk)
    with pytest.raises(StoreError, match="the disk is full") as refused:
        Journal.open(disk / "journal")
    assert not refused.value.fatal
    ballast.unlink()
    with Journal.open(disk / "journal", Keep(free=Fraction(0))) as journal:
        assert totals(journal) == list(range(EACH))
