"""What a cumulative register counted between its good samples: rises, and the three things a decrease may be.

The first sample is a baseline. A rise above `max_rate` times the elapsed time is not counted and widens `high`; a
counter of whole numbers may show up to one more than flowed, whenever it is looked at. A decrease at sample k is
decided at k + 2: back at or above the old value it was a glitch, and the low samples are dropped; else a rollover,
where the modulus is known and the step is small enough; else a reset, counted from zero. A decrease that nothing can
decide yet counts nothing. Decisions are made in units of the wire, exactly.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from config.plant import SECOND, Point
from connectors.base import Ints
from kpi.exact import countable, fraction, share, steps
from kpi.facts.schema import BIT
from kpi.series import Samples

Wire = NDArray[np.float64] | NDArray[np.int64] | NDArray[np.object_]
Active = Callable[[Ints], Ints]
"""Time [ns] before each instant in which the machine was running or unknown, from some origin on."""

_NEAR = 1e-6  # so close to a limit, the exact decimals decide
_RISE, _GLITCH, _ROLLOVER, _RESET, _OPEN = range(5)
_KIND_FLAGS = np.array([0, BIT["glitch"], BIT["rollover"], BIT["reset"], BIT["unsettled"]], np.int64)


@dataclass(frozen=True, slots=True)
class Register:
    """How to read a counter: `wire · scale + offset` is its final value, and `per` steps make one of that.

    `modulus` and the rates (per second) are in units of the wire. `usual_rate` stands in where `max_rate` is not given:
    for pieces four times the ideal rate.
    """

    scale: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)
    per: Fraction = Fraction(1)
    modulus: Fraction | None = None
    max_rate: Fraction | None = None
    usual_rate: Fraction | None = None

    @property
    def rate(self) -> Fraction | None:
        return self.max_rate if self.max_rate is not None else self.usual_rate

    def final(self) -> "Register":
        """The same register as final values show it; its zero must be the wire's."""
        times = [
            None if value is None else value * self.scale for value in (self.modulus, self.max_rate, self.usual_rate)
        ]
        return Register(Fraction(1), Fraction(0), self.per, *times)


def register(point: Point, per: Fraction, usual_rate: Fraction | None = None) -> Register:
    """The register of a point, counted in `per` steps for one of its unit."""
    counter = point.counter
    modulus, max_rate = (counter.modulus, counter.max_rate) if counter else (None, None)
    return Register(point.scale, point.offset, per, modulus, max_rate, usual_rate)


@dataclass(frozen=True, slots=True)
class Rises:
    """Intervals between neighbouring samples that count, in steps; those that are not `settled` counted nothing.

    `high` is what an interval could hold besides; -1 where nothing bounds it. `opened` is the time of a decrease that
    is not decided yet.
    """

    start: Ints
    end: Ints
    hold: Ints
    rise: Ints
    high: Ints
    flags: Ints
    settled: NDArray[np.bool_]
    opened: int | None = None

    def __len__(self) -> int:
        return len(self.start)

    def covered(self) -> tuple[Ints, Ints]:
        """The time in settled intervals, which follow one another, as intervals that are apart."""
        if not len(self):
            return self.start, self.end
        edge = np.flatnonzero(np.diff(self.settled, prepend=False, append=False))
        return self.start[edge[::2]], self.end[edge[1::2] - 1]

    def waiting(self, since: int | None) -> "Rises":
        """While another counter's decrease is open, what is seen from then on counts nothing yet."""
        late = np.zeros(len(self), np.bool_) if since is None else (self.end >= since) & self.settled
        if not late.any():
            return self
        return replace(
            self,
            rise=np.where(late, 0, self.rise),
            high=np.where(late & (self.high >= 0), self.high + self.rise, self.high),
            flags=np.where(late, self.flags | BIT["unsettled"], self.flags),
            settled=self.settled & ~late,
        )


def within(counted: Rises, reading: Register, active: Active) -> Rises:
    """The same rises, with what a reset may have lost bounded by the time that the machine may have worked."""
    reset = np.flatnonzero(counted.settled & (counted.flags & BIT["reset"] != 0))
    if not len(reset):
        return counted
    high, flags = counted.high.copy(), counted.flags.copy()
    high[reset] = _most(active(counted.end[reset]) - active(counted.start[reset]), reading)
    flags[reset] = flags[reset] & ~BIT["unbounded"] | np.where(high[reset] < 0, BIT["unbounded"], 0)
    return replace(counted, high=high, flags=flags)


def rises(samples: Samples, reading: Register) -> Rises:
    """What the good samples counted."""
    known = samples.good & countable(samples.numbers, reading.scale * reading.per)
    if samples.text is not None:
        known &= samples.text < 0
    samples = samples if known.all() else samples.take(np.flatnonzero(known))
    wire, steps_of, reading = _read(samples, reading)
    accepted, kinds, opened = _decide(samples.time, wire, reading)
    time, hold = samples.time, samples.hold
    if not accepted.all():
        time, hold, steps_of, kinds = time[accepted], hold[accepted], steps_of[accepted], kinds[accepted]
        wire = wire[accepted]
    start, end, rise, kind = time[:-1], time[1:], np.diff(steps_of), kinds[1:]
    told = np.flatnonzero(kind)
    rise[told] = np.maximum(rise[told] + _set_right(kind[told], steps_of[told], reading), 0)
    over = _over_rate(wire, rise if wire is steps_of else np.diff(wire), kind, end - start, reading.max_rate)
    since = None if opened is None else int(samples.time[opened])
    if not len(told) and not len(over):
        nothing = np.zeros(len(rise), np.int64)
        return Rises(start, end, hold[:-1], rise, nothing, nothing, np.ones(len(rise), np.bool_), since)
    flags = _KIND_FLAGS[kind]
    flags[over] |= BIT["rate_exceeded"]
    settled = kind != _OPEN
    settled[over] = False
    rise[~settled] = 0
    lost = np.union1d(over, told[(kind[told] == _RESET) | (kind[told] == _OPEN)])
    high = np.zeros(len(rise), np.int64)
    high[lost] = _most(end[lost] - start[lost], reading)
    flags[lost[high[lost] < 0]] |= BIT["unbounded"]
    return Rises(start, end, hold[:-1], rise, high, flags, settled, since)


def _set_right(kind: NDArray[np.int8], old: Ints, reading: Register) -> Ints:
    """What is missing from the plain difference after a rollover, and after a reset, which counts from zero."""
    wrap = 0 if reading.modulus is None else round(reading.modulus * reading.scale * reading.per)
    zero = round(reading.offset * reading.per)
    return np.where(kind == _ROLLOVER, wrap, np.where(kind == _RESET, old - zero, 0))


def _read(samples: Samples, reading: Register) -> tuple[Wire, Ints, Register]:
    """Readings in units of the wire and in steps. Where final rows and others meet, the final are brought back."""
    plain = reading.scale == 1 and not reading.offset
    if not samples.scaled.any() or plain:
        return (
            samples.numbers,
            steps(samples.numbers, reading.scale * reading.per, reading.offset * reading.per),
            reading,
        )
    if samples.scaled.all() and not reading.offset:
        return samples.numbers, steps(samples.numbers, reading.per), reading.final()
    values = [fraction(value.item()) for value in samples.numbers]
    pairs = zip(values, samples.scaled, strict=True)
    wire = [(value - reading.offset) / reading.scale if final else value for value, final in pairs]
    exact = [round((value * reading.scale + reading.offset) * reading.per) for value in wire]
    return np.array(wire, object), np.array(exact, np.int64), reading


def _decide(time: Ints, wire: Wire, reading: Register) -> tuple[NDArray[np.bool_], NDArray[np.int8], int | None]:
    """Which samples count, how the interval that ends in each is to be read, and the sample of an open decrease."""
    accepted = np.ones(len(wire), np.bool_)
    kinds = np.zeros(len(wire), np.int8)
    for low in (np.flatnonzero(wire[1:] < wire[:-1]) + 1).tolist():
        if not accepted[low]:
            continue
        old = low - 1
        while not accepted[old]:
            old -= 1
        if wire[low] >= wire[old]:
            continue
        if low + 2 >= len(wire):
            kinds[low:] = _OPEN
            return accepted, kinds, low
        back = next((later for later in (low + 1, low + 2) if wire[later] >= wire[old]), None)
        if back is not None:
            accepted[low:back] = False
            kinds[back] = _GLITCH
        else:
            rolled = _rolls_over(_exact(wire, old), _exact(wire, low), int(time[low] - time[old]), reading)
            kinds[low] = _ROLLOVER if rolled else _RESET
    return accepted, kinds, None


def _exact(wire: Wire, index: int) -> Fraction:
    value = wire[index]
    return value if isinstance(value, Fraction) else fraction(value.item())


def _rolls_over(old: Fraction, low: Fraction, elapsed: int, reading: Register) -> bool:
    if reading.modulus is None:
        return False
    step = low + reading.modulus - old
    if reading.rate is None:
        return step <= reading.modulus / 100
    return _possible(step, reading.rate * elapsed / SECOND, old.denominator == low.denominator == 1)


def _possible(rise: Fraction, limit: Fraction, whole: bool) -> bool:
    """Whether so much could flow: between two readings in whole numbers less than one step less did."""
    return rise <= limit or (whole and rise - 1 < limit)


def _over_rate(
    wire: Wire, rise: Wire, kind: NDArray[np.int8], elapsed: Ints, rate: Fraction | None
) -> NDArray[np.intp]:
    """The rises that no machine could have made. What a reset shows is a rise from zero; a rollover fits already."""
    if rate is None:
        return np.empty(0, np.intp)
    reset = np.flatnonzero(kind == _RESET)
    if len(reset):
        rise = rise.copy()
        rise[reset] = wire[1:][reset]
    limit = elapsed * (float(rate) * (1 - _NEAR) / SECOND)
    limit -= _NEAR
    near = np.flatnonzero(np.asarray(rise >= limit))
    near = near[np.asarray(rise[near] >= limit[near] + _whole(wire, near))]
    over = []
    for index in near[(kind[near] != _ROLLOVER) & (kind[near] != _OPEN)].tolist():
        now, old = _exact(wire, index + 1), Fraction(0) if kind[index] == _RESET else _exact(wire, index)
        whole = old.denominator == now.denominator == 1
        if not _possible(now - old, rate * int(elapsed[index]) / SECOND, whole):
            over.append(index)
    return np.array(over, np.intp)


def _whole(wire: Wire, pairs: NDArray[np.intp]) -> int | NDArray[np.bool_]:
    """1 for each of these pairs of neighbouring readings that is in whole numbers."""
    if wire.dtype.kind == "i":
        return 1
    old, now = wire[pairs], wire[pairs + 1]
    return np.asarray((old == old // 1) & (now == now // 1), np.bool_)


def _most(lost: Ints, reading: Register) -> Ints:
    """What could have been counted in so much time [ns], in whole steps; -1 where nothing bounds it."""
    if reading.rate is None:
        return np.where(lost > 0, -1, 0)
    steps_per_ns = reading.rate * abs(reading.scale) * reading.per / SECOND
    return share(np.full(len(lost), steps_per_ns.numerator), lost, np.full(len(lost), steps_per_ns.denominator))
