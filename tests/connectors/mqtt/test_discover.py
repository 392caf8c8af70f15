"""gemba discover mqtt: what it writes checks and reads, as it stands."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.base import Disconnected
from connectors.found import Findings
from connectors.mqtt.discover import discover
from gemba.cli import main
from tests.connectors.mqtt.broker import Publisher, Sent, publish, until
from tests.connectors.mqtt.fake import Broker, served
from tests.connectors.mqtt.points import plant, source
from tests.connectors.mqtt.proto import metric, payload
from tests.servers.mosquitto import Mosquitto

LAST = "zz-last"


async def found(broker: Mosquitto, folder: Path, *messages: Sent, topic: str, **more: Any) -> Findings:
    """What is found while this is published, and one last message behind it, which shows that all of it came in time;
    otherwise it is all done again, for longer."""
    last = topic.replace("#", f"DDATA/{LAST}" if topic.startswith("spBv1.0") else LAST)
    for seconds in (0.6, 2, 4, 8, 16):
        of, where = source(broker.url, **more), plant(folder)
        before = _listeners(broker)
        listening = asyncio.create_task(discover(of, where, topic=topic, seconds=seconds))
        await until(lambda before=before: _listeners(broker) > before)  # type: ignore[misc]
        await publish(broker, *messages, (last, b"1", 0))
        findings = await listening
        if LAST in repr(findings):
            return replace(
                findings,
                found=tuple(one for one in findings.found if LAST not in repr(one)),
                left_out=tuple(line for line in findings.left_out if LAST not in line),
            )
    raise TimeoutError("nothing was ever found in time")


def _listeners(broker: Mosquitto) -> int:
    """How many have ever asked what there is."""
    return broker.tail(100_000).count("Sending SUBACK to gemba-works-discover-")


def places(findings: Findings) -> list[tuple[str, str, str, str | None]]:
    return [(f.asset, f.point, f.at["topic"], f.at.get("path")) for f in findings.found]  # type: ignore[index,union-attr]


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_every_scalar_of_every_message_is_found(mosquitto: Mosquitto, tmp_path: Path, version: str) -> None:
    await publish(mosquitto, (f"kept-{version}/saw/rpm", b"1480", 1, True))
    findings = await found(
        mosquitto,
        tmp_path,
        ("d/oven-01/telemetry", b'{"state":"RUN","power":{"total":12.5},"zones":[{"t.1":200},{"t.1":210}]}'),
        ("d/oven-01/telemetry", b'{"state":"IDLE","note":null,"ok":true}'),
        ("d/oven-01/door", b"closed"),
        ("d/bin", b"\xff\xfe\x00"),
        topic="d/#",
        version=version,
    )
    assert places(findings) == [
        ("oven-01", "door", "d/oven-01/door", None),
        ("oven-01", "state", "d/oven-01/telemetry", "state"),
        ("oven-01", "power.total", "d/oven-01/telemetry", "power.total"),
        ("oven-01", "zones.0.t.1", "d/oven-01/telemetry", 'zones[0]["t.1"]'),
        ("oven-01", "zones.1.t.1", "d/oven-01/telemetry", 'zones[1]["t.1"]'),
        ("oven-01", "ok", "d/oven-01/telemetry", "ok"),
    ]
    assert [f.shown for f in findings.found][:3] == ["closed", "IDLE", "12.5"]
    assert findings.left_out == ("d/bin: neither JSON nor text",)
    assert findings.identity["every"].startswith("the longest silence of a topic was ")
    retained = await found(mosquitto, tmp_path, topic=f"kept-{version}/#", version=version)
    assert places(retained) == [("saw", "rpm", f"kept-{version}/saw/rpm", None)]
    assert retained.identity == {}


async def test_machines_are_told_apart_by_the_level_in_which_alike_messages_differ(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    one = b'{"power":1,"energy":2}'
    findings = await found(
        mosquitto,
        tmp_path,
        ("m/telemetry/press-01", one),
        ("m/telemetry/press-02", one),
        ("m/hall/oven/data", b'{"t":1}'),
        ("m/hall/kiln/data", b'{"t":1}'),
        ("m/pump/rpm", b"1"),
        ("m/pump/bar", b"2"),
        topic="m/#",
    )
    assert {(asset, point) for asset, point, _, _ in places(findings)} == {
        *((asset, point) for asset in ("press-01", "press-02") for point in ("power", "energy")),
        ("oven", "t"),
        ("kiln", "t"),
        ("pump", "rpm"),
        ("pump", "bar"),
    }


async def test_the_time_of_a_message_is_no_point_of_it(mosquitto: Mosquitto, tmp_path: Path) -> None:
    findings = await found(
        mosquitto, tmp_path, ("ts/a/x", b'{"p":1,"meta":{"ts":"2000-01-01T00:00:00Z"}}'), topic="ts/#"
    )
    assert [f.point for f in findings.found] == ["p", "meta.ts"]  # not of today: nobody knows what it is
    now = b'{"p":1,"meta":{"ts":%d}}' % time.time_ns()
    findings = await found(mosquitto, tmp_path, ("ts/b/x", now), topic="ts/b/#")
    assert [(f.point, f.at) for f in findings.found] == [("p", {"topic": "ts/b/x", "path": "p", "time": "meta.ts"})]


async def test_metrics_are_found_by_their_births(mosquitto: Mosquitto, tmp_path: Path) -> None:
    birth = payload(
        metric("bdSeq", 0, "UInt64", field=11),
        metric("Inputs/Total", 5, "UInt32", 1),
        metric("Delta", 4294967284, "Int32", 2),
        metric("Blob", b"x", "Bytes", 3, field=16),
        seq=0,
    )
    findings = await found(
        mosquitto,
        tmp_path,
        ("spBv1.0/d/NBIRTH/edge", birth, 0),
        ("spBv1.0/d/DDATA/edge/press", payload(metric(alias=7, value=1), seq=1), 0),
        ("spBv1.0/d/NCMD/edge", payload(metric("Node Control/Rebirth", True, "Boolean")), 0),
        topic="spBv1.0/d/#",
    )
    assert places(findings) == [
        ("edge", "Inputs-Total", "spBv1.0/d/+/edge", "Inputs/Total"),
        ("edge", "Delta", "spBv1.0/d/+/edge", "Delta"),
    ]
    assert [f.shown for f in findings.found] == ["5", "-12"]
    assert findings.left_out == (
        "spBv1.0/d/+/edge/press: data without a birth; make the node send one, as connectors/mqtt/README.md says",
    )


async def test_a_topic_that_is_refused_and_a_broker_that_goes(tmp_path: Path) -> None:
    async with served(Broker(refuses=("#",))) as broker:
        with pytest.raises(Disconnected, match="refuses the topic #; name one that is allowed: --topic"):
            await discover(source(broker.url), plant(tmp_path), seconds=1)
    async with served(Broker()) as broker:
        listening = asyncio.create_task(discover(source(broker.url), plant(tmp_path), seconds=600))
        await until(lambda: 8 in broker.asked)
        broker.drop()
        with pytest.raises(Disconnected, match="the connection is lost"):
            await asyncio.wait_for(listening, 60)


# -- as a user would ---------------------------------------------------------------------------------------------------
NASTY = {
    "n/plant/data": b'{"power_q":1,"power":2,"time":"noon","state_raw":"x","total":"many","a b":3,"\\u0000":4,"":5}',
    "n/epoch/x: y, z": b'"\xe6\xbb\xa1\\u0007"',
    "n/-/data": b'{"x":{"y":[1,[2,3]]},"z":1e300}',
    "n": b"7",
}


@contextmanager
def machines(broker: Mosquitto, messages: dict[str, bytes]) -> Iterator[None]:
    """Publish all of it ten times a second."""
    publisher, stop = Publisher(broker, ""), threading.Event()

    def run() -> None:
        while not stop.wait(0.1):
            publisher.send((topic, body) for topic, body in messages.items())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        publisher.close()


def test_discover_paste_check_read(mosquitto: Mosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the words of the issue: what discover writes, check accepts and read reads, as it stands."""
    written = tmp_path / "plant.yaml"
    with machines(mosquitto, NASTY):
        asked = ["discover", "mqtt", mosquitto.url, "--insecure", "--topic", "n/#", "--seconds", "2"]
        assert main(asked) == 0
        written.write_text(capsys.readouterr().out)
        assert main(["check", str(written)]) == 0
        capsys.readouterr()
        assert main(["read", str(written), "--json"]) == 0
        rows = {(r["asset"], r["point"]): r["value"] for r in json.loads(capsys.readouterr().out)["rows"]}
        assert main([*asked, "--into", str(written)]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == "# nothing is missing"
    assert None not in rows.values()
    assert rows[("plant-", "power")] == 2
    assert rows[("plant-", "total-text")] == "many"
    assert rows[("n", "n")] == 7
    assert len(rows) == 7 + 1 + 4 + 1  # a key that no file can hold is left out


def test_what_a_wildcard_names_already_is_not_missing(
    mosquitto: Mosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant_file = tmp_path / "plant.yaml"
    at = {"topic": "wild/+/telemetry", "path": "p"}
    sources = {"b": {"protocol": "mqtt", "url": mosquitto.url, "security": {"insecure": True}}}
    points = {"power": {"source": "b", "at": at, "unit": "kW"}}
    known = {"plant": "p", "timezone": "UTC", "data": "./data", "sources": sources}
    plant_file.write_text(yaml.safe_dump({**known, "assets": {"oven": {"points": points}}}))
    with machines(mosquitto, {"wild/oven/telemetry": b'{"p":1}', "wild/saw/telemetry": b'{"p":1}'}):
        asked = ["discover", str(plant_file), "--source", "b", "--topic", "wild/#", "--seconds", "2"]
        assert main([*asked, "--into", str(plant_file)]) == 0
    out = capsys.readouterr().out
    assert "saw" in out
    assert "oven" not in out


def test_read_waits_for_a_birth(mosquitto: Mosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Data comes before it, and is no answer; the births that the agent keeps would be one at once."""
    plant_file = tmp_path / "plant.yaml"
    sources = {"b": {"protocol": "mqtt", "url": mosquitto.url, "security": {"insecure": True}}}
    at = {"topic": "spBv1.0/read/+/edge/press", "path": "Total"}
    assets = {"press": {"points": {"total": {"source": "b", "at": at}}}}
    known = {"plant": "p", "timezone": "UTC", "data": "./data", "sources": sources, "assets": assets}
    plant_file.write_text(yaml.safe_dump(known))
    data = payload(metric(alias=1, value=7), seq=2)
    birth = payload(metric("Total", 5, "UInt32", 1), seq=1)
    with machines(mosquitto, {"spBv1.0/read/DDATA/edge/press": data}):
        born = threading.Thread(
            target=lambda: asyncio.run(
                _published_late(mosquitto, "gemba-p-b-visit-", "spBv1.0/read/DBIRTH/edge/press", birth)
            )
        )
        born.start()
        assert main(["read", str(plant_file), "--json"]) == 0
        born.join()
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["value"], row["quality"]) == (5, "Good")


async def _published_late(broker: Mosquitto, client_id: str, topic: str, body: bytes) -> None:
    """To a client that has had other messages before."""
    await until(lambda: broker.tail(100_000).count(f"Sending PUBLISH to {client_id}") >= 3)
    await publish(broker, (topic, body))
