"""What becomes of a command: what it printed has arrived, what went wrong is said in one line, and the exit code is one
of three: 0 done, 1 failed, 2 the input is wrong."""

import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

OUT = "standard output"


def outcome(work: Callable[[], int]) -> int:
    """The exit code of `work`. Its `SystemExit` goes through, once what it printed is written."""
    _open()
    try:
        try:
            return work()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return 1
    except OSError as error:
        out, where = error.filename == OUT, f"{error.filename}: " if error.filename else ""
        what = "see that it is open and has room" if out else "see that it is there, and who may read and write it"
        if not (out and isinstance(error, BrokenPipeError)):  # a reader that has enough is no news
            print(f"gemba: {where}{error.strerror or error}; {what}", file=sys.stderr)
        return 1
    except Exception as error:
        code = _expected(error)
        if code is None:
            raise
        print(error if code == 2 else f"gemba: {error}", file=sys.stderr)
        return code


def _expected(error: Exception) -> int | None:
    """The exit code of an exception of our own."""
    from config.faults import PlantError, TemplateError
    from store import StoreError

    if isinstance(error, PlantError | TemplateError):
        return 2
    return 1 if isinstance(error, StoreError) else None


class _Out(io.FileIO):
    """Says that it is stdout that failed; what is still to come goes nowhere then, instead of failing once more."""

    def write(self, block: "ReadableBuffer", /) -> int:
        try:
            return super().write(block)
        except OSError as error:
            error.filename = OUT
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            raise


def _open() -> None:
    """Once. Of a door that was closed by who started us no file that is opened later may take the place."""
    if sys.stdout is None or sys.stderr is None:
        while (door := os.open(os.devnull, os.O_RDONLY)) <= 2:
            pass
        os.close(door)
    sys.stderr = sys.stderr or io.TextIOWrapper(io.FileIO(os.devnull, "w"), "utf-8")
    if sys.stdout is sys.__stdout__:
        of = sys.stdout or sys.stderr
        out = io.BufferedWriter(_Out(1, "w", closefd=False))
        sys.stdout = io.TextIOWrapper(out, of.encoding, of.errors, line_buffering=bool(of.line_buffering))
