"""Several processes at one journal: one writes, any number read, imports come beside."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import IO

import numpy as np
import pytest

from connectors.base import Column, layout
from store import StoreError
from store.journal import History, Journal
from store.journal.publication import Part, importing, publish
from tests.store.model import EVER, START, polls
from tests.store.neighbour import EACH, FEW

COMMITS = 90


@contextmanager
def neighbour(folder: Path, commits: int) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-m", "tests.store.neighbour", str(folder), str(commits)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_a_second_writer_is_refused_by_name_until_the_first_is_gone(tmp_path: Path) -> None:
    with neighbour(tmp_path, 0) as first:
        said = f"{tmp_path}: another agent writes this journal .got process {first.pid}.; stop that one first"
        with pytest.raises(StoreError, match=said):
            Journal.open(tmp_path)
        first.kill()
        first.wait()
    Journal.open(tmp_path).close()


def test_a_reader_sees_every_durable_row_whatever_happens_to_its_segment(tmp_path: Path) -> None:
    """Each read is one unbroken run: its end is at least what was durable before, its beginning only moves on."""
    durable, begun, reads, asked = [0], 0, 0, 0

    def listen(said: IO[str]) -> None:
        for line in said:
            durable[0] = int(line)

    with neighbour(tmp_path, COMMITS) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        ear = Thread(target=listen, args=(writer.stdout,))
        ear.start()
        reader = History(tmp_path)
        while ear.is_alive():
            before = durable[0]
            if before // (EACH * FEW) == asked:  # a few commits a read: a slow reader is not outrun
                asked += 1
                with suppress(BrokenPipeError):  # it has ended
                    print(file=writer.stdin, flush=True)
            found = reader.series("press-01", ["total"], 0, EVER)["total"].numbers
            reads += 1
            if before:
                assert (np.diff(found) == 1).all()
                assert found[-1] >= before - 1
                assert found[0] >= begun
                begun = int(found[0])
        ear.join()
    assert durable[0] == COMMITS * EACH
    assert begun > 0, "nothing was shed meanwhile"
    assert reads >= COMMITS // FEW
    told = sum(int(str(event.detail["rows"])) for event in reader.events(-EVER, EVER, ("loss",)))
    last = reader.series("press-01", ["total"], 0, EVER)["total"].numbers
    assert (int(last[0]), int(last[-1])) == (told, COMMITS * EACH - 1)
    reader.close()


def test_imports_take_turns_and_the_writer_goes_on(tmp_path: Path) -> None:
    """Four imports at once beside a journal that is appended to: four segments, every row once, told to a consumer."""
    told: list[str] = []
    times = np.arange(START, START + 50)

    def bring(number: int) -> None:
        of = layout("meters", "import", [Column(f"meter-{number}", "reading", "int")])
        with importing(tmp_path, told.append):
            publish(tmp_path, [Part(of, times, times * 0 + number, None)], (), (), [("import", {})], START)

    with Journal.open(tmp_path, consumers=["sink"]) as journal:
        imports = [Thread(target=bring, args=(number,)) for number in range(4)]
        for thread in imports:
            thread.start()
        for first in range(0, 1000, 10):
            journal.append(polls(10, first=first))
        for thread in imports:
            thread.join()
        rows = 0
        while batch := journal.pending("sink", 100):
            rows += len(batch.rows)
            journal.acknowledge("sink", batch.last, batch.first)
        assert rows == 1000 + 4 * 50
        for number in range(4):
            found = journal.series(f"meter-{number}", ["reading"], 0, EVER)["reading"]
            assert found.numbers.tolist() == [number] * 50
        names = [path.name for path in tmp_path.glob("*s.db")]
        assert len(names) == len({name[:9] for name in names}) == 5
    assert not list(tmp_path.glob("*.tmp"))
