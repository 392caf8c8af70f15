"""`python -m kpi.facts.ahead PLANT`: forms the facts that the first page will ask for, the last day first.

A process of its own: what it takes of memory goes back with it, and whoever is answered meanwhile has the other core.
"""

import os
import sys
import time
from pathlib import Path

from config import span
from config.load import load
from kpi.facts.archive import Archive
from kpi.facts.facts import facts
from store import StoreError
from store.choice import open_reader

DAY = 86_400 * 10**9
BACK = 31 * DAY
AT_ONCE = 8 * DAY  # as much as is held in memory


def form(plant_file: Path, now: int) -> None:
    """The last production day, then the days before it as far as rates look back, each kept in the archive."""
    plant = load(plant_file)
    last = span.last_day(plant, plant.calendar, now)
    first = min(last.end - plant.rules.networked.window, last.start)
    first = span.production_day(plant, plant.calendar, max(first, last.end - BACK)).start
    reader = open_reader(plant, first, last.end)
    archive = Archive(plant.data, plant.id)
    try:
        held = reader.span()
        end, start = last.end, last.start
        while held is not None and end > max(first, held[0]):
            facts(reader, plant, start, end, archive, now)
            end = start
            start = max(span.production_day(plant, plant.calendar, end - AT_ONCE).start, first)
    finally:
        reader.close()


def main() -> int:
    os.nice(10)
    try:
        form(Path(sys.argv[1]), time.time_ns())
    except StoreError:  # said by whoever is asked next
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
