"""mbpoll of Debian: a Modbus client on libmodbus, to read what our own simulators serve."""

from __future__ import annotations

import re
import subprocess
from typing import Literal

from tests.servers import provide

TABLES = {"coil": "0", "discrete": "1", "input": "3", "holding": "4"}
LINE = re.compile(r"^\[(\d+)\]:\s+(-?\d+)", re.MULTILINE)


def mbpoll(
    port: int,
    table: Literal["coil", "discrete", "input", "holding"],
    first: int,
    count: int = 1,
    unit: int = 1,
    host: str = "127.0.0.1",
) -> list[int]:
    """`count` values from protocol address `first` (zero-based), unsigned; RuntimeError in its words when it fails."""
    command = [str(provide.ensure("mbpoll")), "-m", "tcp", "-p", str(port), "-a", str(unit), "-t", TABLES[table]]
    command += ["-0", "-r", str(first), "-c", str(count), "-1", "-q", "-o", "5", host]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    read = {int(address): int(value) % 65536 for address, value in LINE.findall(done.stdout)}
    wanted = range(first, first + count)
    if done.returncode or sorted(read) != list(wanted):
        raise RuntimeError(f"mbpoll: exit {done.returncode}: {done.stdout}{done.stderr}")
    return [read[address] for address in wanted]
