"""What a source promises, shown on Mosquitto: sessions that last, acknowledgements, retained messages, wildcards."""

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.plant import Point
from connectors.mqtt import ROOM, Mqtt, client_id
from connectors.mqtt.wire import LARGEST
from tests.connectors.mqtt.broker import acknowledged, collect, numbers, publish, silence, take, until
from tests.connectors.mqtt.fake import Broker, served
from tests.connectors.mqtt.points import plant, point, said, source
from tests.servers.mosquitto import Mosquitto

VERSIONS = pytest.mark.parametrize("version", [None, "3.1.1", "5"])


@pytest.fixture
def client(request: pytest.FixtureRequest) -> str:
    """A name of its own for each test, and so a session of its own on the broker that they share."""
    return f"gemba-{abs(hash(request.node.name)):x}"


def collector(broker: Mosquitto, folder: Path, client: str, *points: Point, **more: Any) -> Mqtt:
    visit = more.pop("visit", False)
    return Mqtt(source(broker.url, client_id=client, **more), points, plant(folder), visit=visit)


def power(topic: str, path: str | None = "p", asset: str = "oven", **more: Any) -> Point:
    return point("power", topic, path, asset, **{"unit": "kW", **more})


def sequence(topic: str, start: int, stop: int) -> list[tuple[str, bytes]]:
    return [(topic, b'{"p":%d}' % n) for n in range(start, stop)]


# -- messages ----------------------------------------------------------------------------------------------------------
@VERSIONS
async def test_a_message_is_a_frame(mosquitto: Mosquitto, tmp_path: Path, client: str, version: str | None) -> None:
    made = collector(mosquitto, tmp_path, client, power("t/+/a"), power("t/bare", None, "saw"), version=version)
    async with made:
        before = time.time_ns()
        await publish(mosquitto, ("t/oven/a", b'{"p":1.5}'), ("t/bare", b"7", 0), ("t/oven/a", b'{"p":2}', 2))
        frames = await take(made, 3)
        after = time.time_ns()
        assert [said(frame) for frame in frames] == [{"oven.power": 1.5}, {"saw.power": 7.0}, {"oven.power": 2.0}]
        assert before < frames[0].time < frames[1].time < frames[2].time < after
        assert all(frame.live and frame.quality is None for frame in frames)
        assert made.waiting == 2
        made.durable(3)
        assert made.waiting == 0


@VERSIONS
async def test_a_retained_message_is_no_sign_of_life(
    mosquitto: Mosquitto, tmp_path: Path, client: str, version: str | None
) -> None:
    """reliability.md, fault 8: retained messages never count as alive."""
    topic = f"retained/{client}"
    await publish(mosquitto, (topic, b'{"p":1}', 1, True))
    made = collector(mosquitto, tmp_path, client, power(topic), version=version)
    async with made:
        assert await silence(made)
        assert made.waiting == 0  # it was acknowledged all the same
        await publish(mosquitto, (topic, b'{"p":2}', 1, True))
        assert numbers(await take(made, 1)) == [2]  # this one came just now, whatever the broker keeps of it
        made.durable(1)
    async with made:  # before MQTT 5 it is sent again at each subscription
        assert await silence(made)
        assert made.waiting == 0


async def test_a_wildcard_brings_every_asset_its_own(mosquitto: Mosquitto, tmp_path: Path, client: str) -> None:
    points = [power("w/+/telemetry", asset=asset) for asset in ("oven", "press")]
    made = collector(mosquitto, tmp_path, client, *points)
    async with made:
        await publish(
            mosquitto,
            ("w/press/telemetry", b'{"p":1}'),
            ("w/saw/telemetry", b'{"p":2}'),
            ("w/oven/telemetry", b'{"p":3}'),
            ("w/oven/telemetry/more", b'{"p":4}'),
        )
        assert [said(frame) for frame in await take(made, 2)] == [{"press.power": 1.0}, {"oven.power": 3.0}]
        assert made.waiting == 3  # the saw is nobody's, but it has its place
        made.durable(1)
        assert made.waiting == 1
        made.durable(1)
        assert made.waiting == 0


async def test_points_of_one_topic_with_two_times_are_two_frames(
    mosquitto: Mosquitto, tmp_path: Path, client: str
) -> None:
    made = collector(mosquitto, tmp_path, client, power("two/t"), point("total", "two/t", "n", time="ts"))
    async with made:
        await publish(mosquitto, ("two/t", b'{"p":1,"n":5,"ts":"2026-01-01T00:00:00Z"}'))
        frames = await take(made, 2)
        assert [said(frame) for frame in frames] == [{"oven.power": 1.0}, {"oven.total": 5.0}]
        made.durable(1)
        assert made.waiting == 1
        made.durable(1)
        assert made.waiting == 0


@VERSIONS
async def test_a_message_beyond_all_measure_costs_nobody_else(
    mosquitto: Mosquitto, tmp_path: Path, client: str, version: str | None
) -> None:
    """collectors.md 11, 12: bounded; and no message is so bad that it stops those behind it."""
    made = collector(mosquitto, tmp_path, client, power(f"big/{client}"), version=version)
    async with made:
        huge = b'{"p":1,"x":"' + b"y" * LARGEST + b'"}'
        await publish(mosquitto, (f"big/{client}", huge), (f"big/{client}", b'{"p":2}'))
        if version != "5":  # with it the broker knows how much we take, and sends no more
            assert said((await take(made, 1))[0]) == {"oven.power": "BadDecodingError"}
            made.durable(1)
        assert numbers(await take(made, 1)) == [2]
        made.durable(1)
        assert made.waiting == 0


# -- sessions ----------------------------------------------------------------------------------------------------------
@VERSIONS
async def test_what_came_while_we_were_away_comes_when_we_are_back(
    mosquitto: Mosquitto, tmp_path: Path, client: str, version: str | None
) -> None:
    made = collector(mosquitto, tmp_path, client, power(f"away/{client}"), version=version)
    async with made:
        assert await silence(made, 0.05)
    await publish(mosquitto, *sequence(f"away/{client}", 0, 50))
    async with made:
        assert numbers(await collect(made, 50)) == list(range(50))
    async with made:
        assert await silence(made)


@VERSIONS
async def test_what_was_not_durable_comes_again(
    mosquitto: Mosquitto, tmp_path: Path, client: str, version: str | None
) -> None:
    """collectors.md 9 and 16: acknowledged after the durable write. The agent crashes before it committed."""
    topic = f"again/{client}"
    async with collector(mosquitto, tmp_path, client, power(topic), version=version) as made:
        await publish(mosquitto, *sequence(topic, 0, 10))
        assert len(await take(made, 10)) == 10
        made.durable(4)
        await acknowledged(mosquitto, client, 4)
    async with collector(mosquitto, tmp_path, client, power(topic), version=version) as made:
        assert numbers(await take(made, 6)) == [4, 5, 6, 7, 8, 9]
        made.durable(6)
        await acknowledged(mosquitto, client, 10)
    async with collector(mosquitto, tmp_path, client, power(topic), version=version) as made:
        assert await silence(made)


async def test_what_comes_again_over_a_new_connection_is_no_second_row(
    mosquitto: Mosquitto, tmp_path: Path, client: str
) -> None:
    """reliability.md, fault 9. The agent goes on, and its commit ends after the connection was lost and made again."""
    topic = f"twice/{client}"
    made = collector(mosquitto, tmp_path, client, power(topic))
    async with made:
        await publish(mosquitto, *sequence(topic, 0, 10))
        assert len(await take(made, 10)) == 10
    async with made:
        await publish(mosquitto, *sequence(topic, 10, 12))
        assert numbers(await take(made, 2)) == [10, 11]
        made.durable(10)  # those of the old connection
        made.durable(2)
        assert made.waiting == 0
        await acknowledged(mosquitto, client, 12)
    async with collector(mosquitto, tmp_path, client, power(topic)) as made:
        assert await silence(made)


async def test_what_the_plant_file_names_no_more_is_no_longer_sent(
    mosquitto: Mosquitto, tmp_path: Path, client: str
) -> None:
    async with collector(mosquitto, tmp_path, client, power(f"old/{client}"), power(f"kept/{client}", asset="saw")):
        pass
    await publish(mosquitto, (f"old/{client}", b'{"p":1}'))
    async with collector(mosquitto, tmp_path, client, power(f"kept/{client}", asset="saw")) as made:
        assert await silence(made)  # what was queued under the old topic is acknowledged, and nobody's
        await publish(mosquitto, (f"old/{client}", b'{"p":2}'), (f"kept/{client}", b'{"p":3}'))
        assert numbers(await take(made, 1)) == [3]
        assert made.waiting == 1  # and not 2: the old topic did not come at all


async def test_a_visitor_disturbs_nobody_and_leaves_nothing(mosquitto: Mosquitto, tmp_path: Path, client: str) -> None:
    """`gemba read` beside a running agent."""
    topic = f"visit/{client}"
    async with collector(mosquitto, tmp_path, client, power(topic)) as agent:
        async with collector(mosquitto, tmp_path / "none", client, power(topic), visit=True) as visitor:
            await publish(mosquitto, (topic, b'{"p":1}'))
            assert numbers(await take(visitor, 1)) == numbers(await take(agent, 1)) == [1]
        await publish(mosquitto, (topic, b'{"p":2}'))
        assert numbers(await take(agent, 1)) == [2]
    assert not (tmp_path / "none").exists()
    greetings = [line for line in mosquitto.tail(4000).splitlines() if f"as {client}-visit-" in line]
    assert len(greetings) == 1
    assert ", c1, " in greetings[0]  # a clean session, which ends with its connection


async def test_two_sources_of_one_broker_do_not_end_each_other(
    mosquitto: Mosquitto, tmp_path: Path, client: str
) -> None:
    """The plant file has them share a `client_id`, as all that belongs to a connection; a session is each one's own."""
    one, two = (replace(source(mosquitto.url, client_id=client), id=name) for name in ("one", "two"))
    both = replace(plant(tmp_path), sources={"one": one, "two": two})
    first, second = (Mqtt(s, [power(f"{client}/{s.id}")], both) for s in (one, two))
    async with first, second:
        await publish(mosquitto, (f"{client}/one", b'{"p":1}'), (f"{client}/two", b'{"p":2}'))
        assert (numbers(await take(first, 1)), numbers(await take(second, 1))) == ([1], [2])
    assert client_id(replace(one, client_id=None), both) == "gemba-works-one"
    assert client_id(one, replace(both, sources={"one": one})) == client


# -- faults ------------------------------------------------------------------------------------------------------------
async def test_a_topic_that_is_refused_is_a_fault_of_its_points(tmp_path: Path) -> None:
    """collectors.md 3: isolate per item, report the failed list."""
    points = [power("open/a"), power("secret/+/a", asset="press"), power("secret/press/a", "q", "saw")]
    async with served(Broker(refuses=("secret/+/a",))) as broker:
        made = Mqtt(source(broker.url), points, plant(tmp_path))
        async with made:
            (refused,) = await take(made, 1)
            assert said(refused) == {"press.power": "BadNotReadable", "saw.power": "BadNotReadable"}
            broker.send("open/a", b'{"p":1}')
            assert numbers(await take(made, 1)) == [1]
            made.durable(2)
            assert made.waiting == 0


async def test_a_flood_waits_in_the_broker(mosquitto: Mosquitto, tmp_path: Path, client: str) -> None:
    """collectors.md 11: bounded queues everywhere. QoS 0 has no window; the socket is not read while nobody takes."""
    topic = f"flood/{client}"
    made = collector(mosquitto, tmp_path, client, power(topic))
    async with made:
        await publish(mosquitto, *((topic, b'{"p":%d,"x":"%s"}' % (n, b"x" * 500), 0) for n in range(ROOM + 3000)))
        await until(lambda: len(made._queue) == ROOM)
        await asyncio.sleep(0.1)
        assert len(made._queue) == ROOM
        frames = await take(made, ROOM + 3000)
        assert numbers(frames) == list(range(ROOM + 3000))


async def test_an_idle_source_costs_nothing(mosquitto: Mosquitto, tmp_path: Path, client: str) -> None:
    """collectors.md 20: high idle CPU from poll loops."""
    made = collector(mosquitto, tmp_path, client, power("idle"), every=10**9)
    spent = []
    async with made:
        for _ in range(5):  # the machine may be busy with another's work in some of them
            began = time.process_time()
            assert await silence(made, 0.5)  # real time, since it is CPU over it that counts
            spent.append(time.process_time() - began)
    assert min(spent) < 0.015, spent


async def test_its_state_is_a_whole_file_or_none(mosquitto: Mosquitto, tmp_path: Path, client: str) -> None:
    """reliability.md, fault 17: what is broken is put aside, and the agent runs."""
    kept = tmp_path / "mqtt" / "broker.json"
    for broken in (
        b"",
        b"{",
        b"[]",
        b'{"client_id":1,"topics":7,"births":[]}',
        b'{"client_id":"x","topics":[],"births":{"a":1}}',
    ):
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(broken)
        async with collector(mosquitto, tmp_path, client, power("x"), point("s", "spBv1.0/g/+/n", "S")):
            pass
        assert json.loads(kept.read_bytes()) == {
            "client_id": client,
            "topics": ["x", "spBv1.0/g/+/n/#"],
            "births": {},
        }
    assert [path.name for path in kept.parent.iterdir()] == ["broker.json"]


@pytest.mark.parametrize("window", [10, 20, 100])
async def test_a_window_below_the_batch_does_not_deadlock(tmp_path: Path, window: int) -> None:
    """collectors.md 16. Of a broker that sends so many ahead, 1000 messages would take 100, 50 and 10 commits that come
    when 200 ms have passed; the window is learned, and hardly any commit waits for its time."""
    async with served(Broker(window=window)) as broker:
        made = Mqtt(source(broker.url), [power("t")], plant(tmp_path))
        async with made:
            broker.send("t", *(payload for _, payload in sequence("t", 0, 1000)))
            overdue: list[int] = []
            assert numbers(await collect(made, 1000, overdue=overdue)) == list(range(1000))
            assert made.window == window
            assert len(overdue) <= 5


async def test_acknowledgements_come_in_order_and_only_after_the_commit(tmp_path: Path) -> None:
    """collectors.md 9 and 16, on the wire: MQTT 3.1.1, section 4.6."""
    async with served(Broker()) as broker:
        made = Mqtt(source(broker.url), [power("t"), point("two", "t", "q", time="ts")], plant(tmp_path))
        async with made:
            came = [n % 3 > 0 for n in range(20)]  # the others are nobody's, and no frame
            for whose in came:
                broker.send("t" if whose else "nobody/asked", b'{"p":1}')
            assert len(await take(made, 26)) == 26  # of 13 messages, two each
            for durable in range(27):
                made.durable(1 if durable else 0)
                done = [sum(came[: n + 1]) * 2 <= durable for n in range(20)]
                async with asyncio.timeout(60):
                    while len(broker.acknowledged) < sum(done):
                        await asyncio.sleep(0.001)
                await asyncio.sleep(0.005)
                assert broker.acknowledged == list(range(1, sum(done) + 1))
            assert len(broker.acknowledged) == 20


async def test_many_topics_are_asked_for_in_parts(tmp_path: Path) -> None:
    """collectors.md 19: large sets in one call."""
    points = [power(f"plant/{n}/power", asset=f"m{n}") for n in range(250)]
    async with served(Broker()) as broker:
        made = Mqtt(source(broker.url), points, plant(tmp_path))
        async with made:
            assert broker.asked == [1, 8, 8, 8]
            for n in range(250):
                broker.send(f"plant/{n}/power", b'{"p":%d}' % n)
            frames = await take(made, 250)
            assert [said(frame) for frame in frames] == [{f"m{n}.power": float(n)} for n in range(250)]
