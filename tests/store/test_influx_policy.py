"""What each answer of a server does to the lines it was given, over HTTP, through both ways of writing."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from config.plant import InfluxDB, Secret
from store import StoreError
from store.influx import server as module
from store.influx.answer import Verdict, after, message, verdict
from store.influx.delivery import LINES, deliver
from store.influx.server import Server, connect, duration, identifier, literal
from tests.store.scripted import Reply, Scripted, scripted

TOKEN = "never-to-be-shown"
LINES_16 = [b"asset,asset=a,plant=p x=%d %d" % (number, number) for number in range(16)]


@pytest.fixture
def influx() -> Iterator[Scripted]:
    with scripted() as server:
        yield server


@pytest.fixture(params=["1.x", "2.x"])
def server(request: pytest.FixtureRequest, influx: Scripted, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("INFLUX_TOKEN", TOKEN)
    of = InfluxDB(influx.url, database="gemba", user="gemba", password=Secret(env="INFLUX_TOKEN"))
    if request.param == "2.x":
        of = InfluxDB(influx.url, org="gemba", bucket="gemba", token=Secret(env="INFLUX_TOKEN"))
    made = connect(of)
    yield made
    made.close()


STATUSES: dict[int, Verdict] = {
    200: "done",
    204: "done",
    301: "alarm",
    400: "bad",
    401: "alarm",
    403: "alarm",
    404: "alarm",
    408: "wait",
    413: "large",
    422: "bad",
    429: "wait",
    500: "wait",
    502: "wait",
    503: "wait",
    504: "wait",
}


@pytest.mark.parametrize("status", STATUSES)
def test_status(status: int, server: Server, influx: Scripted) -> None:
    influx.script = lambda _: Reply(status, b'{"message": "because"}')
    answer = server.write(LINES_16[0])
    assert answer.verdict == STATUSES[status] == verdict(status)
    assert answer.text == ("" if status < 300 else f"{status} because")
    assert len(influx.writes) == 1, "nothing is tried again here"
    assert TOKEN not in answer.text


def test_who_writes_says_so_in_the_header(server: Server, influx: Scripted) -> None:
    server.write(LINES_16[0])
    basic = "Basic Z2VtYmE6bmV2ZXItdG8tYmUtc2hvd24="  # gemba:never-to-be-shown
    assert influx.authorizations == {basic if server.of.database else f"Token {TOKEN}"}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("-3", 0.0), ("soon", None), ("", None), (None, None)],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert after(header) == seconds


def test_retry_after_as_a_date() -> None:
    found = after(format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True))
    assert found is not None
    assert 27 <= found <= 30


def test_retry_after_of_an_answer(server: Server, influx: Scripted) -> None:
    influx.script = lambda _: Reply(503, b"", {"Retry-After": "11"})
    assert server.write(LINES_16[0]).after == 11.0


def test_nobody_there(server: Server) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    gone = connect(replace(server.of, url=f"http://127.0.0.1:{port}"))
    answer = gone.write(LINES_16[0])
    assert answer.verdict == "wait"
    assert "refused" in answer.text
    with pytest.raises(StoreError, match="InfluxDB did not answer"):
        gone.query('SELECT "x" FROM "asset"')


def test_hung(server: Server, influx: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRITE", 0.2)
    influx.script = lambda _: Reply(silent=True)
    answer = server.write(LINES_16[0])
    assert answer.verdict == "wait"
    assert "timed out. (read timeout=0.2)" in answer.text, "by its own deadline"


def test_a_secret_that_is_not_there_is_an_alarm(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFLUX_TOKEN")
    answer = server.write(LINES_16[0])
    assert answer.verdict == "alarm"
    assert "INFLUX_TOKEN is not set" in answer.text


def test_garbage_in_the_body_of_an_answer(server: Server, influx: Scripted) -> None:
    influx.script = lambda _: Reply(503, b"\xff\xfe<html>")
    assert server.write(LINES_16[0]).verdict == "wait"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"code": "invalid", "message": "unable to parse"}', "unable to parse"),
        (b'{"error": "partial write: dropped=1"}', "partial write: dropped=1"),
        (b"<html>\n  busy </html>", "<html> busy </html>"),
        (b"[1]", "[1]"),
        (None, ""),
    ],
)
def test_message(body: bytes | None, text: str) -> None:
    assert message(body) == text


# -- many lines --------------------------------------------------------------------------------------------------------
def test_all_of_it_in_order(server: Server, influx: Scripted) -> None:
    lines = [b"asset,asset=a,plant=p x=1 %d" % number for number in range(2 * LINES + 1)]
    made = deliver(server, lines)
    assert made.answer.verdict == "done"
    assert influx.lines == lines
    assert [len(body.split(b"\n")) for body in influx.writes] == [LINES, LINES, 1]


def test_nothing_is_nothing(server: Server, influx: Scripted) -> None:
    assert deliver(server, []).answer.verdict == "done"
    assert influx.writes == []


def test_too_large_is_halved_until_it_is_not(server: Server, influx: Scripted) -> None:
    influx.script = lambda body: Reply(413 if body.count(b"\n") >= 4 else 204)
    made = deliver(server, LINES_16)
    assert made.answer.verdict == "done"
    assert influx.lines == LINES_16
    assert influx.replies == [413, 413, 204, 204, 413, 204, 204]


def test_one_line_that_is_too_large_is_refused(server: Server, influx: Scripted) -> None:
    influx.script = lambda body: Reply(413 if b"x=5 " in body else 204)
    made = deliver(server, LINES_16)
    assert [refused.line for refused in made.refused] == [LINES_16[5]]
    assert set(influx.lines) == set(LINES_16) - {LINES_16[5]}


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("partial", [False, True])
def test_only_the_bad_lines_are_refused(status: int, partial: bool, server: Server, influx: Scripted) -> None:
    """`partial`: the server takes the good ones of a body that it refuses, as 1.x and 2.x do; they come twice then,
    which changes nothing."""
    bad = {LINES_16[3], LINES_16[11]}

    def script(body: bytes) -> Reply:
        lines = body.split(b"\n")
        if not bad & set(lines):
            return Reply()
        if partial:
            influx.lines += [line for line in lines if line not in bad]
        return Reply(status, b'{"error": "field type conflict: %d"}' % len(lines))

    influx.script = script
    made = deliver(server, LINES_16)
    assert made.answer.verdict == "done"
    assert [(refused.line, refused.why) for refused in made.refused] == [
        (LINES_16[3], f"{status} field type conflict: 1"),
        (LINES_16[11], f"{status} field type conflict: 1"),
    ]
    assert set(influx.lines) == set(LINES_16) - bad


def test_every_line_bad(server: Server, influx: Scripted) -> None:
    influx.script = lambda _: Reply(400)
    made = deliver(server, LINES_16)
    assert [refused.line for refused in made.refused] == LINES_16
    assert made.requests == 31


@pytest.mark.parametrize("status", [401, 429, 503])
def test_what_must_wait_ends_it_in_the_middle_of_halving(status: int, server: Server, influx: Scripted) -> None:
    influx.script = lambda body: Reply(400 if len(influx.writes) < 3 else status)
    made = deliver(server, LINES_16)
    assert made.answer.verdict == STATUSES[status]
    assert len(influx.writes) == 3


# -- spelling ----------------------------------------------------------------------------------------------------------
def test_names_in_a_question_cannot_end_it() -> None:
    assert identifier('a"; DROP MEASUREMENT "asset') == '"a\\"; DROP MEASUREMENT \\"asset"'
    assert literal("a' OR ''='") == "'a\\' OR \\'\\'=\\''"
    assert identifier("a\\") == '"a\\\\"'


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0), ("168h0m0s", 604800), ("1h30m5s", 5405)])
def test_duration(text: str, seconds: int) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("reply", [b"", b"name,tags,time,x\nasset,,1,2\n", b"name,tags,name\nother,,x\n"])
def test_an_answer_that_breaks_off_is_none(reply: bytes, influx: Scripted, tmp_path: Path) -> None:
    def answer(path: str, body: bytes) -> Reply:
        return Reply(200, reply if b"chunked" in body else b'{"results": [{"error": "timeout"}]}')

    influx.answer = answer  # type: ignore[method-assign]
    with pytest.raises(StoreError, match="got timeout"):
        connect(InfluxDB(influx.url, database="gemba")).query('SELECT "x" FROM "asset"')
