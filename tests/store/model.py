"""The journal as a list in memory: what every store test compares against."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from connectors.base import Column, Frame, Layout, layout
from store.reader import Series

SECOND = 10**9
START = 1_700_000_000 * SECOND  # 2023-11-14T22:13:20Z
EVER = 2**63 - 1

POLL = layout(
    "press-plc",
    "poll 1s 0",
    [
        Column("press-01", "power", "float"),
        Column("press-01", "total", "int"),
        Column("press-01", "state", "text"),
        Column("press-02", "power", "float"),
    ],
)
MESSAGES = layout(
    "broker",
    "topic cell/#",
    [Column("press-01", "power", "float"), Column("oven-01", "product", "text"), Column("oven-01", "total", "int")],
)
LAYOUTS = (POLL, MESSAGES)
POINTS = tuple(sorted({(column.asset, column.point) for of in LAYOUTS for column in of.columns}))


@dataclass(frozen=True)
class Cell:
    """One value as it must come back."""

    asset: str
    point: str
    time: int
    value: float | int | str
    quality: int
    epoch: int
    hold: int
    scaled: bool
    seq: int

    @property
    def shown(self) -> tuple[object, ...]:
        """Without its place; NaN equal to itself."""
        return (self.time, repr(self.value), self.quality, self.epoch, self.hold, self.scaled)


def cells(frame: Frame, epoch: int, seq: int) -> tuple[list[Cell], int]:
    """The cells of a frame whose first row has this place, and the place after its last row."""
    of = frame.layout
    values = [*frame.floats.tolist(), *frame.ints.tolist(), *frame.texts]
    columns = list(range(len(of.columns))) if frame.columns is None else frame.columns.tolist()
    times = [frame.time] * len(columns) if frame.times is None else frame.times.tolist()
    qualities = [0] * len(columns) if frame.quality is None else frame.quality.tolist()
    places = {time: seq + index for index, time in enumerate(dict.fromkeys(times))}
    found = [
        Cell(
            of.columns[column].asset,
            of.columns[column].point,
            time,
            value,
            quality,
            epoch,
            of.hold,
            of.scaled,
            places[time],
        )
        for column, time, value, quality in zip(columns, times, values, qualities, strict=True)
    ]
    return found, seq + len(places)


def shown(series: Series) -> list[tuple[object, ...]]:
    """A series as the model shows its cells. Numbers are compared as what they are in the series."""
    text = [-1] * len(series) if series.text is None else series.text.tolist()
    values = [
        series.words[code] if code >= 0 else number for code, number in zip(text, series.numbers.tolist(), strict=True)
    ]
    return [
        (time, repr(value), quality, epoch, hold, scaled)
        for time, value, quality, epoch, hold, scaled in zip(
            series.time.tolist(),
            values,
            series.quality.tolist(),
            series.epoch.tolist(),
            series.hold.tolist(),
            series.scaled.tolist(),
            strict=True,
        )
    ]


@dataclass
class Model:
    """All cells that count, in the order of the log."""

    held: list[Cell] = field(default_factory=list)

    def series(self, asset: str, point: str, start: int, end: int) -> list[tuple[object, ...]]:
        found = [c for c in self.held if (c.asset, c.point) == (asset, point) and start <= c.time < end]
        found.sort(key=lambda cell: (cell.time, cell.epoch, cell.seq))
        whole = any(isinstance(cell.value, float) for cell in found)
        return [_promoted(cell, whole) for cell in found]


def _promoted(cell: Cell, floats: bool) -> tuple[object, ...]:
    """Where a point has floats and integers, a series shows them all as floats."""
    if not floats or not isinstance(cell.value, int):
        return cell.shown
    return (cell.time, repr(float(cell.value)), *cell.shown[2:])


def poll(time: int, power: float = 1.5, total: int = 7, state: str = "2", other: float = 0.0, **more: object) -> Frame:
    """A dense frame of POLL."""
    return Frame(POLL, time, np.array([power, other]), np.array([total]), (state,), **more)  # type: ignore[arg-type]


def polls(count: int, start: int = START, step: int = SECOND, first: int = 0) -> list[Frame]:
    """Frames of POLL whose values encode their number."""
    return [poll(start + i * step, i + 0.5, i, str(i % 3), -float(i)) for i in range(first, first + count)]


def message(
    time: int, columns: Sequence[int], values: Sequence[float | str], times: Sequence[int] | None = None
) -> Frame:
    """A sparse frame of MESSAGES: columns in order, their values in the same order."""
    of: Layout = MESSAGES
    kinds = [of.columns[column].kind for column in columns]
    return Frame(
        of,
        time,
        np.array([v for v, kind in zip(values, kinds, strict=True) if kind == "float"], np.float64),
        np.array([v for v, kind in zip(values, kinds, strict=True) if kind == "int"], np.int64),
        tuple(str(v) for v, kind in zip(values, kinds, strict=True) if kind == "text"),
        columns=np.array(columns, np.int32),
        times=None if times is None else np.array(times, np.int64),
    )
