"""The journal as a `Reader`: what was kept, read by any process at any time, beside the agent that goes on writing."""

import hashlib
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np

from connectors.base import NO_INTS, Ints
from connectors.quality import good as is_good
from store.journal import merge
from store.journal.schema import HOUR, Damage, damage
from store.journal.segment import Segment
from store.journal.shelf import Shelf
from store.reader import LINK_GROUP, LINK_POINTS, Event, Links, Series

EVER = 2**63 - 1
LinkPart = tuple[str, Ints, Ints, Ints]  # source, times, places in the log, and a line for each of LINK_POINTS
FIRST_LOOK = HOUR  # how far `before` and `after` look at first; four times as far each time after


class History:
    """Reads the journal in `folder`. One may be shared by threads; each call sees all that was committed before it."""

    store: Literal["journal"] = "journal"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shelf = Shelf(folder)
        self._one = threading.RLock()

    def close(self) -> None:
        with self._one:
            self.shelf.close()

    @contextmanager
    def steady(self) -> Iterator[None]:
        with self._one:
            self.shelf.steady += 1
        try:
            yield
        finally:
            with self._one:
                self.shelf.steady -= 1
                if not self.shelf.steady:
                    self.shelf.let_go()

    # -- series --------------------------------------------------------------------------------------------------------
    def ahead(self, points: Mapping[str, Sequence[str]], start: int, end: int) -> None:
        """Its rows are at hand."""

    def series(self, asset: str, points: Sequence[str], start: int, end: int) -> dict[str, Series]:
        with self._one:
            return self.shelf.reading(lambda: self._series(asset, points, start, end))

    def _series(self, asset: str, points: Sequence[str], start: int, end: int) -> dict[str, Series]:
        memo: merge.Memo = {}
        found, struck = self._pieces(asset, points, start, end), self.shelf.struck
        return {point: merge.series(some, struck(asset, point)[0], memo) for point, some in found.items()}

    def stored(self, asset: str, point: str, start: int, end: int) -> tuple[Series, Ints]:
        """The series of one point, and the place of each row in the log: what an import may strike."""

        def asked() -> tuple[Series, Ints]:
            found = self._pieces(asset, [point], start, end)[point]
            series, places = merge.placed(found, self.shelf.struck(asset, point)[0], {})
            return series, places()

        with self._one:
            return self.shelf.reading(asked)

    def _pieces(self, asset: str, points: Sequence[str], start: int, end: int) -> dict[str, list[merge.Piece]]:
        found: dict[str, list[merge.Piece]] = {point: [] for point in points}
        for segment, layout in self._layouts(asset):
            first, last = segment.spans.get(layout, (EVER, -EVER))
            if first >= end or last < start:
                continue
            wanted = columns_of(segment, layout, asset, found)
            if wanted:
                for point, some in self._readable(segment, layout, wanted, start, end).items():
                    found[point].extend(some)
        return found

    def _readable(
        self, segment: Segment, layout: int, wanted: dict[str, list[int]], start: int, end: int
    ) -> dict[str, list[merge.Piece]]:
        try:
            return merge.pieces(segment, layout, wanted, start, end)
        except Damage as error:
            if not damage(error):
                raise
            segment.fault(-layout, error)
            return {}

    def _layouts(self, asset: str) -> list[tuple[Segment, int]]:
        return [
            (segment, layout)
            for segment in self.shelf.segments.values()
            for layout in segment.assets.get(asset, ())
            if segment.layouts[layout].group != LINK_GROUP
        ]

    def _extent(self, asset: str, points: Sequence[str]) -> tuple[int, int]:
        """First and last time of layouts that have these points; an empty span where there are none."""
        spans = [
            segment.spans[layout]
            for segment, layout in self._layouts(asset)
            if layout in segment.spans and columns_of(segment, layout, asset, points)
        ]
        return min((a for a, _ in spans), default=EVER), max((b for _, b in spans), default=-EVER)

    def before(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        with self._one:
            return self.shelf.reading(lambda: self._look(asset, points, time, good, backward=True))

    def after(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        with self._one:
            return self.shelf.reading(lambda: self._look(asset, points, time, good, backward=False))

    def _look(self, asset: str, points: Sequence[str], time: int, good: int, backward: bool) -> dict[str, Series]:
        """Ever further from `time`, until each point has its Good rows or there is nothing more."""
        first, last = self._extent(asset, points)
        from_here = min(time, last + 1) if backward else max(time, first)
        found: dict[str, Series] = {}
        left, reach = list(points), FIRST_LOOK
        while left:
            start, end = (from_here - reach, time) if backward else (time, from_here + reach)
            all_of_it = start <= first if backward else end > last
            for point, rows in self._series(asset, left, start, end).items():
                which = np.flatnonzero(is_good(rows.quality))
                if len(which) >= good:
                    found[point] = merge.taken(
                        rows, slice(int(which[-good]), None) if backward else slice(0, int(which[good - 1]) + 1)
                    )
                elif all_of_it:
                    found[point] = rows
            left = [point for point in left if point not in found]
            reach *= 4
        return {point: found[point] for point in points}

    # -- the rest ------------------------------------------------------------------------------------------------------
    def links(self, assets: Sequence[str], start: int, end: int) -> dict[str, Links]:
        with self._one:
            return self.shelf.reading(lambda: self._links(assets, start, end))

    def _links(self, assets: Sequence[str], start: int, end: int) -> dict[str, Links]:
        parts: dict[str, list[LinkPart]] = {asset: [] for asset in assets}
        for segment in self.shelf.segments.values():
            layouts = dict.fromkeys(layout for asset in assets for layout in segment.assets.get(asset, ()))
            for layout in layouts:
                of = segment.layouts[layout]
                if of.group != LINK_GROUP:
                    continue
                chunks = [chunk for chunk in segment.chunks(layout, start, end) if len(chunk)]
                if not chunks:
                    continue
                times = np.concatenate([chunk.times for chunk in chunks])
                seqs = np.concatenate([chunk.seqs for chunk in chunks]) + segment.base
                lines = np.concatenate([chunk.values for chunk in chunks], axis=1)
                place = {(column.asset, column.point): number for number, column in enumerate(of.columns)}
                for asset in {column.asset for column in of.columns} & parts.keys():
                    values = lines[[place[asset, point] for point in LINK_POINTS]]
                    parts[asset].append((of.source, times, seqs, values))
        return {asset: _linked(some) for asset, some in parts.items()}

    def events(self, start: int, end: int, kinds: Sequence[str] = ()) -> list[Event]:
        with self._one:
            return self.shelf.reading(lambda: self._events(start, end, kinds))

    def _events(self, start: int, end: int, kinds: Sequence[str]) -> list[Event]:
        found: dict[int, Event] = {}
        ledger = (self.shelf.ledger,) if self.shelf.ledger else ()
        for segment in (*ledger, *self.shelf.segments.values()):
            for _, event in segment.events(kinds, through=EVER):
                if start <= event.time < end:
                    found[event.seq] = event
        return [found[seq] for seq in sorted(found)]

    def span(self) -> tuple[int, int] | None:
        with self._one:
            return self.shelf.reading(self._span)

    def _span(self) -> tuple[int, int] | None:
        spans = [
            span
            for segment in self.shelf.segments.values()
            for layout, span in segment.spans.items()
            if segment.layouts[layout].group != LINK_GROUP
        ]
        return (min(a for a, _ in spans), max(b for _, b in spans)) if spans else None

    def version(self, asset: str, start: int, end: int) -> str:
        with self._one:
            return self.shelf.reading(lambda: self._version(asset, start, end))

    def _version(self, asset: str, start: int, end: int) -> str:
        """A digest of how many rows each segment has in the hours of the interval, and how many were struck."""
        digest = hashlib.blake2b(digest_size=12)
        for segment in self.shelf.segments.values():
            if rows := segment.rows(asset, start, end):
                digest.update(f"{segment.number}:{rows}:{len(segment.bad)};".encode())
        for point in sorted(self._points(asset)) if self.shelf.stricken else ():
            times = self.shelf.struck(asset, point)[1]
            gone = int(((times >= start) & (times < end)).sum())
            if gone:
                digest.update(f"{point}:{gone};".encode())
        return digest.hexdigest()

    def _points(self, asset: str) -> set[str]:
        return {
            column.point
            for segment, layout in self._layouts(asset)
            for column in segment.layouts[layout].columns
            if column.asset == asset
        }


def _linked(parts: Sequence[LinkPart]) -> Links:
    """Parts of one asset in the order of time, then of the log."""
    if not parts:
        return Links(NO_INTS, np.empty(0, np.int32), (), NO_INTS, NO_INTS, NO_INTS)
    sources = {source: place for place, source in enumerate(dict.fromkeys(part[0] for part in parts))}
    source_of = np.concatenate([np.full(len(times), sources[source], np.int32) for source, times, _, _ in parts])
    time, seq = (np.concatenate([part[place] for part in parts]) for place in (1, 2))
    order = np.lexsort((seq, time))
    expected, good, state = np.concatenate([values for *_, values in parts], axis=1)[:, order]
    return Links(time[order], source_of[order], tuple(sources), expected, good, state)


def columns_of(segment: Segment, layout: int, asset: str, points: Collection[str]) -> dict[str, list[int]]:
    """The columns of a layout that carry these points of the asset."""
    found: dict[str, list[int]] = {}
    for number, column in enumerate(segment.layouts[layout].columns):
        if column.asset == asset and column.point in points:
            found.setdefault(column.point, []).append(number)
    return found
