"""Rows of many assets in few answers, read while those before them are still being worked on.

A question costs a database far more than the rows of one asset in it do. So who will ask for one asset after another
says so before; an answer brings some of them, and is bounded by its lines, however many a day has.
"""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from store.influx import cell
from store.influx.rows import FIRST, LAST, Order, Rows
from store.influx.table import Table
from store.journal.merge import EMPTY, taken
from store.reader import Series

LINES = 50_000  # that an answer should have; twice as many at most
SHARE, MOST = 8, 100  # assets of the first answer, and of any
BEYOND = 64  # lines of each asset that are looked at before and after what was read


@dataclass(slots=True)
class Held:
    """What is known of one asset: each point's rows, whole in a span of its own."""

    ahead: "Ahead"
    asset: str
    rows: dict[str, Series]
    spans: dict[str, tuple[int, int]]

    def edge(self, backward: bool) -> int | None:
        """Where the spans of all points begin (or end); None where they differ."""
        edges = {first if backward else last for first, last in self.spans.values()}
        return edges.pop() if len(edges) == 1 else None

    def series(self, points: Sequence[str], start: int, end: int) -> dict[str, Series]:
        for last in {self.spans[point][1] for point in points}:
            if start <= last < end:
                some = [point for point in points if self.spans[point][1] == last]
                self.join(self.ahead.rows.series(self.asset, some, last, end), last, end)
        if any(start < self.spans[point][0] or end > self.spans[point][1] for point in points):
            return self.ahead.rows.series(self.asset, points, start, end)
        return {point: _between(self.rows[point], start, end) for point in points}

    def look(self, points: Sequence[str], time: int, good: int, backward: bool) -> dict[str, Series] | None:
        """None where the time is out of what is known."""
        if not all(first <= time <= last for first, last in (self.spans[point] for point in points)):
            return None
        if any(self._enough(point, time, good, backward) is None for point in points):
            self.ahead.further(self, backward)
        found = {}
        for point in points:
            one = self._enough(point, time, good, backward)
            if one is None:
                self._far(point, good, backward)
                one = self._enough(point, time, good, backward)
            assert one is not None
            found[point] = one
        return found

    def _enough(self, point: str, time: int, good: int, backward: bool) -> Series | None:
        """None where more has to be read before it is known."""
        first, last = self.spans[point]
        rows = _between(self.rows[point], first, time) if backward else _between(self.rows[point], time, last)
        which = cell.enough(rows, good, backward)
        if which is not None:
            return taken(rows, which)
        return rows if (first == FIRST if backward else last == LAST) else None

    def _far(self, point: str, good: int, backward: bool) -> None:
        """As many Good rows as are asked for, beyond all that is known: more than enough."""
        first, last = self.spans[point]
        rows = self.ahead.rows.far(self.asset, point, first if backward else last, good, backward)
        ends = cell.enough(rows, good, backward) is None
        if backward:
            self.join({point: rows}, FIRST if ends else int(rows.time[0]), first)
        else:
            self.join({point: rows}, last, LAST if ends else int(rows.time[-1]) + 1)

    def join(self, more: Mapping[str, Series], start: int, end: int) -> None:
        """Rows of a span next to that of their point."""
        for point, rows in more.items():
            first, last = self.spans[point]
            both = (rows, self.rows[point]) if end == first else (self.rows[point], rows)
            self.rows[point] = cell.joined(both)
            self.spans[point] = min(first, start), max(last, end)


class Ahead:
    """Of one who asks, who is one thread: these points of these assets, in this order, over [start, end)."""

    def __init__(self, rows: Rows, points: Mapping[str, Sequence[str]], start: int, end: int) -> None:
        self.rows, self.points = rows, points
        self.start, self.end = max(start, FIRST), min(end, LAST)
        self._names = list(points)
        self._place = {name: place for place, name in enumerate(self._names)}
        self._share = SHARE
        self._held: dict[str, Held] = {}
        self._alone: set[str] = set()
        self._further: set[bool] = set()
        self._coming: tuple[range, Future[dict[str, Held]]] | None = None
        self._send(0)

    def of(self, asset: str, points: Sequence[str]) -> Held | None:
        """What is held of an asset; None where nobody said that it would be asked for."""
        place = self._place.get(asset)
        if place is None or not set(points) <= set(self.points[asset]):
            return None
        for passed in [name for name in self._held if self._place[name] < place]:
            del self._held[passed]
        if asset not in self._held:
            self._bring(asset, place)
        return self._held[asset]

    def forget(self, asset: str | None = None) -> None:
        """What was read of an asset, or of all: it is older than what somebody was told since."""
        if asset is not None and asset in self._held:
            del self._held[asset]
            self._alone.add(asset)
        elif asset is None or (self._coming is not None and self._place.get(asset, -1) in self._coming[0]):
            self._held.clear()
            self._coming = None

    def further(self, of: Held, backward: bool) -> None:
        """Some lines more on one side; from the second asset on that needs them, of all that were read with it."""
        edge = of.edge(backward)
        if edge is None or edge == (FIRST if backward else LAST):
            return
        together = self._held.values() if backward in self._further else [of]
        some = {held.asset: held for held in together if held.edge(backward) == edge}
        self._further.add(backward)
        span = (FIRST, edge) if backward else (edge, LAST)
        order: Order = "DESC" if backward else "ASC"
        found = self.rows.lines(list(some), self._union(list(some)), *span, BEYOND, order)
        for asset, held in some.items():
            rows, times = self._told(asset, found.get(asset))
            if backward:
                held.join(rows, times[0] if len(times) == BEYOND else FIRST, edge)
            else:
                held.join(rows, edge, times[-1] + 1 if len(times) == BEYOND else LAST)

    # -- bringing ------------------------------------------------------------------------------------------------------
    def _bring(self, asset: str, place: int) -> None:
        if asset in self._alone:
            self._held |= self._load([asset])
            return
        if self._coming is None or place not in self._coming[0]:
            self._send(place)
        assert self._coming is not None
        (span, coming), self._coming = self._coming, None
        self._held |= coming.result()
        most = max((len(rows) for held in self._held.values() for rows in held.rows.values()), default=0)
        self._share = max(1, min(MOST, LINES // max(most, 1)))
        if span.stop < len(self._names):
            self._send(span.stop)

    def _send(self, place: int) -> None:
        """Has the next ones read aside. Nobody waits for them who does not need them."""
        span, coming = range(place, min(place + self._share, len(self._names))), Future[dict[str, Held]]()

        def read() -> None:
            try:
                coming.set_result(self._load(self._names[place : span.stop]))
            except BaseException as error:
                coming.set_exception(error)

        self._coming = span, coming
        threading.Thread(target=read, name="gemba-ahead", daemon=True).start()

    def _load(self, assets: Sequence[str]) -> dict[str, Held]:
        limit = max(2 * LINES // len(assets), 1)
        found = self.rows.lines(assets, self._union(assets), self.start, self.end, limit)
        made = {}
        for asset in assets:
            rows, times = self._told(asset, found.get(asset))
            span = self.start, times[-1] + 1 if len(times) == limit else self.end
            made[asset] = Held(self, asset, rows, dict.fromkeys(rows, span))
        return made

    def _told(self, asset: str, found: Table | None) -> tuple[dict[str, Series], list[int]]:
        """The rows of all its points, and the times of the lines that they are from."""
        if found is None:
            return dict.fromkeys(self.points[asset], EMPTY), []
        return self.rows.told(asset, self.points[asset], found), found.ints["time"].tolist()

    def _union(self, assets: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(point for asset in assets for point in self.points[asset]))


def _between(rows: Series, start: int, end: int) -> Series:
    first, last = rows.time.searchsorted((start, end), "left").tolist()
    return rows if first == 0 and last == len(rows) else taken(rows, slice(first, last))
