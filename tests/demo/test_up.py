"""`gemba up`: what devices show is on the page and in the API of the same process, and it ends when it is told to."""

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

GEMBA = (sys.executable, "-m", "gemba.cli")


def states(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{address}api/v1/assets") as answer:
        return {row["asset"]: row["state"] for row in json.load(answer)["assets"]}


def test_agent_and_pages_live_in_one_process(site: Path) -> None:
    simulate = (*GEMBA, "simulate", str(site), "--out", str(site.parent / "out"))
    devices = subprocess.Popen(simulate, stdout=subprocess.PIPE, text=True)
    assert devices.stdout is not None
    file = devices.stdout.readline().strip()
    up = subprocess.Popen((*GEMBA, "up", file, "--port", "0"), stderr=subprocess.PIPE, text=True)
    try:
        assert up.stderr is not None
        found = re.search(r"http://\S+", up.stderr.readline())
        assert found
        end, seen = time.monotonic() + 120, dict[str, Any]()
        while time.monotonic() < end and seen.get("press-01") != "running":
            time.sleep(0.3)
            seen = states(found[0])
        assert seen["press-01"] == "running" and seen["drill-01"] == "unknown"
        with urllib.request.urlopen(found[0] + "metrics") as answer:
            assert b'gemba_up{plant="demo-01"} 1' in answer.read()
        up.send_signal(signal.SIGTERM)
        assert up.wait(60) == 0
    finally:
        for process in (up, devices):
            process.terminate()
            process.communicate(timeout=60)


def test_elsewhere_than_on_loopback_it_wants_a_token_first(site: Path) -> None:
    words = (*GEMBA, "up", str(site), "--host", "0.0.0.0", "--port", "0")
    run = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 2 and "gemba token create" in run.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_is_done(site: Path, number: signal.Signals) -> None:
    server = subprocess.Popen((*GEMBA, "serve", str(site), "--port", "0"), stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        assert "http://" in server.stderr.readline()
        server.send_signal(number)
        assert server.wait(60) == 0
    finally:
        server.kill()
        server.communicate(timeout=60)
