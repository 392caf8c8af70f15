"""Against asyncua's server, directly and through a proxy that spoils what passes."""

import asyncio
import itertools
import logging
import time
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from config.plant import SECOND, Point
from connectors.base import Disconnected
from connectors.opcua import connect, entry, notify
from tests.connectors.opcua.made import NODES, VALUES, V, made, one, through, until
from tests.connectors.opcua.plants import PATIENT, hurry, plant, point, said, source
from tests.connectors.opcua.served import Served
from tests.servers.nodeopcua import NAMESPACE

pytestmark = pytest.mark.asyncio(loop_scope="module")


# -- points ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mode", ["poll", "subscribe"])
async def test_points_of_every_kind(server: Served, tmp_path: Path, mode: str) -> None:
    async with made(source(server.url, mode=mode), tmp_path) as own:
        frames = await until(own, lambda now: len(now) == len(NODES))
        values: dict[str, Any] = {}
        for frame in frames:
            values |= said(frame)
        assert values == VALUES


@pytest.mark.parametrize("mode", ["poll", "subscribe"])
async def test_status_codes_are_kept(server: Served, tmp_path: Path, mode: str) -> None:
    """Collectors 3: what is wrong with one point is that point's quality."""
    async with made(source(server.url, mode=mode), tmp_path, "double", "int") as own:
        await until(own, lambda now: now.get("double") == 1.5)
        await server.put("double", 2.5, V.Double, ua.StatusCodes.UncertainLastUsableValue)
        await server.put("int", 7, V.Int32, ua.StatusCodes.BadSensorFailure)
        await until(own, lambda now: now == {"double": "UncertainLastUsableValue", "int": "BadSensorFailure"})
        await server.put("double", 3.5, V.Double)
        await until(own, lambda now: now.get("double") == 3.5)


async def test_a_node_that_goes_and_comes_as_another_type(server: Served, tmp_path: Path) -> None:
    own = made(source(server.url), tmp_path, "double", "int")
    async with own:
        before = await until(own, lambda now: now == {"double": 1.5, "int": -12})
        await server.remove("int")
        await until(own, lambda now: now == {"double": 1.5, "int": "BadNodeIdUnknown"})
        await server.add("int", "RUN", V.String)
        after = await until(own, lambda now: now.get("int") == "RUN")
        assert [c.kind for c in before[-1].layout.columns] == ["float", "int"]
        assert [c.kind for c in after[-1].layout.columns] == ["float", "text"]
        assert before[-1].layout.group == after[-1].layout.group == "poll 0.1s 0"
    await server.remove("int")
    async with own:
        gone = await until(own, lambda now: len(now) == 2)
        assert gone[0].layout == after[-1].layout, "what was learned holds over a reconnection"


async def test_a_subscription_learns_a_wider_kind(server: Served, tmp_path: Path) -> None:
    await server.reset(NODES | {"any": (1, V.Int32)})
    of = source(server.url, mode="subscribe")
    async with made(of, tmp_path, "any", "double") as own:
        await until(own, lambda now: now == {"any": 1, "double": 1.5})
        node = server.server.get_node(server.node("any"))
        kind = ua.DataValue(ua.Variant(ua.NodeId(ua.ObjectIds.BaseDataType), V.NodeId))
        await node.write_attribute(ua.AttributeIds.DataType, kind)
        server.server.iserver.aspace._nodes[server.node("any")].attributes[ua.AttributeIds.Value].value = None
        await server.put("any", 2.5, V.Double)
        frames = await until(own, lambda now: now.get("any") == 2.5)
        assert {c.point: c.kind for c in frames[-1].layout.columns} == {"any": "float", "double": "float"}
        await until(own, lambda now: now == {"any": 2.5, "double": 1.5})


async def test_polls_and_subscriptions_beside_each_other(server: Served, tmp_path: Path) -> None:
    of = source(server.url, mode="poll")
    points = [point("double", of, mode="subscribe"), point("int", of), point("text", of, every=SECOND // 5)]
    async with connect(of, points, plant(tmp_path, of, points)) as own:
        frames = await until(own, lambda now: now == {"double": 1.5, "int": -12, "text": "läuft"})
        assert {frame.layout.group for frame in frames} == {"poll 0.1s 0", "poll 0.2s 1", "subscribe 0.1s 0"}
        await server.put("double", 9.0, V.Double)
        await server.put("int", 9, V.Int32)
        await until(own, lambda now: now.get("double") == 9.0 and now.get("int") == 9)


# -- time --------------------------------------------------------------------------------------------------------------
async def test_a_poll_is_stamped_between_request_and_reply(server: Served, tmp_path: Path) -> None:
    """Collectors 13: the gateway's time is the row's, the source's is kept beside it."""
    async with through(server) as (proxy, url), made(source(url), tmp_path, "double", "int") as own:
        await until(own, lambda now: len(now) == 2)
        await proxy.set("late", 200)
        before = time.time_ns()
        (frame,) = await until(own, lambda _: True)
        after = time.time_ns()
        assert 200_000_000 <= frame.round_trip <= after - before
        assert before + frame.round_trip // 2 <= frame.time + 5_000_000
        assert frame.time <= after - frame.round_trip // 2 + 5_000_000
        assert frame.source_times is not None
        assert all(0 < t < before for t in frame.source_times.tolist())


async def test_a_slow_server_is_asked_no_more_often(server: Served, tmp_path: Path) -> None:
    """Reliability, fault 2: polls never overlap; those that could not be made are counted."""
    async with through(server) as (proxy, url), made(source(url, every=SECOND // 20), tmp_path, "double") as own:
        await until(own, lambda _: True)
        await proxy.set("late", 130)
        del server.sizes[:]
        for _ in range(3):
            await until(own, lambda _: True)
        assert len(server.sizes) == 3
        assert own.polls.missed >= 4
        assert own.polls.good == 4


async def test_an_answer_that_comes_too_late_is_nobodys(server: Served, tmp_path: Path) -> None:
    """Collectors 5: a reply is matched by its request, never by its turn."""
    async with through(server) as (proxy, url), made(source(url), tmp_path, "double") as own:
        await until(own, lambda _: True)
        hurry(own, SECOND // 5)
        await proxy.set("late", 300)
        with pytest.raises(Disconnected, match=r"read: no answer within 0\.2 s"):
            await until(own, lambda _: False)
        hurry(own, PATIENT)
        await proxy.set()
        await server.put("double", 2.5, V.Double)
        assert await one(own) == {"double": 2.5}


# -- limits ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", [ua.StatusCodes.BadTooManyOperations, ua.StatusCodes.BadResponseTooLarge])
async def test_a_server_that_takes_less_than_it_says(server: Served, tmp_path: Path, code: int) -> None:
    """Collectors 19: what is refused when the connection is made is halved, and no poll asks for more after that."""
    nodes = {f"n{i}": (i, V.Int32) for i in range(40)}
    await server.reset(NODES | nodes)
    server.most, server.too_much = 12, code
    async with made(source(server.url), tmp_path, *nodes) as own:
        await until(own, lambda now: now == {f"n{i}": i for i in range(40)})
    # namespaces, three limits and four names of the server, then 40 and 20 are refused, and 10 are not
    assert server.sizes[:7] == [8, 40, 20, 10, 10, 10, 10]
    assert max(server.sizes[7:]) == 10


async def test_a_vendors_profile_caps_each_call(server: Served, tmp_path: Path) -> None:
    nodes = {f"n{i}": (i, V.Int32) for i in range(250)}
    await server.reset(NODES | nodes)
    async with made(source(server.url, profile="s7-1200"), tmp_path, *nodes) as own:
        await until(own, lambda now: len(now) == 250)
        assert max(server.sizes) == 200


async def test_what_cannot_be_read_is_said_once(
    server: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Collectors 3: the failed nodes are listed, by point and reason."""
    caplog.set_level(logging.INFO, "gemba.opcua")
    own = made(source(server.url), tmp_path, "double", *(f"no{i}" for i in range(12)))
    for _ in range(2):
        async with own:
            await until(own, lambda now: len(now) == 13)
    plan, bad = caplog.messages
    assert plan == "cell: 1 request for 13 nodes"
    assert bad.startswith("cell: 12 of 13 nodes cannot be read: a.no0 BadNodeIdUnknown, a.no1 BadNodeIdUnknown, ")
    assert bad.endswith("a.no9 BadNodeIdUnknown and 2 more")


# -- subscriptions -----------------------------------------------------------------------------------------------------
async def test_a_clock_that_stands_still_is_no_connection(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Collectors 2: everything answers, values change, and the server's clock has stopped: nothing is known."""
    async with made(source(server.url, mode="subscribe"), tmp_path, "double") as own:
        await until(own, lambda now: now == {"double": 1.5})
        monkeypatch.setattr(notify, "BEAT", SECOND // 5)  # the servers' clocks here move 20 times a second
        hurry(own, SECOND // 2)
        server.ticking = False

        async def change() -> None:
            for n in itertools.count():
                await server.put("double", float(n), V.Double)
                await asyncio.sleep(0.05)

        changing = asyncio.create_task(change())
        with pytest.raises(Disconnected, match="connected, but the server's clock has not moved for"):
            await until(own, lambda _: False)
        changing.cancel()


# -- reading only ------------------------------------------------------------------------------------------------------
async def test_nothing_but_reads_leaves(server: Served, tmp_path: Path) -> None:
    """The filter stands behind everything: even asyncua's own methods are refused, and the connection goes on."""
    async with made(source(server.url), tmp_path, "double") as own:
        assert own._session is not None
        inner = own._session.connection.uaclient.session
        value = ua.WriteValue(server.node("double"), ua.AttributeIds.Value, Value=ua.DataValue(ua.Variant(9.0)))
        for attempt in (
            inner.write(ua.WriteParameters([value])),
            inner.call([ua.CallMethodRequest()]),
            inner.delete_nodes(ua.DeleteNodesParameters()),
            inner.history_update(ua.HistoryUpdateParameters()),
            inner.register_nodes([server.node("double")]),
        ):
            with pytest.raises(PermissionError, match="is no read, and is never sent"):
                await attempt
        with pytest.raises(PermissionError):
            own._session.post(ua.ObjectIds.WriteRequest_Encoding_DefaultBinary, b"", 1.0)
        assert await one(own) == {"double": 1.5}
        assert server.writes == 0


async def test_asyncua_beside_us_reads_the_same(server: Served, tmp_path: Path) -> None:
    async with made(source(server.url), tmp_path) as own:
        ours = await one(own)
        async with Client(server.url) as client:
            index = await client.get_namespace_index(NAMESPACE)
            theirs = {name: await client.get_node(f"ns={index};s={name}").read_value() for name in NODES}
    theirs |= {"state": theirs["state"].Text, "list": "BadTypeMismatch"}
    assert ours == theirs


# -- cost --------------------------------------------------------------------------------------------------------------
async def test_waiting_costs_nothing(server: Served, tmp_path: Path) -> None:
    """Collectors 20: idle is idle. A second of waiting, which needs real time, costs next to nothing."""
    async with made(source(server.url, every=60 * SECOND), tmp_path, "double") as own:
        await until(own, lambda _: True)
        waiting = asyncio.create_task(until(own, lambda _: True))
        alone = time.process_time()
        await asyncio.sleep(1.0)
        spent = time.process_time() - alone
        waiting.cancel()
    assert spent < 0.1, "with asyncua's server in the same process"


async def test_session_outlives_the_longest_poll(tmp_path: Path) -> None:
    assert entry.IDLE == 60
    of = source("opc.tcp://x", every=SECOND)
    points: list[Point] = [point("a", of), point("b", of, every=600 * SECOND)]
    assert entry.patience(of, plant(tmp_path, of, points)) == 1800 * 1000
    assert entry.patience(of, plant(tmp_path, of, points[:1])) == 60 * 1000
