"""Rows that came in against rows that are there: new, the same, or another value; then one segment, or nothing.

Imports take turns under a lock of their own and publish beside a running agent; a struck row is named by its place in
the log, so that nothing that comes later is struck with it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.faults import Fault
from connectors import quality
from connectors.base import Column, Ints, Layout
from store.journal.history import History
from store.journal.publication import Part, Strike
from store.reader import Series
from store.transfer.incoming import Faults, Incoming
from store.transfer.outgoing import duration, spelled
from store.transfer.values import FLOAT, INT, KINDS, TEXT

WINDOW = 7 * 86400 * 10**9  # of stored rows looked at together
EXACT = 2**53
GROUP = "import"

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outcome:
    rows: int
    new: int
    same: int
    replaced: int
    first: int | None
    last: int | None
    ahead: Fault | None = None
    """That rows lie in the future, named by the first such line."""


class Admission:
    """Decides about every row before anything is written."""

    def __init__(self, rows: Incoming, history: History, faults: Faults, replace: bool) -> None:
        self.rows, self.history, self.faults, self.replace = rows, history, faults, replace
        self.order = np.lexsort((rows.time, rows.key))  # stable: equal ones stay in the order of the file
        self.fresh = np.ones(len(rows), np.bool_)
        self.strikes: list[Strike] = []

    def decide(self, told: Callable[[int, int], None]) -> None:
        """Raises PlantError with every row that stands against another. `told` hears how many rows are compared."""
        self._within()
        self.faults.raised()
        done = 0
        key = self.rows.key[self.order]
        edges = np.flatnonzero(np.diff(key, prepend=-1))
        for which in np.split(self.order, edges[1:]) if len(key) else ():
            some = which[self.fresh[which]]
            for window in _windows(self.rows.time[some], some):
                self._against(window)
                done += len(window)
                told(done, len(self.rows))
        self.faults.raised()

    def outcome(self) -> Outcome:
        rows, new = len(self.rows), int(self.fresh.sum())
        struck = sum(len(strike.times) for strike in self.strikes)
        time = self.rows.time
        first, last = (int(time.min()), int(time.max())) if rows else (None, None)
        return Outcome(rows, new, rows - new, struck, first, last)

    def _within(self) -> None:
        """Rows of one asset, point and time in the file itself: equal ones count once."""
        if not self.faults.all_known:
            return
        rows = self.rows
        order = self.order[~np.isin(self.order, list(self.faults.rows))]
        later, earlier = order[1:], order[:-1]
        twice = np.flatnonzero((rows.key[later] == rows.key[earlier]) & (rows.time[later] == rows.time[earlier]))
        for place in twice.tolist():
            one, other = int(earlier[place]), int(later[place])
            self.fresh[other] = False
            if not self._equal(one, other):
                asset, point = rows.keys[rows.key[other]]
                what = f"{asset} {point} has two values at this time"
                self.faults.add(
                    other, "value", what, f"{self._shown(one)} and {self._shown(other)}", "leave one of them out"
                )

    def _equal(self, one: int, other: int) -> bool:
        rows = self.rows
        if rows.flavour[one] != rows.flavour[other] or rows.quality[one] != rows.quality[other]:
            return False
        return not _good(rows.quality[one]) or self._value(one) == self._value(other)

    def _value(self, row: int) -> int | float | str:
        kind, word = self.rows.kind[row], self.rows.word[row]
        if kind == TEXT:
            return self.rows.texts[int(word)]
        return int(word) if kind == INT else float(word.view(np.float64))

    def _shown(self, row: int) -> str:
        code = int(self.rows.quality[row])
        return str(self._value(row)) if _good(code) else quality.name(code)

    def _against(self, which: NDArray[np.intp]) -> None:
        """Rows of one point within one window, in the order of time, against what is stored there."""
        rows = self.rows
        asset, point = rows.keys[rows.key[which[0]]]
        times = rows.time[which]
        stored, places = self.history.stored(asset, point, int(times[0]), int(times[-1]) + 1)
        if not len(stored):
            return
        low, high = (np.searchsorted(stored.time, times, side) for side in ("left", "right"))
        struck: list[int] = []
        known = high > low
        plainly = self._plainly(which, stored, low, high)
        self.fresh[which[plainly]] = False
        for index in np.flatnonzero(known & ~plainly).tolist():
            row, there = int(which[index]), range(int(low[index]), int(high[index]))
            same = [self._is(row, stored, place) for place in there]
            if all(same) or (any(same) and not self.replace):
                self.fresh[row] = False
            elif self.replace:
                self.fresh[row] = not any(same)
                struck += [place for place, alike in zip(there, same, strict=True) if not alike]
            else:
                which_of, got = self._differs(row, stored, there[0])
                other = "leave the row out" if which_of == "value" else f"import with the {which_of} that is stored"
                do = f"{other}, or give --replace to strike what is stored"
                self.faults.add(row, "value", f"{asset} {point} has another {which_of} at this time", got, do)
        if struck:
            self.strikes.append(Strike(asset, point, places[struck], stored.time[struck]))

    def _plainly(self, which: NDArray[np.intp], stored: Series, low: NDArray[np.intp], high: NDArray[np.intp]) -> Mask:
        """Rows that are the same as the only stored one at their time, as far as that shows in columns."""
        rows = self.rows
        place = np.minimum(low, len(stored) - 1)
        flavours = np.array(rows.flavours, np.int64)[rows.flavour[which]]
        kind, word, numbers = rows.kind[which], rows.word[which], stored.numbers[place]
        alike = (
            (numbers == word) & (kind == INT)
            if numbers.dtype == np.int64
            else (
                (numbers == word.view(np.float64)) & (kind == FLOAT)
                | (numbers == word) & (kind == INT) & (np.abs(word) <= EXACT)
            )
        )
        if stored.text is not None:
            index = {text: code for code, text in enumerate(rows.texts)}
            codes = np.array([index.get(word, -1) for word in stored.words] or [-1])[stored.text[place]]
            texts = stored.text[place] >= 0
            alike = np.where(texts, (kind == TEXT) & (codes == word), alike & ~texts)
        plain: Mask = (
            (high - low == 1)
            & (alike | ~quality.good(rows.quality[which]))
            & (stored.quality[place] == rows.quality[which])
            & (stored.hold[place] == flavours[:, 0])
            & (stored.scaled[place] == flavours[:, 1])
        )
        return plain

    def _is(self, row: int, stored: Series, place: int) -> bool:
        rows = self.rows
        flavour = int(stored.hold[place]), bool(stored.scaled[place])
        if rows.flavours[rows.flavour[row]] != flavour or rows.quality[row] != stored.quality[place]:
            return False
        return not _good(rows.quality[row]) or self._value(row) == _stored(stored, place)

    def _differs(self, row: int, stored: Series, place: int) -> tuple[str, str]:
        """What is not the same, the value or else how it is meant; and both, as they came in and as they are stored."""
        new, old = self._shown(row), _shown(stored, place)
        hold, scaled = self.rows.flavours[self.rows.flavour[row]]
        meant = {
            "hold": (_held(hold), _held(int(stored.hold[place]))),
            "scale": (_scaled(scaled), _scaled(bool(stored.scaled[place]))),
            "quality": (spelled(int(self.rows.quality[row])), spelled(int(stored.quality[place]))),
        }
        others = {name: both for name, both in meant.items() if both[0] != both[1]}
        if new != old or not others:
            return "value", f"{new}, stored is {old}"
        new, old = (" and ".join(words) for words in zip(*others.values(), strict=True))
        return " and ".join(others), f"{new}, stored is {old}"

    # -- what is new ---------------------------------------------------------------------------------------------------
    def parts(self, plant_sources: Mapping[tuple[str, str], str]) -> Iterator[Part]:
        """New rows of one point, kind and flavour, each part in the order of time."""
        rows = self.rows
        new = self.order[self.fresh[self.order]]
        group = (rows.key[new].astype(np.int64) * len(rows.flavours) + rows.flavour[new]) * len(KINDS) + rows.kind[new]
        new = new[np.argsort(group, kind="stable")]
        edges = np.flatnonzero(np.diff(np.sort(group), prepend=-1))
        for which in np.split(new, edges[1:]) if len(new) else ():
            first = which[0]
            key = rows.keys[rows.key[first]]
            hold, scaled = rows.flavours[rows.flavour[first]]
            column = Column(key[0], key[1], KINDS[rows.kind[first]])
            of = Layout(plant_sources[key], GROUP, (column,), hold, scaled)
            qualities = rows.quality[which]
            yield Part(of, rows.time[which], rows.word[which], qualities if qualities.any() else None)


def _windows(times: Ints, which: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    start = 0
    while start < len(times):
        end = int(np.searchsorted(times, times[start] + WINDOW))
        yield which[start:end]
        start = end


def _good(code: int | np.uint32) -> bool:
    return int(code) < quality.UNCERTAIN


def _held(hold: int) -> str:
    return duration(hold) or "that of the plant file"


def _scaled(scaled: bool) -> str:
    return "final" if scaled else "as on the wire"


def _stored(stored: Series, place: int) -> int | float | str:
    if stored.text is not None and stored.text[place] >= 0:
        return stored.words[int(stored.text[place])]
    number: int | float = stored.numbers[place].item()
    return number


def _shown(stored: Series, place: int) -> str:
    code = int(stored.quality[place])
    return str(_stored(stored, place)) if _good(code) else quality.name(code)
