"""The forwarder against a server that does not take everything: nothing lost, nothing acknowledged too early."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from config.plant import InfluxDB, Secret
from edge import reconcile
from edge.backoff import LAST
from edge.forward import CONSUMER, FLUSH, Forwarder
from tests.edge.forwarding import HOUR, SECOND, START, Rig, counted, rig
from tests.store.scripted import Reply

pytestmark = pytest.mark.usefixtures("unread")


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
