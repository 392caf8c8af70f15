"""What a command prints arrives, or the command has failed and says so: a full disk, a closed door, a reader that went.
Never a traceback, and never a file in the place of a stdout that was closed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gemba.cli import main

GEMBA = str(Path(sys.executable).with_name("gemba"))
PLANT = """plant: p-01
timezone: Asia/Shanghai
data: ./data
sources: {plc: {protocol: modbus, url: "tcp://127.0.0.1:9"}}
assets: {saw-01: {points: {total: {source: plc, at: "holding:0"}}}}
"""
ROWS = "time,asset,point,value\n2026-11-02T08:00:00Z,saw-01,total,1\n2026-11-02T08:01:00Z,saw-01,total,2\n"
SPAN = "--from 2026-11-02T00:00Z --to 2026-11-03T00:00Z"
PRINTING = [
    "--help",
    "--version",
    "kpi --help",
    "check plant.yaml",
    "check plant.yaml --json",
    f"kpi plant.yaml {SPAN}",
    f"kpi plant.yaml {SPAN} --json",
    f"energy plant.yaml {SPAN} --csv",
    f"export plant.yaml {SPAN}",
    "register plant.yaml",
    "read plant.yaml",
    "token list plant.yaml --json",
    "trust plant.yaml",
    "templates sme-2024",
    "templates sme-2024 --blank",
    "templates --csv",
    f"assess sme-2024 plant.yaml {SPAN} --json",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("plant")
    (made / "plant.yaml").write_text(PLANT, encoding="utf-8")
    (made / "rows.csv").write_text(ROWS, encoding="utf-8")
    assert main(["import", str(made / "plant.yaml"), str(made / "rows.csv")]) == 0
    return made


def gemba(words: str, door: str, folder: Path) -> tuple[int, str]:
    """Its exit code and what stood on stderr, with a shell's word for what is done to its stdout."""
    command = f"exec {GEMBA} {words} {door}" if door != "gone" else f"{GEMBA} {words}"
    out = subprocess.PIPE if door == "gone" else None
    environment = {**os.environ, "GEMBA_LANG": "en"}
    with subprocess.Popen(
        ["sh", "-c", command], cwd=folder, env=environment, stdout=out, stderr=subprocess.PIPE, text=True
    ) as process:
        if process.stdout:
            process.stdout.close()  # nobody reads: the first write already fails
        assert process.stderr is not None
        said = process.stderr.read()
        return process.wait(), said


@pytest.mark.parametrize("words", PRINTING)
def test_what_a_full_disk_did_not_take_is_a_failure(words: str, folder: Path) -> None:
    code, said = gemba(words, "> /dev/full", folder)
    assert code == 1
    assert said.endswith("gemba: standard output: No space left on device; see that it is open and has room\n")
    assert "Traceback" not in said
    assert "Exception ignored" not in said


@pytest.mark.parametrize("words", PRINTING[::3])
def test_a_reader_that_has_enough_is_no_news(words: str, folder: Path) -> None:
    assert gemba(words, "gone", folder) == (1, "")


@pytest.mark.parametrize("words", PRINTING[::4])
def test_a_closed_stdout_is_a_failure_and_no_other_file_takes_its_place(words: str, folder: Path) -> None:
    before = {file: file.read_bytes() for file in folder.rglob("*.yaml")}
    code, said = gemba(words, ">&-", folder)
    assert (code, said) == (1, "gemba: standard output: Bad file descriptor; see that it is open and has room\n")
    assert {file: file.read_bytes() for file in folder.rglob("*.yaml")} == before


@pytest.mark.parametrize(("words", "code"), [("check plant.yaml", 0), ("check nothing.yaml", 2), ("chek", 2)])
def test_a_closed_stderr_changes_no_exit_code(words: str, code: int, folder: Path) -> None:
    assert gemba(words, "> /dev/null 2>&-", folder) == (code, "")


def test_simulated_devices_whose_reader_went_end_quietly(folder: Path) -> None:
    code, said = gemba("simulate plant.yaml --out sim --seconds 60", "gone", folder)
    assert code == 1
    assert "Traceback" not in said


def test_gemba_alone_says_how_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    alone = capsys.readouterr()
    assert main(["--help"]) == 0
    asked = capsys.readouterr()
    assert (alone.out, asked.err) == ("", "")
    assert alone.err == asked.out
    assert "gemba COMMAND" in asked.out or "gemba 命令" in asked.out
