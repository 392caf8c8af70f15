"""Against node-opcua, which shares no code with asyncua: every policy, both identities, polled and subscribed."""

import asyncio
import select
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop
from asyncua import Client

from config.plant import SECOND, Secret, Security, Source
from connectors.base import Disconnected, Frame
from connectors.opcua import OpcUa, security
from tests.connectors.opcua.plants import INSECURE, hurry, plant, point, said, secured, source
from tests.servers.certificates import application
from tests.servers.fixtures import require
from tests.servers.nodeopcua import NodeOpcUa, double

TYPES = ("Double", "Int32", "String", "Boolean", "UInt64", "Float", "Int16", "UInt32")
pytestmark = pytest.mark.server("nodeopcua")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeOpcUa]:
    require("nodeopcua")
    with NodeOpcUa(tmp_path_factory.mktemp("nodeopcua"), nodes=16, types=TYPES) as running:
        yield running


def value(node: int, sequence: int) -> Any:
    """What opcua.js makes of a node and a sequence number, by type."""
    match TYPES[node % len(TYPES)]:
        case "Double":
            return double(node, sequence)
        case "Int32" | "UInt32":
            return node * 1_000_000 + sequence
        case "String":
            return f"{node}/{sequence}"
        case "Boolean":
            return (node + sequence) % 2
        case "UInt64":
            return int(double(node, sequence))
        case "Float":
            return float(node * 1000 + sequence)
        case _:
            return node * 1000 + sequence


def connector(of: Source, folder: Path, nodes: int = 16) -> OpcUa:
    points = [point(f"n{n}", of) for n in range(nodes)]
    return OpcUa(of, points, plant(folder, of, points))


async def frames(of: OpcUa, until: Callable[[dict[str, Any]], bool]) -> tuple[dict[str, Any], list[Frame]]:
    """What the points say once this is so, and the frames up to there."""
    now: dict[str, Any] = {}
    taken = []
    async with asyncio.timeout(60):
        async for frame in of.frames():
            now |= said(frame)
            taken.append(frame)
            if until(now):
                break
    return now, taken


def all_at(server: NodeOpcUa, nodes: int = 16) -> dict[str, Any]:
    sequence = server.sequence()
    return {f"n{n}": value(n, sequence) for n in range(nodes)}


def trust(folder: Path) -> None:
    (seen,) = [one for one in security.kept(folder / "trust") if one.state == "rejected"]
    assert security.accept(folder / "trust", seen.fingerprint[:16])


COMBINATIONS = [
    (policy, mode, user)
    for policy, modes in {
        "None": ("None",),
        "Basic256Sha256": ("Sign", "SignAndEncrypt"),
        "Aes128_Sha256_RsaOaep": ("Sign", "SignAndEncrypt"),
        "Aes256_Sha256_RsaPss": ("Sign", "SignAndEncrypt"),
    }.items()
    for mode in modes
    for user in (False, True)
]


def identified(server: NodeOpcUa, folder: Path, policy: str, mode: str, user: bool) -> Security:
    own = INSECURE if policy == "None" else secured(policy, folder, mode)
    if not user:
        return own
    file = folder / "password"
    file.write_text(server.password + "\n")
    return replace(own, user=server.user, password=Secret(file=file))


@pytest.mark.parametrize(("policy", "mode", "user"), COMBINATIONS)
async def test_security(server: NodeOpcUa, tmp_path: Path, policy: str, mode: str, user: bool) -> None:
    """Collectors 18: one certificate of our own for ever, and a server that is trusted when somebody said so."""
    of = source(server.url, security=identified(server, tmp_path, policy, mode, user))
    own = connector(of, tmp_path)
    if policy != "None":
        with pytest.raises(Disconnected, match=r"fingerprint [0-9a-f]{64}.*gemba trust .*plant.yaml --accept"):
            await own.__aenter__()
        trust(tmp_path)
    async with own:
        server.step()
        expected = all_at(server)
        now, (frame, *_) = await frames(own, lambda now: now == expected)
        assert now == expected
        assert frame.round_trip > 0
        assert frame.source_times is not None and (abs(frame.source_times - frame.time) < 60 * SECOND).all()
    assert own.identity["product"] == "NodeOPCUA-Server"


@pytest.mark.parametrize("policy", ["None", "Basic256Sha256"])
async def test_subscription(server: NodeOpcUa, tmp_path: Path, policy: str) -> None:
    """Collectors 11: as many messages wait as there are requests, and every update comes, in its order."""
    of = source(server.url, mode="subscribe", security=identified(server, tmp_path, policy, "SignAndEncrypt", True))
    if policy != "None":
        of = replace(of, security=replace(of.security, insecure=True))
    async with connector(of, tmp_path) as own:
        await frames(own, lambda now: now == all_at(server))
        first = server.sequence()
        taken: list[float] = []
        for _ in range(5):
            server.step()
            await asyncio.sleep(0.02)  # apart by more than the server's shortest sampling interval
        async with asyncio.timeout(60):
            async for frame in own.frames():
                assert frame.columns is not None
                if frame.times is not None:
                    taken += [float(x) for x in frame.floats[frame.columns[: len(frame.floats)] == 0]]
                if taken and taken[-1] == double(0, first + 5):
                    break
        assert taken == sorted(taken)
        now, still = await frames(own, lambda now: len(now) == 16)
        assert now == all_at(server), "what does not change is said again, as it is"
        assert still[-1].times is None


async def test_who_takes_nothing_is_sent_nothing_and_told_what_was_lost(server: NodeOpcUa, tmp_path: Path) -> None:
    """Collectors 11: no queue of ours grows. The server's own queue overflows, which it says of the value behind."""
    async with connector(source(server.url, mode="subscribe", every=SECOND // 50), tmp_path, 1) as own:
        await frames(own, lambda now: now == {"n0": double(0, server.sequence())})
        first = server.sequence()
        for _ in range(60):
            server.step()
            await asyncio.sleep(0.02)  # as often as it is sampled; ten of them fill the server's queue
        publisher = own._publisher
        assert publisher is not None
        assert len(publisher.ready) + len(publisher._waiting) == 2
        last = double(0, first + 60)
        _, taken = await frames(own, lambda now: now == {"n0": last})
        values = [value for frame in taken if frame.times is not None for value in frame.floats.tolist()]
        assert own._subscriptions[0].watch.overflows >= 1
        assert len(values) < 60
        assert values == sorted(values)


async def test_wrong_password(server: NodeOpcUa, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("guessed")
    own = replace(INSECURE, user=server.user, password=Secret(file=tmp_path / "password"))
    with pytest.raises(Disconnected, match="logging in: BadUserAccessDenied") as raised:
        await connector(source(server.url, security=own), tmp_path).__aenter__()
    assert "guessed" not in str(raised.value)


async def test_a_certificate_is_an_identity_where_nobody_is_anonymous(tmp_path: Path) -> None:
    pair = application(tmp_path / "own", "urn:plant:gemba")
    with NodeOpcUa(tmp_path / "server", nodes=16, types=TYPES, anonymous=False) as server:
        own = secured("Basic256Sha256", tmp_path, insecure=True)
        with pytest.raises(Disconnected, match=r"logging in: BadIdentityToken(Invalid|Rejected)"):
            await connector(source(server.url, security=own), tmp_path).__aenter__()
        named = replace(own, cert=pair.cert, key=pair.key)
        async with connector(source(server.url, security=named), tmp_path) as ours:
            now, _ = await frames(ours, lambda now: len(now) == 16)
            assert now == all_at(server)


async def test_a_restart_moves_the_namespace_and_no_point(tmp_path: Path) -> None:
    """Collectors 17: a node is found by the URI of its namespace, whatever its index has become."""
    server = NodeOpcUa(tmp_path / "server", nodes=16, types=TYPES)
    own = connector(source(server.url), tmp_path)
    with server:
        async with own:
            _, before = await frames(own, lambda now: len(now) == 16)
            assert own._polls[0].group.items[0].node.NamespaceIndex == 2
            server.stop()
            server.namespaces_before = 3
            with pytest.raises(Disconnected):
                await frames(own, lambda now: False)
            server.start()
        async with own:
            now, after = await frames(own, lambda now: len(now) == 16)
            assert own._polls[0].group.items[0].node.NamespaceIndex == 5
    assert now == {f"n{n}": value(n, 0) for n in range(16)}
    assert after[0].layout == before[0].layout


@pytest.mark.parametrize("mode", ["poll", "subscribe"])
async def test_a_thousand_nodes_through_a_narrow_door(tmp_path: Path, mode: str) -> None:
    """Collectors 19 and 3: no call names more than the server takes, and one bad node costs nobody else."""
    limits = {"maxNodesPerRead": 100, "maxMonitoredItemsPerCall": 90}
    with NodeOpcUa(tmp_path / "server", nodes=1050, limits=limits, bad={7: "BadSensorFailure"}) as server:
        async with connector(source(server.url, mode=mode, every=SECOND // 2), tmp_path, 1051) as own:
            now, taken = await frames(own, lambda now: len(now) == 1051)
            assert own.bad == {("a", "n7"): 0x808C0000, ("a", "n1050"): 0x80340000}
    expected: dict[str, Any] = {f"n{n}": double(n) for n in range(1050)}
    assert now == expected | {"n7": "BadSensorFailure", "n1050": "BadNodeIdUnknown"}
    if mode == "poll":
        assert sorted(len(frame.layout.columns) for frame in taken) == [51] + [100] * 10


@pytest.mark.parametrize("mode", ["poll", "subscribe"])
async def test_a_hung_server_is_noticed_and_comes_back(tmp_path: Path, mode: str) -> None:
    """Collectors 2, reliability fault 4: the socket stays open, and nothing comes."""
    with NodeOpcUa(tmp_path / "server", nodes=16, types=TYPES) as server:
        of = source(server.url, mode=mode)
        own = connector(of, tmp_path)
        async with own:
            await frames(own, lambda now: len(now) == 16)
            server.suspend()
            hurry(own, SECOND // 2)
            with pytest.raises(Disconnected, match=r"no answer within 0\.5 s|has not moved for \d+\.\d s"):
                await frames(own, lambda now: False)
        with pytest.raises(Disconnected, match=r"no answer within 0\.5 s"):
            await own.__aenter__()
        server.resume()
        own.source = of
        async with own:
            now, _ = await frames(own, lambda now: len(now) == 16)
            assert now == all_at(server)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_an_answer_that_came_while_we_stood_still_is_taken(
    server: NodeOpcUa, tmp_path: Path, run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    """The machine of the agent may stand still for longer than a deadline; the server did answer within it."""

    async def polling() -> None:
        async with connector(source(server.url), tmp_path) as own:
            await frames(own, lambda now: len(now) == 16)
            session = own._session
            assert session is not None
            send, wire = session.post, session.connection.protocol.transport
            assert wire is not None

            def stand_still(*request: Any) -> asyncio.Future[Any]:
                sent = send(*request)
                select.select([wire.get_extra_info("socket").fileno()], [], [], 60)
                time.sleep(0.06)
                return sent

            session.post = stand_still  # type: ignore[method-assign]
            hurry(own, SECOND // 20)
            for _ in range(5):
                now, _ = await frames(own, lambda now: True)
                assert now == all_at(server)

    run(polling())


async def sessions(server: NodeOpcUa) -> int:
    """As the server counts them, less the one that asks."""
    async with Client(server.url) as client:
        return int(await client.get_node("i=2277").read_value()) - 1


async def test_no_session_is_left_behind(server: NodeOpcUa, tmp_path: Path) -> None:
    """Collectors 1: thousands of sessions in minutes. Every one is closed, also when we are not let in or cancelled."""
    before = await sessions(server)
    of = source(server.url)
    for _ in range(10):
        async with connector(of, tmp_path) as own:
            await frames(own, lambda now: len(now) == 16)
    wrong = replace(of, profile="no-such")
    for _ in range(5):
        with pytest.raises(Disconnected, match="profile no-such is not known; known are s7-1200"):
            await connector(wrong, tmp_path).__aenter__()
    for after in (0.0, 0.002, 0.005, 0.01, 0.02, 0.05):
        task = asyncio.create_task(connector(of, tmp_path).__aenter__())
        await asyncio.sleep(after)
        task.cancel()
        for one in await asyncio.gather(task, return_exceptions=True):
            if isinstance(one, OpcUa):
                await one.__aexit__(None, None, None)
    async with asyncio.timeout(60):
        while (left := await sessions(server)) != before:
            await asyncio.sleep(0.1 * (left > 0))
