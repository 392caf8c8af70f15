"""Where a plant file and the files that it names are read from: the disk, or what was kept of them elsewhere.

What comes with the program is the program's: it is read from the disk, once, and is no part of a plant.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from errno import ENOENT
from pathlib import Path

SHIPPED = Path(__file__).parent
_kept: ContextVar[Mapping[str, bytes] | None] = ContextVar("kept", default=None)
_noted: ContextVar[dict[str, bytes] | None] = ContextVar("noted", default=None)


def content(file: Path) -> bytes:
    """The bytes of a file. Raises OSError."""
    if file.is_relative_to(SHIPPED):
        return file.read_bytes()
    kept, noted = _kept.get(), _noted.get()
    if kept is None:
        found = file.read_bytes()
    elif str(file) in kept:
        found = kept[str(file)]
    else:
        raise FileNotFoundError(ENOENT, "it was not kept with the plant file", str(file))
    if noted is not None:
        noted[str(file)] = found
    return found


def elsewhere() -> bool:
    """Whether what is read was written for another machine, whose secrets and keys are not looked for here."""
    return _kept.get() is not None


@contextmanager
def noted() -> Iterator[Mapping[str, bytes]]:
    """Every file that is read meanwhile."""
    found: dict[str, bytes] = {}
    before = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(before)


@contextmanager
def kept(files: Mapping[str, bytes]) -> Iterator[None]:
    """Meanwhile these are read, and no disk is."""
    before = _kept.set(files)
    try:
        yield
    finally:
        _kept.reset(before)
