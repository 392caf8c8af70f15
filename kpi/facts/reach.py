"""How far around a day the rows lie that its facts depend on: beyond them nothing that arrives can change them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.plant import PIECES, READING, Asset, Meter
from config.zone import DAY
from connectors.base import Ints
from kpi.facts.form import Formed
from kpi.facts.reading import EVER, Reading, anchors

AHEAD = 3  # good samples after a day that decide every rise in it
_HELD = ("state", "mode")


@dataclass(frozen=True, slots=True)
class Reach:
    """Rows in [since, until), open (`EVER`) where nothing further was there to read; `oldest` is the time of the first
    that was, `EVER` where there was none: only a row that was there can be missed."""

    since: int
    until: int
    oldest: int


def reaches(made: Formed, of: Asset | Meter, spans: Sequence[tuple[int, int]]) -> list[Reach]:
    """Of facts that were formed at once, each of these spans of them."""
    starts, ends = np.array(spans, np.int64).T
    margin = of.short_stop + 1 if isinstance(of, Asset) else 0
    since, until, latest = starts - margin, ends + margin, ends
    oldest = np.full(len(starts), EVER)
    for name in made.reading.points:
        samples = made.reading.samples(name)
        if _counts(made.reading, name):
            samples = samples.only_good()
            time, after = samples.time, np.searchsorted(samples.time, ends, "left")
            until = np.maximum(until, _at(time, after + AHEAD - 1, EVER - 1) + 1)
            if name in PIECES:
                latest = np.maximum(latest, _at(time, after, -EVER))
            sure = anchors(samples)
            last = np.searchsorted(sure, np.searchsorted(time, starts, "left"), "left") - 1
            first = _at(time, _at(sure, last, 1) - 2, -EVER)
        else:
            time = samples.only_good().time if name == "product" else samples.time
            first = _at(time, np.searchsorted(time, _needed(name, starts, margin), "right") - 1, -EVER)
        since = np.minimum(since, first)
        if len(time):
            earliest = np.maximum(first, time[0])
            oldest = np.where(earliest < ends, np.minimum(oldest, earliest), oldest)
    if made.opened is not None:
        until = np.where(latest >= made.opened, EVER, until)
    return list(map(Reach, since.tolist(), np.maximum(until, latest + 1).tolist(), oldest.tolist()))


def _at(time: Ints, places: NDArray[np.intp], otherwise: int) -> Ints:
    """The times at these places, where there are such."""
    found = np.full(len(places), otherwise)
    there = (places >= 0) & (places < len(time))
    found[there] = time[places[there]]
    return found


def _needed(name: str, start: Ints, margin: int) -> Ints:
    """The instant from which on a held point must be known."""
    if name == "product":
        return start - 1
    if name in _HELD:
        return start - margin
    return np.minimum(start - margin, start // DAY * DAY)  # power: its integral begins with the UTC day


def _counts(reading: Reading, name: str) -> bool:
    return name in (*PIECES, "energy", READING) and reading.points[name].counter is not None
