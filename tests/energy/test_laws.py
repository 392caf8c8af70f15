"""Laws of energy: additive over time, states share what there is, order never matters, less is never known better."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plant import SECOND, Plant
from kpi.energy_ledger import Ledger
from kpi.energy_report import report
from kpi.facts.facts import Facts, facts
from tests.energy.history import FAR, at
from tests.energy.plants import plant
from tests.kpi.memory import Memory, picked, series

MINUTE = 60 * SECOND
STEPS = 36  # a reading each ten minutes over six hours
RATE = 60  # steps in ten minutes, at 0.1 kWh/s


@cache
def of() -> Plant:
    return plant(
        Path(mkdtemp()),
        """
        calendar: {shifts: [{name: early, start: "06:00", end: "14:00"}, {name: late, start: "14:00", end: "22:00"}]}
        assets:
          press-01:
            source: plc
            points:
              state: {at: "holding:0", type: uint16, states: {0: off, 1: idle, 2: running, 4: down}}
              energy: {at: "input:0", type: uint32, unit: kWh, counter: {modulus: 1000, max_rate: 0.1/s}}
          saw-01: {source: meter, points: {power: {at: "input:0", type: float64, unit: kW}}}
        meters:
          main:
            carrier: electricity
            point: {source: meter, at: "input:4", type: uint32, unit: kWh, counter: {max_rate: 0.1/s}}
          gas: {carrier: natural_gas, point: {source: meter, at: "input:8", type: float64, unit: m3, counter: {}}}
        """,
    )


def start() -> int:
    return at(of(), "2026-11-02T11:00")


rises = st.lists(st.integers(0, RATE), min_size=STEPS, max_size=STEPS)
held = st.lists(st.sampled_from([None, 0, 1, 2, 4]), min_size=STEPS * 10, max_size=STEPS * 10)
power = st.lists(st.sampled_from([None, 0.0, 0.4, 7.2, 12.34]), min_size=STEPS * 10, max_size=STEPS * 10)


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    begin, every = start(), 10 * MINUTE
    readings = [begin + step * every for step in range(STEPS)]
    minutes = [begin + step * MINUTE for step in range(STEPS * 10)]
    press, main, gas = (np.cumsum(draw(rises)).tolist() for _ in range(3))
    return Memory(
        {
            ("press-01", "energy"): series(readings, [value % 1000 for value in press]),
            ("press-01", "state"): series(minutes, draw(held)),
            ("saw-01", "power"): series(minutes, draw(power)),
            ("main", "reading"): series(readings, main),
            ("gas", "reading"): series(readings, [value / 7 for value in gas]),
        }
    )


def told(memory: Memory, begin: int, end: int) -> Facts:
    return facts(memory, of(), begin, end, now=FAR)


def amounts(memory: Memory, begin: int, end: int) -> dict[str, int]:
    ledger = Ledger(told(memory, begin, end))
    return {gauge.id: ledger.sum([gauge]).total for gauge in ledger.tree.gauges.values()}


END = 6 * 60 * MINUTE


@settings(max_examples=25, deadline=None)
@given(memories(), st.integers(1, END // 10**6 - 1))
def test_a_cut_anywhere_loses_and_adds_nothing(memory: Memory, cut: int) -> None:
    begin = start()
    middle = begin + cut * 10**6
    whole = amounts(memory, begin, begin + END)
    early, late = amounts(memory, begin, middle), amounts(memory, middle, begin + END)
    assert whole == {gauge: early[gauge] + late[gauge] for gauge in whole}


@settings(max_examples=15, deadline=None)
@given(memories(), st.sampled_from(["slice", "hour", "shift", "day"]))
def test_periods_and_states_share_the_whole(memory: Memory, per: str) -> None:
    ledger = Ledger(told(memory, start(), start() + END), per)
    for gauge in ledger.tree.gauges.values():
        parts = [ledger.sum([gauge], period).total for period in range(len(ledger.periods))]
        assert sum(parts) == ledger.sum([gauge]).total
    for machine in ("press-01", "saw-01"):
        by_state = ledger.by_state([machine])
        assert sum(by_state.values()) == ledger.sum([ledger.tree.gauges[machine]]).total


def without_inputs(document: Any) -> Any:
    return {key: value for key, value in document.items() if key != "inputs"}


@settings(max_examples=10, deadline=None)
@given(memories(), st.randoms(use_true_random=False))
def test_order_and_equal_rows_never_matter(memory: Memory, random: Any) -> None:
    before = report(told(memory, start(), start() + END))
    for key, rows in memory.rows.items():
        order = [*range(len(rows)), *random.sample(range(len(rows)), 5)]
        random.shuffle(order)
        shuffled = picked(rows, np.array(order))
        memory.rows[key] = picked(shuffled, np.argsort(shuffled.time, kind="stable"))
    assert without_inputs(report(told(memory, start(), start() + END))) == without_inputs(before)


def width(memory: Memory, gauge: str, begin: int, end: int) -> float:
    ledger = Ledger(told(memory, begin, end))
    one = ledger.sum([ledger.tree.gauges[gauge]])
    assert one.high is None or one.total <= one.high
    return float("inf") if one.high is None else one.high - one.total


@settings(max_examples=25, deadline=None)
@given(memories(), st.sets(st.integers(0, STEPS - 1), min_size=1), st.sampled_from(["press-01", "main", "gas"]))
def test_taking_readings_away_never_narrows(memory: Memory, gone: set[int], gauge: str) -> None:
    begin, end = start() + 30 * MINUTE, start() + END - 30 * MINUTE
    before = width(memory, gauge, begin, end)
    key = (gauge, "energy" if gauge == "press-01" else "reading")
    rows = memory.rows[key]
    memory.rows[key] = picked(rows, np.array([at for at in range(len(rows)) if at not in gone], np.int64))
    assert width(memory, gauge, begin, end) >= before


@settings(max_examples=15, deadline=None)
@given(memories(), st.sets(st.integers(0, STEPS * 10 - 1), min_size=1, max_size=20))
def test_taking_powers_away_never_narrows(memory: Memory, gone: set[int]) -> None:
    before = width(memory, "saw-01", start(), start() + END)
    rows = memory.rows["saw-01", "power"]
    left = np.array([at for at in range(len(rows)) if at not in gone], np.int64)
    memory.rows["saw-01", "power"] = picked(rows, left)
    assert width(memory, "saw-01", start(), start() + END) >= before
