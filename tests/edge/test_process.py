"""The agent as a process: killed, stopped, reloaded, watched by a supervisor."""

import asyncio
import signal
from pathlib import Path

import pytest

from connectors import quality
from store.journal import History, place
from tests.edge.child import Child, Supervisor, child, until
from tests.edge.coded import site

EVERY = 0.05  # [s] between two polls
SELDOM = 5.0  # [s] between two commits: one is due each second


async def test_what_was_read_a_commit_ago_survives_a_kill(tmp_path: Path) -> None:
    async with site(tmp_path, 1, every="50ms") as plant, child(plant.plant) as agent:
        await until(lambda: len(plant.devices[0].issued) > 10)
        promised = plant.devices[0].issued[5:10]
        before = now = await agent.status()
        while now["journal"]["commits"] < before["journal"]["commits"] + 2:  # one may have been on its way
            await asyncio.sleep(0.05)
            now = await agent.status()
        await agent.kill()
        assert set(promised) <= set(plant.kept(1))
        assert now["sources"]["d1"]["frames"] * EVERY < now["journal"]["commits"] * SELDOM


async def test_a_clean_stop_waits_for_no_device_and_loses_nothing(tmp_path: Path) -> None:
    async with site(tmp_path, 3, timeout="10min") as plant, child(plant.plant) as agent:
        await until(lambda: all(len(device.issued) > 10 for device in plant.devices))
        await plant.devices[0].proxy.set("hang")  # type: ignore[union-attr]
        await agent.stop()
        for device in plant.devices[1:]:
            assert len(device.issued) - len(plant.kept(device.number)) <= 3
        history = History(place(plant.plant))
        assert [event.kind for event in history.events(0, 2**62, ["start", "stop"])] == ["start", "stop"]
        history.close()


async def test_a_bad_plant_file_on_sighup_keeps_the_old_one(tmp_path: Path) -> None:
    async with site(tmp_path, 1) as plant, child(plant.plant) as agent:
        await until(lambda: len(plant.devices[0].issued) > 3)
        text = plant.plant.file.read_text(encoding="utf-8")
        plant.plant.file.write_text(text + "nonsense: 1\n", encoding="utf-8")
        agent.send(signal.SIGHUP)
        await until(lambda: "the old one stays" in agent.said)
        assert "nonsense: unknown key" in (await agent.status())["trouble"]
        seen = len(plant.devices[0].issued)
        await until(lambda: len(plant.devices[0].issued) > seen + 3)
        plant.plant.file.write_text(text, encoding="utf-8")
        agent.send(signal.SIGHUP)
        await until(lambda: "was read again" in agent.said)
        assert (await agent.status())["trouble"] == ""
        assert len(plant.devices[0].issued) > seen
        await agent.stop()
        plant.judge()
        assert [code for _, code in plant.rows(1) if code] == [quality.BAD_SHUTDOWN], "the reload was no gap"


async def test_a_second_agent_ends_and_says_why(tmp_path: Path) -> None:
    async with site(tmp_path, 1) as plant, child(plant.plant) as first:
        second = Child(plant.plant)
        second.log = tmp_path / "second.log"
        await second.start()
        assert await second.wait() == 1
        assert f"another agent writes this journal (got process {first.pid})" in second.said
        assert "Traceback" not in second.said
        seen = len(plant.devices[0].issued)
        await until(lambda: len(plant.devices[0].issued) > seen + 3)


async def test_the_supervisor_is_told_of_progress_and_of_nothing_else(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    watched = {"NOTIFY_SOCKET": str(supervisor.path), "WATCHDOG_USEC": "600000"}
    try:
        async with site(tmp_path, 1) as plant, child(plant.plant, environment=watched) as agent:
            await until(lambda: supervisor.told.count("WATCHDOG=1") > 3)
            assert supervisor.told[0] == "READY=1"
            agent.send(signal.SIGSTOP)
            await asyncio.sleep(0.1)
            hung = len(supervisor.told)
            await asyncio.sleep(0.8)
            assert len(supervisor.told) == hung
            agent.send(signal.SIGCONT)
            await until(lambda: len(supervisor.told) > hung)
            await agent.stop()
            assert supervisor.told[-1] == "STOPPING=1"
    finally:
        supervisor.close()


async def test_a_quiet_plant_is_no_hung_agent(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    watched = {"NOTIFY_SOCKET": str(supervisor.path), "WATCHDOG_USEC": "400000"}
    try:
        async with site(tmp_path, 1, every="1min") as plant, child(plant.plant, environment=watched):
            await until(lambda: supervisor.told.count("WATCHDOG=1") > 6)
            assert len(plant.devices[0].issued) <= 3
    finally:
        supervisor.close()


@pytest.mark.privilege("strace")
async def test_a_disk_that_fails_a_sync_ends_the_process_and_nothing_false_is_kept(tmp_path: Path) -> None:
    inject = ("strace", "-f", "-o", "/dev/null", "-e", "inject=fdatasync:error=EIO:when=7+")
    async with site(tmp_path, 1, every="50ms") as plant:
        agent = Child(plant.plant, inject)
        await agent.start()
        try:
            assert await agent.wait() == 1
        finally:
            await agent.kill()
        assert "the disk failed" in agent.said
        assert "Traceback" not in agent.said
        before = plant.kept(1)
        assert before
        async with child(plant.plant):
            await until(lambda: len(plant.kept(1)) > len(before) + 3)
        plant.judge()
