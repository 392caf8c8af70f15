"""Which store answers: the journal while it holds the whole window for every source of the plant, else InfluxDB."""

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from config.plant import InfluxDB, Plant
from store import StoreError
from store.influx import InfluxReader
from store.influx.server import QUERY, connect
from store.journal import History, place
from store.journal.history import EVER
from store.other import Silent

DAY = 86400 * 10**9  # before a window: rows that stand at its beginning lie there
PROBE = 5.0  # [s] that is waited for the database to say where its rows begin
KNOWN = 30.0  # [s] that its answer serves again


class Stores:
    """Both stores of one plant: opened once, then asked which of them answers for a window. One may be shared by
    threads; nothing raises `StoreError` before rows are asked for."""

    def __init__(self, plant: Plant, patience: float = QUERY) -> None:
        """`patience` [s]: how long a single question to InfluxDB may take."""
        self.plant = plant
        self.journal = History(place(plant))
        self.database = InfluxReader(connect(plant.store, patience), plant) if plant.store else None
        self._several = len(plant.gateways) > 1
        self._edge = _Edge(plant.store, plant) if plant.store else None

    def over(self, start: int = -EVER, end: int = EVER) -> History | InfluxReader | Silent:
        """The one that answers for [start, end). Of the head of a group, which has no points of its own, neither."""
        if self.plant.stores and not self.plant.points():
            return Silent("journal")
        if self.database is None:
            return self.journal
        if not self._several and self.journal.folder.is_dir() and self._whole(start, end):
            return self.journal
        return self.database

    def held(self, start: int, end: int) -> bool:
        """Whether the store that answers for [start, end) has anything at all. Raises `StoreError`, and soon."""
        chosen = self.over(start, end)
        if chosen is self.database and self._edge is not None:
            return self._edge.first() is not None
        return chosen.span() is not None

    def close(self) -> None:
        self.journal.close()
        if self.database is not None:
            self.database.close()

    def _whole(self, start: int, end: int) -> bool:
        held = self.journal.span()
        if held is None or self._edge is None:
            return False
        first = max(start, -EVER + DAY) - DAY
        for event in self.journal.events(-EVER, EVER, ("loss", "expired")):
            if any(since < end and until >= first for since, until in _gone(event.detail, self.plant)):
                return False
        return held[0] <= start or not self._edge.before(held[0])


class _Edge:
    """Where the database's rows begin, asked now and then, and never waited for."""

    def __init__(self, of: InfluxDB, plant: Plant) -> None:
        self._of, self._plant = of, plant
        self._one = threading.Lock()
        self._found: int | StoreError | None = None
        self._asked = -KNOWN

    def first(self) -> int | None:
        """Raises `StoreError` where the database did not answer."""
        with self._one:
            if time.monotonic() - self._asked >= KNOWN:
                self._found = self._look()
                self._asked = time.monotonic()
            if isinstance(self._found, StoreError):
                raise self._found
            return self._found

    def _look(self) -> int | StoreError | None:
        database = InfluxReader(connect(self._of, PROBE), self._plant)
        try:
            return database.first()
        except StoreError as error:
            return error
        finally:
            database.close()

    def before(self, at: int) -> bool:
        """Nothing was ever taken from the journal whose rows are asked about: a database that is silent has no more."""
        try:
            first = self.first()
        except StoreError:
            return False
        return first is not None and first < at


def open_reader(plant: Plant, start: int = -EVER, end: int = EVER) -> History | InfluxReader | Silent:
    """For questions about [start, end) alone. To be closed after use."""
    stores = Stores(plant)
    chosen = stores.over(start, end)
    for other in (stores.journal, stores.database):
        if other is not None and other is not chosen:
            other.close()
    return chosen


def _gone(detail: Mapping[str, Any], plant: Plant) -> Iterator[tuple[int, int]]:
    """Spans that went from the journal after they were in it; what never came into it is nowhere else either."""
    if "segment" not in detail:
        return
    sources = detail.get("sources") or {}
    if not sources and detail.get("from") is not None:
        yield int(detail["from"]), int(detail["to"])
    for source, some in sources.items():
        if source in plant.sources:
            yield int(some["from"]), int(some["to"])
