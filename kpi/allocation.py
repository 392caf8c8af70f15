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
from kpi.runs import MS, Runs, compress, instants, overlay, time_in_code

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
    """Parts of rises: which slice, in PBT or not, by what was in the making just before `at`, how much, how much more
    it could be, and what is flagged."""

    slice: NDArray[np.intp]
    busy: NDArray[np.bool_]
    at: Ints
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


def pieces(counted: Rises, cuts: Cuts, busy: Runs, changes: Ints) -> Shares:
    """The rises of a piece counter. `changes` are instants at which something else may be in the making.

    A rise is seen in the cell (edge, next edge] of time in which nothing changes; rises follow one another, so those of
    a cell are one difference of their running sum.
    """
    edges = _cells(cuts, np.concatenate((busy.time, changes)))
    gaps = np.flatnonzero(counted.end - counted.start > counted.hold)
    gaps = gaps[(counted.rise[gaps] | counted.flags[gaps]) != 0]
    place = np.searchsorted(counted.end, edges, "right")
    rise, high = (_following(column, gaps, place) for column in (counted.rise, counted.high))
    made = np.flatnonzero(rise | high)
    direct = _seen(cuts, busy, edges[made], edges[made + 1], rise[made], high[made], np.zeros(len(made), np.int64))
    told = np.flatnonzero(counted.flags)
    told = told[(told >= place[0]) & (told < place[-1])]
    told = np.setdiff1d(told, gaps)
    none = np.zeros(len(told), np.int64)
    flagged = _seen(cuts, busy, counted.end[told] - 1, counted.end[told], none, none, counted.flags[told])
    return _joined([direct, flagged, _spread(counted, gaps, cuts, busy, changes)] if len(gaps) else [direct, flagged])


def _cells(cuts: Cuts, changes: Ints) -> Ints:
    inside = changes[(changes > cuts.edges[0]) & (changes < cuts.edges[-1])]
    return instants(cuts.edges, inside)


def _following(column: Ints, without: NDArray[np.intp], place: NDArray[np.intp]) -> Ints:
    """Sums of what is above 0 between neighbouring places; some of the column left out."""
    found = np.zeros(len(place) - 1, np.int64)
    some = np.flatnonzero(place[1:] > place[:-1])
    if not len(some) or not np.count_nonzero(column):
        return found
    column = np.maximum(column[: place[-1]], 0)
    column[without[without < place[-1]]] = 0
    found[some] = np.add.reduceat(column, place[:-1][some])
    return found


def _between(column: Ints, low: NDArray[np.intp], over: NDArray[np.intp]) -> Ints:
    """Sums of a column over places [low, over)."""
    if not np.count_nonzero(column):
        return np.zeros(len(low), np.int64)
    total = np.zeros(len(column) + 1, np.int64)
    np.cumsum(column, out=total[1:])
    return np.asarray(total[over] - total[low])


def _seen(cuts: Cuts, busy: Runs, just_before: Ints, at: Ints, rise: Ints, high: Ints, flags: Ints) -> Shares:
    return Shares(cuts.of(just_before), busy.at(just_before) == 1, at, rise, high, flags)


def _joined(parts: list[Shares]) -> Shares:
    return Shares(*(np.concatenate(columns) for columns in zip(*map(_columns, parts), strict=True)))


def _columns(shares: Shares) -> tuple[NDArray[np.generic], ...]:
    return shares.slice, shares.busy, shares.at, shares.rise, shares.high, shares.flags


def _spread(counted: Rises, gaps: NDArray[np.intp], cuts: Cuts, busy: Runs, changes: Ints) -> Shares:
    start, end = counted.start[gaps], counted.end[gaps]
    part, begins, ends = split(start, end, _cells(cuts, changes))
    origin = busy.elapsed((1,), start)
    whole = busy.elapsed((1,), end) - origin
    idle = whole == 0
    upto = [np.where(idle[part], at - start[part], busy.elapsed((1,), at) - origin[part]) for at in (begins, ends)]
    whole = np.where(idle, end - start, whole)[part]
    rise = share(counted.rise[gaps][part], upto[1], whole) - share(counted.rise[gaps][part], upto[0], whole)
    high = np.maximum(counted.high[gaps], 0)[part]
    more = share(high, upto[1], whole) - share(high, upto[0], whole)
    home = cuts.of(begins)
    taking = (upto[1] > upto[0]) & (home >= 0) & (home < len(cuts))
    flags = counted.flags[gaps] | np.where(counted.rise[gaps] > 0, BIT["spread"], 0)
    shares = Shares(home, ~idle[part], ends, rise, more, flags[part])
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
    """A quantity that flows evenly between readings, by slice and machine state.

    Intervals that lie whole between two edges are one difference of a running sum; those that an edge cuts are shared.
    """
    edges = _cells(cuts, states.time)
    start, end, high = counted.start, counted.end, np.maximum(counted.high, 0)
    low = np.searchsorted(start, edges[:-1], "left")
    over = np.maximum(np.searchsorted(end, edges[1:], "right"), low)
    direct = [_between(column, low, over) for column in (counted.rise, high)]
    if not counted.settled.all():
        known = _between(np.where(counted.settled, end // MS - start // MS, 0), low, over)
    elif len(end):
        length = end[over - 1] // MS - start[np.minimum(low, len(end) - 1)] // MS
        known = np.where(over > low, length, 0)
    else:
        known = np.zeros(len(low), np.int64)
    after = np.searchsorted(end, edges, "right")
    there = after < len(end)
    after = after[there][start[after[there]] < edges[there]]
    after = after[np.diff(after, prepend=-1) > 0]
    part, begins, ends = split(start[after], end[after], edges)
    part = after[part]
    inside = (begins >= edges[0]) & (ends <= edges[-1])
    part, begins, ends = part[inside], begins[inside], ends[inside]
    origin, length = start[part], end[part] - start[part]
    shared = [
        share(one[part], ends - origin, length) - share(one[part], begins - origin, length)
        for one in (counted.rise, high)
    ]
    known_part = np.where(counted.settled[part], ends // MS - begins // MS, 0)
    told = np.flatnonzero(counted.flags)
    told = told[(end[told] > edges[0]) & (start[told] < edges[-1])]
    of_told, told_begins, _ = split(np.maximum(start[told], edges[0]), np.minimum(end[told], edges[-1]), edges)
    cells = np.flatnonzero(over > low)
    at = np.concatenate((edges[:-1][cells], begins, told_begins))
    none = np.zeros(len(told_begins), np.int64)
    return totals(
        cuts.of(at),
        states.at(at),
        np.concatenate((direct[0][cells], shared[0], none)),
        np.concatenate((direct[1][cells], shared[1], none)),
        np.concatenate((known[cells], known_part, none)),
        np.concatenate((np.zeros(len(cells) + len(part), np.int64), counted.flags[told][of_told])),
        len(cuts),
    )


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
    if flags.any():
        told = np.flatnonzero(flags)
        np.bitwise_or.at(sums[3], key[told], flags[told])
    return Flow(used // 8, used % 8, *(total[used] for total in sums))
