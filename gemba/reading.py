"""One poll of every point of some sources: connects, takes what comes until each point was seen, and disconnects."""

import asyncio
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config.plant import SECOND, Plant, Point, Source
from config.value import final
from connectors import quality
from connectors.base import Disconnected, Frame

_WAITING = quality.name(quality.BAD_WAITING_FOR_INITIAL_DATA)  # as a Sparkplug metric does until its birth


@dataclass(frozen=True, slots=True)
class Row:
    """What one point answered: `reading` as it was on the wire, `value` final; both None where it is not Good."""

    point: Point
    value: Any
    quality: str
    time: int | None
    round_trip: float | None
    reading: Any = None

    def document(self) -> dict[str, Any]:
        return {
            "asset": self.point.asset,
            "point": self.point.name,
            "source": self.point.source,
            "value": self.value,
            "quality": self.quality,
            "round_trip_ms": self.round_trip,
            **({} if self.reading == self.value else {"reading": self.reading}),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one source; `trouble` says why it answered nothing at all."""

    source: Source
    rows: tuple[Row, ...]
    trouble: str = ""


async def read(plant: Plant, source: Source, points: Sequence[Point]) -> Answer:
    """Every point once. A broker is listened to for as long as its topics may be silent, and no longer."""
    seen: dict[tuple[str, str], Row] = {}
    trouble = ""
    try:
        visit = {"visit": True} if source.protocol == "mqtt" else {}  # beside the agent, whose session is its own
        connector = importlib.import_module(f"connectors.{source.protocol}").connect(source, points, plant, **visit)
        async with asyncio.timeout(_patience(source, points)), connector:
            async for frame in connector.frames():
                found = _rows(frame, {p.key: p for p in points})
                seen |= {row.point.key: row for row in found if row.quality != _WAITING}
                if len(seen) == len(points):
                    break
    except Disconnected as error:
        trouble = str(error)
    except TimeoutError:
        pass
    missing = quality.name(quality.BAD_NO_COMMUNICATION) if trouble else _WAITING
    rows = tuple(seen.get(point.key) or Row(point, None, missing, None, None) for point in points)
    return Answer(source, rows, trouble)


def _patience(source: Source, points: Sequence[Point]) -> float:
    longest = max(point.every for point in points)
    return (longest / SECOND if source.protocol == "mqtt" else 0) + 15


def _rows(frame: Frame, points: dict[tuple[str, str], Point]) -> list[Row]:
    columns = range(len(frame.layout.columns)) if frame.columns is None else frame.columns.tolist()
    values = [*frame.floats.tolist(), *frame.ints.tolist(), *frame.texts]
    codes = [0] * len(values) if frame.quality is None else frame.quality.tolist()
    trip = round(frame.round_trip / 1e6, 3) if frame.round_trip else None
    found = []
    for column, value, code in zip(columns, values, codes, strict=True):
        name = frame.layout.columns[column]
        point = points.get((name.asset, name.point))
        if point is not None:
            read, meant = (value, final(point, value)) if code < quality.UNCERTAIN else (None, None)
            found.append(Row(point, meant, quality.name(code), frame.time, trip, read))
    return found


async def read_all(plant: Plant, wanted: Sequence[tuple[Source, Sequence[Point]]]) -> list[Answer]:
    for protocol in {source.protocol for source, _ in wanted}:
        importlib.import_module(f"connectors.{protocol}")  # before any clock runs: on a busy machine it takes its time
    return list(await asyncio.gather(*(read(plant, source, points) for source, points in wanted)))
