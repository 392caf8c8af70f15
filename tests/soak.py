"""`make soak`: everything at once for as long as it is told, and then a verdict of what is there.

Devices whose values say whose they are and which one, behind proxies that spoil what passes at random; an agent that is
killed, stopped, told to read its plant file again, and started anew; an InfluxDB 2.7.12 that is killed, stopped and
suspended. In the end every number that was issued is once in the journal and once in the database, or lies in a gap
that is on record in both; nothing else is there.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from simulators.faults import ON_THE_WAY
from store.journal.schema import Damage
from tests.edge.child import Child, until
from tests.edge.coded import Site
from tests.edge.delivered import line, same, wrong
from tests.servers.influxdb2 import InfluxDB2

DEVICES = 6
EVERY = "50ms"
TIMEOUT = "300ms"  # of a device: replies that are late by random are late for some
STOPPED = 10.0  # [s] that systemd waits: five, and a machine that stands still; a hung database would cost fifteen


class Soak:
    """One run; `wrong` gathers what did not hold."""

    def __init__(self, plant: Site, influx: InfluxDB2, chance: random.Random) -> None:
        self.plant, self.influx, self.chance = plant, influx, chance
        self.agent = Child(plant.plant)
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        await self.agent.start()
        await self.agent.ready()
        try:
            # What an agent read that was killed before its very first commit follows no row, and is in no gap.
            await until(lambda: all(self.plant.kept(device.number) for device in self.plant.devices))
            while time.monotonic() < end:
                await asyncio.sleep(self.chance.uniform(0.2, 1.5))
                work = [self.fault, self.fault, self.fault, self.kill, self.stop, self.reload, self.database]
                await self.chance.choice(work)()
            for device in self.plant.devices:
                await device.fault("refuse")
            if not await same(self.plant, ended=True):
                self.wrong.append("the database is not the journal")
            self.wrong += await asyncio.to_thread(wrong, self.plant)
            await self.stop()
        finally:
            await self.agent.kill()

    async def fault(self) -> None:
        device = self.chance.choice(self.plant.devices)
        kind = self.chance.choice(["", *ON_THE_WAY])
        await device.fault(kind, self.chance.randrange(600))
        self.done[kind or "mended"] += 1

    async def database(self) -> None:
        """It is killed, stopped, or hangs for a while."""
        kind = self.chance.choice([self.influx.kill, self.influx.stop, self.influx.suspend])
        await asyncio.to_thread(kind)
        await asyncio.sleep(self.chance.uniform(0, 3))
        await asyncio.to_thread(self.influx.start if not self.influx.alive else self.influx.resume)
        self.done[f"database: {kind.__name__}"] += 1

    async def kill(self) -> None:
        before = [self.plant.kept(device.number) for device in self.plant.devices]
        await self.agent.kill()
        for device, had in zip(self.plant.devices, before, strict=True):
            if self.plant.kept(device.number)[: len(had)] != had:
                self.wrong.append(f"device {device.number}: what had been committed was gone after a kill")
        await self.start("kill")

    async def stop(self) -> None:
        began = time.monotonic()
        await self.agent.stop()
        if (took := time.monotonic() - began) > STOPPED:
            self.wrong.append(f"a stop took {took:.1f} s")
        await self.start("stop")

    async def start(self, why: str) -> None:
        self.done[why] += 1
        await self.agent.start()
        await self.agent.ready()

    async def reload(self) -> None:
        self.agent.send(signal.SIGHUP)
        self.done["reload"] += 1
        await until(self.agent.answers)


async def soaked(folder: Path, seconds: float, seed: int) -> Soak:
    with InfluxDB2(folder / "server") as influx:
        async with line(folder, influx, DEVICES, EVERY, timeout=TIMEOUT) as plant:
            soak = Soak(plant, influx, random.Random(seed))
            await soak.run(seconds)
    return soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            soak = asyncio.run(soaked(Path(folder), args.seconds, args.seed))
            wrong = soak.wrong
        except Damage as error:
            wrong = [f"the journal cannot be read: {error}"]
        else:
            issued = sum(len(device.issued) for device in soak.plant.devices)
            kept = sum(len(soak.plant.kept(device.number)) for device in soak.plant.devices)
            print(
                f"{issued} issued, {kept} kept and delivered into InfluxDB 2.7.12, the others in gaps; "
                + ", ".join(f"{k} {n}" for k, n in soak.done.items())
            )
    for what in wrong:
        print(f"VIOLATED: {what}")
    print(f"verdict: {'violated' if wrong else 'everything holds'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
