"""What a simulated machine does, as segments of one state each: exact integers, so that truth has no rounding.

A segment has a start [ms], a state, a power [W], and, when running, a cycle [ms] with a piece done at the end of each
cycle, of which a part is rejected, spread evenly. Everything cumulative has a closed form in time; nothing is
stepped, so 35 days of history cost as little as a second of now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.plant import STATES

Ints = NDArray[np.int64]
RUNNING, IDLE, SETUP, DOWN, PLANNED, OFF = (STATES.index(s) for s in STATES[1:])
SEGMENT = np.dtype(
    [
        ("start", "i8"),
        ("state", "i8"),
        ("power", "i8"),
        ("cycle", "i8"),
        ("pieces", "i8"),
        ("rejects", "i8"),
        ("reworks", "i8"),
        ("product", "i8"),
        ("mode", "i8"),
    ]
)
WATT_MS_PER_WH = 3_600_000
DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a machine behaves on average. Times in ms, powers in W, shares of 1."""

    cycle: int = 10_000
    run: int = 45 * 60_000
    slow: float = 0.15
    reject: float = 0.02
    rework: float = 0.25
    short: tuple[int, int] = (15_000, 240_000)
    down: tuple[int, int] = (6 * 60_000, 40 * 60_000)
    setup: tuple[int, int] = (8 * 60_000, 30 * 60_000)
    idle: tuple[int, int] = (6 * 60_000, 20 * 60_000)
    weights: tuple[float, float, float, float] = (0.62, 0.12, 0.14, 0.12)  # short, down, setup, idle
    products: int = 2
    power: Mapping[int, int] | None = None

    def watts(self, state: int) -> int:
        usual = {RUNNING: 7400, IDLE: 1900, SETUP: 2600, DOWN: 1200, PLANNED: 400, OFF: 60}
        return (self.power or usual)[state]


class Timeline:
    """Grows from `start` on as far as it is asked; the same seed gives the same life, however it is asked."""

    def __init__(self, start: int, seed: int, behaviour: Behaviour, scheduled: Ints | None = None) -> None:
        """`scheduled` [n, 2] are the intervals [ms] in which work goes on; None: round the clock."""
        self.start, self.behaviour = start, behaviour
        self._random = np.random.Generator(np.random.Philox(key=seed))
        self._scheduled = scheduled
        self._rows: list[tuple[int, ...]] = []
        self._end = start
        self._product = 0
        self._closed: tuple[NDArray[Any], Ints, dict[str, Ints]] | None = None

    # -- growing ---------------------------------------------------------------------------------------------------
    def extend(self, until: int) -> None:
        """Lives on until at least `until`."""
        if self._end > until:
            return
        for begin, end in self._work(until):
            if begin > self._end:
                self._add(OFF, begin - self._end)
            while self._end < end:
                self._run(end)
                self._stop(end)
        if self._end <= until:
            self._add(OFF, until + 1 - self._end)
        self._closed = None

    def _work(self, until: int) -> list[tuple[int, int]]:
        if self._scheduled is None:
            days = range((self._end - self.start) // DAY, (until - self.start) // DAY + 1)
            return [(max(self._end, self.start + d * DAY), self.start + (d + 1) * DAY) for d in days]
        rows = self._scheduled[(self._scheduled[:, 1] > self._end) & (self._scheduled[:, 0] <= until)]
        return [(max(int(a), self._end), int(b)) for a, b in rows]

    def _add(
        self, state: int, length: int, cycle: int = 0, pieces: int = 0, rejects: int = 0, reworks: int = 0
    ) -> None:
        if length <= 0:
            return
        mode = 1 if state == RUNNING and self._random.random() < 0.2 else 3
        watts = self.behaviour.watts(state)
        self._rows.append((self._end, state, watts, cycle, pieces, rejects, reworks, self._product, mode))
        self._end += length

    def _run(self, end: int) -> None:
        b, random = self.behaviour, self._random
        cycle = int(b.cycle * (1 + b.slow * random.random()))
        count = min(1 + int(random.exponential(b.run / cycle)), (end - self._end) // cycle)
        if count == 0:
            self._add(IDLE, end - self._end)
            return
        rejects = int(random.binomial(count, b.reject))
        reworks = int(random.binomial(count - rejects, b.reject * b.rework))
        self._add(RUNNING, count * cycle, cycle, count, rejects, reworks)

    def _stop(self, end: int) -> None:
        b, random = self.behaviour, self._random
        kind = int(random.choice(4, p=b.weights))
        low, high = (b.short, b.down, b.setup, b.idle)[kind]
        length = min(int(random.integers(low, high)), end - self._end)
        if kind == 2:
            self._product = (self._product + 1) % b.products
        self._add((IDLE, DOWN, SETUP, IDLE)[kind], length)

    # -- asking ----------------------------------------------------------------------------------------------------
    def _table(self, until: int) -> tuple[NDArray[Any], Ints, dict[str, Ints]]:
        self.extend(until)
        if self._closed is None:
            rows = np.array(self._rows, SEGMENT)
            ends = np.append(rows["start"][1:], self._end)
            spent = rows["power"] * (ends - rows["start"])
            sums = {
                name: np.concatenate(([0], np.cumsum(rows[name])))[:-1] for name in ("pieces", "rejects", "reworks")
            }
            sums["energy"] = np.concatenate(([0], np.cumsum(spent)))[:-1]
            self._closed = rows, ends, sums
        return self._closed

    def segments(self, until: int) -> NDArray[Any]:
        return self._table(until)[0]

    def at(self, times: Ints) -> dict[str, Ints]:
        """At each time [ms]: state, product, mode, power [W], and since the start total, good, reject, rework (pieces
        done before it or at it) and energy [W·ms]."""
        times = np.asarray(times, np.int64)
        rows, _, sums = self._table(int(times.max(initial=self.start)))
        place = np.searchsorted(rows["start"], times, "right") - 1
        row = rows[np.maximum(place, 0)]
        inside = np.maximum(times - row["start"], 0)
        done = np.minimum(inside // np.maximum(row["cycle"], 1), row["pieces"])
        per = np.maximum(row["pieces"], 1)
        before = {name: column[np.maximum(place, 0)] for name, column in sums.items()}
        total = before["pieces"] + done
        faulty = row["rejects"] + row["reworks"]
        bad = done * faulty // per
        rejected = bad * row["rejects"] // np.maximum(faulty, 1)
        reject = before["rejects"] + rejected
        rework = before["reworks"] + bad - rejected
        return {
            "state": row["state"],
            "product": row["product"],
            "mode": row["mode"],
            "power": row["power"],
            "total": total,
            "reject": reject,
            "rework": rework,
            "good": total - reject - rework,
            "energy": before["energy"] + row["power"] * inside,
        }

    def time_in_state(self, start: int, end: int) -> dict[str, int]:
        """Exact milliseconds per state in [start, end)."""
        rows, ends, _ = self._table(end)
        lengths = np.minimum(ends, end) - np.maximum(rows["start"], start)
        sums = np.bincount(rows["state"], np.maximum(lengths, 0), len(STATES)).astype(np.int64)
        return {name: int(sums[code]) for code, name in enumerate(STATES)}
