"""A message becomes a frame: every point of its group, at the time that the payload names or else that of its receipt.

Pure. Where all values are of the kinds that their columns have, they are taken in one go; otherwise each is judged by
itself: one that is missing, null or of another type is Bad alone, a payload that is no JSON is Bad for all that is
looked for in it, and nothing raises. A value of another kind, where the point is open to it, makes another layout.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import orjson

from config.json_path import Path, parse
from connectors import quality
from connectors.base import NO_INTS, Column, Frame, Kind, Layout, layout
from connectors.mqtt import stamp
from connectors.mqtt.cell import LONGEST, NOTHING, TRUTHS, Cell, Judged, cell
from connectors.mqtt.plan import Group, place

MOST_LAYOUTS = 16
"""Of one group, where points change their kind; beyond them a value of another kind does not fit."""
_ORDER: tuple[Kind, ...] = ("float", "int", "text")
_FLOATS, _INTS, _TEXTS = {float, int}, {int}, {str}
_MISSING, _UNREADABLE = object(), object()


# -- payloads ----------------------------------------------------------------------------------------------------------
def document(payload: bytes) -> Any:
    """The JSON of a payload that orjson does not take: one number that is none costs the others nothing."""
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return _UNREADABLE


def bare(payload: bytes) -> tuple[str | None, bool]:
    """The text of a payload without a path, and whether it stood in quotes; None where it is no text."""
    try:
        text = bytes(payload).decode("utf-8-sig").strip("\0\r\n\t ")
    except UnicodeDecodeError:
        return None, False
    if text[:1] == '"':
        try:
            return str(orjson.loads(text)), True
        except orjson.JSONDecodeError:
            pass
    return text, False


def found_at(found: Any, path: Path) -> Any:
    """What stands at the end of a path."""
    for step in path:
        if isinstance(step, str):
            found = found.get(step, _MISSING) if isinstance(found, dict) else _MISSING
        else:
            found = found[step] if isinstance(found, list) and step < len(found) else _MISSING
    return found


def _fetching(paths: Sequence[Path | None]) -> Callable[[Any], tuple[Any, ...]] | None:
    """All values of a document at once, in this order."""
    known = [path for path in paths if path is not None]
    if len(known) < len(paths):
        return None
    if all(len(path) == 1 and isinstance(path[0], str) for path in known):
        first = known[0][0]
        return itemgetter(*(path[0] for path in known)) if len(known) > 1 else lambda found: (found[first],)
    return lambda found: tuple(found_at(found, path) for path in known)


# -- frames ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Shape:
    """A layout, the place of each of its columns among the points of the group, and the quick way to its values."""

    layout: Layout
    order: tuple[int, ...]
    split: int
    end: int
    bounds: tuple[tuple[int, int], ...]
    fetch: Callable[[Any], tuple[Any, ...]] | None


class Decoder:
    """Of the messages that carry one group of points."""

    def __init__(self, source: str, group: Group) -> None:
        self.group = group
        self.unstamped = 0
        """Messages whose time was none or cannot be meant: they have that of their receipt."""
        self._source = source
        self._cells = [cell(point) for point in group.points]
        self._paths = [parse(written) if (written := place(point).path) else None for point in group.points]
        self._bare = None in self._paths
        self._json = group.time is not None or any(self._paths)
        self._shapes: dict[tuple[Kind, ...], _Shape] = {}
        self._turn(tuple(one.first for one in self._cells))

    @property
    def layout(self) -> Layout:
        """That of the last message, or the one to begin with."""
        return self._shape.layout

    def _turn(self, kinds: tuple[Kind, ...]) -> None:
        """From now on the columns are of these kinds."""
        if kinds not in self._shapes:
            if len(self._shapes) == MOST_LAYOUTS:
                return
            self._shapes[kinds] = self._shaped(kinds)
        self._kinds, self._shape = kinds, self._shapes[kinds]

    def _shaped(self, kinds: tuple[Kind, ...]) -> _Shape:
        order = sorted(range(len(kinds)), key=lambda i: _ORDER.index(kinds[i]))
        cells = [self._cells[i] for i in order]
        made = layout(
            self._source,
            self.group.name,
            [Column(c.point.asset, c.point.name, kinds[i]) for i, c in zip(order, cells, strict=True)],
        )
        split, end = made.floats, made.floats + made.ints
        exact = not any(c.invalid for c in cells)
        fetch = _fetching([self._paths[i] for i in order]) if exact else None
        return _Shape(made, tuple(order), split, end, tuple(c.bounds for c in cells[split:end]), fetch)

    def frame(self, payload: bytes, now: int) -> Frame:
        """What this payload says, received at `now`."""
        frame, found = None, None
        if self._json:
            try:
                found = orjson.loads(payload)
                frame = self._taken(found, now)
            except orjson.JSONDecodeError:
                found = document(payload)
        if frame is None:
            frame = self._judged(payload, found, now)
        if self.group.time is not None:
            self._stamp(frame, found_at(found, self.group.time))
        return frame

    def _taken(self, found: Any, now: int) -> Frame | None:
        """The quick way, for values that need no judging."""
        shape = self._shape
        if shape.fetch is None:
            return None
        try:
            values = shape.fetch(found)
        except (KeyError, TypeError):
            return None
        floats, ints, texts = values[: shape.split], values[shape.split : shape.end], values[shape.end :]
        if not _FLOATS.issuperset(map(type, floats)):
            return None
        if ints:
            if not _INTS.issuperset(map(type, ints)):
                return None
            for value, (low, high) in zip(ints, shape.bounds, strict=True):
                if not low <= value <= high:
                    return None
        if texts:
            if not _TEXTS.issuperset(map(type, texts)):
                return None
            for text in texts:
                if len(text) > LONGEST or text in TRUTHS:
                    return None
        whole = np.array(ints, np.int64) if ints else NO_INTS
        return Frame(shape.layout, now, np.array(floats, np.float64), whole, texts)

    def _judged(self, payload: bytes, found: Any, now: int) -> Frame:
        """The careful way, each point by itself."""
        text, quoted = bare(payload) if self._bare else (None, False)
        judged = [
            self._bare_judged(one, text, quoted) if path is None else self._json_judged(one, found, path)
            for one, path in zip(self._cells, self._paths, strict=True)
        ]
        self._turn(
            tuple(
                kind if code == quality.GOOD else old for (kind, _, code), old in zip(judged, self._kinds, strict=True)
            )
        )
        shape = self._shape
        codes = np.zeros(len(judged), np.uint32)
        values = []
        for place_, i in enumerate(shape.order):
            kind, value, code = judged[i]
            if code == quality.GOOD and kind != self._kinds[i]:
                code = quality.BAD_TYPE_MISMATCH
            codes[place_] = code
            values.append(value if code == quality.GOOD else NOTHING[self._kinds[i]])
        return Frame(
            shape.layout,
            now,
            np.array(values[: shape.split], np.float64),
            np.array(values[shape.split : shape.end], np.int64),
            tuple(values[shape.end :]),
            codes if codes.any() else None,
        )

    def _bare_judged(self, one: Cell, text: str | None, quoted: bool) -> Judged:
        if not text:
            return one.first, NOTHING[one.first], quality.BAD_DECODING if text is None else quality.BAD_NO_DATA
        return one(text) if quoted else one.bare(text)

    def _json_judged(self, one: Cell, found: Any, path: Path) -> Judged:
        value = found_at(found, path)
        if value is _MISSING:
            code = quality.BAD_DECODING if found is _UNREADABLE else quality.BAD_NO_DATA
            return one.first, NOTHING[one.first], code
        return one(value)

    def _stamp(self, frame: Frame, written: Any) -> None:
        said = stamp.nanoseconds(written)
        if said is not None and stamp.plausible(said, frame.time):
            frame.time = said
            return
        self.unstamped += 1
        if said is not None:
            frame.source_times = np.full(len(frame.layout.columns), said, np.int64)
