"""From devices whose values say whose they are, through an agent, into real databases that come, go, hang and refuse.

Whatever they do, the devices are read as if nothing were, and afterwards the database has what the journal has.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from config.load import load
from edge import forward, reconcile
from edge.agent import INFLUXDB, Agent
from edge.forward import CONSUMER
from store.influx import InfluxReader
from store.influx import server as module
from tests.edge.child import Child, until
from tests.edge.coded import Site, collecting, site
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2

EVERY = 50_000_000  # [ns] between two polls
TOKEN = "INFLUX_TOKEN"


def store(running: InfluxDB1 | InfluxDB2) -> str:
    if isinstance(running, InfluxDB1):
        return f'store: {{influxdb: {{url: "{running.url}", database: own}}}}\n'
    return f'store: {{influxdb: {{url: "{running.url}", org: gemba, bucket: own, token: {{file: token}}}}}}\n'


pytestmark = [pytest.mark.server("influxdb1", "influxdb2")]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Deadlines and pauses of a test's length."""
    monkeypatch.setattr(module, "WRITE", 1.0)
    monkeypatch.setattr(forward, "LAST", 1.0)
    monkeypatch.setattr(reconcile, "GRACE", 0)
    (tmp_path / "token").write_text(InfluxDB2.token)
    (tmp_path / "token").chmod(0o600)


@asynccontextmanager
async def plant(folder: Path, running: InfluxDB1 | InfluxDB2, count: int = 3) -> AsyncIterator[Site]:
    async with site(folder, count, every="50ms", more=store(running)) as found:
        yield found


async def emptied(agent: Agent) -> None:
    await until(lambda: agent.journal.backlog(CONSUMER) == 0 and not agent.status()[INFLUXDB]["trouble"], 40)


def judge(of: Site) -> None:
    """The database has every row of the journal, once, and nothing else."""
    of.judge()
    reader = InfluxReader(of.plant.store, of.plant)  # type: ignore[arg-type]
    for device in of.devices:
        series = reader.series(f"m{device.number}", ["count"], 0, 2**62)["count"]
        found = [int(value) for value, code in zip(series.numbers, series.quality, strict=True) if code < 2**30]
        assert found == of.kept(device.number)
        assert len(found) > 20
    reader.close()


def never_late(of: Site, agent: Agent) -> None:
    """Every device was read as often as it was to be, up to a hiccup of this machine."""
    for device in of.devices:
        times = agent.journal.series(f"m{device.number}", ["count"], 0, 2**62)["count"].time.tolist()
        late = [b - a for a, b in pairwise(times) if b - a > 20 * EVERY]
        assert late == []


Fault = Callable[[InfluxDB1 | InfluxDB2], Awaitable[None]]


async def stopped(server: InfluxDB1 | InfluxDB2) -> None:
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(1.0)
    await asyncio.to_thread(server.start)


async def killed(server: InfluxDB1 | InfluxDB2) -> None:
    for _ in range(2):
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await asyncio.sleep(0.5)


async def suspended(server: InfluxDB1 | InfluxDB2) -> None:
    server.suspend()
    await asyncio.sleep(2.0)
    server.resume()


FAULTS = [(InfluxDB2, stopped), (InfluxDB2, killed), (InfluxDB2, suspended), (InfluxDB1, killed)]


@pytest.mark.parametrize(("kind", "fault"), FAULTS)
async def test_a_server_that_goes_and_comes_back(
    kind: type[InfluxDB1 | InfluxDB2], fault: Fault, tmp_path: Path
) -> None:
    running = kind(tmp_path / "server")
    await asyncio.to_thread(running.start)
    try:
        async with plant(tmp_path, running) as of, collecting(of.plant) as agent:
            await until(lambda: agent.status()[INFLUXDB]["delivered"] > 50)
            await fault(running)
            await asyncio.sleep(0.5)
            never_late(of, agent)
            for device in of.devices:
                assert device.proxy is not None
                await device.proxy.close()
            await emptied(agent)
            judge(of)
    finally:
        await asyncio.to_thread(running.stop)


@pytest.mark.parametrize("kind", [InfluxDB2, InfluxDB1])
async def test_a_server_that_is_not_there_yet(kind: type[InfluxDB1 | InfluxDB2], tmp_path: Path) -> None:
    running = kind(tmp_path / "server")
    try:
        async with plant(tmp_path, running) as of, collecting(of.plant) as agent:
            await until(lambda: all(len(device.issued) > 30 for device in of.devices))
            assert agent.status()[INFLUXDB]["state"] == "waiting"
            assert "refused" in agent.status()[INFLUXDB]["trouble"]
            await asyncio.to_thread(running.start)
            await until(lambda: agent.status()[INFLUXDB]["delivered"] > 90, 30)
            never_late(of, agent)
            for device in of.devices:
                assert device.proxy is not None
                await device.proxy.close()
            await emptied(agent)
            judge(of)
    finally:
        await asyncio.to_thread(running.stop)


async def test_a_wrong_token_is_an_alarm_until_it_is_the_right_one(tmp_path: Path) -> None:
    with InfluxDB2(tmp_path / "server") as server:
        (tmp_path / "token").write_text("wrong")
        async with plant(tmp_path, server) as of, collecting(of.plant) as agent:
            await until(lambda: agent.status()[INFLUXDB]["state"] == "refused")
            await until(lambda: all(len(device.issued) > 30 for device in of.devices))
            assert "401" in agent.status()[INFLUXDB]["trouble"]
            (tmp_path / "token").write_text(server.token)
            await until(lambda: agent.status()[INFLUXDB]["delivered"] > 90, 30)
            for device in of.devices:
                assert device.proxy is not None
                await device.proxy.close()
            await emptied(agent)
            judge(of)


async def test_the_agent_killed_while_the_database_comes_and_goes(tmp_path: Path) -> None:
    with InfluxDB2(tmp_path / "server") as server:
        async with plant(tmp_path, server) as of:
            agent = Child(of.plant)
            for life in range(3):
                await agent.start()
                already = len(of.devices[0].issued)
                await until(lambda already=already: agent.ended or len(of.devices[0].issued) > already + 20)  # type: ignore[misc]
                await asyncio.sleep(1.5)
                if life % 2:
                    await asyncio.to_thread(server.kill)
                    await asyncio.to_thread(server.start)
                    await asyncio.sleep(0.5)
                await agent.kill()
            async with collecting(load(of.plant.file)) as last:
                for device in of.devices:
                    assert device.proxy is not None
                    await device.proxy.close()
                await emptied(last)
                judge(of)
