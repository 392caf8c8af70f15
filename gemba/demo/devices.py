"""The devices of the demo in a process of their own, so that what is measured and what measures do not share a clock
tick: it says where the plant file with their addresses lies, lives until its parent lets go of the pipe, and says
what anybody tried to write."""

import asyncio
import logging
import signal
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from config.load import load
from gemba.demo.plant import FAILING
from simulators.faults import Fault
from simulators.run import Simulation

DEVICES = "devices"  # the name of the process
FIRST, EVERY, LASTS = 8_000, 150_000, 20_000  # the failing machine's connection [ms]


def faults(source: str) -> Iterator[Fault]:
    """A short failure soon, that a short demo shows too; then a longer one every few minutes, for a day."""
    yield Fault(FIRST, 4_000, source, "refuse")
    for place, at in enumerate(range(EVERY, 86_400_000, EVERY)):
        yield Fault(at, LASTS, source, ("refuse", "hang")[place % 2])


class Devices:
    """Started at once, waited for with `plant_file`, ended with `close`, which returns what was written to them."""

    def __init__(self, site: Path, folder: Path, start: int) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_live, args=(site, folder, start, theirs), name=DEVICES, daemon=True)
        self._process.start()
        theirs.close()

    def plant_file(self) -> Path:
        """Raises EOFError when they could not listen."""
        return Path(self._pipe.recv())

    def close(self) -> list[str]:
        try:
            self._pipe.send("stop")
            writes: list[str] = self._pipe.recv()
        except (EOFError, OSError):
            writes = []
        self._process.join(10)
        return writes


def _live(site: Path, folder: Path, start: int, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    asyncio.run(_simulated(site, folder, start, pipe))


async def _simulated(site: Path, folder: Path, start: int, pipe: Connection) -> None:
    plant = load(site)
    source = plant.assets[FAILING].points["state"].source
    stop = asyncio.Event()
    async with Simulation(plant, folder, faults=tuple(faults(source)), start=start) as simulation:
        pipe.send(str(simulation.write_plant()))
        loop = asyncio.get_running_loop()
        loop.add_reader(pipe.fileno(), stop.set)
        await stop.wait()
        loop.remove_reader(pipe.fileno())
        writes = simulation.writes
    try:
        pipe.send(writes)
    except OSError:
        return
