"""Which store answers: the journal while it holds the whole window for every source of the plant, else InfluxDB."""

from collections.abc import Iterator, Mapping
from typing import Any

from config.plant import Plant
from store import StoreError
from store.influx import InfluxReader
from store.journal import History, place
from store.journal.history import EVER

DAY = 86400 * 10**9  # before a window: rows that stand at its beginning lie there


def open_reader(
    plant: Plant, start: int = -EVER, end: int = EVER, gateway: str | None = None
) -> History | InfluxReader:
    """For questions about [start, end). To be closed after use; raises `StoreError` when it is asked, not here."""
    journal = History(place(plant, gateway))
    if plant.store is None:
        return journal
    database = InfluxReader(plant.store, plant)
    several = len({source.gateway for source in plant.sources.values()}) > 1
    if not several and journal.folder.is_dir() and _whole(journal, database, plant, start, end):
        database.close()
        return journal
    journal.close()
    return database


def _whole(journal: History, database: InfluxReader, plant: Plant, start: int, end: int) -> bool:
    held = journal.span()
    if held is None:
        return False
    first = max(start, -EVER + DAY) - DAY
    for event in journal.events(-EVER, EVER, ("loss", "expired")):
        if any(since < end and until >= first for since, until in _gone(event.detail, plant)):
            return False
    return held[0] <= start or not _older(database, held[0])


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


def _older(database: InfluxReader, first: int) -> bool:
    """Whether the database has rows from before the journal began; one that does not answer is not waited for, since
    nothing was ever taken from this journal."""
    try:
        held = database.span()
    except StoreError:
        return False
    return held is not None and held[0] < first
