"""Report by exception: a frame is worth a row when a value moved beyond its deadband, when a quality changed, and at
least every keepalive. So a steady machine costs next to nothing, and a silent one is never taken for a steady one.
"""

from collections.abc import Mapping

import numpy as np

from config.plant import SECOND, Point
from connectors.base import Floats, Frame, Ints, Layout, Qualities

NEVER = -(1 << 62)


class Exceptions:
    """What was last kept of one layout. `keep` decides and remembers; its cost is a few numpy calls a frame."""

    def __init__(self, layout: Layout, points: Mapping[tuple[str, str], Point]) -> None:
        own = [points.get((column.asset, column.point)) for column in layout.columns]
        count = len(layout.columns)
        self._deadband = np.array([_deadband(point) for point in own[: layout.floats]])
        steps = [_deadband(point) for point in own[layout.floats : layout.floats + layout.ints]]
        self._steps = np.array(steps) if any(steps) else None
        self._bands = bool(self._deadband.any())
        self._keepalive = min((point.keepalive for point in own if point), default=60 * SECOND)
        self._floats: Floats = np.full(layout.floats, np.nan)
        self._ints: Ints = np.zeros(layout.ints, np.int64)
        self._texts: list[str] = [""] * layout.texts
        self._quality: Qualities = np.full(count, 0xFFFFFFFF, np.uint32)
        self._good: Qualities = np.zeros(count, np.uint32)
        self._ends = layout.floats, layout.floats + layout.ints
        self._kept: int | None = None
        self._kept_each: Ints = np.full(count, NEVER, np.int64)  # of sparse frames, whose columns live apart

    def forget(self) -> None:
        """A gap was written: the next frame is worth a row whatever it says."""
        self._kept = None
        self._kept_each[:] = NEVER

    def keep(self, frame: Frame) -> bool:
        """Whether the frame is journaled. One that goes back in time always is."""
        if frame.columns is not None:
            return self._keep_sparse(frame)
        quality = self._good if frame.quality is None else frame.quality
        since = None if self._kept is None else frame.time - self._kept
        if since is not None and 0 <= since < self._keepalive and self._same(frame, quality):
            return False
        self._kept = frame.time
        self._floats, self._ints, self._quality = frame.floats, frame.ints, quality
        self._texts = list(frame.texts)
        return True

    def _same(self, frame: Frame, quality: Qualities) -> bool:
        if quality is not self._quality and not np.array_equal(quality, self._quality):
            return False
        if len(frame.floats) and not (
            frame.floats.tobytes() == self._floats.tobytes()  # where no point has a deadband, other bits have moved
            or (self._bands and _within(frame.floats, self._floats, self._deadband))
        ):
            return False
        if self._steps is not None:
            if (np.abs(frame.ints - self._ints) > self._steps).any():
                return False
        elif len(frame.ints) and not (frame.ints == self._ints).all():
            return False
        return list(frame.texts) == self._texts if self._texts else True

    def _keep_sparse(self, frame: Frame) -> bool:
        """Notifications and messages: kept when one of its values differs from the last kept of its column."""
        first, second = self._ends
        columns = frame.columns
        assert columns is not None
        quality = np.zeros(len(columns), np.uint32) if frame.quality is None else frame.quality
        floats, ints = columns[columns < first], columns[(columns >= first) & (columns < second)] - first
        texts = columns[columns >= second] - second
        since = frame.time - self._kept_each[columns]
        same = (
            frame.times is None
            and bool(((since >= 0) & (since < self._keepalive)).all())
            and np.array_equal(quality, self._quality[columns])
            and _within(frame.floats, self._floats[floats], self._deadband[floats])
            and np.array_equal(frame.ints, self._ints[ints])
            and all(self._texts[i] == text for i, text in zip(texts, frame.texts, strict=True))
        )
        if same:
            return False
        self._kept_each[columns] = frame.time if frame.times is None else frame.times
        self._floats, self._ints, self._quality = self._floats.copy(), self._ints.copy(), self._quality.copy()
        self._floats[floats], self._ints[ints], self._quality[columns] = frame.floats, frame.ints, quality
        for i, text in zip(texts, frame.texts, strict=True):
            self._texts[i] = text
        return True


def _within(new: Floats, old: Floats, deadband: Floats) -> bool:
    """No value moved; two that are not a number are the same."""
    with np.errstate(invalid="ignore"):  # inf - inf
        moved = np.abs(new - old) > deadband
    return not moved.any() and bool((np.isnan(new) == np.isnan(old)).all())


def _deadband(point: Point | None) -> float:
    """In units of the wire; the plant file gives it after scale."""
    return float(abs(point.deadband / point.scale)) if point and point.scale else 0.0
