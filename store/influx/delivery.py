"""Lines to a server until each is taken or refused for good: too large a part is halved, and of one that holds
something wrong the halves are tried, down to the lines that are wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from store.influx.answer import DONE, Answer

LINES, BYTES = 5_000, 2_000_000  # of one request


class Writes(Protocol):
    def write(self, body: bytes) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that the server will never take, and why."""

    line: bytes
    why: str


@dataclass(slots=True)
class Delivery:
    """`answer` is done when every line was taken or refused; otherwise nothing of it may be counted as delivered."""

    answer: Answer = DONE
    refused: list[Refused] = field(default_factory=list)
    requests: int = 0


def deliver(server: Writes, lines: Sequence[bytes]) -> Delivery:
    """Every line, in order. Stops at the first answer that says that more cannot be done now."""
    made = Delivery()
    parts = list(reversed(list(_parts(lines))))
    while parts:
        part = parts.pop()
        answer = server.write(b"\n".join(part))
        made.requests += 1
        if answer.verdict in ("wait", "alarm"):
            made.answer = answer
            break
        if answer.verdict == "done":
            continue
        if len(part) == 1:
            made.refused.append(Refused(part[0], answer.text))
        else:
            middle = len(part) // 2
            parts += [part[middle:], part[:middle]]
    return made


def _parts(lines: Sequence[bytes]) -> list[Sequence[bytes]]:
    found, start, size = [], 0, 0
    for place, line in enumerate(lines):
        if place > start and (place - start >= LINES or size + len(line) > BYTES):
            found.append(lines[start:place])
            start, size = place, 0
        size += len(line) + 1
    return [*found, lines[start:]] if len(lines) > start else found
