"""A step of the wall clock is seen once; to stand still is no step, wherever it happens."""

import pytest

from config.plant import SECOND
from edge.clock import ClockWatch
from tests.connectors.clock import StoppedClock


class Halting(StoppedClock):
    """Stands still for so long each time that the wall clock has been read."""

    halt = 0

    def wall_ns(self) -> int:
        shown = self.wall
        self.pass_time(self.halt)
        return shown


@pytest.mark.parametrize("halts", [(SECOND, 0, 0), (0, SECOND, 0), (0, 0, SECOND), (SECOND, SECOND, 0)])
@pytest.mark.parametrize("by", [3600 * SECOND, -3600 * SECOND, SECOND])
def test_a_step_and_standing_still(halts: tuple[int, int, int], by: int) -> None:
    clock = Halting()
    clock.halt = halts[0]
    watch = ClockWatch(clock)
    for clock.halt in (*halts[1:], 0):
        assert watch.look() is None
        clock.pass_time(SECOND)
    clock.wall += by
    step = watch.look()
    assert step is not None
    assert (step.by, step.new) == (by, clock.wall)
    assert watch.look() is None
