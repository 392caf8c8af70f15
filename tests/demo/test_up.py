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

from gemba.demo.plant import plant_file, register_file

GEMBA = (sys.executable, "-m", "gemba.cli")


def states(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{address}api/v1/assets") as answer:
        return {row["asset"]: row["state"] for row in json.load(answer)["assets"]}


def test_agent_and_pages_live_in_one_process(tmp_path: Path) -> None:
    (tmp_path / "plant.yaml").write_text(plant_file(), encoding="utf-8")
    (tmp_path / "register.csv").write_text(register_file(), encoding="utf-8")
    simulate = (*GEMBA, "simulate", str(tmp_path / "plant.yaml"), "--out", str(tmp_path / "out"))
    devices = subprocess.Popen(simulate, stdout=subprocess.PIPE, text=True)
    assert devices.stdout is not None
    file = devices.stdout.readline().strip()
    up = subprocess.Popen((*GEMBA, "up", file, "--port", "0"), stderr=subprocess.PIPE, text=True)
    try:
        assert up.stderr is not None
        found = re.search(r"http://\S+", up.stderr.readline())
        assert found
        end, seen = time.monotonic() + 60, dict[str, Any]()
        while time.monotonic() < end and seen.get("press-01") != "running":
            time.sleep(0.3)
            seen = states(found[0])
        assert seen["press-01"] == "running" and seen["drill-01"] == "unknown"
        with urllib.request.urlopen(found[0] + "metrics") as answer:
            assert b'gemba_up{plant="demo-01"} 1' in answer.read()
        up.send_signal(signal.SIGTERM)
        assert up.wait(20) == 0
    finally:
        for process in (up, devices):
            process.terminate()
            process.communicate(timeout=20)


def test_elsewhere_than_on_loopback_it_wants_a_token_first(tmp_path: Path) -> None:
    (tmp_path / "plant.yaml").write_text(plant_file(), encoding="utf-8")
    (tmp_path / "register.csv").write_text(register_file(), encoding="utf-8")
    words = (*GEMBA, "up", str(tmp_path / "plant.yaml"), "--host", "0.0.0.0", "--port", "0")
    run = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 2 and "gemba token create" in run.stderr
