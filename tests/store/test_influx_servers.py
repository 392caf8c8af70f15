"""Provisioning and refusals of the real servers: what is made where nothing is, and what is never written to."""

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from config.plant import InfluxDB, Secret
from store import StoreError
from store.influx import InfluxReader
from store.influx.answer import Answer
from store.influx.delivery import deliver
from store.influx.server import Place, Server, connect
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2
from tests.servers.victoria import VictoriaMetrics

DAY = 86400
NOW = 1_795_000_000_000_000_000
LINE = b"asset,asset=a,plant=p x=1,epoch=1i %d" % NOW


@pytest.fixture(params=["influxdb2", "influxdb1"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> InfluxDB:
    """A place of the test's own on a server of the module."""
    name = request.node.name.replace("[", " ").replace("]", "")
    running = request.getfixturevalue(request.param)
    if isinstance(running, InfluxDB1):
        return InfluxDB(running.url, database=name)
    secret = tmp_path / "token"
    secret.write_text(running.token)
    return InfluxDB(running.url, org="gemba", bucket=name, token=Secret(file=secret))


@pytest.fixture
def server(store: InfluxDB) -> Iterator[Server]:
    made = connect(store)
    yield made
    made.close()


def test_made_to_keep_as_long_as_the_plant_file_says(server: Server) -> None:
    assert server.prepare(800) == Place(800 * DAY, made=True)
    assert server.prepare(900) == Place(800 * DAY)
    assert server.write(LINE).verdict == "done"
    assert InfluxReader(server, "p").span() == (NOW, NOW)


def test_several_that_make_it_at_the_same_time_make_one(store: InfluxDB) -> None:
    def prepared(_: int) -> Place | Answer:
        server = connect(store)
        try:
            return server.prepare(800)
        finally:
            server.close()

    with ThreadPoolExecutor(8) as gateways:
        found = list(gateways.map(prepared, range(8)))
    assert any(isinstance(one, Place) for one in found)
    assert {one.verdict for one in found if isinstance(one, Answer)} <= {"wait"}, "whoever came second comes again"
    assert prepared(0) == Place(800 * DAY)


def test_a_place_for_ever_is_long_enough(influxdb2: InfluxDB2, influxdb1: InfluxDB1, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(influxdb2.token)
    of = InfluxDB(influxdb2.url, org="gemba", bucket="gemba", token=Secret(file=tmp_path / "token"))
    for server in (connect(of), connect(replace(of, org=None)), connect(InfluxDB(influxdb1.url, database="gemba"))):
        assert server.prepare(800) == Place(None)
        assert server.write(LINE).verdict == "done"
        server.close()


def test_writing_makes_nothing_by_itself(server: Server) -> None:
    """The 1.x way of writing would make a bucket that keeps three days, on 2.x."""
    answer = server.write(LINE)
    assert answer.verdict == "alarm"
    assert "not found" in answer.text
    with pytest.raises(StoreError, match="not found"):
        server.query('SELECT "x" FROM "asset"')


def test_one_wrong_line_alone_is_refused_with_the_servers_words(server: Server) -> None:
    server.prepare(800)
    conflict = b'asset,asset=a,plant=p x="text" %d' % (NOW + 1)
    lines = [LINE, conflict, *(b"asset,asset=a,plant=p x=%d,epoch=1i %d" % (n, NOW + n) for n in range(2, 9))]
    made = deliver(server, lines)
    assert made.answer.verdict == "done"
    assert [refused.line for refused in made.refused] == [conflict]
    assert "field type conflict" in made.refused[0].why
    found = InfluxReader(server, "p").series("a", ["x"], 0, 2**63 - 1)["x"]
    assert found.numbers.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


def test_what_is_no_line_at_all_is_refused_alone(server: Server) -> None:
    server.prepare(800)
    made = deliver(server, [b"asset x= 17", LINE])
    assert [refused.line for refused in made.refused] == [b"asset x= 17"]
    assert "unable to parse" in made.refused[0].why
    assert InfluxReader(server, "p").span() == (NOW, NOW)


# -- 2.x ---------------------------------------------------------------------------------------------------------------
def asked(of: InfluxDB2, method: str, path: str, body: object = None) -> Any:
    connection = http.client.HTTPConnection(of.host, of.port, timeout=10)
    connection.request(method, path, None if body is None else json.dumps(body), of.authorization)
    reply = connection.getresponse().read()
    connection.close()
    return json.loads(reply) if reply else None


def at(of: InfluxDB2, folder: Path, token: str, bucket: str) -> Server:
    secret = folder / "token"
    secret.write_text(token)
    return connect(InfluxDB(of.url, org="gemba", bucket=bucket, token=Secret(file=secret)))


def test_a_wrong_token(influxdb2: InfluxDB2, tmp_path: Path) -> None:
    server = at(influxdb2, tmp_path, "nobody-s-token", "gemba")
    prepared = server.prepare(800)
    assert isinstance(prepared, Answer)
    assert (prepared.verdict, "401" in prepared.text, "nobody-s" in prepared.text) == ("alarm", True, False)
    assert server.write(LINE).verdict == "alarm"
    with pytest.raises(StoreError, match="401"):
        server.query('SELECT "x" FROM "asset"')
    server.close()


def test_a_token_of_the_one_bucket_is_enough(influxdb2: InfluxDB2, tmp_path: Path) -> None:
    operator = at(influxdb2, tmp_path, influxdb2.token, "narrow")
    operator.prepare(800)
    found = asked(influxdb2, "GET", "/api/v2/buckets?name=narrow")["buckets"][0]
    on = {"type": "buckets", "id": found["id"], "orgID": found["orgID"]}
    wish = {"orgID": found["orgID"], "permissions": [{"action": a, "resource": on} for a in ("read", "write")]}
    token = asked(influxdb2, "POST", "/api/v2/authorizations", wish)["token"]
    server = at(influxdb2, tmp_path, token, "narrow")
    assert server.prepare(800) == Place(800 * DAY)
    assert server.write(LINE).verdict == "done"
    assert InfluxReader(server, "p").span() == (NOW, NOW)
    other = at(influxdb2, tmp_path, token, "gemba")
    assert isinstance(answer := other.prepare(800), Answer)
    assert answer.verdict == "alarm"
    assert "cannot be seen or made with this token" in answer.text
    for some in (operator, server, other):
        some.close()


def test_no_such_organisation(influxdb2: InfluxDB2, tmp_path: Path) -> None:
    server = at(influxdb2, tmp_path, influxdb2.token, "gemba")
    gone = connect(replace(server.of, org="nobody"))
    assert isinstance(answer := gone.prepare(800), Answer)
    assert answer.verdict == "alarm"
    gone.close()


def test_a_bucket_without_a_mapping_gets_one(influxdb2: InfluxDB2, tmp_path: Path) -> None:
    """Where another bucket is already mapped to the name, a bucket has no virtual mapping."""
    buckets = asked(influxdb2, "GET", "/api/v2/buckets?name=gemba")["buckets"][0]
    mapping = {"bucketID": buckets["id"], "database": "taken", "retention_policy": "autogen", "orgID": buckets["orgID"]}
    asked(influxdb2, "POST", "/api/v2/dbrps", mapping | {"default": False})
    server = at(influxdb2, tmp_path, influxdb2.token, "taken/own")
    assert server.prepare(800) == Place(800 * DAY, made=True)
    assert server.write(LINE).verdict == "done"
    assert InfluxReader(server, "p").span() == (NOW, NOW)
    known = asked(influxdb2, "GET", f"/api/v2/dbrps?org=gemba&db={quote('taken')}")["content"]
    assert {one["retention_policy"] for one in known} == {"autogen", "own"}
    server.close()


# -- 1.x ---------------------------------------------------------------------------------------------------------------
@pytest.mark.server("influxdb1")
def test_user_and_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFLUX_PASSWORD", "measured")
    with InfluxDB1(tmp_path, password="measured") as running:
        of = InfluxDB(running.url, database="own", user=running.user, password=Secret(env="INFLUX_PASSWORD"))
        server = connect(of)
        assert server.prepare(800) == Place(800 * DAY, made=True)
        assert server.write(LINE).verdict == "done"
        assert InfluxReader(server, "p").span() == (NOW, NOW)
        monkeypatch.setenv("INFLUX_PASSWORD", "wrong")
        assert server.write(LINE).verdict == "alarm"
        assert isinstance(answer := server.prepare(800), Answer)
        assert (answer.verdict, "wrong" in answer.text) == ("alarm", False)
        server.close()


# -- another implementation of the v2 write API ------------------------------------------------------------------------
def test_victoria_metrics_takes_the_same_lines(victoria: VictoriaMetrics, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("none is asked for")
    server = connect(InfluxDB(victoria.url, org="gemba", bucket="gemba", token=Secret(file=secret)))
    lines = [b"asset,asset=press-01,plant=wuxi-01 power=%d.5,total=%d %d" % (n, n, NOW + n * 10**9) for n in range(5)]
    assert deliver(server, lines).answer.verdict == "done"
    server.close()
    (found,) = victoria.export("asset_power")
    assert found["metric"]["asset"] == "press-01"
    assert found["values"] == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert found["timestamps"] == [NOW // 10**6 + n * 1000 for n in range(5)]
