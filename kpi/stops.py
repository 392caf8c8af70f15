"""Short stops and failures, found on the full history of a machine's state and only then cut to slices.

A short stop is a maximal run of idle and down of at most `short_stop` (inclusive) with running on both sides. A
failure is a run of down longer than that; it is counted where it begins.
"""

from dataclasses import dataclass

import numpy as np

from config.plant import STATES
from connectors.base import Ints
from kpi.runs import MS, Codes, Runs, time_in_code

RUNNING, IDLE, DOWN = STATES.index("running"), STATES.index("idle"), STATES.index("down")
NEITHER, SHORT_IDLE, SHORT_DOWN, FAILED = range(4)
"""What a piece of history is to a stop: codes of `Stops.code`."""


@dataclass(frozen=True, slots=True)
class Stops:
    """`code[i]` from `time[i]` on, as runs of the classes above; `failures` are the times at which one begins."""

    time: Ints
    code: Codes
    failures: Ints


def classify(history: Runs, short_stop: int) -> Stops:
    """The stops in a history of states; both of its ends must lie `short_stop` beyond what is to be told."""
    time, state, ends = history.time, history.code, history.ends()
    kind = np.zeros(len(time), np.int8)
    down = state == DOWN
    failed = down & (ends - time > short_stop)
    kind[failed] = FAILED
    stopped = (state == IDLE) | down
    begins = np.flatnonzero(stopped & ~np.append(False, stopped[:-1]))
    if len(begins):
        past = np.flatnonzero(stopped & ~np.append(stopped[1:], False))
        between = (begins > 0) & (past < len(time) - 1)
        before = state[np.maximum(begins - 1, 0)] == RUNNING
        after = state[np.minimum(past + 1, len(time) - 1)] == RUNNING
        short = between & before & after & (ends[past] - time[begins] <= short_stop)
        edge = np.zeros(len(time) + 1, np.int64)
        edge[begins[short]] += 1
        edge[past[short] + 1] -= 1
        within = np.cumsum(edge[:-1]) > 0
        kind[within & (state == IDLE)] = SHORT_IDLE
        kind[within & down] = SHORT_DOWN
    return Stops(time, kind, time[failed])


def in_slices(stops: Stops, edges: Ints) -> tuple[Ints, Ints]:
    """[slice, class] milliseconds between neighbouring edges [ns], and the failures that begin in each slice."""
    table = time_in_code(stops.time // MS, stops.code, edges // MS, 4)
    begun = np.diff(np.searchsorted(stops.failures, edges, "left"))
    return table, begun.astype(np.int64)
