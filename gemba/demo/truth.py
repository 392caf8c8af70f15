"""What was measured beside what really happened, machine by machine, and whether it lies within what sampling allows.

A change of state is seen at the next poll, so each state may be wrong by one poll interval for every change into or out
of it; what is unknown may have been anything. A counter is seen at polls too, so at either end of the window the
pieces of one interval may be missing; so may those of the time that no two good readings embrace. A register of
energy shows whole steps, and between two readings energy is spread evenly. Where this machine stood still polls were
missed, as the communication history has it: the interval is longer by these.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from config.plant import METERED, PIECES, STATES, Asset, Plant
from simulators.plant import MS, VirtualPlant
from store.reader import Links

Document = Mapping[str, Any]
WATTS = 7_400  # of a running machine
HELD = 60_000  # ms between two readings of a steady register


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity of one machine: `below` and `above` are how far the truth may lie from what was measured."""

    asset: str
    what: str
    measured: float
    true: float
    below: float
    above: float
    unit: str

    @property
    def inside(self) -> bool:
        return self.measured - self.below <= self.true <= self.measured + self.above


def compare(
    kpis: Document,
    energy: Document,
    links: Mapping[str, Links],
    plant: Plant,
    virtual: VirtualPlant,
    start: int,
    end: int,
) -> list[Line]:
    """Of the documents of [start, end) [ns], which the calendar does not cut, and the links of their minutes."""
    used = {row["asset"]: row for row in energy["assets"] if row["carrier"] == "electricity"}
    missed = {row["asset"]: _missed(row, plant.assets[row["asset"]], links[row["asset"]]) for row in kpis["rows"]}
    most = max(missed.values(), default=0)  # a machine that is only metered has no links: what stood still was all
    found: list[Line] = []
    for row in kpis["rows"]:
        asset = plant.assets[row["asset"]]
        truth = virtual.truth(asset.id, start, end)
        changes = _changes(virtual, asset, start, end)
        late = missed[asset.id] if len(links[asset.id].time) else most
        found += _states(row, asset, truth, changes, late)
        found += _pieces(row, asset, truth, late)
        if asset.id in used:
            found.append(_energy(used[asset.id], asset, truth, sum(changes.values()) // 2, late))
    return found


def _missed(row: Document, asset: Asset, links: Links) -> int:
    """For how long [ms] polls were missed, beside the time that is unknown anyway."""
    every = min((p.every // MS for p in asset.points.values() if p.name not in METERED), default=0)
    return max(0, int((links.expected - links.good).sum()) * every - int(row["time_ms"]["unknown"]))


def _changes(virtual: VirtualPlant, asset: Asset, start: int, end: int) -> dict[str, int]:
    """How often each state began or ended, the ends of the window counted as well."""
    machine = virtual.machines[asset.id]
    rows = machine.timeline.segments(end // MS)
    inside = rows[(rows["start"] < end // MS) & (np.append(rows["start"][1:], end // MS) > start // MS)]
    shown = machine.shown[inside["state"]]
    moved = shown[1:] != shown[:-1]
    return {
        name: 2 + int((moved & ((shown[1:] == code) | (shown[:-1] == code))).sum())
        for code, name in enumerate(STATES)
        if code
    }


def _every(asset: Asset, *names: str) -> int:
    """The poll interval [ms] of the first of these points."""
    return next(asset.points[name].every for name in names if name in asset.points) // MS


def _states(row: Document, asset: Asset, truth: Document, changes: Mapping[str, int], late: int) -> Iterator[Line]:
    every, unknown = _every(asset, "state", "power"), row["time_ms"]["unknown"]
    for state, count in changes.items():
        measured, true = row["time_ms"][state], truth["time_ms"][state]
        if measured or true:
            error = (count * every + late) / 1000
            yield Line(asset.id, state, measured / 1000, true / 1000, error, error + unknown / 1000, "s")


def _pieces(row: Document, asset: Asset, truth: Document, late: int) -> Iterator[Line]:
    cycle = min((float(ideal.seconds) * 1000 for ideal in asset.ideal), default=0.0)
    for name in PIECES:
        if name not in asset.points or not cycle:
            continue
        interval = 1 + int((_every(asset, name) + late) / cycle) + 1
        missing = (1 - row["kpis"]["oee"]["coverage"]) * sum(row["time_ms"].values()) / cycle
        measured = row["quantity"][name] or 0  # of what was never read all is `missing`
        yield Line(asset.id, name, measured, truth["pieces"][name], interval, interval + missing, "")


def _energy(row: Document, asset: Asset, truth: Document, changes: int, late: int) -> Line:
    """In kWh."""
    measured, true = row["amount"] or 0.0, float(truth["energy_wh"] / 1000)
    if "energy" in asset.points:
        error = 2 * (float(asset.points["energy"].scale) + WATTS * (HELD + late) / 3.6e9)
    else:
        error = WATTS * (changes * _every(asset, "power") + late) / 3.6e9
    missing = max(0.0, (row["high"] or measured) - measured)
    return Line(asset.id, "energy", measured, true, error, error + missing, "kWh")
