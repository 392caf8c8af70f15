"""Energy from power: the held value, the trapezoid only between consecutive polls, nothing where nothing is known."""

from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plant import SECOND, Plant
from kpi.energy_ledger import Ledger
from kpi.facts.facts import facts
from tests.energy.history import FAR, at
from tests.energy.plants import plant
from tests.kpi.memory import Memory, series

Row = tuple[int, float | None]  # seconds after midnight UTC, and kW or not Good
EVERY, HOLD = 10, 180  # seconds, of the source `meter` and a keepalive of 60 s


@cache
def of(unit: str = "kW", keepalive: str = "60s") -> Plant:
    point = f'{{at: "input:0", type: float64, unit: {unit}, keepalive: {keepalive}}}'
    state = '{source: plc, at: "holding:0", type: uint16, states: {1: running, 2: idle}}'
    return plant(Path(mkdtemp()), f"assets: {{saw: {{source: meter, points: {{power: {point}, state: {state}}}}}}}\n")


def ledger(
    rows: list[Row], end: int, begin: int = 0, made: Plant | None = None, states: list[Row] | None = None
) -> Ledger:
    made = made or of()
    midnight = at(made, "2026-11-02T08:00")
    told = {
        ("saw", point): series([midnight + second * SECOND for second, _ in some], [value for _, value in some])
        for point, some in (("power", rows), ("state", states or []))
    }
    return Ledger(facts(Memory(told), made, midnight + begin * SECOND, midnight + end * SECOND, now=FAR))


def found(of_ledger: Ledger) -> tuple[int, int]:
    """Wh, and seconds that are known."""
    one = of_ledger.sum(of_ledger.tree.gauges.values())
    return one.total, one.covered // 1000


CASES: dict[str, tuple[list[Row], int, tuple[int, int]]] = {
    "held": ([(60 * minute, 3.0) for minute in range(20)], 1200, (1000, 1200)),
    # 0 to 7.2 kW within 10 s, 3.6 kW × 10 s, then 7.2 kW for 10 s: 10 + 20 Wh
    "a trapezoid between consecutive polls": ([(0, 0.0), (10, 7.2)], 20, (30, 20)),
    # 20 s apart: 0 kW is held for 20 s, then 7.2 kW for 10 s
    "a missed poll between them": ([(0, 0.0), (20, 7.2)], 30, (20, 30)),
    "15 s apart are consecutive still": ([(0, 0.0), (15, 7.2)], 15, (15, 15)),
    # 0 to 72 kW in 10 s: after 5 s 36 kW, so 18 kW × 5 s
    "cut inside a trapezoid": ([(0, 0.0), (10, 72.0)], 5, (25, 5)),
    "no longer than a row stands": ([(0, 36.0)], 3600, (1800, 180)),
    "a row that is not Good": ([(0, 36.0), (100, None), (200, 36.0)], 300, (2000, 200)),
    "nothing": ([], 3600, (0, 0)),
    "nothing Good": ([(0, None)], 3600, (0, 0)),
    # 1 W all day are 24 Wh, 0.3 W are 7.2: rounding loses less than 1 Wh a day
    "a small load": ([(60 * minute, 0.001) for minute in range(1440)], 86400, (24, 86400)),
    "a smaller load": ([(60 * minute, 0.0003) for minute in range(1440)], 86400, (7, 86400)),
}


@pytest.mark.parametrize("name", CASES)
def test_energy_is_what_the_power_comes_to(name: str) -> None:
    rows, end, expected = CASES[name]
    assert found(ledger(rows, end)) == expected


@pytest.mark.parametrize(("unit", "value"), [("W", 36_000.0), ("kW", 36.0), ("MW", 0.036)])
def test_units_of_power(unit: str, value: float) -> None:
    assert found(ledger([(0, value)], 180, made=of(unit))) == (1800, 180)


def test_it_stands_by_the_state_in_force() -> None:
    states: list[Row] = [(0, 1), (100, 2)]
    by_state = ledger([(0, 36.0)], 180, states=states).by_state(["saw"])
    assert {state: amount for state, amount in by_state.items() if amount} == {"running": 1000, "idle": 800}


def test_it_says_that_it_is_from_power() -> None:
    from kpi.facts.schema import named

    made = ledger([(0, 36.0)], 180)
    assert named(made.sum(made.tree.gauges.values()).flags) == ["from_power"]


# -- against the definition --------------------------------------------------------------------------------------------
def power_at(rows: list[Row], begin: int, end: int) -> tuple[Fraction, int]:
    """Wh and known seconds, second by second: that of a straight second is the power at its middle."""
    used, known = Fraction(0), 0
    for second in range(begin, end):
        past = [row for row in rows if row[0] <= second]
        if not past or past[-1][1] is None or second >= past[-1][0] + HOLD // 3:
            continue
        at_, value = past[-1][0], Fraction(str(past[-1][1]))
        following = next((row for row in rows if row[0] > second), None)
        if following and following[1] is not None and (following[0] - at_) * 2 <= EVERY * 3:
            slope = (Fraction(str(following[1])) - value) / (following[0] - at_)
            value += slope * (Fraction(2 * second + 1, 2) - at_)
        used += value * 1000 / 3600
        known += 1
    return used, known


powers = st.sampled_from([None, 0.0, 0.5, 3.6, 12.3, 47.1])
rows_of = st.lists(st.tuples(st.integers(0, 300), powers), max_size=12, unique_by=lambda row: row[0]).map(sorted)


@settings(max_examples=40, deadline=None)
@given(rows_of, st.lists(st.integers(1, 299), max_size=3, unique=True))
def test_it_is_the_floor_of_what_was_used_up_to_each_cut(rows: list[Row], inner: list[int]) -> None:
    made = of(keepalive="20s")  # a row stands for 60 s
    edges = [0, *sorted(inner), 300]
    upto = [power_at(rows, 0, edge) for edge in edges]
    for begin, end, early, late in zip(edges, edges[1:], upto, upto[1:], strict=False):
        assert found(ledger(rows, end, begin, made)) == (int(late[0]) - int(early[0]), late[1] - early[1])
