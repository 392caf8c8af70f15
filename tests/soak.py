"""`make soak`: everything at once for as long as it is told, and then a verdict of what the journal holds.

Devices whose values say whose they are and which one, behind proxies that spoil what passes at random, and an agent
that is killed, stopped, told to read its plant file again, and started anew. Every number that was issued is in the
journal once, or lies in a gap or in the second before a kill; nothing else is there.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

from simulators.faults import ON_THE_WAY
from store.journal.schema import Damage
from tests.edge.child import Child, until
from tests.edge.coded import Device, Site, site

DEVICES = 6
EVERY = "50ms"


def verdict(plant: Site, device: Device) -> list[str]:
    """What is wrong with what was kept of one device, in words; nothing when all holds."""
    rows = plant.rows(device.number)
    good = [value for value, code in rows if code == 0]
    wrong = []
    if foreign := set(good) - set(device.issued):
        wrong.append(f"{len(foreign)} foreign values, such as {min(foreign)}")
    if twice := [value for value, count in Counter(good).items() if count > 1]:
        wrong.append(f"{len(twice)} values twice, such as {twice[0]}")
    if good != sorted(good):
        wrong.append("values out of order")
    values = [value if code == 0 else None for value, code in rows]
    holes = [one for one, other in pairwise(values) if one is not None and other is not None and other - one > 1]
    if holes:
        wrong.append(f"{len(holes)} holes without a gap on record, such as after {holes[0]}")
    if device.endpoint and device.endpoint.writes:
        wrong.append(f"{len(device.endpoint.writes)} writes")
    return [f"device {device.number}: {what}" for what in wrong]


class Soak:
    """One run; `wrong` gathers what did not hold."""

    def __init__(self, plant: Site, chance: random.Random) -> None:
        self.plant, self.chance = plant, chance
        self.agent = Child(plant.plant)
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        await self.agent.start()
        await self.agent.ready()
        try:
            while time.monotonic() < end:
                await asyncio.sleep(self.chance.uniform(0.2, 1.5))
                await self.chance.choice([self.fault, self.fault, self.fault, self.kill, self.stop, self.reload])()
            for device in self.plant.devices:
                await device.proxy.set()  # type: ignore[union-attr]
            await self.stop()
        finally:
            await self.agent.kill()
        for device in self.plant.devices:
            self.wrong += verdict(self.plant, device)

    async def fault(self) -> None:
        device = self.chance.choice(self.plant.devices)
        kind = self.chance.choice(["", *ON_THE_WAY])
        await device.proxy.set(kind, self.chance.randrange(600))  # type: ignore[union-attr]
        self.done[kind or "mended"] += 1

    async def kill(self) -> None:
        before = [self.plant.kept(device.number) for device in self.plant.devices]
        await self.agent.kill()
        for device, had in zip(self.plant.devices, before, strict=True):
            if self.plant.kept(device.number)[: len(had)] != had:
                self.wrong.append(f"device {device.number}: what had been committed was gone after a kill")
        await self.start("kill")

    async def stop(self) -> None:
        took = await self.agent.stop()
        if took > 5:
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
    async with site(folder, DEVICES, EVERY) as plant:
        soak = Soak(plant, random.Random(seed))
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
                f"{issued} issued, {kept} kept, the others in gaps; "
                + ", ".join(f"{k} {n}" for k, n in soak.done.items())
            )
    for what in wrong:
        print(f"VIOLATED: {what}")
    print(f"verdict: {'violated' if wrong else 'everything holds'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
