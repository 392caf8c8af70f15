"""`python -m kpi.api.forming PLANT`: forms the facts that the first page will ask for, the last day first, and keeps
the documents that it is filled from.

A process of its own: what it takes of memory goes back with it, and whoever is answered meanwhile has the other core.
"""

import os
import sys
import time
from pathlib import Path

from config import span
from config.plant import Plant
from kpi.api.service import Service
from kpi.facts.archive import Archive
from kpi.facts.facts import facts
from store import StoreError
from store.choice import open_reader

DAY = 86_400 * 10**9
BACK = 31 * DAY
AT_ONCE = 8 * DAY  # as much as is held in memory


def form(plant: Plant, now: int) -> None:
    """The last production day, then the days before it as far as rates look back, each kept in the archive."""
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


def answer(service: Service) -> None:
    """The documents of the last day, as the page asks for them."""
    window = service.window(None, None)
    service.kpis(window, "asset")
    service.kpis(window, "line")
    service.energy(window)
    service.keep()


def main() -> int:
    os.nice(10)
    service = Service(Path(sys.argv[1]))
    try:
        form(service.plant(), time.time_ns())
        answer(service)
    except StoreError:  # said by whoever is asked next
        return 1
    except OSError as error:
        print(f"what was formed ahead cannot be kept (got {error}); each first question forms its own", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
