"""The API and the dashboard on one server, alone or in a thread beside an agent."""

import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from config.load import load
from config.plant import Plant
from edge.agent import STOP
from edge.status import ask, socket_path
from gemba import dashboard
from kpi.api.ahead import Ahead
from kpi.api.app import application
from kpi.api.guard import loopback
from kpi.api.tokens import Tokens
from store import StoreError
from store.journal import place


def app(plant_file: Path) -> FastAPI:
    """With the agent's own metrics, where one runs beside it."""
    folder = place(load(plant_file))

    def metrics() -> bytes:
        return ask(socket_path(folder), "/metrics") or b"gemba_up 0\n"

    made = application(plant_file, metrics)
    dashboard.mount(made)
    return made


def listening(host: str, port: int) -> socket.socket:
    """Raises `StoreError` when the address is taken."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise StoreError(f"{host}:{port}: {error.strerror}; give another --port") from error


def refused(plant: Plant, host: str) -> str | None:
    """Why it may not listen there: only loopback is served without a token."""
    if loopback(host) or host == "localhost" or Tokens(plant.data).all():
        return None
    make = f"make one first: gemba token create {plant.file} --scope read:kpi"
    return f"without a token it serves loopback only (got {host}); {make}"


class _Server(uvicorn.Server):
    """Left to itself it raises a signal again once it has stopped for it: the command ends by that, not with 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Web:
    """The server of one plant, on a door that is open already. `run` ends when it is told to `stop`."""

    def __init__(self, plant_file: Path, host: str, port: int) -> None:
        self.door = listening(host, port)
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{self.door.getsockname()[1]}/"
        made = app(plant_file)
        self._ahead = Ahead(made.state.service)
        config = uvicorn.Config(
            made,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self.run, name="web", daemon=True)
        self._told = 0.0

    def run(self) -> None:
        self._ahead.start()
        try:
            self._server.run(sockets=[self.door])
        finally:
            self._ahead.stop()

    def start(self) -> None:
        """In a thread with a loop of its own: polls never wait for pages."""
        self._thread.start()

    def end(self) -> None:
        """Soon; called from a signal."""
        self._told = self._told or time.monotonic()
        self._server.should_exit = True

    def stop(self) -> bool:
        """Whether it has ended within `STOP` of being told first."""
        self.end()
        if self._thread.is_alive():
            self._thread.join(max(0.0, self._told + STOP - time.monotonic()))
        return not self._thread.is_alive()


def serve(plant_file: Path, host: str, port: int) -> None:
    """Until SIGTERM or SIGINT."""
    web = Web(plant_file, host, port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: web.end())
    print(web.address, file=sys.stderr, flush=True)
    web.run()
