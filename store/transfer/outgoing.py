"""Rows out of a store, a window at a time: as a CSV that imports again to the same series, or as Parquet.

Values are as on the wire. What KPIs do not count is left out here too, by the same rules: rows that a clock set back
superseded, and all but one of several values for one point and time (Good before Bad, then the larger).
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TextIO

import numpy as np

from connectors import quality
from connectors.base import Ints
from store.journal.merge import taken
from store.reader import Event, Reader, Series

COLUMNS = ("time", "asset", "point", "value", "quality", "hold", "scaled", "kind")
DAY = 86400 * 10**9
FEW, MANY = 100_000, 500_000  # rows of a window: it grows below the one and shrinks above the other

Key = tuple[str, str]
Progress = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of several points in the order of time; `key` says whose."""

    key: Ints
    time: Ints
    value: Sequence[float | int | str]
    quality: Ints
    hold: Ints
    scaled: Sequence[bool]

    def __len__(self) -> int:
        return len(self.time)


def rows(reader: Reader, keys: Sequence[Key], start: int, end: int, told: Progress) -> Iterator[Rows]:
    """Everything in [start, end), in the order of time. A store that is not there raises before the first."""
    steps = reader.events(0, 2**63 - 1, ("clock",))
    return _windows(reader, keys, start, end, told, steps)


def _windows(
    reader: Reader, keys: Sequence[Key], start: int, end: int, told: Progress, steps: Sequence[Event]
) -> Iterator[Rows]:
    at, length = start, DAY
    while at < end:
        until = min(at + length, end)
        window = _window(reader, keys, at, until, steps)
        told(until - start, end - start, len(window))
        if len(window):
            yield window
        length = length * 2 if len(window) < FEW else max(length // 2, 60 * 10**9) if len(window) > MANY else length
        at = until


def _window(reader: Reader, keys: Sequence[Key], start: int, end: int, steps: Sequence[Event]) -> Rows:
    by_asset: dict[str, dict[str, int]] = {}
    for number, (asset, point) in enumerate(keys):
        by_asset.setdefault(asset, {})[point] = number
    parts = []
    for asset, points in by_asset.items():
        for point, found in reader.series(asset, tuple(points), start, end).items():
            counted = one_each(_in_force(found, steps))
            if len(counted):
                parts.append((points[point], counted))
    time = np.concatenate([series.time for _, series in parts]) if parts else np.empty(0, np.int64)
    order = np.argsort(time, kind="stable")
    values: list[float | int | str] = [value for _, series in parts for value in _values(series)]
    return Rows(
        _joined([np.full(len(series), number) for number, series in parts])[order],
        time[order],
        [values[place] for place in order.tolist()],
        _joined([series.quality for _, series in parts])[order],
        _joined([series.hold for _, series in parts])[order],
        _joined([series.scaled for _, series in parts])[order].tolist(),
    )


def _joined(parts: Sequence[Any]) -> Any:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _in_force(series: Series, steps: Sequence[Event]) -> Series:
    """Without what a clock that was set back superseded: rows of earlier epochs from the new time on."""
    kept = np.ones(len(series), np.bool_)
    for step in steps:
        epoch, old = step.detail.get("epoch"), step.detail.get("old")
        if isinstance(epoch, int) and isinstance(old, int) and step.time < old:
            kept &= ~((series.time >= step.time) & (series.epoch > 0) & (series.epoch < epoch))
    return series if kept.all() else taken(series, np.flatnonzero(kept))


def one_each(series: Series) -> Series:
    """One row for each time: Good before Bad, then the larger."""
    if not len(series) or (np.diff(series.time) > 0).all():
        return series
    words = np.zeros(len(series), np.int64)
    if series.text is not None:
        rank = np.argsort(np.argsort(np.array(series.words))) if series.words else np.empty(0, np.int64)
        words = np.where(series.text >= 0, rank[series.text], -1)
    order = np.lexsort((words, series.numbers, quality.good(series.quality), series.time))
    last = np.flatnonzero(np.diff(series.time[order], append=-1) != 0)
    return taken(series, order[last])


def _values(series: Series) -> list[float | int | str]:
    numbers: list[float | int | str] = series.numbers.tolist()
    if series.text is None:
        return numbers
    return [
        series.words[code] if code >= 0 else number for code, number in zip(series.text.tolist(), numbers, strict=True)
    ]


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file to write that gets its name when it is whole; what was there before stays until then."""
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


# -- CSV ---------------------------------------------------------------------------------------------------------------
def write_csv(out: TextIO, keys: Sequence[Key], windows: Iterator[Rows]) -> int:
    """The number of rows written."""
    table, count = csv.writer(out, lineterminator="\n"), 0
    table.writerow(COLUMNS)
    named: dict[int, str] = {}
    for window in windows:
        count += len(window)
        table.writerows(_lines(keys, window, named))
    return count


def write_csv_file(path: Path, keys: Sequence[Key], windows: Iterator[Rows]) -> int:
    with path.open("w", encoding="utf-8", newline="") as out:
        return write_csv(out, keys, windows)


def _lines(keys: Sequence[Key], window: Rows, named: dict[int, str]) -> Iterator[tuple[str, ...]]:
    holds = {hold: duration(hold) for hold in set(window.hold.tolist())}
    named |= {code: spelled(code) for code in set(window.quality.tolist()) - named.keys()}
    columns = (_times(window.time), window.key, window.value, window.quality, window.hold, window.scaled)
    lists = (column if isinstance(column, list) else np.asarray(column).tolist() for column in columns)
    for time, key, value, code, hold, scaled in zip(*lists, strict=True):
        shown, kind = _shown(value, code)
        yield time, *keys[key], shown, named[code], holds[hold], "true" if scaled else "", kind


def _shown(value: float | int | str, code: int) -> tuple[str, str]:
    if isinstance(value, str):
        return value, "text"
    shown = repr(value) if _meant(value, code) else ""
    return shown, "int" if isinstance(value, int) else "float"


def _meant(value: float | int, code: int) -> bool:
    """Whether it is a value at all: what had none stands in the log as NaN, or as 0 where the column holds integers."""
    return code < quality.UNCERTAIN or bool(np.isfinite(value) and (value or code < quality.BAD))


def _times(times: Ints) -> list[str]:
    unit: Literal["s", "ms", "ns"] = "s" if not (times % 10**9).any() else "ms" if not (times % 10**6).any() else "ns"
    return [f"{time}Z" for time in np.datetime_as_string(times.astype("datetime64[ns]"), unit=unit).tolist()]


def spelled(code: int) -> str:
    """A quality as an import reads it back: its name, or its number where a name would lose something."""
    name = quality.name(code)
    try:
        return name if quality.code(name) == code else f"0x{code:08X}"
    except ValueError:
        return f"0x{code:08X}"


def duration(hold: int) -> str:
    """A hold as an import reads it back; empty where the plant file's counts."""
    if not hold:
        return ""
    return f"{hold // 10**9}s" if hold % 10**9 == 0 else f"{Decimal(hold).scaleb(-6).normalize():f}ms"


# -- Parquet -----------------------------------------------------------------------------------------------------------
def write_parquet(out: Path, keys: Sequence[Key], windows: Iterator[Rows]) -> int:
    """`value` is every number as float64, `integer` the exact one where it is an integer, `text` where it is text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("time", pa.timestamp("ns", tz="UTC")),
            *((name, pa.dictionary(pa.int32(), pa.string())) for name in ("asset", "point")),
            ("value", pa.float64()),
            ("integer", pa.int64()),
            ("text", pa.string()),
            ("quality", pa.dictionary(pa.int32(), pa.string())),
            ("hold", pa.duration("ns")),
            ("scaled", pa.bool_()),
        ]
    )
    count = 0
    named: dict[int, str] = {}
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for window in windows:
            count += len(window)
            named |= {code: spelled(code) for code in set(window.quality.tolist()) - named.keys()}
            writer.write_table(pa.table(_columns(keys, window, named), schema=schema))
    return count


def _columns(keys: Sequence[Key], window: Rows, named: Mapping[int, str]) -> dict[str, Any]:
    of = [keys[key] for key in window.key.tolist()]
    values = [
        value if isinstance(value, str) or _meant(value, code) else None
        for value, code in zip(window.value, window.quality.tolist(), strict=True)
    ]
    return {
        "time": window.time,
        "asset": [asset for asset, _ in of],
        "point": [point for _, point in of],
        "value": [None if v is None or isinstance(v, str) else float(v) for v in values],
        "integer": [v if isinstance(v, int) else None for v in values],
        "text": [v if isinstance(v, str) else None for v in values],
        "quality": [named[code] for code in window.quality.tolist()],
        "hold": window.hold,
        "scaled": window.scaled,
    }
