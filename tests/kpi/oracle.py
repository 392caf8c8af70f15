"""What the contract says, second by second, with loops and nothing clever: written from the text, not from the product.

Everything happens at whole seconds. A history is lists of (second, reading); None is a Bad row. All answers are lists
with one entry a second, so any window is a plain sum.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

Rows = list[tuple[int, object]]


@dataclass
class Told:
    """A machine over `length` seconds: when it is scheduled, its planned stops, its rows."""

    length: int
    scheduled: list[bool]
    stopped: list[bool]
    hold: int
    short_stop: int
    state: Rows
    counters: dict[str, Rows] = field(default_factory=dict)
    energy: Rows = field(default_factory=list)
    modulus: int | None = None
    max_rate: Fraction | None = None  # per second
    ideal_rate: Fraction | None = None


@dataclass
class Counted:
    """Pieces of one counter by second, inside PBT and outside; `extra` is what could be besides; `covered` seconds."""

    inside: list[int]
    outside: list[int]
    extra: list[int]
    covered: list[bool]


def states(of: Told) -> list[str]:
    """The state of each second: the last row's, while its hold lasts."""
    found, last = [], None
    rows = dict(of.state)
    for second in range(of.length):
        if second in rows:
            last = (second, rows[second])
        if last is None or last[1] is None or second - last[0] >= of.hold:
            found.append("unknown")
        else:
            found.append(str(last[1]))
    return found


def runs(sequence: list[str]) -> list[tuple[int, int, str]]:
    found, begin = [], 0
    for second in range(1, len(sequence) + 1):
        if second == len(sequence) or sequence[second] != sequence[begin]:
            found.append((begin, second, sequence[begin]))
            begin = second
    return found


def short(of: Told, state: list[str]) -> list[bool]:
    """Seconds that lie in short stops."""
    merged = ["stop" if one in ("idle", "down") else one for one in state]
    found = [False] * of.length
    parts = runs(merged)
    for place, (begin, end, kind) in enumerate(parts):
        if kind != "stop" or end - begin > of.short_stop or place in (0, len(parts) - 1):
            continue
        if parts[place - 1][2] == "running" and parts[place + 1][2] == "running":
            for second in range(begin, end):
                found[second] = True
    return found


def failures(of: Told, state: list[str]) -> tuple[list[int], list[bool]]:
    """Failures that begin in each second, and seconds of repair; none inside a planned stop."""
    begun, repair = [0] * of.length, [False] * of.length
    for begin, end, kind in runs(state):
        if kind == "down" and end - begin > of.short_stop:
            begun[begin] = 0 if of.stopped[begin] else 1
            for second in range(begin, end):
                repair[second] = not of.stopped[second]
    return begun, repair


def busy(of: Told, state: list[str]) -> list[bool]:
    return [of.scheduled[s] and not of.stopped[s] and state[s] != "planned" for s in range(of.length)]


def count(of: Told, rows: Rows, state: list[str]) -> Counted:
    inbound = busy(of, state)
    found = Counted([0] * of.length, [0] * of.length, [0] * of.length, [False] * of.length)
    good = [(time, int(value)) for time, value in sorted(rows, key=lambda row: row[0]) if value is not None]
    place = 0
    while place + 1 < len(good):
        (begin, old), (end, new) = good[place], good[place + 1]
        settled, extra, following = True, 0, place + 1
        if new >= old:
            rise = new - old
        else:
            if place + 3 >= len(good):
                rest = of.max_rate or of.ideal_rate
                for (a, _), (b, _) in zip(good[place:], good[place + 1 :], strict=False):
                    most = int((rest or 0) * (b - a))
                    _place(of, found, inbound, a, b, 0, most, False)
                return found
            back = [later for later in (place + 2, place + 3) if good[later][1] >= old]
            if back:
                following = back[0]
                end, new = good[following]
                rise = new - old
            else:
                limit = of.max_rate if of.max_rate is not None else of.ideal_rate
                step = None if of.modulus is None else new + of.modulus - old
                if step is not None and _fits(step, limit, of.modulus, end - begin):
                    rise = step
                else:
                    rise = new
                    working = sum(state[s] in ("running", "unknown") for s in range(max(begin, 0), end))
                    extra = int((limit or 0) * working)
        if of.max_rate is not None and not possible(rise, of.max_rate * (end - begin)):
            extra, rise, settled = int(of.max_rate * (end - begin)), 0, False
        _place(of, found, inbound, begin, end, rise, extra, settled)
        place = following
    return found


def _fits(step: int, limit: Fraction | None, modulus: int | None, elapsed: int) -> bool:
    if limit is None:
        return step * 100 <= (modulus or 0)
    return possible(step, limit * elapsed)


def possible(rise: int, most: Fraction) -> bool:
    """A counter of whole numbers shows less than one more than flowed."""
    return rise - 1 < most


def _place(
    of: Told, found: Counted, inbound: list[bool], begin: int, end: int, rise: int, extra: int, settled: bool
) -> None:
    """Where a rise between two rows belongs."""
    for second in range(begin, end):
        found.covered[second] = settled
    if end - begin <= of.hold:
        seen = end - 1
        (found.inside if inbound[seen] else found.outside)[seen] += rise
        found.extra[seen] += extra
        return
    taking = [second for second in range(begin, end) if inbound[second]]
    into = found.inside if taking else found.outside
    taking = taking or list(range(begin, end))
    for number, second in enumerate(taking):
        into[second] += rise * (number + 1) // len(taking) - rise * number // len(taking)
        found.extra[second] += extra * (number + 1) // len(taking) - extra * number // len(taking)


def energy(of: Told) -> tuple[list[int], list[bool]]:
    """Whole steps by second, evenly between readings, and the seconds between two readings; readings never fall."""
    amount, covered = [0] * of.length, [False] * of.length
    good = [(time, int(value)) for time, value in of.energy if value is not None]
    for (begin, old), (end, new) in pairwise(good):
        for second in range(begin, end):
            past = second - begin
            whole = end - begin
            amount[second] = (new - old) * (past + 1) // whole - (new - old) * past // whole
            covered[second] = True
    return amount, covered
