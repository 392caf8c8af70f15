"""A time zone over a span as two small arrays, so that local and universal time turn into each other in columns.

A local time that occurs twice is its first occurrence; one that the clocks skip is the moment at which they skip it. So
local times in order stay in order, and no change of the clocks makes two shifts overlap.
"""

from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EPOCH = date(1970, 1, 1).toordinal()
_FAR = 9 * 10**18  # in the year 2255


def _offset(zone: ZoneInfo, second: int) -> int:
    found = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
    return 0 if found is None else found.days * 86400 + found.seconds


class Offsets:
    """The zone's offsets from `start` to `end` [ns UTC], and two days more on either side."""

    def __init__(self, zone: ZoneInfo, start: int, end: int) -> None:
        first, last = start // SECOND - 2 * 86400, end // SECOND + 2 * 86400
        probes = [*range(first, last, 6 * 3600), last]
        offsets = [_offset(zone, probe) for probe in probes]
        since, held = [-_FAR], [offsets[0]]
        for i in range(1, len(probes)):
            if offsets[i] != offsets[i - 1]:
                since.append(_change(zone, probes[i - 1], probes[i]) * SECOND)
                held.append(offsets[i])
        self.since: Ints = np.array(since, np.int64)
        self.offset: Ints = np.array(held, np.int64) * SECOND
        self._until: Ints = np.append(self.since[1:], _FAR) + self.offset

    def local(self, utc: Ints) -> Ints:
        """What the clocks show [ns after 1970-01-01 00:00 local]."""
        return np.asarray(utc + self.offset[np.searchsorted(self.since, utc, "right") - 1])

    def utc(self, local: Ints) -> Ints:
        """When the clocks first show it, or skip it."""
        piece = np.searchsorted(self._until, local, "right")
        return np.asarray(np.maximum(local - self.offset[piece], self.since[piece]))

    def hours(self, start: int, end: int) -> Ints:
        """Every full local hour in [start, end), and every change of the clocks."""
        found = []
        bounds = [max(start, int(t)) for t in self.since] + [end]
        for i, offset in enumerate(self.offset.tolist()):
            begin, stop = bounds[i], min(bounds[i + 1], end)
            if begin < stop:
                first = -(-(begin + offset) // HOUR) * HOUR - offset
                found.append(np.arange(first, stop, HOUR, dtype=np.int64))
        changes = self.since[(self.since >= start) & (self.since < end)]
        return np.unique(np.concatenate([*found, changes])) if found else changes


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    old = _offset(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(zone, middle) == old else (before, middle)
    return after


def instant(when: date | datetime, zone: ZoneInfo) -> int:
    """UTC [ns]: a date is its 00:00, and what has no offset is read in the zone."""
    if isinstance(when, datetime) and when.tzinfo is not None:
        return nanoseconds(when)
    naive = (
        when.replace(tzinfo=UTC)
        if isinstance(when, datetime)
        else datetime(when.year, when.month, when.day, tzinfo=UTC)
    )
    local = nanoseconds(naive)
    return int(Offsets(zone, local, local).utc(np.array([local]))[0])


def nanoseconds(when: datetime) -> int:
    """Of an aware time, exactly [ns]."""
    passed = when - datetime(1970, 1, 1, tzinfo=UTC)
    return ((passed.days * 86400 + passed.seconds) * 10**6 + passed.microseconds) * 1000


def local_ns(day: int, minute: int = 0) -> int:
    """So many minutes after 00:00 of the date with this ordinal, as local time [ns]."""
    return (day - EPOCH) * DAY + minute * MINUTE


@lru_cache(4096)  # a document prints the ends of its window some ten thousand times
def shown(ns: int, zone: ZoneInfo) -> str:
    """ISO 8601 with the zone's offset, as results print times; fractions only where there are any."""
    whole, rest = divmod(ns, SECOND)
    text = datetime.fromtimestamp(whole, UTC).astimezone(zone).isoformat()
    return text if not rest else f"{text[:19]}.{rest:09d}".rstrip("0") + text[19:]
