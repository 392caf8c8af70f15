"""The forwarder against a server that takes everything, or hangs: live rows first, and nothing waits for it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from config.plant import InfluxDB
from connectors.base import Column, Frame, layout
from edge.forward import AT_ONCE, CONSUMER, FEWEST, FLUSH, Forwarder
from store.influx import server as module
from store.influx.delivery import BYTES, LINES
from store.journal.publication import Part, importing, publish
from tests.edge.child import PATIENCE
from tests.edge.forwarding import SECOND, START, Rig, counted, rig
from tests.store.protocol import parsed
from tests.store.scripted import Reply, scripted

pytestmark = pytest.mark.usefixtures("unread")


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


def test_at_most_so_many_batches_of_live_rows_before_the_backlog_has_its_turn(of: Rig) -> None:
    of.journal.append(counted(0, 10_000))
    of.turns(1)
    first = of.delivered
    live = [number for number in first if number >= 5000]
    assert len(live) <= FEWEST * (2**AT_ONCE - 1)
    assert 0 in first, "the oldest are on their way in the same turn"


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
