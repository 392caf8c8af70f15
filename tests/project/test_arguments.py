"""Whatever stands on the command line: an exit code of three, and where it is not 0 a message; never a traceback. New
options are tried as they come: the parsers say which there are."""

import argparse
import importlib
from pathlib import Path

import pytest

from gemba.cli import main

PLANT = """plant: p-01
timezone: Asia/Shanghai
data: ./data
sources: {plc: {protocol: modbus, url: "tcp://127.0.0.1:9"}}
assets: {saw-01: {points: {total: {source: plc, at: "holding:0"}}}}
"""
ROWS = "time,asset,point,value\n2026-11-02T08:00:00Z,saw-01,total,1\n"
NINES = "9" * 5000
ODD = [
    "",
    "-1",
    "0",
    "nan",
    "1e400",
    "9" * 400,
    "2026-02-30",
    "9999-12-31",
    "99999999d",
    "a/#/b",
    "--",
    "[",
    "dir",
]
SPAN = "--from=2026-11-02 --to=2026-11-03"
ASKING = {  # those that end by themselves and ask no device, in a form that is complete
    "check": "p.yaml",
    "status": "p.yaml",
    "quarantine": "p.yaml",
    "trust": "p.yaml",
    "token": "create p.yaml --scope=admin",
    "import": "p.yaml rows.csv",
    "export": f"p.yaml {SPAN}",
    "register": "p.yaml",
    "kpi": f"p.yaml {SPAN}",
    "energy": f"p.yaml {SPAN}",
    "templates": "sme-2024",
    "score": "sme-2024 answers.yaml",
    "assess": f"sme-2024 p.yaml {SPAN}",
}
FILES = {
    "gbk.yaml": f"{PLANT}name: 无锡一厂\n".encode("gbk"),
    "utf-16.yaml": PLANT.encode("utf-16"),
    "binary.yaml": bytes(range(256)) * 8,
    "zeros.yaml": bytes(100),
    "empty.yaml": b"",
    "deep.yaml": b"a: " + b"[" * 5000,
    "list.yaml": b"- plant\n",
}
REFUSED = {
    "serve p.yaml --port=--": "argument --port: expected one argument (got --)",
    "simulate p.yaml --out=sim --seed=1e3": "must be a whole number of up to 18 digits (got 1e3); write 1",
    f"simulate p.yaml --out=sim --seed={'9' * 40}": "must be a whole number of up to 18 digits",
    "simulate p.yaml --out=sim --pace=1/0": "must be from 0.001 to 1000 (got 1/0); 10 is ten times as fast",
    "simulate p.yaml --out=sim --pace=1e-400": "must be from 0.001 to 1000",
    "discover modbus 127.0.0.1:9 --units=²": "--units must be a number or a range (got ²); write 1-5",
    f"discover modbus 127.0.0.1:9 --units={NINES}": "--units must be a number or a range",
    "discover modbus 127.0.0.1:9 --registers=0-70000": "must lie between 0 and 65535 (got 0-70000); write 1-5",
    "discover mqtt mqtt://127.0.0.1:9 --insecure --topic=a/#/b": "--topic is no MQTT topic (got a/#/b); write +",
    "discover mqtt mqtt://127.0.0.1:9 --insecure --topic=\udcff": "must be UTF-8 text (got '\\udcff'); type it anew",
    "discover mqtt mqtt://127.0.0.1:9 --insecure --seconds=nan": "must be a number above 0 (got nan); write 60",
    "discover opcua \udcff --insecure": "argument URL: must be UTF-8 text",
    "discover opcua x --insecure": "begins with opc.tcp:// (got x); write opc.tcp://host:port",
    "discover opcua opc.tcp://127.0.0.1:9 --policy=None,mode:None": "must be one of None, Basic256Sha256",
    "discover opcua opc.tcp://127.0.0.1:9": "give --policy Basic256Sha256, or --insecure to accept that",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEMBA_LANG", "en")
    (tmp_path / "dir").mkdir()
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "p.yaml").write_text(PLANT, encoding="utf-8")
    (tmp_path / "rows.csv").write_text(ROWS, encoding="utf-8")
    (tmp_path / "answers.yaml").write_text("template: sme-2024\nanswers: {5: 4}\n", encoding="utf-8")


def code_of(words: list[str]) -> int:
    try:
        return main(words)
    except SystemExit as left:
        assert isinstance(left.code, int)
        return left.code


def options(command: str) -> list[str]:
    """Those that take any word."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"gemba.commands.{command + '_' * (command == 'import')}").configure(parser)
    return [a.option_strings[0] for a in parser._actions if a.option_strings and a.nargs is None and not a.choices]


@pytest.mark.parametrize("command", ASKING)
def test_an_odd_value_of_each_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    for option in options(command):
        for value in ODD:
            words = [command, *ASKING[command].split(), f"{option}={value}"]
            code = code_of(words)
            said = capsys.readouterr().err
            assert code in (0, 1, 2), words
            assert code == 0 or said.count("\n") >= 1, words


@pytest.mark.parametrize("command", [name for name, words in ASKING.items() if "p.yaml" in words])
@pytest.mark.parametrize("file", [*FILES, "nothing.yaml", "dir", "p.yaml/x"])
def test_a_file_that_is_no_plant_file(command: str, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of([command, *ASKING[command].replace("p.yaml", file).split()]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"{file}:")
    assert "; " in told.err
    assert told.out == ""


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_refused_and_why(words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(words.split(" ")) == 2
    assert REFUSED[words] in capsys.readouterr().err
    assert not (tmp_path / "sim").exists()


def test_a_plant_file_from_windows(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_bytes(b"\xef\xbb\xbf" + PLANT.replace("\n", "\r\n").encode())
    (tmp_path / "w.csv").write_bytes(b"\xef\xbb\xbf" + ROWS.replace("\n", "\r\n").encode())
    assert main(["check", "w.yaml"]) == 0
    assert main(["import", "w.yaml", "w.csv"]) == 0


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            "9999-12-31T23:59:59Z,saw-01,total,1",
            "rows.csv:3: time: is no time with an offset (got 9999-12-31T23:59:59Z)",
        ),
        ("0001-01-01T00:00:00+14:00,saw-01,total,1", "rows.csv:3: time: is no time with an offset"),
        (f"2026-11-02T08:01:00Z,saw-01,total,{NINES}", "rows.csv:3: value: is beyond what a number can be"),
        ("2026-11-02T08:01:00Z,saw-01,total,nan", "rows.csv:3: value: is not a finite number"),
        (f'"2026-11-02T08:01:00Z,saw-01,total,1\n{"x" * 200_000}', "rows.csv:3: row: has another number of columns"),
    ],
)
def test_a_row_that_no_journal_holds(row: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.csv").write_text(f"{ROWS}{row}\n", encoding="utf-8")
    assert main(["import", "p.yaml", "rows.csv"]) == 2
    assert said in capsys.readouterr().err
    assert main(["export", "p.yaml", *SPAN.split()]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1, "only the headings: nothing was kept"
