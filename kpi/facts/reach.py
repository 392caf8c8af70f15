"""How far around a day the rows lie that its facts depend on: beyond them nothing that arrives can change them."""

from dataclasses import dataclass

import numpy as np

from config.plant import PIECES, READING, Asset, Meter
from config.zone import DAY
from connectors.base import Ints
from kpi.facts.form import Formed
from kpi.facts.reading import EVER, Reading, anchors

AHEAD = 3  # good samples after a day that decide every rise in it
_HELD = ("state", "mode")


@dataclass(frozen=True, slots=True)
class Reach:
    """Rows in [since, until), open (`EVER`) where nothing further was there to read; `oldest` is the first that was."""

    since: int
    until: int
    oldest: int


class Reaches:
    """Of the facts of one asset or meter that were formed at once, asked for each part of them."""

    def __init__(self, made: Formed, of: Asset | Meter) -> None:
        reading = made.reading
        self.margin = of.short_stop + 1 if isinstance(of, Asset) else 0
        self.opened = made.opened
        self.counted: dict[str, tuple[Ints, Ints]] = {}  # good samples, and where an anchor is
        self.held: dict[str, Ints] = {}
        for name in reading.points:
            samples = reading.samples(name)
            if _counts(reading, name):
                good = samples.only_good()
                self.counted[name] = good.time, anchors(good)
            else:
                self.held[name] = samples.only_good().time if name == "product" else samples.time

    def of(self, start: int, end: int) -> Reach:
        firsts, last, latest, oldest = [start - self.margin], end + self.margin, end, [start]
        for name, (time, sure) in self.counted.items():
            before, place = np.searchsorted(time, (start, end), "left").tolist()
            last = max(last, int(time[place + AHEAD - 1]) + 1 if place + AHEAD <= len(time) else EVER)
            if name in PIECES and place < len(time):
                latest = max(latest, int(time[place]))
            rank = int(np.searchsorted(sure, before, "left")) - 1
            firsts.append(-EVER if rank < 0 else int(time[sure[rank] - 2]))
            oldest += [max(firsts[-1], int(time[0]))] if len(time) else []
        for name, time in self.held.items():
            place = int(np.searchsorted(time, self._needed(name, start), "right")) - 1
            firsts.append(int(time[place]) if place >= 0 else -EVER)
            oldest += [max(firsts[-1], int(time[0]))] if len(time) else []
        if self.opened is not None and latest >= self.opened:
            last = EVER
        return Reach(min(firsts), max(last, latest + 1), min(oldest))

    def _needed(self, name: str, start: int) -> int:
        """The instant from which on a held point must be known."""
        if name == "product":
            return start - 1
        if name in _HELD:
            return start - self.margin
        return min(start - self.margin, start // DAY * DAY)  # power: its integral begins with the UTC day


def _counts(reading: Reading, name: str) -> bool:
    return name in (*PIECES, "energy", READING) and reading.points[name].counter is not None
