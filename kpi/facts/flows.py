"""Energy and water in slices: registers by the counter engine, power by its integral, both cut at every state."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from config.carriers import CARRIERS, RATES
from config.plant import READING, Asset, Meter, Point
from config.zone import DAY
from connectors.base import Ints
from kpi.allocation import Cuts, Flow, linear, totals
from kpi.counter import register
from kpi.exact import countable, steps
from kpi.facts.names import Names
from kpi.facts.reading import Reading
from kpi.facts.schema import BIT, METER_STATE, Table, empty
from kpi.power import DAY_MS, power
from kpi.runs import MS, Runs, instants

ELECTRICITY = "electricity"


@dataclass(frozen=True, slots=True)
class Metered:
    """One point that measures a carrier."""

    name: str
    point: Point
    carrier: str

    @property
    def rate(self) -> bool:
        """Whether it shows power or flow, to be integrated."""
        return self.point.counter is None and (self.name == "power" or (self.point.unit or "") in RATES)

    @property
    def unit(self) -> str:
        return self.point.unit or ("kW" if self.name == "power" else CARRIERS[self.carrier].unit)


def of_asset(asset: Asset) -> Metered | None:
    """The register of an asset, else its power."""
    for name in ("energy", "power"):
        if name in asset.points:
            return Metered(name, asset.points[name], ELECTRICITY)
    return None


def of_meter(meter: Meter) -> Metered:
    return Metered(READING, meter.point, meter.carrier)


def flow(reading: Reading, metered: Metered, cuts: Cuts, states: Runs) -> Flow:
    """What flowed, by slice and state, in the carrier's smallest unit."""
    per = CARRIERS[metered.carrier].steps(metered.unit)
    if not metered.rate:
        return linear(reading.counted(metered.name, register(metered.point, per)), cuts, states)
    return _integrated(reading, metered, per, cuts, states)


def _integrated(reading: Reading, metered: Metered, per: Fraction, cuts: Cuts, states: Runs) -> Flow:
    """`per` is what one unit brings in an hour."""
    start = int(cuts.edges[0]) // DAY * DAY
    rows = reading.held(metered.name, start, int(cuts.edges[-1]) + metered.point.hold)
    point, size = metered.point, per * 1000
    rows = replace(rows, good=rows.good & countable(rows.numbers, point.scale * size * DAY_MS))
    milli = np.zeros(len(rows), np.int64)
    for final in (False, True):
        chosen = np.flatnonzero(rows.good & (rows.scaled == final))
        factor, shift = (size, Fraction(0)) if final else (point.scale * size, point.offset * size)
        milli[chosen] = steps(rows.numbers[chosen], factor, shift)
    known = power(rows, milli, point.every)
    midnights = np.arange(start, int(cuts.edges[-1]), DAY, dtype=np.int64)
    edges = instants(cuts.edges, states.time, midnights, known.start * MS, known.end * MS)
    edges = edges[(edges >= cuts.edges[0]) & (edges <= cuts.edges[-1])]
    begins, ends = edges[:-1] // MS, edges[1:] // MS
    amount = known.cumulative(ends) - np.where(begins % DAY_MS == 0, 0, known.cumulative(begins))
    place = np.searchsorted(known.start, begins, "right") - 1
    covered = np.zeros(len(begins), np.int64)
    if len(known.start):
        inside = (place >= 0) & (begins < known.end[np.maximum(place, 0)])
        covered = np.where(inside, ends - begins, 0)
    keep = np.flatnonzero((covered > 0) | (amount > 0))
    flags = np.full(len(keep), BIT["from_power"], np.int64)
    none = np.zeros(len(keep), np.int64)
    return totals(
        cuts.of(edges[:-1][keep]), states.at(edges[:-1][keep]), amount[keep], none, covered[keep], flags, len(cuts)
    )


def table(flowed: Flow, metered: Metered, cuts: Cuts, names: Names, meter: bool) -> Table:
    """Energy rows of one asset or meter (without `asset`)."""
    found = empty("energy", len(flowed.slice))
    found["start"] = cuts.edges[flowed.slice]
    found["carrier"] = names.code(metered.carrier)
    found["state"] = METER_STATE if meter else flowed.state
    found["amount"], found["high"], found["covered_ms"] = flowed.amount, flowed.high, flowed.covered_ms
    found["flags"] = flowed.flags
    return found


def with_rows(found: Table, rows: Ints, digest: Ints, cuts: Cuts, carrier: int) -> Table:
    """A meter's rows and digests beside its amounts; a slice with rows and nothing known gets a row of its own."""
    place = np.searchsorted(cuts.edges, found["start"], "left")
    found["rows"], found["digest"] = rows[place], digest[place]
    bare = np.setdiff1d(np.flatnonzero(rows), place)
    if not len(bare):
        return found
    more = empty("energy", len(bare))
    more["start"], more["carrier"], more["state"] = cuts.edges[bare], carrier, METER_STATE
    more["rows"], more["digest"] = rows[bare], digest[bare]
    whole = np.concatenate((found, more))
    return whole[np.argsort(whole["start"], kind="stable")]
