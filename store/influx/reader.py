"""InfluxDB as a `Reader`: the same series, the same numbers, out of the cells that were written (docs/influxdb.md).

What is asked is ordered rows and counts of rows; every number is formed here. A point has one row a time.
"""

import csv
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from config.plant import InfluxDB, Plant
from connectors.quality import UNCERTAIN
from connectors.quality import good as is_good
from store.influx import cell, shape
from store.influx.server import Server, connect, identifier, literal
from store.influx.table import NONE, Kind, Table, table
from store.journal.merge import EMPTY, taken
from store.reader import GATEWAY, Event, Links, Series

FIRST, LAST = -(2**63) + 2, 2**63 - 2  # of the times that InfluxDB knows
SLICE = 86400 * 10**9  # of time asked for at once
NEAR = 3600 * 10**9  # how far `before` and `after` look at first
TOGETHER = 100  # assets asked for at once
ROWS, MORE = 64, 16  # how many rows they look at then, and how many times as many each time after
Order = Literal["ASC", "DESC"]
SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


class InfluxReader:
    """Of one plant in one database. One may be shared by threads."""

    store: Literal["influxdb"] = "influxdb"

    def __init__(self, of: InfluxDB | Server, plant: Plant | str, lean: bool = False) -> None:
        """`plant`: its id is enough where all of it was written by one gateway. `lean`: without pyarrow."""
        self.server = of if isinstance(of, Server) else connect(of)
        self.plant = plant if isinstance(plant, str) else plant.id
        self._lean = lean
        self._gateways: dict[tuple[str, str], int] = {}
        self._numbers: dict[str, int] = {}
        self._thread = threading.local()
        if isinstance(plant, Plant) and len(plant.gateways) > 1:
            self._numbers = {name or "": number for number, name in enumerate(plant.gateways)}
            for point in plant.points():
                self._gateways[point.key] = self._numbers[plant.sources[point.source].gateway or ""]

    def close(self) -> None:
        self.server.close()

    @contextmanager
    def steady(self) -> Iterator[None]:
        outer = getattr(self._thread, "versions", None)
        self._thread.versions = {} if outer is None else outer
        try:
            yield
        finally:
            self._thread.versions = outer

    # -- asking --------------------------------------------------------------------------------------------------------
    def _where(self, start: int, end: int, **tags: str) -> str:
        told = [f"{identifier(key)} = {literal(value)}" for key, value in {"plant": self.plant, **tags}.items()]
        return " AND ".join([*told, f"time >= {max(start, FIRST)}", f"time < {min(end, LAST)}"])

    def _rows(self, kinds: Mapping[str, Kind], measurement: str, where: str, more: str = "") -> Table:
        """These columns of a measurement, and the time of each row."""
        columns = ",".join(map(identifier, kinds))
        body = self.server.query(f"SELECT {columns} FROM {identifier(measurement)} WHERE {where}{more}")
        return table(body, {"time": "int", **kinds}, self._lean)

    def _edge(self, column: str, measurement: str, where: str, order: Order) -> int | None:
        """The time of the first or last row that has this column."""
        found = self._rows({column: "int"}, measurement, where, f" ORDER BY time {order} LIMIT 1").ints["time"]
        return int(found[0]) if len(found) else None

    # -- series --------------------------------------------------------------------------------------------------------
    def series(self, asset: str, points: Sequence[str], start: int, end: int) -> dict[str, Series]:
        if not points:
            return {}
        start, end = max(start, FIRST), min(end, LAST)
        if end - start > 2 * SLICE:
            held = self._held(asset)
            start, end = max(start, held[0]), min(end, held[1])
        parts = [self._part(asset, points, at, min(at + SLICE, end)) for at in range(start, end, SLICE)]
        return {point: _joined([part[point] for part in parts]) for point in points}

    def _held(self, asset: str) -> tuple[int, int]:
        """A span outside of which the asset has no rows. Imported rows have no epoch; of them the hours are known."""
        where = self._where(FIRST, LAST, asset=asset)
        edges = [
            self._edge(column, measurement, where, order)
            for order in ("ASC", "DESC")
            for column, measurement in (("epoch", shape.ASSET), ("at", shape.WRITTEN))
        ]
        first, last = ([edge for edge in some if edge is not None] for some in (edges[:2], edges[2:]))
        return min(first, default=0), max(last, default=-shape.HOUR) + shape.HOUR

    def _part(self, asset: str, points: Sequence[str], start: int, end: int) -> dict[str, Series]:
        found = self._rows(cell.kinds(points), shape.ASSET, self._where(start, end, asset=asset))
        return {point: self._numbered(asset, point, cell.series(found, point)) for point in points}

    def _numbered(self, asset: str, point: str, rows: Series) -> Series:
        """Epochs of several gateways kept apart."""
        number = self._gateways.get((asset, point), 0)
        return replace(rows, epoch=np.where(rows.epoch, rows.epoch + (number << GATEWAY), 0)) if number else rows

    def before(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        return self._look(asset, points, time, good, backward=True)

    def after(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        return self._look(asset, points, time, good, backward=False)

    def _look(self, asset: str, points: Sequence[str], time: int, good: int, backward: bool) -> dict[str, Series]:
        """Near by for all points at once; then each by its own rows, of which ever more are looked at."""
        near = (time - NEAR, time) if backward else (time, time + NEAR)
        found = self.series(asset, points, *near)
        for point, rows in found.items():
            which = _enough(rows, good, backward)
            found[point] = self._far(asset, point, time, good, backward) if which is None else taken(rows, which)
        return found

    def _far(self, asset: str, point: str, time: int, good: int, backward: bool) -> Series:
        kinds = {name: kind for name, kind in cell.kinds([point]).items() if name != "epoch"}
        where = self._where(FIRST, time, asset=asset) if backward else self._where(time, LAST, asset=asset)
        count = ROWS
        while True:
            more = f" ORDER BY time {'DESC' if backward else 'ASC'} LIMIT {count}"
            seen = self._rows(kinds, shape.ASSET, where, more)
            times, quality = seen.ints["time"], seen.ints[shape.fields(point).quality]
            known = np.flatnonzero((quality == NONE) | (quality < UNCERTAIN))
            if len(known) >= good or len(times) < count:
                break
            count *= MORE
        if not len(times):
            return EMPTY
        last = int(times[known[good - 1]] if len(known) >= good else times[-1])
        span = (last, time) if backward else (time, last + 1)
        rows = self.series(asset, [point], *span)[point]
        which = _enough(rows, good, backward)
        return rows if which is None else taken(rows, which)

    # -- the rest ------------------------------------------------------------------------------------------------------
    def links(self, assets: Sequence[str], start: int, end: int) -> dict[str, Links]:
        found: dict[str, Links] = {}
        for first in range(0, len(assets), TOGETHER):
            found |= self._links(assets[first : first + TOGETHER], start, end)
        return found

    def _links(self, assets: Sequence[str], start: int, end: int) -> dict[str, Links]:
        kinds: dict[str, Kind] = {"expected": "int", "good": "int", "state": "int", "source": "text", "asset": "text"}
        any_of = " OR ".join(f"{identifier('asset')} = {literal(asset)}" for asset in assets)
        rows = self._rows(kinds, shape.LINK, f"{self._where(start, end)} AND ({any_of})")
        codes, names = rows.texts["source"]
        rank = np.array([sorted(names).index(name) for name in names], np.int32)[codes]
        owner, owners = rows.texts["asset"]
        order = np.lexsort((rank, rows.ints["time"], owner))
        first, last = (np.searchsorted(owner[order], np.arange(len(owners)), side) for side in SIDES)
        mine = {name: order[first[code] : last[code]] for code, name in enumerate(owners)}
        found: dict[str, Links] = {}
        for asset in assets:
            which = mine.get(asset, order[:0])
            counts = (rows.ints[name][which] for name in ("expected", "good", "state"))
            found[asset] = Links(rows.ints["time"][which], rank[which], tuple(sorted(names)), *counts)
        return found

    def events(self, start: int, end: int, kinds: Sequence[str] = ()) -> list[Event]:
        where = self._where(start, min(end, LAST - shape.SPREAD) + shape.SPREAD)
        if kinds:
            kind = identifier("kind")
            where += f" AND ({' OR '.join(f'{kind} = {literal(one)}' for one in kinds)})"
        asked: dict[str, Kind] = {"at": "int", "seq": "int", "kind": "text", "gateway": "text", "detail": "text"}
        found = self._rows(asked, shape.EVENT, where)
        at, seq = (found.ints[name].tolist() for name in ("at", "seq"))
        rows = zip(at, seq, *(_words(found, name) for name in ("kind", "gateway", "detail")), strict=True)
        events = [self._event(*row) for row in rows if start <= row[0] < end]
        return sorted(events, key=lambda event: event.seq)

    def latest(self, kind: str) -> Event | None:
        """The last event of a kind, whichever gateway told it."""
        where = f"{self._where(FIRST, LAST)} AND {identifier('kind')} = {literal(kind)}"
        asked: dict[str, Kind] = {"at": "int", "seq": "int", "gateway": "text", "detail": "text"}
        found = self._rows(asked, shape.EVENT, where, " ORDER BY time DESC LIMIT 1")
        if not len(found.ints["at"]):
            return None
        (at, seq), (gateway, detail) = (
            [found.ints[name].tolist()[0] for name in ("at", "seq")],
            [_words(found, name)[0] for name in ("gateway", "detail")],
        )
        return self._event(at, seq, kind, gateway, detail)

    def _event(self, at: int, seq: int, kind: str, gateway: str, detail: str) -> Event:
        told = json.loads(detail)
        number = self._numbers.get(gateway, 0)
        if number and isinstance(told.get("epoch"), int):
            told["epoch"] += number << GATEWAY
        return Event(seq, at, kind, told)

    def span(self) -> tuple[int, int] | None:
        first, last = self.first(), self._end("DESC")
        return None if first is None or last is None else (first, last)

    def first(self) -> int | None:
        """The time of the first row of all."""
        return self._end("ASC")

    def _end(self, order: Order) -> int | None:
        """The first or last row of all. Imported rows have no epoch: they are looked for in hours beyond the others."""
        where = self._where(FIRST, LAST)
        row, hour = self._edge("epoch", shape.ASSET, where, order), self._edge("at", shape.WRITTEN, where, order)
        if hour is None:
            return row
        if order == "ASC":
            span = hour, LAST if row is None else row
        else:
            span = FIRST if row is None else row + 1, hour + shape.HOUR
        if span[0] >= span[1]:
            return row
        asked = f"SELECT * FROM {identifier(shape.ASSET)} WHERE {self._where(*span)} ORDER BY time {order} LIMIT 1"
        found = table(self.server.query(asked), {"time": "int"}, lean=True).ints["time"]
        return int(found[0]) if len(found) else row

    def version(self, asset: str, start: int, end: int) -> str:
        """Of when its hours were last written, which every batch of rows says beside them. While it is steady, the
        second asset that is asked about in one span brings all others along: what is old is only formed again."""
        span, name = (start // shape.HOUR * shape.HOUR, end), f"asset={shape.name(asset).decode()}"
        memo: dict[tuple[int, int], dict[str, str] | None] | None = getattr(self._thread, "versions", None)
        if memo is None or span not in memo:
            if memo is not None:
                memo[span] = None
            return self._versions(self._where(*span, asset=asset)).get(name, "")
        found = memo[span]
        if found is None:
            found = memo[span] = self._versions(self._where(*span))
        return found.get(name, "")

    def _versions(self, where: str) -> dict[str, str]:
        """By the tag as it is written: how many hours, the last time, and the sum of times, modulo 2^64."""
        told = 'count("at"), max("at"), sum("at")'
        asked = f'SELECT {told} FROM {identifier(shape.WRITTEN)} WHERE {where} GROUP BY "asset"'
        rows = csv.reader(self.server.query(asked).decode().splitlines())
        return {row[1]: ":".join(row[3:]) for row in rows if len(row) == 6}


def _words(of: Table, name: str) -> list[str]:
    codes, words = of.texts[name]
    return [words[code] if code >= 0 else "" for code in codes.tolist()]


def _enough(rows: Series, good: int, backward: bool) -> slice | None:
    """The part that `good` Good rows are in, counted from the end (or the beginning); None: there are fewer."""
    which = np.flatnonzero(is_good(rows.quality))
    if len(which) < good:
        return None
    return slice(int(which[-good]), None) if backward else slice(0, int(which[good - 1]) + 1)


def _joined(parts: Sequence[Series]) -> Series:
    """Rows of parts that follow one another."""
    parts = [part for part in parts if len(part)]
    if len(parts) < 2:
        return parts[0] if parts else EMPTY
    index: dict[str, int] = {}
    texts = []
    for part in parts:
        codes = np.array([index.setdefault(word, len(index)) for word in part.words] + [-1], np.int32)
        texts.append(np.full(len(part), -1, np.int32) if part.text is None else codes[part.text])

    def whole(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    time, numbers, quality = whole("time"), whole("numbers"), whole("quality")
    text = np.concatenate(texts) if index else None
    return Series(time, numbers, quality, whole("epoch"), whole("hold"), whole("scaled"), text, tuple(index))
