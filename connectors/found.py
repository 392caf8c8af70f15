"""What is there on a device, server or broker, as a plant file would name it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from config.points import RESERVED

_OTHER = re.compile(r"[^\w.-]+")
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Found:
    """One value: where it is read, what it said, and names that a plant file takes. `shown` is for a comment."""

    asset: str
    point: str
    at: str | Mapping[str, str]
    type: str | None = None  # None where the protocol says it itself
    unit: str | None = None
    shown: str = ""
    device: int | None = None  # the Modbus unit


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was found, who says so, and what was left out and why."""

    found: tuple[Found, ...]
    identity: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()  # OPC UA: by index, as long as this connection lasts


def name(words: Iterable[str], fallback: str) -> str:
    """A name that a plant file takes: letters of any script, digits, `_`, `.` and `-`, at most 64 of them."""
    made = _OTHER.sub("-", ".".join(words)).strip("-.")[:_LONGEST].rstrip("-.")
    if not made:
        return fallback
    return f"{made}-" if made in RESERVED else made


def unique(wanted: str, taken: set[str]) -> str:
    """The name, or the first of name-2, name-3 … that is not taken; it is taken now."""
    made, n = wanted, 1
    while made in taken:
        n += 1
        made = f"{wanted[: _LONGEST - len(str(n)) - 1]}-{n}"
    taken.add(made)
    return made
