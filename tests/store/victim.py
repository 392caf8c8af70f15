"""A small life of a journal, run as a process of its own to be killed, starved or failed at any system call.

`python -m tests.store.victim FOLDER` says on stdout what is durable, one line each, after it is: `append 3`, `import`,
`acknowledged 4294967299`; and `full` or `fatal` where the journal refused.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from config.plant import Keep
from connectors.base import Column, layout
from store import StoreError
from store.journal import Journal
from store.journal.publication import Part, importing, publish
from tests.store.model import SECOND, START, polls

DAY = 86400 * SECOND
EACH = 3  # frames in a commit
IMPORTED = layout("meters", "import", [Column("main", "reading", "float")])
TIMES = np.arange(START, START + 4 * SECOND, SECOND)
KEEP = Keep(days=5, free=0, delivered=DAY)  # type: ignore[arg-type]


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


class Life:
    def __init__(self, folder: Path) -> None:
        self.folder, self.now, self.commits = folder, START, 0
        self.journal = Journal.open(folder, KEEP, ["sink"], lambda: self.now)

    def until_done(self, work: Callable[[], object]) -> None:
        """Where the disk is full, again until it is not; nothing is tried again on a disk that failed."""
        for _ in range(100):
            try:
                work()
                return
            except StoreError as error:
                say("fatal" if error.fatal else "full")
                if error.fatal:
                    raise SystemExit(1) from None
        raise SystemExit("the disk never came back")

    def append(self) -> None:
        self.journal.append(polls(EACH, first=self.commits * EACH))
        say(f"append {self.commits}")
        self.commits += 1

    def bring_in(self) -> None:
        with importing(self.folder, say):
            words = TIMES.astype(np.float64).view(np.int64)
            publish(self.folder, [Part(IMPORTED, TIMES, words, None)], (), (), [("import", {})], self.now)
        say("import")

    def deliver(self) -> None:
        batch = self.journal.pending("sink", 4)
        if batch is not None:
            self.journal.acknowledge("sink", batch.last, batch.first)
            say(f"acknowledged {batch.last}")


def live(folder: Path) -> None:
    life = Life(folder)
    for turn in range(3):
        life.until_done(life.append)
        life.until_done(life.append)
        life.until_done(life.deliver)
        life.journal.rotate()
        if turn == 1:
            life.until_done(life.bring_in)
        life.until_done(life.journal.tend)
        life.until_done(life.append)
        life.now += 2 * DAY
        life.until_done(life.journal.tend)
    life.until_done(life.append)
    life.journal.close()
    say("end")


if __name__ == "__main__":
    live(Path(sys.argv[1]))
