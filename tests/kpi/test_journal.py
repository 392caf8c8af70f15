"""The cases again, their rows in a real journal, and `gemba kpi` as a user runs it."""

import csv
import io
import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from config.load import load
from config.span import Window
from connectors.base import Column, Frame, layout
from connectors.quality import BAD
from gemba.cli import main
from kpi import plants
from kpi.facts.archive import Archive
from kpi.facts.facts import facts
from kpi.report import Question, rows, several
from store.journal import History, Journal, place
from store.reader import Series
from tests.kpi.cases import Case, cases, check, store
from tests.kpi.memory import Memory
from tests.kpi.plants import at, plant

# The clock's epochs are the journal's own, and one layout cannot bring a point twice at one time in one epoch.
JOURNALED = [case for case in cases() if not {"clock", "again", "hold"} & case.told.keys()]


def frames(asset: str, point: str, series: Series) -> list[Frame]:
    kind = "text" if series.text is not None else "int" if series.numbers.dtype.kind == "i" else "float"
    of = layout("plc", f"poll {asset} {point}", [Column(asset, point, kind)])  # type: ignore[arg-type]
    found = []
    for place_of, time in enumerate(series.time.tolist()):
        good = series.quality[place_of] == 0
        quality = None if good else np.array([BAD], np.uint32)
        number = series.numbers[place_of : place_of + 1]
        if kind == "text":
            code = -1 if series.text is None else int(series.text[place_of])
            found.append(Frame(of, time, texts=(series.words[code] if code >= 0 else "",), quality=quality))
        elif kind == "int":
            found.append(Frame(of, time, ints=number, quality=quality))
        else:
            found.append(Frame(of, time, floats=number, quality=quality))
    return found


@pytest.mark.parametrize("case", JOURNALED, ids=[case.name for case in JOURNALED])
def test_case_in_the_journal(case: Case, tmp_path: Path) -> None:
    told = case.told
    of = plant(tmp_path, told["plant"], told.get("timezone", "UTC"), told.get("rules", ""))
    written = [frame for key, series in store(told).rows.items() for frame in frames(*key, series)]
    with Journal.open(place(of), of.keep) as journal:
        journal.append(written)
    start, end = (at(one) for one in told["window"])
    question = Question(start, end, told.get("by", "asset"), profile=told.get("profile", "iso22400"))
    archive = Archive(of.data, of.id)
    for _ in range(2):
        with closing(History(place(of))) as reader:
            made = facts(reader, of, start, end, archive, end + 10**18)
        check(told, made, rows(made, question))


PLANT = """
calendar: {shifts: [{name: early, start: "06:00", end: "14:00"}, {name: late, start: "14:00", end: "22:00"}]}
register: register.csv
lines: {l1: {serial: [m1, m2], bottleneck: m1}}
assets:
  m1:
    ideal_cycle: 30s
    points:
      state: {source: plc, at: "holding:0", type: uint16, states: {1: running, 2: idle}}
      total: {source: plc, at: "holding:2", type: uint32, counter: {}}
      good: {source: plc, at: "holding:4", type: uint32, counter: {}}
  m2:
    ideal_cycle: 30s
    points:
      state: {source: plc, at: "holding:10", type: uint16, states: {1: running, 2: idle}}
      good: {source: plc, at: "holding:14", type: uint32, counter: {}}
"""
REGISTER = """id,name,workshop,line,process,class,control,key
m1,press,hall,l1,pressing,production,native,yes
m2,oven,hall,l1,baking,production,native,no
m3,hand press,hall,l1,pressing,production,none,no
"""


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    """Two machines over a production day; m1 makes a piece a minute and stands every tenth, m2 half of that."""
    (tmp_path / "register.csv").write_text(REGISTER)
    of = plant(tmp_path, PLANT, "Asia/Shanghai")
    lines = ["time,asset,point,value"]
    begin = at("2026-10-05T06:00:00+08:00")
    for minute in range(16 * 60 + 1):
        time = datetime.fromtimestamp((begin + minute * 60 * 10**9) // 10**9, UTC).isoformat()
        running = minute % 10 != 9
        lines += [
            f"{time},m1,state,{1 if running else 2}",
            f"{time},m1,total,{minute}",
            f"{time},m1,good,{minute - minute // 20}",
            f"{time},m2,state,1",
            f"{time},m2,good,{minute // 2}",
        ]
    (tmp_path / "history.csv").write_text("\n".join(lines) + "\n")
    assert main(["import", str(of.file), str(tmp_path / "history.csv")]) == 0
    return of.file


WINDOW = ["--from", "2026-10-05T06:00", "--to", "2026-10-05T22:00"]


def document(capsys: pytest.CaptureFixture[str], file: Path, *more: str) -> dict:  # type: ignore[type-arg]
    capsys.readouterr()
    assert main(["kpi", str(file), *more, "--json"]) == 0
    return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]


def test_the_document(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = document(capsys, imported, *WINDOW)
    assert {key: told[key] for key in ("plant", "from", "to", "by", "per", "profile")} == {
        "plant": "case",
        "from": "2026-10-05T06:00:00+08:00",
        "to": "2026-10-05T22:00:00+08:00",
        "by": "asset",
        "per": "window",
        "profile": "iso22400",
    }
    assert list(told["rates"]) == ["networking", "digitalization", "key_equipment_nc", "key_process_nc"]
    assert (told["rates"]["digitalization"]["numerator"], told["rates"]["digitalization"]["denominator"]) == (2, 3)
    first, second = told["rows"]
    assert (first["asset"], first["line"], second["asset"]) == ("m1", "l1", "m2")
    oee = first["kpis"]["oee"]
    assert list(oee)[:10] == [
        *("kpi", "value", "low", "high", "unit", "coverage", "reason", "flags", "profile", "terms"),
    ]
    # 960 pieces of 30 s in 16 h, 48 of them bad; one minute in ten idle
    assert (oee["value"], oee["coverage"], oee["flags"]) == (912 * 30 / 57600, 1.0, ["imported"])
    assert oee["terms"] == {
        "PBT": 57_600_000,
        "APT": 51_840_000,
        "PRI_PQ": 28_800_000,
        "PRI_GQ": 27_360_000,
        "PQ": 960,
        "GQ": 912,
    }
    assert oee["method"] == "oee@1"
    inputs = oee["inputs"]
    assert (inputs["rows"], inputs["store"], len(inputs["sha256"])) == (3 * 960, "journal", 64)
    assert inputs["plant_sha256"] == told["plant_sha256"]
    assert first["time_ms"] == {
        "running": 51_840_000,
        **dict.fromkeys(("setup", "down", "planned", "off", "unknown"), 0),
        "idle": 5_760_000,
    }
    assert first["quantity"] == {
        "total": 960,
        "good": 912,
        "reject": None,
        "rework": None,
        "unscheduled": {"total": 0, "good": 0},
    }
    assert second["kpis"]["quality"]["reason"] == "not_configured"
    assert (second["quantity"]["total"], second["quantity"]["good"]) == (None, 480)


def test_pieces_of_what_was_not_read_are_not_none(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The counters were read until 22:00 of the first day: what is behind that is not known, and not nothing."""
    days = ["--from", "2026-10-05T06:00", "--to", "2026-10-06T22:00", "--per", "shift"]
    for by, known in ((), [(480, 456), (480, 456)]), (("--by", "line"), [(480, 696), (480, 696)]):
        told = document(capsys, imported, *days, *by)["rows"]
        rows = [row["quantity"] for row in told if row.get("asset", "m1") == "m1"]
        assert [(one["total"], one["good"]) for one in rows] == [*known, (None, None), (None, None)]
        assert rows[2]["unscheduled"] == {"total": None, "good": None}
        assert rows[0]["unscheduled"] == {"total": 0, "good": 0}
    night = document(capsys, imported, "--from", "2026-10-05T22:30", "--to", "2026-10-06T05:00")["rows"][0]
    assert (night["quantity"]["total"], night["quantity"]["good"]) == (None, None), "nothing is planned, nothing read"
    assert main(["kpi", str(imported), "--from", "2026-10-06T06:00", "--to", "2026-10-06T22:00"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("m1"))
    assert line.split().count("—") == 2


def test_groups_periods_and_baselines(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = document(capsys, imported, *WINDOW, "--by", "line")["rows"][0]
    assert line["line"] == "l1" and "asset" not in line
    assert line["kpis"]["oee"]["value"] == (912 + 480) * 30 / (2 * 57600)
    assert line["kpis"]["line_oee"]["value"] == 480 * 30 / 57600
    assert line["kpis"]["quality"]["excluded"] == [{"asset": "m2", "reason": "not_configured"}]
    assert line["kpis"]["quality"]["reason"] == "low_coverage" and line["kpis"]["quality"]["coverage"] == 0.5
    plant_row = document(capsys, imported, *WINDOW, "--by", "plant")["rows"][0]
    assert plant_row["plant"] == "case" and plant_row["kpis"]["water_reuse"]["reason"] == "not_configured"
    assert document(capsys, imported, *WINDOW, "--by", "workshop")["rows"][0]["workshop"] == "hall"
    shifts = [row for row in document(capsys, imported, *WINDOW, "--per", "shift")["rows"] if row["asset"] == "m1"]
    assert [(row["shift"], row["from"], row["to"]) for row in shifts] == [
        ("early", "2026-10-05T06:00:00+08:00", "2026-10-05T14:00:00+08:00"),
        ("late", "2026-10-05T14:00:00+08:00", "2026-10-05T22:00:00+08:00"),
    ]
    assert [row["quantity"]["total"] for row in shifts] == [480, 480]
    assert len(document(capsys, imported, *WINDOW, "--per", "hour")["rows"]) == 32
    for per, count in (("slice", 32), ("day", 2), ("week", 2), ("month", 2), ("year", 2), ("window", 2)):
        assert len(document(capsys, imported, *WINDOW, "--per", per)["rows"]) == count, per
    base = ["--baseline-from", "2026-10-05T06:00", "--baseline-to", "2026-10-05T06:09"]
    row = document(capsys, imported, *WINDOW, *base)["rows"][0]
    # nine pieces in nine minutes at 30 s, all good, against 912 in 960 min
    assert row["baseline"]["kpis"]["oee"]["value"] == 0.5
    assert row["change"]["oee"] == {"relative": -0.05, "points": -0.025, "certain": True}
    assert row["change"]["mtbf"]["reason"] == "no_baseline"


def test_what_people_read(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["kpi", str(imported), *WINDOW, "--lang", "en"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "case  2026-10-05T06:00:00+08:00 – 2026-10-05T22:00:00+08:00  iso22400"
    assert lines[2].split()[:5] == ["asset", "OEE", "availability", "effectiveness", "quality"]
    assert lines[4].split()[:9] == ["m1", "47.50", "%", "90.00", "%", "55.56", "%", "95.00", "%"]
    assert main(["kpi", str(imported), *WINDOW, "--lang", "zh"]) == 0
    assert "设备综合效率" in capsys.readouterr().out
    assert main(["kpi", str(imported), *WINDOW, "--csv"]) == 0
    sheet = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    oee = next(row for row in sheet if (row["asset"], row["kpi"]) == ("m1", "oee"))
    assert (float(oee["value"]), oee["reason"], oee["flags"]) == (0.475, "", "imported")


def test_wrong_arguments(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kpi", str(imported), "--from", "yesterday"]) == 2
    assert main(["kpi", str(imported), "--month", "2026-10", "--last", "30d"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "last: stands beside" in said.err.replace("month: stands beside", "last: stands beside")


def test_several_plants_are_sums_divided_once(imported: Path, tmp_path: Path) -> None:
    """The same machines twice, one plant with a store that has nothing: its machines are named, and lower coverage."""
    of = load(imported)
    empty = replace(
        plant(tmp_path / "other", PLANT.replace("register: register.csv\n", ""), "Asia/Shanghai"), id="other"
    )
    start, end = at("2026-10-05T06:00:00+08:00"), at("2026-10-05T22:00:00+08:00")
    with closing(History(place(of))) as reader:
        here, there = facts(reader, of, start, end), facts(Memory({}), empty, start, end)
    question = Question(start, end)
    twin = replace(here, plant=replace(of, id="twin"))
    over = Window(start, end, date(2026, 10, 5))
    both = several(here, [*plants.of(here), *plants.of(twin)], question, over)
    assert both.measured["oee"].value == Fraction((912 + 480) * 30, 2 * 57600)
    row = several(here, [*plants.of(here), *plants.of(there)], question, over)
    assert (row.measured["oee"].value, row.measured["oee"].reason) == (None, "low_coverage")
    assert row.measured["oee"].coverage == Fraction(1, 2)
    assert row.measured["oee"].excluded == (("other/m1", "no_data"), ("other/m2", "no_data"))
