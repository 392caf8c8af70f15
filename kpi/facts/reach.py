"""How far around a day the rows lie that its facts depend on: beyond them nothing that arrives can change them."""

import numpy as np

from config.plant import PIECES, READING, Asset, Meter
from config.zone import DAY
from connectors.base import Ints
from kpi.facts.form import Formed
from kpi.facts.reading import EVER, Reading, anchor

AHEAD = 3  # good samples after a day that decide every rise in it
_HELD = ("state", "mode")


def reach(made: Formed, of: Asset | Meter, start: int, end: int) -> tuple[int, int]:
    """[since, until) of the rows that facts of [start, end) depend on; open where there is nothing further."""
    reading = made.reading
    margin = of.short_stop + 1 if isinstance(of, Asset) else 0
    first, last = start - margin, end + margin
    counters = [name for name in (*PIECES, "energy", READING) if name in reading.points and _counts(reading, name)]
    latest = end
    for name in counters:
        time = reading.samples(name).only_good().time
        first = min(first, _anchored(reading, name, time, start))
        place = int(np.searchsorted(time, end, "left"))
        last = max(last, int(time[place + AHEAD - 1]) + 1 if place + AHEAD <= len(time) else EVER)
        if name in PIECES and place < len(time):
            latest = max(latest, int(time[place]))
    if made.opened is not None and latest >= made.opened:
        last = EVER
    since = first
    for name in reading.points:
        if name in _HELD or (name == "power" and name not in counters):
            begin = first if name in _HELD else start // DAY * DAY
            since = min(since, _in_force(reading.samples(name).time, begin))
        elif name == "product":
            since = min(since, _in_force(reading.samples(name).only_good().time, start - 1))
    return since, max(last, latest + 1)


def _counts(reading: Reading, name: str) -> bool:
    return name != "power" and reading.points[name].counter is not None


def _in_force(time: Ints, at: int) -> int:
    place = int(np.searchsorted(time, at, "right")) - 1
    return int(time[place]) if place >= 0 else -EVER


def _anchored(reading: Reading, name: str, time: Ints, start: int) -> int:
    samples = reading.samples(name).only_good()
    place = anchor(samples, int(np.searchsorted(time, start, "left")))
    return -EVER if place is None else int(time[place - 2])
