"""`gemba quarantine` as a user runs it, against a real database that took offence at something."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.load import load
from gemba.cli import main
from store.influx.delivery import Refused
from store.influx.quarantine import Quarantine
from store.influx.server import connect
from store.journal import place
from tests.servers.influxdb1 import InfluxDB1

TIME = 1_795_000_000_000_000_000  # 2026-11-18T11:06:40Z
GOOD = f"asset,asset=press-01,plant=wuxi-01 x=1 {TIME}"
BAD = f'asset,asset=press-01,plant=wuxi-01 x="text" {TIME + 1}'
PLANT = """\
plant: wuxi-01
timezone: Asia/Shanghai
data: ./data
sources: {plc: {protocol: modbus, url: "tcp://127.0.0.1:9"}}
assets: {press-01: {points: {x: {source: plc, at: "holding:0"}}}}
"""


@pytest.fixture
def file(tmp_path: Path, influxdb1: InfluxDB1, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("GEMBA_LANG", "en")
    monkeypatch.delenv("GEMBA_PLANT", raising=False)
    path = tmp_path / "plant.yaml"
    path.write_text(f'{PLANT}store: {{influxdb: {{url: "{influxdb1.url}", database: {tmp_path.name}}}}}\n')
    place(load(path)).mkdir(parents=True)
    yield path


def refused(file: Path, *lines: str) -> Quarantine:
    made = Quarantine(place(load(file)))
    made.add([Refused(line.encode(), "400 field type conflict") for line in lines], TIME)
    return made


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        code = main(["quarantine", *words])
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def test_nothing_was_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, str(file)) == (0, "nothing was refused\n", "")
    assert said(capsys, str(file), "--json") == (0, "[]\n", "")
    assert said(capsys, str(file), "--lang", "zh")[1] == "没有被拒收的数据\n"


def test_list(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(file, BAD)
    code, out, _ = said(capsys, str(file), "list", "--json")
    row = {"time": "2026-11-18T19:06:40+08:00", "why": "400 field type conflict", "line": BAD}
    assert (code, json.loads(out)) == (0, [row])
    code, out, _ = said(capsys, str(file))
    assert code == 0
    assert "2026-11-18T19:06:40+08:00" in out
    assert "field type conflict" in out
    assert max(map(len, out.splitlines())) <= 80
    code, out, _ = said(capsys, str(file), "--csv")
    assert (code, list(csv.DictReader(io.StringIO(out)))) == (0, [row])


def test_export(file: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    refused(file, BAD, GOOD)
    target = tmp_path / "refused.lp"
    code, out, _ = said(capsys, str(file), "export", str(target), "--json")
    assert (code, json.loads(out)) == (0, {"lines": 2, "file": str(target)})
    assert target.read_text() == f"{BAD}\n{GOOD}\n"
    assert said(capsys, str(file), "export", str(tmp_path / "no" / "where"))[0] == 1


def test_retry_takes_out_what_is_taken_now(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held = refused(file, GOOD, BAD)
    server = connect(load(file).store)  # type: ignore[arg-type]
    server.prepare(800)
    server.write(f"asset,asset=press-01,plant=wuxi-01 x=0 {TIME - 1}".encode())
    code, out, _ = said(capsys, str(file), "retry", "--json")
    assert (code, json.loads(out)) == (0, {"taken": 1, "refused": 1})
    assert [one.line for one in held.all()] == [BAD]
    assert server.query('SELECT "x" FROM "asset"').splitlines()[1:] == [
        b"asset,,%d,0" % (TIME - 1),
        b"asset,,%d,1" % TIME,
    ]
    server.close()


def test_retry_while_the_server_is_away_changes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held = refused(file, GOOD)
    file.write_text(f'{PLANT}store: {{influxdb: {{url: "http://127.0.0.1:9", database: own}}}}\n')
    code, out, err = said(capsys, str(file), "retry")
    assert (code, out) == (1, "")
    assert err.startswith("gemba quarantine: not taken now (got ")
    assert [one.line for one in held.all()] == [GOOD]


def test_the_plant_may_stand_in_the_environment(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(file, BAD)
    monkeypatch.setenv("GEMBA_PLANT", str(file))
    assert len(json.loads(said(capsys, "list", "--json")[1])) == 1
    assert len(json.loads(said(capsys, "--json")[1])) == 1


@pytest.mark.parametrize("words", [["export"], ["list", "x"], ["mend"], ["retry", "a", "b"]])
def test_what_cannot_be_meant(file: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    code, out, err = said(capsys, str(file), *words)
    assert (code, out) == (2, "")
    assert "list, retry, or export FILE" in err


def test_without_a_journal_or_a_store(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(file, BAD)
    file.write_text(PLANT)
    assert said(capsys, str(file), "retry")[0] == 2
    file.write_text(PLANT.replace("./data", "./elsewhere"))
    code, _, err = said(capsys, str(file))
    assert code == 1
    assert "no journal is there" in err
