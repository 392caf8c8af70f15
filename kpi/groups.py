"""Which assets make a line, a workshop or the plant."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

import numpy as np

from config.devices import Device
from config.plant import Plant
from config.shifts import ALWAYS, Calendar
from config.slices import roster
from config.zone import Offsets

By = Literal["asset", "line", "workshop", "plant"]
BYS: tuple[By, ...] = ("asset", "line", "workshop", "plant")


class Membership:
    """The group that each connected asset belongs to, by the register's row of the production days that are asked for;
    by asset it is one of its own, in scope or not."""

    def __init__(self, plant: Plant, by: By) -> None:
        self.plant, self.by = plant, by
        self.rows: dict[str, list[Device]] = {asset: [] for asset in plant.assets}
        for row in plant.register.devices if plant.register else ():
            if row.id in self.rows:
                self.rows[row.id].append(row)

    def groups(self, start: int, end: int) -> dict[str, list[str]]:
        """Groups, with the assets that are members at some time of a span. A plant is one even where it has meters
        alone."""
        first, last = production_days(self.plant, [(start, end)])[0]
        found: dict[str, list[str]] = {self.plant.id: []} if self.by == "plant" else {}
        for asset in self.plant.assets:
            for name in dict.fromkeys(self._names(asset, first, last)):
                found.setdefault(name, []).append(asset)
        return found

    def group(self, asset: str, first: date, last: date) -> str:
        """Where it belongs in these production days, at last; empty where it is in no group."""
        return next(iter(self._names(asset, first, last)[::-1]), "")

    def _names(self, asset: str, first: date, last: date) -> list[str]:
        """By each of its rows that is valid on one of these days; an asset without a row is in scope."""
        rows: Sequence[Device | None] = self.rows[asset] if self.by != "asset" else ()
        held = [row for row in rows if row and (row.since or last) <= last and first <= (row.until or first)]
        return [name for row in (held if rows else (None,)) if (name := self._named(asset, row))]

    def _named(self, asset: str, row: Device | None) -> str:
        if self.by == "asset":
            return asset
        if row is not None and not row.in_scope:
            return ""
        if self.by == "plant":
            return self.plant.id
        if self.by == "line":
            return (row.line if row else "") or self.plant.series_of(asset)
        return row.workshop if row else ""


def production_days(plant: Plant, spans: Sequence[tuple[int, int]]) -> list[tuple[date, date]]:
    """The first and the last production day of each span."""
    edges = np.array(spans, np.int64).reshape(-1, 2)
    if not len(edges):
        return []
    start, end = int(edges.min()), int(edges.max())
    of = roster(plant.calendar, Offsets(plant.timezone, start, end), start, end)
    days = of.days[of.day_at(edges - np.array([0, 1]))]
    return [(date.fromordinal(first), date.fromordinal(last)) for first, last in days.tolist()]


def members_of(plant: Plant, start: int, end: int) -> list[str]:
    """The connected assets that are in scope at some time of a span."""
    return Membership(plant, "plant").groups(start, end)[plant.id]


def calendar_of(plant: Plant, by: By, name: str) -> Calendar:
    """The calendar by whose shifts and days a row is divided."""
    if by == "asset":
        return plant.calendar_of(name)
    line = plant.lines.get(name) if by == "line" else None
    if line is None or line.calendar is None:
        return plant.calendar
    return ALWAYS if line.calendar == ALWAYS.name else plant.calendars[line.calendar]
