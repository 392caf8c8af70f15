"""Which assets make a line, a workshop or the plant."""

from datetime import date
from typing import Literal

import numpy as np

from config.plant import Plant
from config.shifts import ALWAYS, Calendar
from config.zone import DAY, EPOCH, Offsets

By = Literal["asset", "line", "workshop", "plant"]
BYS: tuple[By, ...] = ("asset", "line", "workshop", "plant")


def group_of(plant: Plant, asset: str, by: By) -> str:
    """The group that an asset belongs to; empty where the register names none."""
    if by == "asset":
        return asset
    if by == "plant":
        return plant.id
    if by == "line":
        return plant.line_of(asset)
    row = plant.device(asset)
    return row.workshop if row else ""


def members_of(plant: Plant, by: By, start: int, end: int) -> dict[str, list[str]]:
    """Groups with their connected assets that are in scope; by asset, every connected one. A plant is one even where
    it has meters alone."""
    found: dict[str, list[str]] = {plant.id: []} if by == "plant" else {}
    for asset in plant.assets:
        name = group_of(plant, asset, by)
        if name and (by == "asset" or in_scope(plant, asset, start, end)):
            found.setdefault(name, []).append(asset)
    return found


def in_scope(plant: Plant, asset: str, start: int, end: int) -> bool:
    """By the register, at some time of the window; without one, or without a row, it is."""
    row = plant.device(asset)
    if row is None:
        return True
    local = Offsets(plant.timezone, start, end).local(np.array([start, end - 1], np.int64))
    first, last = (date.fromordinal(int(time) // DAY + EPOCH) for time in local)
    return row.in_scope and (row.since is None or row.since <= last) and (row.until is None or first <= row.until)


def calendar_of(plant: Plant, by: By, name: str) -> Calendar:
    """The calendar by whose shifts and days a row is divided."""
    if by == "asset":
        return plant.calendar_of(name)
    line = plant.lines.get(name) if by == "line" else None
    if line is None or line.calendar is None:
        return plant.calendar
    return ALWAYS if line.calendar == ALWAYS.name else plant.calendars[line.calendar]
