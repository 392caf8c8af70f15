"""Simulated plant, agent, journal, InfluxDB 2.7.12: whatever happens on the way, what was issued is in the database
once, or lies in a gap that is on record there.
"""

import asyncio
from itertools import pairwise
from pathlib import Path

from store.journal import History, place
from tests.edge.child import Child, child, until
from tests.edge.coded import Site
from tests.edge.delivered import judged, line
from tests.edge.oracle import rows
from tests.servers.influxdb2 import InfluxDB2

SICK = {
    "refuse": 0,
    "restart": 0,
    "stall": 0,
    "hang": 0,
    "garbage": 0,
    "wrong-unit": 0,
    "late": 2000,
}
SLOW = 200  # [ms] of the 300 that a device has
ROUNDS = 2


def gaps(of: Site, number: int) -> int:
    """How often the record of a device goes from values to none."""
    history = History(place(of.plant))
    codes = [code for _, _, _, code in rows(history, f"m{number}", "count")]
    history.close()
    return sum(not one and bool(other) for one, other in pairwise(codes))


async def states(agent: Child, wanted: dict[str, str]) -> None:
    """Waits until `gemba status` says so of every source."""
    async with asyncio.timeout(30):
        while {name: of["state"] for name, of in (await agent.status())["sources"].items()} != wanted:
            await asyncio.sleep(0.1)


async def more(of: Site, count: int) -> None:
    """Waits until every device was asked so often again."""
    seen = [len(device.issued) for device in of.devices]
    await until(lambda: all(len(d.issued) > n + count for d, n in zip(of.devices, seen, strict=True)), 30)


async def test_devices_each_of_which_fails_in_its_own_way(tmp_path: Path, influxdb2: InfluxDB2) -> None:
    async with line(tmp_path, influxdb2, len(SICK) + 2, "100ms") as of, child(of.plant) as agent:
        *sick, slow, well = of.devices
        up = {f"d{device.number}": "up" for device in of.devices}
        for _ in range(ROUNDS):
            await states(agent, up)
            await more(of, 10)
            for device, (kind, by) in zip(sick, SICK.items(), strict=True):
                await device.fault(kind, by)
            await slow.fault("late", SLOW)
            before = len(well.issued)
            await states(agent, up | {f"d{device.number}": "retrying" for device in sick})
            await until(lambda before=before: len(well.issued) > before + 10)  # type: ignore[misc]
            for device in of.devices:
                await device.fault()
        await states(agent, up)
        await more(of, 10)
        await judged(of)
        assert [gaps(of, device.number) for device in of.devices] == [ROUNDS + 1] * len(SICK) + [1, 1]
