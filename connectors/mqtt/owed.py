"""What is owed to the broker: one acknowledgement a message, in the order of receipt, once all of its frames are
durable. Pure.

A message that became no frame is acknowledged when all before it are. What was received but not acknowledged before
the connection went comes again, marked so; then it is recognised, and makes no second row. So it is after a crash: a
receipt of the messages is committed with their frames, and remembered by the agent that comes after.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from struct import Struct

WINDOW = 1000
"""Messages that a broker may send ahead of their acknowledgements; asked for where the protocol lets us."""
_STALL = 20_000_000
_SOON = 20_000_000
_FEWEST = 8
_ENTRY = Struct("<HQ")


def digest(payload: bytes) -> int:
    """Of a message, the same in every process."""
    return int.from_bytes(blake2b(payload, digest_size=8).digest())


@dataclass(slots=True)
class _Message:
    """`mid` 0: nobody waits for an acknowledgement, or nobody does any more; `number` is what it was then."""

    mid: int
    digest: int
    frames: int
    number: int


class Owed:
    """The messages of one source. All times are monotonic [ns]."""

    def __init__(self) -> None:
        self.window = WINDOW
        """How many messages the broker sends ahead, as far as is known: it is learned where one stops short."""
        self.waiting = 0
        """Messages that wait for their acknowledgement."""
        self._messages: deque[_Message] = deque()
        self._frames: deque[_Message] = deque()
        self._acknowledged: deque[_Message] = deque(maxlen=WINDOW)
        self._known: dict[int, int] = {}
        self._last = 0
        self._stalled: tuple[int, int] | None = None  # at how many waiting, and when that was mended
        self._suspected = 0

    def take(self, mid: int, digest: int, frames: int, now: int) -> None:
        """A message came and became so many frames; `mid` 0 where no acknowledgement is due."""
        message = _Message(mid, digest, frames, mid)
        self._messages.append(message)
        for _ in range(frames):
            self._frames.append(message)
        if mid:
            self.waiting += 1
            self._last = now
            if self._stalled is not None:
                self._judge(now)
            if self.waiting > self.window:
                self.window = WINDOW

    def durable(self, frames: int, now: int) -> list[int]:
        """So many more frames are committed; returns the messages to acknowledge."""
        for _ in range(min(frames, len(self._frames))):
            self._frames.popleft().frames -= 1
        return self.due(now)

    def due(self, now: int) -> list[int]:
        """The messages to acknowledge, all in order."""
        found = []
        waited = self.waiting
        while self._messages and not self._messages[0].frames:
            message = self._messages.popleft()
            if message.mid:
                found.append(message.mid)
                self._acknowledged.append(message)
        self.waiting -= len(found)
        if found and now - self._last > _STALL:
            self._stalled = waited, now
        return found

    def _judge(self, now: int) -> None:
        """The first message after a silence that ended with an acknowledgement: twice at the same count, and that is
        all that the broker sends ahead."""
        assert self._stalled is not None
        waited, mended = self._stalled
        self._stalled = None
        if now - mended > _SOON or waited < _FEWEST:
            self._suspected = 0
        elif waited == self._suspected:
            self.window = waited
        else:
            self._suspected = waited

    # -- a crash -------------------------------------------------------------------------------------------------------
    def receipt(self, frames: int) -> bytes:
        """Of the messages that are whole with so many more frames committed."""
        handed = list(islice(self._frames, frames + 1))
        whole = [one for one, other in zip(handed, [*handed[1:], None], strict=True) if one is not other]
        if len(handed) > frames:
            whole.pop()
        return b"".join(_ENTRY.pack(message.number, message.digest) for message in whole if message.number)

    def remember(self, receipts: Iterable[bytes]) -> None:
        """Those of the agent before us, the oldest first."""
        for receipt in receipts:
            self._known.update(_ENTRY.iter_unpack(receipt))

    # -- connections ---------------------------------------------------------------------------------------------------
    def lost(self) -> None:
        """The connection is gone, and with it the right to acknowledge what came over it."""
        for message in (*self._acknowledged, *self._messages):
            if message.mid:
                self._known[message.mid] = message.digest
                message.mid = 0
        self._acknowledged.clear()
        self.waiting = 0
        self._stalled = None

    def begun(self, session_present: bool) -> None:
        """A connection is there. Without its old session the broker knows nothing of what it sent before."""
        if not session_present:
            self._known.clear()

    def again(self, mid: int, digest: int) -> bool:
        """Whether this message, marked as sent before, is one whose frames were handed over already."""
        return self._known.pop(mid, None) == digest
