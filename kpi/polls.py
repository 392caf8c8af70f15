"""Communication history by asset and production day: how much was to be heard in scheduled time, and how much was.

Everything is in milliseconds of the asset's own poll interval, so that polls that were counted and time that imported
rows were held add up. Days without any communication history, but with imported rows, take the held time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from config.plant import METERED, Plant
from connectors.base import Ints
from kpi.facts.schema import BIT, Table
from kpi.runs import MS


@dataclass(frozen=True, slots=True)
class Polls:
    """[asset, day] tables; `days` are days since 1970-01-01, `assets` those that are connected."""

    assets: tuple[str, ...]
    days: Ints
    scheduled: Ints  # [ms]
    expected: Ints  # scheduled time that communication history tells of, or that imported rows stand for
    good: Ints  # of that, how much was heard
    missing: Ints  # scheduled time since the plant's first record of which nothing is told
    read: Ints  # polls that the agent found good, in scheduled time or out of it
    imported: NDArray[np.bool_]  # [day]: whether held time took the place of communication history
    unconfirmed: bool  # the official calendar of some day is not known

    def over(self, first: int, last: int) -> "Polls":
        """The days from `first` to `last`, both included."""
        chosen = (self.days >= first) & (self.days <= last)
        return replace(
            self,
            days=self.days[chosen],
            scheduled=self.scheduled[:, chosen],
            expected=self.expected[:, chosen],
            good=self.good[:, chosen],
            missing=self.missing[:, chosen],
            read=self.read[:, chosen],
            imported=self.imported[chosen],
        )


def every(plant: Plant, asset: str) -> int:
    """The shortest poll interval [ms] among the asset's points other than energy and power; 0 where it has none."""
    periods = [point.every for name, point in plant.assets[asset].points.items() if name not in METERED]
    return min(periods, default=0) // MS


def polls(plant: Plant, slices: Table, links: Table, names: Sequence[str], since: int) -> Polls:
    """The history that these facts tell; nothing before `since` [ns], the plant's first record, counts as missing."""
    assets = tuple(plant.assets)
    code = {asset: index for index, asset in enumerate(assets)}
    row_of = np.array([code.get(name, -1) for name in names], np.int64)
    known = row_of[slices["asset"]] >= 0
    mine = slices if known.all() else slices[known]
    asset = row_of[mine["asset"]]
    days = np.unique(mine["day"])
    place = asset * len(days) + np.searchsorted(days, mine["day"])
    length = (mine["end"] - mine["start"]) // MS
    expected, good = _joined(mine, links)
    on = mine["scheduled"] == 1
    period = np.array([every(plant, name) for name in assets], np.int64)[asset] if len(mine) else length
    by_import = _imported(mine, days, expected > 0)
    held = by_import[np.searchsorted(days, mine["day"])]
    counted = (mine["end"] > since) & (period > 0)
    told = np.where(held, np.where(counted, length, 0), expected * period)
    heard = np.where(held, mine["held_ms"], good * period)
    missing = np.where(counted, np.maximum(length - told, 0), 0)

    def table(column: Ints) -> Ints:
        found = np.zeros(len(assets) * len(days), np.int64)
        np.add.at(found, place, column)
        return found.reshape(len(assets), len(days))

    scheduled, told, heard, missing = (table(np.where(on, column, 0)) for column in (length, told, heard, missing))
    read = table(np.where(held, 0, good))
    unconfirmed = bool((mine["flags"] & BIT["calendar_unconfirmed"]).any())
    return Polls(assets, days, scheduled, told, heard, missing, read, by_import, unconfirmed)


def _key(table: Table) -> Ints:
    """One number for (asset, start): milliseconds take 42 bits until the year 2109."""
    return np.asarray((table["asset"] << 42) + table["start"] // MS)


def _joined(slices: Table, links: Table) -> tuple[Ints, Ints]:
    """Polls expected and good in each slice. Of several sources the one that expects or hears most stands for all:
    a poll is good when any of the asset's points was."""
    expected, good = np.zeros((2, len(slices)), np.int64)
    keys, wanted = _key(slices), _key(links)
    order = np.argsort(keys)
    at = np.searchsorted(keys[order], wanted)
    known = at < len(keys)
    known[known] = keys[order][at[known]] == wanted[known]
    home = order[at[known]]
    np.maximum.at(expected, home, links["expected"][known])
    np.maximum.at(good, home, links["good"][known])
    return expected, np.minimum(good, expected)


def _imported(slices: Table, days: Ints, told: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Days that have only imported rows: those with some and no history, and all before history began."""
    day = np.searchsorted(days, slices["day"])
    history, rows = (
        np.bincount(day, chosen, len(days)) > 0 for chosen in (told, (slices["flags"] & BIT["imported"]) != 0)
    )
    if not rows.any():
        return np.zeros(len(days), np.bool_)
    first = int(np.argmax(history)) if history.any() else len(days)
    early = np.arange(len(days)) < first
    return ~history & (rows | early)
