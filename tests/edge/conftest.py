"""What faults are made with: a cable that can be pulled, a disk that can be full, a database that can be killed."""

import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from edge import agent, collect, forward, reconcile
from edge.backoff import Backoff
from edge.forward import Forwarder
from edge.keep import Keeper
from tests.edge.forwarding import Rig, rig
from tests.servers.influxdb2 import InfluxDB2


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent in this process tries again, commits and delivers after pauses of a test's length."""
    pauses = partial(Backoff, first=0.2, last=1.0)
    monkeypatch.setattr(collect, "Backoff", pauses)
    monkeypatch.setattr(forward, "Backoff", pauses)
    monkeypatch.setattr(agent, "Keeper", partial(Keeper, commit=0.2))
    monkeypatch.setattr(forward, "Forwarder", partial(Forwarder, flush=0.2))


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read back from a server that keeps nothing; test_reconcile does that with real ones."""
    monkeypatch.setattr(reconcile, "RECENT", 0)


@pytest.fixture
def of(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as found:
        yield found


@pytest.fixture
def influx(tmp_path: Path) -> Iterator[InfluxDB2]:
    """One of the test's own, to be killed."""
    with InfluxDB2(tmp_path / "server") as running:
        yield running


@pytest.fixture
def cable() -> Iterator[tuple[str, str, str]]:
    """A network namespace at the far end of a cable: its name, the near end, and the far end's address."""
    number = os.getpid() % 200 + 20
    name, near, far = f"gemba-{os.getpid()}", f"gn{os.getpid()}", f"gf{os.getpid()}"
    steps = [
        f"netns add {name}",
        f"link add {near} type veth peer name {far}",
        f"link set {far} netns {name}",
        f"addr add 10.213.{number}.1/30 dev {near}",
        f"link set {near} up",
        f"-n {name} addr add 10.213.{number}.2/30 dev {far}",
        f"-n {name} link set {far} up",
        f"-n {name} link set lo up",
    ]
    try:
        for step in steps:
            subprocess.run(["ip", *step.split()], check=True, capture_output=True)
        yield name, near, f"10.213.{number}.2"
    finally:
        subprocess.run(["ip", "link", "delete", near], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
