"""What was built is kept in the user's cache folder under a name with its version, so that a second run costs nothing.

A build works in a folder beside its final place and is moved there when it is whole; a lock file makes a second builder
wait for the first one instead of repeating it. The log of each build stays, whether it succeeded or not.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

Run = Callable[..., None]


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/gemba`, or `~/.cache/gemba`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gemba"


def built(name: str) -> Path | None:
    """The folder of a finished build."""
    folder = cache_folder() / name
    return folder if folder.is_dir() else None


def build(name: str, make: Callable[[Path, Run], None]) -> Path:
    """The finished build `name`, made by `make(folder, run)` unless it is there already."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with _lock(name):
        done = built(name)
        if done:
            return done
        log = cache_folder() / f"{name}.log"
        log.unlink(missing_ok=True)
        work = cache_folder() / f"{name}.part"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        make(work, _runner(name, work, log))
        return work.rename(cache_folder() / name)


@contextmanager
def _lock(name: str) -> Iterator[None]:
    with (cache_folder() / f"{name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _runner(name: str, folder: Path, log: Path) -> Run:
    def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        began = time.monotonic()
        with log.open("a") as out:
            out.write(f"$ {' '.join(command)}\n")
            out.flush()
            # nice: a build of minutes must not take the machine from whoever works on it.
            code = subprocess.run(
                ["nice", "-n", "10", *command],
                cwd=folder,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
            out.write(f"  exit {code} after {time.monotonic() - began:.1f} s\n")
        if code:
            last = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
            raise RuntimeError(f"{name}: `{command[0]}` failed (exit {code}); the whole log is {log}\n{last}")

    return run


def need(what: str, *tools: str) -> None:
    """RuntimeError where a compiler or package manager that is taken for granted is not there."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        raise RuntimeError(f"{what}: not on the PATH: {', '.join(missing)}; install what is missing first")
