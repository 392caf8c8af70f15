"""Every fault text has a plant file that shows it, with the exact message beside it (tests/cases/config)."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from config.faults import PlantError
from config.load import load

CASES = Path(__file__).parent.parent / "cases" / "config"
SOURCES = Path(__file__).parent.parent.parent / "config"
MODULES = (
    *("addresses", "assets", "calendars", "checks", "cursor", "document", "keys", "load", "meters", "overrides"),
    *("points", "policy", "register", "secrets", "sources", "urls", "values"),
)
# Where the text stands among the arguments of what notes a fault.
CALLS = {"Reject": 0, "fault": 0, "warn": 0, "Fault": 3}
OWN = {("register", "fault"): 2, ("document", "fault"): 2}
ELSEWHERE = ("reading XLSX needs openpyxl", "cannot be read: .+")  # in test_register and test_load


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cases, in a place where the modes of files are known."""
    made = shutil.copytree(CASES, tmp_path_factory.mktemp("faults") / "config")
    (made / "open.pw").write_text("nothing", encoding="utf-8")
    (made / "open.pw").chmod(0o644)
    return made


def said(file: Path) -> list[str]:
    try:
        return [f"warning: {warning}" for warning in load(file).warnings]
    except PlantError as error:
        return [str(fault) for fault in error.faults]


@pytest.mark.parametrize("name", sorted(file.stem for file in CASES.glob("*.yaml")))
def test_the_exact_message(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert said(Path(f"{name}.yaml")) == (CASES / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def test_every_message_says_what_to_do() -> None:
    for file in CASES.glob("*.txt"):
        assert all("; " in line for line in file.read_text(encoding="utf-8").splitlines()), file.name


def texts() -> list[str]:
    """Every text with which the loader notes a fault, as a pattern."""
    found = []
    for module in MODULES:
        for node in ast.walk(ast.parse((SOURCES / f"{module}.py").read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = OWN.get((module, name), CALLS.get(name))
            if place is not None and len(node.args) > place:
                found.append(_pattern(node.args[place]))
    return [pattern for pattern in found if pattern and pattern.replace("\\", "") not in ELSEWHERE]


def _pattern(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(re.escape(str(v.value)) if isinstance(v, ast.Constant) else ".+" for v in node.values)
    return ""


@pytest.mark.parametrize("pattern", sorted(set(texts())))
def test_every_fault_text_has_a_case(pattern: str) -> None:
    shown = "\n".join(file.read_text(encoding="utf-8") for file in CASES.glob("*.txt"))
    assert re.search(rf": {pattern}(;| \(got |$)", shown, re.MULTILINE)
