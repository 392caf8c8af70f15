"""The image and the gateway: what the Dockerfile copies is there and is everything, and an agent runs where nothing of
the dashboard, the forms or the facts is installed."""

import os
import re
import subprocess
import time
import tomllib
from pathlib import Path

from tests.deploy.test_deploy import sample
from tests.edge.child import GEMBA

TOP = Path(__file__).parents[2]
EXTRAS = ("fastapi", "uvicorn", "nicegui", "openpyxl", "pyarrow", "amqtt", "hatchling")
HIDDEN = f"""
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""


def test_the_dockerfile_copies_the_whole_product_and_nothing_that_is_not_there() -> None:
    text = (TOP / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    copied = {word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE) for word in line.split()}
    assert all((TOP / name).exists() for name in copied)
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    assert copied >= set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert copied >= {project["project"]["readme"], *project["project"]["license-files"], "requirements.lock"}
    assert "--require-hashes" in text and re.search(r"^USER gemba$", text, re.MULTILINE)


def test_an_agent_runs_without_the_extras_and_says_what_the_others_need(tmp_path: Path) -> None:
    """Every process is kept from importing them, as on a gateway that has the plain package alone."""
    (tmp_path / "sitecustomize.py").write_text(HIDDEN, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "GEMBA_LANG": "en"}
    plant = sample(tmp_path)

    def gemba(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([GEMBA, *words], env=environment, capture_output=True, text=True, check=False)

    assert gemba("agent", "--help").returncode == 0
    assert gemba("check", str(plant)).returncode == 0
    agent = subprocess.Popen([GEMBA, "agent", str(plant)], env=environment, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while gemba("status", str(plant)).returncode:
            assert agent.poll() is None and time.monotonic() < end
            time.sleep(0.2)
    finally:
        agent.terminate()
        assert agent.wait(60) == 0
    for command in ("serve", "up"):
        told = gemba(command, str(plant))
        assert told.returncode == 1 and "pip install '.[serve]'" in told.stderr, told.stderr
    demo = gemba("demo", "--port", "0")
    assert demo.returncode == 1 and "pip install '.[demo]'" in demo.stderr, demo.stderr
    kpi = gemba("kpi", str(plant))
    assert kpi.returncode == 1 and "Traceback" not in kpi.stderr, kpi.stderr
