"""Watches the wall clock against the monotonic one: a step begins an epoch, and whether the clock is synchronised is
on record each minute."""

import ctypes
import ctypes.util
from dataclasses import dataclass

from connectors.clock import Clock

STEP = 500_000_000  # ns
UNSYNCHRONISED = 0x0040  # STA_UNSYNC of adjtimex(2)
ERROR = 5  # TIME_ERROR


@dataclass(frozen=True, slots=True)
class Step:
    """The wall clock moved by `by` ns, seen at `new`; without the step it would have been `old`."""

    old: int
    new: int

    @property
    def by(self) -> int:
        return self.new - self.old


class ClockWatch:
    """Asked with each frame, and once a second; slow drift is followed, a jump is a step."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset: int | None = None
        self.look()

    def look(self) -> Step | None:
        before = self._clock.monotonic_ns()
        wall = self._clock.wall_ns()
        after = self._clock.monotonic_ns()
        if after - before > STEP:  # we stood still meanwhile, and cannot say when it was so late
            return None
        middle = (before + after) // 2
        known, self._offset = self._offset, wall - middle
        if known is None or abs(self._offset - known) <= STEP:
            return None
        return Step(known + middle, wall)


class _Timex(ctypes.Structure):
    # The first members of struct timex (adjtimex(2)); the rest is room for what we do not read.
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


@dataclass(frozen=True, slots=True)
class Synchronisation:
    """What the kernel says of its clock; `error` [us] is the largest it may be off by. None where it cannot say."""

    synchronised: bool | None
    error: int | None


def synchronisation() -> Synchronisation:
    """Reads adjtimex(2), which needs no privilege and depends on no time daemon."""
    library = ctypes.util.find_library("c")
    try:
        call = ctypes.CDLL(library).adjtimex
    except (AttributeError, OSError, TypeError):
        return Synchronisation(None, None)
    state = _Timex()
    result = call(ctypes.byref(state))
    if result < 0:
        return Synchronisation(None, None)
    return Synchronisation(result != ERROR and not state.status & UNSYNCHRONISED, int(state.maxerror))
