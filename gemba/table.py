"""Tables, for machines and for a terminal: there columns line up whatever mixture of Chinese and Latin stands in them;
numbers stand right."""

import csv
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence

_NUMBER = re.compile(r"[-+−]?[\d,.]+( ?%)?|—")


def width(text: str) -> int:
    """Terminal cells: a wide character takes two, a combining one none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def padded(text: str, cells: int, right: bool = False) -> str:
    gap = " " * max(0, cells - width(text))
    return gap + text if right else text + gap


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], indent: str = "") -> str:
    """Heads, a rule, and the rows; a column of numbers is aligned to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max([width(head), *(width(row[i]) for row in cells)]) for i, head in enumerate(heads)]
    right = [bool(cells) and all(_NUMBER.fullmatch(row[i]) for row in cells if row[i]) for i in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        parts = (padded(cell, widths[i], right[i]) for i, cell in enumerate(row))
        return (indent + "  ".join(parts)).rstrip()

    rule = indent + "  ".join("─" * cells_ for cells_ in widths)
    return "\n".join([line(list(heads)), rule, *(line(row) for row in cells)])


def write_csv(rows: Iterable[Sequence[object]]) -> None:
    """On stdout, as every command with `--csv` writes it."""
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
