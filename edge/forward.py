"""From the journal to InfluxDB: live rows first, then the backlog at a bounded rate, each acknowledged in the journal
only when the server has it.

One thread does everything that waits for a server or a disk; collecting never waits for it. Whatever the server does,
rows stay in the journal until it takes them, or refuses one for good, which then goes to quarantine.
"""

import asyncio
import logging
import random
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from config.plant import SECOND, Plant
from connectors.clock import SYSTEM, Clock
from edge.aside import Aside
from edge.backoff import LAST, Backoff
from edge.reconcile import GRACE, Reconciler
from store import StoreError
from store.influx.answer import Answer
from store.influx.delivery import Delivery, deliver
from store.influx.lines import Encoder
from store.influx.quarantine import Quarantine
from store.influx.reader import InfluxReader
from store.influx.server import DAY, Place, connect
from store.journal import Journal
from store.journal.delivery import Columns, Part
from store.journal.segment import PLACES

CONSUMER = "influxdb"
FLUSH = 2.0  # [s] between two deliveries of live rows
COUNT = 5.0  # [s] between two looks at the backlog
CHECK = 600.0  # [s] between two looks at what the database keeps
VALUES = 200_000  # of a batch
FEWEST, MOST = 100, 20_000  # places of a batch
AT_ONCE = 4  # batches of live rows before the backlog has its turn
SHARE = 1.0  # of the time that the backlog took it rests, and three times as long after reading back
MARGIN = 60 * SECOND  # rows so near the end of what is kept are not sent any more
_log = logging.getLogger("gemba.influxdb")


@dataclass(slots=True)
class Forwarded:
    """What came of it since the agent started; `gemba status` shows it."""

    state: str = "down"
    backlog: int | None = None
    lag: float | None = None
    delivered: int = 0
    old: int = 0
    trouble: str = ""
    unread: str = ""  # why nothing can be read back


class Forwarder:
    """Runs until cancelled; whatever the server does, it neither ends nor raises."""

    def __init__(
        self,
        plant: Plant,
        journal: Journal,
        gateway: str | None = None,
        clock: Clock = SYSTEM,
        flush: float = FLUSH,
        grace: int = GRACE,
    ) -> None:
        self.journal, self.gateway, self.clock = journal, gateway, clock
        self.quarantine = Quarantine(journal.folder)
        self._flush, self._grace = flush, grace
        self._backoff = Backoff(random.Random(f"{plant.id}/influxdb"))
        self._segment, self._head = 0, 0
        self._places = {"live": FEWEST, "backlog": FEWEST}  # of a batch
        self._told = Forwarded()
        self._next: Plant | None = None
        self._ended = False
        self._take(plant)

    async def run(self) -> None:
        aside = Aside("gemba-influxdb")
        try:
            while True:
                pause = await aside.do(self.turn)
                await asyncio.sleep(pause)
        finally:
            self._ended = True
            aside.end()

    def reload(self, plant: Plant) -> None:
        """Another plant file, from the next turn on."""
        self._next = plant

    def status(self) -> dict[str, Any]:
        told = self._told
        return {
            "url": self.plant.store.url if self.plant.store else "",
            "state": told.state,
            "backlog": told.backlog,
            "lag": told.lag,
            "delivered": told.delivered,
            "quarantined": self.quarantine.count,
            "too_old": told.old,
            "mended": self._reconciler.mended,
            "unsettled": self._reconciler.unsettled,
            "trouble": told.trouble,
            "unread": told.unread,
        }

    # -- in the thread -------------------------------------------------------------------------------------------------
    def _take(self, plant: Plant) -> None:
        assert plant.store is not None
        self.plant = plant
        self._server = connect(plant.store)
        self._place: Place | None = None
        self._encoder = Encoder(plant, self.gateway)
        reader = InfluxReader(self._server, plant, lean=True)
        self._reconciler = Reconciler(self.journal.folder, plant, self.journal, reader, self._again, self._grace)
        self._live_at = self._count_at = self._check_at = self._read_at = 0.0

    def turn(self) -> float:
        """One piece of work; how long to rest after it [s]. Called by one thread, and never raises."""
        try:
            if self._next is not None:
                plant, self._next = self._next, None
                self._server.close()
                self._take(plant)
            return self._work(self._now())
        except Exception as error:
            if self._ended:
                return 0.0
            if not isinstance(error, StoreError | sqlite3.Error | OSError):
                _log.exception("a fault of the forwarder itself")
            return self._wait(Answer("wait", " ".join(str(error).split())))

    def _now(self) -> float:
        return self.clock.monotonic_ns() / SECOND

    def _work(self, now: float) -> float:
        if self._place is None or now >= self._check_at:
            answer = self._prepare()
            if answer is not None:
                return self._wait(answer)
            self._check_at = now + CHECK
        if now >= self._live_at:
            self._live_at = now + self._flush
            answer = self._live()
            if answer is not None:
                return self._wait(answer)
            self._count(now)
        return self._spare(now)

    def _spare(self, now: float) -> float:
        """Between two deliveries of live rows: the backlog, or else reading back."""
        batch = self.journal.pending_columns(CONSUMER, self._places["backlog"], head=self._head)
        share = SHARE
        if batch is not None:
            answer = self._deliver(batch, "backlog")
        else:
            share = 3 * SHARE
            looked = self._read_back(now)
            if looked is False:
                self._well()
                return max(0.0, self._live_at - self._now())
            answer = looked if isinstance(looked, Answer) else None
        if answer is not None:
            return self._wait(answer)
        took = self._now() - now
        return max(0.0, min(share * took, self._live_at - self._now()))

    def _read_back(self, now: float) -> Answer | bool:
        """Whether there was anything to do. Who may write and not read delivers all the same."""
        if now < self._read_at:
            return False
        try:
            found = self._reconciler.turn(self.clock.wall_ns(), self._oldest())
        except StoreError as error:
            self._told.unread, self._read_at = str(error), now + LAST
            return False
        self._told.unread = ""
        return found

    # -- delivering ----------------------------------------------------------------------------------------------------
    def _live(self) -> Answer | None:
        """What was appended since the last time, the newest first. Of a segment that was closed meanwhile as well."""
        current = self.journal.live.number
        for number in dict.fromkeys((self._segment or current, current)):
            before = self._head if number == self._segment else number << PLACES
            for _ in range(AT_ONCE):
                batch = self.journal.pending_columns(CONSUMER, self._places["live"], segment=number)
                if batch is None:
                    break
                answer = self._deliver(batch, "live")
                if answer is not None:
                    return answer
                self._segment, self._head = number, max(self._head, batch.last)
                if batch.first <= before + 1:
                    break
        self._segment = current
        self._head = max(self._head, current << PLACES)
        return None

    def _deliver(self, batch: Columns, which: str) -> Answer | None:
        """Everything of a batch, acknowledged when the server has it; else why it has not."""
        now = self.clock.wall_ns()
        written = self._encoder.batch(batch, now, self._oldest())
        made = deliver(self._server, written.lines)
        if made.answer.verdict != "done":
            return made.answer
        self._set_aside(made, now)
        self._reconciler.touched(written.hours, now)
        self.journal.acknowledge(CONSUMER, batch.last, batch.first)
        places = batch.last - batch.first + 1
        self._told.delivered += places
        self._told.old += written.old
        self._size(which, places, written.values)
        self._well()
        return None

    def _size(self, which: str, places: int, values: int) -> None:
        """Batches grow to so many values; the next segment, whose rows may be wider, is begun with a small one."""
        asked = self._places[which]
        if which == "backlog" and places < asked:
            self._places[which] = FEWEST
        elif values:
            self._places[which] = min(MOST, 2 * asked, max(FEWEST, VALUES * places // values))

    def _again(self, parts: Iterable[Part]) -> Answer:
        now = self.clock.wall_ns()
        written = self._encoder.batch(Columns(0, 0, list(parts), ()), now, self._oldest())
        made = deliver(self._server, written.lines)
        if made.answer.verdict == "done":
            self._set_aside(made, now)
        return made.answer

    def _set_aside(self, made: Delivery, now: int) -> None:
        gone = self.quarantine.add(made.refused, now)
        if made.refused:
            _log.error(
                "%d lines were refused and are in quarantine (got %s); see gemba quarantine",
                len(made.refused),
                made.refused[0].why,
            )
        if gone:
            self.journal.note("loss", now, {"reason": "quarantine full", "lines": gone})

    def _oldest(self) -> int:
        """Before this the database keeps nothing."""
        if self._place is None or self._place.keeps is None:
            return -(2**63)
        return self.clock.wall_ns() - self._place.keeps * SECOND + MARGIN

    # -- the place, and trouble with it --------------------------------------------------------------------------------
    def _prepare(self) -> Answer | None:
        days = self.plant.keep.days
        found = self._server.prepare(days)
        if isinstance(found, Answer):
            return found
        if found.keeps is not None and found.keeps < days * DAY:
            return Answer(
                "alarm",
                f"{'/'.join(filter(None, self._server.database))} keeps less than the plant file says "
                f"(got {found.keeps / DAY:g} d, `keep.days` is {days}); let it keep longer, or lower `keep.days`",
            )
        if found.made:
            self._reconciler.everything(self.clock.wall_ns())
        self._place = found
        return None

    def _wait(self, answer: Answer) -> float:
        """How long until the next attempt; said once."""
        told = self._told
        if not told.trouble:
            _log.warning("%s: %s; rows wait in the journal", self._server.of.url, answer.text)
        told.trouble, told.state = answer.text or "no answer", "refused" if answer.verdict == "alarm" else "waiting"
        self._count(self._now())
        if answer.verdict == "alarm":
            self._place = None
            self._server.close()  # its secret is read anew
            return LAST
        pause = self._backoff.failed(0.0)
        return min(LAST, answer.after) if answer.after is not None else pause

    def _well(self) -> None:
        told = self._told
        if told.trouble:
            _log.warning("%s: takes rows again", self._server.of.url)
            self._reconciler.recent(self.clock.wall_ns())
        told.trouble, told.state = "", "up"
        self._backoff.failures = 0

    def _count(self, now: float) -> None:
        if now < self._count_at:
            return
        self._count_at = now + COUNT
        self._told.backlog = self.journal.backlog(CONSUMER)
        oldest = self.journal.pending_columns(CONSUMER, 1)
        times = [part.chunk.times[0] for part in oldest.parts] + [e.time for _, e in oldest.events] if oldest else []
        self._told.lag = max(0.0, (self.clock.wall_ns() - int(min(times))) / SECOND) if times else 0.0
