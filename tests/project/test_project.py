"""The project's own promises: what the wheel holds, what the help says, and that no command goes undocumented."""

import argparse
import importlib
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from gemba.cli import COMMANDS, main
from gemba.help import TEXTS
from gemba.table import width

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", out, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    (found,) = out.glob("*.whl")
    return found


def test_the_wheel_holds_the_product_its_data_and_its_simulators(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "gemba/cli.py",
        "config/templates/sme-2024.yaml",
        "config/data/states/packml.yaml",
        "simulators/run.py",
    ):
        assert needed in names
    tops = {name.split("/")[0] for name in names if not name.startswith("gemba-")}
    assert tops == {"gemba", "edge", "kpi", "store", "connectors", "config", "simulators"}


def test_help_needs_nothing_but_the_wheel(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "empty", with_pip=False)
    python = tmp_path / "empty" / "bin" / "python"
    environment = {**os.environ, "PYTHONPATH": str(wheel), "GEMBA_LANG": "en"}
    words = [python, "-c", "import sys; from gemba.cli import main; sys.exit(main(['--help']))"]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert "gemba demo" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_command_has_help_with_an_example(
    command: str, lang: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMBA_LANG", lang)
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert COMMANDS[command][lang == "zh"] in shown
    assert f"gemba {command}" in shown.split("示例：" if lang == "zh" else "example", 1)[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_chinese_where_chinese_is_asked_for(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([command, "--help", "--lang", "zh"])
    before = capsys.readouterr().out.split("示例：")[0]
    assert all(width(line) <= 80 for line in before.splitlines())
    parser = argparse.ArgumentParser()
    importlib.import_module(f"gemba.commands.{command + '_' * (command == 'import')}").configure(parser)
    for action in parser._actions:
        assert action.help is not None
        assert "".join(TEXTS[action.help].split()) in "".join(before.split())
    assert not {"usage:", "options:", "positional"} & set(before.split())


def test_no_text_of_the_help_is_there_for_nothing() -> None:
    sources = [*(ROOT / "gemba" / "commands").glob("*.py"), ROOT / "gemba" / "arguments.py", ROOT / "gemba" / "cli.py"]
    told = "".join(file.read_text(encoding="utf-8") for file in sources)
    assert [text for text in TEXTS if f'"{text}"' not in told] == ["show this help message and exit"]


def test_an_unknown_command_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chek"]) == 2
    assert capsys.readouterr().err == "gemba: no such command (got chek); did you mean `check`?\n"


def test_a_plant_may_be_named_by_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = tmp_path / "plant.yaml"
    plant.write_text("plant: p-01\ntimezone: Asia/Shanghai\ndata: ./data\n")
    with pytest.raises(SystemExit) as left:
        main(["check"])
    assert left.value.code == 2
    monkeypatch.setenv("GEMBA_PLANT", str(plant))
    assert main(["check", "--json"]) == 0
    assert '"plant": "p-01"' in capsys.readouterr().out


def test_the_locks_name_no_index_and_hash_everything() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "--index-url" not in text
        assert "://" not in text
        pins = re.findall(r"^[a-z0-9].*==.* \\$", text, re.MULTILINE)
        assert len(pins) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE))
        assert text.count("--hash=sha256:") >= len(pins)


def test_nothing_names_a_path_of_somebodys_machine() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )
    pattern = re.compile(r"(?<![\w.])/(?:work|root|home/\w+)/")
    wrong = []
    for name in filter(None, listed):
        path = ROOT / name
        if path.suffix in (".py", ".md", ".yaml", ".toml", ".txt", "") and path.is_file() and name != __name__:
            text = path.read_text(encoding="utf-8", errors="replace")
            wrong += [f"{name}: {found.group()}" for found in pattern.finditer(text) if "test_project" not in name]
    assert wrong == []


def test_the_workflow_is_the_same_for_everybody() -> None:
    run = (ROOT / ".ci" / "run").read_text()
    assert re.search(r"^export CI=true$", run, re.MULTILINE)
    assert run.index("make lint") < run.index("make test")
    done = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True)
    for target in ("demo", "test", "lint", "bench", "soak", "clean"):
        assert f"make {target}" in done.stdout


def test_the_plant_file_of_the_readme_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    plant = tmp_path / "plant.yaml"
    plant.write_text(block, encoding="utf-8")
    assert main(["check", str(plant), "--json"]) == 0
    assert '"warnings": []' in capsys.readouterr().out


@pytest.mark.parametrize("page", ["README.md", "docs/README.zh.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_links_and_commands_of_the_pages_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / page).parent / target).exists(), target
    for command in re.findall(r"\bgemba ([a-z]+)\b", text):
        assert command in COMMANDS, command
