"""Rows of one plant in one database, as they are asked for: of one asset by the day, or of several in one answer."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from config.plant import Plant
from connectors.quality import UNCERTAIN
from store.influx import cell, shape
from store.influx.server import Server, identifier, literal
from store.influx.table import NONE, Kind, Table, table
from store.journal.merge import EMPTY, taken
from store.reader import GATEWAY, Series

FIRST, LAST = -(2**63) + 2, 2**63 - 2  # of the times that InfluxDB knows
SLICE = 86400 * 10**9  # of time asked for at once
NEAR = 3600 * 10**9  # how far `before` and `after` look at first
ROWS, MORE = 64, 16  # how many rows they look at then, and how many times as many each time after
FIELDS = b"name,tags,fieldKey,fieldType\n"
Order = Literal["ASC", "DESC"]


class Rows:
    """May be shared by threads. `numbers` are those of the gateways where there are several."""

    def __init__(self, server: Server, plant: Plant | str, lean: bool) -> None:
        self.server, self.lean = server, lean
        self.plant = plant if isinstance(plant, str) else plant.id
        self.numbers: dict[str, int] = {}
        self._gateways: dict[tuple[str, str], int] = {}
        self._fields: frozenset[str] = frozenset()
        if isinstance(plant, Plant) and len(plant.gateways) > 1:
            self.numbers = {name or "": number for number, name in enumerate(plant.gateways)}
            for point in plant.points():
                self._gateways[point.key] = self.numbers[plant.sources[point.source].gateway or ""]

    # -- asking --------------------------------------------------------------------------------------------------------
    def where(self, start: int, end: int, **tags: str) -> str:
        told = [f"{identifier(key)} = {literal(value)}" for key, value in {"plant": self.plant, **tags}.items()]
        return " AND ".join([*told, f"time >= {max(start, FIRST)}", f"time < {min(end, LAST)}"])

    def table(self, kinds: Mapping[str, Kind], measurement: str, where: str, more: str = "") -> Table:
        """These columns of a measurement, and the time of each row."""
        columns = ",".join(map(identifier, kinds))
        body = self.server.query(f"SELECT {columns} FROM {identifier(measurement)} WHERE {where}{more}")
        return table(body, {"time": "int", **kinds}, self.lean)

    def edge(self, column: str, measurement: str, where: str, order: Order) -> int | None:
        """The time of the first or last row that has this column."""
        found = self.table({column: "int"}, measurement, where, f" ORDER BY time {order} LIMIT 1").ints["time"]
        return int(found[0]) if len(found) else None

    # -- of one asset --------------------------------------------------------------------------------------------------
    def series(self, asset: str, points: Sequence[str], start: int, end: int) -> dict[str, Series]:
        if not points:
            return {}
        start, end = max(start, FIRST), min(end, LAST)
        if end - start > 2 * SLICE:
            held = self._held(asset)
            start, end = max(start, held[0]), min(end, held[1])
        days = [self._day(asset, points, at, min(at + SLICE, end)) for at in range(start, end, SLICE)]
        return {point: cell.joined([day[point] for day in days]) for point in points}

    def _held(self, asset: str) -> tuple[int, int]:
        """A span outside of which the asset has no rows. Imported rows have no epoch; of them the hours are known."""
        where = self.where(FIRST, LAST, asset=asset)
        last, first = (
            [
                edge
                for column, measurement in (("epoch", shape.ASSET), ("at", shape.WRITTEN))
                if (edge := self.edge(column, measurement, where, order)) is not None
            ]
            for order in ("DESC", "ASC")
        )
        if not last or not first:  # none, or the first of them came just now
            return 0, 0
        return min(first), max(last) + shape.HOUR

    def _day(self, asset: str, points: Sequence[str], start: int, end: int) -> dict[str, Series]:
        found = self.table(cell.kinds(points), shape.ASSET, self.where(start, end, asset=asset))
        return self.told(asset, points, found)

    def told(self, asset: str, points: Sequence[str], found: Table) -> dict[str, Series]:
        """The rows of each point; epochs of several gateways kept apart."""
        rows = {point: cell.series(found, point) for point in points}
        for point, one in rows.items():
            if number := self._gateways.get((asset, point), 0):
                rows[point] = replace(one, epoch=np.where(one.epoch, one.epoch + (number << GATEWAY), 0))
        return rows

    def look(self, asset: str, points: Sequence[str], time: int, good: int, backward: bool) -> dict[str, Series]:
        """Near by for all points at once; then each by its own rows, of which ever more are looked at."""
        near = (time - NEAR, time) if backward else (time, time + NEAR)
        found = self.series(asset, points, *near) if FIRST < time < LAST else dict.fromkeys(points, EMPTY)
        for point, rows in found.items():
            which = cell.enough(rows, good, backward)
            found[point] = self.far(asset, point, time, good, backward) if which is None else taken(rows, which)
        return found

    def far(self, asset: str, point: str, time: int, good: int, backward: bool) -> Series:
        kinds = {name: kind for name, kind in cell.kinds([point]).items() if name != "epoch"}
        where = self.where(FIRST, time, asset=asset) if backward else self.where(time, LAST, asset=asset)
        count = ROWS
        while True:
            more = f" ORDER BY time {'DESC' if backward else 'ASC'} LIMIT {count}"
            seen = self.table(kinds, shape.ASSET, where, more)
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
        which = cell.enough(rows, good, backward)
        return rows if which is None else taken(rows, which)

    # -- of several ----------------------------------------------------------------------------------------------------
    def lines(
        self, assets: Sequence[str], points: Sequence[str], start: int, end: int, limit: int, order: Order = "ASC"
    ) -> dict[str, Table]:
        """The first (or last) so many lines of each asset; those of which there are none are left out.

        Only fields that the database knows are asked for, and the same answer says whether it knows more by now."""
        kinds = cell.kinds(points)
        any_of = " OR ".join(f"{identifier('asset')} = {literal(asset)}" for asset in assets)
        where = f"{self.where(start, end)} AND ({any_of})"
        while True:
            known = {name: kind for name, kind in kinds.items() if name in self._fields}
            select = f"SELECT {','.join(map(identifier, known))} FROM {identifier(shape.ASSET)} WHERE {where} "
            select += f'GROUP BY "asset" ORDER BY time {order} LIMIT {limit};'
            body = self.server.query(f"{select if known else ''}SHOW FIELD KEYS FROM {identifier(shape.ASSET)}")
            place = max(body.rfind(b"\n\n" + FIELDS) + 1, 0)
            told = csv.reader(body[place:].decode().strip("\n").splitlines()[1:])
            self._fields = frozenset(row[2] for row in told)
            if not kinds.keys() & self._fields - known.keys():
                break
        found = table(body[:place], {"time": "int", "tags": "text", **known}, self.lean)
        found.lack({name: kind for name, kind in kinds.items() if name not in known})
        told_of = {f"asset={shape.name(asset).decode()}": asset for asset in assets}
        forward = slice(None, None, -1 if order == "DESC" else None)
        return {told_of[tags]: part.taken(forward) for tags, part in found.by("tags").items()}
