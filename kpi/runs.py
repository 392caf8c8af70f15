"""Held samples as runs of one code, and the time that each code has in each slice.

A row stands for its hold, inclusive, or until the next row; beyond that, and wherever a reading is Bad or unmapped,
the code is 0, unknown. Time is cut at whole milliseconds (floor) before it is subtracted, so durations are exact
integers that add up over any split.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.base import Ints
from kpi.series import Samples

MS = 1_000_000
Codes = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Runs:
    """Code `code[i]` from `time[i]` to `time[i + 1]`, the last to `end` [ns]. Neighbours differ; unknown before."""

    time: Ints
    code: Codes
    end: int

    def before(self, at: Ints) -> Codes:
        """The code in force just before each time."""
        return self._pick(np.searchsorted(self.time, at, "left") - 1)

    def at(self, at: Ints) -> Codes:
        """The code in force from each time on."""
        return self._pick(np.searchsorted(self.time, at, "right") - 1)

    def _pick(self, index: NDArray[np.intp]) -> Codes:
        if not len(self.time):
            return np.zeros(len(index), np.int8)
        return np.where(index >= 0, self.code[np.maximum(index, 0)], 0).astype(np.int8)

    def ends(self) -> Ints:
        return np.append(self.time[1:], self.end)

    def elapsed(self, codes: tuple[int, ...], at: Ints) -> Ints:
        """Time [ns] that any of `codes` was in force before each time, from the first run on."""
        if not len(self.time):
            return np.zeros(len(at), np.int64)
        chosen = np.isin(self.code, codes)
        length = np.where(chosen, self.ends() - self.time, 0)
        total = np.concatenate(([0], np.cumsum(length)))
        index = np.searchsorted(self.time, at, "right") - 1
        inside = np.maximum(index, 0)
        part = np.where(chosen[inside], np.minimum(at, self.ends()[inside]) - self.time[inside], 0)
        return np.where(index >= 0, total[inside] + part, 0)


def compress(time: Ints, code: Codes, end: int) -> Runs:
    """Runs of sorted events; of several events at one time the last counts."""
    if not len(time):
        return Runs(time, code, end)
    last = np.append(time[1:] != time[:-1], True)
    if not last.all():
        time, code = time[last], code[last]
    change = np.append(True, code[1:] != code[:-1])
    return Runs(time[change], code[change], end) if not change.all() else Runs(time, code, end)


def held(samples: Samples, code: Codes, end: int) -> Runs:
    """Runs of `code` (0 where unmapped) of these samples up to `end`; a sample that is not Good is 0."""
    inside = slice(0, int(np.searchsorted(samples.time, end, "left")))
    time, good, code = samples.time[inside], samples.good[inside], code[inside]
    code = code if good.all() else np.where(good, code, 0).astype(np.int8)
    if not len(time):
        return Runs(time, code, end)
    expiry = time + samples.hold[inside]
    lapsed = np.flatnonzero((expiry < np.append(time[1:], end)) & (code != 0))
    if len(lapsed):
        time = np.insert(time, lapsed + 1, expiry[lapsed])
        code = np.insert(code, lapsed + 1, np.int8(0))
    return compress(time, code, end)


def overlay(runs: Runs, start: Ints, end: Ints, code: int) -> Runs:
    """The runs with `code` in force inside the intervals [start, end), which are sorted and apart."""
    inside = (end > start) & (start < runs.end)
    start, end = start[inside], np.minimum(end[inside], runs.end)
    if not len(start):
        return runs
    upto = np.searchsorted(start, runs.time, "right") - 1
    covered = (upto >= 0) & (runs.time < end[np.maximum(upto, 0)])
    after = end < runs.end
    time = np.concatenate((runs.time[~covered], start, end[after]))
    codes = np.concatenate((runs.code[~covered], np.full(len(start), code, np.int8), runs.at(end[after])))
    order = np.argsort(time, kind="stable")
    return compress(time[order], codes[order], runs.end)


def instants(*times: Ints) -> Ints:
    """All of these in order, each once."""
    every = np.sort(np.concatenate(times))
    once: Ints = every[np.append(True, every[1:] != every[:-1])[: len(every)]]
    return once


def union(parts: list[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    """The intervals covered by any of these, sorted and apart."""
    start = np.concatenate([part[0] for part in parts]) if parts else np.empty(0, np.int64)
    end = np.concatenate([part[1] for part in parts]) if parts else np.empty(0, np.int64)
    if not len(start):
        return start, end
    order = np.argsort(start, kind="stable")
    start, reach = start[order], np.maximum.accumulate(end[order])
    first = np.append(True, start[1:] > reach[:-1])
    return start[first], reach[np.append(np.flatnonzero(first)[1:] - 1, len(reach) - 1)]


def intersection(one: tuple[Ints, Ints], two: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """The intervals covered by both; each is sorted and apart."""
    if not len(one[0]) or not len(two[0]):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    edges = instants(*one, *two)
    inside = np.ones(len(edges) - 1, np.bool_)
    for start, end in (one, two):
        index = np.searchsorted(start, edges[:-1], "right") - 1
        inside &= (index >= 0) & (edges[:-1] < end[np.maximum(index, 0)])
    return union([(edges[:-1][inside], edges[1:][inside])])


def time_in_code(time: Ints, code: Codes, cuts: Ints, codes: int) -> Ints:
    """[slice, code] durations of sorted events between neighbouring `cuts`; all in one unit of whole numbers.

    Each event lasts to the next, the last one for ever; before the first the code is 0. Three passes: differences,
    keys, sums. The differences come first, since they bring the times near; then the events that straddle a cut are set
    right.
    """
    slices = len(cuts) - 1
    begin, stop = np.searchsorted(time, cuts[[0, -1]], "left").tolist()
    length = np.empty(stop - begin, np.int64)
    np.subtract(time[begin + 1 : stop], time[begin : max(stop - 1, begin)], out=length[:-1])
    first = np.searchsorted(time, cuts, "left")
    counts = np.diff(first)
    rows = np.arange(0, slices * codes, codes)
    key = np.repeat(rows, counts)
    key += code[begin:stop]
    busy = np.flatnonzero(counts)
    last = first[1:][busy] - 1
    length[last - begin] = cuts[1:][busy] - time[last]
    table = np.zeros(slices * codes, np.int64)
    np.add.at(table, key, length)
    head = np.diff(cuts)
    head[busy] = time[first[busy]] - cuts[busy]
    inforce = np.where(first[:-1] > 0, code[np.maximum(first[:-1], 1) - 1], 0) if len(code) else 0
    table[rows + inforce] += head
    return table.reshape(slices, codes)
