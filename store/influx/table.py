"""The CSV that InfluxQL answers with, as columns: by pyarrow where it is installed, and by numpy alone elsewhere."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from connectors.base import Floats, Ints

Kind = Literal["float", "int", "bool", "text"]
NONE = -(2**63)  # of an integer that is not there; of a float it is NaN, of a bool -1, of a text its code -1
TEXT_TYPE = np.dtype("S")


@dataclass(slots=True)
class Table:
    """Columns by name, all of one length. A text of no length and none are the same in CSV: neither has a code."""

    floats: dict[str, Floats] = field(default_factory=dict)
    ints: dict[str, Ints] = field(default_factory=dict)
    bools: dict[str, NDArray[np.int8]] = field(default_factory=dict)
    texts: dict[str, tuple[NDArray[np.int32], tuple[str, ...]]] = field(default_factory=dict)

    def put(self, name: str, kind: Kind, column: Any) -> None:
        held: dict[Kind, dict[str, Any]]
        held = {"float": self.floats, "int": self.ints, "bool": self.bools, "text": self.texts}
        held[kind][name] = column

    def lack(self, kinds: Mapping[str, Kind]) -> None:
        """Columns of which no row has anything."""
        rows, none = len(self.ints["time"]), {"float": np.nan, "int": NONE, "bool": np.int8(-1), "text": np.int32(-1)}
        for name, kind in kinds.items():
            column = np.broadcast_to(np.asarray(none[kind]), rows)
            self.put(name, kind, (column, ()) if kind == "text" else column)

    def by(self, name: str) -> "dict[str, Table]":
        """Rows that follow one another with one and the same text."""
        codes, words = self.texts[name]
        edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
        return {words[codes[a]]: self.taken(slice(a, b)) for a, b in pairwise(edges) if a < b}

    def taken(self, which: slice) -> "Table":
        """Some rows; of texts, those that occur among them, as they come first."""
        return Table(
            {name: column[which] for name, column in self.floats.items()},
            {name: column[which] for name, column in self.ints.items()},
            {name: column[which] for name, column in self.bools.items()},
            {name: _occurring(codes[which], words) for name, (codes, words) in self.texts.items()},
        )


def _occurring(codes: NDArray[np.int32], words: tuple[str, ...]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    if not words:
        return codes, words
    used, first = np.unique(codes, return_index=True)
    used = used[np.argsort(first)]
    used = used[used >= 0]
    place = np.full(len(words) + 1, -1, np.int32)
    place[used] = np.arange(len(used))
    return place[codes], tuple(words[code] for code in used.tolist())


def table(body: bytes, kinds: Mapping[str, Kind], lean: bool = False) -> Table:
    """The columns named in `kinds`. `lean`: by numpy, which is slower and takes 40 MB less than loading pyarrow."""
    made = Table()
    if not body:
        for name, kind in kinds.items():
            made.put(name, kind, _CONVERT[kind]([]))
        return made
    if not lean and _arrow():
        _by_arrow(body, kinds, made)
    else:
        _by_numpy(body, kinds, made)
    return made


@cache
def _arrow() -> bool:
    try:
        import pyarrow.csv  # noqa: F401
    except ImportError:
        return False
    return True


# -- pyarrow -----------------------------------------------------------------------------------------------------------
def _by_arrow(body: bytes, kinds: Mapping[str, Kind], made: Table) -> None:
    import pyarrow as pa
    import pyarrow.csv as pacsv

    types = {
        "float": pa.float64(),
        "int": pa.int64(),
        "bool": pa.bool_(),
        "text": pa.dictionary(pa.int32(), pa.string()),
    }
    read = pacsv.read_csv(
        pa.BufferReader(body),
        pacsv.ReadOptions(block_size=max(2**20, len(body) // 8)),
        pacsv.ParseOptions(newlines_in_values=b'"' in body),
        pacsv.ConvertOptions(
            column_types={name: types[kind] for name, kind in kinds.items()},
            include_columns=list(kinds),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    for name, kind in kinds.items():
        column = read.column(name)
        if kind == "text":
            one = column.unify_dictionaries().combine_chunks()
            one = one.chunk(0) if isinstance(one, pa.ChunkedArray) else one
            codes = one.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
            made.put(name, kind, (codes, tuple(one.dictionary.to_pylist())))
        elif kind == "float":
            made.put(name, kind, column.to_numpy())
        elif kind == "int":
            made.put(name, kind, column.fill_null(NONE).to_numpy())
        else:
            made.put(name, kind, column.cast(pa.int8()).fill_null(-1).to_numpy())


# -- numpy -------------------------------------------------------------------------------------------------------------
def _by_numpy(body: bytes, kinds: Mapping[str, Kind], made: Table) -> None:
    columns: Sequence[Sequence[bytes]]
    if b'"' in body:
        rows = list(csv.reader(io.StringIO(body.decode(), newline="")))
        names = rows[0]
        columns = [[cell.encode() for cell in column] for column in zip(*rows[1:], strict=True)]
    else:
        head, _, rest = body.rstrip(b"\n").partition(b"\n")
        names = head.decode().split(",")
        cells = rest.replace(b"\n", b",").split(b",")
        columns = [cells[place :: len(names)] for place in range(len(names))]
    for name, kind in kinds.items():
        made.put(name, kind, _CONVERT[kind](columns[names.index(name)]))


def _floats(cells: Sequence[bytes]) -> Floats:
    if not any(cells):
        return np.full(len(cells), np.nan)
    return np.array([cell or b"nan" for cell in cells], TEXT_TYPE).astype(np.float64)


def _ints(cells: Sequence[bytes]) -> Ints:
    if not any(cells):
        return np.full(len(cells), NONE, np.int64)
    return np.array([int(cell) if cell else NONE for cell in cells], np.int64)


def _bools(cells: Sequence[bytes]) -> NDArray[np.int8]:
    return np.array([{b"true": 1, b"false": 0}.get(cell, -1) for cell in cells], np.int8)


def _texts(cells: Sequence[bytes]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    codes: dict[bytes, int] = {}
    found = [codes.setdefault(cell, len(codes)) if cell else -1 for cell in cells]
    return np.array(found, np.int32), tuple(cell.decode() for cell in codes)


_CONVERT: dict[Kind, Callable[[Sequence[bytes]], Any]] = {
    "float": _floats,
    "int": _ints,
    "bool": _bools,
    "text": _texts,
}
