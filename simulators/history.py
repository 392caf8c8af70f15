"""What an agent would have kept of a simulated asset: the polls at which something changed, and one a keepalive.

The times are exact, on the grid of the source's polls, and the values those of the virtual plant; so the same history
comes from collecting for a month as from one call here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.plant import PIECES, Point
from simulators.plant import MS, VirtualPlant
from simulators.timeline import RUNNING, Ints


def changes(virtual: VirtualPlant, asset: str, start: int, end: int, pieces: bool) -> Ints:
    """When [ms] the asset's state changes or, of `pieces`, one is done, in [start, end) [ms]."""
    rows = virtual.machines[asset].timeline.segments(end)
    rows = rows[(rows["start"] < end) & (np.append(rows["start"][1:], end) >= start)]
    if not pieces:
        return np.asarray(rows["start"][rows["start"] >= start])
    running = rows[(rows["state"] == RUNNING) & (rows["pieces"] > 0)]
    counts = running["pieces"]
    first = np.concatenate(([0], np.cumsum(counts)))[:-1]
    ordinal = np.arange(counts.sum()) - np.repeat(first, counts) + 1
    done = np.repeat(running["start"], counts) + ordinal * np.repeat(running["cycle"], counts)
    times: Ints = np.concatenate([rows["start"], done])
    return times[(times >= start) & (times < end)]


def kept(
    virtual: VirtualPlant, points: Sequence[Point], start: int, end: int, lost: Sequence[tuple[int, int]] = ()
) -> tuple[Ints, dict[str, NDArray[Any]]]:
    """Rows of the points of one asset in one source, in [start, end) [ns]: their times [ns], and the readings of each
    point at them. None lies in a span of `lost`."""
    every = min(point.every for point in points)
    keepalive = min(point.keepalive for point in points)
    asset = points[0].asset
    polls = np.arange(-(start // -every) * every, end, keepalive, dtype=np.int64)
    if asset in virtual.machines:
        counted = any(point.name in PIECES for point in points)
        moments = changes(virtual, asset, start // MS, end // MS, counted) * MS
        polls = np.concatenate([polls, -(moments // -every) * every])
    times = np.unique(polls[(polls >= start) & (polls < end)])
    for begin, finish in lost:
        times = times[(times < begin) | (times >= finish)]
    lived = virtual.machines[asset].at(times // MS) if asset in virtual.machines else None
    return times, {point.name: virtual.readings(point, times, lived) for point in points}
