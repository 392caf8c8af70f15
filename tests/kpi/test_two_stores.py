"""Kept facts under two stores: which of them answers may change from question to question, and costs nothing where they
agree; where they do not, the one that answers counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from config.load import load
from config.plant import InfluxDB, Keep, Plant
from connectors.base import Column, Frame, layout
from kpi.api.witness import Witness
from kpi.facts.archive import Archive
from kpi.facts.facts import Facts, facts
from store.influx import InfluxReader
from store.influx.delivery import deliver
from store.influx.lines import Encoder
from store.influx.server import connect
from store.journal import History, Journal, place
from store.reader import Reader
from tests.servers.influxdb1 import InfluxDB1

SECOND = 10**9
HOUR = 3600 * SECOND
START = 1_795_046_400 * SECOND  # 2026-11-19T00:00Z
END, NOW = START + 48 * HOUR, START + 96 * HOUR
TEXT = """
plant: two-01
timezone: UTC
data: ./data
sources: {plc: {protocol: modbus, url: "tcp://192.168.10.11", every: 60s}}
assets:
  press-01:
    ideal_cycle: 60s
    points:
      state: {source: plc, at: "holding:0", states: {0: idle, 1: running}}
      total: {source: plc, at: "holding:2", type: uint32, counter: {max_rate: 1/s}}
      good: {source: plc, at: "holding:4", type: uint32, counter: {max_rate: 1/s}}
"""
OF = layout("plc", "poll", [Column("press-01", name, "int") for name in ("state", "total", "good")])


def frames(first: int, last: int) -> list[Frame]:
    """Minutes, a piece in each."""
    return [Frame(OF, START + n * 60 * SECOND, ints=np.array([1, n, n])) for n in range(first, last)]


@dataclass
class Rig:
    plant: Plant
    journal: Journal
    database: InfluxReader
    history: History
    archive: Archive

    def deliver(self) -> None:
        encoder = Encoder(self.plant)
        while (batch := self.journal.pending_columns("influxdb", 1000)) is not None:
            assert deliver(self.database.server, encoder.batch(batch, NOW).lines).refused == []
            self.journal.acknowledge("influxdb", batch.last, batch.first)

    def ask(self, reader: Reader) -> tuple[Facts, bool]:
        """The facts of both days, and whether rows had to be read for them."""
        witness = Witness(reader)
        return facts(witness, self.plant, START, END, self.archive, NOW), witness.proof.rows


@pytest.fixture
def rig(tmp_path: Path, influxdb1: InfluxDB1) -> Iterator[Rig]:
    (tmp_path / "plant.yaml").write_text(TEXT, encoding="utf-8")
    of, store = load(tmp_path / "plant.yaml"), InfluxDB(influxdb1.url, database=tmp_path.name)
    server, history = connect(store), History(place(of))
    server.prepare(800)
    with Journal.open(place(of), Keep(days=100_000, free=Fraction(0)), ["influxdb"]) as journal:
        yield Rig(of, journal, InfluxReader(server, of), history, Archive(of.data, of.id))
    server.close()
    history.close()


def pieces(of: Facts) -> int:
    return int(of.products["total"].sum())


def test_where_both_have_the_same_rows_each_is_read_once(rig: Rig) -> None:
    rig.journal.append(frames(0, 2880))
    rig.deliver()
    assert rig.ask(rig.history)[1] and rig.ask(rig.database)[1]
    for reader in (rig.history, rig.database, rig.history):
        told, read = rig.ask(reader)
        assert not read
        assert pieces(told) == 2879
    rig.journal.append([Frame(OF, START + 30 * SECOND, ints=np.array([0, 0, 0]))])
    assert rig.ask(rig.history)[1], "a late row is seen in the store that has it"
    rig.deliver()
    assert rig.ask(rig.database)[1]


def test_a_database_that_lags_does_not_freeze_what_the_journal_says(rig: Rig) -> None:
    rig.journal.append(frames(0, 2000))
    rig.deliver()
    rig.journal.append(frames(2000, 2500))
    assert pieces(rig.ask(rig.history)[0]) == 2499
    assert pieces(rig.ask(rig.database)[0]) == 1999
    assert pieces(rig.ask(rig.history)[0]) == 2499
    rig.journal.append(frames(2500, 2880))
    assert pieces(rig.ask(rig.history)[0]) == 2879
    rig.deliver()
    assert pieces(rig.ask(rig.database)[0]) == 2879


def test_a_database_that_begins_later_does_not_undo_facts(rig: Rig) -> None:
    """It was configured when the first day had gone from the journal; of that day facts are left."""
    rig.journal.append(frames(0, 1500))
    assert pieces(rig.ask(rig.history)[0]) == 1499
    while (batch := rig.journal.pending_columns("influxdb", 1000)) is not None:
        rig.journal.acknowledge("influxdb", batch.last, batch.first)
    rig.journal.append(frames(1500, 2880))
    rig.deliver()
    told = rig.ask(rig.database)[0]
    first = told.products[told.products["start"] < START + 24 * HOUR]
    assert int(first["total"].sum()) == 1440
