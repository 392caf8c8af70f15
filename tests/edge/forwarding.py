"""A forwarder before a server that says what it is told to: the test takes its turns, one at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from config.plant import Asset, InfluxDB, Keep, ModbusAddress, Plant, Point
from connectors.base import Column, Frame, layout
from edge.forward import CONSUMER, Forwarder
from store.journal import Journal
from tests.connectors.clock import StoppedClock
from tests.store.protocol import parsed
from tests.store.scripted import Scripted, scripted

SECOND = 10**9
HOUR = 3600 * SECOND
START = 1_795_000_000 * SECOND
ONE = layout("plc", "poll", [Column("press-01", "count", "int")])
POINT = Point("press-01", "count", "plc", ModbusAddress("holding", 0))


def counted(first: int, count: int) -> list[Frame]:
    """Frames whose value is their number, one a second."""
    return [Frame(ONE, START + n * SECOND, ints=np.array([n])) for n in range(first, first + count)]


@dataclass
class Rig:
    """A forwarder whose turns the test takes, one at a time; rests take no time at all."""

    journal: Journal
    influx: Scripted
    clock: StoppedClock
    forwarder: Forwarder
    plant: Plant

    def turns(self, count: int) -> list[float]:
        """Rests after each of so many turns."""
        rests = []
        for _ in range(count):
            rests.append(self.forwarder.turn())
            self.clock.pass_time(int(rests[-1] * SECOND))
        return rests

    def until_done(self, most: int = 400) -> None:
        for _ in range(most):
            self.turns(1)
            if not self.journal.backlog(CONSUMER):
                return
        raise AssertionError(f"{self.journal.backlog(CONSUMER)} rows are left, {self.status['trouble']}")

    @property
    def delivered(self) -> list[int]:
        """The numbers that the server has, in the order of coming."""
        return [int(line.fields["count"]) for line in parsed(b"\n".join(self.influx.points))]

    @property
    def status(self) -> dict[str, object]:
        return self.forwarder.status()


@contextmanager
def rig(folder: Path, keep: Keep = Keep(free=Fraction(0)), segment: int = 2**25) -> Iterator[Rig]:
    with scripted() as influx, Journal.open(folder / "journal", keep, [CONSUMER], segment=segment) as journal:
        clock = StoppedClock(wall=START + 100 * HOUR)
        plant = Plant(
            "wuxi-01",
            "",
            ZoneInfo("UTC"),
            folder,
            folder / "plant.yaml",
            "",
            assets={"press-01": Asset("press-01", {"count": POINT})},
            keep=keep,
            store=InfluxDB(influx.url, database="gemba"),
        )
        yield Rig(journal, influx, clock, Forwarder(plant, journal, None, clock), plant)
