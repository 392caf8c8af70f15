"""What InfluxDB acknowledged is not what it has: each hour of each asset is read back, once it is over and once more
later, compared with the journal value by value, and written again where it differs.

The hours that are still to be looked at are kept in a file, so that a restart does not forget them; without it every
hour that the journal holds is looked at.
"""

import json
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from config.plant import SECOND, Plant
from store.influx.agreement import differing, parts
from store.influx.answer import Answer
from store.influx.reader import InfluxReader
from store.influx.shape import HOUR
from store.journal import Journal
from store.journal.delivery import Part
from store.reader import Series

NAME = "reconcile.json"
GRACE = 300 * SECOND  # after the last row of an hour was written
SLICE = 600 * SECOND
POINTS = 10  # read back at once
SAVE = 60 * SECOND
SETTLED = 5 * SECOND  # after which what was read has been committed and written
RECENT = 2  # hours that are looked at again where the server was away
_log = logging.getLogger("gemba.influxdb")


@dataclass(slots=True)
class Due:
    """When an hour is looked at [ns], which look it is, and whether the last one found something. One that is looked at
    only `until` a time [ns] is still being written to, and is looked at as any other hour after that."""

    at: int
    look: int = 0
    mended: bool = False
    until: int | None = None


class Reconciler:
    """Used by the forwarder's thread alone. `again` writes parts and says what came of it."""

    def __init__(
        self,
        folder: Path,
        plant: Plant,
        journal: Journal,
        reader: InfluxReader,
        again: Callable[[Iterable[Part]], Answer],
        grace: int = GRACE,
    ) -> None:
        self.plant, self.journal, self.reader = plant, journal, reader
        self.mended = 0
        self.unsettled = 0
        self._path = folder / NAME
        self._again, self._grace = again, grace
        self._due: dict[int, Due] = {}
        self._left: list[str] = []
        self._hour: int | None = None
        self._found = 0
        self._saved = 0
        self._changed = False
        self._load()

    # -- what is due ---------------------------------------------------------------------------------------------------
    def touched(self, hours: Iterable[tuple[str, int]], now: int) -> None:
        """Rows of these hours were written now. To be called before they are acknowledged."""
        for hour in {hour for _, hour in hours}:
            due = self._due.get(hour)
            if due is None or (due.until is None and (due.look or due.at < now + self._grace)):
                self._due[hour] = self._over(hour, now)
                self._changed = True
            if due is None:
                self._saved = 0
        self.save(now)

    def _over(self, hour: int, now: int) -> Due:
        """Once nothing more is written to it."""
        return Due(max((hour + 1) * HOUR, now) + self._grace)

    def recent(self, now: int) -> None:
        """The server was away: what it had acknowledged just before may be gone."""
        self._hour = None
        for hour in range(now // HOUR - RECENT + 1, now // HOUR + 1):
            self._due[hour] = Due(now + SETTLED, until=now)

    def everything(self, now: int) -> None:
        """All that the journal holds."""
        span = self.journal.span()
        if span is not None:
            for hour in range(span[0] // HOUR, span[1] // HOUR + 1):
                self._due[hour] = Due(now)

    def _load(self) -> None:
        try:
            told = json.loads(self._path.read_bytes())
            self._due = {int(hour): Due(int(at), int(look)) for hour, (at, look) in told.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            self.everything(0)

    def save(self, now: int) -> None:
        """Durably; at once where an hour is new, otherwise now and then."""
        if not self._changed or abs(now - self._saved) < SAVE:
            return
        self._saved, self._changed = now, False
        told = {str(hour): [due.at, due.look] for hour, due in sorted(self._due.items())}
        temporary = self._path.with_suffix(".tmp")
        with temporary.open("w") as file:
            json.dump(told, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)

    # -- looking -------------------------------------------------------------------------------------------------------
    def turn(self, now: int, oldest: int) -> Answer | bool:
        """Looks at one asset of one hour: whether there was anything to do, or the answer that ended it. `oldest`:
        what the database does not keep is not missed there."""
        if self._hour is None:
            ready = [hour for hour, due in self._due.items() if due.at <= now]
            if not ready:
                return False
            self._hour, self._found = max(ready), 0
            self._left = list(dict.fromkeys(point.asset for point in self.plant.points()))
        if self._left:
            answer = self._look(self._left[-1], self._hour, oldest, self._due[self._hour].until)
            if answer is not None:
                return answer
            self._left.pop()
        if not self._left:
            self._done(self._hour, now)
            self._hour = None
        return True

    def _look(self, asset: str, hour: int, oldest: int, until: int | None) -> Answer | None:
        points = [point.name for point in self.plant.points() if point.asset == asset]
        last = (hour + 1) * HOUR if until is None else min((hour + 1) * HOUR, until)
        for start in range(max(hour * HOUR, oldest), last, SLICE):
            end = min(start + SLICE, last)
            kept = {point: rows for point, rows in self.journal.series(asset, points, start, end).items() if len(rows)}
            wrong = self._differing(asset, kept, start, end)
            if wrong:
                answer = self._again(parts(asset, wrong))
                if answer.verdict != "done":
                    return answer
                self._found += sum(map(len, wrong.values()))
        return None

    def _differing(self, asset: str, kept: dict[str, Series], start: int, end: int) -> dict[str, Series]:
        found: dict[str, Series] = {}
        names = list(kept)
        for place in range(0, len(names), POINTS):
            some = names[place : place + POINTS]
            found |= differing({name: kept[name] for name in some}, self.reader.series(asset, some, start, end))
        return found

    def _done(self, hour: int, now: int) -> None:
        self._changed = True
        due = self._due.pop(hour, Due(now))
        if self._found:
            _log.warning("%d values of hour %d were not as written, and were written again", self._found, hour)
            self.mended += self._found
            if due.mended:
                self.unsettled += self._found
            else:
                self._due[hour] = Due(now + self._grace, due.look, mended=True)
                return
        if due.until is not None:
            self._due[hour] = self._over(hour, now)
        elif not due.look:
            self._due[hour] = Due(now + self.plant.keep.delivered // 2, 1)
        self.save(now)
