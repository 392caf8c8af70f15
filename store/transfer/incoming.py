"""A CSV of history as columns, checked row by row in columns: 27 bytes a row, whatever the file says.

A fault names its line; the lines are only looked for when there is a fault.
"""

import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from config import span
from config.faults import Fault, PlantError
from config.plant import READING, Plant
from connectors import quality
from connectors.base import Ints, Qualities
from store.transfer.values import KINDS, Spelling, demand, words

BLOCK = 4 * 2**20
SHOWN = 100  # faults
REQUIRED = ("time", "asset", "point", "value")
OPTIONAL = ("quality", "hold", "scaled", "kind")
CODED = ("asset", "point", "quality", "hold", "scaled", "kind")
INSTANT = pa.timestamp("ns", tz="UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FINER = re.compile("[.,][0-9]{7}")  # than a datetime can be

Key = tuple[str, str]
Flavour = tuple[int, bool]  # hold [ns], scaled
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Incoming:
    """Rows of a file in its order. `keys` and `flavours` are named by index."""

    keys: tuple[Key, ...]
    flavours: tuple[Flavour, ...]
    texts: tuple[str, ...]
    key: NDArray[np.int32]
    flavour: NDArray[np.int16]
    time: Ints
    kind: NDArray[np.int8]
    word: Ints
    quality: Qualities

    def __len__(self) -> int:
        return len(self.time)


class Faults:
    """What is wrong, by row, until there is time to look for the lines."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.rows: dict[int, tuple[str, str, str, str]] = {}
        self.count = 0
        self.odd = 0  # lines that are no row

    def add(self, row: int, where: str, what: str, got: str, do: str) -> None:
        self.count += 1
        if row not in self.rows and len(self.rows) < SHOWN:
            self.rows[row] = where, what, got, do

    @property
    def all_known(self) -> bool:
        """Whether every row at fault is in `rows`."""
        return self.count <= SHOWN

    def raised(self) -> None:
        """Raises what was found, each with its line."""
        if not self.count and not self.odd:
            return
        lines, misfits = lines_of(self.file, self.rows)
        name = str(self.file)
        found = [
            Fault(name, lines.get(row, 0), where, what, got, do) for row, (where, what, got, do) in self.rows.items()
        ]
        found += [
            Fault(name, line, "row", "has another number of columns", got, "see the first line")
            for line, got in misfits
        ]
        found.sort(key=lambda fault: fault.line)
        wrong = self.count + len(misfits)
        if wrong > SHOWN:
            found = [Fault(name, 0, "", f"{wrong} faults, of which {SHOWN} are shown"), *found[:SHOWN]]
        raise PlantError(found)


def lines_of(file: Path, rows: Iterable[int]) -> tuple[dict[int, int], list[tuple[int, str]]]:
    """The line of each of these rows, and lines that are no row."""
    wanted, found, odd, row = set(rows), {}, [], 0
    csv.field_size_limit(2**31 - 1)  # a quote that is not closed makes one cell of all that follows
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        reader = csv.reader(text)
        width = len(next(reader, []))
        before = reader.line_num
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not cells:
                continue
            if len(cells) != width:
                odd.append((line, f"{len(cells)} instead of {width}"))
                continue
            if row in wanted:
                found[row] = line
            row += 1
    return found, odd


# -- reading -----------------------------------------------------------------------------------------------------------
def read(file: Path, plant: Plant, hold: int, scaled: bool, faults: Faults, progress: Progress) -> Incoming:
    """The rows of the file, and its faults. `hold` and `scaled` are of rows that do not say. Raises `PlantError` where
    it is no such file at all."""
    table = _Table(plant, Spelling(), (hold, scaled), faults)
    odd = 0

    def skip(_: Any) -> str:
        nonlocal odd
        odd += 1
        return "skip"

    try:
        _headings(file)
        with file.open("rb") as raw:
            size = file.stat().st_size
            reader = pacsv.open_csv(
                raw,
                pacsv.ReadOptions(block_size=BLOCK),
                pacsv.ParseOptions(invalid_row_handler=skip, newlines_in_values=True),
                pacsv.ConvertOptions(
                    column_types={
                        name: pa.dictionary(pa.int32(), pa.string()) if name in CODED else pa.string()
                        for name in (*REQUIRED, *OPTIONAL)
                    },
                    strings_can_be_null=False,
                ),
            )
            for batch in reader:
                table.add(batch)
                progress(raw.tell(), size)
    except OSError as error:
        raise PlantError(
            [Fault(str(file), 0, "", "cannot be read", error.strerror, "see its name and rights")]
        ) from error
    except pa.ArrowInvalid as error:
        raise PlantError(
            [Fault(str(file), 0, "", "is not a CSV in UTF-8", str(error), "save it as CSV UTF-8")]
        ) from error
    faults.count += 1 if odd and not faults.count else 0
    faults.odd = odd
    return table.done()


def _unreadable(file: Path, what: str, got: str | None, do: str) -> PlantError:
    return PlantError([Fault(str(file), 0, "", what, got, do)])


def _headings(file: Path) -> None:
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        names = next(csv.reader(text), [])
    wrong = [f"no column {name}" for name in REQUIRED if name not in names]
    wrong += [f"unknown column {name}" for name in names if name not in (*REQUIRED, *OPTIONAL)]
    wrong += [f"column {name} twice" for name in sorted({name for name in names if names.count(name) > 1})]
    if wrong:
        do = f"the first line names {','.join(REQUIRED)} and, where wanted, {','.join(OPTIONAL)}"
        raise PlantError([Fault(str(file), 1, "headings", what, ",".join(names), do) for what in wrong])


class _Table:
    """Batches of the file, checked and put into columns."""

    def __init__(self, plant: Plant, spelled: Spelling, given: Flavour, faults: Faults) -> None:
        self.points = {(point.asset, point.name): point for point in plant.points()}
        self.meters = plant.meters
        self.spelled, self.given, self.faults = spelled, given, faults
        self.keys: dict[Key, int] = {}
        self.flavours: dict[Flavour, int] = {}
        self.parts: list[tuple[NDArray[Any], ...]] = []
        self.rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        coded = {name: _Coded(batch.column(name)) for name in CODED if name in batch.schema.names}
        key, demands = self._keys(coded["asset"], coded["point"])
        quality_of = self._each(coded, "quality", _quality, 0, np.uint32)
        forced = self._each(coded, "kind", _kind, "", np.dtype("U5"))
        flavour = self._flavours(coded)
        values = batch.column("value")
        made = words(values, demands, forced, ~quality.good(quality_of), self.spelled)
        for row, (what, do) in made.wrong.items():
            self.faults.add(self.rows + row, "value", what, values[row].as_py(), do)
        self.parts.append((key, flavour, self._times(batch.column("time")), made.kinds, made.words, quality_of))
        self.rows += len(values)

    def _keys(self, assets: "_Coded", points: "_Coded") -> tuple[NDArray[Any], NDArray[Any]]:
        pairs = assets.codes.astype(np.int64) * len(points.texts) + points.codes
        found, where = np.unique(pairs, return_inverse=True)
        codes, demands = [], []
        for index, pair in enumerate(found.tolist()):
            key = assets.texts[pair // len(points.texts)], points.texts[pair % len(points.texts)]
            point = self.points.get(key)
            if point is None:
                self._unknown(key, np.flatnonzero(where == index))
            codes.append(self.keys.setdefault(key, len(self.keys)))
            demands.append("any" if point is None else demand(point))
        return np.array(codes, np.int32)[where], np.array(demands, "U6")[where]

    def _unknown(self, key: Key, rows: NDArray[np.intp]) -> None:
        asset, name = key
        known = [point for of, point in self.points if of == asset]
        if not known:
            where, what, got = "asset", "is not in the plant file", asset
            do = "name an asset, or a meter's id with the point `reading`"
        else:
            where, what, got = "point", f"{asset} has no such point", name
            do = f"a meter's point is `{READING}`" if asset in self.meters else f"it has {', '.join(known)}"
        for row in rows.tolist():
            self.faults.add(self.rows + row, where, what, got, do)

    def _each(self, coded: dict[str, "_Coded"], name: str, parse: Callable[[str], Any], default: Any, kind: Any) -> Any:
        """A column of few words, each of them read once."""
        column = coded.get(name)
        if column is None:
            return np.full(len(coded["asset"].codes), default, kind)
        found = []
        for index, text in enumerate(column.texts):
            try:
                found.append(parse(text) if text else default)
            except ValueError as error:
                found.append(default)
                for row in np.flatnonzero(column.codes == index).tolist():
                    self.faults.add(self.rows + row, name, str(error), text, "correct it, or leave it empty")
        return np.array(found, kind)[column.codes]

    def _flavours(self, coded: dict[str, "_Coded"]) -> NDArray[np.int16]:
        hold, scaled = self.given
        holds = self._each(coded, "hold", _hold, hold, np.int64)
        scales = self._each(coded, "scaled", _scaled, scaled, np.bool_)
        found, where = np.unique(holds * 2 + scales, return_inverse=True)
        flavours = [(int(pair) // 2, bool(pair % 2)) for pair in found]
        return np.array([self.flavours.setdefault(f, len(self.flavours)) for f in flavours], np.int16)[where]

    def _times(self, texts: pa.Array) -> Ints:
        try:
            return np.asarray(pc.cast(texts, INSTANT).cast(pa.int64()).to_numpy(zero_copy_only=False))
        except pa.ArrowInvalid:
            return np.array([self._time(row, text) for row, text in enumerate(texts)], np.int64)

    def _time(self, row: int, text: pa.Scalar) -> int:
        try:
            return int(pc.cast(text, INSTANT).value)
        except pa.ArrowInvalid:
            if (other := _another_form(text.as_py())) is not None:
                return other
            do = "write it in ISO 8601 with an offset, as 2026-11-02T08:00:00+08:00 or with Z"
            self.faults.add(self.rows + row, "time", "is no time with an offset", text.as_py(), do)
            return 0

    def done(self) -> Incoming:
        empty = [np.empty(0, kind) for kind in (np.int32, np.int16, np.int64, np.int8, np.int64, np.uint32)]
        columns = [np.concatenate(parts) for parts in zip(*self.parts, strict=True)] or empty
        self.parts.clear()
        return Incoming(tuple(self.keys), tuple(self.flavours), self.spelled.texts(), *columns)


class _Coded:
    """A column of few different words: the words, and which one each row has."""

    def __init__(self, column: pa.Array) -> None:
        self.texts: list[str] = column.dictionary.to_pylist()
        self.codes: NDArray[np.int32] = column.indices.to_numpy(zero_copy_only=False)


def _another_form(text: str) -> int | None:
    """ISO 8601 has more forms than the one that is read in columns: basic, by weeks, with a comma."""
    if "T" not in text or _FINER.search(text):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    if time.tzinfo is None or not 1678 <= time.year <= 2261:  # beyond, 64 bits do not hold it
        return None
    return (time - _EPOCH) // timedelta(microseconds=1) * 1000


def _quality(text: str) -> int:
    return quality.code(text)


def _kind(text: str) -> str:
    if text not in KINDS:
        raise ValueError(f"must be one of {', '.join(KINDS)}")
    return text


def _hold(text: str) -> int:
    try:
        return span.length("hold", text)
    except PlantError as error:
        raise ValueError("must be a duration, as 15min") from error


def _scaled(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"
