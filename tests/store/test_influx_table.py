"""The CSV of an answer as columns, the same by pyarrow and by numpy alone."""

import numpy as np
import pytest

from store.influx.table import NONE, Kind, table

KINDS: dict[str, Kind] = {"time": "int", "x": "float", "q": "int", "b": "bool", "t": "text"}
HEAD = "name,tags,time,x,more,q,b,t\n"
TIMES = [1700000000000000000, 1700000000000000001, 1700000000000000002]
PLAIN = f"""{HEAD}asset,,{TIMES[0]},0.1,,,true,RUN
asset,,{TIMES[1]},,7,2148139008,false,
asset,,{TIMES[2]},-0,,0,,RUN
"""
QUOTED = f'{HEAD}asset,"a=1,b=2",{TIMES[0]},1e308,,,true,"say ""x"", y"\nasset,,{TIMES[1]},,,,,"two\r\n\n lines"\n'


@pytest.fixture(params=[False, True], ids=["pyarrow", "numpy"])
def lean(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_columns(lean: bool) -> None:
    found = table(PLAIN.encode(), KINDS, lean)
    assert found.ints["time"].tolist() == TIMES
    assert found.floats["x"].tobytes() == np.array([0.1, np.nan, -0.0]).tobytes()
    assert found.ints["q"].tolist() == [NONE, 2148139008, 0]
    assert found.bools["b"].tolist() == [1, 0, -1]
    codes, words = found.texts["t"]
    assert [words[code] if code >= 0 else None for code in codes] == ["RUN", None, "RUN"]


def test_quotes_commas_and_line_breaks(lean: bool) -> None:
    found = table(QUOTED.encode(), KINDS, lean)
    codes, words = found.texts["t"]
    assert [words[code] for code in codes] == ['say "x", y', "two\r\n\n lines"]
    assert found.floats["x"][0] == 1e308


def test_columns_that_are_empty_throughout(lean: bool) -> None:
    found = table(f"{HEAD}asset,,{TIMES[0]},,,,,\n".encode(), KINDS, lean)
    assert np.isnan(found.floats["x"]).tolist() == [True]
    assert found.ints["q"].tolist() == [NONE]
    assert found.bools["b"].tolist() == [-1]
    assert found.texts["t"][0].tolist() == [-1]


@pytest.mark.parametrize("body", ["", HEAD])
def test_no_rows(body: str, lean: bool) -> None:
    found = table(body.encode(), KINDS, lean)
    assert [len(found.ints["time"]), len(found.floats["x"]), len(found.texts["t"][0])] == [0, 0, 0]


SMALLEST, LARGEST = 5e-324, 1.7976931348623157e308


def test_numbers_without_exponents_to_the_last_bit(lean: bool) -> None:
    """InfluxDB spells every number out: 324 zeros and a five are the smallest one."""
    numbers = [SMALLEST, -SMALLEST, 2.2250738585072014e-308, LARGEST, 0.1 + 0.2, 123456789.12345679]
    rows = "".join(f"asset,,{TIMES[0]},{spelled_out(number)},,,,\n" for number in numbers)
    found = table((HEAD + rows).encode(), KINDS, lean)
    assert found.floats["x"].tobytes() == np.array(numbers).tobytes()


def spelled_out(number: float) -> str:
    digits, _, exponent = repr(abs(number)).partition("e")
    whole, _, part = digits.partition(".")
    part = "" if part == "0" else part
    shift = int(exponent or 0)
    sign = "-" if number < 0 else ""
    if shift < 0:
        return f"{sign}0.{'0' * (-shift - len(whole))}{whole}{part}"
    return sign + (whole + part.ljust(shift, "0") if shift else digits)
