"""Where the rises of a counter belong: pieces to the slice in force just before they were seen, energy along the time.

A rise whose two rows are no further apart than the hold belongs where it was seen; over a longer gap it is spread over
the gap's busy time, or over the whole gap, as unscheduled, where it has none. Spreading is by cumulative floor: the
share up to any instant is a whole number that no later cut can change, so that splits anywhere add up.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.base import Ints
from kpi.counter import Rises
from kpi.exact import share
from kpi.facts.schema import BIT
from kpi.runs import MS, Runs, compress, overlay, time_in_code

Intervals = tuple[Ints, Ints]


@dataclass(frozen=True, slots=True)
class Cuts:
    """Slices that follow one another: slice i is [edges[i], edges[i + 1])."""

    edges: Ints
    scheduled: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.scheduled)

    def of(self, at: Ints) -> NDArray[np.intp]:
        """The slice that each instant lies in; -1 or len() outside."""
        return np.searchsorted(self.edges, at, "right") - 1

    def milliseconds(self, intervals: Intervals) -> Ints:
        """Time of these intervals (sorted, apart) in each slice."""
        start, end = intervals
        time = np.stack((start, end), axis=1).reshape(-1) // MS
        code = np.tile(np.array([1, 0], np.int8), len(start))
        return time_in_code(time, code, self.edges // MS, 2)[:, 1]


@dataclass(frozen=True, slots=True)
class Shares:
    """Parts of intervals: which interval and slice, in PBT or not, how much, how much more it could be."""

    interval: NDArray[np.intp]
    slice: NDArray[np.intp]
    busy: NDArray[np.bool_]
    rise: Ints
    high: Ints
    flags: Ints


def busy_time(cuts: Cuts, planned: Intervals) -> Runs:
    """1 in scheduled time that is not known to be planned, else 0."""
    scheduled = compress(cuts.edges[:-1], cuts.scheduled.astype(np.int8), int(cuts.edges[-1]))
    return overlay(scheduled, *planned, 0)


def split(start: Ints, end: Ints, edges: Ints) -> tuple[NDArray[np.intp], Ints, Ints]:
    """Intervals cut at every edge inside them: the interval of each part, and its start and end."""
    low = np.searchsorted(edges, start, "right")
    inside = np.maximum(np.searchsorted(edges, end, "left") - low, 0)
    interval = np.repeat(np.arange(len(start)), inside + 1)
    place = np.arange(len(interval)) - np.repeat(np.cumsum(inside + 1) - inside - 1, inside + 1)
    edge = np.append(edges, 0)
    begins = np.where(place == 0, start[interval], edge[low[interval] + place - 1])
    ends = np.where(place == inside[interval], end[interval], edge[np.minimum(low[interval] + place, len(edges))])
    return interval, begins, ends


def pieces(counted: Rises, cuts: Cuts, busy: Runs) -> Shares:
    """The rises of a piece counter, by slice and side of PBT."""
    prompt = counted.end - counted.start <= counted.hold
    seen = np.flatnonzero(prompt & ((counted.rise != 0) | (counted.flags != 0)))
    at = counted.end[seen]
    home = np.searchsorted(cuts.edges, at, "left") - 1
    high = np.maximum(counted.high, 0)
    direct = Shares(seen, home, busy.before(at) == 1, counted.rise[seen], high[seen], counted.flags[seen])
    gaps = np.flatnonzero(~prompt & ((counted.rise != 0) | (counted.flags != 0)))
    if not len(gaps):
        return _inside(direct, cuts)
    spread = _spread(counted, gaps, high, cuts, busy)
    joined = (np.concatenate(pair) for pair in zip(_columns(direct), _columns(spread), strict=True))
    return _inside(Shares(*joined), cuts)


def _columns(shares: Shares) -> tuple[NDArray[np.generic], ...]:
    return shares.interval, shares.slice, shares.busy, shares.rise, shares.high, shares.flags


def _inside(shares: Shares, cuts: Cuts) -> Shares:
    keep = (shares.slice >= 0) & (shares.slice < len(cuts))
    return shares if keep.all() else Shares(*(column[keep] for column in _columns(shares)))  # type: ignore[arg-type]


def _spread(counted: Rises, gaps: NDArray[np.intp], high: Ints, cuts: Cuts, busy: Runs) -> Shares:
    start, end = counted.start[gaps], counted.end[gaps]
    part, begins, ends = split(start, end, cuts.edges)
    origin = busy.elapsed((1,), start)
    whole = busy.elapsed((1,), end) - origin
    idle = whole == 0
    upto = [np.where(idle[part], at - start[part], busy.elapsed((1,), at) - origin[part]) for at in (begins, ends)]
    whole = np.where(idle, end - start, whole)[part]
    rise = share(counted.rise[gaps][part], upto[1], whole) - share(counted.rise[gaps][part], upto[0], whole)
    more = share(high[gaps][part], upto[1], whole) - share(high[gaps][part], upto[0], whole)
    taking = upto[1] > upto[0]
    flags = counted.flags[gaps] | np.where(counted.rise[gaps] > 0, BIT["spread"], 0)
    shares = Shares(gaps[part], cuts.of(begins), ~idle[part], rise, more, flags[part])
    return Shares(*(column[taking] for column in _columns(shares)))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Flow:
    """What flowed in each slice and state: whole steps, and the milliseconds between two good readings."""

    slice: NDArray[np.intp]
    state: NDArray[np.int64]
    amount: Ints
    high: Ints
    covered_ms: Ints
    flags: Ints


def linear(counted: Rises, cuts: Cuts, states: Runs) -> Flow:
    """A quantity that flows evenly between readings, by slice and machine state."""
    edges = np.union1d(cuts.edges, states.time) if len(states.time) else cuts.edges
    near = np.flatnonzero((counted.end > cuts.edges[0]) & (counted.start < cuts.edges[-1]))
    part, begins, ends = split(counted.start[near], counted.end[near], edges)
    part = near[part]
    home = cuts.of(begins)
    keep = (home >= 0) & (home < len(cuts))
    part, begins, ends, home = part[keep], begins[keep], ends[keep], home[keep]
    origin, whole = counted.start[part], (counted.end - counted.start)[part]
    amount, high = (
        share(steps[part], ends - origin, whole) - share(steps[part], begins - origin, whole)
        for steps in (counted.rise, np.maximum(counted.high, 0))
    )
    covered = np.where(counted.settled[part], ends // MS - begins // MS, 0)
    return totals(home, states.at(begins), amount, high, covered, counted.flags[part], len(cuts))


def totals(
    slices: NDArray[np.intp],
    states: NDArray[np.int8],
    amount: Ints,
    high: Ints,
    covered: Ints,
    flags: Ints,
    count: int,
) -> Flow:
    """Parts summed by slice and state."""
    key = slices * 8 + states
    size = count * 8
    used = np.flatnonzero(np.bincount(key, minlength=size))
    sums = np.zeros((4, size), np.int64)
    for total, column in zip(sums, (amount, high, covered), strict=False):
        np.add.at(total, key, column)
    told = np.flatnonzero(flags)
    np.bitwise_or.at(sums[3], key[told], flags[told])
    return Flow(used // 8, used % 8, *(total[used] for total in sums))
