"""The files that put Gemba on a gateway: valid by their own tools, and every command line in them runs."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.edge.child import GEMBA, Supervisor
from tests.servers.process import free_port
from tests.servers.provide import ensure

TOP = Path(__file__).parents[2]
UNIT = TOP / "deploy" / "gemba-agent.service"
SECRETS = ("influxdb-password", "influxdb-token", "mqtt-password", "api-token")


def compose(*profiles: str) -> dict[str, Any]:
    """The compose file as docker-compose understands it."""
    tool = ensure("docker-compose")
    words = [word for profile in profiles for word in ("--profile", profile)]
    done = subprocess.run(
        [str(tool), "-f", str(TOP / "docker-compose.yml"), *words, "config"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    import yaml

    found: dict[str, Any] = yaml.safe_load(done.stdout)
    return found


@pytest.mark.server("docker-compose")
def test_the_compose_file_is_valid_and_nothing_in_it_is_a_password() -> None:
    services = compose("demo")["services"]
    assert set(services) == {"influxdb", "mosquitto", "agent", "serve", "simulators", "demo-agent"}
    assert all("healthcheck" in service for service in services.values())
    for service in services.values():
        for name in service.get("environment", {}):
            assert not re.search("PASSWORD|TOKEN|SECRET", name) or name.endswith("_FILE"), name
    for name in ("agent", "serve", "simulators", "demo-agent"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]


def sample(folder: Path) -> Path:
    """A plant whose only device answers nobody: whatever runs must come up all the same."""
    file = folder / "plant.yaml"
    file.write_text(
        f"plant: deploy-01\ntimezone: Asia/Shanghai\ndata: {folder}/data\n"
        f'sources: {{plc: {{protocol: modbus, url: "tcp://127.0.0.1:{free_port()}"}}}}\n'
        'assets: {m: {points: {count: {source: plc, at: "holding:0"}}}}\n',
        encoding="utf-8",
    )
    return file


def placed(words: list[str], folder: Path, port: int) -> list[str]:
    """A container's command line on this machine: its paths and its port moved, everything else as written."""
    moved = {
        "/plant/": f"{folder}/",
        "/var/lib/gemba": f"{folder}/state",
        "/opt/gemba/examples": str(TOP / "config" / "examples"),
        "/opt/gemba/health.py": str(TOP / "deploy" / "health.py"),
        "/run/secrets": f"{folder}/secrets",
    }
    found = []
    for word in words:
        for there, here in moved.items():
            word = word.replace(there, here)
        found.append(str(port) if word == "8080" else word.replace("127.0.0.1:8080", f"127.0.0.1:{port}"))
    return found


def health(service: dict[str, Any], folder: Path, port: int) -> list[str]:
    words = placed(service["healthcheck"]["test"][1:], folder, port)
    programs = {"gemba": GEMBA, "python": sys.executable}
    return [programs.get(words[0], words[0]), *words[1:]]


def healthy(words: list[str], process: subprocess.Popen[bytes], log: Path, deadline: float = 60.0) -> None:
    until = time.monotonic() + deadline
    while subprocess.run(words, capture_output=True, check=False).returncode:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.2)


def runs(name: str, services: dict[str, Any], folder: Path, port: int) -> subprocess.Popen[bytes]:
    log = folder / f"{name}.log"
    words = [GEMBA, *placed(services[name]["command"], folder, port)]
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out, start_new_session=True)
    try:
        healthy(health(services[name], folder, port), process, log)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def stopped(*processes: subprocess.Popen[bytes]) -> None:
    codes = []
    for process in processes:
        process.terminate()
        try:
            codes.append(process.wait(60))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    assert codes == [0] * len(codes)


@pytest.mark.server("docker-compose")
def test_agent_and_serve_run_as_the_compose_file_says(tmp_path: Path) -> None:
    services, port = compose()["services"], free_port()
    plant = sample(tmp_path)
    (tmp_path / "secrets").mkdir()
    words = [GEMBA, "token", "create", str(plant), "--scope", "read:kpi,read:series"]
    token = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    (tmp_path / "secrets" / "api-token").write_text(token, encoding="utf-8")
    agent = runs("agent", services, tmp_path, port)
    try:
        serve = runs("serve", services, tmp_path, port)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/health", timeout=60) as reply:
            assert json.load(reply) == {"status": "ok"}
        serve.terminate()
        serve.wait(60)
    finally:
        stopped(agent)


@pytest.mark.server("docker-compose")
def test_the_demo_profile_runs_as_the_compose_file_says(tmp_path: Path) -> None:
    services = compose("demo")["services"]
    (tmp_path / "state").mkdir()
    simulators = runs("simulators", services, tmp_path, 0)
    try:
        agent = runs("demo-agent", services, tmp_path, 0)
        status = json.loads(
            subprocess.run(
                [GEMBA, "status", str(tmp_path / "state" / "demo" / "plant.yaml"), "--json"],
                capture_output=True,
                check=True,
            ).stdout
        )
        assert status["sources"]
        stopped(agent)
    finally:
        stopped(simulators)


def unit() -> dict[str, str]:
    lines = [line for line in UNIT.read_text().splitlines() if "=" in line and not line.startswith("#")]
    return {key: value for key, _, value in (line.partition("=") for line in lines)}


def test_the_unit_starts_an_agent_that_tells_its_supervisor(tmp_path: Path) -> None:
    said = unit()
    plant, supervisor = sample(tmp_path), Supervisor(tmp_path)
    words = shlex.split(said["ExecStart"].replace("/etc/gemba/plant.yaml", str(plant)))
    assert words[0] == "/opt/gemba/bin/gemba"
    watched = {"NOTIFY_SOCKET": str(supervisor.path), "WATCHDOG_USEC": str(int(said["WatchdogSec"]) * 10_000)}
    process = subprocess.Popen([GEMBA, *words[1:]], env={**os.environ, **watched}, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while "WATCHDOG=1" not in supervisor.told and time.monotonic() < until:
            time.sleep(0.05)
        assert supervisor.told[:2] == ["READY=1", "WATCHDOG=1"]
        reload = shlex.split(said["ExecReload"].replace("$MAINPID", str(process.pid)))
        subprocess.run(reload, check=True)
    finally:
        stopped(process)
    assert supervisor.told[-1] == "STOPPING=1"
    supervisor.close()


@pytest.mark.server("systemd-analyze")
def test_systemd_finds_the_unit_hard() -> None:
    words = ["systemd-analyze", "security", "--offline=true", "--threshold=30", str(UNIT)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    assert "Unknown" not in done.stderr


@pytest.mark.server("systemd-analyze")
def test_systemd_knows_every_word_of_the_unit(tmp_path: Path) -> None:
    there = tmp_path / UNIT.name
    there.write_text(UNIT.read_text().replace("/opt/gemba/bin/gemba", GEMBA), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", there], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_prepare_makes_secrets_once_and_a_plant_file_that_is_right(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    for name in ("prepare.sh", "plant.yaml"):
        (tmp_path / "deploy" / name).write_bytes((TOP / "deploy" / name).read_bytes())
    subprocess.run(["sh", "deploy/prepare.sh", "gw-1"], cwd=tmp_path, check=True, capture_output=True)
    first = {name: (tmp_path / "secrets" / name).read_text() for name in SECRETS}
    subprocess.run(["sh", "deploy/prepare.sh", "gw-1"], cwd=tmp_path, check=True, capture_output=True)
    assert first == {name: (tmp_path / "secrets" / name).read_text() for name in SECRETS}
    assert len(set(first.values())) == len(first)
    assert all((tmp_path / "secrets" / name).stat().st_mode & 0o077 == 0 for name in SECRETS)
    certs = tmp_path / "secrets" / "mosquitto" / "certs"
    words = [
        "openssl",
        "verify",
        "-CAfile",
        str(certs / "ca.pem"),
        "-verify_hostname",
        "mosquitto",
        str(certs / "broker.pem"),
    ]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0
    plant = tmp_path / "plant" / "plant.yaml"
    text = plant.read_text().replace("/run/secrets", str(tmp_path / "secrets"))
    plant.write_text(text.replace("/var/lib/gemba", str(tmp_path / "data")))
    done = subprocess.run([GEMBA, "check", str(plant)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
