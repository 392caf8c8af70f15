"""Acknowledged and gone again: real databases that lose what they had, and get it back from the journal."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from config.plant import Asset, InfluxDB, Keep, ModbusAddress, Plant, Point, Secret
from connectors.base import Column, Frame, gap, layout
from connectors.quality import BAD_TIMEOUT
from edge import reconcile
from edge.forward import CONSUMER, Forwarder
from store.influx import InfluxReader
from store.influx.agreement import differing
from store.journal import Journal
from store.journal.publication import Part, Strike, importing, publish
from tests.connectors.clock import StoppedClock
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2
from tests.servers.process import ask

SECOND = 10**9
HOUR = 3600 * SECOND
START = 1_795_000_000 * SECOND // HOUR * HOUR
GRACE = 300 * SECOND
STATES = {"0": "off", "1": "running"}
POINTS = [("power", "float"), ("count", "int"), ("state", "text")]
PRESS = layout("plc", "poll", [Column("press-01", name, kind) for name, kind in POINTS])  # type: ignore[arg-type]
SAW = layout("plc", "poll", [Column("saw-07", name, kind) for name, kind in POINTS[:2]])  # type: ignore[arg-type]
AT = ModbusAddress("holding", 0)


def frames(count: int, first: int = 0) -> list[Frame]:
    found = []
    for n in range(first, first + count):
        at = START + n * 10 * SECOND
        found.append(Frame(PRESS, at, np.array([n / 7]), np.array([n]), (str(n % 2),)))
        found.append(Frame(SAW, at, np.array([n / 3]), np.array([-n])))
    return found


@dataclass
class Rig:
    journal: Journal
    clock: StoppedClock
    plant: Plant
    forwarder: Forwarder

    def turns(self, until: int = 0) -> None:
        """Turns until there is nothing to do before the clock shows `until`."""
        for _ in range(3000):
            self.clock.pass_time(max(int(self.forwarder.turn() * SECOND), SECOND // 100))
            if self.clock.wall >= until and not self.journal.backlog(CONSUMER):
                return
        raise AssertionError(str(self.forwarder.status()))

    def later(self, by: int) -> None:
        """Everything that falls due until then is done."""
        self.clock.pass_time(by)
        self.turns(self.clock.wall + 60 * SECOND)

    def agree(self) -> None:
        """The database has the journal's rows, to the bit."""
        assert self.plant.store is not None
        reader = InfluxReader(self.plant.store, self.plant)
        for asset in self.plant.assets.values():
            points = list(asset.points)
            wanted = self.journal.series(asset.id, points, 0, 2**62)
            assert differing(wanted, reader.series(asset.id, points, 0, 2**62)) == {}
        reader.close()


def rig(folder: Path, store: InfluxDB, journal: Journal, clock: StoppedClock) -> Rig:
    points = [Point(asset, name, "plc", AT) for asset in ("press-01", "saw-07") for name, _ in POINTS]
    points = [replace(point, states=STATES) if point.name == "state" else point for point in points]
    assets = {
        asset: Asset(asset, {point.name: point for point in points if point.asset == asset})
        for asset in ("press-01", "saw-07")
    }
    plant = Plant("wuxi-01", "", ZoneInfo("UTC"), folder, folder / "p.yaml", "", assets=assets, store=store)
    return Rig(journal, clock, plant, Forwarder(plant, journal, None, clock))


def started(folder: Path, store: InfluxDB, journal: Journal) -> Rig:
    """Two hours of rows, delivered and looked at once."""
    made = rig(folder, store, journal, StoppedClock(wall=START + 2 * HOUR))
    journal.append(frames(720))
    made.turns()
    made.later(HOUR + GRACE)
    assert made.forwarder.status()["mended"] == 0
    made.agree()
    return made


@pytest.fixture(params=["influxdb2", "influxdb1"])
def of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    running = request.getfixturevalue(request.param)
    store = InfluxDB(running.url, database=tmp_path.name)
    if isinstance(running, InfluxDB2):
        (tmp_path / "token").write_text(running.token)
        store = InfluxDB(running.url, org="gemba", bucket=tmp_path.name, token=Secret(file=tmp_path / "token"))
    with Journal.open(tmp_path / "journal", Keep(free=Fraction(0)), [CONSUMER]) as journal:
        yield started(tmp_path, store, journal)


def delete(rig: Rig, start: int, end: int = 2**62, which: str = "") -> None:
    rig.forwarder._server._ask(f'DELETE FROM "asset" WHERE {which}time >= {start} AND time < {end}', "application/json")


def dropped(rig: Rig) -> None:
    server = rig.forwarder._server
    if server.of.database:
        server._ask(f'DROP DATABASE "{server.of.database}"', "application/json")
        return
    bucket = server._bucket().id  # type: ignore[attr-defined]
    ask(f"{server.of.url}/api/v2/buckets/{bucket}", headers=server.authorization, method="DELETE")


# -- lost and found ----------------------------------------------------------------------------------------------------
def test_a_minute_that_somebody_deleted_comes_back(of: Rig) -> None:
    """Six rows of the press, of three values each."""
    since = START + HOUR + 1800 * SECOND
    delete(of, since, since + 60 * SECOND, "\"asset\" = 'press-01' AND ")
    with pytest.raises(AssertionError):
        of.agree()
    of.later(of.plant.keep.delivered // 2)
    assert of.forwarder.status()["mended"] == 6 * 3
    assert of.forwarder.status()["unsettled"] == 0
    of.agree()


def test_a_value_that_somebody_changed_is_as_it_was_again(of: Rig) -> None:
    line = b"asset,asset=saw-07,plant=wuxi-01 power=99,count_q=2147483648i %d" % (START + 600 * SECOND)
    assert of.forwarder._server.write(line).verdict == "done"
    of.later(of.plant.keep.delivered // 2)
    assert of.forwarder.status()["mended"] == 2
    of.agree()


def test_late_rows_and_gaps_are_looked_at_again(of: Rig) -> None:
    of.journal.append([replace(frame, time=frame.time + 5 * SECOND) for frame in frames(10)])
    of.journal.append([gap(PRESS, START + 777 * SECOND, BAD_TIMEOUT)])
    of.later(GRACE + HOUR)
    delete(of, START, START + HOUR)
    of.later(of.plant.keep.delivered // 2)
    of.agree()
    assert of.forwarder.status()["mended"] == (360 + 10) * 5 + 3


def test_a_replaced_row_is_replaced_here_as_well(of: Rig) -> None:
    """Good by Bad, and one struck of two that stood at one time: no field can be taken away, and yet."""
    at = START + 600 * SECOND
    of.journal.append([Frame(SAW, at, np.array([500.0]), np.array([0]))])
    of.turns()
    with importing(of.journal.folder, print):
        rows = layout("plc", "import", [Column("press-01", "power", "float")], 900 * SECOND)
        stored, places = of.journal.stored("press-01", "power", at, at + 1)
        twice, where = of.journal.stored("saw-07", "power", at, at + 1)
        assert (len(stored), len(twice)) == (1, 2)
        strikes = [
            Strike("press-01", "power", places, stored.time),
            Strike("saw-07", "power", where[twice.numbers == 500.0], twice.time[:1]),
        ]
        bad = Part(rows, stored.time, np.zeros(1, np.int64), np.array([BAD_TIMEOUT], np.uint32))
        publish(of.journal.folder, [bad], (), strikes, [("strike", {})], at)
    of.turns()
    of.later(GRACE + HOUR)
    of.agree()
    reader = InfluxReader(of.plant.store, of.plant)  # type: ignore[arg-type]
    (power,) = reader.series("saw-07", ["power"], at, at + 1).values()
    assert power.numbers.tolist() == [60 / 3]
    (power,) = reader.series("press-01", ["power"], at, at + 1).values()
    assert (power.quality.tolist(), power.hold.tolist()) == ([BAD_TIMEOUT], [900 * SECOND])


def test_what_is_to_be_looked_at_outlives_the_agent(of: Rig) -> None:
    of.journal.append(frames(30, first=720))
    of.turns()
    delete(of, START + 2 * HOUR)
    again = rig(of.plant.data, of.plant.store, of.journal, of.clock)  # type: ignore[arg-type]
    again.later(HOUR + GRACE)
    assert again.forwarder.status()["mended"] == 30 * 5
    again.agree()


def test_without_its_file_all_that_the_journal_holds_is_looked_at(of: Rig) -> None:
    (of.journal.folder / reconcile.NAME).unlink()
    delete(of, 0, START + HOUR)
    again = rig(of.plant.data, of.plant.store, of.journal, of.clock)  # type: ignore[arg-type]
    again.later(0)
    assert again.forwarder.status()["mended"] == 360 * 5
    again.agree()


def test_a_database_that_was_dropped_is_made_and_filled_again(of: Rig) -> None:
    dropped(of)
    of.journal.append(frames(1, first=720))
    of.clock.pass_time(120 * SECOND)
    of.turns()
    of.later(GRACE + HOUR)
    assert of.forwarder.status()["mended"] >= 720 * 5
    of.agree()


# -- a server that loses its last minutes ------------------------------------------------------------------------------
@pytest.mark.server("influxdb1")
def test_killed_right_after_its_answer_and_its_disk_a_while_behind(tmp_path: Path) -> None:
    """What a power cut does to a database whose disk lies: it comes back as it was some rows ago."""
    with InfluxDB1(tmp_path / "server") as server:
        store = InfluxDB(server.url, database="own")
        with Journal.open(tmp_path / "journal", Keep(free=Fraction(0)), [CONSUMER]) as journal:
            of = rig(tmp_path, store, journal, StoppedClock(wall=START + 3000 * SECOND))
            journal.append(frames(200))
            of.turns()
            server.stop()
            shutil.copytree(server.folder, tmp_path / "earlier")
            server.start()
            journal.append(frames(100, first=200))
            of.clock.pass_time(60 * SECOND)
            of.turns()
            of.agree()
            server.kill()
            journal.append(frames(1, first=300))
            of.clock.pass_time(60 * SECOND)
            for _ in range(3):
                of.clock.pass_time(int(of.forwarder.turn() * SECOND))
            assert of.forwarder.status()["state"] == "waiting"
            shutil.rmtree(server.folder)
            shutil.copytree(tmp_path / "earlier", server.folder)
            server.start()
            of.later(60 * SECOND)
            of.agree()
            assert of.forwarder.status()["mended"] == 100 * 5
