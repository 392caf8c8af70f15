"""Whether the database has what the journal has: rows of both side by side, and those that must be written again.

The journal may have several rows of a point at one time, the database has one: that which KPIs would take (Good before
Bad, then the larger, by letters for texts). Rows that only the database has are not the journal's to judge: it keeps
longer, and other gateways write there too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from connectors.base import Column, Floats, Ints, Kind, Layout
from connectors.quality import BAD, BAD_OUT_OF_RANGE
from connectors.quality import good as is_good
from store.influx import shape
from store.journal.chunk import Chunk
from store.journal.delivery import Part
from store.journal.merge import taken
from store.reader import Series

GROUP = "again"


def differing(journal: Mapping[str, Series], database: Mapping[str, Series]) -> dict[str, Series]:
    """The journal's rows that the database has otherwise or not at all, by point."""
    found = {}
    for point, rows in journal.items():
        if len(rows):
            wanted = settled(rows)
            which = np.flatnonzero(~_alike(wanted, database[point]))
            if len(which):
                found[point] = taken(wanted, which)
    return found


def settled(rows: Series) -> Series:
    """One row a time, and what is not finite Bad: as the database has it."""
    if rows.numbers.dtype.kind == "f":
        spelled = np.zeros(len(rows), np.bool_) if rows.text is None else rows.text >= 0
        odd = is_good(rows.quality) & ~spelled & ~np.isfinite(rows.numbers)
        if odd.any():
            code = np.where(np.isnan(rows.numbers), BAD, BAD_OUT_OF_RANGE)
            rows = replace(rows, quality=np.where(odd, code, rows.quality).astype(np.uint32))
    if (rows.time[1:] > rows.time[:-1]).all():
        return rows
    good = is_good(rows.quality)
    numbers = np.where(good, rows.numbers, 0)
    order = np.lexsort((np.arange(len(rows)), rows.hold, numbers, _rank(rows), good, rows.time))
    return taken(rows, order[np.append(rows.time[order][1:] != rows.time[order][:-1], True)])


def _rank(rows: Series) -> Ints:
    """Texts in the order of their letters, after every number."""
    if rows.text is None:
        return np.zeros(len(rows), np.int64)
    by_letter = {word: index + 1 for index, word in enumerate(sorted(set(rows.words)))}
    rank = np.array([by_letter[word] for word in rows.words] + [0], np.int64)
    return np.where(is_good(rows.quality), rank[rows.text], 0)


def _alike(wanted: Series, held: Series) -> NDArray[np.bool_]:
    """Which of the rows wanted are held just so."""
    if not len(held):
        return np.zeros(len(wanted), np.bool_)
    place = np.minimum(np.searchsorted(held.time, wanted.time), len(held) - 1)
    good = is_good(wanted.quality)
    same = held.time[place] == wanted.time
    for name in ("quality", "epoch", "hold", "scaled"):
        same &= getattr(held, name)[place] == getattr(wanted, name)
    index = {word: code for code, word in enumerate(wanted.words)}
    spelled = np.array([index.get(word, -2) for word in held.words] + [-1], np.int64)
    texts = np.full(len(held), -1) if held.text is None else spelled[held.text]
    own = np.full(len(wanted), -1) if wanted.text is None else wanted.text
    alike: NDArray[np.bool_] = same & (
        ~good | ((own == texts[place]) & ((own >= 0) | (_bits(wanted.numbers) == _bits(held.numbers)[place])))
    )
    return alike


def _bits(numbers: Floats | Ints) -> Ints:
    """To the bit, as float64, so that zeros of both signs differ as they do on the wire."""
    return np.ascontiguousarray(numbers, np.float64).view(np.int64)


def parts(asset: str, rows: Mapping[str, Series]) -> Iterator[Part]:
    """The rows as columns to be written: such that each says everything of its cell, whatever stands there."""
    for point, whole in rows.items():
        own = np.full(len(whole), -1) if whole.text is None else whole.text
        keys = np.stack(
            [own >= 0, whole.epoch, np.where(whole.epoch == 0, whole.hold, shape.NOT_IMPORTED), whole.scaled]
        )
        for key in np.unique(keys, axis=1).T.tolist():
            some = taken(whole, np.flatnonzero((key == keys.T).all(axis=1)))
            yield _part(asset, point, some, bool(key[0]), key[2])


def _part(asset: str, point: str, rows: Series, spelled: bool, hold: int) -> Part:
    kind: Kind = "text" if spelled else "float" if rows.numbers.dtype.kind == "f" else "int"
    layout = _layout(asset, point, kind, hold, bool(rows.scaled[0]))
    words = rows.text if spelled and rows.text is not None else rows.numbers
    chunk = Chunk(
        0,
        int(rows.epoch[0]),
        np.arange(1, len(rows) + 1),
        rows.time,
        words.astype(np.int64)[None] if kind != "float" else words.astype(np.float64).view(np.int64)[None],
        quality=rows.quality[None],
    )
    return Part(layout, chunk, dict(enumerate(rows.words)) if spelled else {}, None)


@lru_cache(4096)
def _layout(asset: str, point: str, kind: Kind, hold: int, scaled: bool) -> Layout:
    return Layout("", GROUP, (Column(asset, point, kind),), hold, scaled)
