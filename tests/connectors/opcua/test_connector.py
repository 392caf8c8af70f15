"""Against asyncua's server, directly and through a proxy that spoils what passes."""

import asyncio
import contextlib
import itertools
import logging
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from asyncua import Client, ua

from config.plant import SECOND, Point, Source
from connectors.base import Connector, Disconnected, Frame
from connectors.clock import SYSTEM, Clock
from connectors.opcua import OpcUa, connect, entry, notify
from simulators.faults import Proxy
from tests.connectors.opcua.plants import PATIENT, hurry, plant, point, said, source
from tests.connectors.opcua.served import Served, served
from tests.servers.nodeopcua import NAMESPACE

pytestmark = pytest.mark.asyncio(loop_scope="module")
V = ua.VariantType
NODES: dict[str, tuple[Any, ua.VariantType]] = {
    "double": (1.5, V.Double),
    "int": (-12, V.Int32),
    "text": ("läuft", V.String),
    "flag": (True, V.Boolean),
    "state": (ua.LocalizedText("运行", "zh-CN"), V.LocalizedText),
    "list": ([1.0, 2.0], V.Double),
}
VALUES = {"double": 1.5, "int": -12, "text": "läuft", "flag": 1, "state": "运行", "list": "BadTypeMismatch"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running() -> AsyncIterator[Served]:
    async with served() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def server(running: Served) -> Served:
    """The module's server with nothing but NODES."""
    await running.reset(NODES)
    return running


def made(of: Source, folder: Path, *names: str, clock: Clock = SYSTEM, **words: Any) -> OpcUa:
    points = [point(name, of, **words) for name in names or NODES]
    found = connect(of, points, plant(folder, of, points), clock=clock)
    assert isinstance(found, OpcUa)
    return found


async def until(of: Connector, done: Callable[[dict[str, Any]], bool]) -> list[Frame]:
    now: dict[str, Any] = {}
    taken = []
    async with asyncio.timeout(60):
        async for frame in of.frames():
            taken.append(frame)
            now |= said(frame)
            if done(now):
                break
    return taken


async def one(of: Connector) -> dict[str, Any]:
    return said((await until(of, lambda _: True))[0])


@asynccontextmanager
async def through(server: Served) -> AsyncIterator[tuple[Proxy, str]]:
    proxy = Proxy(urlsplit(server.url).port or 0)
    port = await proxy.open()
    try:
        yield proxy, f"opc.tcp://127.0.0.1:{port}"
    finally:
        await proxy.close()


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


# -- connections -------------------------------------------------------------------------------------------------------
async def test_sources_of_one_url_share_a_session(server: Served, tmp_path: Path) -> None:
    first = source(server.url)
    second = replace(first, id="other")
    async with made(first, tmp_path, "double") as one_, made(second, tmp_path, "int") as other:
        assert await one(one_) == {"double": 1.5}
        assert await one(other) == {"int": -12}
        assert server.sessions == 1
        async with made(replace(first, mode="subscribe"), tmp_path, "text") as third:
            assert await one(third) == {"text": "läuft"}
            assert server.sessions == 2
        assert server.sessions == 1
        await one_.__aexit__(None, None, None)
        assert server.sessions == 1
        assert await one(other) == {"int": -12}
    assert server.sessions == 0


async def test_all_who_wait_for_one_attempt_share_its_failure(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        of = source(f"opc.tcp://127.0.0.1:{silent.getsockname()[1]}", timeout=SECOND // 5)
        silent.setblocking(False)
        entered = [made(of, tmp_path, "double").__aenter__() for _ in range(5)]
        faults = await asyncio.gather(*entered, return_exceptions=True)
        assert all(isinstance(fault, Disconnected) for fault in faults)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):  # nobody connected a second time
            silent.accept()
    assert {getattr(fault, "reason", 0) for fault in faults} == {0x800A0000}


async def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"opc.tcp://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(Disconnected, match="connecting") as raised:
        await made(source(url), tmp_path, "double").__aenter__()
    assert raised.value.reason == 0x808A0000


SILENCE = r"no answer within|has not moved for"


@pytest.mark.parametrize("mode", ["poll", "subscribe"])
@pytest.mark.parametrize("fault", ["garbage", "refuse"])
async def test_faults_on_the_way_are_noticed_when_they_come(
    server: Served, tmp_path: Path, mode: str, fault: str
) -> None:
    """Reliability, faults 1, 5 and 7: no deadline is waited for; the same connector connects again."""
    async with through(server) as (proxy, url):
        own = made(source(url, mode=mode), tmp_path, "double", "int")
        async with own:
            await until(own, lambda now: len(now) == 2)
            await proxy.set(fault)
            with pytest.raises(Disconnected) as polling:
                await until(own, lambda _: False)
        with pytest.raises(Disconnected) as entering:
            await own.__aenter__()
        assert not [text for text in map(str, (polling.value, entering.value)) if re.search(SILENCE, text)]
        await proxy.set()
        async with own:
            await until(own, lambda now: now == {"double": 1.5, "int": -12})


@pytest.mark.parametrize(
    ("mode", "noticed"),
    [("poll", r"no answer within 0\.5 s"), ("subscribe", "connected, but .* has not moved for")],
    ids=["poll", "subscribe"],
)
async def test_a_server_that_hangs_is_noticed_by_its_deadline(
    server: Served, tmp_path: Path, mode: str, noticed: str
) -> None:
    """Reliability, fault 4: the socket stays open, and nothing passes; the same connector connects again."""
    async with through(server) as (proxy, url):
        own = made(source(url, mode=mode), tmp_path, "double", "int")
        async with own:
            await until(own, lambda now: len(now) == 2)
            await proxy.set("hang")
            hurry(own, SECOND // 2)
            with pytest.raises(Disconnected, match=noticed):
                await until(own, lambda _: False)
        with pytest.raises(Disconnected, match=r"connecting: no answer within 0\.5 s"):
            await own.__aenter__()
        await proxy.set()
        own.source = source(url, mode=mode)
        async with own:
            await until(own, lambda now: now == {"double": 1.5, "int": -12})


async def test_one_byte_at_a_time(server: Served, tmp_path: Path) -> None:
    """Reliability, fault 7: whatever pieces a reply comes in, it is whole before it is read."""
    port = urlsplit(server.url).port

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        both = {asyncio.create_task(pump(reader, far_writer, 1000)), asyncio.create_task(pump(far_reader, writer, 1))}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for one_way in both:
            one_way.cancel()
        await asyncio.wait(both)
        far_writer.transport.abort()
        writer.transport.abort()
        over.set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(size):
                writer.write(data)
                await asyncio.sleep(0)

    over = asyncio.Event()
    slicer = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"opc.tcp://127.0.0.1:{slicer.sockets[0].getsockname()[1]}"
    async with made(source(url), tmp_path) as own:
        assert await one(own) == VALUES
    await asyncio.wait_for(over.wait(), 10)
    slicer.close()


async def test_the_socket_gives_up_by_itself(server: Served, tmp_path: Path) -> None:
    """Reliability, fault 3: a cable that is pulled is seen by the kernel, whoever waits."""
    async with made(source(server.url, timeout=PATIENT), tmp_path, "double") as own:
        assert own._session is not None
        transport = own._session.connection.protocol.transport
        assert transport is not None
        wire = transport.get_extra_info("socket")
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


def tended(of: OpcUa) -> Any:
    """The connection of a session whose tending begins anew, since its times were changed."""
    assert of._session is not None
    assert of._session._tending is not None
    of._session._tending.cancel()
    of._session._tending = asyncio.create_task(of._session._tend())
    return of._session.connection


async def test_the_channels_key_is_renewed_while_polls_go_on(server: Served, tmp_path: Path) -> None:
    async with made(source(server.url), tmp_path, "double") as own:
        inner = tended(own)
        inner.secure_channel_timeout = 200  # ms: every 150 ms, instead of every 45 minutes
        tokens = set()
        async with asyncio.timeout(60):
            while len(tokens) < 3:
                assert await one(own) == {"double": 1.5}
                tokens.add(inner.protocol._connection.security_token.TokenId)


async def test_a_session_whose_polls_are_far_apart_is_not_forgotten(server: Served, tmp_path: Path) -> None:
    """Three questions in the time that the server keeps a session: here 0.3 s, with one poll an hour."""
    async with made(source(server.url, every=3600 * SECOND), tmp_path, "double") as own:
        tended(own).session_timeout = 300
        async with asyncio.timeout(60):  # until the machine runs for so long without a break
            while server.sizes not in ([1] * 3, [1] * 4):
                server.sizes.clear()
                await asyncio.sleep(0.45)  # real time: four times 0.1 s


async def test_a_session_that_the_server_forgot_is_a_lost_connection(server: Served, tmp_path: Path) -> None:
    async with made(source(server.url), tmp_path, "double") as own:
        await until(own, lambda _: True)
        for processor in [client.processor for client in server.server.bserver.clients]:
            processor.session = None
        with pytest.raises(Disconnected, match="Bad"):
            await until(own, lambda _: False)


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
