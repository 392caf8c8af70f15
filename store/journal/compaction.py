"""Closed rows become columns. The new file takes over in one rename; only then are the rows unlinked."""

from collections.abc import Iterator
from pathlib import Path

from store.journal.chunk import Chunk, joined
from store.journal.columns import ColumnFile
from store.journal.ledger import Held
from store.journal.live import sync_folder
from store.journal.schema import sound
from store.journal.segment import RowSegment, number_of

FOREVER = 2**63 - 1
WALS = ("-wal", "-shm")


def unlinked(path: Path) -> None:
    """The main file first: without it the others mean nothing to anybody."""
    for name in ("", *WALS):
        path.with_name(path.name + name).unlink(missing_ok=True)


def taken(path: Path) -> int:
    """Bytes on disk."""
    files = [path.with_name(path.name + name) for name in ("", *WALS)]
    return sum(file.stat().st_size for file in files if file.exists())


def compact(path: Path, now: int) -> Held:
    """A closed row segment as columns. Raises one of `Damage` when it cannot be read whole: rescue it."""
    segment = RowSegment(path)
    target = ColumnFile(path.with_suffix(".tmp"))
    try:
        segment.refresh()
        if segment.bad:
            raise ValueError(f"{len(segment.bad)} records are not what was written")
        for number, layout in segment.layouts.items():
            target.layout(number, layout)
        for record in segment.ask("SELECT * FROM words ORDER BY id"):
            target.word(*sound(record, "words")[:2])
        for record in segment.ask("SELECT * FROM events ORDER BY seq"):
            target.event(sound(record, "events")[:-1])
        for number in segment.layouts:
            for chunk in _whole(list(segment.chunks(number, -FOREVER, FOREVER))):
                target.chunk(chunk)
        held = target.close(segment.about()["created"], now)
    except BaseException:
        target.discard()
        raise
    finally:
        segment.close()
    target.publish(path.parent, number_of(path))
    unlinked(path)
    sync_folder(path.parent)
    return held


def _whole(chunks: list[Chunk]) -> Iterator[Chunk]:
    """One chunk for each epoch and density."""
    found: dict[tuple[int, bool], Chunk] = {}
    for chunk in chunks:
        key = chunk.epoch, chunk.columns is None
        found[key] = joined(found[key], chunk) if key in found else chunk
    yield from found.values()
