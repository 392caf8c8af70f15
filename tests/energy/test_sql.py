"""The queries of docs/facts-format.md over the Parquet of a real journal give the same digits as Gemba."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest

from config.plant import Plant
from config.zone import DAY
from connectors.base import Column, Frame, Layout
from kpi.energy_report import report as energy
from kpi.facts.archive import Archive
from kpi.facts.facts import facts
from kpi.report import Question, report
from store.journal import History, Journal, place
from store.reader import LINK_GROUP, LINK_POINTS
from tests.energy.history import FAR, at, taken_in
from tests.energy.plants import plant

FORMAT = Path(__file__).parents[2] / "docs" / "facts-format.md"
DAYS = 8  # from Monday 2025-03-03, each from 08:00
BODY = """
calendar: {shifts: [{name: day, start: "08:00", end: "20:00", breaks: ["12:00-12:30"]}, {name: night, start: "20:00", end: "08:00"}]}
rules: {networked: {window: 8d}}
factors: {natural_gas: {tce: 12.143, per: 万m3}}
assets:
  press-01: {source: plc, points: {state: {at: "holding:0", type: uint16, states: {1: running}}, energy: {at: "input:0", type: uint32, unit: kWh}}}
  press-02: {source: plc, points: {state: {at: "holding:1", type: uint16, states: {1: running}}}}
  press-03: {source: plc, points: {state: {at: "holding:2", type: uint16, states: {1: running}}}}
meters:
  main: {carrier: electricity, point: {source: meter, at: "input:0", type: float64, unit: kWh, scale: 40}}
  roof: {carrier: electricity, role: generated, point: {source: meter, at: "input:4", type: float64, unit: kWh}}
  canteen: {carrier: electricity, role: other, under: main, point: {source: meter, at: "input:8", type: float64, unit: kWh}}
  gas: {carrier: natural_gas, point: {source: meter, at: "input:12", type: float64, unit: m3}}
  city: {carrier: water, role: fresh, point: {source: meter, at: "input:16", type: float64, unit: m3}}
"""  # noqa: E501
REGISTER = """\
press-01,a,,,production,native,,,,,
press-02,a,,,production,native,,,,,
press-03,a,,,production,native,,,,,
saw-01,b,,,production,none,,,,,
old-01,b,,,production,native,,,,,2025-03-09
pump-01,b,,,auxiliary,native,,,,,
"""
LAYOUT = Layout("plc", LINK_GROUP, tuple(Column(f"press-0{n}", name, "int") for n in (1, 2, 3) for name in LINK_POINTS))


def links(made: Plant) -> Iterator[Frame]:
    """Each minute 60 polls: of press-01 all good, of press-02 none on the last day, of press-03 47 in 60."""
    begin = at(made, "2025-03-03T08:00")
    for minute in range(DAYS * 1440):
        heard = (60, 0 if minute >= 7 * 1440 else 60, 47)
        counts = [count for good in heard for count in (60, good, 1)]
        yield Frame(LAYOUT, begin + minute * 60 * 10**9, ints=np.array(counts, np.int64))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sql")


@pytest.fixture(scope="module")
def made(folder: Path) -> Plant:
    made = plant(folder, BODY, REGISTER)
    every = {"from": "2025-03-03T08:00", "every": "6h"}
    rows = [
        {"of": "main reading", "is": "100+12.3456x40"},
        {"of": "roof reading", "is": "5+7.77x40"},
        {"of": "canteen reading", "is": "0+3.21x40"},
        {"of": "gas reading", "is": "900+33.333x40"},
        {"of": "city reading", "is": "1+2x40"},
        {"of": "press-01 energy", "is": "0+9x40"},
    ]
    taken_in(made, [every | row for row in rows], folder).close()
    with Journal.open(place(made)) as journal:
        journal.append(list(links(made)))
    return made


def asked(name: str, made: Plant) -> list[tuple[object, ...]]:
    queries = re.findall(r"```sql\n-- (\w+)\n(.*?)```", FORMAT.read_text(encoding="utf-8"), re.DOTALL)
    before = Path.cwd()
    os.chdir(made.data / "facts" / "v1")
    try:
        return [tuple(row) for row in duckdb.sql(dict(queries)[name]).fetchall()]
    finally:
        os.chdir(before)


def test_standard_coal(made: Plant) -> None:
    begin = at(made, "2025-03-03T08:00")
    history = History(place(made))
    told = facts(history, made, begin, begin + DAYS * DAY, Archive(made.data, made.id), FAR)
    history.close()
    document = energy(told)
    rows = asked("tce", made)
    carriers: list[dict[str, object]] = document["carriers"]  # type: ignore[assignment]
    assert {(row[0], row[1]): row[3] for row in rows if row[0] != "water"} == {
        (each["carrier"], each["role"]): each["sign"] * each["tce"]  # type: ignore[operator]
        for each in carriers
        if each["sign"]
    }
    # 32 rises of 40 × 12.3456 + 7.77 − 3.21 kWh, and of 33.333 m3
    assert document["tce"] == pytest.approx(
        32 * (40 * 12.3456 + 7.77 - 3.21) * 1.229e-4 + 32 * 33.333 * 12.143e-4, rel=1e-12
    )
    whole = sum(row[3] for row in rows if isinstance(row[3], float))
    assert whole == pytest.approx(document["tce"], rel=1e-15)


def test_networking(made: Plant) -> None:
    begin = at(made, "2025-03-03T08:00")
    history = History(place(made))
    question = Question(begin, begin + DAYS * DAY, "plant")
    document = report(history, made, question, Archive(made.data, made.id), FAR)
    history.close()
    rate: dict[str, object] = document["rates"]["networking"]  # type: ignore[index]
    assert asked("networking", made) == [(rate["numerator"], rate["denominator"])]
    # press-02 is silent on 1 of 8 days, press-03 hears 47 of 60; saw-01 is not connected, old-01 is gone
    assert (rate["assets"], rate["numerator"], rate["denominator"]) == (["press-01"], 1, 4)
    assert {one["asset"]: one["reason"] for one in rate["excluded"]} == {  # type: ignore[attr-defined]
        "press-02": "too_few_days",
        "press-03": "too_few_samples",
        "saw-01": "not_connected",
    }
    assert (rate["from"], rate["days_observed"]) == ("2025-03-03T08:00:00+08:00", 8)
    assert rate["coverage"] == 1.0


def test_the_rates_day_by_day(made: Plant) -> None:
    begin = at(made, "2025-03-03T08:00")
    history = History(place(made))
    question = Question(begin, begin + DAYS * DAY, "plant", "day")
    document = report(history, made, question, Archive(made.data, made.id), FAR)
    history.close()
    days: list[dict[str, dict[str, object]]] = document["rates_history"]  # type: ignore[assignment]
    told = [(day["day"], *(day["networking"][key] for key in ("value", "numerator", "denominator"))) for day in days]
    # short of five days at first; press-02 fails the last; old-01 is there until the 9th
    assert told == [
        ("2025-03-03", None, 2, 5),
        ("2025-03-04", None, 2, 5),
        ("2025-03-05", None, 2, 5),
        ("2025-03-06", None, 2, 5),
        ("2025-03-07", 0.4, 2, 5),
        ("2025-03-08", 0.4, 2, 5),
        ("2025-03-09", 0.4, 2, 5),
        ("2025-03-10", 0.25, 1, 4),
    ]
    assert days[3]["networking"]["reason"] == "short_history"


def test_the_dimensions_follow_the_plant_file(made: Plant, folder: Path) -> None:
    from dataclasses import replace

    from kpi import dimensions

    root = Archive(made.data, made.id).root
    dimensions.keep(made, root)
    path = root / "meters" / f"plant={made.id}" / "meters.parquet"
    written = path.stat().st_mtime_ns
    dimensions.keep(made, root)
    assert path.stat().st_mtime_ns == written
    meters = {key: meter for key, meter in made.meters.items() if key != "canteen"}
    dimensions.keep(replace(made, meters=meters, sha256="another"), root)
    told = duckdb.sql(f"SELECT id, counted, sign FROM '{path}' ORDER BY id").fetchall()
    assert told == [("city", True, 0), ("gas", True, 1), ("main", True, 1), ("press-01", False, 0), ("roof", True, 1)]
    dimensions.keep(made, root)
