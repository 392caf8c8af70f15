"""A frame is one poll of one group of points: columns from the wire to the store, never an object for a value.

A `Layout` names the columns once; a `Frame` carries their values at one time. Most frames are dense: every column of
the layout, at `time`. A notification or a message that brings some of the points is sparse: `columns` says which (a
column may come twice), and `times` when each, if not at `time`. A gap is a frame whose columns are all Bad, with its
reason as their quality; it ends every hold.
"""

import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from connectors.quality import BAD_NO_COMMUNICATION

Kind = Literal["float", "int", "text"]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Qualities = NDArray[np.uint32]

NO_INTS: Ints = np.empty(0, np.int64)
NO_FLOATS: Floats = np.empty(0, np.float64)


class Disconnected(Exception):
    """The connection, or the device behind it, is gone. Raised by a connector on entering and from `frames()`; the
    agent alone decides when to try again. The text says what was seen, never a secret; `reason` is the quality of the
    gap that begins."""

    def __init__(self, text: str, reason: int = BAD_NO_COMMUNICATION) -> None:
        super().__init__(text)
        self.reason = reason


def said(fault: Exception) -> str:
    """What went wrong in the system's own words; Python's repeat the call and its number."""
    if isinstance(fault, OSError) and fault.errno:
        return os.strerror(fault.errno) if fault.errno > 0 else fault.strerror or str(fault)
    return str(fault) or type(fault).__name__


@dataclass(frozen=True, slots=True)
class Column:
    """One point of one asset, and the kind of array that carries it."""

    asset: str
    point: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a group: floats first, then ints, then texts; qualities run over all of them in that order.

    `group` tells the layouts of one source apart (`poll 1s 0`, `topic plant/+/telemetry`, `link`). Imported rows stand
    for `hold` [ns] where one was given (0: by the plant file), and are `scaled` where they are final values already.
    """

    source: str
    group: str
    columns: tuple[Column, ...]
    hold: int = 0
    scaled: bool = False
    floats: int = field(init=False)
    ints: int = field(init=False)
    texts: int = field(init=False)

    def __post_init__(self) -> None:
        kinds = [column.kind for column in self.columns]
        counts = [kinds.count(kind) for kind in ("float", "int", "text")]
        if kinds != ["float"] * counts[0] + ["int"] * counts[1] + ["text"] * counts[2]:
            raise ValueError("columns of a layout stand in the order float, int, text")
        for name, count in zip(("floats", "ints", "texts"), counts, strict=True):
            object.__setattr__(self, name, count)

    def __hash__(self) -> int:
        """Of as much as tells layouts apart: to hash every column would cost more than what is done with a frame."""
        return hash((self.source, self.group, self.columns[0].asset if self.columns else ""))


def layout(source: str, group: str, columns: Sequence[Column], hold: int = 0, scaled: bool = False) -> Layout:
    """A layout of these columns, put in order by kind; within a kind they keep the order given."""
    order = {"float": 0, "int": 1, "text": 2}
    return Layout(source, group, tuple(sorted(columns, key=lambda c: order[c.kind])), hold, scaled)


@dataclass(slots=True)
class Frame:
    """Values of a layout's columns. The value under a quality that is not Good means nothing (0, NaN or "").

    `quality` None: all Good. `source_times` [ns, 0: none] are the device's own, kept and never proof of life.
    `sent` is the request's start and `received` the reply's arrival where there was one: the round trip.
    """

    layout: Layout
    time: int
    floats: Floats = field(default_factory=lambda: NO_FLOATS)
    ints: Ints = field(default_factory=lambda: NO_INTS)
    texts: Sequence[str] = ()
    quality: Qualities | None = None
    columns: NDArray[np.int32] | None = None
    times: Ints | None = None
    source_times: Ints | None = None
    live: bool = True
    """False for what is no sign of life: a retained message, a birth kept across a restart."""
    round_trip: int = 0
    """[ns] of the exchange that brought it; 0 where there was none."""


def gap(of: Layout, time: int, reason: int) -> Frame:
    """From `time` on nothing is known of any column of this layout, for this reason."""
    count = len(of.columns)
    return Frame(
        of,
        time,
        np.full(of.floats, np.nan),
        np.zeros(of.ints, np.int64),
        ("",) * of.texts,
        np.full(count, reason, np.uint32),
        live=False,
    )


class Connector(Protocol):
    """What a protocol is to the agent. Entered means connected; it never reconnects, retries, scales or backs off.

    Entering raises `Disconnected` when the device does not answer within its deadline.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def frames(self) -> AsyncIterator[Frame]:
        """Endless. Raises `Disconnected` when the connection goes or stands still; a point at fault is data."""
        ...

    def durable(self, frames: int) -> None:
        """So many more of the frames yielded are committed, in their order: MQTT acknowledges their messages."""
        ...
