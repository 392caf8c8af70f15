"""What a machine did: its states and modes as runs, the time in each slice, and its stops."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.plant import MODES, STATES, Asset, Point
from config.power import state_codes
from config.slices import Slices
from connectors.base import Ints
from kpi.allocation import Cuts
from kpi.facts.reading import Reading
from kpi.facts.schema import BIT, MODE_MS, STATE_MS, Table
from kpi.runs import MS, Codes, Runs, compress, held, instants, time_in_code
from kpi.series import Samples
from kpi.stops import FAILED, RUNNING, SHORT_DOWN, SHORT_IDLE, classify, in_slices

PLANNED, UNKNOWN = STATES.index("planned"), STATES.index("unknown")
_WIDE, _FAR = 1 << 16, 1 << 53


def codes(samples: Samples, names: tuple[str, ...], mapping: Mapping[str, str] | None) -> Codes:
    """What each reading means, as the index into `names`; 0 where it means nothing. Our own names always count."""
    meaning = {name: code for code, name in enumerate(names)}
    meaning |= {reading: names.index(name) for reading, name in (mapping or {}).items()}
    found = _of_numbers(samples.numbers, meaning)
    if samples.text is not None:
        spelled = np.array([meaning.get(word, 0) for word in samples.words] + [0], np.int8)
        found = np.where(samples.text >= 0, spelled[samples.text], found).astype(np.int8)
    return found


def _of_numbers(numbers: NDArray[np.float64] | Ints, meaning: Mapping[str, int]) -> Codes:
    table = {int(reading): code for reading, code in meaning.items() if _is_whole(reading)}
    for word, number in (("true", 1), ("false", 0)):
        if word in meaning:
            table.setdefault(number, meaning[word])
    if not table or not len(numbers):
        return np.zeros(len(numbers), np.int8)
    low, high = min(table), max(table)
    if high - low >= _WIDE or max(high, -low) >= _FAR:
        return np.array([table.get(int(n), 0) if n == n // 1 else 0 for n in numbers], np.int8)
    ladder = np.zeros(high - low + 3, np.int8)  # nothing at either end, where all that lies beyond is put
    for number, code in table.items():
        ladder[number - low + 1] = code
    place = np.clip(numbers, low - 1, high + 1)
    if place.dtype.kind == "f":
        place = np.where(place == np.floor(place), place, low - 1).astype(np.int64)
    found: Codes = ladder[place - (low - 1)]
    return found


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdigit()


def from_power(samples: Samples, point: Point, asset: Asset) -> Codes:
    """State from power, where the asset says so."""
    if asset.state_from is None:
        return np.zeros(len(samples), np.int8)
    return state_codes(samples.numbers, samples.scaled, point, asset.state_from)


@dataclass(frozen=True, slots=True)
class Machine:
    """States of one asset over a span and as much around it as its stops and gaps reach."""

    states: Runs
    modes: Runs | None

    def planned(self) -> tuple[Ints, Ints]:
        chosen = self.states.code == PLANNED
        return self.states.time[chosen], self.states.ends()[chosen]

    def active(self, at: Ints) -> Ints:
        """Time running or unknown before each instant; before the first row all is unknown."""
        known = self.states.elapsed((RUNNING, UNKNOWN), at)
        first = int(self.states.time[0]) if len(self.states.time) else self.states.end
        return known + np.minimum(at, first)


def machine(reading: Reading, asset: Asset, start: int, end: int) -> Machine:
    """States over [start, end) and `short_stop` on either side."""
    first, last = start - asset.short_stop - 1, end + asset.short_stop + 1
    nothing = Runs(np.empty(0, np.int64), np.empty(0, np.int8), last)
    states, modes = nothing, None
    if "state" in asset.points:
        rows = reading.held("state", first, last)
        states = held(rows, codes(rows, STATES, asset.points["state"].states), last)
    elif asset.state_from and "power" in asset.points:
        rows = reading.held("power", first, last)
        states = held(rows, from_power(rows, asset.points["power"], asset), last)
    if "mode" in asset.points:
        rows = reading.held("mode", start, end)
        modes = held(rows, codes(rows, MODES, asset.points["mode"].modes), last)
    return Machine(states, modes)


def tell(into: Table, of: Machine, asset: Asset, cuts: Cuts, slices: Slices, stop_ends: Ints) -> None:
    """Writes times in state, stops and modes of each slice."""
    edges = cuts.edges // MS
    table = time_in_code(of.states.time // MS, of.states.code, edges, len(STATES))
    for column, time in zip(STATE_MS, table.T, strict=True):
        into[column] = time
    kinds, begun = in_slices(classify(of.states, asset.short_stop), cuts.edges)
    into["short_idle_ms"], into["short_down_ms"] = kinds[:, SHORT_IDLE], kinds[:, SHORT_DOWN]
    into["repair_ms"] = np.where(slices.stopped, 0, kinds[:, FAILED])
    into["failures"] = np.where(slices.stopped, 0, begun)
    if of.modes is not None:
        running = _while_running(of.states, of.modes)
        for column, time in zip(MODE_MS, time_in_code(running.time // MS, running.code, edges, 4).T[1:], strict=True):
            into[column] = time
    overrun = np.isin(cuts.edges[:-1], stop_ends) & ~slices.stopped
    at = cuts.edges[:-1]
    overrun &= (of.states.before(at) == PLANNED) & (of.states.at(at) == PLANNED)
    into["flags"] |= np.where(overrun, BIT["planned_overrun"], 0)


def _while_running(states: Runs, modes: Runs) -> Runs:
    time = instants(states.time, modes.time)
    code = np.where(states.at(time) == RUNNING, modes.at(time), 0).astype(np.int8)
    return compress(time, code, min(states.end, modes.end))
