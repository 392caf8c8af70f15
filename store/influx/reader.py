"""InfluxDB as a `Reader`: the same series, the same numbers, out of the cells that were written (docs/influxdb.md).

What is asked is ordered rows and counts of rows; every number is formed here. A point has one row a time.
"""

import csv
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from config.plant import InfluxDB, Plant
from store.influx import shape
from store.influx.ahead import Ahead, Held
from store.influx.rows import FIRST, LAST, Order, Rows
from store.influx.server import Server, connect, identifier, literal
from store.influx.table import Kind, Table, table
from store.reader import GATEWAY, Event, Links, Series

TOGETHER = 100  # assets asked for at once
SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


@dataclass(slots=True)
class _Steady:
    """What one thread was told since it began to ask."""

    versions: dict[tuple[int, int], dict[str, str]] = field(default_factory=dict)
    whole: set[tuple[int, int]] = field(default_factory=set)  # spans of which `versions` has every asset
    ahead: Ahead | None = None

    def forget(self, asset: str | None = None) -> None:
        """Rows are younger than the version that vouches for them."""
        if self.ahead is not None:
            self.ahead.forget(asset)


class InfluxReader:
    """Of one plant in one database. One may be shared by threads."""

    store: Literal["influxdb"] = "influxdb"

    def __init__(self, of: InfluxDB | Server, plant: Plant | str, lean: bool = False) -> None:
        """`plant`: its id is enough where all of it was written by one gateway. `lean`: without pyarrow."""
        self.server = of if isinstance(of, Server) else connect(of)
        self._rows = Rows(self.server, plant, lean)
        self._thread = threading.local()

    def close(self) -> None:
        self.server.close()

    @contextmanager
    def steady(self) -> Iterator[None]:
        outer = self._steady
        self._thread.steady = outer or _Steady()
        try:
            yield
        finally:
            self._thread.steady = outer

    @property
    def _steady(self) -> _Steady | None:
        return getattr(self._thread, "steady", None)

    # -- series --------------------------------------------------------------------------------------------------------
    def ahead(self, points: Mapping[str, Sequence[str]], start: int, end: int) -> None:
        steady = self._steady
        if steady is not None:
            steady.ahead = Ahead(self._rows, points, start, end) if len(points) > 1 else None

    def series(self, asset: str, points: Sequence[str], start: int, end: int) -> dict[str, Series]:
        start, end = max(start, FIRST), min(end, LAST)
        held = self._held(asset, points)
        return (held and held.series(points, start, end)) or self._rows.series(asset, points, start, end)

    def before(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        return self._look(asset, points, time, good, backward=True)

    def after(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        return self._look(asset, points, time, good, backward=False)

    def _look(self, asset: str, points: Sequence[str], time: int, good: int, backward: bool) -> dict[str, Series]:
        time, held = min(max(time, FIRST), LAST), self._held(asset, points)
        found = held and held.look(points, time, good, backward)
        return found or self._rows.look(asset, points, time, good, backward)

    def _held(self, asset: str, points: Sequence[str]) -> Held | None:
        """What was read ahead of this asset."""
        steady = self._steady
        return steady.ahead.of(asset, points) if steady is not None and steady.ahead is not None else None

    # -- the rest ------------------------------------------------------------------------------------------------------
    def links(self, assets: Sequence[str], start: int, end: int) -> dict[str, Links]:
        found: dict[str, Links] = {}
        for first in range(0, len(assets), TOGETHER):
            found |= self._links(assets[first : first + TOGETHER], start, end)
        return found

    def _links(self, assets: Sequence[str], start: int, end: int) -> dict[str, Links]:
        kinds: dict[str, Kind] = {"expected": "int", "good": "int", "state": "int", "source": "text", "asset": "text"}
        any_of = " OR ".join(f"{identifier('asset')} = {literal(asset)}" for asset in assets)
        rows = self._rows.table(kinds, shape.LINK, f"{self._rows.where(start, end)} AND ({any_of})")
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
        where = self._rows.where(start, min(end, LAST - shape.SPREAD) + shape.SPREAD)
        if kinds:
            kind = identifier("kind")
            where += f" AND ({' OR '.join(f'{kind} = {literal(one)}' for one in kinds)})"
        asked: dict[str, Kind] = {"at": "int", "seq": "int", "kind": "text", "gateway": "text", "detail": "text"}
        found = self._rows.table(asked, shape.EVENT, where)
        at, seq = (found.ints[name].tolist() for name in ("at", "seq"))
        rows = zip(at, seq, *(_words(found, name) for name in ("kind", "gateway", "detail")), strict=True)
        events = [self._event(*row) for row in rows if start <= row[0] < end]
        return sorted(events, key=lambda event: event.seq)

    def latest(self, kind: str) -> Event | None:
        """The last event of a kind, whichever gateway told it."""
        where = f"{self._rows.where(FIRST, LAST)} AND {identifier('kind')} = {literal(kind)}"
        asked: dict[str, Kind] = {"at": "int", "seq": "int", "gateway": "text", "detail": "text"}
        found = self._rows.table(asked, shape.EVENT, where, " ORDER BY time DESC LIMIT 1")
        if not len(found.ints["at"]):
            return None
        (at, seq), (gateway, detail) = (
            [found.ints[name].tolist()[0] for name in ("at", "seq")],
            [_words(found, name)[0] for name in ("gateway", "detail")],
        )
        return self._event(at, seq, kind, gateway, detail)

    def _event(self, at: int, seq: int, kind: str, gateway: str, detail: str) -> Event:
        told = json.loads(detail)
        number = self._rows.numbers.get(gateway, 0)
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
        where = self._rows.where(FIRST, LAST)
        row = self._rows.edge("epoch", shape.ASSET, where, order)
        hour = self._rows.edge("at", shape.WRITTEN, where, order)
        if hour is None:
            return row
        if order == "ASC":
            span = hour, LAST if row is None else row
        else:
            span = FIRST if row is None else row + 1, hour + shape.HOUR
        if span[0] >= span[1]:
            return row
        asked = f"SELECT * FROM {identifier(shape.ASSET)} WHERE {self._rows.where(*span)} ORDER BY time {order} LIMIT 1"
        found = table(self.server.query(asked), {"time": "int"}, lean=True).ints["time"]
        return int(found[0]) if len(found) else row

    def version(self, asset: str, start: int, end: int) -> str:
        """Of when its hours were last written, which every batch of rows says beside them. While it is steady, the
        second asset that is asked about in one span brings all others along: what is old is only formed again."""
        span, name = (start // shape.HOUR * shape.HOUR, end), f"asset={shape.name(asset).decode()}"
        steady = self._steady
        if steady is None:
            return self._versions(self._rows.where(*span, asset=asset)).get(name, "")
        known = steady.versions.get(span)
        if known is None:
            known = steady.versions[span] = {name: ""} | self._versions(self._rows.where(*span, asset=asset))
            steady.forget(asset)
        elif name not in known and span not in steady.whole:
            known |= self._versions(self._rows.where(*span))
            steady.whole.add(span)
            steady.forget()
        return known.get(name, "")

    def _versions(self, where: str) -> dict[str, str]:
        """By the tag as it is written: how many hours, the last time, and the sum of times, modulo 2^64."""
        told = 'count("at"), max("at"), sum("at")'
        asked = f'SELECT {told} FROM {identifier(shape.WRITTEN)} WHERE {where} GROUP BY "asset"'
        rows = csv.reader(self.server.query(asked).decode().splitlines())
        return {row[1]: ":".join(row[3:]) for row in rows if len(row) == 6}


def _words(of: Table, name: str) -> list[str]:
    codes, words = of.texts[name]
    return [words[code] if code >= 0 else "" for code in codes.tolist()]
