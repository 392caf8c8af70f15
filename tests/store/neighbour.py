"""A writer in a process of its own, that rotates, compacts and sheds all the while.

`python -m tests.store.neighbour FOLDER COMMITS` says `ready`, then how many rows are durable after each commit.
It goes on after each few of them when it is sent a line: who reads beside it comes to read as often.
`COMMITS` 0: it only holds the journal open until its stdin closes.
"""

import os
import sys
from fractions import Fraction
from pathlib import Path

from config.plant import Keep
from store.journal import Journal
from tests.store.model import polls

EACH, FEW = 200, 3
KEEP = Keep(days=100_000, bytes=1_200_000, free=Fraction(0))


def main(folder: Path, commits: int) -> None:
    with Journal.open(folder, KEEP) as journal:
        os.write(1, b"ready\n")
        if not commits:
            sys.stdin.read()
        for commit in range(commits):
            if commit % FEW == 0:
                sys.stdin.readline()
            journal.append(polls(EACH, first=commit * EACH))
            os.write(1, f"{(commit + 1) * EACH}\n".encode())
            journal.tend()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
