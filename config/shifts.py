"""When a plant means to work, as frozen models: shifts, calendars of them, and planned stops."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal


@dataclass(frozen=True, slots=True)
class Shift:
    """Minutes after 00:00 of the date it starts on; `end` past 1440 runs into the next day, breaks likewise."""

    name: str
    start: int
    end: int
    breaks: tuple[tuple[int, int], ...] = ()
    days: frozenset[int] = frozenset(range(7))  # 0 is Monday
    since: date | None = None
    until: date | None = None  # the last date on which it still starts


@dataclass(frozen=True, slots=True)
class Calendar:
    """No shifts: always, round the clock. `workdays` is `china`, a set of working dates from a file, or None."""

    name: str
    shifts: tuple[Shift, ...] = ()
    closed: tuple[tuple[date, date], ...] = ()
    workdays: Literal["china"] | Mapping[date, bool] | None = None


ALWAYS = Calendar("always")


@dataclass(frozen=True, slots=True)
class PlannedStop:
    assets: tuple[str, ...]
    start: int
    end: int
    why: str = ""
