"""Simulated plant, agent, journal, InfluxDB 2.7.12: whatever happens on the way, what was issued is in the database
once, or lies in a gap that is on record there.
"""

import asyncio
import signal
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from connectors.mqtt.owed import WINDOW
from edge import backoff
from edge.agent import Agent
from simulators.faults import Proxy
from store.journal import History, place
from tests.edge.child import Child, until
from tests.edge.coded import Machine, Site, collecting
from tests.edge.delivered import judged, line
from tests.edge.device import Apart
from tests.edge.messages import NUMBER, SETTINGS, Messages
from tests.edge.oracle import rows
from tests.servers.influxdb2 import InfluxDB2
from tests.servers.mosquitto import Mosquitto

SICK = {
    "refuse": 0,
    "restart": 0,
    "stall": 0,
    "hang": 0,
    "garbage": 0,
    "wrong-unit": 0,
    "late": 2000,
}
SLOW = 200  # [ms]: a slow device takes four intervals
MISSED = "1s"  # after which a device that falls silent is missed: one that is well has longer
ROUNDS = 2
SYN_SENT = "02"  # in /proc/net/tcp
RESTARTS = 20


def gaps(of: Site, number: int) -> int:
    """How often the record of a device goes from values to none."""
    history = History(place(of.plant))
    codes = [code for _, _, _, code in rows(history, f"m{number}", "count")]
    history.close()
    return sum(not one and bool(other) for one, other in pairwise(codes))


def ended(agent: Agent, number: int) -> int:
    """How many connections there have been to a device, none of which lives any more."""
    seen = agent.collectors[f"d{number}"].seen
    assert seen.state == "retrying"
    return seen.connections


async def states(agent: Agent, wanted: dict[str, str]) -> None:
    """Waits until so much is known of every source."""
    await until(lambda: {name: one.seen.state for name, one in agent.collectors.items()} == wanted)


def under_way(address: str) -> bool:
    """Whether the kernel keeps anything for this far end, of a connection that was made: it would arrive in the end,
    and be answered to nobody."""
    far = bytes(map(int, reversed(address.split(".")))).hex().upper()
    rows = (row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(row[2].startswith(far) and row[3] != SYN_SENT and int(row[4].split(":")[0], 16) for row in rows)


async def more(machines: Sequence[Machine], count: int = 10) -> None:
    """Waits until every one of them was asked so often again."""
    seen = [len(machine.issued) for machine in machines]
    await until(lambda: all(len(one.issued) > n + count for one, n in zip(machines, seen, strict=True)))


@pytest.mark.usefixtures("brisk")
async def test_devices_each_of_which_fails_in_its_own_way(tmp_path: Path, influxdb2: InfluxDB2) -> None:
    """Each of its connections ends with one gap; a device that is well has none before the end, however slow it is."""
    async with (
        line(tmp_path, influxdb2, len(SICK), timeout=MISSED, well=2) as of,
        collecting(of.plant) as agent,
    ):
        *sick, slow, well = of.devices
        up = {f"d{device.number}": "up" for device in of.devices}
        for _ in range(ROUNDS):
            await states(agent, up)
            await more(of.machines)
            for device, (kind, by) in zip(sick, SICK.items(), strict=True):
                await device.fault(kind, by)
            await slow.fault("late", SLOW)
            await states(agent, up | {f"d{device.number}": "retrying" for device in sick})
            await more([well])
            for device in of.devices:
                await device.fault()
        await states(agent, up)
        await more(of.machines)
        await judged(of)
        assert [gaps(of, slow.number), gaps(of, well.number)] == [1, 1]
        for device in sick:
            assert ROUNDS + 1 <= gaps(of, device.number) <= ended(agent, device.number)


@pytest.mark.usefixtures("brisk")
@pytest.mark.privilege("netns")
async def test_a_device_that_hangs_and_one_at_the_end_of_a_pulled_cable(
    tmp_path: Path, influxdb2: InfluxDB2, cable: tuple[str, str, str]
) -> None:
    """Half-open: neither socket is ever told."""
    name, near, address = cable

    def link(state: str) -> None:
        subprocess.run(["ip", "link", "set", near, state], check=True)

    hung = Apart(31, tmp_path)
    far = Apart(32, tmp_path, address, ("ip", "netns", "exec", name))
    try:
        async with line(tmp_path, influxdb2, 1, others=[hung, far]) as of, collecting(of.plant) as agent:
            up = dict.fromkeys(("d1", "d31", "d32"), "up")
            for _ in range(ROUNDS):
                await states(agent, up)
                await more(of.machines)
                await hung.fault("hang")
                link("down")
                await states(agent, up | {"d31": "retrying", "d32": "retrying"})
                await more(of.devices)
                await until(lambda: not under_way(address))
                await hung.fault()
                link("up")
            await states(agent, up)
            await more(of.machines)
            await judged(of)
            assert gaps(of, 1) == 1
            for number in (31, 32):
                assert ROUNDS + 1 <= gaps(of, number) <= ended(agent, number)
    finally:
        hung.close()
        far.close()


@pytest.mark.server("mosquitto")
async def test_a_broker_that_is_restarted_again_and_again(
    tmp_path: Path, influxdb2: InfluxDB2, monkeypatch: pytest.MonkeyPatch, brisk: None
) -> None:
    monkeypatch.setattr(backoff, "HELD", 0.0)  # each time is as good as the first
    with Mosquitto(tmp_path / "broker", settings=SETTINGS) as broker:
        machine = Messages(broker, timed=True)
        async with line(tmp_path, influxdb2, 1, others=[machine]) as of, collecting(of.plant) as agent:
            seen = agent.collectors[f"d{NUMBER}"].seen
            await until(lambda: seen.state == "up")
            machine.begin(every=0.01)
            for restart in range(1, RESTARTS + 1):
                frames = seen.frames
                await until(lambda frames=frames: seen.state == "up" and seen.frames > frames + 30)  # type: ignore[misc]
                await asyncio.to_thread(broker.restart)
                await until(lambda restart=restart: seen.connections > restart)  # type: ignore[misc]
            await machine.end()
            await until(lambda: len(of.kept(NUMBER)) >= len(machine.issued))
            await judged(of)
            assert of.kept(NUMBER) == machine.issued


class Deaf(Proxy):
    """What the agent says does not arrive any more once it is `deaf`."""

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: bool) -> None:
        try:
            while data := await reader.read(65_536):
                if reply or self.fault != "deaf":
                    writer.write(data)
                    await writer.drain()
        except ConnectionError:
            pass


@pytest.mark.server("mosquitto")
async def test_messages_that_were_committed_and_never_acknowledged_make_no_second_row(
    tmp_path: Path, influxdb2: InfluxDB2
) -> None:
    """Killed between commit and acknowledgement, or another plant file is read then. Their rows have the time of
    receipt: nothing else would tell that two are one."""
    with Mosquitto(tmp_path / "broker", settings=SETTINGS | {"max_inflight_messages": WINDOW}) as broker:
        way = Deaf(broker.port)
        machine = Messages(broker, port=await way.open())
        async with line(tmp_path, influxdb2, 0, others=[machine]) as of:
            agent = Child(of.plant)
            text = of.plant.file.read_text(encoding="utf-8")

            async def more_kept() -> None:
                kept = len(of.kept(NUMBER))
                await until(lambda: len(of.kept(NUMBER)) > kept + 5)

            try:
                for life in range(1, 4):
                    connected = agent.said.count(": connected")
                    await agent.start()
                    await until(lambda connected=connected: agent.said.count(": connected") > connected)  # type: ignore[misc]
                    if life == 1:
                        machine.begin(every=0.02)
                    await more_kept()
                    await way.set("deaf")
                    await more_kept()
                    of.plant.file.write_text(text.replace("timeout: 10s", f"timeout: {10 + life}s"), encoding="utf-8")
                    await way.set()
                    agent.send(signal.SIGHUP)
                    await until(lambda life=life: agent.said.count("was read again") == life)  # type: ignore[misc]
                    await more_kept()
                    await way.set("deaf")
                    await more_kept()
                    await agent.kill()
                    way.drop()
                    await way.set()
                await machine.end()
                await agent.start()
                await until(lambda: len(of.kept(NUMBER)) >= len(machine.issued))
                await judged(of)
                assert of.kept(NUMBER) == machine.issued
            finally:
                await agent.kill()
                await way.close()
