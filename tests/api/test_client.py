"""The client of docs/api.md, as an assessment tool would write it, run against a server of its own."""

import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kpi.api.app import application, described
from kpi.api.tokens import Tokens
from tests.api.conftest import answering

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture
def address(plant_file: Path) -> Iterator[str]:
    with answering(plant_file) as found:
        yield found


def test_the_client_of_the_page_runs(address: str, tokens: Tokens, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    token = tokens.create(["read:kpi", "assess"], time.time_ns())
    environment = {**os.environ, "GEMBA_API": address, "GEMBA_TOKEN": token}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=tmp_path)
    name, numbers, form = done.stdout.splitlines()
    assert name == "接口"
    networking, oee = numbers.split()
    assert networking == "None"
    assert 0 < float(oee) < 1
    assert "declared" in form
    assert "xl/workbook.xml" in zipfile.ZipFile(tmp_path / "form.xlsx").namelist()


def test_the_page_names_every_path(plant_file: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for path in described(application(plant_file))["paths"]:
        short = path.removeprefix("/api/v1/").replace("assessments/{id}", "assessments/{template}")
        assert f" {short}" in text, path
