"""From devices whose values say whose they are, through an agent, into real databases that come, go, hang and refuse.

Whatever they do, the devices are read as if nothing were, and afterwards the database has what the journal has: every
number that was issued.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from config.plant import SECOND
from edge import forward, reconcile
from edge.agent import INFLUXDB, Agent
from gemba.cli import main
from store.influx import server as module
from store.journal import place
from tests.edge.between import Between, between
from tests.edge.child import PATIENCE, until
from tests.edge.coded import Site, collecting
from tests.edge.delivered import judged, line
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2
from tests.store.scripted import Reply

EVERY = 50_000_000  # [ns] between two polls
LATE = 30 * EVERY  # a poll that comes so late was held up
DEADLINE = 1.0  # [s] that a write may take
LARGE = 200  # bytes, of what a server takes that is easily overwhelmed: two lines
Databases = InfluxDB1 | InfluxDB2

pytestmark = [pytest.mark.server("influxdb1", "influxdb2")]
_hiccups: list[tuple[int, int]] = []


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, brisk: None) -> None:
    """Deadlines and pauses of a test's length."""
    monkeypatch.setattr(module, "WRITE", DEADLINE)
    monkeypatch.setattr(forward, "LAST", 1.0)
    monkeypatch.setattr(reconcile, "SETTLED", SECOND)


@pytest.fixture(autouse=True)
def hiccups() -> Iterator[None]:
    """From when to when all of this process stood still: a thread that does nothing but sleep woke late then."""
    over = threading.Event()

    def watch() -> None:
        began = time.time_ns()
        while not over.wait(EVERY / SECOND):
            began, last = time.time_ns(), began
            if began - last > 5 * EVERY:
                _hiccups.append((last, began))

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    over.set()
    watcher.join()
    _hiccups.clear()


def still(start: int, end: int) -> int:
    """How long it stood still within this time [ns]."""
    return sum(max(0, min(end, last) - max(start, first)) for first, last in _hiccups)


def told(agent: Agent) -> dict[str, object]:
    status: dict[str, object] = agent.status()[INFLUXDB]
    return status


def never_late(of: Site, agent: Agent) -> None:
    """Every device was read as often as it was to be, but while this machine stood still."""
    for device in of.devices:
        times = agent.journal.series(f"m{device.number}", ["count"], 0, 2**62)["count"].time.tolist()
        late = [b - a for a, b in pairwise(times) if b - a - still(a, b) > LATE]
        assert late == []


async def stopped(server: Databases) -> None:
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(1.0)
    await asyncio.to_thread(server.start)


async def killed(server: Databases) -> None:
    for _ in range(2):
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await asyncio.sleep(0.5)


async def suspended(server: Databases) -> None:
    server.suspend()
    await asyncio.sleep(2.0)
    server.resume()


FAULTS: list[tuple[type[Databases], Callable[[Databases], Awaitable[None]]]] = [
    (InfluxDB2, stopped),
    (InfluxDB2, killed),
    (InfluxDB2, suspended),
    (InfluxDB1, killed),
]


async def gone(kind: type[Databases], fault: Callable[[Databases], Awaitable[None]], folder: Path) -> None:
    folder.mkdir()
    with kind(folder / "server") as running:
        async with line(folder, running, 2) as of, collecting(of.plant) as agent:
            await until(lambda: told(agent)["delivered"] > 50)  # type: ignore[operator]
            await fault(running)
            await asyncio.sleep(0.5)
            never_late(of, agent)
            await judged(of)


async def test_servers_that_go_and_come_back(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        for kind, fault in FAULTS:
            group.create_task(gone(kind, fault, tmp_path / f"{kind.name}-{fault.__name__}"))


@pytest.mark.parametrize("kind", [InfluxDB2, InfluxDB1])
async def test_a_server_that_is_not_there_yet(kind: type[Databases], tmp_path: Path) -> None:
    running = kind(tmp_path / "server")
    try:
        async with line(tmp_path, running) as of, collecting(of.plant) as agent:
            await until(lambda: all(len(device.issued) > 30 for device in of.devices))
            await until(lambda: told(agent)["state"] == "waiting")
            assert "refused" in str(told(agent)["trouble"])
            await asyncio.to_thread(running.start)
            await until(lambda: told(agent)["delivered"] > 90)  # type: ignore[operator]
            never_late(of, agent)
            await judged(of)
    finally:
        await asyncio.to_thread(running.stop)


async def test_a_wrong_token_is_an_alarm_until_it_is_the_right_one(tmp_path: Path, influxdb2: InfluxDB2) -> None:
    (tmp_path / "token").write_text("wrong")
    (tmp_path / "token").chmod(0o600)
    async with line(tmp_path, influxdb2) as of, collecting(of.plant) as agent:
        await until(lambda: told(agent)["state"] == "refused")
        await until(lambda: all(len(device.issued) > 30 for device in of.devices))
        assert "401" in str(told(agent)["trouble"])
        (tmp_path / "token").write_text(influxdb2.token)
        await until(lambda: told(agent)["delivered"] > 90)  # type: ignore[operator]
        await judged(of)


# -- what a server answers ---------------------------------------------------------------------------------------------
def slow(of: Between, path: str, body: bytes) -> Reply:
    time.sleep(DEADLINE / 2)
    return of.passed(path, body)


def too_slow(of: Between, path: str, body: bytes) -> Reply:
    """It takes it, and whoever asked has gone by then."""
    reply = of.passed(path, body)
    time.sleep(1.5 * DEADLINE)
    return reply


def unauthorized(of: Between, path: str, body: bytes) -> Reply:
    return Reply(401, b'{"code":"unauthorized","message":"unauthorized access"}')


def too_large(of: Between, path: str, body: bytes) -> Reply:
    return Reply(413, b"request too large") if len(body) > LARGE else of.passed(path, body)


def too_many(of: Between, path: str, body: bytes) -> Reply:
    return Reply(429, b'{"code":"too many requests"}', {"Retry-After": "1"})


def unavailable(of: Between, path: str, body: bytes) -> Reply:
    return Reply(503, b"unavailable")


def partial(of: Between, path: str, body: bytes) -> Reply:
    """All of it but the lines of one machine, as a server does that dislikes a field's type."""
    mine = [row for row in body.split(b"\n") if row.startswith(b"asset,asset=m2,")]
    others = [row for row in body.split(b"\n") if row not in mine]
    reply = of.passed(path, b"\n".join(others)) if others else Reply()
    if not mine or reply.status != 204:
        return reply
    return Reply(400, b'{"code":"invalid","message":"partial write: field type conflict dropped=%d"}' % len(mine))


ANSWERS = {
    "slow": (slow, 204),
    "too-slow": (too_slow, 204),
    "unauthorized": (unauthorized, 401),
    "too-large": (too_large, 413),
    "too-many": (too_many, 429),
    "unavailable": (unavailable, 503),
    "partial": (partial, 400),
}


async def answered(fault: str, folder: Path, influx: InfluxDB2) -> None:
    """An agent, a place of its own in the database, and answers to its writes that are not the database's."""
    script, status = ANSWERS[fault]
    folder.mkdir()
    with between(influx.url) as way:
        async with line(folder, influx, 2, "100ms", way.url) as of, collecting(of.plant) as agent:
            await until(lambda: told(agent)["delivered"] > 50)  # type: ignore[operator]
            met = way.replies.count(status)
            way.script = script
            await until(lambda: way.replies.count(status) >= met + 2)
            if fault == "partial":
                await until(lambda: told(agent)["quarantined"])
            way.script = None
            never_late(of, agent)
            if fault == "partial":
                await until(lambda: told(agent)["state"] == "up")
                async with asyncio.timeout(PATIENCE):
                    while await asyncio.to_thread(main, ["quarantine", str(of.plant.file), "retry"]):
                        pass  # not within the deadline
            await judged(of)
            assert (place(of.plant) / "quarantine.jsonl").exists() == (fault == "partial")


async def test_servers_that_answer_otherwise(tmp_path: Path, influxdb2: InfluxDB2) -> None:
    async with asyncio.TaskGroup() as group:
        for fault in ANSWERS:
            group.create_task(answered(fault, tmp_path / fault, influxdb2), name=fault)


async def test_a_server_that_is_killed_when_it_has_just_acknowledged(tmp_path: Path, influx: InfluxDB2) -> None:
    """What it had acknowledged it had in memory alone, some of it."""
    forgotten = 0

    def forgets(of: Between, path: str, body: bytes) -> Reply:
        nonlocal forgotten
        lines = body.split(b"\n")
        kept = of.passed(path, b"\n".join(lines[::2]))
        forgotten += len(lines) // 2
        influx.kill()
        way.script = None
        return kept

    with between(influx.url) as way:
        async with line(tmp_path, influx, url=way.url) as of, collecting(of.plant) as agent:
            await until(lambda: told(agent)["delivered"] > 50)  # type: ignore[operator]
            for death in range(1, 3):
                way.script = forgets
                await until(lambda: not influx.alive)
                away = way.replies.count(503)
                await until(lambda away=away: way.replies.count(503) > away)  # type: ignore[misc]
                await asyncio.to_thread(influx.start)
                await until(lambda death=death: way.replies[-death:].count(204) == death)  # type: ignore[misc]
            never_late(of, agent)
            await judged(of)
            assert forgotten
            assert told(agent)["mended"]
