"""The pages are run: every command of README and docs/deploy.md against simulated devices and a real InfluxDB, every
question of docs/influxdb.md against the lines that stand there."""

import csv
import json
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
import yaml

from tests.edge.child import GEMBA
from tests.servers.influxdb2 import InfluxDB2

TOP = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PATH": f"{Path(GEMBA).parent}:{os.environ['PATH']}", "GEMBA_LANG": "en"}
Urls = dict[str, str]


def blocks(page: str, kind: str) -> list[str]:
    """What stands between fences of this kind."""
    text = (TOP / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def gemba_lines(page: str) -> list[str]:
    """The indented or fenced lines that begin with `gemba`, without what explains them."""
    text = (TOP / page).read_text(encoding="utf-8")
    return [line.strip() for line in re.findall(r"^    (gemba [^#\n]*?)(?:   .*)?$", text, re.MULTILINE)]


def shell(words: str, folder: Path, good: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(
        ["bash", "-ec", words], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode in good, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def simulated(plant: str, folder: Path) -> Iterator[Urls]:
    """Devices for a plant file: where each of its addresses is now."""
    (folder / "site.yaml").write_text(plant.replace("token: {file: influx.token}", "token: {env: X}"), encoding="utf-8")
    words = [GEMBA, "simulate", "site.yaml", "--out", "devices", "--pace", "10"]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            made = yaml.safe_load((folder / process.stdout.readline().strip()).read_text(encoding="utf-8"))
            asked = yaml.safe_load(plant)
            yield {asked["sources"][name]["url"]: made["sources"][name]["url"] for name in asked["sources"]}
        finally:
            process.terminate()
            process.communicate(timeout=60)


def moved(text: str, urls: Urls) -> str:
    """The page's addresses, and for Modbus the bare host as well, as they are here."""
    for there, here in urls.items():
        text = text.replace(there, here)
        if there.startswith("tcp://"):
            text = text.replace(there.removeprefix("tcp://").removesuffix(":502"), here.removeprefix("tcp://"))
    return text


def patient(plant: str) -> str:
    """The page's plant file, with devices that may stand still for a while before they answer."""
    return re.sub(r"protocol: \w+", r"\g<0>, timeout: 30s", plant)


@contextmanager
def collecting(folder: Path, plant: str = "plant.yaml") -> Iterator[None]:
    agent = subprocess.Popen([GEMBA, "agent", plant], cwd=folder, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        agent.terminate()
        assert agent.wait(60) == 0


def until(words: str, folder: Path, pattern: str, deadline: float = 90.0) -> str:
    end, told = time.monotonic() + deadline, ""
    while not re.search(pattern, told):
        assert time.monotonic() < end, told
        time.sleep(0.3)
        told = shell(words, folder, (0, 1))
    return told


def restricted(influx: InfluxDB2) -> str:
    """A token that may read and write the one bucket."""

    def ask(path: str, body: object = None) -> dict[str, list[dict[str, str]]]:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(influx.url + path, data, influx.authorization)) as reply:
            found: dict[str, list[dict[str, str]]] = json.load(reply)
            return found

    organisation = ask("/api/v2/orgs")["orgs"][0]["id"]
    bucket = ask(f"/api/v2/buckets?name={influx.bucket}")["buckets"][0]["id"]
    resource = {"type": "buckets", "id": bucket, "orgID": organisation}
    wish = [{"action": action, "resource": resource} for action in ("read", "write")]
    return str(ask("/api/v2/authorizations", {"orgID": organisation, "permissions": wish})["token"])


@pytest.mark.server("influxdb2")
def test_the_gateway_of_the_deployment_page_comes_to_rows_in_influxdb(tmp_path: Path) -> None:
    (plant,) = blocks("docs/deploy.md", "yaml")
    discover, tried, status, curl = blocks("docs/deploy.md", "sh run")
    with InfluxDB2(tmp_path / "database") as influxdb2, simulated(plant, tmp_path) as urls:
        here = {**urls, "http://127.0.0.1:8086": influxdb2.url, "/var/lib/gemba": str(tmp_path / "state")}
        looked = moved(discover, here).replace("--seconds 10", "--seconds 3")  # a device that stands still is not found
        found = until(f"{looked}cat plant.yaml", tmp_path, r"(?s)CNC01\.Parts.*oven-01.*holding:4")
        assert all(f'at: "holding:{n}"' in found for n in (0, 2, 4))
        (tmp_path / "influx.token").write_text(restricted(influxdb2), encoding="utf-8")
        (tmp_path / "influx.token").chmod(0o640)
        (tmp_path / "plant.yaml").write_text(patient(moved(plant, here)), encoding="utf-8")
        told = shell(tried.replace("sudo -u gemba ", ""), tmp_path)
        assert "warnings: 0" in told and told.count(" Good ") == 7
        with collecting(tmp_path):
            until(status.replace("sudo -u gemba ", ""), tmp_path, r"InfluxDB  up, .*\n +[1-9]")
            rows = until(moved(curl, here), tmp_path, r"asset=cnc-01,\d+,[1-9]")
        fields = influxdb2.query("SHOW FIELD KEYS FROM asset")
    assert "asset=press-01," in rows
    kinds = set(re.findall(r"(\w+)\W+(integer|float|string|boolean)", fields))
    assert kinds >= {("epoch", "integer"), ("state", "integer"), ("state_raw", "string"), ("total", "float")}


def test_the_commands_of_the_readme_run_on_its_plant_file(tmp_path: Path) -> None:
    (plant,) = blocks("README.md", "yaml")
    lines = gemba_lines("README.md")
    assert {line.split()[1] for line in lines} >= {"check", "read", "agent", "status", "kpi", "assess", "up"}
    assert set(gemba_lines("docs/README.zh.md")) == set(lines)
    with simulated(plant, tmp_path) as urls:
        (tmp_path / "plant.yaml").write_text(patient(moved(plant, urls)), encoding="utf-8")
        with collecting(tmp_path):
            until("gemba status plant.yaml", tmp_path, r"\n\w+ +modbus +up")
            for line in lines:
                if line.split()[1] not in ("agent", "up", "demo"):  # these go on; the last two have tests of their own
                    shell(line, tmp_path)
    assert (tmp_path / "form.xlsx").stat().st_size > 5_000


@pytest.fixture(scope="module")
def filled(influxdb2: InfluxDB2) -> InfluxDB2:
    (lines,) = blocks("docs/influxdb.md", "influx")
    influxdb2.write(lines.encode())
    return influxdb2


def answered(page: str, kind: str) -> list[tuple[str, str]]:
    text = (TOP / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```\n\n```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


QUESTIONS = answered("docs/influxdb.md", "sql")
FLUX = answered("docs/influxdb.md", "flux")


def test_the_page_about_influxdb_has_questions_of_both_kinds() -> None:
    assert (len(QUESTIONS), len(FLUX)) == (3, 2)
    assert len(blocks("docs/influxdb.md", "sql")) == 3 and len(blocks("docs/influxdb.md", "flux")) == 2


@pytest.mark.parametrize(("question", "answer"), QUESTIONS)
def test_a_question_in_influxql(question: str, answer: str, filled: InfluxDB2) -> None:
    words = urlencode({"db": filled.bucket, "q": question})
    headers = {**filled.authorization, "Accept": "application/csv"}
    with urllib.request.urlopen(urllib.request.Request(f"{filled.url}/query?{words}", headers=headers)) as reply:
        rows = reply.read().decode().split()[1:]
    assert [row.split(",", 1)[1] for row in rows] == answer.split()


@pytest.mark.parametrize(("question", "answer"), FLUX)
def test_a_question_in_flux(question: str, answer: str, filled: InfluxDB2) -> None:
    headers = {**filled.authorization, "Accept": "application/csv", "Content-Type": "application/vnd.flux"}
    ask = urllib.request.Request(f"{filled.url}/api/v2/query?org={filled.org}", question.encode(), headers)
    with urllib.request.urlopen(ask) as reply:
        rows = list(csv.DictReader(reply.read().decode().split()))
    found = [",".join(row[name] for name in ("asset", "_value", "missing") if name in row) for row in rows]
    assert sorted(found) == sorted(answer.split())  # Flux promises no order of tables, nor of columns
