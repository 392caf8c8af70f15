"""A stop has one deadline, whatever hangs: the process is gone while the disk still hangs, and what was committed
before is kept; where the disk comes back in time, so is the rest."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.plant import Plant
from edge import agent as stopping
from store.journal import History, place
from store.journal.folder import Lock
from tests.edge.child import Child, child, until
from tests.edge.coded import collecting, site

FOR_EVER = 3_600_000_000  # [us]


@contextmanager
def held(plant: Plant) -> Iterator[None]:
    """Another process, as far as SQLite can tell, is writing the live segment: a commit waits for it."""
    live = max(place(plant).glob("*.rows.db"))
    other = sqlite3.connect(live, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
    finally:
        other.close()


def stops(plant: Plant) -> int:
    history = History(place(plant))
    try:
        return len(list(history.events(0, 2**62, ["stop"])))
    finally:
        history.close()


async def test_a_journal_that_another_process_holds_is_not_waited_for(tmp_path: Path) -> None:
    async with site(tmp_path, 1, every="50ms") as plant, child(plant.plant) as agent:
        await until(lambda: len(plant.kept(1)) > 5)
        with held(plant.plant):
            before = plant.kept(1)
            await until(lambda: len(plant.devices[0].issued) > len(before) + 20)
            await agent.stop()
            assert plant.kept(1)[: len(before)] == before
        assert "the last commit takes too long" in agent.said
        assert "Traceback" not in agent.said
        assert stops(plant.plant) == 0
        async with child(plant.plant) as again:
            await until(lambda: len(plant.kept(1)) > len(before) + 5)
            await again.stop()
        assert plant.kept(1)[: len(before)] == before
        assert stops(plant.plant) == 1
        plant.judge()


async def test_the_last_commit_has_what_the_first_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stopping, "COMMITTED", 0.2)
    monkeypatch.setattr(stopping, "STOP", 120.0)
    async with site(tmp_path, 1, every="50ms") as plant:
        async with collecting(plant.plant) as agent:
            await until(lambda: len(plant.kept(1)) > 5)
            with held(plant.plant):
                await until(lambda: agent.keeper.kept.waiting)
                agent.stop()
                await until(lambda: "the commit takes too long" in caplog.text)
                assert stops(plant.plant) == 0
        assert stops(plant.plant) == 1
        assert len(plant.devices[0].issued) - len(plant.kept(1)) <= 3
        plant.judge()


@pytest.mark.privilege("strace")
@pytest.mark.parametrize(("first", "code"), [(1, 1), (9, 0)], ids=["while it starts", "while it runs"])
async def test_a_disk_that_never_answers_does_not_keep_the_process(tmp_path: Path, first: int, code: int) -> None:
    """Calls that sync hang for an hour. The tracer outlives its process then, but has seen how that ended."""
    trace, hang = tmp_path / "trace", f"inject=fdatasync:delay_enter={FOR_EVER}:when={first}+"
    async with site(tmp_path, 1, every="50ms") as plant:
        agent = Child(plant.plant, ("strace", "-f", "-o", str(trace), "-e", "trace=fdatasync,exit_group", "-e", hang))
        await agent.start()
        lock = Lock(place(plant.plant) / "lock")
        try:
            if first == 1:
                await until(lambda: trace.exists() and "fdatasync(" in trace.read_text())
            else:
                await agent.ready()
                await until(lambda: plant.kept(1) and len(plant.devices[0].issued) > len(plant.kept(1)) + 100)
            before = [] if first == 1 else plant.kept(1)
            os.kill(int(lock.owner()), signal.SIGTERM)
            await until(lambda: "exit_group(" in trace.read_text())
        finally:
            await agent.kill()
        assert f"exit_group({code})" in trace.read_text()
        assert "Traceback" not in agent.said
        await until(lock.take)  # the last thread is gone
        lock.release()
        async with child(plant.plant):
            await until(lambda: len(plant.kept(1)) > len(before) + 3)
        assert plant.kept(1)[: len(before)] == before
        plant.judge()
