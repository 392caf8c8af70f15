import asyncio
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import quality
from connectors.clock import SYSTEM
from connectors.grid import Grid, Polls
from tests.connectors.clock import START, StoppedClock

S = 1_000_000_000


async def polled(grid: Grid, clock: StoppedClock, times: int, takes: int) -> list[tuple[int, int]]:
    """(group, seconds after the start) of so many polls, each of which takes so long."""
    found = []
    for _ in range(times):
        group = await grid.due()
        found.append((group, (clock.monotonic - START) // (S // 10)))
        clock.pass_time(takes)
    return found


async def test_a_fast_device_is_polled_at_every_tick() -> None:
    clock = StoppedClock()
    grid = Grid([S], clock)
    assert await polled(grid, clock, 4, S // 10) == [(0, 0), (0, 10), (0, 20), (0, 30)]
    assert grid.polls == Polls(due=4)


async def test_a_poll_of_nine_tenths_of_its_period_misses_nothing() -> None:
    clock = StoppedClock()
    grid = Grid([S], clock)
    assert await polled(grid, clock, 3, S * 9 // 10) == [(0, 0), (0, 10), (0, 20)]
    assert grid.polls.missed == 0


async def test_ticks_that_pass_during_a_slow_poll_are_missed_and_counted_never_caught_up() -> None:
    clock = StoppedClock()
    grid = Grid([S], clock)
    assert await polled(grid, clock, 3, S * 25 // 10) == [(0, 0), (0, 30), (0, 60)]
    await grid.due()
    assert (grid.polls.due, grid.polls.missed) == (10, 6)  # 0 to 9 s, of which 0, 3, 6 and 9 were polled


async def test_a_poll_that_ends_on_a_tick_is_followed_by_that_tick() -> None:
    clock = StoppedClock()
    grid = Grid([S], clock)
    assert await polled(grid, clock, 2, 2 * S) == [(0, 0), (0, 20)]
    assert (grid.polls.due, grid.polls.missed) == (3, 1)


async def test_a_group_waits_for_another_one_and_is_late_but_not_missed() -> None:
    clock = StoppedClock()
    grid = Grid([S, 2 * S], clock)
    assert await polled(grid, clock, 5, S // 10) == [(0, 0), (1, 1), (0, 10), (0, 20), (1, 21)]
    assert grid.polls.missed == 0


async def test_a_group_that_another_one_held_up_past_its_next_tick_has_missed_one() -> None:
    clock = StoppedClock()
    grid = Grid([S, 10 * S], clock)
    assert [await grid.due(), await grid.due()] == [0, 1]
    clock.pass_time(35 * S // 10)
    assert (await grid.due(), clock.monotonic - START) == (0, 35 * S // 10)  # the tick of 3 s, late
    assert (grid.polls.due, grid.polls.missed) == (5, 2)  # 0, 1, 2 and 3 s of the first group, 0 s of the second


async def test_groups_keep_to_the_phase_over_connections() -> None:
    clock = StoppedClock(START + 7 * S // 2)
    phase = START + S // 4
    assert await polled(Grid([S], clock, phase), clock, 2, 0) == [(0, 42), (0, 52)]
    clock.pass_time(3 * S // 10)
    assert await polled(Grid([S], clock, phase), clock, 1, 0) == [(0, 62)]


async def test_a_phase_to_come_is_waited_for() -> None:
    clock = StoppedClock()
    assert await polled(Grid([S], clock, START + 5 * S), clock, 2, 0) == [(0, 50), (0, 60)]


async def test_a_group_that_is_polled_seldom_is_polled_at_once_and_then_on_its_grid() -> None:
    """A device that closes idle connections is connected to anew for each poll, and must not wait for the next one."""
    clock = StoppedClock(START + 50 * 60 * S)
    grid = Grid([3600 * S], clock, START)
    assert await polled(grid, clock, 2, S) == [(0, 30_000), (0, 36_000)]
    clock = StoppedClock(START + 59 * 60 * S + S)
    assert await polled(Grid([3600 * S], clock, START), clock, 1, S) == [(0, 36_000)]  # 59 s are not too long


async def test_a_step_of_the_wall_clock_shifts_no_poll() -> None:
    """collectors.md 14: aligned sampling stayed shifted after a clock step until a restart."""
    clock = StoppedClock()
    grid = Grid([S], clock)
    await polled(grid, clock, 2, 0)
    clock.wall -= 3600 * S
    assert await polled(grid, clock, 2, 0) == [(0, 20), (0, 30)]
    assert (grid.polls.due, grid.polls.missed) == (4, 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=4), st.lists(st.integers(0, 200), min_size=1, max_size=30))
async def test_due_is_every_tick_and_no_group_is_polled_twice_in_a_tick(periods: list[int], takes: list[int]) -> None:
    clock = StoppedClock()
    grid = Grid(periods, clock)
    served: dict[int, list[int]] = {}
    for busy in takes:
        group = await grid.due()
        served.setdefault(group, []).append((clock.monotonic - START) // periods[group])
        clock.pass_time(busy)
    assert all(ticks == sorted(set(ticks)) for ticks in served.values())
    assert grid.polls.due - grid.polls.missed == len(takes)
    assert grid.polls.due <= sum((clock.monotonic - START) // period + 1 for period in periods)


def test_a_poll_is_good_when_one_of_its_points_is() -> None:
    polls = Polls()
    polls.ended(None)
    polls.ended(np.array([quality.BAD_NODE_UNKNOWN, quality.GOOD], np.uint32))
    polls.ended(np.array([quality.BAD_TIMEOUT, quality.BAD_NO_DATA], np.uint32))
    polls.failed(quality.BAD_NOT_CONNECTED)
    assert (polls.good, dict(polls.bad)) == (2, {"BadTimeout": 1, "BadNotConnected": 1})


def test_a_grid_without_periods_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 ns"):
        Grid([0], StoppedClock())


async def test_the_system_clock_never_wakes_early() -> None:
    due = time.monotonic_ns() + 3_000_000
    async with asyncio.timeout(60):
        await SYSTEM.sleep_until(due)
    assert due <= time.monotonic_ns()
