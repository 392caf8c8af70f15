"""What every machine does now, in one pass over the newest minutes that all who look share, and what the agent says."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from config.plant import SECOND, Asset, Plant
from config.zone import shown
from connectors import quality
from edge.status import ask, socket_path
from kpi.api.service import Service
from kpi.api.views import _states
from store.journal import place
from store.reader import Reader

BACK = 30 * 60 * SECOND  # further than any row stands for, in a usual plant
FRESH = 2.5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Now:
    """`since` is a time of the clock; `longer` says that the state is older than that. `age` [s] is that of the newest
    Good reading; None when there is none in the last minutes."""

    state: str
    since: str
    age: float | None
    longer: bool = False


def told(service: Service) -> Any:
    body = ask(socket_path(place(service.plant())))
    return json.loads(body) if body else None


class _Fresh(Generic[T]):
    """What was found a moment ago, which all who ask share; asked for by one thread at a time."""

    def __init__(self, find: Callable[[], T]) -> None:
        self._find = find
        self._one = threading.Lock()
        self._found: tuple[float, T] | None = None  # and when

    def __call__(self) -> T:
        with self._one:
            if self._found is None or time.monotonic() - self._found[0] >= FRESH:
                found = self._find()
                self._found = time.monotonic(), found
            return self._found[1]


class Live:
    """One for a server; may be asked from any thread: `now` of every connected asset, `agent` what the agent says of
    itself and its sources, None where none runs beside this server."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.now = _Fresh(self._look)
        self.agent = _Fresh(lambda: told(service))

    def _look(self) -> dict[str, Now]:
        plant, reader, now = self.service.plant(), self.service.reader(), self.service.clock()
        with reader.steady():
            return {asset.id: self._of(reader, plant, asset, now) for asset in plant.assets.values()}

    @staticmethod
    def _of(reader: Reader, plant: Plant, asset: Asset, now: int) -> Now:
        hold = max((3 * max(p.every, p.keepalive) for p in asset.points.values()), default=0)
        start = now - max(BACK, hold)
        newest = 0
        for series in reader.series(asset.id, list(asset.points), start, now + 1).values():
            good = np.flatnonzero(quality.good(series.quality))
            newest = max(newest, int(series.time[good[-1]]) if len(good) else 0)
        age = (now - newest) / SECOND if newest else None
        runs = _states(reader, asset, start, now)
        if not runs:
            return Now("unknown", "", age)
        state, since, _ = runs[-1]
        return Now(state, shown(since, plant.timezone)[11:16], age, since <= start)
