"""What must hold of the rows of a coded point, whatever happened on their way.

Every number that was issued is there, or lies where a gap is on record; none is there twice, none is foreign. The rows
are those of any store: the journal's and the database's are judged by the same words.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from connectors.quality import BAD
from store.reader import Reader

Row = tuple[int, int, int, int]
"""Epoch, time, number and quality."""


def rows(reader: Reader, asset: str, point: str) -> list[Row]:
    """In the order in which they were read: a clock that is set back begins an epoch."""
    found = reader.series(asset, [point], 0, 2**62)[point]
    columns = (column.tolist() for column in (found.epoch, found.time, found.numbers, found.quality))
    return sorted((epoch, time, int(number), code) for epoch, time, number, code in zip(*columns, strict=True))


def verdict(issued: Sequence[int], kept: Sequence[Row], ended: bool = False) -> list[str]:
    """What is wrong, in words; nothing when all holds. `ended`: what was issued last has had its time, too."""
    good = [number for _, _, number, code in kept if code < BAD]
    wrong = []
    if foreign := set(good) - set(issued):
        wrong.append(f"{len(foreign)} foreign values, such as {min(foreign)}")
    if twice := [number for number, count in Counter(good).items() if count > 1]:
        wrong.append(f"{len(twice)} values twice, such as {twice[0]}")
    if good != sorted(good):
        wrong.append("values out of order")
    numbers = [number if code < BAD else None for _, _, number, code in kept]
    holes = [one for one, other in pairwise(numbers) if one is not None and other is not None and other - one > 1]
    if holes:
        wrong.append(f"{len(holes)} holes without a gap on record, such as after {holes[0]}")
    # A connector meets a device with one request of its own, which is no poll.
    if issued and numbers and numbers[0] is not None and numbers[0] > issued[0] + 1:
        wrong.append(f"the first {numbers[0] - issued[0]} are missing")
    if ended and issued and (not numbers or (numbers[-1] is not None and numbers[-1] < issued[-1])):
        wrong.append("the last are missing without a gap on record")
    return wrong
