"""Which store answers: the journal as long as it holds the whole window, and where it does not, InfluxDB."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from config.plant import Asset, InfluxDB, Keep, ModbusAddress, Plant, Point, Source
from connectors.base import Column, Frame, layout
from store import StoreError
from store.choice import open_reader
from store.influx import InfluxReader
from store.influx.delivery import deliver
from store.influx.lines import Encoder
from store.influx.server import connect
from store.journal import Journal, place
from tests.servers.influxdb1 import InfluxDB1

SECOND = 10**9
HOUR, DAY = 3600 * SECOND, 86400 * SECOND
START = 1_795_000_000 * SECOND
KEEP = Keep(days=100_000, free=Fraction(0), delivered=HOUR)
CONSUMER = "influxdb"


def frames(source: str, asset: str, first: int, count: int, step: int = HOUR) -> list[Frame]:
    of = layout(source, "poll", [Column(asset, "power", "float")])
    return [Frame(of, START + n * step, np.array([n / 7])) for n in range(first, first + count)]


def plant(folder: Path, store: InfluxDB | None, **gateways: str) -> Plant:
    sources = {name: Source(name, "modbus", "tcp://127.0.0.1", gateway=gateways.get(name)) for name in ("plc", "other")}
    points = {
        asset: Point(asset, "power", source, ModbusAddress("holding", 0))
        for source, asset in (("plc", "press-01"), ("other", "saw-07"))
    }
    assets = {asset: Asset(asset, {"power": point}) for asset, point in points.items()}
    file = folder / "plant.yaml"
    return Plant("wuxi-01", "", ZoneInfo("UTC"), folder, file, "", sources=sources, assets=assets, store=store)


def delivered(journal: Journal, of: Plant, gateway: str | None = None) -> None:
    assert of.store is not None
    server, encoder = connect(of.store), Encoder(of, gateway)
    server.prepare(800)
    while (batch := journal.pending_columns(CONSUMER, 1000)) is not None:
        assert deliver(server, encoder.batch(batch, 1).lines).answer.verdict == "done"
        journal.acknowledge(CONSUMER, batch.last, batch.first)
    server.close()


@dataclass
class Rig:
    plant: Plant
    journal: Journal
    now: int = START

    def pass_days(self, days: int) -> None:
        """The live segment is closed, and what was delivered long enough ago goes."""
        self.journal.rotate()
        self.journal.tend()
        self.now += days * DAY
        self.journal.tend()
        self.journal.tend()


@pytest.fixture
def of(tmp_path: Path, influxdb1: InfluxDB1) -> Iterator[Rig]:
    store = InfluxDB(influxdb1.url, database=tmp_path.name)
    made = plant(tmp_path, store)
    rig = Rig(made, None)  # type: ignore[arg-type]
    with Journal.open(place(made), KEEP, [CONSUMER], clock=lambda: rig.now) as rig.journal:
        yield rig


def asked(of: Plant, start: int, end: int) -> tuple[str, list[float]]:
    reader = open_reader(of, start, end)
    found = reader.series("press-01", ["power"], start, end)["power"].numbers.tolist()
    reader.close()
    return reader.store, found


def test_without_a_database_the_journal_is_the_store(of: Rig) -> None:
    of.journal.append(frames("plc", "press-01", 0, 3))
    assert asked(replace(of.plant, store=None), START, START + DAY) == ("journal", [0.0, 1 / 7, 2 / 7])
    reader = open_reader(replace(of.plant, store=None))
    assert reader.span() == (START, START + 2 * HOUR)
    reader.close()


def test_a_journal_that_holds_all_of_it_answers_whether_or_not_the_database_does(of: Rig) -> None:
    of.journal.append(frames("plc", "press-01", 0, 50))
    down = replace(of.plant, store=InfluxDB("http://127.0.0.1:9", database="own"))
    for some in (of.plant, down):
        assert asked(some, START, START + 2 * HOUR) == ("journal", [0.0, 1 / 7])
        assert asked(some, START - 30 * DAY, START + HOUR) == ("journal", [0.0])


def test_what_was_shed_is_asked_of_the_database_and_gives_the_same(of: Rig) -> None:
    of.journal.append(frames("plc", "press-01", 0, 48))
    delivered(of.journal, of.plant)
    of.pass_days(10)
    of.journal.append(frames("plc", "press-01", 240, 96))
    delivered(of.journal, of.plant)
    assert of.journal.series("press-01", ["power"], START, START + DAY)["power"].time.tolist() == []
    whole = [n / 7 for n in (*range(48), *range(240, 336))]
    assert asked(of.plant, START, START + 30 * DAY) == ("influxdb", whole)
    assert asked(of.plant, START + 2 * DAY, START + 10 * DAY)[0] == "influxdb", "what stood before it went"
    assert asked(of.plant, START + 11 * DAY, START + 12 * DAY) == ("journal", [n / 7 for n in range(264, 288)])
    reader = open_reader(of.plant)
    assert (reader.store, reader.span()) == ("influxdb", (START, START + 335 * HOUR))
    reader.close()


def test_what_was_shed_of_a_source_that_the_plant_no_longer_has_is_not_asked_for(of: Rig) -> None:
    of.journal.append(frames("gone", "press-01", 0, 48))
    delivered(of.journal, of.plant)
    of.pass_days(10)
    of.journal.append(frames("plc", "press-01", 0, 3))
    assert asked(of.plant, START, START + DAY)[0] == "journal"


def test_one_source_that_is_not_whole_is_enough(of: Rig) -> None:
    of.journal.append(frames("other", "saw-07", 0, 48))
    delivered(of.journal, of.plant)
    of.pass_days(10)
    of.journal.append(frames("plc", "press-01", 0, 300))
    assert asked(of.plant, START, START + DAY)[0] == "influxdb"


def test_a_journal_that_began_after_the_databases_first_row(of: Rig, tmp_path: Path) -> None:
    """A gateway that was replaced: its predecessor's rows are in the database alone."""
    of.journal.append(frames("plc", "press-01", 0, 48))
    delivered(of.journal, of.plant)
    young = replace(of.plant, data=tmp_path / "new")
    with Journal.open(place(young), KEEP, [CONSUMER]) as journal:
        journal.append(frames("plc", "press-01", 30, 20))
        assert asked(young, START, START + 40 * HOUR) == ("influxdb", [n / 7 for n in range(40)])
        assert asked(young, START + 30 * HOUR, START + 40 * HOUR) == ("journal", [n / 7 for n in range(30, 40)])


def test_without_a_journal_the_database_answers_and_says_when_it_does_not(of: Rig, tmp_path: Path) -> None:
    of.journal.append(frames("plc", "press-01", 0, 5))
    delivered(of.journal, of.plant)
    elsewhere = replace(of.plant, data=tmp_path / "serve")
    assert asked(elsewhere, START, START + 3 * HOUR) == ("influxdb", [0.0, 1 / 7, 2 / 7])
    down = replace(elsewhere, store=InfluxDB("http://127.0.0.1:9", database="own"))
    with pytest.raises(StoreError, match="InfluxDB did not answer"):
        asked(down, START, START + HOUR)


def test_rows_of_several_gateways_are_together_and_their_clocks_apart(tmp_path: Path, influxdb1: InfluxDB1) -> None:
    """g2's clock was set; that says nothing of the rows of g1, whose epochs are smaller."""
    store = InfluxDB(influxdb1.url, database=tmp_path.name)
    made = plant(tmp_path, store, plc="g1", other="g2")
    for gateway, source, asset in (("g1", "plc", "press-01"), ("g2", "other", "saw-07")):
        with Journal.open(place(made, gateway), KEEP, [CONSUMER]) as journal:
            journal.append(frames(source, asset, 0, 3))
            if gateway == "g2":
                journal.step(START + HOUR, {"old": START, "new": START + HOUR})
                journal.append(frames(source, asset, 3, 1))
            delivered(journal, made, gateway)
    reader = open_reader(made, START, START + DAY)
    assert isinstance(reader, InfluxReader)
    one = reader.series("press-01", ["power"], START, START + DAY)["power"].epoch
    other = reader.series("saw-07", ["power"], START, START + DAY)["power"].epoch
    (clock,) = reader.events(0, 2**62, ("clock",))
    assert (one.tolist(), [epoch & 0xFF for epoch in other.tolist()]) == ([1, 1, 1], [1, 1, 1, 2])
    assert clock.detail["epoch"] == other[-1]
    assert set((other >> 40).tolist()) != set((one >> 40).tolist())
    reader.close()
