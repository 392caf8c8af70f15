"""Rows of one point in the order that KPIs judge them: one row a time, the later epoch where the clock was set back.

Two values for one time: Good before Bad, then the larger, flagged; rows that are equal in all are one row. A row whose
number is not finite, or that the plant file declares `invalid`, is Bad.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.plant import Point
from connectors.base import Floats, Ints
from connectors.quality import good as is_good
from kpi.facts.schema import BIT
from store.reader import GATEWAY, Series

NEVER: Ints = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class ClockStep:
    """From `start` [ns] on, rows of epochs before `epoch` do not count: the clock was set back to `start`."""

    epoch: int
    start: int


@dataclass(frozen=True, slots=True)
class Samples:
    """Rows with strictly rising `time`; `hold` is each row's own. `marks` are times and bits of what was flagged."""

    time: Ints
    numbers: Floats | Ints
    good: NDArray[np.bool_]
    hold: Ints
    scaled: NDArray[np.bool_]
    text: NDArray[np.int32] | None
    words: tuple[str, ...]
    marks: tuple[tuple[Ints, int], ...] = ()

    def __len__(self) -> int:
        return len(self.time)

    def only_good(self) -> "Samples":
        return self if self.good.all() else self.take(np.flatnonzero(self.good))

    def take(self, index: NDArray[np.intp] | slice) -> "Samples":
        text = None if self.text is None else self.text[index]
        return Samples(
            self.time[index],
            self.numbers[index],
            self.good[index],
            self.hold[index],
            self.scaled[index],
            text,
            self.words,
            self.marks,
        )


def normalise(series: Series, point: Point, steps: Sequence[ClockStep] = ()) -> Samples:
    """The rows of `series` that count, in order."""
    text = series.text if series.text is not None and (series.text >= 0).any() else None
    good = is_good(series.quality)
    if series.numbers.dtype.kind == "f":
        numeric = np.isfinite(series.numbers)
        good = good & (numeric if text is None else numeric | (text >= 0))
    if point.invalid:
        good = good & ~_declared_invalid(series, point)
    hold = np.full(len(series), point.hold)
    if np.count_nonzero(series.hold):
        hold = np.where(series.hold > 0, series.hold, hold)
    whole = Samples(series.time, series.numbers, good, hold, series.scaled, text, series.words)
    marks: list[tuple[Ints, int]] = []
    keep = _not_superseded(series, steps)
    if keep is not None:
        marks.append((series.time[~keep], BIT["overlap"]))
        whole = whole.take(np.flatnonzero(keep))
    if len(whole) > 1 and not (whole.time[1:] > whole.time[:-1]).all():
        whole, twice = _one_a_time(whole)
        marks.append((twice, BIT["duplicate"]))
    return Samples(
        whole.time, whole.numbers, whole.good, whole.hold, whole.scaled, whole.text, whole.words, tuple(marks)
    )


def _not_superseded(series: Series, steps: Sequence[ClockStep]) -> NDArray[np.bool_] | None:
    """None: every row counts. Imported rows belong to no epoch (0 or less) and are never superseded, nor are those of
    another gateway, whose clock was not set."""
    if not steps:
        return None
    keep = np.ones(len(series), np.bool_)
    for step in steps:
        other = series.epoch >> GATEWAY != step.epoch >> GATEWAY
        keep &= (series.epoch >= step.epoch) | (series.time < step.start) | (series.epoch <= 0) | other
    return None if keep.all() else keep


def _declared_invalid(series: Series, point: Point) -> NDArray[np.bool_]:
    numbers = [value for value in point.invalid if isinstance(value, int)]
    bad = np.isin(series.numbers, numbers) & ~series.scaled
    if series.text is not None:
        words = [index for index, word in enumerate(series.words) if word in point.invalid]
        bad = np.where(series.text >= 0, np.isin(series.text, words), bad)
    return bad


def _one_a_time(rows: Samples) -> tuple[Samples, Ints]:
    """The best row of each time, and the times at which rows differed."""
    if (rows.time[1:] < rows.time[:-1]).any():
        rows = rows.take(np.argsort(rows.time, kind="stable"))
    again = np.append(False, rows.time[1:] == rows.time[:-1])
    keep = ~(again | np.append(again[1:], False))
    place = np.flatnonzero(~keep)
    some = rows.take(place)
    rank = _text_rank(some)
    numbers = np.where(some.good, some.numbers, 0)  # a Bad row's number means nothing
    order = np.lexsort((some.hold, numbers, rank, some.good, some.time))
    same = some.time[order][1:] == some.time[order][:-1]
    columns = [column[order] for column in (some.good, numbers, rank)]
    differ = same & np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    keep[place[order[np.append(~same, True)]]] = True
    return rows.take(np.flatnonzero(keep)), np.unique(some.time[order][1:][differ])


def _text_rank(rows: Samples) -> Ints:
    """Texts in the order of their letters, after every number."""
    if rows.text is None:
        return np.zeros(len(rows), np.int64)
    by_letter = {word: index + 1 for index, word in enumerate(sorted(set(rows.words)))}
    rank = np.array([by_letter[word] for word in rows.words] + [0], np.int64)
    return np.where(rows.good, rank[rows.text], 0)
