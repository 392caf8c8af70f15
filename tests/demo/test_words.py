"""What the demo says fits a terminal of 80 columns, in both languages."""

from pathlib import Path

import pytest

from config.load import load
from gemba.demo.truth import Line
from gemba.demo.words import table, tour
from gemba.table import width

NAMES = ("running", "total", "good", "energy")


def lines(scale: float, outside: bool = False) -> list[Line]:
    """Of a station with the longest name, in s, pieces and kWh."""
    values = dict(zip(NAMES, (2_592_000 * scale, 64_826 * scale, 63_204 * scale, 5_544.8 * scale), strict=True))
    units = {"running": "s", "energy": "kWh"}
    error = -1.0 if outside else 1.0
    return [Line("station-01", name, value, value, error, error, units.get(name, "")) for name, value in values.items()]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_table_of_35_days_and_the_tour_fit_80_columns(lang: str, site: Path) -> None:
    shown = table({"whole": lines(1), "live": lines(0.001)}, lang)
    told = tour("http://127.0.0.1:65535/", load(site), lang)
    assert max(width(line) for line in [*shown.splitlines(), *told.splitlines()]) <= 80
    assert "720.0" in shown and "5,545" in shown and "43.20" in shown  # h, kWh, min


def test_what_lies_outside_its_bounds_is_named() -> None:
    shown = table({"whole": lines(1, outside=True)}, "en")
    assert "outside" in shown and "0 of 4 values within bounds" in shown
    assert "station-01 total: 64826, true 64826, expected between 64827 and 64825" in shown
