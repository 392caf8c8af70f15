"""Series in run-length notation, one item for each step of time.

5x3          5 5 5            a value, so many times (x1 may be left out)
0+2x3        0 2 4            a rise at each step
running x2   running running  a word; the count may stand apart
_x4          no row, four times
!x2          a Bad row, twice
"""

import re
from collections.abc import Iterator
from types import EllipsisType

from store.reader import Series
from tests.kpi.memory import series

_ITEM = re.compile(r"(?P<value>[^\s+]+?)(?:\+(?P<rise>[\d.]+))?(?:\s?x(?P<count>\d+))?(?:\s+|$)")


def values(written: str) -> Iterator[float | str | EllipsisType | None]:
    """A value for each step: None is a Bad row, Ellipsis no row."""
    at = 0
    while at < len(written):
        item = _ITEM.match(written, at)
        if not item:
            raise ValueError(f"notation: cannot be read from {written[at : at + 20]!r}")
        at = item.end()
        word, rise, count = item["value"], item["rise"], int(item["count"] or 1)
        for step in range(count):
            if word in ("_", "!"):
                yield None if word == "!" else ...
                continue
            try:
                yield _number(word) + step * _number(rise or "0")
            except ValueError:
                yield word


def _number(word: str) -> int | float:
    return int(word) if re.fullmatch(r"-?\d+", word) else float(word)


def rows(written: str, start: int, step: int, **how: int | bool) -> Series:
    """The series that starts at `start`, one item each `step` [ns]."""
    told = [(start + place * step, value) for place, value in enumerate(values(written)) if value is not ...]
    return series([time for time, _ in told], [value for _, value in told], **how)  # type: ignore[arg-type]
