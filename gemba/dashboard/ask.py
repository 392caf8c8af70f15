"""Questions to the service, off the loop: a page asks for documents by the name of a span and gets what the API would
answer, byte for byte, as Python."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import orjson

from config import span
from kpi.api.service import Service

T = TypeVar("T")
DAY = 86_400 * 10**9
MINUTE = 60 * 10**9
MS = 10**6
SPANS = ("day", "today", "7d", "30d")
Window = tuple[int, int]


def window(service: Service, name: str) -> Window:
    """`day` is what the command line takes when no span is given; the others end with that day, or now: with the last
    full minute, which all who look share, once there is one."""
    plant, now = service.plant(), service.clock()
    if name == "today":
        begin = span.production_day(plant, plant.calendar, now).start
        full = now // MINUTE * MINUTE
        return begin, full if full > begin else max(begin + MS, now // MS * MS)
    last = span.last_day(plant, plant.calendar, now)
    if name == "day":
        return service.window(None, None, None, None)
    days = int(name.removesuffix("d"))
    return span.production_day(plant, plant.calendar, last.end - days * DAY + DAY // 2).start, last.end


@dataclass(frozen=True, slots=True)
class Ask:
    """Of one page: the service and the window that was chosen."""

    service: Service
    window: Window

    async def kpis(self, by: str = "asset") -> Any:
        return await off(lambda: orjson.loads(self.service.kpis(self.window, by).body))

    async def energy(self, by: Literal["plant"] | None = None) -> Any:
        return await off(lambda: orjson.loads(self.service.energy(self.window, by=by).body))


async def off(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)
