"""From coded devices through an agent into a real InfluxDB, and what must hold of what is there in the end."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from store import StoreError
from store.influx import InfluxReader
from store.journal import History, place
from tests.edge.child import PATIENCE
from tests.edge.coded import POINTS, WELL, Machine, Site, site
from tests.edge.oracle import rows
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2

FEWEST = 20  # rows of a device that say anything at all


def store(folder: Path, running: InfluxDB1 | InfluxDB2, url: str = "", bucket: str = "own") -> str:
    """The part of a plant file, for a place of its own in this database; its token stands in `folder / token`."""
    if isinstance(running, InfluxDB1):
        return f'store: {{influxdb: {{url: "{url or running.url}", database: {bucket}}}}}\n'
    token = folder / "token"
    if not token.exists():
        token.write_text(running.token)
        token.chmod(0o600)
    of = f'url: "{url or running.url}", org: gemba, bucket: {bucket}, token: {{file: "{token}"}}'
    return f"store: {{influxdb: {{{of}}}}}\n"


@asynccontextmanager
async def line(
    folder: Path,
    running: InfluxDB1 | InfluxDB2,
    count: int = 3,
    every: str = "50ms",
    url: str = "",
    others: Sequence[Machine] = (),
    more: str = "",
    timeout: str = WELL,
    well: int = 0,
) -> AsyncIterator[Site]:
    """A place of its own in this database, for a plant in this folder."""
    place_ = store(folder, running, url, folder.name.lower())
    async with site(folder, count, every, place_ + more, others, timeout, well) as found:
        yield found


def _same(of: Site, ended: bool) -> bool:
    history = History(place(of.plant))
    reader = InfluxReader(of.plant.store, of.plant)  # type: ignore[arg-type]
    try:
        for key in ((f"m{machine.number}", point) for machine in of.machines for point in POINTS):
            kept = rows(history, *key)
            if (ended and not (kept and kept[-1][3])) or rows(reader, *key) != kept:
                return False
        return True
    except StoreError:
        return False
    finally:
        history.close()
        reader.close()


async def same(of: Site, ended: bool = False) -> bool:
    """Waits until the database has the rows of the journal to the bit; whether it came to that. `ended`: and the record
    of each point ends."""
    end = time.monotonic() + PATIENCE
    while not (done := await asyncio.to_thread(_same, of, ended)) and time.monotonic() < end:
        await asyncio.sleep(0.3)
    return done


def wrong(of: Site) -> list[str]:
    """What does not hold of the database and of the journal, in words."""
    reader, history = InfluxReader(of.plant.store, of.plant), History(place(of.plant))  # type: ignore[arg-type]
    try:
        return of.wrong(reader, ended=True) + of.wrong(history, ended=True)
    finally:
        history.close()
        reader.close()


async def judged(of: Site) -> None:
    """No device answers any more, and an agent runs: what is in the database then is judged, and the journal."""
    for machine in of.machines:
        await machine.fault("refuse")
    done = await same(of, ended=True)
    found = await asyncio.to_thread(wrong, of)
    assert not found, "\n".join(found)
    assert done, "the database is not the journal"
    assert all(len(of.kept(machine.number)) > FEWEST for machine in of.machines)
