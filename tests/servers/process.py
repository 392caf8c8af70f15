"""A real server as a child process: started on a port of its own, waited for, stopped by its pid, never left behind.

with Mosquitto(tmp_path) as broker:
    ...                  # broker.port, broker.url
    broker.kill()        # SIGKILL, as a power cut would
    broker.start()       # the same port, the same folder
"""

from __future__ import annotations

import http.client
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

running: list[Server] = []
_given: set[int] = set()
_any = random.SystemRandom()  # processes that run tests side by side may have the same seed


def free_port() -> int:
    """A free loopback port below those that the kernel hands out, so that it is still free when a server comes back."""
    while True:
        port = _any.randrange(20000, 32000)
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port


class Server(ABC):
    """One server with its folder, which keeps its state and its log across restarts."""

    name = ""
    host = "127.0.0.1"
    prefix: tuple[str, ...] = ()  # put before its command: `taskset -c 1`, `ip netns exec x`, `faketime …`
    patience = 120.0  # [s] until it answers; on a busy machine node-opcua takes its time
    talks = False  # it takes orders on its stdin and answers on its stdout

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.log = folder / f"{self.name}-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """What is executed; called at each start."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it answers; asked again and again after a start, and may raise OSError for no."""

    def started(self) -> None:  # noqa: B027
        """What is still to be done once it answers; for most, nothing."""

    def environment(self) -> Mapping[str, str] | None:
        return None

    @property
    def _child(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{self.name} is not running")
        return self._process

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        if self.alive:
            raise RuntimeError(f"{self.name} runs already (pid {self.pid})")
        with self.log.open("ab") as log:
            self._process = self._spawn([*self.prefix, *self.command()], log.fileno())
        running.append(self)
        try:
            self._wait_until_ready()
            self.started()
        except BaseException:
            self.kill()
            raise

    def _spawn(self, command: list[str], log: int) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C in a terminal reaches the tests, which then stop the servers in order.
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.PIPE if self.talks else subprocess.DEVNULL,
            stdout=subprocess.PIPE if self.talks else log,
            stderr=log,
            start_new_session=True,
        )

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + self.patience
        while not self._answers():
            if not self.alive:
                raise RuntimeError(f"{self.name} ended at once (exit {self._child.returncode})\n{self.tail()}")
            if time.monotonic() > until:
                raise RuntimeError(f"{self.name} did not answer within {self.patience:.0f} s\n{self.tail()}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return self.ready()
        except (OSError, http.client.HTTPException):
            return False

    def stop(self, patience: float = 10.0) -> None:
        """SIGTERM, and SIGKILL for one that does not listen (a suspended one is woken first)."""
        if self.alive:
            self.resume()
            self._send(signal.SIGTERM)
        self._reap(patience)

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nothing is said to its clients."""
        if self.alive:
            self._send(signal.SIGKILL)
        self._reap(10.0)

    def suspend(self) -> None:
        """SIGSTOP: hung, with every socket still open."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _send(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def _reap(self, patience: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10.0)
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with _ignoring_broken_pipe():
                    pipe.close()
        running.remove(self)

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"--- {self.log} ---\n" + "\n".join(text.splitlines()[-lines:])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is not None:
            print(self.tail(), file=sys.stderr)
        self.stop()


@contextmanager
def _ignoring_broken_pipe() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        pass


def listens(host: str, port: int) -> bool:
    with socket.create_connection((host, port), timeout=1.0):
        return True


def ask(
    url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, method: str | None = None
) -> tuple[int, bytes]:
    """One plain HTTP exchange with a server under test, by nothing that the product uses."""
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=30.0) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()
