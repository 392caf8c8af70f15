"""How far around a day the rows lie that its facts depend on: beyond them nothing that arrives can change them."""

from dataclasses import dataclass

import numpy as np

from config.plant import PIECES, READING, Asset, Meter
from config.zone import DAY
from connectors.base import Ints
from kpi.facts.form import Formed
from kpi.facts.reading import EVER, Reading, anchor

AHEAD = 3  # good samples after a day that decide every rise in it
_HELD = ("state", "mode")


@dataclass(frozen=True, slots=True)
class Reach:
    """Rows in [since, until), open (`EVER`) where nothing further was there to read; `oldest` is the first that was."""

    since: int
    until: int
    oldest: int


def reach(made: Formed, of: Asset | Meter, start: int, end: int) -> Reach:
    """Of the facts of [start, end), which are a part of what was formed."""
    reading = made.reading
    margin = of.short_stop + 1 if isinstance(of, Asset) else 0
    firsts, last, latest = [start - margin], end + margin, end
    oldest = [start]
    for name in reading.points:
        if _counts(reading, name):
            time = reading.samples(name).only_good().time
            place = int(np.searchsorted(time, end, "left"))
            last = max(last, int(time[place + AHEAD - 1]) + 1 if place + AHEAD <= len(time) else EVER)
            if name in PIECES and place < len(time):
                latest = max(latest, int(time[place]))
            begin = _anchored(reading, name, start)
        else:
            time, at = _held(reading, name, start, margin)
            begin = _in_force(time, at)
        firsts.append(begin)
        if len(time):
            oldest.append(max(begin, int(time[0])))
    if made.opened is not None and latest >= made.opened:
        last = EVER
    return Reach(min(firsts), max(last, latest + 1), min(oldest))


def _counts(reading: Reading, name: str) -> bool:
    return name in (*PIECES, "energy", READING) and reading.points[name].counter is not None


def _held(reading: Reading, name: str, start: int, margin: int) -> tuple[Ints, int]:
    """The rows of a held point, and the instant from which on it is needed."""
    samples = reading.samples(name)
    if name == "product":
        return samples.only_good().time, start - 1
    if name in _HELD:
        return samples.time, start - margin
    return samples.time, min(start - margin, start // DAY * DAY)  # power: its integral begins with the UTC day


def _in_force(time: Ints, at: int) -> int:
    place = int(np.searchsorted(time, at, "right")) - 1
    return int(time[place]) if place >= 0 else -EVER


def _anchored(reading: Reading, name: str, start: int) -> int:
    samples = reading.samples(name).only_good()
    place = anchor(samples, int(np.searchsorted(samples.time, start, "left")))
    return -EVER if place is None else int(samples.time[place - 2])
