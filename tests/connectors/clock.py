"""A clock that stands still until somebody sleeps or moves it; sleeping takes no time at all."""

import asyncio

START = 1_000_000_000_000


class StoppedClock:
    """`slept` are the times that were slept to. Meant for one task: a sleep moves the time for everybody."""

    def __init__(self, monotonic: int = START, wall: int = 1_800_000_000_000_000_000) -> None:
        self.monotonic = monotonic
        self.wall = wall
        self.slept: list[int] = []

    def wall_ns(self) -> int:
        return self.wall

    def monotonic_ns(self) -> int:
        return self.monotonic

    async def sleep_until(self, monotonic_ns: int) -> None:
        self.slept.append(monotonic_ns)
        self.pass_time(max(0, monotonic_ns - self.monotonic))
        await asyncio.sleep(0)

    def pass_time(self, ns: int) -> None:
        self.monotonic += ns
        self.wall += ns
