"""Polls fall due on a fixed grid of the monotonic clock; one that could not be made is counted and never caught up.

A source may have groups of several periods. They are polled one after another: a group that falls due while another
one is polled is polled late, a tick that passes while its own group is being polled is missed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from connectors import quality
from connectors.clock import Clock

PATIENCE = 60_000_000_000
"""[ns] that a group waits at most for its first poll."""


@dataclass(slots=True)
class Polls:
    """What became of the polls of one source. `due` is all of them; those neither missed nor ended are under way."""

    due: int = 0
    missed: int = 0
    good: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    """By the name of the StatusCode, polls that brought nothing Good."""

    def ended(self, qualities: NDArray[np.uint32] | None) -> None:
        """A poll brought this; it is good when one of its points is."""
        if qualities is None or quality.good(qualities).any():
            self.good += 1
        else:
            self.bad[quality.name(int(qualities[0]))] += 1

    def failed(self, reason: int) -> None:
        """A poll brought no frame at all."""
        self.bad[quality.name(reason)] += 1


class Grid:
    """When each of a source's groups is polled.

    Group i falls due at `phase` + k * `periods[i]` [monotonic ns], first at or after the time the grid was made.
    Without a phase that time is the phase, so that all groups are due at once. An agent that staggers its sources
    gives each the same phase at every connection, so that they stay apart. A group whose first tick is further away
    than PATIENCE takes the one before: a device that closes idle connections would never be read otherwise.
    """

    def __init__(
        self, periods: Sequence[int], clock: Clock, phase: int | None = None, polls: Polls | None = None
    ) -> None:
        if not periods or min(periods) < 1:
            raise ValueError(f"a grid needs periods of at least 1 ns (got {list(periods)})")
        now = clock.monotonic_ns()
        start = now if phase is None else phase
        self.polls = Polls() if polls is None else polls
        self._periods = tuple(periods)
        self._clock = clock
        ticks = [(start + max(0, -((start - now) // period)) * period, period) for period in self._periods]
        self._next = [tick - period if tick - now > PATIENCE else tick for tick, period in ticks]
        self._polled: int | None = None

    async def due(self) -> int:
        """The index of the next group to poll, once its time has come. To call means that the last poll has ended."""
        now = self._clock.monotonic_ns()
        if self._polled is not None:
            self._skip(self._polled, now - 1)
        index = self._next.index(min(self._next))
        if self._next[index] > now:
            await self._clock.sleep_until(self._next[index])
            now = self._clock.monotonic_ns()
        self._skip(index, now - self._periods[index])
        self._next[index] += self._periods[index]
        self.polls.due += 1
        self._polled = index
        return index

    def _skip(self, index: int, until: int) -> None:
        """Ticks of this group up to and including this time are missed."""
        late = until - self._next[index]
        if late >= 0:
            missed = late // self._periods[index] + 1
            self._next[index] += missed * self._periods[index]
            self.polls.due += missed
            self.polls.missed += missed
