"""The broker of the compose file: its configuration, the certificates and passwords of `prepare.sh`, and an agent on
the plant file that comes with them."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.edge.child import GEMBA
from tests.servers.process import free_port
from tests.servers.provide import ensure

TOP = Path(__file__).parents[2]


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    for name in ("prepare.sh", "plant.yaml", "mosquitto.conf"):
        shutil.copy(TOP / "deploy" / name, tmp_path / "deploy")
    subprocess.run(["sh", "deploy/prepare.sh", "gw-1"], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@pytest.mark.server("mosquitto")
def test_an_agent_is_let_in_with_the_password_and_the_authority_of_prepare(prepared: Path) -> None:
    broker, secrets, port = ensure("mosquitto"), prepared / "secrets", free_port()
    (line,) = re.findall(r"^  (mosquitto_passwd .*)$", (TOP / "docs" / "deploy.md").read_text("utf-8"), re.MULTILINE)
    words = line.replace("/var/lib/mosquitto/new", "secrets/mosquitto/passwords")
    subprocess.run(["sh", "-ec", words], cwd=prepared, check=True, capture_output=True)
    text = (prepared / "deploy" / "mosquitto.conf").read_text(encoding="utf-8")
    text = text.replace("/etc/mosquitto", str(secrets / "mosquitto")).replace("listener 8883", f"listener {port}")
    text = text.replace("/var/lib/mosquitto", str(secrets / "mosquitto" / "kept"))
    root = "user root\n" if os.geteuid() == 0 else ""  # the files are 1883's, who is nobody here
    (prepared / "broker.conf").write_text(root + text, encoding="utf-8")
    plant = prepared / "plant" / "plant.yaml"
    placed = plant.read_text(encoding="utf-8").replace("/run/secrets", str(secrets))
    placed = placed.replace("/var/lib/gemba", str(prepared / "data")).replace("mosquitto:8883", f"localhost:{port}")
    plant.write_text(placed, encoding="utf-8")
    log = (prepared / "log").open("wb")
    with log, subprocess.Popen([broker, "-c", prepared / "broker.conf"], stdout=log, stderr=log) as serving:
        agent = subprocess.Popen([GEMBA, "agent", str(plant)], stderr=log)
        try:
            end, told = time.monotonic() + 60, ""
            while not re.search("broker +mqtt +up", told):
                assert time.monotonic() < end, told + (prepared / "log").read_text()
                time.sleep(0.2)
                status = [GEMBA, "status", str(plant), "--lang", "en"]
                told = subprocess.run(status, capture_output=True, text=True, check=False).stdout
        finally:
            agent.terminate()
            serving.terminate()
            assert agent.wait(60) == 0
