"""Bring the real servers: all that CI needs, or those that are named.

python -m tests.servers              everything the tests use
python -m tests.servers influxdb2    this one
python -m tests.servers --list       what is here, and how to get the rest
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from tests.servers import debian, provide


def main(words: Sequence[str]) -> int:
    if words == ["--list"]:
        for name, source in provide.SOURCES.items():
            print(f"{name:15} {provide.find(name) or source.how(name)}")
        return 0
    unknown = [word for word in words if word not in provide.SOURCES]
    if unknown:
        print(f"unknown: {' '.join(unknown)}; choose from {' '.join(provide.SOURCES)}", file=sys.stderr)
        return 2
    return bring(words or [name for name, source in provide.SOURCES.items() if source.ci])


def bring(names: Sequence[str]) -> int:
    """Bring them all, one apt-get for the packages of all of them; 1 when any could not be had."""
    missing = [name for name in names if provide.find(name) is None]
    packages = sorted({package for name in missing for package in provide.SOURCES[name].packages})
    if packages:
        print(f"apt-get install {' '.join(packages)} ...", flush=True)
        began = time.monotonic()
        try:
            debian.install(packages)
        except RuntimeError as fault:
            print(fault, file=sys.stderr)
        print(f"  {time.monotonic() - began:.0f} s", flush=True)
    failed = [name for name in names if not _bring(name)]
    if failed:
        print(f"not to be had: {' '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _bring(name: str) -> bool:
    began = time.monotonic()
    print(f"{name:15} ", end="", flush=True)
    try:
        path = provide.bring(name)
    except RuntimeError as fault:
        print("FAILED", flush=True)
        print(fault, file=sys.stderr)
        return False
    print(f"{path} ({time.monotonic() - began:.1f} s)", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
