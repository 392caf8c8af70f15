"""End to end, with faults of the agent and its machine: killed at random, its disk full, its clock set, its plant file
spoilt, a second agent started. What was issued is in InfluxDB 2.7.12 once, or lies in a gap that is on record there.
"""

import asyncio
import random
import signal
from pathlib import Path

import pytest

from config.plant import SECOND
from connectors import quality
from edge import agent as agent_module
from store.influx import InfluxReader
from store.journal import History, place
from tests.edge.child import Child, child, until
from tests.edge.coded import POINTS, Stepping, collecting, site
from tests.edge.delivered import judged, line
from tests.edge.messages import NUMBER, SETTINGS, Messages
from tests.edge.oracle import rows
from tests.servers.influxdb2 import InfluxDB2
from tests.servers.mosquitto import Mosquitto

PLANTS, KILLS = 2, 25
LIFE = 0.5  # [s] at most, after the first poll: commits come each 200 ms where a broker waits
TOGETHER = 5  # every so often the database is killed as well, and the agent while it starts
DONE = 4  # and every so often it is killed once it has committed something, however slow this machine is
HOUR = 3600 * SECOND


@pytest.mark.server("mosquitto", "influxdb2")
async def test_killed_at_random_again_and_again(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    async with asyncio.TaskGroup() as group:
        for number in range(PLANTS):
            folder = tmp_path / f"plant-{number}"
            folder.mkdir()
            group.create_task(killed_again_and_again(folder, random.Random(seed + number)))


async def killed_again_and_again(folder: Path, chance: random.Random) -> None:
    """A plant, a broker and a database of its own."""
    with Mosquitto(folder / "broker", settings=SETTINGS) as broker, InfluxDB2(folder / "server") as influx:
        machine = Messages(broker)
        async with line(folder, influx, 2, others=[machine]) as of:
            before: dict[int, list[int]] = {1: [], 2: [], NUMBER: []}
            agent = Child(of.plant)
            try:
                for kill in range(1, KILLS + 1):
                    await agent.start()
                    if kill == 1:
                        await agent.ready()
                        await until(lambda: "d20: connected" in agent.said and of.kept(1) and of.kept(2))
                        machine.begin(every=0.02)
                    if kill % TOGETHER:
                        asked = len(of.devices[0].issued)
                        await until(lambda asked=asked: len(of.devices[0].issued) > asked)  # type: ignore[misc]
                        if not kill % DONE:
                            await until(lambda: of.kept(1) != before[1])
                    await asyncio.sleep(chance.uniform(0, LIFE))
                    if not kill % TOGETHER:
                        await asyncio.to_thread(influx.kill)
                    await agent.kill()
                    if not influx.alive:
                        await asyncio.to_thread(influx.start)
                    for number, had in before.items():
                        kept = of.kept(number)
                        assert kept[: len(had)] == had, "committed, and gone"
                        before[number] = kept
            finally:
                await agent.kill()
                await machine.end()
            async with child(of.plant):
                await until(lambda: len(of.kept(NUMBER)) >= len(machine.issued))
                await judged(of)
                assert of.kept(NUMBER) == machine.issued


@pytest.mark.privilege("tmpfs")
async def test_a_full_disk_costs_no_poll_and_it_goes_on_by_itself(disk: Path, influxdb2: InfluxDB2) -> None:
    async with (
        line(disk, influxdb2, 2, more="keep: {free: 0%}\n") as of,
        child(of.plant, log=disk.parent) as agent,
    ):
        await until(lambda: all(of.kept(device.number) for device in of.devices))
        ballast = disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        await until(lambda: "frames wait in memory" in agent.said)
        assert "the disk is full" in agent.said
        issued = [len(device.issued) for device in of.devices]
        await until(lambda: all(len(d.issued) > n + 20 for d, n in zip(of.devices, issued, strict=True)))
        assert (await agent.status())["trouble"]
        ballast.unlink()
        await until(lambda: "commits work again" in agent.said)
        assert (await agent.status())["trouble"] == ""
        await judged(of)
        lost = (await agent.status())["journal"]["lost"]
        await agent.stop()
        history = History(place(of.plant))
        told = sum(int(str(event.detail["frames"])) for event in history.events(0, 2**62, ["loss"]))
        history.close()
        assert told == lost
        for device in of.devices:
            assert len(device.issued) - len(of.kept(device.number)) <= lost + 3


@pytest.mark.usefixtures("brisk")
@pytest.mark.parametrize("hours", [1, -1])
async def test_the_clock_is_set(tmp_path: Path, influxdb2: InfluxDB2, hours: int) -> None:
    """Each frame is of the epoch of the clock that stamped it, and the database has all of both epochs."""
    async with line(tmp_path, influxdb2) as of:
        clock = Stepping()
        async with collecting(of.plant, clock) as agent:
            await until(lambda: all(len(device.issued) > 30 for device in of.devices))
            began = clock.wall_ns()
            clock.by = hours * HOUR
            seen = [len(device.issued) for device in of.devices]
            await until(lambda: all(len(d.issued) > n + 30 for d, n in zip(of.devices, seen, strict=True)))
            assert agent.status()["clock"]["steps"] == 1
            await judged(of)
        reader = InfluxReader(of.plant.store, of.plant)  # type: ignore[arg-type]
        for number, point in ((device.number, point) for device in of.devices for point in POINTS):
            found = rows(reader, f"m{number}", point)
            epochs = sorted({epoch for epoch, *_ in found})
            assert len(epochs) == 2
            for epoch, time, *_ in found:
                assert (epoch == epochs[1]) == (abs(time - began) > HOUR // 2), "of the other epoch"
        (event,) = reader.events(0, 2**62, ["clock"])
        assert event.detail["epoch"] == epochs[1]
        reader.close()


async def test_a_spoilt_plant_file_and_a_second_agent(tmp_path: Path, influxdb2: InfluxDB2) -> None:
    async with line(tmp_path, influxdb2) as of, child(of.plant) as agent:
        await until(lambda: all(of.kept(device.number) for device in of.devices))
        file = of.plant.file
        text = file.read_text(encoding="utf-8")
        second = Child(of.plant)
        second.log = tmp_path / "second.log"
        for spoilt in (text + "nonsense: 1\n", text[: len(text) // 2], "", text.replace("every: 50ms", "every: soon")):
            file.write_text(spoilt, encoding="utf-8")
            refused = agent.said.count("the old one stays")
            agent.send(signal.SIGHUP)
            await until(lambda refused=refused: agent.said.count("the old one stays") > refused)  # type: ignore[misc]
        file.write_text(text, encoding="utf-8")
        await second.start()
        assert await second.wait() == 1
        assert f"another agent writes this journal (got process {agent.pid})" in second.said
        seen = [len(device.issued) for device in of.devices]
        await until(lambda: all(len(d.issued) > n + 20 for d, n in zip(of.devices, seen, strict=True)))
        await judged(of)
        gaps = [sum(code > 0 for _, code in of.rows(device.number)) for device in of.devices]
        assert gaps == [1] * len(of.devices), "that of the end alone"


async def test_a_full_journal_stops_collecting_until_a_reload_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brisk: None
) -> None:
    """`when_full: stop`: no device is asked for what nobody could keep; another `keep` counts from its reload on."""
    monkeypatch.setattr(agent_module, "TEND", 0.3)
    async with site(tmp_path, 2, "50ms", "keep: {free: 0%, when_full: stop}\n") as of, collecting(of.plant) as agent:
        sources = [collector.seen for collector in agent.collectors.values()]
        file, text = of.plant.file, of.plant.file.read_text(encoding="utf-8")
        for _ in range(2):
            asked = len(of.devices[0].issued)
            await until(lambda asked=asked: len(of.devices[0].issued) > asked + 10)  # type: ignore[misc]
            file.write_text(text.replace("free: 0%", "free: 99%"), encoding="utf-8")
            assert await agent.reload()
            await until(lambda: all("`when_full: stop` holds" in seen.trouble for seen in sources))
            assert "the journal is full" in agent.status()["trouble"]
            disk = agent.status()["journal"]
            assert disk["free"] < disk["wanted"] and disk["when_full"] == "stop"
            issued, failures = [len(device.issued) for device in of.devices], agent.keeper.kept.failures
            await until(lambda failures=failures: agent.keeper.kept.failures > failures + 1)  # type: ignore[misc]
            assert [len(device.issued) for device in of.devices] == issued
            file.write_text(text, encoding="utf-8")
            assert await agent.reload()
            await until(lambda: all(seen.state == "up" for seen in sources))
        assert agent.status()["trouble"] == "" and agent.status()["journal"]["wanted"] == 0
    of.judge(ended=True)
    assert all(quality.BAD_OUT_OF_SERVICE in {code for _, code in of.rows(device.number)} for device in of.devices)
