"""The agent as the process that it is in a plant: started, asked, signalled, killed; never left behind."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from config.plant import Plant
from edge.status import ask, socket_path
from store.journal import place

GEMBA = str(Path(sys.executable).with_name("gemba"))


PATIENCE = 120.0  # [s] for what is to happen at all: a machine that stands still for a while is no fault


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


class Child:
    """`gemba agent` on a plant; `said` is its log so far."""

    def __init__(self, plant: Plant, prefix: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        self.plant = plant
        self.log = plant.file.with_name("agent.log")
        self._command = [*prefix, GEMBA, "agent", str(plant.file)]
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdout=log, stderr=log, env=self._environment, start_new_session=True
            )

    async def ready(self) -> None:
        await until(lambda: self.ended or self.answers())
        assert not self.ended, self.said

    def answers(self) -> bool:
        return ask(socket_path(place(self.plant)), deadline=0.5) is not None

    async def status(self) -> dict[str, Any]:
        answer = await asyncio.to_thread(ask, socket_path(place(self.plant)), deadline=PATIENCE)
        assert answer is not None, self.said
        found: dict[str, Any] = json.loads(answer)
        return found

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.returncode is not None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        os.killpg(self.pid, number)  # its own group: a tracer before it, too

    async def wait(self) -> int:
        assert self._process is not None
        async with asyncio.timeout(PATIENCE):
            return await self._process.wait()

    async def kill(self) -> None:
        if not self.ended:
            self.send(signal.SIGKILL)
            await self.wait()

    async def stop(self) -> None:
        """SIGTERM. A clean stop has exit code 0."""
        os.kill(self.pid, signal.SIGTERM)
        code = await self.wait()
        assert code == 0, self.said


@asynccontextmanager
async def child(
    plant: Plant,
    prefix: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> AsyncIterator[Child]:
    agent = Child(plant, prefix, environment)
    agent.log = log / "agent.log" if log else agent.log
    await agent.start()
    try:
        await agent.ready()
        yield agent
    finally:
        await agent.kill()


class Supervisor:
    """The other end of sd_notify: a datagram socket, and what came to it with its time."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)
        self._told: list[str] = []

    @property
    def told(self) -> list[str]:
        while True:
            try:
                self._told.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return self._told

    def close(self) -> None:
        self.socket.close()
