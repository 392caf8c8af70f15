"""Run a command while the machine keeps stopping under it, as a shared one does: every few seconds all of its
processes, or one of them, stand still for a moment.

    python -m tests.stalls [--seed 1] [--hold 1.0] [--every 4.0] -- pytest -q tests/connectors

A test that fails here and not without takes a stall for the fault that it tests for. What a test itself has stopped
stays stopped.
"""

import argparse
import contextlib
import random
import signal
import subprocess
import sys
import time
from os import kill
from pathlib import Path


def family(pid: int) -> list[int]:
    """The process and all that it has started, as far as they still have it as their ancestor."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            number, rest = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
            if rest[0] not in "TtZ":
                children.setdefault(int(rest[1]), []).append(number)
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


def stand_still(members: list[int], seconds: float) -> None:
    try:
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                kill(member, signal.SIGSTOP)
        time.sleep(seconds)
    finally:
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                kill(member, signal.SIGCONT)


def main() -> int:
    asked = argparse.ArgumentParser(description="Run a command while its processes keep standing still.")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--hold", type=float, default=1.0, help="longest stall in seconds")
    asked.add_argument("--every", type=float, default=4.0, help="mean time between two stalls in seconds")
    asked.add_argument("command", nargs="+")
    options = asked.parse_args()
    chance = random.Random(options.seed)
    stalls = 0
    with subprocess.Popen(options.command) as run:
        while run.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(chance.expovariate(1 / options.every))
                break
            members = family(run.pid)
            held = members if chance.random() < 0.5 else [chance.choice(members)]
            stand_still(held, chance.uniform(0.3, 1) * options.hold)
            stalls += 1
    print(f"{stalls} stalls of up to {options.hold:g} s; exit {run.returncode}", file=sys.stderr)
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
