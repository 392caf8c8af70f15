"""Energy from power: the held value over time, the trapezoid only between consecutive polls.

Power is counted in whole thousandths of a step an hour (milliwatts, for steps of 1 Wh) and time in whole
milliseconds, so what flowed is whole parts (microjoules), of which `STEP` make a step. Steps are cut from them by
cumulative floor, which begins anew at each UTC day: so no result depends on where the reading began, and less than one
step a day is left over.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.base import Ints
from kpi.exact import share
from kpi.runs import MS
from kpi.series import Samples

DAY_MS = 86_400_000
STEP = 3_600_000_000
CONSECUTIVE = 3  # two rows at most so many half poll intervals apart were polled one after the other


@dataclass(frozen=True, slots=True)
class Power:
    """Pieces of time with a known power, which goes from `first` at `start` [ms] to `last` at `end`."""

    start: Ints
    end: Ints
    first: Ints
    last: Ints

    def cumulative(self, at: Ints) -> Ints:
        """Whole steps up to each instant [ms], from the beginning of the UTC day in which the instant's past lies."""
        if not len(self.start):
            return np.zeros(len(at), np.int64)
        piece = np.searchsorted(self.start, at, "left") - 1
        inside = np.maximum(piece, 0)
        tau = np.minimum(at, self.end[inside]) - self.start[inside]
        energy = np.where(piece >= 0, self._earlier()[inside] + self._within(inside, tau), 0)
        same_day = (at - 1) // DAY_MS == self.start[inside] // DAY_MS
        return np.where((piece >= 0) & same_day, energy // STEP, 0)

    def _within(self, piece: NDArray[np.intp], tau: Ints) -> Ints:
        rise = self.last[piece] - self.first[piece]
        return self.first[piece] * tau + share(rise * tau, tau, 2 * (self.end - self.start)[piece])

    def _earlier(self) -> Ints:
        """What earlier pieces of the same UTC day brought."""
        every = np.arange(len(self.start))
        energy = self._within(every, self.end - self.start)
        total = np.cumsum(energy) - energy
        return total - total[np.searchsorted(self.start, self.start // DAY_MS * DAY_MS, "left")]


def power(samples: Samples, milli: Ints, every: int) -> Power:
    """Known power of these samples, cut at each UTC day."""
    time, hold = samples.time // MS, samples.hold
    following = np.append(samples.time[1:], np.iinfo(np.int64).max)
    until = np.minimum(following, samples.time + hold) // MS
    linked = np.append(samples.good[1:], False) & (2 * (following - samples.time) <= CONSECUTIVE * every)
    last = np.where(linked, np.append(milli[1:], 0), milli)
    known = samples.good & (until > time)
    start, end, first, last = time[known], until[known], milli[known], last[known]
    return _by_day(Power(start, end, first, last))


def _by_day(whole: Power) -> Power:
    days = (whole.end - 1) // DAY_MS - whole.start // DAY_MS
    if not days.any():
        return whole
    piece = np.repeat(np.arange(len(days)), days + 1)
    place = np.arange(len(piece)) - np.repeat(np.cumsum(days + 1) - days - 1, days + 1)
    midnight = (whole.start[piece] // DAY_MS + place) * DAY_MS
    start = np.where(place == 0, whole.start[piece], midnight)
    end = np.where(place == days[piece], whole.end[piece], midnight + DAY_MS)
    length = (whole.end - whole.start)[piece]
    rise = (whole.last - whole.first)[piece]
    first = whole.first[piece] + share(rise, start - whole.start[piece], length)
    last = whole.first[piece] + share(rise, end - whole.start[piece], length)
    return Power(start, end, first, last)
