"""Facts of one asset over one window, or of many, added up: all that a KPI is a ratio of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from config.plant import STATES
from connectors.base import Ints
from kpi.facts.facts import Facts
from kpi.facts.schema import COVERED_MS, MODE_MS, PIECE_COLUMNS, PIECE_HIGH, STATE_MS, SUMS, Table, matrix

_PLACE = {column: place for place, column in enumerate(SUMS["slices"])}
Exact = int | Fraction
_COUNTS = (*PIECE_COLUMNS, *PIECE_HIGH)
_RATED = ("total", "good", "total_high", "good_high")
_WRAP = 2**64


@dataclass(slots=True)
class Pieces:
    """Quantities in the point's unit, and the planned run time of all and of the good ones [ms]; `high`: besides."""

    total: Exact = 0
    good: Exact = 0
    reject: Exact = 0
    rework: Exact = 0
    total_high: Exact = 0
    good_high: Exact = 0
    reject_high: Exact = 0
    rework_high: Exact = 0
    pri_total: Exact = 0
    pri_good: Exact = 0
    pri_total_high: Exact = 0
    pri_good_high: Exact = 0

    def add(self, other: "Pieces") -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def count(self, counts: Sequence[int], step: Exact, ideal: Exact) -> None:
        """Adds counts of one product, in the order of the table's columns."""
        for name, number in zip(_COUNTS, counts, strict=True):
            setattr(self, name, getattr(self, name) + number * step)
        for name in _RATED:
            rated = f"pri_{name}"
            setattr(self, rated, getattr(self, rated) + counts[_COUNTS.index(name)] * ideal)


@dataclass(slots=True)
class Sums:
    """Times in milliseconds. `time` is machine state over the whole window, `inside` over its scheduled part."""

    window: int = 0
    time: tuple[int, ...] = (0,) * len(STATES)
    inside: tuple[int, ...] = (0,) * len(STATES)
    short_idle: int = 0  # inside
    short_down: int = 0
    failures: int = 0
    repair: int = 0
    modes: tuple[int, ...] = (0,) * len(MODE_MS)
    covered: tuple[int, ...] = (0,) * len(COVERED_MS)
    seen: int = 0
    busy: Pieces = field(default_factory=Pieces)  # inside PBT
    outside: Pieces = field(default_factory=Pieces)
    kinds: dict[tuple[str, Exact], Pieces] = field(default_factory=dict)  # inside PBT, by product and its PRI
    unrated: bool = False  # something was made inside PBT whose PRI is not known
    unrated_outside: bool = False
    energy: int = 0  # [Wh]
    energy_high: int = 0
    energy_covered: int = 0
    rows: int = 0
    digest: int = 0
    flags: int = 0
    energy_flags: int = 0

    # -- time elements of ISO 22400-2 ----------------------------------------------------------------------------------
    @property
    def pbt(self) -> int:
        return sum(self.inside) - self.inside[STATES.index("planned")]

    @property
    def u(self) -> int:
        return self.inside[STATES.index("unknown")]

    @property
    def apt(self) -> int:
        return self.inside[STATES.index("running")]

    @property
    def aust(self) -> int:
        return self.inside[STATES.index("setup")]

    @property
    def adet(self) -> int:
        return self.inside[STATES.index("down")] + self.short_idle

    @property
    def adot(self) -> int:
        return self.inside[STATES.index("idle")] - self.short_idle + self.inside[STATES.index("off")]

    @property
    def aubt(self) -> int:
        return self.apt + self.aust + self.adet

    @property
    def short(self) -> int:
        return self.short_idle + self.short_down


def total(parts: Iterable[Sums]) -> Sums:
    """The sums of several assets or windows as one."""
    whole = Sums()
    for one in parts:
        for name in ("window", "short_idle", "short_down", "failures", "repair", "seen", "rows"):
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
        for name in ("energy", "energy_high", "energy_covered"):
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
        for name in ("time", "inside", "modes", "covered"):
            setattr(whole, name, tuple(a + b for a, b in zip(getattr(whole, name), getattr(one, name), strict=True)))
        whole.busy.add(one.busy)
        whole.outside.add(one.outside)
        for kind, made in one.kinds.items():
            whole.kinds.setdefault(kind, Pieces()).add(made)
        whole.unrated |= one.unrated
        whole.unrated_outside |= one.unrated_outside
        whole.digest = (whole.digest + one.digest) % _WRAP
        whole.flags |= one.flags
        whole.energy_flags |= one.energy_flags
    return whole


def of_asset(facts: Facts, asset: str, windows: Sequence[tuple[int, int]]) -> list[Sums]:
    """The sums of one asset over windows that are sorted and apart."""
    found = [Sums() for _ in windows]
    edges = np.array(windows, np.int64).reshape(-1, 2)
    code = facts.code(asset)
    if code < 0 or not len(edges):
        return found
    _slices(_rows(facts.slices, code), edges, found)
    _products(_rows(facts.products, code), edges, facts.names, found)
    _energy(_rows(facts.energy, code), edges, found)
    return found


def _rows(table: Table, code: int) -> Table:
    """Tables are sorted by asset, then start."""
    first, last = np.searchsorted(table["asset"], np.array([code, code + 1]), "left")
    return table[first:last]


def _bucket(table: Table, edges: Ints) -> tuple[Table, NDArray[np.intp]]:
    place = np.searchsorted(edges[:, 0], table["start"], "right") - 1
    inside = (place >= 0) & (table["start"] < edges[np.maximum(place, 0), 1])
    return (table, place) if inside.all() else (table[inside], place[inside])


def _slices(table: Table, edges: Ints, found: list[Sums]) -> None:
    table, bucket = _bucket(table, edges)
    columns = matrix("slices", table)
    whole, inside = (np.zeros((len(edges), columns.shape[1]), np.int64) for _ in range(2))
    np.add.at(whole, bucket, columns)
    on = table["scheduled"] == 1
    np.add.at(inside, bucket[on], columns[on])
    window, flags = np.zeros((2, len(edges)), np.int64)
    np.add.at(window, bucket, (table["end"] - table["start"]) // 1_000_000)
    np.bitwise_or.at(flags, bucket, table["flags"])

    def some(row: list[int], names: Sequence[str]) -> tuple[int, ...]:
        return tuple(row[_PLACE[name]] for name in names)

    lines = zip(found, whole.tolist(), inside.tolist(), window.tolist(), flags.tolist(), strict=True)
    for one, all_of_it, busy, length, flag in lines:
        one.window, one.flags = length, flag
        one.time, one.inside = some(all_of_it, STATE_MS), some(busy, STATE_MS)
        one.short_idle, one.short_down = some(busy, ("short_idle_ms", "short_down_ms"))
        one.failures, one.repair, one.seen, one.rows = some(all_of_it, ("failures", "repair_ms", "seen_ms", "rows"))
        one.modes, one.covered = some(all_of_it, MODE_MS), some(all_of_it, COVERED_MS)
        one.digest = all_of_it[_PLACE["digest"]] % _WRAP


def _products(table: Table, edges: Ints, names: Sequence[str], found: list[Sums]) -> None:
    table, bucket = _bucket(table, edges)
    if not len(table):
        return
    keys = ("product", "busy", "ideal_num", "ideal_den", "step_num", "step_den")
    used, place = _distinct([bucket, *(table[name] for name in keys)])
    sums = np.zeros((len(used), len(_COUNTS)), np.int64)
    np.add.at(sums, place, matrix("products", table))
    for (window, product, busy, num, den, step_num, step_den), counts in zip(used.tolist(), sums.tolist(), strict=True):
        one, ideal, step = found[window], _exact(num, den), _exact(step_num, step_den)
        (one.busy if busy else one.outside).count(counts, step, ideal)
        if not any(counts):
            continue
        if busy:
            one.kinds.setdefault((names[product], ideal), Pieces()).count(counts, step, ideal)
            one.unrated |= not ideal
        else:
            one.unrated_outside |= not ideal


def _distinct(columns: Sequence[Ints]) -> tuple[Ints, NDArray[np.intp]]:
    """The distinct lines of columns, and which of them each line is. Most columns say the same all the way down."""
    place = np.zeros(len(columns[0]), np.intp)
    for column in columns:
        if column[0] != column.min() or column[0] != column.max():
            values, code = np.unique(column, return_inverse=True)
            place = np.unique(place * len(values) + code, return_inverse=True)[1]
    first = np.zeros(int(place.max()) + 1, np.intp)
    first[place[::-1]] = np.arange(len(place) - 1, -1, -1)
    return np.stack([column[first] for column in columns], axis=1), place


def _exact(num: int, den: int) -> Exact:
    """Whole numbers stay int, which is many times faster than Fraction."""
    return num if den == 1 else Fraction(num, den)


def _energy(table: Table, edges: Ints, found: list[Sums]) -> None:
    table, bucket = _bucket(table, edges)
    sums = np.zeros((len(edges), 3), np.int64)
    np.add.at(sums, bucket, np.stack([table["amount"], table["high"], table["covered_ms"]], axis=1))
    flags = np.zeros(len(edges), np.int64)
    np.bitwise_or.at(flags, bucket, table["flags"])
    for one, (amount, high, covered), flag in zip(found, sums.tolist(), flags.tolist(), strict=True):
        one.energy, one.energy_high, one.energy_covered, one.energy_flags = amount, high, covered, flag


def within(of: Facts, start: int, end: int) -> Facts:
    """The facts of a part of the window that begins and ends where slices do."""
    if (start, end) == (of.start, of.end):
        return of
    tables = {}
    for name in ("slices", "products", "energy", "links"):
        table = getattr(of, name)
        tables[name] = table[(table["start"] >= start) & (table["start"] < end)]
    return Facts(of.plant, start, end, **tables, names=of.names, store=of.store)
