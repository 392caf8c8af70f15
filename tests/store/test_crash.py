"""Killed at any write, sync, rename or unlink; starved of room; failed by its disk: what was acknowledged is there
once, and what was shed is accounted for."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.journal import Journal
from tests.store.model import EVER, START
from tests.store.victim import DAY, EACH, KEEP, TIMES

pytestmark = pytest.mark.privilege("strace")

# Kills at each system call, spread evenly over the victim's life; GEMBA_KILLS=all kills at every single one.
KILLS = {"pwrite64": 12, "fdatasync": 9, "fsync": 5, "rename": 5, "unlink": 4, "ftruncate": 2}
ALL = os.environ.get("GEMBA_KILLS") == "all"


def victim(folder: Path, *inject: str) -> list[str]:
    """What the victim said before it ended, however it ended."""
    words = ["strace", "-f", "-o", str(folder.with_suffix(".trace")), "-e", f"trace={','.join(KILLS)}"]
    for one in inject:
        words += ["-e", f"inject={one}"]
    done = subprocess.run(
        [*words, sys.executable, "-m", "tests.store.victim", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.stdout.splitlines()


def lives(folder: Path, said: list[str]) -> None:
    """The journal that a victim left opens, has what it said, takes more, and says what it shed."""
    acknowledged = {int(line.split()[1]) for line in said if line.startswith("append")}
    delivered = max((int(line.split()[1]) for line in said if line.startswith("acknowledged")), default=0)
    with Journal.open(folder, KEEP, ["sink"], lambda: START + 6 * DAY) as journal:
        for _ in range(3):
            found = journal.series("press-01", ["total"], 0, EVER)["total"].numbers.tolist()
            there = Counter(number // EACH for number in found)
            assert set(there.values()) <= {EACH}, "a commit is there in part, or twice"
            gone = acknowledged - set(there)
            assert set(there) - acknowledged <= {len(acknowledged)}, "a commit that was never made"
            assert _shed(journal) == EACH * len(gone), "what is gone is not what was accounted for"
            readings = journal.series("main", ["reading"], 0, EVER)["reading"]
            assert readings.time.tolist() in ([], TIMES.tolist())
            assert len(readings) or "import" not in said
            journal.rotate()
            journal.tend()
        for row in _drained(journal):
            assert row > delivered, "delivered again after it was acknowledged"
        assert journal.backlog("sink") == 0


def _shed(journal: Journal) -> int:
    total = 0
    for event in journal.events(-EVER, EVER, ("loss", "expired")):
        sources = event.detail["sources"]
        assert isinstance(sources, dict)
        total += sources.get("press-plc", {}).get("rows", 0)
    return total


def _drained(journal: Journal) -> Iterator[int]:
    while batch := journal.pending("sink", 5):
        yield from (row.seq for row in batch.rows)
        journal.acknowledge("sink", batch.last, batch.first)


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    """How often a victim that is left alone makes each call."""
    folder = tmp_path_factory.mktemp("alone") / "journal"
    said = victim(folder)
    assert said[-1] == "end"
    lives(folder, said)
    lines = folder.with_suffix(".trace").read_text().splitlines()
    return Counter(line.split()[1].partition("(")[0] for line in lines)


@pytest.mark.parametrize("call", KILLS)
def test_killed_at_any_call(call: str, calls: Counter[str], tmp_path: Path) -> None:
    count = calls[call]
    assert count >= KILLS[call]
    step = 1 if ALL else count // KILLS[call]
    ended = 0
    for when in range(1, count + 1, step):
        folder = tmp_path / str(when)
        said = victim(folder, f"{call}:signal=SIGKILL:when={when}")
        ended += "end" in said
        lives(folder, said)
    assert ended <= 1, "a life of fewer calls than the one that was counted"


@pytest.mark.parametrize(("first", "last"), [(120, 121), (121, 180), (300, 303)])
def test_no_room_for_a_while(first: int, last: int, tmp_path: Path) -> None:
    """ENOSPC: the append is refused, nothing of it is kept, and the same append works when there is room again."""
    folder = tmp_path / "journal"
    said = victim(folder, f"pwrite64:error=ENOSPC:when={first}..{last}")
    assert said[-1] == "end"
    assert "fatal" not in said
    lives(folder, said)


@pytest.mark.parametrize("call", ["fdatasync", "pwrite64"])
def test_a_disk_that_fails(call: str, calls: Counter[str], tmp_path: Path) -> None:
    """EIO: the journal says `fatal` and keeps nothing more; what it acknowledged before is there."""
    refused = 0
    for when in range(calls[call] // 6, calls[call], calls[call] // 4):
        folder = tmp_path / str(when)
        said = victim(folder, f"{call}:error=EIO:when={when}..{when + 10000}")
        assert "end" not in said
        refused += said[-1:] == ["fatal"]
        lives(folder, said)
    assert refused
