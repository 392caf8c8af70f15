"""The keeper on a real journal whose disk or policy says no: nothing twice, nothing silent, nothing unbounded."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from config.plant import Keep
from connectors import quality
from connectors.base import Column, Frame, Layout, gap, layout
from edge import keep
from edge.batch import Owner
from edge.keep import Keeper
from store.journal import Journal
from tests.edge.child import PATIENCE

KEEP = Keep(free=Fraction(0))
OF = layout("s", "g", [Column("a", "x", "int")])
OTHER = layout("t", "g", [Column("b", "x", "int")])


def row(second: int, of: Layout = OF) -> Frame:
    return Frame(of, second, ints=np.array([second], np.int64))


@asynccontextmanager
async def keeping(folder: Path, room: int = 1000, keep: Keep = KEEP) -> AsyncIterator[Keeper]:
    journal = Journal.open(folder / "journal", keep)
    keeper = Keeper(journal, room, commit=0.05)
    try:
        yield keeper
    finally:
        await keeper.close()
        journal.close()


@contextmanager
def a_full_disk(journal: Journal) -> Iterator[None]:
    """SQLite's own limit of pages: a write that needs another one fails as it does on a full disk."""
    (pages,) = journal.live.connection.execute("PRAGMA page_count").fetchone()
    journal.live.connection.execute(f"PRAGMA max_page_count={pages}")
    yield
    journal.live.connection.execute("PRAGMA max_page_count=1000000")


def rows(keeper: Keeper, asset: str = "a") -> list[tuple[int, int]]:
    found = keeper.journal.series(asset, ["x"], 0, 2**62)["x"]
    return list(zip(found.time.tolist(), found.quality.tolist(), strict=True))


async def refused(keeper: Keeper, start: int) -> int:
    """Puts frames until a commit fails; the time of the next one."""
    second = start
    while not keeper.kept.failures:
        for _ in range(200):
            keeper.put(row(second))
            second += 1
        await keeper.commit()
        assert second < 100_000
    return second


async def test_what_a_full_disk_costs_is_counted_told_and_a_gap(tmp_path: Path) -> None:
    async with keeping(tmp_path) as keeper:
        with a_full_disk(keeper.journal):
            put = await refused(keeper, 1) + 2000
            for second in range(put - 2000, put):
                keeper.put(row(second))
            await keeper.commit()
            assert keeper.kept.trouble
            assert keeper.kept.waiting <= 1000
        await keeper.commit()
        assert not keeper.kept.trouble
        await keeper.commit()
        found = rows(keeper)
        lost = [event.detail for event in keeper.journal.events(0, 2**62, ["loss"])]
        assert sum(one["frames"] for one in lost) == keeper.kept.lost  # type: ignore[misc]
        (end,) = [time for time, code in found if code == quality.BAD_DATA_LOST]
        good = [time for time, code in found if code == 0]
        assert len(good) == len(set(good)) == put - 1 - keeper.kept.lost
        assert end == min(set(range(1, put)) - set(good))
        assert {one["from"] for one in lost} == {end}


async def test_an_event_that_finds_no_room_does_not_bring_its_frames_twice(tmp_path: Path) -> None:
    async with keeping(tmp_path) as keeper:
        with a_full_disk(keeper.journal):
            second = 0
            while not keeper.kept.failures:
                second += 1
                keeper.put(row(second))
                keeper.note("sync", second, {"text": "x" * 3000})
                await keeper.commit()
        await keeper.commit()
        assert [time for time, _ in rows(keeper)] == list(range(1, second + 1))
        assert len(keeper.journal.events(0, 2**62, ["sync"])) == second


async def test_two_commits_at_once_are_two_commits(tmp_path: Path) -> None:
    async with keeping(tmp_path) as keeper:
        told: list[int] = []
        owner, commits = Owner("s", told.append), []
        for second in range(1, 301):
            keeper.put(row(second), owner)
            keeper.passed(owner)
            if second % 100 == 0:
                commits.append(asyncio.ensure_future(keeper.commit()))
                await asyncio.sleep(0)
        await asyncio.gather(*commits)
        assert sum(told) == 300
        assert [time for time, _ in rows(keeper)] == list(range(1, 301))


async def test_a_commit_that_nobody_waits_for_any_more_is_finished_and_told(tmp_path: Path) -> None:
    async with keeping(tmp_path) as keeper:
        told: list[int] = []
        owner = Owner("s", told.append)
        keeper.put(row(1), owner)
        keeper.passed(owner)
        waiting = asyncio.ensure_future(keeper.commit())
        await asyncio.sleep(0)
        waiting.cancel()
        await keeper.commit()
        assert told == [1]


async def test_a_frame_that_cannot_be_written_does_not_cost_the_others(tmp_path: Path) -> None:
    text = layout("s", "t", [Column("a", "text", "text")])
    poison = [Frame(OF, 2), Frame(text, 3, texts=("\ud800",)), Frame(OF, 2**70, ints=np.array([1], np.int64))]
    async with keeping(tmp_path) as keeper:
        for frame in (row(1), *poison, row(4)):
            keeper.put(frame)
        await keeper.commit()
        assert [time for time, _ in rows(keeper)] == [1, 4]
        assert keeper.kept.lost == 3
        assert not keeper.kept.trouble


async def test_frames_that_come_again_are_shed_last_but_memory_is_bounded(tmp_path: Path) -> None:
    async with keeping(tmp_path, room=100) as keeper:
        broker = Owner("t", lambda _: None, patient=False)
        for second in range(1, 81):
            keeper.put(row(second, OTHER), broker)
        for second in range(1, 81):
            keeper.put(row(second))
        assert keeper.kept.waiting <= 100
        await keeper.commit()
        assert len([1 for _, code in rows(keeper, "b") if code == 0]) == 80
        for second in range(100, 400):
            keeper.put(row(second, OTHER), broker)
        assert keeper.kept.waiting <= 100


async def test_when_full_stop_says_so_to_who_collects(tmp_path: Path) -> None:
    async with keeping(tmp_path, keep=Keep(free=Fraction(0), when_full="stop")) as keeper:
        with a_full_disk(keeper.journal):
            await refused(keeper, 1)
            assert keeper.stopped
            going_on = asyncio.ensure_future(keeper.taking())
        await keeper.commit()
        async with asyncio.timeout(PATIENCE):
            await going_on


async def test_a_step_of_the_clock_closes_its_epoch_in_one_go(tmp_path: Path) -> None:
    async with keeping(tmp_path) as keeper:
        keeper.put(row(1))
        before = keeper.journal.epoch
        keeper.step(2, {"old": 100, "new": 2})
        keeper.put(row(3))
        await keeper.commit()
        found = keeper.journal.series("a", ["x"], 0, 2**62)["x"]
        assert found.epoch.tolist() == [before, before + 1]


async def test_the_oldest_of_a_gap_is_a_gap(tmp_path: Path) -> None:
    async with keeping(tmp_path, room=10) as keeper:
        keeper.put(gap(OF, 5, quality.BAD_TIMEOUT))
        for second in range(6, 17):
            keeper.put(row(second))
        await keeper.commit()
        assert rows(keeper)[0] == (5, quality.BAD_DATA_LOST)


@pytest.mark.parametrize(("at_once", "soon"), [(False, 0.1), (True, 3600.0)])
async def test_a_commit_comes_sooner_where_a_broker_waits(
    tmp_path: Path, at_once: bool, soon: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its asking there would be none for an hour."""
    monkeypatch.setattr(keep, "SOON", soon)
    journal = Journal.open(tmp_path / "journal", KEEP)
    keeper = Keeper(journal, commit=3600.0)
    told = asyncio.Event()
    owner = Owner("t", lambda _: told.set(), patient=False)
    running = asyncio.ensure_future(keeper.run())
    keeper.put(row(1), owner)
    keeper.passed(owner)
    keeper.hurry(at_once)
    async with asyncio.timeout(PATIENCE):
        await told.wait()
    running.cancel()
    await asyncio.wait({running})
    await keeper.close()
    journal.close()


def test_the_full_disk_of_these_tests_is_sqlites_own(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x")
    connection.execute("CREATE TABLE t (a)")
    connection.execute("PRAGMA max_page_count=2")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    connection.close()
