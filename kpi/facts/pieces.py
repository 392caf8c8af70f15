"""What a machine made: counts by slice, product and side of PBT, with the ideal cycle beside them.

PQ is `total`, else good + reject; GQ is `good`, else total − reject − rework. Both are formed here, once, so that every
reader of the table sums the same columns.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

import numpy as np
from numpy.typing import NDArray

from config.plant import PIECES, Asset, Rules
from connectors.base import Ints
from kpi.allocation import Cuts, Shares, pieces
from kpi.counter import Register, Rises, register
from kpi.facts.names import Names
from kpi.facts.reading import Reading
from kpi.facts.schema import COVERED_MS, Table, empty
from kpi.runs import Runs, intersection, union

GOOD_SOURCES = ("good", "reject", "rework")
SHOTS = "total"  # the counter that counts shots where there are cavities; the others see pieces
MS_PER_SECOND = 1000


@dataclass(frozen=True, slots=True)
class Counting:
    """What the plant file says about an asset's piece counters."""

    registers: Mapping[str, Register]
    step: Fraction  # what one count is worth in the points' unit
    pq: tuple[str, ...]  # the counters that make PQ; none: not configured
    gq: tuple[str, ...]

    def uses(self) -> dict[str, tuple[str, ...]]:
        """The counters that each quantity needs; () where it is not configured."""
        scrap = self.pq and ((*self.pq, "reject") if "reject" in self.registers else self._derived())
        rework = ("rework",) if "rework" in self.registers else ()
        both = tuple(dict.fromkeys(self.pq + self.gq)) if self.pq and self.gq else ()
        found = (
            self.pq,
            self.gq,
            both,
            scrap,
            self.pq + rework if self.pq and rework else (),
            scrap and scrap + rework,
        )
        return dict(zip(COVERED_MS, found, strict=True))

    def _derived(self) -> tuple[str, ...]:
        """Without a reject counter what was rejected is total − good − rework."""
        known = "good" in self.registers and "total" in self.registers
        return ("total", "good", *(("rework",) if "rework" in self.registers else ())) if known else ()


def counting(asset: Asset, rules: Rules) -> Counting:
    """How the asset's pieces are counted."""
    points = {role: asset.points[role] for role in PIECES if role in asset.points}
    step = _step([point.resolution for point in points.values()])
    found = {}
    for role, point in points.items():
        each = asset.cavities.active if role == SHOTS else 1
        found[role] = register(point, each / step, _usual(asset, point.scale * each))
    has = found.keys()
    pq: tuple[str, ...] = ("total",) if "total" in has else ("good", "reject") if {"good", "reject"} <= has else ()
    told = tuple(role for role in ("total", "reject", "rework") if role in has)
    gq: tuple[str, ...] = ("good",) if "good" in has else told if "total" in has and len(told) > 1 else ()
    if rules.all_good:
        pq, gq = pq or gq, gq or pq
    return Counting(found, step, pq, gq)


def _step(resolutions: list[Fraction]) -> Fraction:
    """The largest step that every resolution is a multiple of."""
    if not resolutions:
        return Fraction(1)
    bottom = 1
    for resolution in resolutions:
        bottom = bottom * resolution.denominator // gcd(bottom, resolution.denominator)
    return Fraction(gcd(*(int(resolution * bottom) for resolution in resolutions)), bottom)


def _usual(asset: Asset, pieces: Fraction) -> Fraction | None:
    """Four times the ideal rate in wire units of so many pieces, per second: what no `max_rate` is held to."""
    fastest = min((cycle.seconds for cycle in asset.ideal), default=None)
    if not fastest:
        return None
    return 4 / fastest * asset.cavities.designed / abs(pieces)


def count(reading: Reading, how: Counting) -> dict[str, Rises]:
    """The rises of every piece counter; while a decrease of one is open the others wait with it."""
    found = {role: reading.counted(role, one) for role, one in how.registers.items()}
    latest = max((int(rises.end[-1]) for rises in found.values() if len(rises)), default=0)
    for role, one in how.registers.items():
        if len(found) > 1 and reading.until[role] <= latest:
            reading.upto(role, latest + 1)
            found[role] = reading.counted(role, one)
    opened = [rises.opened for rises in found.values() if rises.opened is not None]
    if not opened:
        return found
    since = min(opened)
    return {role: rises if rises.opened is not None else rises.waiting(since) for role, rises in found.items()}


@dataclass(frozen=True, slots=True)
class Made:
    """The product in force and its ideal cycle, as columns over time."""

    time: Ints
    word: NDArray[np.int64]
    words: tuple[str, ...]
    asset: Asset

    def keys(self, at: Ints) -> tuple[Ints, Ints]:
        """Product (index into `words`, 0 where none was ever read) and ideal cycle (index, -1: none) just before."""
        word = np.zeros(len(at), np.int64)
        if len(self.time):
            place = np.searchsorted(self.time, at, "left") - 1
            word = np.where(place >= 0, self.word[np.maximum(place, 0)], 0)
        cycle = np.empty(len(at), np.int64)
        for code, product in enumerate(self.words):
            chosen = word == code if len(self.words) > 1 else slice(None)
            cycle[chosen] = self._cycles(product, at[chosen])
        return word, cycle

    def changes(self) -> Ints:
        """Every instant from which on another product or ideal cycle is in force."""
        since = [cycle.since for cycle in self.asset.ideal if cycle.since is not None]
        other = np.append(True, np.diff(self.word) != 0)[: len(self.time)]
        return np.concatenate((self.time[other], np.array(since, np.int64)))

    def _cycles(self, product: str, at: Ints) -> Ints:
        ideal = self.asset.ideal
        own = [index for index, cycle in enumerate(ideal) if cycle.product == product and product]
        listed = own or [index for index, cycle in enumerate(ideal) if cycle.product is None]
        listed.sort(key=lambda index: (ideal[index].since is not None, ideal[index].since or 0))
        if all(ideal[index].since is None for index in listed):
            return np.full(len(at), listed[-1] if listed else -1)
        since = np.array([-(2**62) if ideal[i].since is None else ideal[i].since for i in listed], np.int64)
        place = np.searchsorted(since, at, "left") - 1
        return np.array([*listed, -1], np.int64)[place]


def products(reading: Reading, asset: Asset, start: int, end: int) -> Made:
    """What was in the making over a span; a product stays in force until another is read."""
    if "product" not in asset.points:
        return Made(np.empty(0, np.int64), np.empty(0, np.int64), ("",), asset)
    rows = reading.held("product", start - 1, end, good=True).only_good()
    index = {"": 0}
    numeric = np.ones(len(rows), np.bool_) if rows.text is None else rows.text < 0
    word = np.zeros(len(rows), np.int64)
    numbers, inverse = np.unique(rows.numbers[numeric], return_inverse=True)
    spelled = [index.setdefault(_spelled(number), len(index)) for number in numbers.tolist()]
    word[numeric] = np.array(spelled, np.int64)[inverse]
    if rows.text is not None:
        spelled = [index.setdefault(text, len(index)) for text in rows.words]
        word[~numeric] = np.array(spelled, np.int64)[rows.text[~numeric]]
    return Made(rows.time, word, tuple(index), asset)


def _spelled(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)


def table(
    rises: Mapping[str, Rises], how: Counting, made: Made, cuts: Cuts, busy: Runs, names: Names
) -> tuple[Table, Ints]:
    """The products table of one asset (without `asset`), and the flags that its counters give each slice."""
    flags = np.zeros(len(cuts), np.int64)
    counted: dict[str, tuple[Shares, Ints]] = {}
    words, cycles = len(made.words), len(made.asset.ideal) + 1
    for role, one in rises.items():
        shares = pieces(one, cuts, busy, made.changes())
        told = np.flatnonzero(shares.flags)
        np.bitwise_or.at(flags, shares.slice[told], shares.flags[told])
        word, cycle = made.keys(shares.at)
        counted[role] = shares, ((shares.slice * words + word) * 2 + shares.busy) * cycles + cycle + 1
    keys = np.concatenate([key for _, key in counted.values()]) if counted else np.empty(0, np.int64)
    if not len(keys):
        return empty("products"), flags
    used, places = _distinct(keys, len(cuts) * words * 2 * cycles)
    found = empty("products", len(used))
    found["start"] = cuts.edges[used // (words * 2 * cycles)]
    found["product"] = names.codes(made.words)[used // (2 * cycles) % words]
    found["busy"] = used // cycles % 2
    _ideals(found, used % cycles - 1, made.asset, how.step)
    for role, (shares, key) in counted.items():
        for column, amount in ((role, shares.rise), (f"{role}_high", shares.high)):
            total = np.zeros(len(used), np.int64)
            np.add.at(total, places(key), amount)
            found[column] = total
    _derive(found, how)
    return found, flags


def _distinct(keys: Ints, count: int) -> tuple[Ints, Callable[[Ints], Ints]]:
    """The distinct keys below `count` in order, and what finds the place of each."""
    if count > 8 * len(keys) + 1_000_000:
        used = np.unique(keys)
        return used, lambda some: np.searchsorted(used, some)
    present = np.zeros(count, np.bool_)
    present[keys] = True
    rank = np.cumsum(present) - 1
    return np.flatnonzero(present), lambda some: rank[some]


def _ideals(into: Table, cycle: Ints, asset: Asset, step: Fraction) -> None:
    """PRI of one count [ms], as an exact fraction; of a shot's designed cavities each has its part."""
    each = [one.seconds * MS_PER_SECOND * step / asset.cavities.designed for one in asset.ideal] + [Fraction(0)]
    into["ideal_num"] = np.array([one.numerator for one in each], np.int64)[cycle]
    into["ideal_den"] = np.array([one.denominator for one in each], np.int64)[cycle]
    into["step_num"], into["step_den"] = step.numerator, step.denominator


def _derive(found: Table, how: Counting) -> None:
    for suffix in ("", "_high"):
        pq = sum((found[role + suffix] for role in how.pq), np.zeros(len(found), np.int64))
        if how.gq == ("good",) or not how.gq:
            gq = found["good" + suffix].copy()
        elif how.gq == how.pq:
            gq = pq
        else:
            gq = found["total" + suffix].copy()
            if not suffix:
                for role in how.gq[1:]:
                    gq -= found[role]
        found["total" + suffix], found["good" + suffix] = pq, gq


def covered(rises: Mapping[str, Rises], how: Counting, cuts: Cuts, busy: Runs) -> dict[str, Ints]:
    """Milliseconds of each slice between two good readings of every counter used: of PBT, and of GQ in all time."""
    inside = busy.code == 1
    pbt = busy.time[inside], busy.ends()[inside]
    spans = {role: union([counted.covered()]) for role, counted in rises.items()}
    known: dict[tuple[str, ...], Ints] = {}
    found = {}
    for column, used in how.uses().items():
        if used and used not in known:
            known[used] = cuts.milliseconds(_common([pbt, *(spans[role] for role in used)]))
        found[column] = known[used] if used else np.zeros(len(cuts), np.int64)
    whole = [spans[role] for role in how.gq]
    found["seen_ms"] = cuts.milliseconds(_common(whole)) if whole else np.zeros(len(cuts), np.int64)
    return found


def _common(spans: list[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    first, *others = spans
    for other in others:
        first = intersection(first, other)
    return first
