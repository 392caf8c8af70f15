"""What holds of every command: its language, the plant it is about, and how its answer is asked for."""

import csv
import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import config
from gemba.cli import COMMANDS, main

EXAMPLES = Path(config.__file__).parent / "examples"
SMALLEST = EXAMPLES / "smallest.yaml"
Said = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    "words",
    [["--lang", "zh", "check", "--help"], ["--lang=zh", "check", "--help"], ["check", "--help", "--lang", "zh"]],
)
def test_the_language_of_help(words: list[str], capsys: Said) -> None:
    with pytest.raises(SystemExit) as raised:
        main(words)
    assert raised.value.code == 0
    assert COMMANDS["check"][1] in capsys.readouterr().out


def test_the_language_ahead_of_the_command(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMBA_LANG", "en")
    assert main(["--lang", "zh", "check", str(SMALLEST)]) == 0
    assert "数据源: 1" in capsys.readouterr().out
    assert main(["--lang", "zh"]) == 2
    assert capsys.readouterr().err.startswith("用法")
    with pytest.raises(SystemExit) as raised:
        main(["--lang", "fr", "check", str(SMALLEST)])
    assert raised.value.code == 2


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    path = tmp_path / "plant.yaml"
    path.write_text(SMALLEST.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def test_tokens_are_listed_and_revoked(plant: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMBA_PLANT", str(plant))
    assert main(["token", "create", "--scope", "read:kpi,assess", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["token"].startswith(f"kpi_{made['id']}_")
    assert main(["token", "list", "--csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert {key: row[key] for key in ("id", "scopes", "expires", "used")} == {
        "id": made["id"],
        "scopes": "read:kpi,assess",
        "expires": "",
        "used": "",
    }
    assert main(["token", "revoke", made["id"]]) == 0
    assert main(["token", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["token", "revoke", str(plant), made["id"]]) == 2


def test_a_starter_register_as_json(capsys: Said) -> None:
    assert main(["register", str(SMALLEST), "--json", "--lang", "zh"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["id"], row["class"], row["control"], row["reason"]) == ("press-01", "production", "native", "")


def test_discover_of_what(plant: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["discover"]) == 2
    assert capsys.readouterr().err == (
        "gemba discover: neither a protocol nor a plant file (got nothing); "
        "write opcua, modbus, mqtt, or PLANT --source S\n"
    )
    monkeypatch.setenv("GEMBA_PLANT", str(plant))
    assert main(["discover"]) == 2
    assert capsys.readouterr().err.startswith("gemba discover: which source?; give --source with one of ")


def test_what_cannot_be_read_is_empty_as_csv(tmp_path: Path, capsys: Said) -> None:
    """A dash is for people; the exit code says that a whole source failed."""
    with socket.socket() as taken:  # bound and not listening, so nobody answers there
        taken.bind(("127.0.0.1", 0))
        path = tmp_path / "plant.yaml"
        path.write_text(
            "plant: a\ntimezone: UTC\ndata: ./data\n"
            f'sources: {{plc: {{protocol: modbus, url: "tcp://127.0.0.1:{taken.getsockname()[1]}"}}}}\n'
            'assets: {press: {source: plc, points: {total: {at: "holding:2"}}}}\n'
        )
        assert main(["read", str(path), "--csv"]) == 1
    assert capsys.readouterr().out == (
        "asset,point,source,value,unit,quality,time,round_trip_ms\npress,total,plc,,,BadNoCommunication,,\n"
    )


def test_simulate_never_writes_over_the_plant_file(plant: Path, capsys: Said) -> None:
    before = plant.read_bytes()
    assert main(["simulate", str(plant), "--out", str(plant.parent)]) == 2
    assert capsys.readouterr().err.startswith("gemba simulate: the plant file itself would be written over (got ")
    assert main(["simulate", str(plant), "--out", str(plant)]) == 2
    assert capsys.readouterr().err == f"gemba simulate: --out is no folder (got {plant}); name a new one\n"
    assert plant.read_bytes() == before


def test_what_the_system_refuses_is_said_without_a_trace(plant: Path, capsys: Said) -> None:
    below = plant / "below"
    assert main(["simulate", str(plant), "--out", str(below)]) == 1
    assert capsys.readouterr().err == (
        f"gemba: {below}: Not a directory; see that it is there, and who may read and write it\n"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["serve", str(SMALLEST), "--port", "70000"], "must be a number from 0 to 65535 (got 70000)"),
        (["up", str(SMALLEST), "--port", "-1"], "must be a number from 0 to 65535 (got -1)"),
        (["demo", "--seconds", "0"], "must be a number above 0 (got 0)"),
        (["demo", "--seconds", "inf"], "must be a number above 0 (got inf)"),
        (["simulate", str(SMALLEST), "--out", "x", "--seconds", "soon"], "must be a number above 0 (got soon)"),
    ],
)
def test_a_number_that_cannot_be_is_refused_before_anything_starts(words: list[str], says: str, capsys: Said) -> None:
    with pytest.raises(SystemExit) as raised:
        main(words)
    assert raised.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["status", "PLANT", "--gateway", "g9"], "stands behind that gateway (got g9)"),
        (["quarantine", "PLANT", "--gateway", "g9"], "stands behind that gateway (got g9)"),
        (["token", "list", "PLANT", "abcd"], "only revoke takes an ID (got abcd)"),
        (["token", "create", "PLANT", "--scope", "admin", "--expires", "9999999999d"], "longer than a hundred years"),
        (["templates", "sme-2024", "--blank", "--json"], "an answer file is YAML"),
        (["discover", "modbus", "127.0.0.1:1", "--into", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_words_that_say_nothing_are_the_input_that_is_wrong(
    plant: Path, words: list[str], says: str, capsys: Said
) -> None:
    assert main([str(plant) if word == "PLANT" else word for word in words]) == 2
    told = capsys.readouterr()
    assert says in told.err and told.out == ""


def test_a_terminal_without_the_letters_shows_their_codes(plant: Path) -> None:
    plant.write_text(plant.read_text(encoding="utf-8") + "name: 无锡\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONPATH": str(Path(config.__file__).parent.parent)}
    for words, wanted in (((), b"\\u65e0\\u9521"), (("--json",), "无锡".encode())):
        run = subprocess.run(
            (sys.executable, "-m", "gemba.cli", "check", str(plant), *words),
            env=environment,
            capture_output=True,
            check=False,
            timeout=120,
        )
        assert run.returncode == 0 and wanted in run.stdout, run.stderr
