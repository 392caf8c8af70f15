"""`gemba up` ends by one deadline, the agent's, whatever its server waits for."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

GEMBA = str(Path(sys.executable).with_name("gemba"))
PATIENCE = 120.0
LATE = "the server takes too long, is a disk hanging? It is not waited for"


@contextmanager
def up(file: Path, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The process, and the address of its server once it answers."""
    with log.open("wb") as out:
        process = subprocess.Popen([GEMBA, "up", str(file), "--port", "0"], stdout=out, stderr=out)
    try:
        until = time.monotonic() + PATIENCE
        while "http://" not in log.read_text() or "/" not in log.read_text().split("http://")[1]:
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        address = "http://" + log.read_text().split("http://")[1].split()[0]
        with urllib.request.urlopen(f"{address}api/v1/plant", timeout=PATIENCE) as answer:
            assert answer.status == 200
        yield process, address
    finally:
        process.kill()
        process.wait()


def opened(file: Path, process: subprocess.Popen[bytes]) -> bool:
    links = Path(f"/proc/{process.pid}/fd").iterdir()
    return any(link.readlink() == file for link in links if link.is_symlink())


@contextmanager
def stuck(address: str, file: Path, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """A page that waits for ever for a register, as one on a folder of another machine that is gone."""
    file.unlink()
    os.mkfifo(file)
    writer = os.open(file, os.O_RDWR)  # who reads now waits for what never comes

    def ask() -> None:
        with pytest.raises(OSError):
            urllib.request.urlopen(address)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        until = time.monotonic() + PATIENCE
        while not opened(file, process):
            assert time.monotonic() < until
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        asking.join(PATIENCE)
        os.close(writer)


@pytest.mark.parametrize("hangs", [False, True])
def test_a_server_that_hangs_is_not_waited_for(hangs: bool, own: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with (
        up(own, log) as (process, address),
        stuck(address, own.parent / "register.csv", process) if hangs else nullcontext(),
    ):
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, log.read_text()
        assert (LATE in log.read_text()) is hangs
        assert hangs or "Traceback" not in log.read_text()
