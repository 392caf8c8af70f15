"""One body over every store: the journal, InfluxDB 2.7.12 and InfluxDB 1.6.7 give the same series, to the bit.

The history is written into a journal once and delivered to both databases as the agent does it; what a store must say
is told by hand, or by the list in memory that the journal is tested against.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from time import time_ns
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from config.plant import Asset, InfluxDB, Keep, ModbusAddress, Plant, Point, PowerStates, Secret
from connectors.base import Column, Frame, gap, layout
from connectors.quality import BAD_TIMEOUT, UNCERTAIN
from store.influx import InfluxReader, ahead, shape
from store.influx.agreement import differing, parts, settled
from store.influx.delivery import deliver
from store.influx.lines import Encoder, touching
from store.influx.server import Place, Server, connect
from store.journal import Journal
from store.journal.delivery import Columns
from store.reader import Reader, Series
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2
from tests.store.model import EVER, SECOND, Model
from tests.store.told import CELL, HOUR, PRESS, START, Told, bring_in, tell

KEEP = Keep(free=Fraction(0))
AT = ModbusAddress("holding", 0)
POINTS = sorted({(c.asset, c.point) for of in (PRESS, CELL) for c in of.columns})


def plant(folder: Path) -> Plant:
    states = {"0": "off", "1": "idle", "2": "running", "RUN": "running"}
    points = [Point(asset, "state", "plc", AT, states=states) for asset in ("press-01", "oven-01")]
    assets = {point.asset: Asset(point.asset, {"state": point}) for point in points}
    limits = PowerStates(Fraction(1), Fraction(3))
    assets["press-02"] = Asset("press-02", {"power": Point("press-02", "power", "plc", AT)}, state_from=limits)
    return Plant("wuxi-01", "", ZoneInfo("UTC"), folder, folder / "plant.yaml", "", assets=assets)


def sent(told: Told, server: Server, encoder: Encoder) -> None:
    """Everything that the journal has, as a consumer takes it; then what reading back finds wanting."""
    consumer = server.of.url
    while (batch := told.journal.pending_columns(consumer, 37)) is not None:
        assert deliver(server, encoder.batch(batch, time_ns()).lines).refused == []
        told.journal.acknowledge(consumer, batch.last, batch.first)
    reader = InfluxReader(server, encoder.plant.id)
    for asset in {asset for asset, _ in POINTS}:
        names = [point for of, point in POINTS if of == asset]
        wrong = differing(told.journal.series(asset, names, 0, EVER), reader.series(asset, names, 0, EVER))
        assert wrong == {}, "what was delivered needs no mending"


@dataclass
class Stores:
    told: Told
    readers: dict[str, Reader]
    servers: dict[str, Server]
    encoder: Encoder


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, influxdb2: InfluxDB2, influxdb1: InfluxDB1) -> Iterator[Stores]:
    folder = tmp_path_factory.mktemp("contract")
    secret = folder / "token"
    secret.write_text(influxdb2.token)
    places = {
        "influxdb2": InfluxDB(influxdb2.url, org="gemba", bucket="con tract/two", token=Secret(file=secret)),
        "influxdb1": InfluxDB(influxdb1.url, database="con tract"),
    }
    servers = {name: connect(of) for name, of in places.items()}
    with Journal.open(folder / "journal", KEEP, [of.url for of in places.values()]) as journal:
        told, encoder = Told(journal, Model()), Encoder(plant(folder))
        tell(told)
        readers: dict[str, Reader] = {"journal": journal}
        for name, server in servers.items():
            assert server.prepare(KEEP.days) == Place(KEEP.days * 86400, made=True)
            sent(told, server, encoder)
            readers[name] = InfluxReader(server, "wuxi-01")
            readers[f"{name} lean"] = InfluxReader(server, encoder.plant, lean=True)
        yield Stores(told, readers, servers, encoder)
        for server in servers.values():
            server.close()


@pytest.fixture(params=["journal", "influxdb2", "influxdb2 lean", "influxdb1"])
def reader(request: pytest.FixtureRequest, stores: Stores) -> Reader:
    return stores.readers[request.param]


@pytest.fixture
def model(stores: Stores) -> Model:
    return stores.told.model


Row = tuple[object, ...]


def row(time: int, value: float | str, quality: int, *rest: object) -> Row:
    """Numbers as float64, to the bit; a Bad row's value means nothing."""
    told = value if isinstance(value, str) else float(value).hex()
    return (time, told if quality < UNCERTAIN else None, quality, *rest)


def rows(series: Series) -> list[Row]:
    """Time, value, quality, epoch, hold, scaled."""
    codes = [-1] * len(series) if series.text is None else series.text.tolist()
    values = [series.words[code] if code >= 0 else n for code, n in zip(codes, series.numbers.tolist(), strict=True)]
    columns = (series.time, series.quality, series.epoch, series.hold, series.scaled)
    rest = zip(*(column.tolist() for column in columns), strict=True)
    return [row(time, value, *more) for value, (time, *more) in zip(values, rest, strict=True)]


def wanted(model: Model, asset: str, point: str, start: int, end: int) -> list[Row]:
    found = [c for c in model.held if (c.asset, c.point) == (asset, point) and start <= c.time < end]
    found.sort(key=lambda c: (c.time, c.epoch, c.seq))
    return [row(c.time, c.value, c.quality, c.epoch, c.hold, c.scaled) for c in found]


def until_good(found: list[Row], good: int) -> list[Row]:
    taken = []
    for row in found:
        taken.append(row)
        good -= int(row[2] < UNCERTAIN)  # type: ignore[operator]
        if not good:
            break
    return taken


# -- the contract ------------------------------------------------------------------------------------------------------
SPANS = [
    (0, EVER),
    (START, START + 40 * SECOND),
    (START + 1, START + 40 * SECOND + 1),
    (START + 10 * SECOND, START + 27 * HOUR),
    (START - 6 * HOUR, START),
    (START + 100 * HOUR, START + 200 * HOUR),
    (START, START),
]


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("asset", ["press-01", "press-02", "oven-01"])
def test_series(reader: Reader, model: Model, asset: str, span: tuple[int, int]) -> None:
    points = [point for of, point in POINTS if of == asset]
    found = reader.series(asset, points, *span)
    assert list(found) == points
    for point in points:
        assert rows(found[point]) == wanted(model, asset, point, *span), point


def test_nothing_is_known_of_strangers(reader: Reader) -> None:
    assert len(reader.series("press-01", ["nothing"], 0, EVER)["nothing"]) == 0
    assert len(reader.series("o\"ne' OR 1=1", ["power"], 0, EVER)["power"]) == 0
    assert reader.series("press-01", [], 0, EVER) == {}


TIMES = [START - EVER // 2, START, START + 1, START + 43 * SECOND, START + 26 * HOUR + 5 * SECOND, EVER]


@pytest.mark.parametrize("good", [1, 2, 3, 1000])
@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("asset", ["press-01", "oven-01"])
def test_before_and_after(reader: Reader, model: Model, asset: str, time: int, good: int) -> None:
    points = [point for of, point in POINTS if of == asset]
    before, after = reader.before(asset, points, time, good), reader.after(asset, points, time, good)
    assert list(before) == list(after) == points
    for point in points:
        earlier = wanted(model, asset, point, -EVER, time)[::-1]
        assert rows(before[point]) == until_good(earlier, good)[::-1], point
        assert rows(after[point]) == until_good(wanted(model, asset, point, time, EVER), good), point


@pytest.mark.parametrize("lines", [50_000, 5])
@pytest.mark.parametrize(
    "span", [(0, EVER), (START + 10 * SECOND, START + HOUR), (START + 26 * HOUR, START + HOUR * 30)]
)
def test_what_was_read_ahead_changes_no_answer(
    reader: Reader, model: Model, span: tuple[int, int], lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do answers that break off for their length, and what has to be read again beyond them."""
    monkeypatch.setattr(ahead, "LINES", lines)
    monkeypatch.setattr(ahead, "BEYOND", min(lines, ahead.BEYOND))
    told = {asset: [point for of, point in POINTS if of == asset] for asset in ("press-01", "press-02", "oven-01")}
    asked: list[tuple[int, int] | tuple[str, int, int]] = [*SPANS]
    asked += [(side, time, good) for side in ("before", "after") for time in TIMES for good in (1, 3, 1000)]
    random.Random(lines).shuffle(asked)
    with reader.steady():
        reader.ahead({"nobody": ["power"], **told}, *span)
        assert len(reader.series("nobody", ["power"], *span)["power"]) == 0
        for asset, points in told.items():
            for one in asked:
                if len(one) == 2:
                    found = reader.series(asset, points, *one)
                    right = {point: wanted(model, asset, point, *one) for point in points}
                elif one[0] == "before":
                    found = reader.before(asset, points, *one[1:])
                    right = {p: until_good(wanted(model, asset, p, -EVER, one[1])[::-1], one[2])[::-1] for p in points}
                else:
                    found = reader.after(asset, points, *one[1:])
                    right = {p: until_good(wanted(model, asset, p, one[1], EVER), one[2]) for p in points}
                assert {point: rows(some) for point, some in found.items()} == right, one


def test_links(reader: Reader) -> None:
    minute = 60 * SECOND
    asked = ["saw-07", "oven-01", "press-01"]
    found = reader.links(asked, START, START + HOUR)
    assert list(found) == asked
    told = {
        asset: zip(
            links.time.tolist(),
            (links.sources[code] for code in links.source),
            *(column.tolist() for column in (links.expected, links.good, links.state)),
            strict=True,
        )
        for asset, links in found.items()
    }
    assert {asset: sorted(rows) for asset, rows in told.items()} == {
        "saw-07": [(START, "broker", 6, 5, 1)],
        "oven-01": [],
        "press-01": [
            (START, "broker", 6, 0, 2),
            (START, "plc", 60, 59, 1),
            (START + minute, "plc", 60, 58, 1),
            (START + 2 * minute, "plc", 60, 57, 1),
        ],
    }
    assert reader.links(["press-01"], START + 1, START + minute)["press-01"].time.tolist() == []
    assert reader.links(["oven-01"], 0, EVER)["oven-01"].time.tolist() == []
    assert reader.links([], 0, EVER) == {}


def test_events(reader: Reader, stores: Stores) -> None:
    found = reader.events(START, START + 1)
    assert [(event.kind, dict(event.detail)) for event in found] == [
        ("loss", {"source": "plc", "why": "journal full"}),
        ("loss", {"source": "broker", "why": 'a "b"\n'}),
        ("import", {"file": "temp"}),
        ("import", {"file": "total"}),
    ]
    assert found == stores.told.journal.events(START, START + 1)
    (clock,) = reader.events(0, EVER, ("clock", "nothing"))
    assert (clock.time, clock.detail["epoch"]) == (START + 30 * SECOND, 2)
    assert reader.events(START + 1, START + 30 * SECOND) == []


def test_span(reader: Reader) -> None:
    assert reader.span() == (START - 5 * HOUR, START + (26 * 3600 + 19) * SECOND)


def test_every_store_says_which_it_is(stores: Stores) -> None:
    assert [reader.store for reader in stores.readers.values()] == ["journal", *["influxdb"] * 4]


# -- what changes later (last, since it changes the stores) ------------------------------------------------------------
def test_a_row_that_comes_late_or_is_replaced_changes_the_version_and_every_store_agrees(stores: Stores) -> None:
    told, databases = stores.told, stores.readers
    span = START - 5 * HOUR, START + HOUR
    before = {name: reader.version("oven-01", *span) for name, reader in databases.items()}
    other = {name: reader.version("press-01", *span) for name, reader in databases.items()}
    assert before == {name: reader.version("oven-01", *span) for name, reader in databases.items()}
    first = wanted(told.model, "oven-01", "temp", START, START + HOUR)[0]
    bring_in(told, "oven-01", "temp", {int(first[0]): -1.5, START - 5 * HOUR: 99.0}, 60 * SECOND, scaled=False)  # type: ignore[call-overload]
    bring_in(told, "oven-01", "total", {START - 4 * HOUR: 4.0}, 0, scaled=True)
    for server in stores.servers.values():
        sent(told, server, stores.encoder)
    for name, reader in databases.items():
        assert reader.version("oven-01", *span) != before[name], name
        assert reader.version("press-01", *span) == other[name], name
        for point in ("temp", "total"):
            found = reader.series("oven-01", [point], *span)[point]
            assert rows(found) == wanted(told.model, "oven-01", point, *span), (name, point)


def test_of_several_values_at_one_time_the_databases_have_the_one_that_counts(stores: Stores) -> None:
    """Good before Bad, then the larger: whichever came last."""
    told, when = stores.told, START + 500 * HOUR
    several = [(3.0, 0), (5.0, 0), (4.0, 0), (9.0, BAD_TIMEOUT)]
    of = layout("plc", "twice", [Column("press-02", "power", "float")])
    told.append([Frame(of, when, np.array([v]), quality=np.array([q], np.uint32)) for v, q in several])
    told.append([Frame(of, when + 1, np.array([1.0])), gap(of, when + 1, BAD_TIMEOUT)])
    for name, server in stores.servers.items():
        while (batch := told.journal.pending_columns(server.of.url, 100)) is not None:
            deliver(server, stores.encoder.batch(batch, 2).lines)
            told.journal.acknowledge(server.of.url, batch.last, batch.first)
        reader = stores.readers[name]
        journal = told.journal.series("press-02", ["power"], when, when + 2)
        for _ in range(2):
            wrong = differing(journal, reader.series("press-02", ["power"], when, when + 2))
            again = stores.encoder.batch(Columns(0, 0, list(parts("press-02", wrong)), ()), 3)
            assert deliver(server, again.lines).refused == []
        assert wrong == {}, "written again, it is as it must be"
        found = rows(reader.series("press-02", ["power"], when, when + 2)["power"])
        assert found == rows(settled(journal["power"]))
        assert [(row[0], row[1], row[2]) for row in found] == [(when, (5.0).hex(), 0), (when + 1, (1.0).hex(), 0)]


def test_rows_out_of_quarantine_make_facts_be_formed_again(stores: Stores) -> None:
    """They are written by themselves; what says that their hours were written goes with them."""
    when = START + 700 * HOUR
    line = shape.series(shape.ASSET, asset="press-02", plant="wuxi-01") + b" power=7.5,epoch=1i %d" % when
    for name, server in stores.servers.items():
        reader = stores.readers[name]
        before = reader.version("press-02", when - HOUR, when + HOUR)
        other = reader.version("press-01", when - HOUR, when + HOUR)
        assert (
            deliver(server, [line, *touching([line, b"event,kind=start at=1i 5", b"asset,no time"], 9)]).refused == []
        )
        assert reader.series("press-02", ["power"], when, when + 1)["power"].numbers.tolist() == [7.5]
        assert reader.version("press-02", when - HOUR, when + HOUR) != before
        assert reader.version("press-01", when - HOUR, when + HOUR) == other
        with reader.steady():
            found = [reader.version(asset, when - HOUR, when + HOUR) for asset in ("press-01", "press-02", "press-01")]
        assert found == [other, reader.version("press-02", when - HOUR, when + HOUR), other]
