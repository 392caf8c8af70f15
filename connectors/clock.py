"""Two clocks: the wall's says when something was so, the monotonic one says when to act; nothing confuses them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol


class Clock(Protocol):
    """Time as a connector sees it; a test brings its own."""

    def wall_ns(self) -> int:
        """UTC, as the gateway believes it: stamps frames, and may step."""
        ...

    def monotonic_ns(self) -> int:
        """Never steps: schedules polls and measures round trips."""
        ...

    async def sleep_until(self, monotonic_ns: int) -> None:
        """Returns when the monotonic clock has reached this, at once when it has already."""
        ...


class SystemClock:
    """The clocks of this machine."""

    wall_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.monotonic_ns)

    async def sleep_until(self, monotonic_ns: int) -> None:
        # uvloop counts in whole milliseconds from the start of its iteration: a sleep may end early, and one of less
        # than half a millisecond is none, which would spin.
        while (left := monotonic_ns - time.monotonic_ns()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(-(-left // 1_000_000) / 1000)


SYSTEM: Clock = SystemClock()


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """As `asyncio.timeout`, but what had come by then counts although nobody looked: this machine may have stood
    still."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        looking: asyncio.Handle

        def look(turns: int) -> None:
            nonlocal looking
            if turns:
                looking = loop.call_soon(look, turns - 1)
            else:
                limit.reschedule(loop.time())

        looking = loop.call_later(seconds, look, 2)
        try:
            yield
        finally:
            looking.cancel()
