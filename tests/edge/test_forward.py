"""The forwarder against a server that says what it is told to: nothing lost, nothing acknowledged too early."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from config.plant import Asset, InfluxDB, Keep, ModbusAddress, Plant, Point, Secret
from connectors.base import Column, Frame, layout
from edge import reconcile
from edge.backoff import LAST
from edge.forward import AT_ONCE, CONSUMER, FEWEST, FLUSH, Forwarder
from store.influx import server as module
from store.influx.delivery import BYTES, LINES
from store.journal import Journal
from store.journal.publication import Part, importing, publish
from tests.connectors.clock import StoppedClock
from tests.edge.child import PATIENCE
from tests.store.protocol import parsed
from tests.store.scripted import Reply, Scripted, scripted

SECOND = 10**9
HOUR = 3600 * SECOND
START = 1_795_000_000 * SECOND
ONE = layout("plc", "poll", [Column("press-01", "count", "int")])
POINT = Point("press-01", "count", "plc", ModbusAddress("holding", 0))


def counted(first: int, count: int) -> list[Frame]:
    """Frames whose value is their number, one a second."""
    return [Frame(ONE, START + n * SECOND, ints=np.array([n])) for n in range(first, first + count)]


@dataclass
class Rig:
    """A forwarder whose turns the test takes, one at a time; rests take no time at all."""

    journal: Journal
    influx: Scripted
    clock: StoppedClock
    forwarder: Forwarder
    plant: Plant

    def turns(self, count: int) -> list[float]:
        """Rests after each of so many turns."""
        rests = []
        for _ in range(count):
            rests.append(self.forwarder.turn())
            self.clock.pass_time(int(rests[-1] * SECOND))
        return rests

    def until_done(self, most: int = 400) -> None:
        for _ in range(most):
            self.turns(1)
            if not self.journal.backlog(CONSUMER):
                return
        raise AssertionError(f"{self.journal.backlog(CONSUMER)} rows are left, {self.status['trouble']}")

    @property
    def delivered(self) -> list[int]:
        """The numbers that the server has, in the order of coming."""
        return [int(line.fields["count"]) for line in parsed(b"\n".join(self.influx.points))]

    @property
    def status(self) -> dict[str, object]:
        return self.forwarder.status()


@pytest.fixture(autouse=True)
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read back from a server that keeps nothing; test_reconcile does that with real ones."""
    monkeypatch.setattr(reconcile, "RECENT", 0)


@contextmanager
def rig(folder: Path, keep: Keep = Keep(free=Fraction(0)), segment: int = 2**25) -> Iterator[Rig]:
    with scripted() as influx, Journal.open(folder / "journal", keep, [CONSUMER], segment=segment) as journal:
        clock = StoppedClock(wall=START + 100 * HOUR)
        plant = Plant(
            "wuxi-01",
            "",
            ZoneInfo("UTC"),
            folder,
            folder / "plant.yaml",
            "",
            assets={"press-01": Asset("press-01", {"count": POINT})},
            keep=keep,
            store=InfluxDB(influx.url, database="gemba"),
        )
        yield Rig(journal, influx, clock, Forwarder(plant, journal, None, clock), plant)


@pytest.fixture
def of(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as found:
        yield found


# -- delivering --------------------------------------------------------------------------------------------------------
def test_everything_once_and_acknowledged(of: Rig) -> None:
    of.journal.append(counted(0, 1000))
    of.journal.note("loss", START, {"why": "test"})
    of.until_done()
    assert sorted(of.delivered) == list(range(1000))
    assert [line.measurement for line in parsed(b"\n".join(of.influx.lines)) if line.measurement == "event"] == [
        "event"
    ]
    assert (of.status["delivered"], of.status["state"], of.status["trouble"]) == (1001, "up", "")
    of.turns(5)
    assert len(of.delivered) == 1000


def test_the_numbers_of_the_status(of: Rig) -> None:
    of.influx.script = lambda _: Reply(503)
    of.journal.append(counted(0, 1000))
    of.turns(1)
    assert (of.status["backlog"], of.status["delivered"]) == (1000, 0)
    assert of.status["lag"] == 100 * 3600.0
    of.influx.script = lambda _: Reply()
    of.until_done()
    of.turns(5)
    assert (of.status["backlog"], of.status["lag"], of.status["delivered"]) == (0, 0.0, 1000)


def test_live_rows_do_not_wait_for_the_backlog(of: Rig) -> None:
    of.journal.append(counted(0, 20_000))
    of.turns(1)
    newest = of.delivered[:FEWEST]
    assert newest == list(range(20_000 - FEWEST, 20_000)), "the newest first"
    of.journal.append(counted(20_000, 50))
    before = len(of.delivered)
    of.clock.pass_time(int(FLUSH * SECOND))
    of.turns(1)
    assert of.delivered[before : before + 50] == list(range(20_000, 20_050)), "what came since, before anything else"
    of.until_done()
    assert sorted(of.delivered) == list(range(20_050))
    oldest = [number for number in of.delivered if number < 15_000]
    assert oldest == sorted(oldest), "the backlog in its order"


def test_rows_of_a_segment_that_was_closed_meanwhile_are_still_live(of: Rig) -> None:
    of.journal.append(counted(0, 5000))
    of.turns(1)
    of.journal.append(counted(5000, 10))
    of.journal.rotate()
    of.journal.append(counted(5010, 10))
    before = len(of.delivered)
    of.clock.pass_time(int(FLUSH * SECOND))
    of.turns(1)
    assert of.delivered[before : before + 20] == list(range(5000, 5020))


def test_an_import_does_not_hold_up_live_rows(of: Rig) -> None:
    of.journal.append(counted(0, 10))
    of.until_done()
    column = layout("plc", "import", [Column("press-01", "count", "int")])
    times = START - np.arange(30_000, 0, -1) * SECOND
    with importing(of.journal.folder, print):
        publish(of.journal.folder, [Part(column, times, np.full(30_000, 7), None)], (), (), [], START)
    of.turns(1)
    of.journal.append(counted(10, 10))
    before = len(of.delivered)
    of.clock.pass_time(int(FLUSH * SECOND))
    of.turns(1)
    assert of.delivered[before : before + 10] == list(range(10, 20))
    of.until_done()
    assert of.delivered.count(7) == 30_001


def test_live_rows_wait_for_the_next_flush_and_are_not_taken_for_backlog(of: Rig) -> None:
    of.journal.append(counted(0, 10))
    of.until_done()
    assert of.forwarder.turn() == FLUSH
    of.journal.append(counted(10, 10))
    assert of.turns(1) == [FLUSH]
    assert len(of.influx.writes) == 1
    of.turns(1)
    assert len(of.influx.writes) == 2


def test_the_backlog_rests_as_long_as_it_works(of: Rig) -> None:
    """So it takes at most half of the time, and less of a server that is slow."""

    def slow(_: bytes) -> Reply:
        of.clock.pass_time(SECOND // 20)
        return Reply()

    of.influx.script = slow
    of.journal.append(counted(0, 5000))
    forwarder = Forwarder(of.plant, of.journal, None, of.clock, flush=3600)
    forwarder.turn()
    for _ in range(3):
        before = len(of.influx.writes)
        assert forwarder.turn() == pytest.approx(0.05 * (len(of.influx.writes) - before))
        assert len(of.influx.writes) > before


def test_requests_are_bounded_however_large_the_backlog(tmp_path: Path) -> None:
    wide = layout("plc", "wide", [Column("press-01", f"p{n:04}", "float") for n in range(1000)])
    with rig(tmp_path) as of:
        of.journal.append(counted(0, 10_000))
        of.journal.rotate()
        of.journal.append([Frame(wide, START + n, np.arange(1000) / 7) for n in range(400)])
        of.until_done(4000)
        assert max(map(len, of.influx.writes)) <= BYTES
        assert max(body.count(b"\n") for body in of.influx.writes) < LINES
        assert max(body.count(b"p0001=") for body in of.influx.writes) * 1000 <= 200_000


# -- what does not work ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("reply", [Reply(503), Reply(500), Reply(408), Reply(429), Reply(502)])
def test_kept_and_tried_again_ever_more_slowly(reply: Reply, of: Rig) -> None:
    of.influx.script = lambda _: reply
    of.journal.append(counted(0, 100))
    rests = of.turns(10)
    assert of.journal.backlog(CONSUMER) == 100
    for number, rest in enumerate(rests):
        ceiling = min(LAST, 2.0**number)
        assert max(1.0, ceiling / 2) <= rest <= max(1.0, ceiling)
    assert len(of.influx.writes) == 10
    assert of.status["state"] == "waiting"
    assert str(reply.status) in str(of.status["trouble"])
    of.influx.script = lambda _: Reply()
    of.until_done()
    assert (sorted(of.delivered), of.status["trouble"]) == (list(range(100)), "")
    of.influx.script = lambda _: reply
    of.journal.append(counted(100, 1))
    of.clock.pass_time(HOUR)
    assert of.turns(1)[0] <= 1.0, "what worked since begins it anew"


@pytest.mark.parametrize(("header", "rest"), [("7", 7.0), ("0", 0.0), ("86400", LAST)])
def test_the_server_says_when(header: str, rest: float, of: Rig) -> None:
    of.influx.script = lambda _: Reply(503, b"", {"Retry-After": header})
    of.journal.append(counted(0, 1))
    assert of.turns(1) == [rest]


@pytest.mark.parametrize("status", [401, 403, 404, 301])
def test_alarm_and_slowly_again(status: int, of: Rig) -> None:
    of.influx.script = lambda _: Reply(status, b'{"error": "because"}')
    of.journal.append(counted(0, 100))
    assert of.turns(3) == [LAST] * 3
    assert (of.status["state"], of.status["trouble"]) == ("refused", f"{status} because")
    assert of.journal.backlog(CONSUMER) == 100
    of.influx.script = lambda _: Reply()
    of.until_done()
    assert sorted(of.delivered) == list(range(100))


def test_nobody_there_at_the_start(tmp_path: Path) -> None:
    with rig(tmp_path) as of:
        store = InfluxDB("http://127.0.0.1:9", database="gemba")  # discard: nothing listens there
        forwarder = Forwarder(replace(of.plant, store=store), of.journal, None, of.clock)
        of.journal.append(counted(0, 5))
        assert 0.5 <= forwarder.turn() <= 1.0
        assert (forwarder.status()["state"], forwarder.status()["backlog"]) == ("waiting", 5)


def test_a_place_that_keeps_too_short_is_not_written_to(of: Rig) -> None:
    of.influx.keeps = "72h0m0s"
    of.journal.append(counted(0, 5))
    assert of.turns(2) == [LAST] * 2
    assert of.influx.writes == []
    assert of.status["trouble"] == (
        "gemba keeps less than the plant file says (got 3 d, `keep.days` is 800); "
        "let it keep longer, or lower `keep.days`"
    )


def test_a_line_that_is_refused_goes_to_quarantine_and_nothing_waits_behind_it(of: Rig) -> None:
    of.influx.script = lambda body: Reply(400, b'{"error": "no 7s"}') if b"count=7," in body else Reply()
    of.journal.append(counted(0, 100))
    of.until_done()
    assert sorted(of.delivered) == [n for n in range(100) if n != 7]
    (held,) = of.forwarder.quarantine.all()
    assert held.line == f"asset,asset=press-01,plant=wuxi-01 count=7,epoch=1i {START + 7 * SECOND}"
    assert (held.why, held.time) == ("400 no 7s", START + 100 * HOUR)
    assert of.status["quarantined"] == 1


def test_a_quarantine_that_is_full_is_a_loss_on_record(of: Rig) -> None:
    of.forwarder.quarantine._most = 10
    of.influx.script = lambda body: Reply(400) if b"count=" in body else Reply()
    of.journal.append(counted(0, 12))
    of.until_done()
    (loss,) = of.journal.events(0, 2**62, ("loss",))
    assert loss.detail == {"reason": "quarantine full", "lines": 3}
    assert of.forwarder.quarantine.count == 9


def test_what_the_database_would_drop_at_once_is_counted_and_not_sent(of: Rig) -> None:
    of.journal.append([replace(frame, time=frame.time - 900 * 24 * HOUR) for frame in counted(0, 10)] + counted(10, 5))
    days = (
        b'{"results": [{"series": [{"columns": ["name","duration","default"], "values": [["a","19200h0m0s",true]]}]}]}'
    )
    answer = of.influx.answer
    of.influx.answer = lambda path, body: Reply(200, days) if path == "/query" else answer(path, body)  # type: ignore[method-assign]
    of.until_done()
    assert (sorted(of.delivered), of.status["too_old"]) == (list(range(10, 15)), 10)


def test_killed_between_the_answer_and_the_acknowledgement_it_comes_again_the_same(
    of: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    of.journal.append(counted(0, 50))
    with monkeypatch.context() as killed:
        killed.setattr(of.journal, "acknowledge", _killed)
        of.turns(1)
    first = of.influx.points
    assert len(first) == 50
    again = Forwarder(of.plant, of.journal, None, of.clock)
    of.clock.pass_time(HOUR)
    again.turn()
    assert of.influx.points == first + first
    assert of.journal.backlog(CONSUMER) == 0


def _killed(*_: object) -> None:
    raise OSError("killed here")


def test_whatever_the_server_says_everything_comes_through(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with rig(tmp_path, segment=2**16) as of:
        bad = {b"count=%d," % n for n in chance.sample(range(3000), 5)}

        def script(body: bytes) -> Reply:
            wrong = any(sign in body for sign in bad)
            if chance.random() < 0.1:
                return Reply(chance.choice([401, 404, 408, 429, 500, 503]))
            if not wrong and body.count(b"\n") and chance.random() < 0.1:
                return Reply(chance.choice([400, 413, 422]))
            return Reply(400 if wrong else 204)

        of.influx.script = script
        for number in range(0, 3000, 100):
            of.journal.append(counted(number, 100))
            if chance.random() < 0.2:
                of.journal.rotate()
            of.turns(3)
        of.until_done(20_000)
        refused = {int(one.line.split("count=")[1].split(",")[0]) for one in of.forwarder.quarantine.all()}
        assert {b"count=%d," % n for n in refused} == bad
        assert set(of.delivered) == set(range(3000)) - refused


# -- beside the loop ---------------------------------------------------------------------------------------------------
async def test_a_server_that_hangs_delays_nothing(of: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRITE", 600.0)
    of.influx.script = lambda _: Reply(silent=True)
    of.journal.append(counted(0, 100))
    forwarder = Forwarder(of.plant, of.journal, flush=0.02)
    task = asyncio.create_task(forwarder.run())
    assert await asyncio.to_thread(of.influx.hanging.wait, PATIENCE)
    for _ in range(30):
        await asyncio.sleep(0.005)
    assert not task.done()
    task.cancel()
    await asyncio.wait({task})
    assert len(of.influx.writes) == 1, "all of this while one write hung"
    assert (forwarder.status()["state"], of.journal.backlog(CONSUMER)) == ("down", 100)


async def test_another_plant_file_takes_over(of: Rig, tmp_path: Path) -> None:
    of.influx.script = lambda _: Reply(401)
    of.journal.append(counted(0, 10))
    forwarder = Forwarder(of.plant, of.journal, None, of.clock)
    forwarder.turn()
    with scripted() as other:
        forwarder.reload(replace(of.plant, store=InfluxDB(other.url, database="gemba")))
        forwarder.turn()
        assert len(other.points) == 10
        assert (forwarder.status()["url"], forwarder.status()["trouble"]) == (other.url, "")


def test_no_secret_in_what_is_said(of: Rig, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "secret").write_text("canary-4711")
    store = InfluxDB(of.influx.url, org="gemba", bucket="gemba", token=Secret(file=tmp_path / "secret"))
    forwarder = Forwarder(replace(of.plant, store=store), of.journal, None, of.clock)
    of.journal.append(counted(0, 10))
    for reply in (Reply(401), Reply(503), Reply(400), Reply(204)):
        of.influx.script = lambda _, reply=reply: reply  # type: ignore[misc]
        forwarder.turn()
        of.clock.pass_time(HOUR)
    assert "canary" in str(of.influx.authorizations)
    assert "canary" not in caplog.text + str(forwarder.status()) + (of.journal.folder / "quarantine.jsonl").read_text()


def test_who_may_write_and_not_read_delivers_all_the_same(of: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "RECENT", 2)
    answer = of.influx.answer
    of.journal.append(counted(0, 10))
    forwarder = Forwarder(of.plant, of.journal, None, of.clock, grace=0)
    of.influx.answer = lambda path, body: Reply(403) if b"SELECT" in body else answer(path, body)  # type: ignore[method-assign]
    for _ in range(5):
        assert forwarder.turn() <= FLUSH
        of.clock.pass_time(int(FLUSH * SECOND))
        of.journal.append(counted(10, 10))
    assert "got 403" in forwarder.status()["unread"]
    assert (forwarder.status()["state"], forwarder.status()["trouble"]) == ("up", "")
    assert len(of.influx.points) == 50


def test_at_most_so_many_batches_of_live_rows_before_the_backlog_has_its_turn(of: Rig) -> None:
    of.journal.append(counted(0, 10_000))
    of.turns(1)
    first = of.delivered
    live = [number for number in first if number >= 5000]
    assert len(live) <= FEWEST * (2**AT_ONCE - 1)
    assert 0 in first, "the oldest are on their way in the same turn"
