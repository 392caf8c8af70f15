"""History that did not come through the agent: published as one closed segment, whole or not at all, beside an agent
that goes on writing."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from connectors.base import Ints, Layout, Qualities
from store.journal.chunk import Chunk
from store.journal.columns import ColumnFile
from store.journal.folder import Lock, made, numbered
from store.journal.live import refusal

IMPORTED = 0  # the clock epoch of what no agent's clock stamped
TEMPORARY = "import.tmp"


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a layout with one column, in the order of time. Words of kind text are indexes of the texts."""

    layout: Layout
    times: Ints
    words: Ints
    quality: Qualities | None


@dataclass(frozen=True, slots=True)
class Strike:
    """Rows of one point that count no more, by their places in the log, with their times."""

    asset: str
    point: str
    places: Ints
    times: Ints


@contextmanager
def importing(folder: Path, told: Callable[[str], None]) -> Iterator[None]:
    """One import at a time; `told` hears which process it waits for."""
    made(folder)
    lock = Lock(folder / "import.lock")
    lock.wait(told)
    try:
        yield
    finally:
        (folder / TEMPORARY).unlink(missing_ok=True)
        lock.release()


def publish(
    folder: Path,
    parts: Iterable[Part],
    texts: Sequence[str],
    strikes: Iterable[Strike],
    notes: Iterable[tuple[str, Mapping[str, object]]],
    now: int,
) -> None:
    """All of it or nothing, durable when it returns. To be called while `importing`. Raises `StoreError`."""
    try:
        target = ColumnFile(folder / TEMPORARY)
        try:
            _write(target, parts, texts, strikes)
            for kind, detail in notes:
                target.note(now, kind, detail)
            target.close(now, now)
        except BaseException:
            target.discard()
            raise
        with numbered(folder) as number:
            target.publish(folder, number)
    except (sqlite3.Error, OSError) as error:
        raise refusal(folder, error) from error


def _write(target: ColumnFile, parts: Iterable[Part], texts: Sequence[str], strikes: Iterable[Strike]) -> None:
    for code, text in enumerate(texts):
        target.word(code, text)
    for number, part in enumerate(parts, 1):
        target.layout(number, part.layout)
        seqs = np.arange(target.last + 1, target.last + 1 + len(part.times))
        quality = None if part.quality is None else part.quality[None, :]
        target.chunk(Chunk(number, IMPORTED, seqs, part.times, part.words[None, :], quality=quality))
    for strike in strikes:
        target.strike(strike.asset, strike.point, strike.places, strike.times)
