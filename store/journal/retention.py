"""Which closed segments go, and why: a plan, apart from carrying it out.

Past `days`, `bytes` or `free` the oldest goes first, delivered before undelivered. What was delivered `delivered` ago
goes too: InfluxDB has it. With `when_full: stop` nothing undelivered goes for want of room.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.plant import Keep
from store.journal.ledger import Held

DAY = 86400 * 10**9
Reason = Literal["delivered", "days", "bytes", "free"]


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed segment. `delivered`: when the last of the consumers had acknowledged it whole; None: not yet."""

    number: int
    path: Path
    size: int
    held: Held
    delivered: int | None


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes the journal takes, and bytes free and in all on its disk."""

    used: int
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Plan:
    going: tuple[tuple[Closed, Reason], ...]
    full: Reason | None  # what is still past its limit when they are gone


def plan(segments: Sequence[Closed], keep: Keep, now: int, room: Room) -> Plan:
    """`segments` in the order of the log."""
    # A clock that jumped years ahead must not empty the journal at once: a day past the last closing is believed.
    now = min(now, max((segment.held.closed for segment in segments), default=now) + DAY)
    going: list[tuple[Closed, Reason]] = []
    staying = []
    for segment in segments:
        if segment.delivered is not None and segment.delivered + keep.delivered <= now:
            going.append((segment, "delivered"))
        elif segment.held.closed + keep.days * DAY <= now:
            going.append((segment, "days"))
        else:
            staying.append(segment)
    staying.sort(key=lambda segment: (segment.delivered is None, segment.number))
    gained = sum(segment.size for segment, _ in going)
    for segment in staying:
        reason = _short(keep, room, gained)
        if reason is None or (keep.when_full == "stop" and segment.delivered is None):
            break
        going.append((segment, reason))
        gained += segment.size
    return Plan(tuple(going), _short(keep, room, gained))


def _short(keep: Keep, room: Room, gained: int) -> Reason | None:
    if room.used - gained > keep.bytes:
        return "bytes"
    if room.free + gained < keep.free * room.total:
        return "free"
    return None
