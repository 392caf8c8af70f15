"""A figure beside its bar, a core for the client and another for the server: what every benchmark here is made of."""

import asyncio
import os
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

from tests.servers import provide

T = TypeVar("T")
LEFT_OUT = 3  # the exit code of a benchmark that lacks a server


@dataclass(frozen=True)
class Row:
    """One figure, and what it may be at most (or at least)."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    least: bool = False
    note: str = ""

    @property
    def holds(self) -> bool:
        return self.bar is None or (self.value >= self.bar if self.least else self.value <= self.bar)

    def __str__(self) -> str:
        bar = ""
        if self.bar is not None:
            bar = f"  (at {'least' if self.least else 'most'} {self.bar:g}: {'holds' if self.holds else 'FAILS'})"
        value = f"{self.value:9.1f}" if self.value >= 1000 else f"{self.value:9.3f}"
        return f"{self.name:<56} {value} {self.unit}{bar}{'  ' + self.note if self.note else ''}"


def told(rows: Callable[[], Iterable[Row]], *needs: str) -> int:
    """Each figure as it comes, and the exit code: whether all held their bars. Where servers are missing it says how to
    get them."""
    missing = 0
    for name in needs:
        try:
            provide.ensure(name)
        except LookupError as fault:
            missing += 1
            print(fault)
    if missing:
        return LEFT_OUT
    held = True
    for row in rows():
        print(row, flush=True)
        held &= row.holds
    return 0 if held else 1


# -- apart -------------------------------------------------------------------------------------------------------------
def cores() -> tuple[int, int]:
    """The client's and the server's; the same one where there is only one."""
    known = sorted(os.sched_getaffinity(0))
    return known[0], known[-1]


def on(core: int) -> tuple[str, ...]:
    """Put before a command, it keeps to this core."""
    return "taskset", "-c", str(core)


@contextmanager
def pinned(*servers: int) -> Iterator[None]:
    """This process on the first core, the servers with these pids on the last."""
    before, (own, other) = os.sched_getaffinity(0), cores()
    for pid in servers:
        os.sched_setaffinity(pid, {other})
    os.sched_setaffinity(0, {own})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def child(core: int, command: Iterable[str], log: Path, env: dict[str, str] | None = None) -> Iterator[psutil.Process]:
    """A program on a core of its own, in the folder of its log, ended as a service would be."""
    with log.open("wb") as out:
        words, more = [*on(core), *command], {**os.environ, **(env or {})}
        own = subprocess.Popen(words, cwd=log.parent, stdout=out, stderr=out, env=more)
        try:
            yield psutil.Process(own.pid)
        finally:
            own.terminate()
            try:
                own.wait(10)
            except subprocess.TimeoutExpired:
                own.kill()
                own.wait(10)


@contextmanager
def telegraf(config: str, folder: Path) -> Iterator[psutil.Process]:
    """Telegraf with this configuration on the client's core; what it says is in `telegraf.log`."""
    file = folder / "telegraf.conf"
    file.write_text(config)
    program = str(provide.ensure("telegraf"))
    words = [program, "--config", str(file)]
    with child(cores()[0], words, folder / "telegraf.log", {"GOMAXPROCS": "1"}) as process:
        yield process


# -- what it costs -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Cost:
    """Of one measurement."""

    cpu: float  # us a value (or message)
    rate: float  # million of them a second
    core: float  # % of one

    @classmethod
    def of(cls, cpu: float, wall: float, values: int) -> "Cost":
        return cls(1e6 * cpu / values, values / wall / 1e6, 100 * cpu / wall)

    def __str__(self) -> str:
        return f"{self.rate:.3f} M/s, {self.core:.1f} % of a core"


def spent(of: psutil.Process) -> float:
    """CPU seconds of a process so far."""
    return float(sum(of.cpu_times()[:2]))


def waited() -> float:
    """Seconds so far in which this thread could have run and others had the core."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def watched(of: psutil.Process, span: float) -> tuple[float, float]:
    """CPU and wall seconds that pass while a process is left alone for `span`."""
    cpu, wall = spent(of), time.perf_counter()
    time.sleep(span)
    return spent(of) - cpu, time.perf_counter() - wall


def looped(work: Callable[[], Awaitable[T]], factory: Any = None) -> T:
    """What it returns, in an event loop of its own."""

    async def awaited() -> T:
        return await work()

    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(awaited())
