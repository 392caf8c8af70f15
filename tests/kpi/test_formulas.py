"""The examples in the formulas run, and 0/0 is None."""

import doctest

from kpi import formulas


def test_examples() -> None:
    failed, tried = doctest.testmod(formulas)
    assert (failed, tried) == (0, 21)


def test_nothing_to_divide_by() -> None:
    assert formulas.ratio(0, 0) is None
    assert formulas.availability(apt=0, pbt=5, u=5) is None
