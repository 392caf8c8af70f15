"""What is asked of InfluxDB where many assets are read one after another: how often, how much at once, and what becomes
of rows that come meanwhile and of a server that goes."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.message import Message
from pathlib import Path

import pytest

from config.plant import InfluxDB
from store import StoreError
from store.influx import InfluxReader, ahead
from store.influx.server import CONNECTIONS, Version1, connect
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import ask
from tests.store.scripted import Reply, exchanging

SECOND, HOUR = 10**9, 3600 * 10**9
START = 1_795_000_800 * SECOND  # a full hour
ASSETS = [f"m{number:03d}" for number in range(200)]
POINTS = ["total", "power"]
ROWS = 40  # of each asset, a minute apart
END = START + ROWS * 60 * SECOND


class Counted(Version1):
    """As it is, and every question written down."""

    def __init__(self, of: InfluxDB) -> None:
        super().__init__(of)
        self.asked: list[str] = []
        self.lines: list[int] = []

    def query(self, statements: str) -> bytes:
        self.asked.append(statements)
        found = super().query(statements)
        self.lines.append(found.count(b"\n"))
        return found


def line(asset: str, row: int, fields: str) -> bytes:
    return f"asset,asset={asset},plant=p {fields} {START + row * 60 * SECOND}".encode()


def written(asset: str, at: int) -> bytes:
    return f"written,asset={asset},plant=p at={at}i {START}".encode()


@pytest.fixture
def influx(influxdb1: InfluxDB1, tmp_path: Path) -> Iterator[Counted]:
    made = Counted(InfluxDB(influxdb1.url, database=tmp_path.name))
    made.prepare(800)
    rows = [line(a, n, f"total={n},power={n}.5,epoch=1i") for a in ASSETS for n in range(ROWS)]
    assert made.write(b"\n".join([*rows, *(written(asset, 1) for asset in ASSETS)])).verdict == "done"
    yield made
    made.close()


def told(assets: list[str]) -> dict[str, list[str]]:
    return dict.fromkeys(assets, POINTS)


def totals(reader: InfluxReader, asset: str) -> list[float]:
    rows: list[float] = reader.series(asset, POINTS, START, END)["total"].numbers.tolist()
    return rows


def everything(reader: InfluxReader, assets: list[str]) -> None:
    """As facts are formed: each asset's rows, and what lies before and after, to where nothing more is."""
    with reader.steady():
        reader.ahead(told(assets), START, END)
        for asset in assets:
            assert totals(reader, asset) == [*map(float, range(ROWS))]
            for point in POINTS:
                assert len(reader.before(asset, [point], START + SECOND, 3)[point]) == 1
                assert len(reader.after(asset, [point], END - 90 * SECOND, 3)[point]) == 1


def test_questions_do_not_grow_with_the_assets(influx: Counted) -> None:
    everything(InfluxReader(influx, "p"), ASSETS[:50])
    few = len(influx.asked)
    influx.asked.clear()
    everything(InfluxReader(influx, "p"), ASSETS)
    assert len(influx.asked) <= few + 8, "two for each answer of a hundred assets, and the edges of each"
    assert few < 20


def test_an_answer_has_no_more_lines_than_it_should(influx: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "LINES", 100)
    everything(InfluxReader(influx, "p"), ASSETS[:30])
    bodies = [count for asked, count in zip(influx.asked, influx.lines, strict=True) if "LIMIT" in asked]
    assert max(bodies) <= 200 + 16, "twice as many; the heads and the names of the fields stand beside them"
    assert len(bodies) > 10


def test_rows_are_never_older_than_the_version_that_vouches_for_them(influx: Counted) -> None:
    """A wider version is asked for when the rows were read already: what came between is in it, so read again."""
    reader = InfluxReader(influx, "p")
    for wider in (("m001",), ("m000", "m001")):
        with reader.steady():
            before = reader.version("m001", START, START + HOUR)
            reader.ahead(told(ASSETS[:5]), START, END)
            totals(reader, "m000")
            known = totals(reader, "m001")
            row = -float(len(wider))
            late = f"total={row},power=0,epoch=1i"
            assert influx.write(b"\n".join([line("m001", 3, late), written("m001", 2 + len(wider))])).verdict == "done"
            assert totals(reader, "m001") == known, "while it is steady it stays as it was"
            versions = [reader.version(asset, START - HOUR, START + HOUR) for asset in wider]
            assert versions[-1] != before
            assert totals(reader, "m001")[3] == row


def test_a_field_that_the_database_learns_meanwhile_is_read(influx: Counted) -> None:
    """The first reading that is not Good: its quality has a field that was not there when the others were asked for."""
    reader = InfluxReader(influx, "p")
    everything(reader, ASSETS[:3])
    assert not any('"total_q"' in asked for asked in influx.asked if asked.startswith("SELECT"))
    assert influx.write(line("m002", 7, "total_q=2147614720i")).verdict == "done"
    with reader.steady():
        reader.ahead(told(ASSETS[:3]), START, END)
        found = reader.series("m002", POINTS, START, END)["total"].quality.tolist()
    assert found == [0] * 7 + [2147614720] + [0] * (ROWS - 8)


def test_many_who_ask_at_once_wait_for_each_other(influx: Counted) -> None:
    """A database has other work to do: four questions at a time, however many threads ask."""
    one, inside, most = threading.Lock(), 0, 0

    def answer(method: str, path: str, body: bytes, headers: Message) -> Reply:
        nonlocal inside, most
        with one:
            inside += 1
            most = max(most, inside)
        time.sleep(0.02)
        reply = Reply(*ask(influx.of.url + path, body, {"Accept": headers["Accept"]}))
        with one:
            inside -= 1
        return reply

    with exchanging(answer) as port:
        reader = InfluxReader(replace(influx.of, url=f"http://127.0.0.1:{port}"), "p")
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: everything(reader, ASSETS[:30]), range(8)))
        reader.close()
    assert 2 <= most <= CONNECTIONS == 4


class Gone(Exception):
    """Raised where a server is asked, it closes the line without a word."""


SILENT = "stays silent"  # until the deadline of each question on its way, which is that of times when all is well
FAULTS: dict[str, Reply | type[Gone] | None] = {
    "closes the line": Gone,
    SILENT: None,
    "says that it cannot": Reply(503, b'{"error": "engine: shut down"}'),
    "breaks off": Reply(200, b"name,tags,time,epoch,total\nasset,asset=m000,17950"),
}


@pytest.mark.parametrize(
    ("fault", "after"),
    [(fault, after) for fault in FAULTS for after in (0, 1, 3, 6) if fault != SILENT or after in (0, 6)],
)
def test_a_server_that_goes_meanwhile(influx: Counted, fault: str, after: int) -> None:
    """Whoever asks hears it, by its own question or by the one that was read ahead; and may ask again."""
    questions, well = 0, after

    def answer(method: str, path: str, body: bytes, headers: Message) -> Reply | None:
        nonlocal questions
        questions += 1
        if questions >= well:
            made.patience = 0.2
        if questions <= well:
            return Reply(*ask(influx.of.url + path, body, {"Accept": headers["Accept"]}))
        reply = FAULTS[fault]
        if isinstance(reply, type):
            raise reply
        return reply

    with exchanging(answer) as port:
        made = connect(replace(influx.of, url=f"http://127.0.0.1:{port}"), 10.0 if after else 0.2)
        reader = InfluxReader(made, "p")
        with pytest.raises(StoreError, match="InfluxDB did not answer"):
            everything(reader, ASSETS)
        made.patience, well = 30.0, 10**6
        everything(reader, ASSETS)
        reader.close()


def test_nothing_goes_on_where_nobody_waits(influx: Counted) -> None:
    reader = InfluxReader(influx, "p")
    with reader.steady():
        reader.ahead(told(ASSETS), START, END)
        totals(reader, "m000")
    for thread in threading.enumerate():
        if thread.name == "gemba-ahead":
            thread.join(60)
    asked = len(influx.asked)
    assert totals(reader, "m001") == totals(reader, "m000")
    assert len(influx.asked) == asked + 2, "nothing is held any longer"
