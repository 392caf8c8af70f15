"""How a connection begins, is shared, kept alive, and ends: against asyncua's server, and a proxy that spoils it."""

import asyncio
import contextlib
import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from config.plant import SECOND
from connectors.base import Disconnected
from connectors.opcua import OpcUa
from tests.connectors.opcua.made import VALUES, made, one, through, until
from tests.connectors.opcua.plants import PATIENT, hurry, source
from tests.connectors.opcua.served import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
