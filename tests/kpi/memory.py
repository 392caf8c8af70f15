"""A store in memory that answers as every store does: real Series, sorted as they must be, and nothing decided."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from hashlib import blake2b
from typing import Literal

import numpy as np

from connectors.base import NO_INTS
from connectors.quality import BAD
from store.reader import Event, Links, Series

Key = tuple[str, str]


def series(
    times: Sequence[int],
    values: Sequence[float | str | None],
    *,
    epoch: int = 1,
    hold: int = 0,
    scaled: bool = False,
) -> Series:
    """Rows of one point; None is a Bad row."""
    texts = [value for value in values if isinstance(value, str)]
    words = tuple(dict.fromkeys(texts))
    numbers = [0 if value is None or isinstance(value, str) else value for value in values]
    whole = all(isinstance(number, int) for number in numbers)
    count = len(times)
    return ordered(
        Series(
            np.array(times, np.int64),
            np.array(numbers, np.int64 if whole else np.float64),
            np.array([BAD if value is None else 0 for value in values], np.uint32),
            np.full(count, epoch, np.int64),
            np.full(count, hold, np.int64),
            np.full(count, scaled),
            np.array([words.index(v) if isinstance(v, str) else -1 for v in values], np.int32) if words else None,
            words,
        )
    )


def picked(rows: Series, which: np.ndarray) -> Series:
    columns = {name: getattr(rows, name)[which] for name in ("time", "numbers", "quality", "epoch", "hold", "scaled")}
    return replace(rows, **columns, text=None if rows.text is None else rows.text[which])


def ordered(rows: Series) -> Series:
    return picked(rows, np.lexsort((rows.epoch, rows.time)))


EMPTY = series([], [])


class Memory:
    """A Reader over what it was given; `rows` may be changed between calls."""

    store: Literal["journal", "influxdb"] = "journal"

    def __init__(
        self,
        rows: Mapping[Key, Series],
        links: Mapping[str, Links] | None = None,
        events: Sequence[Event] = (),
    ) -> None:
        self.rows = dict(rows)
        self.history = dict(links or {})
        self.log = list(events)
        self.asked = 0

    def steady(self) -> AbstractContextManager[None]:
        return nullcontext()

    def ahead(self, points: Mapping[str, Sequence[str]], start: int, end: int) -> None:
        """Everything is at hand."""

    def series(self, asset: str, points: Sequence[str], start: int, end: int) -> dict[str, Series]:
        self.asked += 1
        found = {}
        for point in points:
            rows = self.rows.get((asset, point), EMPTY)
            found[point] = picked(rows, np.flatnonzero((rows.time >= start) & (rows.time < end)))
        return found

    def before(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        found = self.series(asset, points, -(2**63), time)
        for point, rows in found.items():
            which = np.flatnonzero(rows.quality < 2**30)
            if len(which) >= good:
                found[point] = picked(rows, np.arange(which[-good], len(rows)))
        return found

    def after(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        found = self.series(asset, points, time, 2**63 - 1)
        for point, rows in found.items():
            which = np.flatnonzero(rows.quality < 2**30)
            if len(which) >= good:
                found[point] = picked(rows, np.arange(which[good - 1] + 1))
        return found

    def links(self, assets: Sequence[str], start: int, end: int) -> dict[str, Links]:
        return {asset: self._links(asset, start, end) for asset in assets}

    def _links(self, asset: str, start: int, end: int) -> Links:
        if asset not in self.history:
            return Links(NO_INTS, np.empty(0, np.int32), (), NO_INTS, NO_INTS, NO_INTS)
        told = self.history[asset]
        which = (told.time >= start) & (told.time < end)
        columns = (told.expected[which], told.good[which], told.state[which])
        return Links(told.time[which], told.source[which], told.sources, *columns)

    def events(self, start: int, end: int, kinds: Sequence[str] = ()) -> list[Event]:
        return [one for one in self.log if start <= one.time < end and (not kinds or one.kind in kinds)]

    def span(self) -> tuple[int, int] | None:
        times = np.concatenate([rows.time for rows in self.rows.values()] or [NO_INTS])
        return (int(times.min()), int(times.max())) if len(times) else None

    def version(self, asset: str, start: int, end: int) -> str:
        digest = blake2b(digest_size=12)
        for (of, point), rows in sorted(self.rows.items(), key=lambda pair: pair[0]):
            which = np.flatnonzero((rows.time >= start) & (rows.time < end))
            if of == asset and len(which):
                part = picked(rows, which)
                digest.update(point.encode() + part.time.tobytes() + part.numbers.tobytes() + part.quality.tobytes())
                digest.update(b"" if part.text is None else part.text.tobytes())
        return digest.hexdigest()
