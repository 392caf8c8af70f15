"""Two virtual weeks, with faults: measured is true where data is complete, and bounds hold the truth elsewhere."""

from datetime import datetime
from fractions import Fraction
from typing import Any

import pytest

from config.load import load
from config.plant import Plant
from gemba.demo.past import write
from kpi.report import Question, report
from simulators.plant import Reset, VirtualPlant
from store.journal import History, place

HOUR = 3600 * 10**9
DAY = 24 * HOUR
START = 1_793_548_800 * 10**9  # 2026-11-02T00:00+08:00, a Monday
END = START + 14 * DAY
PLANT = """
plant: truth-01
timezone: Asia/Shanghai
data: ./data
calendars:
  two-shift:
    shifts:
      - {name: day, start: "08:00", end: "20:00", breaks: ["12:00-12:30"], days: mon-sat}
      - {name: night, start: "20:00", end: "08:00", breaks: ["00:00-00:30"], days: mon-fri}
calendar: two-shift
sources:
"""
MACHINES = {1: "20s", 2: "35s", 3: "50s", 4: "20s", 5: "35s", 6: "50s"}
LOST, RESET = 4, 5
LOSSES = [(START + day * DAY + 9 * HOUR, START + day * DAY + 11 * HOUR) for day in range(14)]


def text() -> str:
    sources, assets = "", "assets:\n"
    states = "{0: off, 1: idle, 2: running, 3: down, 4: setup}"
    for number, cycle in MACHINES.items():
        sources += f'  plc-{number}: {{protocol: modbus, url: "tcp://10.0.0.{number}:502", every: 1ms}}\n'
        own = f"source: plc-{number}"
        assets += f"  m{number}:\n    ideal_cycle: {cycle}\n    points:\n"
        assets += f'      state: {{{own}, at: "holding:0", states: {states}}}\n'
        assets += f'      total: {{{own}, at: "holding:2", type: uint32, counter: {{max_rate: 1000/s}}}}\n'
        assets += f'      good: {{{own}, at: "holding:4", type: uint32, counter: {{max_rate: 1000/s}}}}\n'
    return PLANT + sources + assets


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plant, VirtualPlant, dict[str, list[dict[str, Any]]]]:
    folder = tmp_path_factory.mktemp("truth")
    (folder / "plant.yaml").write_text(text(), encoding="utf-8")
    plant = load(folder / "plant.yaml")
    resets = tuple(Reset(f"m{RESET}", name, START + 3 * DAY + 15 * HOUR) for name in ("total", "good"))
    virtual = VirtualPlant(plant, START - DAY, 11, resets)
    write(place(plant), plant, virtual, START - DAY, END + DAY, {f"plc-{LOST}": LOSSES})
    reader = History(place(plant))
    question = Question(START + 8 * HOUR, END - 16 * HOUR, "asset", "shift")
    document = report(reader, plant, question, None, END + DAY)
    reader.close()
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in document["rows"]:
        if row["shift"]:
            rows.setdefault(row["asset"], []).append(row)
    return plant, virtual, rows


def ends(row: dict[str, Any]) -> tuple[int, int]:
    return tuple(round(datetime.fromisoformat(row[key]).timestamp() * 1000) * 10**6 for key in ("from", "to"))  # type: ignore[return-value]


@pytest.mark.parametrize("number", [1, 2, 3, 6])
def test_where_data_is_complete_measured_is_true(world: Any, number: int) -> None:
    plant, virtual, rows = world
    asset = f"m{number}"
    assert len(rows[asset]) == 22  # that begin in the window: a day shift on 12 dates, a night shift on 10
    cycle = plant.assets[asset].ideal[0].seconds * 1000
    for row in rows[asset]:
        start, end = ends(row)
        truth = virtual.truth(asset, start, end)
        assert row["time_ms"] == truth["time_ms"], row["from"]
        assert row["quantity"]["total"] == truth["pieces"]["total"]
        assert row["quantity"]["good"] == truth["pieces"]["good"]
        oee = row["kpis"]["oee"]
        busy = oee["terms"]["PBT"]
        assert busy == (end - start) // 10**6 - 30 * 60_000
        assert oee["terms"]["GQ"] <= truth["pieces"]["good"]
        assert oee["value"] == float(Fraction(oee["terms"]["GQ"]) * cycle / busy)
        assert oee["coverage"] == row["kpis"]["availability"]["coverage"] == 1.0
        available = row["kpis"]["availability"]
        assert available["value"] == available["low"] == available["high"]


def test_what_was_lost_widens_the_bounds_around_the_truth(world: Any) -> None:
    _plant, virtual, rows = world
    asset = f"m{LOST}"
    unknown = 0
    for row in rows[asset]:
        start, end = ends(row)
        truth = virtual.truth(asset, start, end)
        unknown += row["time_ms"]["unknown"]
        assert sum(row["time_ms"].values()) == (end - start) // 10**6
        for state, spent in row["time_ms"].items():
            if state != "unknown":
                assert spent <= truth["time_ms"][state]
        available = row["kpis"]["availability"]
        running = Fraction(available["terms"]["APT"])
        busy = Fraction(row["kpis"]["oee"]["terms"]["PBT"])
        assert available["low"] <= float(Fraction(truth["time_ms"]["running"]) / busy) + 1e-12
        assert float(running / busy) <= available["high"]
    assert unknown == 12 * 2 * 3_600_000, "two hours of each day shift"
    day = [row for row in rows[asset] if row["shift"] == "day"]
    total = sum(row["quantity"]["total"] for row in rows[asset])
    spans = [ends(row) for row in rows[asset]]
    assert total == sum(virtual.truth(asset, *span)["pieces"]["total"] for span in spans), "counters survive a gap"
    assert all("spread" in row["kpis"]["oee"]["flags"] for row in day)


def test_a_reset_is_recorded_and_its_bounds_hold_the_truth(world: Any) -> None:
    _plant, virtual, rows = world
    asset = f"m{RESET}"
    flagged = [row for row in rows[asset] if "reset" in row["kpis"]["oee"]["flags"]]
    assert len(flagged) == 1
    for row in rows[asset]:
        start, end = ends(row)
        truth = virtual.truth(asset, start, end)
        assert row["time_ms"] == truth["time_ms"]
        oee = row["kpis"]["oee"]
        if row in flagged:
            assert truth["pieces"]["good"] - row["quantity"]["good"] in (0, 1)
            assert oee["low"] <= oee["value"] <= oee["high"]
        else:
            assert row["quantity"]["total"] == truth["pieces"]["total"]
            assert row["quantity"]["good"] == truth["pieces"]["good"]


def test_every_machine_is_there(world: Any) -> None:
    _, _, rows = world
    assert set(rows) == {f"m{number}" for number in MACHINES}
