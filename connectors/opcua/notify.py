"""Messages of a subscription become frames: what was notified, and of all the rest that it is as it was.

Pure. A row's time is the source's where that is near the gateway's. The server's CurrentTime is watched beside the
points: while it moves, what was not notified has not changed, and a point that stands still is as well known as one
that is polled. When it stops, nothing is known, whether the socket is open or not.
"""

import numpy as np

from config.plant import SECOND
from connectors import quality
from connectors.base import Disconnected, Frame, Ints
from connectors.opcua.columns import Columns, Shape, columns
from connectors.opcua.decode import Places, Publication, Values, nanoseconds
from connectors.opcua.plan import Group
from connectors.opcua.wire import Type

CLOSE = 2 * SECOND
"""How far a source time may be from the gateway's to be the time of a row."""
PERIODS = 3
BEAT = SECOND
"""Without a heartbeat may pass three publishing periods, or of a server's clock that moves once a second, and at least
the deadline of a request."""
OVERFLOW = 0x0480
"""Info bits of a status: other values of this item were lost from the server's queue."""
_NEVER = -(1 << 62)


class Watch:
    """The messages of one subscription. Item i of the group has the handle i, the heartbeat the one behind the last."""

    def __init__(self, group: Group, url: str, period: int, monotonic: int) -> None:
        self.group, self.url, self.period = group, url, period
        self.overflows = 0
        """Values that came with the overflow bit: before each of them, others were lost on the server."""
        self._sequence = 0
        self._beat, self._beaten = 0, monotonic  # the server's CurrentTime [ns], and when it last moved
        self._held = _Held(group)

    @property
    def heartbeat(self) -> int:
        """Its handle."""
        return len(self.group.items)

    def left(self, now: int) -> int:
        """[ns] that may still pass without a heartbeat. Raises `Disconnected` where none are left."""
        left = self._beaten + max(PERIODS * max(self.period, BEAT), self.group.deadline) - now
        if left < 0:
            still = (now - self._beaten) / SECOND
            raise Disconnected(f"{self.url}: connected, but the server's clock has not moved for {still:.1f} s")
        return left

    def refused(self, bad: dict[int, int], wall: int) -> Frame:
        """Items that the server would not monitor, by place, with its reason."""
        places = np.array(sorted(bad), np.intp)
        values = Values(b"", len(places))
        values.status[:] = [bad[place] for place in places.tolist()]
        return self._told(places, values, wall)[0]

    def frames(self, message: Publication, wall: int, monotonic: int) -> tuple[list[Frame], dict[int, int]]:
        """The frames of a message that arrived at these times, and the types of values that ask for another layout.

        The first holds what was notified. With a heartbeat comes a second one: columns that were not notified say that
        they are as they were, at the last time before which every change must have been notified by now. Raises
        `Disconnected` where the subscription has ended, or a message is missing.
        """
        self._follow(message)
        beats = np.flatnonzero(message.places == self.heartbeat)
        for place in beats.tolist():
            self._beats(message.values, place, monotonic)
        own = np.flatnonzero(message.places < self.heartbeat)
        frame, misfits = self._told(message.places[own], message.values.taken(own), wall)
        self.overflows += int(np.count_nonzero(message.values.status & 0xFFFF == OVERFLOW))
        found = [frame] if len(own) else []
        if len(beats):
            near = abs(self._beat - wall) <= CLOSE
            settled = (min(self._beat, wall) if near else wall) - 2 * self.period
            found += self._held.still(settled)
        return found, misfits

    def _follow(self, message: Publication) -> None:
        if message.status >= quality.BAD:
            what = f"{self.url}: the subscription has ended ({quality.name(message.status)})"
            raise Disconnected(what, message.status)
        if message.empty:
            return
        if self._sequence and message.sequence != self._sequence % 0xFFFFFFFF + 1:
            what = f"{self.url}: message {message.sequence} came after {self._sequence}"
            raise Disconnected(what, quality.BAD_DATA_LOST)
        self._sequence = message.sequence

    def _beats(self, values: Values, place: int, monotonic: int) -> None:
        if values.status[place] < quality.BAD and values.codes[place] == Type.DATETIME:
            ticks = np.frombuffer(values.data, "<i8", 1, int(values.at[place]) + 1)
            if (moved := int(nanoseconds(ticks)[0])) != self._beat:
                self._beat, self._beaten = moved, monotonic

    def _told(self, places: Places, values: Values, wall: int) -> tuple[Frame, dict[int, int]]:
        """Items as they came become a sparse frame."""
        shape = self.group.shape
        section = np.searchsorted([shape.floats, shape.floats + shape.ints], places, side="right")
        order = np.argsort(section, kind="stable")
        places, values = places[order], values.taken(order)
        floats, ints, texts = np.bincount(section, minlength=3).tolist()
        words = dict(shape.invalid)
        invalid = tuple((i, words[place]) for i, place in enumerate(places.tolist()) if place in words) if words else ()
        found = columns(values, Shape(floats, ints, texts, shape.told[places], shape.fresh[places], invalid))
        near = (values.source > 0) & (np.abs(values.source - wall) <= CLOSE)
        times = self._held.rising(places, np.where(near, values.source, wall))
        self._held.keep(places, found, values.source)
        frame = Frame(
            self.group.layout,
            wall,
            found.floats,
            found.ints,
            found.texts,
            found.quality if found.quality.any() else None,
            places.astype(np.int32),
            times,
            values.source,
        )
        return frame, {int(places[i]): int(values.codes[i]) for i in found.misfits}


class _Held:
    """What each column of a group last said, and when."""

    def __init__(self, group: Group) -> None:
        self._layout = layout = group.layout
        self._time: Ints = np.full(len(group.items), _NEVER, np.int64)
        self._floats = np.full(layout.floats, np.nan)
        self._ints = np.zeros(layout.ints, np.int64)
        self._texts = [""] * layout.texts
        self._quality = np.zeros(len(group.items), np.uint32)
        self._source = np.zeros(len(group.items), np.int64)

    def rising(self, places: Places, times: Ints) -> Ints:
        """These times, each at least 1 ns behind the last of its column: a server whose source times stand still, or
        come twice with different values, loses no row."""
        once = len(places) == 0 or np.bincount(places).max() == 1
        if not once or (times <= self._time[places]).any():
            for i, place in enumerate(places.tolist()):
                times[i] = self._time[place] = max(int(times[i]), int(self._time[place]) + 1)
        self._time[places] = times
        return times

    def keep(self, places: Places, found: Columns, source: Ints) -> None:
        first, second = self._layout.floats, self._layout.floats + self._layout.ints
        floats, ints = len(found.floats), len(found.floats) + len(found.ints)
        self._floats[places[:floats]] = found.floats
        self._ints[places[floats:ints] - first] = found.ints
        for place, text in zip((places[ints:] - second).tolist(), found.texts, strict=True):
            self._texts[place] = text
        self._quality[places] = found.quality
        self._source[places] = source

    def still(self, until: int) -> list[Frame]:
        """Columns that have said nothing since, say at this time that they are as they were."""
        places = np.flatnonzero((self._time > _NEVER) & (self._time < until))
        if not len(places):
            return []
        self._time[places] = until
        first, second = self._layout.floats, self._layout.floats + self._layout.ints
        floats, ints, texts = (
            places[places < first],
            places[(places >= first) & (places < second)] - first,
            (places[places >= second] - second).tolist(),
        )
        said = self._quality[places]
        return [
            Frame(
                self._layout,
                until,
                self._floats[floats],
                self._ints[ints],
                tuple(self._texts[place] for place in texts),
                said if said.any() else None,
                places.astype(np.int32),
                source_times=self._source[places],
            )
        ]
