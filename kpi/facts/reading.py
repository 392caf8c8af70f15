"""Rows of one asset in a span, and as many around it as it takes for facts not to depend on where the span is cut.

Held points need the row in force before the span. Counters need a sample before it that no earlier one could turn into
a glitch: one that two others precede, none of them falling; and after it enough to decide every decrease.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from config.plant import HOLD, SECOND, Point
from connectors.base import Floats, Ints
from connectors.quality import good as is_good
from kpi.counter import Register, Rises, rises
from kpi.series import ClockStep, Samples, normalise
from store.reader import Reader, Series

EVER = 2**63 - 1
MARGIN = 300 * SECOND
NEAR = 64  # samples that are looked through first
_MIX = tuple(np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93))


def around(points: Mapping[str, Point], margin: int = MARGIN) -> int:
    """How far around a span rows are read at first."""
    return margin + HOLD * max((point.hold for point in points.values()), default=0)


class Reading:
    """Rows of some points of one asset around [start, end), fetched further out as they are found wanting."""

    def __init__(
        self,
        reader: Reader,
        asset: str,
        points: Mapping[str, Point],
        start: int,
        end: int,
        steps: Sequence[ClockStep] = (),
        margin: int = MARGIN,
    ) -> None:
        self.reader, self.asset, self.points, self.steps = reader, asset, points, steps
        self.start, self.end = start, end
        margin = around(points, margin)
        self.rows = reader.series(asset, list(points), start - margin, end + margin) if points else {}
        self.since = dict.fromkeys(points, start - margin)
        self.until = dict.fromkeys(points, end + margin)
        self.first: dict[str, bool] = {}
        """Of points asked further: whether there is nothing before (or after, in `last`) what is held."""
        self.last: dict[str, bool] = {}
        self._samples: dict[str, Samples] = {}

    def samples(self, name: str) -> Samples:
        if name not in self._samples:
            self._samples[name] = normalise(self.rows[name], self.points[name], self.steps)
        return self._samples[name]

    def back(self, name: str, good: int = 1) -> bool:
        """Fetches further back; False where there is nothing more."""
        if not self.first.get(name):
            more = self.reader.before(self.asset, [name], self.since[name], good)[name]
            self.first[name] = not len(more)
            if len(more):
                since = int(more.time[0])  # rows of that very time may lie before it in the log
                self._join(name, self.reader.series(self.asset, [name], since, self.since[name])[name], before=True)
                self.since[name] = since
        return not self.first[name]

    def forth(self, name: str, good: int = 1) -> bool:
        """Fetches further on; False where there is nothing more."""
        if not self.last.get(name):
            more = self.reader.after(self.asset, [name], self.until[name], good)[name]
            self.last[name] = not len(more)
            if len(more):
                self.upto(name, int(more.time[-1]) + 1)
        return not self.last[name]

    def upto(self, name: str, end: int) -> None:
        if end > self.until[name]:
            self._join(name, self.reader.series(self.asset, [name], self.until[name], end)[name], before=False)
            self.until[name] = end

    def _join(self, name: str, more: Series, before: bool) -> None:
        held = self.rows[name]
        self.rows[name] = joined(more, held) if before else joined(held, more)
        self._samples.pop(name, None)

    def held(self, name: str, start: int, end: int, good: bool = False) -> Samples:
        """Samples of a held point over [start, end), the one in force at `start` among them (`good`: a Good one)."""
        self.upto(name, end)
        while True:
            found = self.samples(name)
            upto = found.time <= start
            if (upto & found.good).any() if good else upto.any():
                return found
            if not self.back(name):
                return found

    def counted(self, name: str, register: Register) -> Rises:
        """The rises of a counter: all that touch the span, each decided as the whole history would decide it."""
        while True:
            samples = self.samples(name).only_good()
            before = int(np.searchsorted(samples.time, self.start, "left"))
            sure = anchor(samples, before)
            if sure is not None or not self.back(name, 3):
                break
        while True:
            samples = self.samples(name).only_good()
            found = rises(samples.take(slice(sure or 0, None)), register)
            reached = found.opened is None and len(samples) and samples.time[-1] >= self.end
            if reached or not self.forth(name, 3):
                return found

    def counts(self, edges: Ints) -> tuple[Ints, Ints]:
        """Rows as stored in each slice, and the sum of their hashes."""
        rows = np.zeros(len(edges) - 1, np.int64)
        digest = np.zeros(len(edges) - 1, np.uint64)
        times: dict[int, tuple[Ints, NDArray[np.uint64]]] = {}  # points of one poll share their times
        for name, series in self.rows.items():
            key = id(series.time)
            if key not in times:
                times[key] = series.time, series.time.view(np.uint64) * _MIX[0]
            place = np.searchsorted(series.time, edges, "left")
            rows += np.diff(place)
            some = np.flatnonzero(place[1:] > place[:-1])
            if len(some):
                first, last = int(place[0]), int(place[-1])
                mixed = hashes(series, name, times[key][1], slice(first, last))
                digest[some] += np.add.reduceat(mixed, place[:-1][some] - first)
        return rows, digest.view(np.int64)


def anchors(samples: Samples) -> Ints:
    """The samples that no earlier one can make a glitch: those that two others precede, none of them falling."""
    value, same = samples.numbers, samples.scaled
    rising = value[1:] >= value[:-1]
    steady = rising[1:] & rising[:-1]
    if same.any():
        steady &= (same[2:] == same[1:-1]) & (same[1:-1] == same[:-2])
    return np.flatnonzero(steady) + 2


def anchor(samples: Samples, before: int) -> int | None:
    """The last anchor among the samples before a place."""
    for first in (max(before - NEAR, 0), 0):
        found = anchors(samples.take(slice(first, before)))
        if len(found):
            return first + int(found[-1])
    return None


def hashes(series: Series, name: str, times: NDArray[np.uint64], some: slice) -> NDArray[np.uint64]:
    """A 64-bit hash of each row: its time (hashed already), value and quality, whatever store it came from."""
    quality, numbers = series.quality[some], series.numbers[some]
    value = numbers.astype(np.float64)
    value += 0.0  # there is one zero
    mixed: NDArray[np.uint64] = value.view(np.uint64)
    mixed *= _MIX[1]
    if series.text is not None:
        spelled = np.array([_word(word) for word in series.words] + [0], np.uint64) * _MIX[1]
        text = series.text[some]
        mixed = np.where(text >= 0, spelled[text], mixed)
    good = is_good(quality)
    if not good.all():
        mixed[~good] = quality[~good].astype(np.uint64) * _MIX[2]
    mixed ^= times[some]
    mixed ^= np.uint64(_word(name))
    mixed ^= mixed >> np.uint64(29)
    mixed *= _MIX[3]
    mixed ^= mixed >> np.uint64(32)
    return mixed


@cache
def _word(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def joined(one: Series, two: Series) -> Series:
    """Rows of one after the other."""
    if not len(one):
        return two
    if not len(two):
        return one
    text, words = None, one.words
    if one.text is not None or two.text is not None:
        index = {word: place for place, word in enumerate(words)}
        for word in two.words:
            index.setdefault(word, len(index))
        code = np.array([index[word] for word in two.words] + [-1], np.int32)
        parts = [np.full(len(one), -1, np.int32) if one.text is None else one.text]
        parts.append(np.full(len(two), -1, np.int32) if two.text is None else code[two.text])
        text, words = np.concatenate(parts), tuple(index)
    return Series(
        np.concatenate((one.time, two.time)),
        _numbers(one, two),
        np.concatenate((one.quality, two.quality)),
        np.concatenate((one.epoch, two.epoch)),
        np.concatenate((one.hold, two.hold)),
        np.concatenate((one.scaled, two.scaled)),
        text,
        words,
    )


def _numbers(one: Series, two: Series) -> Floats | Ints:
    numbers = np.concatenate((one.numbers, two.numbers))
    return numbers.astype(np.int64) if numbers.dtype.kind == "i" else numbers.astype(np.float64)
