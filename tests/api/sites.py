"""A group of three plants, each with a store of its own, and one of them to ask. Another plant is known by what its own
agent wrote into its store."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from config.load import load
from config.plant import Keep, Plant
from edge.agent import Agent
from gemba.demo.past import write
from kpi.facts.archive import Archive
from kpi.plants import Group
from kpi.report import Question, report
from simulators.plant import VirtualPlant
from store.choice import open_reader
from store.journal import Journal, place
from tests.api.conftest import END, HOUR, PLANT, REGISTER
from tests.api.test_stores import delivered
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2

KEEP = Keep(days=100_000, free=Fraction(0), delivered=HOUR)
DAY = 24 * HOUR
START = END - 2 * DAY
SHIFTS = 'calendar: {shifts: [{start: "08:00", end: "20:00", days: mon-sat}]}\n'


def plant_file(folder: Path, name: str, more: str) -> Path:
    """Nothing answers at its addresses: its history is written, and its agent only tells what it is."""
    folder.mkdir()
    (folder / "register.csv").write_text(REGISTER, encoding="utf-8")
    text = PLANT.replace("plant: api-01", f"plant: {name}").replace("192.168.10.1", "127.0.0.")
    (folder / "plant.yaml").write_text(text + more, encoding="utf-8")
    return folder / "plant.yaml"


async def _told(plant: Plant) -> None:
    agent = Agent(plant)
    running = asyncio.create_task(agent.run())
    await agent.ready()
    agent.stop()
    await running


def lived(file: Path) -> None:
    """Its agent was there, and everything is in its database."""
    plant = load(file)
    asyncio.run(_told(plant))
    write(place(plant), plant, VirtualPlant(plant, START), START, END, {})
    with Journal.open(place(plant), KEEP, ["influxdb"]) as journal:
        delivered(journal, plant)


@dataclass
class Site:
    """`file` is the plant that asks; `third` is where the third one's rows are."""

    file: Path
    files: list[Path]
    third: InfluxDB1

    def ask(self, group: Group | None = None, **question: Any) -> Any:
        plant = load(self.file)
        asked = Question(START, END, **{"by": "plant", **question})
        reader = open_reader(plant, *asked.reach(plant))
        try:
            told = report(reader, plant, asked, Archive(plant.data, plant.id), END, group=group or Group(plant))
        finally:
            reader.close()
        return json.loads(json.dumps(told))


@contextmanager
def built_in(folder: Path, influxdb2: InfluxDB2) -> Iterator[Site]:
    (folder / "token").write_text(influxdb2.token)
    (folder / "token").chmod(0o600)
    with InfluxDB1(folder / "third") as third:
        stores = [
            f'{{url: "{influxdb2.url}", org: gemba, bucket: {name}, token: {{file: ../token}}}}'
            for name in ("one", "two")
        ]
        stores.append(f'{{url: "{third.url}", database: three}}')
        files = []
        for number, (of, more) in enumerate(zip(stores, ("", SHIFTS, SHIFTS), strict=True), 1):
            group = (
                f"stores: {{p-2: {{influxdb: {stores[1]}}}, p-3: {{influxdb: {stores[2]}}}}}\n" if number == 1 else ""
            )
            store = f"{more}store: {{influxdb: {of}}}\n{group}"
            files.append(plant_file(folder / f"p-{number}", f"p-{number}", store))
            lived(files[-1])
        yield Site(files[0], files, third)
