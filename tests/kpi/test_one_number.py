"""docs/facts-format.md is enough to follow a number down to its terms and its digest, by facts and by rows."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from config.plant import Plant
from config.zone import DAY
from gemba.cli import main
from kpi.facts.archive import Archive
from kpi.report import Question, report
from store.journal import History, place
from tests.energy.history import FAR, at, taken_in
from tests.energy.plants import plant

PAGE = (Path(__file__).parents[2] / "docs" / "facts-format.md").read_text(encoding="utf-8")
BEGIN, DAYS = "2025-03-03T00:00", 8
BODY = """
assets:
  press-01: {ideal_cycle: 1min, source: plc, points: {state: {at: "holding:0", states: {1: running}}, total: {at: "holding:1", type: uint32}, good: {at: "holding:3", type: uint32}}}
  press-02: {ideal_cycle: 90s, source: plc, points: {total: {at: "holding:5", type: uint32}, good: {at: "holding:7", type: uint32}, product: {at: "holding:9", type: string, length: 4}, energy: {at: "holding:14", type: float32, unit: kWh}}}
  press-03: {source: plc, points: {state: {at: "holding:20", states: {1: running}}, alarm: {at: "holding:21"}, good: {at: "holding:22", type: uint32}}}
"""  # noqa: E501
ROWS = {
    "press-01 state": "1x20 !x3 1x170",
    "press-01 total": "0+12x193",
    "press-01 good": "7+10x193",
    "press-02 total": "0+5x193",
    "press-02 good": "0+5x100 !x2 510+5x91",
    "press-02 product": "A-7x90 B-8x103",
    "press-02 energy": "0.1+0.3x193",
    "press-03 state": "1x193",
    "press-03 alarm": "9x193",
    "press-03 good": "0+1x193",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    folder = tmp_path_factory.mktemp("number")
    made = plant(folder, BODY)
    taken_in(made, [{"of": of, "from": BEGIN, "every": "1h", "is": said} for of, said in ROWS.items()], folder).close()
    return made


@pytest.fixture(scope="module")
def told(made: Plant) -> dict[str, dict[str, Any]]:
    """OEE of each machine and of the plant, as Gemba prints it."""
    begin = at(made, BEGIN)
    history, found = History(place(made)), dict[str, dict[str, Any]]()
    for by in ("asset", "plant"):
        question = Question(begin, begin + DAYS * DAY, by)
        document: dict[str, Any] = report(history, made, question, Archive(made.data, made.id), FAR)
        found |= {row[by]: row["kpis"]["oee"] for row in document["rows"]}
    history.close()
    return found


def asked(name: str, made: Plant) -> list[tuple[Any, ...]]:
    (query,) = re.findall(rf"```sql\n-- {name}\n(.*?)```", PAGE, re.DOTALL)
    before = Path.cwd()
    os.chdir(made.data / "facts" / "v1")
    try:
        return [tuple(row) for row in duckdb.sql(query).fetchall()]
    finally:
        os.chdir(before)


def test_oee(made: Plant, told: dict[str, dict[str, Any]]) -> None:
    eight_days = 8 * 86_400_000
    # 192 rises of 10 pieces of 60 s, and of 5 of 90 s: a sixth and an eighth of the time, 7/48 together
    both = 7 / 48
    assert asked("oee", made) == [
        ("press-01", 1920, 115_200_000.0, eight_days, 1 / 6, both),
        ("press-02", 960, 86_400_000.0, eight_days, 1 / 8, both),
    ]
    assert [told[name]["value"] for name in ("press-01", "press-02")] == [1 / 6, 1 / 8]
    assert (told[made.id]["low"], told[made.id]["reason"]) == (both, "low_coverage")  # a third of it has no OEE
    assert told[made.id]["excluded"] == [{"asset": "press-03", "reason": "no_ideal_cycle"}]


def test_the_digest_out_of_the_facts(made: Plant, told: dict[str, dict[str, Any]]) -> None:
    inputs = told[made.id]["inputs"]
    assert asked("inputs", made) == [(inputs["rows"], inputs["sha256"])]
    # 3 points of the one and 4 of the other, 192 rows each
    assert inputs["rows"] == 7 * 192


@pytest.mark.parametrize(
    ("points", "of"), [("press-01.*", "press-01"), ("press-02.*", "press-02"), ("press-01.*,press-02.*", "test-01")]
)
def test_the_digest_out_of_the_rows(
    points: str, of: str, made: Plant, told: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    span = ["--from", "2025-03-03", "--to", "2025-03-11"]
    file = str(tmp_path / "rows.parquet")
    assert (
        main(
            [
                "export",
                str(made.data.parent / "plant.yaml"),
                *span,
                "--points",
                points,
                "--format",
                "parquet",
                "--out",
                file,
            ]
        )
        == 0
    )
    command = [sys.executable, "-I", "-c", code, file]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    inputs = told[of]["inputs"]
    assert printed == [str(inputs["rows"]), inputs["sha256"]]
