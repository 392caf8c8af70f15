"""What goes into one commit: frames and the clock epochs between them, in the order of coming; what was lost before
them; and who is to be told when it is durable."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from connectors import quality
from connectors.base import Frame, Layout, gap
from store.reader import LINK_GROUP


@dataclass(slots=True)
class Owner:
    """Who handed frames over: counted in the order of yielding, kept or not, so that it can be told what is durable."""

    source: str
    told: Callable[[int], None]
    patient: bool = True
    """Its frames never come again: they are shed first. A broker holds back what is not acknowledged."""
    receipt: Callable[[int], bytes] | None = None
    """What it must know again of so many frames after a crash: committed with them."""
    handed: int = 0


@dataclass(slots=True)
class Loss:
    """Frames of one layout that nothing could hold."""

    start: int
    end: int
    frames: int = 0


@dataclass(frozen=True, slots=True)
class Epoch:
    """The clock was set: what was handed over before it belongs to the old epoch."""

    time: int
    detail: Mapping[str, object]


Handed = tuple[Frame | Epoch, Owner | None]


@dataclass(slots=True)
class Batch:
    """Taken off piece by piece as it is written, so that what is left is what a failure has to put back."""

    queue: list[Handed]
    handed: list[tuple[Owner, int]] = field(default_factory=list)
    losses: dict[Layout, Loss] = field(default_factory=dict)
    frames: int = 0
    values: int = 0
    """Of those that were written."""

    def part(self) -> list[Frame]:
        """Those before the next epoch. Where frames were lost nothing is known, so that what came before them is not
        held over it."""
        lost = [(of, loss.start) for of, loss in self.losses.items() if of.group != LINK_GROUP]
        ends = [gap(of, start, quality.BAD_DATA_LOST) for of, start in lost]
        return ends + self._before()

    def _before(self) -> list[Frame]:
        return [item for item, _ in takewhile(lambda one: not isinstance(one[0], Epoch), self.queue)]  # type: ignore[misc]

    def receipts(self) -> dict[str, bytes]:
        """With the last part, which makes all that was handed over durable."""
        if any(isinstance(item, Epoch) for item, _ in self.queue):
            return {}
        found = {owner.source: owner.receipt(count) for owner, count in self.handed if owner.receipt}
        return {source: receipt for source, receipt in found.items() if receipt}

    def written(self) -> Epoch | None:
        """The part is durable; the epoch that begins behind it."""
        part = self._before()
        self.frames += len(part)
        self.values += sum(len(frame.layout.columns) for frame in part)
        del self.queue[: len(part)]
        epoch = self.queue[0][0] if self.queue else None
        return epoch if isinstance(epoch, Epoch) else None

    @property
    def waiting(self) -> int:
        """Values that are still to be written."""
        return sum(len(item.layout.columns) for item, _ in self.queue if isinstance(item, Frame))


def accounted(of: Layout, loss: Loss) -> Mapping[str, object]:
    """The event of a loss."""
    return {
        "source": of.source,
        "group": of.group,
        "from": loss.start,
        "to": loss.end,
        "frames": loss.frames,
        "why": "journal full",
    }
