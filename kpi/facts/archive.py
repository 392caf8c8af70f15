"""Facts of past production days, kept in Parquet beside the journal: docs/facts-format.md tells it to a stranger.

One file a table and day. A day is written whole, `slices` last; what its files say of each other is checked on
reading, so a day that was left half written is merely formed again.
"""

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from config.zone import EPOCH
from kpi.facts.names import Names
from kpi.facts.schema import DTYPES, TEXT, VERSION, Table, empty, stacked

_TIMES = frozenset({"start", "end"})
_SMALL = {"scheduled": pa.bool_(), "busy": pa.bool_(), "state": pa.int8(), "flags": pa.int32()}
ORDER = ("products", "energy", "links", "slices")
AT_ONCE = 31  # days whose files are open at the same time
UNUSABLE = (OSError, KeyError, TypeError, ValueError, pa.ArrowException)


class Stamp(NamedTuple):
    """What the facts of one asset or meter on one day depend on.

    Rows in [since, until), the first of them `oldest`; parts of the plant file by their sha256. `version` is the
    store's, of all rows in [first, last), the stretch that was formed at once. It is empty where the rows are gone and
    the facts are what is left.
    """

    since: int
    until: int
    oldest: int
    config: str
    first: int
    last: int
    version: str

    @property
    def kept(self) -> bool:
        return not self.version


STORES = ("journal", "influxdb")


def stamped(unit: str, store: str) -> str:
    """The name of a stamp."""
    return unit if store == "journal" else f"{unit}@{store}"


@dataclass(slots=True)
class Day:
    """The tables of one production day, over everything that was formed for it.

    Facts on which both stores agree have a stamp of each: which of them answers may differ from question to question.
    """

    tables: dict[str, Table]
    stamps: dict[str, Stamp]
    fresh: dict[int, Mapping[str, Table]] = field(default_factory=dict)
    """Of assets and meters (by the code of their name) that were formed anew, and stand in `tables` after `settle`."""

    def stamp(self, unit: str, store: str) -> Stamp | None:
        """As this store has it; of facts that are all that is left, as the store had it that lost their rows."""
        for one in STORES:
            if (told := self.stamps.get(stamped(unit, one))) and told.kept:
                return told
        return self.stamps.get(stamped(unit, store))

    def put(self, unit: str, code: int, tables: Mapping[str, Table], stamp: Stamp, store: str) -> None:
        """Facts formed anew; what another store said of them holds no longer, unless they are what they were."""
        name = stamped(unit, store)
        others = [one for kind in STORES if (one := stamped(unit, kind)) in self.stamps and one != name]
        if others and not self._same(code, tables):
            for other in others:
                del self.stamps[other]
        self.fresh[code], self.stamps[name] = tables, stamp

    def _same(self, code: int, tables: Mapping[str, Table]) -> bool:
        mine = {name: table[table["asset"] == code] for name, table in self.tables.items()}
        return all(np.array_equal(table, tables.get(name, table[:0])) for name, table in mine.items())

    def rows(self, code: int) -> int:
        """The rows of the store behind the facts of one asset or meter."""
        told = [self.tables[name] for name in ("slices", "energy")]
        return sum(int(table["rows"][table["asset"] == code].sum()) for table in told)

    def settle(self) -> None:
        codes = list(self.fresh)
        for name, table in self.tables.items():
            others = table[~np.isin(table["asset"], codes)] if len(table) else table
            self.tables[name] = stacked(name, [others, *(one[name] for one in self.fresh.values() if name in one)])
        self.fresh.clear()


class Archive:
    """The folder of one plant's facts."""

    def __init__(self, folder: Path, plant: str) -> None:
        self.root, self.plant = folder / "facts" / f"v{VERSION}", plant

    def path(self, table: str, day: int) -> Path:
        label = date.fromordinal(day + EPOCH).isoformat()
        return self.root / table / f"plant={self.plant}" / f"day={label}" / "facts.parquet"

    def read(self, days: Sequence[int], names: Names) -> dict[int, Day]:
        """Every day asked for; empty where nothing is kept, or what is kept cannot be used."""
        found: dict[int, Day] = {}
        for first in range(0, len(days), AT_ONCE):
            some = days[first : first + AT_ONCE]
            opened = {day: kept for day in some if (kept := self._opened(day))}
            for name in ORDER:
                _read(name, opened, names)
            found |= {day: opened[day].day if day in opened else _nothing() for day in some}
        return found

    def _opened(self, day: int) -> "_Kept | None":
        files: dict[str, _File] = {}
        told: list[dict[str, Any]] = []
        try:
            for name in ORDER:
                whole = pq.ParquetFile(self.path(name, day), memory_map=True)
                told.append(json.loads((whole.metadata.metadata or {})[b"gemba"]))
                if tuple(whole.schema.names) != DTYPES[name].names:
                    return None
                zero = told[-1].get("zero", ())
                files[name] = whole, [column for column in whole.schema.names if column not in zero]
            if any((one["day"], one["written"]) != (day, told[-1]["written"]) for one in told):
                return None
            return _Kept(files, Day({}, {unit: Stamp(*stamp) for unit, stamp in told[-1]["stamps"].items()}))
        except UNUSABLE:
            return None

    def write(self, day: int, held: Day, names: Names, written: str) -> None:
        ranks = np.argsort(np.argsort(np.array(names.words())))
        about: dict[str, Any] = {"version": VERSION, "plant": self.plant, "day": day, "written": written}
        for name in ORDER:
            if name == "slices":
                about["stamps"] = dict(sorted(held.stamps.items()))
            table = held.tables[name]
            table = table[np.lexsort((table["start"], ranks[table["asset"]]))]
            about["zero"] = [column for column in DTYPES[name].names or () if not table[column].any()]
            arrow = encoded(name, table, names).replace_schema_metadata({"gemba": json.dumps(about)})
            path = self.path(name, day)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{os.getpid()}.{threading.get_ident()}.{path.name}")
            words = [column for column in arrow.column_names if column in TEXT]
            pq.write_table(arrow, temporary, compression="lz4", use_dictionary=words, write_statistics=False)
            temporary.replace(path)


def encoded(name: str, table: Table, names: Names) -> pa.Table:
    """A table as Arrow: words for codes, timestamps for times, otherwise integers. Nothing is null: who reads what says
    so need not look."""
    columns: dict[str, pa.Array] = {}
    words = names.words()
    columns_of = DTYPES[name].names or ()
    lines = np.ascontiguousarray(table.view(np.int64).reshape(-1, len(columns_of)).T)
    for column, values in zip(columns_of, lines, strict=True):
        if column in TEXT:
            present = np.zeros(len(words), np.bool_)
            present[values] = True
            spelled = pa.array([words[code] for code in np.flatnonzero(present).tolist()], pa.string())
            place = (np.cumsum(present) - 1).astype(np.int32)[values]
            columns[column] = pa.DictionaryArray.from_arrays(pa.array(place), spelled)
        elif column in _TIMES:
            columns[column] = pa.array(values, pa.timestamp("ns", tz="UTC"))
        elif column == "day":
            columns[column] = pa.array(values.astype(np.int32), pa.int32()).cast(pa.date32())
        elif column in _SMALL:
            columns[column] = pa.array(values).cast(_SMALL[column])
        else:
            columns[column] = pa.array(values)
    fields = [pa.field(column, values.type, nullable=False) for column, values in columns.items()]
    return pa.table(list(columns.values()), schema=pa.schema(fields))


_File = tuple[pq.ParquetFile, list[str]]
"""An open file, and the columns that are not zero throughout."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A day whose files are open, and what was read of them."""

    files: Mapping[str, _File]
    day: Day


def _nothing() -> Day:
    return Day({name: empty(name) for name in ORDER}, {})


def _read(name: str, opened: dict[int, _Kept], names: Names) -> None:
    """One table of these days, which lie below one another in memory; a day that cannot be read is dropped."""
    counts = [kept.files[name][0].metadata.num_rows for kept in opened.values()]
    parts = np.split(np.zeros(sum(counts), DTYPES[name]), np.cumsum(counts)[:-1])
    for (day, kept), part in zip(list(opened.items()), parts, strict=False):
        whole, columns = kept.files[name]
        try:
            if len(part):
                decode(part, whole.read(columns, use_threads=False), names)
            kept.day.tables[name] = part
        except UNUSABLE:
            del opened[day]


def decode(into: Table, arrow: pa.Table, names: Names) -> None:
    """The reverse, bit for bit, into a table of zeros."""
    (batch,) = arrow.combine_chunks().to_batches()
    for column, values in zip(batch.schema.names, batch.columns, strict=True):
        if column in TEXT:
            into[column] = names.codes(values.dictionary.to_pylist())[values.indices.to_numpy()]
        elif column in _TIMES:
            into[column] = values.view(pa.int64()).to_numpy()
        elif column == "day":
            into[column] = values.view(pa.int32()).to_numpy()
        else:
            into[column] = values.to_numpy(zero_copy_only=False)
