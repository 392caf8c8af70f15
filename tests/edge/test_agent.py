"""The agent against devices whose values say whose they are, while things go wrong on the way."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from config.load import load
from config.plant import SECOND
from connectors import quality
from connectors.clock import SYSTEM
from edge.collect import Collector
from edge.keep import Keeper
from edge.status import ask, socket_path
from store import StoreError
from store.journal import History, Journal, place
from tests.edge.child import until
from tests.edge.coded import Site, Stepping, collecting, site

pytestmark = pytest.mark.usefixtures("brisk")


async def test_everything_that_was_read_is_kept_once(tmp_path: Path) -> None:
    async with site(tmp_path, 3) as plant:
        async with collecting(plant.plant):
            await until(lambda: all(len(device.issued) > 15 for device in plant.devices))
        plant.judge()
        for device in plant.devices:
            # The connector meets a device with one request of its own; every poll after that is a row.
            assert len(device.issued) - len(plant.kept(device.number)) <= 2


async def test_a_source_that_is_gone_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with site(tmp_path, 1) as plant:
        (device,) = plant.devices
        assert device.proxy is not None
        with caplog.at_level("INFO", "gemba.collect"):
            async with collecting(plant.plant) as agent:
                await until(lambda: len(device.issued) > 3)
                await device.proxy.set("refuse")
                await until(lambda: agent.collectors["d1"].seen.failures >= 2)
                await device.proxy.set()
                await until(lambda: agent.collectors["d1"].seen.state == "up")
        said = [record.getMessage() for record in caplog.records if record.name == "gemba.collect"]
        assert [text.split(":")[1].strip() for text in said] == ["connected", "lost", "connected"]


async def test_between_two_runs_nothing_is_known(tmp_path: Path) -> None:
    async with site(tmp_path, 1) as plant:
        for _ in range(2):
            already = len(plant.devices[0].issued)
            async with collecting(plant.plant):
                await until(lambda already=already: len(plant.devices[0].issued) > already + 4)  # type: ignore[misc]
        rows = plant.rows(1)
        stopped = [place for place, (_, code) in enumerate(rows) if code == quality.BAD_SHUTDOWN]
        assert stopped
        assert 0 < stopped[0] < len(rows) - 1
        assert rows[-1][1] == quality.BAD_SHUTDOWN
        plant.judge()
        history = History(place(plant.plant))
        assert [event.kind for event in history.events(0, 2**62, ["start", "stop"])] == ["start", "stop"] * 2
        history.close()


async def test_a_second_agent_is_refused(tmp_path: Path) -> None:
    async with site(tmp_path, 1) as plant, collecting(plant.plant):
        with pytest.raises(StoreError, match="another agent writes this journal"):
            async with collecting(plant.plant):
                pass


async def test_what_a_running_agent_says_of_itself(tmp_path: Path) -> None:
    async with site(tmp_path, 2) as plant:
        async with collecting(plant.plant) as agent:
            await until(lambda: all(c.seen.frames > 3 for c in agent.collectors.values()))
            await until(lambda: agent.keeper.kept.commits > 0)
            path = socket_path(place(plant.plant))
            status = await asyncio.to_thread(ask, path)
            metrics = await asyncio.to_thread(ask, path, "/metrics")
            nothing = await asyncio.to_thread(ask, path, "/other")
        assert status is not None
        assert b'"state": "up"' in status
        assert metrics is not None
        assert b'gemba_source_up{plant="coded-01",source="d1"} 1' in metrics
        assert nothing is None
        assert await asyncio.to_thread(ask, path) is None


async def reloaded(plant: Site, text: str) -> tuple[bool, str]:
    async with collecting(plant.plant) as agent:
        await until(lambda: len(plant.devices[0].issued) > 3)
        plant.plant.file.write_text(text, encoding="utf-8")
        done = await agent.reload()
        seen = len(plant.devices[0].issued)
        await until(lambda: len(plant.devices[0].issued) > seen + 3)
        return done, agent.trouble


async def test_a_faulty_reload_keeps_the_old_plant(tmp_path: Path) -> None:
    async with site(tmp_path, 1) as plant:
        text = plant.plant.file.read_text(encoding="utf-8")
        done, trouble = await reloaded(plant, text + "nonsense: 1\n")
        assert not done
        assert "nonsense: unknown key" in trouble
        plant.judge()


async def test_a_reload_may_take_a_source_away_and_bring_one(tmp_path: Path) -> None:
    async with site(tmp_path, 2) as plant:
        text = plant.plant.file.read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if "d2" not in line]
        async with collecting(plant.plant) as agent:
            await until(lambda: all(len(device.issued) > 3 for device in plant.devices))
            plant.plant.file.write_text("\n".join(lines) + "\n", encoding="utf-8")
            assert await agent.reload()
            at, stays = {}, len(plant.devices[0].issued)
            for more in (5, 10):  # what was on its way has come before five polls of the other one
                await until(lambda more=more: len(plant.devices[0].issued) > stays + more)  # type: ignore[misc]
                at[more] = gone = len(plant.devices[1].issued)
            assert at[5] == at[10]
            plant.plant.file.write_text(text, encoding="utf-8")
            assert await agent.reload()
            await until(lambda: len(plant.devices[1].issued) > gone + 3)
        plant.judge()


async def test_a_journal_may_lie_deeper_than_a_socket_address_is_long(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    async with site(deep, 1) as plant:
        path = socket_path(place(plant.plant))
        assert len(str(path)) > 107
        async with collecting(plant.plant):
            assert await asyncio.to_thread(ask, path) is not None
            assert path.stat().st_mode & 0o777 == 0o600


async def test_an_agent_without_sources_waits_for_a_plant_file_that_has_some(tmp_path: Path) -> None:
    async with site(tmp_path, 1) as plant:
        text = plant.plant.file.read_text(encoding="utf-8")
        plant.plant.file.write_text(text.split("sources:")[0], encoding="utf-8")
        async with collecting(load(plant.plant.file)) as agent:
            assert agent.status()["sources"] == {}
            plant.plant.file.write_text(text, encoding="utf-8")
            assert await agent.reload()
            await until(lambda: len(plant.devices[0].issued) > 3)
        plant.judge()


async def test_what_fails_in_the_agent_itself_ends_it(tmp_path: Path) -> None:
    async with site(tmp_path, 1) as plant:
        with pytest.raises(StoreError, match="the disk failed"):
            async with collecting(plant.plant) as agent:
                await until(lambda: agent.keeper.kept.commits > 0)
                agent.journal._dead = StoreError("the disk failed", fatal=True)
                await until(agent._stopping.is_set)


async def test_two_reloads_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    async with site(tmp_path, 2) as plant:
        text = plant.plant.file.read_text(encoding="utf-8")
        async with collecting(plant.plant) as agent:
            await until(lambda: all(len(device.issued) > 2 for device in plant.devices))
            lines = [line for line in text.splitlines() if "d2" not in line]
            plant.plant.file.write_text("\n".join(lines) + "\n", encoding="utf-8")
            assert all(await asyncio.gather(agent.reload(), agent.reload()))
            assert set(agent.collectors) == {"d1"}
        plant.judge()


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_step_of_the_clock_is_an_epoch_and_no_burst(tmp_path: Path, hours: int) -> None:
    async with site(tmp_path, 1, "50ms") as plant:
        (device,) = plant.devices
        clock = Stepping()
        async with collecting(plant.plant, clock) as agent:
            await until(lambda: len(device.issued) > 10)
            began, before = time.monotonic(), len(device.issued)
            clock.by = hours * 3600 * SECOND
            await until(lambda: agent.status()["clock"]["steps"] == 1)
            await until(lambda: len(device.issued) > before + 20)
            assert len(device.issued) - before <= 20 * (time.monotonic() - began) + 3
            age = agent.status()["sources"]["d1"]["age"]
            assert 0 <= age < 600, "told by the monotonic clock"
            await device.proxy.set("refuse")  # type: ignore[union-attr]
            await until(lambda: agent.collectors["d1"].seen.state == "retrying")
        history = History(place(plant.plant))
        (event,) = history.events(0, 2**62, ["clock"])
        series = history.series("m1", ["count"], 0, 2**62)["count"]
        history.close()
        assert event.detail["new"] - event.detail["old"] == pytest.approx(hours * 3600 * SECOND, abs=60 * SECOND)  # type: ignore[operator]
        assert len(set(series.epoch.tolist())) == 2
        order = np.argsort(series.numbers[series.quality == 0])
        times = series.time[series.quality == 0][order]
        steps = np.flatnonzero(np.abs(np.diff(times)) > 3000 * SECOND)
        assert len(steps) == 1, "the times of rows go once with the clock"
        gaps = series.time[series.quality == quality.BAD_NOT_CONNECTED]
        assert len(gaps)
        assert abs(int(gaps[0]) - int(times[-1])) < 600 * SECOND, "the gap is told by the new clock"


async def test_a_fault_inside_a_connector_is_a_source_that_is_tried_again(tmp_path: Path) -> None:
    async with site(tmp_path, 1) as plant:
        source = replace(plant.plant.sources["d1"], protocol="mqtt")  # one that may be silent as long as it likes
        journal = Journal.open(place(plant.plant), plant.plant.keep)
        keeper = Keeper(journal)

        def broken(*_: object, **__: object) -> None:
            raise TimeoutError

        collector = Collector(source, plant.plant.points(), plant.plant, broken, keeper, SYSTEM)  # type: ignore[arg-type]
        task = asyncio.create_task(collector.run())
        await until(lambda: collector.seen.failures >= 1)
        await asyncio.sleep(0.05)
        assert not task.done()
        task.cancel()
        await asyncio.wait({task})
        await keeper.close()
        journal.close()
