"""Fact tables for the tests of rates, from a run-length notation of what was heard of each asset on each day.

`26x1 4x0` is 26 days on which every poll was good, then 4 on which none was; `10x0.8` ten on which 80 % were; `2x_` two
of which no history tells.
"""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

import numpy as np

from config.plant import Plant
from config.slices import plant_slices
from config.zone import EPOCH, nanoseconds
from connectors.base import Ints
from kpi.facts.schema import BIT, Table, empty
from kpi.polls import Polls, every, polls

MS = 1_000_000
PARTS = ("numerator", "denominator")


def at(plant: Plant, text: str) -> int:
    """A local time in the plant's zone [ns]."""
    return nanoseconds(datetime.fromisoformat(text).replace(tzinfo=plant.timezone))


def days(text: str) -> list[Fraction | None]:
    """The share of each day's polls that was good; None: no history."""
    found: list[Fraction | None] = []
    for run in text.split():
        count, _, share = run.partition("x")
        found += [None if share == "_" else Fraction(share)] * int(count)
    return found


class Told:
    """Slices and links of a plant over [start, end)."""

    def __init__(self, plant: Plant, start: int, end: int) -> None:
        self.plant, self.start = plant, start
        self.names = ["", *plant.assets, *plant.sources]
        parts = []
        for asset, cut in plant_slices(plant, plant.assets, start, end).items():
            part = empty("slices", len(cut))
            part["asset"] = self.names.index(asset)
            part["start"], part["end"], part["day"], part["scheduled"] = (
                cut.start,
                cut.end,
                cut.day - EPOCH,
                cut.scheduled,
            )
            parts.append(part)
        self.slices: Table = np.concatenate(parts)
        self.links: Table = empty("links")

    def _each(self, asset: str, text: str) -> tuple[Ints, Ints]:
        """The asset's slices of days with a history, and the milliseconds heard in each, by the days from the first."""
        shares = days(text)
        mine = np.flatnonzero(self.slices["asset"] == self.names.index(asset))
        told = self.slices[mine]
        day = told["day"] - self.slices["day"].min()
        known = np.array([share is not None for share in shares])[day]
        top, bottom = (np.array([getattr(share or Fraction(0), part) for share in shares]) for part in PARTS)
        heard = (told["end"] - told["start"]) // MS * top[day] // bottom[day]
        return mine[known], heard[known]

    def heard(self, asset: str, text: str, source: str = "plc") -> "Told":
        """Polls that the agent counted."""
        places, heard = self._each(asset, text)
        links, rows, period = empty("links", len(places)), self.slices[places], every(self.plant, asset)
        links["asset"], links["start"], links["source"] = rows["asset"], rows["start"], self.names.index(source)
        links["expected"], links["good"] = (rows["end"] - rows["start"]) // MS // period, heard // period
        self.links = np.concatenate((self.links, links))
        return self

    def held(self, asset: str, text: str) -> "Told":
        """Time that imported rows were held Good."""
        places, heard = self._each(asset, text)
        self.slices["held_ms"][places] = heard
        self.slices["flags"][places] |= np.where(heard, BIT["imported"], 0)
        return self

    def polls(self, since: int | None = None) -> Polls:
        since = self.start if since is None else since
        return polls(self.plant, self.slices, self.links, self.names, since)


def told(plant: Plant, start: int, end: int, heard: Mapping[str, str]) -> Polls:
    """The polls of assets, each by its notation."""
    found = Told(plant, start, end)
    for asset, text in heard.items():
        found.heard(asset, text)
    return found.polls()
