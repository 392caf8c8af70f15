"""Communication history: of each asset, how many polls were due in a minute and how many brought something Good.

It is counted from every frame, before report by exception drops any, on the monotonic clock. The slots of an asset's
polls are laid around its first frame, so that a steady poll falls into the middle of its own slot and jitter cannot
move it into another. `energy` and `power` count for nothing: a meter does not make a machine networked.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from config.plant import METERED, SECOND, Point
from connectors.base import Column, Frame, Ints, Layout
from connectors.quality import UNCERTAIN
from store.reader import LINK_GROUP, LINK_POINTS, LINK_STATES

MINUTE = 60 * SECOND


class Links:
    """Of one source. `now` is monotonic ns throughout; minutes are those of the wall clock."""

    def __init__(self, source: str, points: Iterable[Point], now: int, wall: int) -> None:
        periods: dict[str, int] = {}
        for point in points:
            if point.source == source and point.name not in METERED:
                periods[point.asset] = min(point.every, periods.get(point.asset, point.every))
        self.assets = tuple(periods)
        self._periods = list(periods.values())
        self._every: Ints = np.array(list(periods.values()), np.int64)
        self._zero: Ints = np.full(len(periods), now, np.int64)
        self._seen: NDArray[np.bool_] = np.zeros(len(periods), np.bool_)
        self._slot: Ints = np.full(len(periods), -1, np.int64)
        self._good: Ints = np.zeros(len(periods), np.int64)
        self._due: Ints = np.zeros(len(periods), np.int64)
        self._began = wall
        # By id(), the layout kept beside it: to hash a layout for each frame would cost more than all the rest.
        self._places: dict[int, tuple[Layout, NDArray[np.int64], NDArray[np.int64]]] = {}
        columns = [Column(asset, name, "int") for asset in self.assets for name in LINK_POINTS]
        self.layout = Layout(source, LINK_GROUP, tuple(columns))

    def _place(self, layout: Layout) -> tuple[Layout, NDArray[np.int64], NDArray[np.int64]]:
        """For each column the asset it is a sign of, or -1; and all of these assets."""
        found = self._places.get(id(layout))
        if found is None:
            index = {asset: i for i, asset in enumerate(self.assets)}
            own = [-1 if c.point in METERED else index.get(c.asset, -1) for c in layout.columns]
            places = np.array(own, np.int64)
            found = self._places[id(layout)] = layout, places, np.unique(places[places >= 0])
        return found

    def take(self, frame: Frame, now: int) -> None:
        """Counts the polls that this frame answers."""
        if not frame.live or not self.assets:
            return
        _, places, alive = self._place(frame.layout)
        if frame.columns is not None:
            places = places[frame.columns]
        if frame.quality is not None:
            alive = np.unique(places[(places >= 0) & (frame.quality < UNCERTAIN)])
        elif frame.columns is not None:
            alive = np.unique(places[places >= 0])
        if len(alive) == 1:
            self._take_one(int(alive[0]), now)
            return
        first = alive[~self._seen[alive]]
        if len(first):
            every = self._every[first]
            past = (now - self._zero[first]) // every
            self._seen[first] = True
            self._zero[first] = now - every // 2 - past * every
            self._slot[first] = past - 1
        slot = (now - self._zero[alive]) // self._every[alive]
        self._good[alive] += slot > self._slot[alive]
        self._slot[alive] = slot

    def _take_one(self, asset: int, now: int) -> None:
        """The same for a single asset, which is what most frames are of: plain numbers cost less than arrays of one."""
        every, zero = self._periods[asset], int(self._zero[asset])
        if not self._seen[asset]:
            past = (now - zero) // every
            self._seen[asset] = True
            self._zero[asset] = zero = now - every // 2 - past * every
            self._slot[asset] = past - 1
        slot = (now - zero) // every
        if slot > self._slot[asset]:
            self._good[asset] += 1
        self._slot[asset] = slot

    def stepped(self, by: int) -> None:
        """The wall clock stepped: the minute that is being counted began at another time of it."""
        self._began += by

    def minute(self, now: int, wall: int, state: str) -> Frame | None:
        """The row of what was counted since the last one. Its time is where its counting began."""
        if not self.assets:
            return None
        due = np.maximum((now - self._zero) // self._every, self._due)
        expected = due - self._due
        good = np.minimum(self._good, expected)
        began, self._began = self._began, wall
        self._good -= good
        self._good = np.minimum(self._good, 1)  # a slot that begins before the minute's end and counts after it
        self._due = due
        row = np.stack([expected, good, np.full(len(expected), LINK_STATES.index(state))], axis=1)
        return Frame(self.layout, began, ints=row.reshape(-1).astype(np.int64))


def next_minute(wall: int) -> int:
    return (wall // MINUTE + 1) * MINUTE
