"""What every store answers: the rows of a point in the order of series time, as columns, with what they are worth.

Values are as on the wire. Rows that were struck by an import are not there. Nothing else is left out or decided: two
rows at one time, overlapping epochs and Bad rows are the reader's to give and KPIs' to judge.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from connectors.base import Floats, Ints, Qualities

LINK_GROUP = "link"  # the layout group of communication history
LINK_POINTS = ("expected", "good", "state")  # int columns of that layout, one set an asset; time is the minute's start
LINK_STATES = ("down", "up", "retrying")  # the code is the index
GATEWAY = 40  # bits of an epoch: those above tell gateways apart, whose epochs say nothing of each other


@dataclass(frozen=True, slots=True)
class Series:
    """Rows of one point, sorted by (time, epoch, place in the log).

    `numbers` is float64 or int64; where a row is text its number is 0 and `text` its index in `words`, else -1.
    `hold` [ns] is 0 where the plant file's counts; `scaled` rows are final values. Imported rows are of epoch 0.
    """

    time: Ints
    numbers: Floats | Ints
    quality: Qualities
    epoch: Ints
    hold: Ints
    scaled: NDArray[np.bool_]
    text: NDArray[np.int32] | None = None
    words: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True)
class Links:
    """Communication history of one asset: polls expected and good in each minute [ns, its start], by source."""

    time: Ints
    source: NDArray[np.int32]
    sources: tuple[str, ...]
    expected: Ints
    good: Ints
    state: Ints


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the record itself: `gap`, `clock`, `loss`, `strike`, `plant`, `start`, `stop` …

    The time of a `clock` event is what the clock showed after it was set, and `epoch` in its detail the epoch that
    begins with it: where the clock went back, rows of earlier epochs from that time on do not count (imported rows,
    of epoch 0, apart).
    """

    seq: int
    time: int
    kind: str
    detail: Mapping[str, object]


class Reader(Protocol):
    """A store as KPIs, the export and the API read it. Raises `StoreError` when the store does not answer."""

    @property
    def store(self) -> Literal["journal", "influxdb"]: ...

    def steady(self) -> AbstractContextManager[None]:
        """For many calls in a row: while it lasts they may read what was there when it began, and keep files open."""
        ...

    def ahead(self, points: Mapping[str, Sequence[str]], start: int, end: int) -> None:
        """Before many calls, and for them alone: these points of these assets will be asked for, one asset after
        another in this order, in about [start, end). A store may read several at once, or leave it; answers are the
        same. What was said before no longer holds."""
        ...

    def series(self, asset: str, points: Sequence[str], start: int, end: int) -> dict[str, Series]:
        """Rows with start <= time < end. Each point asked for is there, with no rows where there are none."""
        ...

    def before(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        """The last rows before `time`: back to and including the `good`-th last Good one, with all that lie between."""
        ...

    def after(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        """The first rows at or after `time`: up to and including the `good`-th Good one."""
        ...

    def links(self, assets: Sequence[str], start: int, end: int) -> dict[str, Links]:
        """Communication history of minutes with start <= time < end. Each asset asked for is there. Ask for many at
        once: those of one source are kept side by side, and one costs as much as all."""
        ...

    def events(self, start: int, end: int, kinds: Sequence[str] = ()) -> list[Event]: ...

    def span(self) -> tuple[int, int] | None:
        """First and last series time held; None where there is nothing. What was shed is no longer in it."""
        ...

    def version(self, asset: str, start: int, end: int) -> str:
        """Changes whenever a row of the asset in [start, end) is added, struck or shed; cheap, for caches of facts."""
        ...
