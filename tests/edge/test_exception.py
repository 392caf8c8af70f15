"""Report by exception: what is worth a row, and that a steady machine still says once a keepalive that it is there."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plant import SECOND, ModbusAddress, Point
from connectors.base import Column, Frame, Layout, layout
from connectors.quality import BAD_TIMEOUT
from edge.exception import Exceptions

AT = ModbusAddress("holding", 0)


def points(*names: str, **more: object) -> dict[tuple[str, str], Point]:
    return {("a", name): Point("a", name, "s", AT, **more) for name in names}  # type: ignore[arg-type]


def of(floats: int = 1, ints: int = 0, texts: int = 0) -> Layout:
    kinds = ["float"] * floats + ["int"] * ints + ["text"] * texts
    return layout("s", "g", [Column("a", f"p{i}", kind) for i, kind in enumerate(kinds)])  # type: ignore[arg-type]


def frame(of_: Layout, second: float, *values: float, ints: tuple[int, ...] = (), texts: tuple[str, ...] = ()) -> Frame:
    return Frame(of_, int(second * SECOND), np.array(values, float), np.array(ints, np.int64), texts)


def test_a_value_within_its_deadband_is_not_a_row() -> None:
    lay = of()
    worth = Exceptions(lay, points("p0", deadband=Fraction(5)))
    assert [worth.keep(frame(lay, i, v)) for i, v in enumerate((100, 105, 95, 105.1, 105.1, 100.2))] == [
        True,
        False,
        False,
        True,
        False,
        False,
    ]


def test_drift_is_seen_against_the_last_row_and_not_the_last_poll() -> None:
    lay = of()
    worth = Exceptions(lay, points("p0", deadband=Fraction(5)))
    assert [worth.keep(frame(lay, i, 2.0 * i)) for i in range(7)] == [True, False, False, True, False, False, True]


def test_a_deadband_is_in_units_after_scale() -> None:
    lay = of()
    worth = Exceptions(lay, points("p0", deadband=Fraction(5), scale=Fraction(1, 10)))
    assert [worth.keep(frame(lay, i, v)) for i, v in enumerate((1000, 1050, 1051))] == [True, False, True]


def test_a_steady_machine_says_once_a_keepalive_that_it_is_there() -> None:
    lay = of()
    worth = Exceptions(lay, points("p0", keepalive=60 * SECOND))
    kept = [second for second in range(200) if worth.keep(frame(lay, second, 7.0))]
    assert kept == [0, 60, 120, 180]


def test_a_quality_that_changes_is_a_row() -> None:
    lay = of(2)
    worth = Exceptions(lay, points("p0", "p1"))
    bad = frame(lay, 1, 1.0, np.nan)
    bad.quality = np.array([0, BAD_TIMEOUT], np.uint32)
    again = frame(lay, 2, 1.0, np.nan)
    again.quality = bad.quality.copy()
    assert [worth.keep(frame(lay, 0, 1.0, 2.0)), worth.keep(bad), worth.keep(again)] == [True, True, False]
    assert worth.keep(frame(lay, 3, 1.0, 2.0))


def test_integers_and_texts_are_rows_when_they_differ() -> None:
    lay = of(0, 1, 1)
    worth = Exceptions(lay, points("p0", "p1"))
    seen = [(1, "A"), (1, "A"), (2, "A"), (2, "B"), (2, "B")]
    kept = [worth.keep(frame(lay, i, ints=(n,), texts=(t,))) for i, (n, t) in enumerate(seen)]
    assert kept == [True, False, True, True, False]


def test_after_a_gap_the_same_value_is_a_row() -> None:
    lay = of()
    worth = Exceptions(lay, points("p0"))
    assert worth.keep(frame(lay, 0, 1.0))
    worth.forget()
    assert worth.keep(frame(lay, 1, 1.0))


def test_a_clock_that_went_back_makes_a_row() -> None:
    lay = of()
    worth = Exceptions(lay, points("p0"))
    assert worth.keep(frame(lay, 3600, 1.0))
    assert worth.keep(frame(lay, 10, 1.0))


def sparse(lay: Layout, second: float, columns: dict[int, float]) -> Frame:
    found = frame(lay, second, *columns.values())
    found.columns = np.array(list(columns), np.int32)
    return found


def test_columns_of_messages_live_apart() -> None:
    lay = of(2)
    worth = Exceptions(lay, points("p0", "p1", keepalive=60 * SECOND))
    assert worth.keep(sparse(lay, 0, {0: 1.0}))
    assert worth.keep(sparse(lay, 0, {1: 2.0}))
    busy = [worth.keep(sparse(lay, second, {0: second + 5.0})) for second in range(1, 59)]
    assert all(busy)
    assert not worth.keep(sparse(lay, 59, {1: 2.0}))
    assert worth.keep(sparse(lay, 60, {1: 2.0}))


@given(
    st.lists(st.tuples(st.integers(1, 90), st.integers(-3, 3)), min_size=1, max_size=60),
    st.integers(0, 2),
)
@settings(max_examples=100, deadline=None)
def test_what_was_dropped_is_within_the_deadband_of_the_row_that_stands_for_it(
    steps: list[tuple[int, int]], deadband: int
) -> None:
    lay = of()
    worth = Exceptions(lay, points("p0", deadband=Fraction(deadband), keepalive=60 * SECOND))
    now, row = 0, (0, 0.0)
    for gap, value in steps:
        now += gap
        if worth.keep(frame(lay, now, float(value))):
            row = (now, float(value))
        assert abs(value - row[1]) <= deadband
        assert now - row[0] < 60


def test_an_infinite_value_that_stays_is_steady_and_warns_nobody() -> None:
    lay = of()
    worth = Exceptions(lay, points("p0", deadband=Fraction(1)))
    seen = [np.inf, np.inf, -np.inf, np.nan, np.nan, 0.0, -0.0]
    assert [worth.keep(frame(lay, i, value)) for i, value in enumerate(seen)] == [
        True,
        False,
        True,
        True,
        False,
        True,
        False,
    ]
