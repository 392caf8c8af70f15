"""The columns of the fact tables: keys first, then what may be added, then flags that are or-ed. All of it is int64.

In memory a table is a structured array; text (`asset`, `shift`, `product`, `carrier`, `source`) is an index into the
`names` of its `Facts`. Because every field is an int64, the additive columns of a table are one integer matrix, and a
sum over any group is one reduction. docs/facts-format.md says what each column means in Parquet.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.plant import STATES

VERSION = 1  # of this format; facts of another version are formed anew

Table = NDArray[np.void]
"""A structured array with one of the dtypes below."""

STATE_MS = tuple(f"{state}_ms" for state in STATES)
MODE_MS = ("automatic_ms", "manual_ms", "apc_ms")  # running, by mode in force
COVERED_MS = ("pq_ms", "gq_ms", "quality_ms", "scrap_ms", "rework_ms", "yield_ms")
"""PBT between two good readings of every counter that PQ, GQ, both, scrap ratio, rework ratio, first pass yield use."""
PIECE_COLUMNS = ("total", "good", "reject", "rework")
PIECE_HIGH = tuple(f"{name}_high" for name in PIECE_COLUMNS)
METER_STATE = -1  # in `state` of an energy row that belongs to a meter

KEYS: Mapping[str, tuple[str, ...]] = {
    "slices": ("asset", "start", "end", "day", "shift", "scheduled"),
    "products": ("asset", "start", "product", "busy", "ideal_num", "ideal_den", "step_num", "step_den"),
    "energy": ("asset", "start", "carrier", "state"),
    "links": ("asset", "start", "source"),
}
SUMS: Mapping[str, tuple[str, ...]] = {
    "slices": (
        *STATE_MS,
        "short_idle_ms",
        "short_down_ms",
        "failures",
        "repair_ms",
        *MODE_MS,
        *COVERED_MS,
        "seen_ms",
        "held_ms",
        "rows",
        "digest",
    ),
    "products": (*PIECE_COLUMNS, *PIECE_HIGH),
    "energy": ("amount", "high", "covered_ms", "rows", "digest"),
    "links": ("expected", "good"),
}
TEXT = frozenset({"asset", "shift", "product", "carrier", "source"})

FLAGS = (
    "spread",
    "reset",
    "rollover",
    "glitch",
    "rate_exceeded",
    "unsettled",
    "unbounded",
    "overlap",
    "duplicate",
    "imported",
    "planned_overrun",
    "calendar_unconfirmed",
    "from_power",
)
"""What may be said of a slice or an energy row; bit n of `flags` is the n-th. docs/kpi.md explains each."""
BIT = {name: 1 << index for index, name in enumerate(FLAGS)}


def _dtype(name: str) -> np.dtype[Any]:
    flags = () if name in ("products", "links") else ("flags",)
    return np.dtype([(column, "<i8") for column in (*KEYS[name], *SUMS[name], *flags)])


DTYPES: Mapping[str, np.dtype[Any]] = {name: _dtype(name) for name in KEYS}


def empty(name: str, rows: int = 0) -> Table:
    """A table of zeros."""
    return np.zeros(rows, DTYPES[name])


def stacked(name: str, parts: Sequence[Table]) -> Table:
    """Tables of one name, one below the other; as matrices, which numpy joins much faster than records."""
    whole = [part for part in parts if len(part)]
    if not whole:
        return empty(name)
    joined = _stretch(whole)
    return np.concatenate([_lines(part) for part in whole]).reshape(-1).view(DTYPES[name]) if joined is None else joined


def _stretch(parts: Sequence[Table]) -> Table | None:
    """Parts of one array that lie behind one another in it, as kept days do, as that stretch of it: no copy."""
    base = parts[0].base
    if base is None or any(part.base is not base or part.strides != base.strides for part in parts):
        return None
    begins = [part.__array_interface__["data"][0] for part in parts]
    if any(at + part.nbytes != begin for at, part, begin in zip(begins, parts, begins[1:], strict=False)):
        return None
    first = (begins[0] - base.__array_interface__["data"][0]) // base.itemsize
    found: Table = base[first : first + sum(map(len, parts))]
    return found


def chosen(name: str, parts: Sequence[Table], columns: Sequence[str]) -> Table:
    """Some columns of tables of one name, one below the other."""
    known = list(DTYPES[name].names or ())
    places = [known.index(column) for column in columns]
    lines = [_lines(part)[:, places] for part in parts if len(part)]
    whole = np.concatenate(lines) if lines else np.empty((0, len(columns)), np.int64)
    return np.ascontiguousarray(whole).reshape(-1).view([(column, "<i8") for column in columns])


def in_order(table: Table) -> Table:
    """By asset, then time."""
    order = np.argsort(table["asset"], kind="stable")
    lines = _lines(table).take(order, axis=0)
    asset, start = lines[:, 0], lines[:, 1]
    if ((asset[1:] == asset[:-1]) & (start[1:] < start[:-1])).any():
        lines = lines[np.lexsort((start, asset))]
    return lines.reshape(-1).view(table.dtype)


def _lines(table: Table) -> NDArray[np.int64]:
    return np.ascontiguousarray(table).view(np.int64).reshape(len(table), len(table.dtype.names or ()))


def matrix(name: str, table: Table) -> NDArray[np.int64]:
    """The additive columns of a table as a view: rows by `SUMS[name]`."""
    first = len(KEYS[name])
    return _lines(table)[:, first : first + len(SUMS[name])]


def named(flags: int) -> list[str]:
    """The names of the bits set, in the order of `FLAGS`."""
    return [name for name, bit in BIT.items() if flags & bit]
