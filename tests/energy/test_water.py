"""Reuse of water by several plants as one: sums divided once, over those that meter fresh and reused water."""

from fractions import Fraction
from pathlib import Path

from config.plant import Plant
from config.span import Window, windows
from kpi.facts.facts import Facts
from kpi.measure import frame
from kpi.measured import Measured
from kpi.plants import STORE_SILENT, Part
from kpi.report import Question, several
from kpi.water import water_reuse
from tests.energy.history import told
from tests.energy.plants import HEAD, plant

METERS = """
    meters:
      fresh: {carrier: water, role: fresh, point: {source: meter, at: "input:0", type: float64, unit: m3, counter: {}}}
      again: {carrier: water, role: reused, point: {source: meter, at: "input:4", type: float64, unit: m3, counter: {}}}
"""
ONLY_FRESH = METERS.replace("role: reused", "role: fresh")
START, END = "2026-11-02T00:00", "2026-11-02T02:00"


def read(folder: Path, name: str, fresh: str, again: str, meters: str = METERS) -> Facts:
    """One reading an hour of both meters of a plant of this name."""
    folder = folder / name
    folder.mkdir()
    made: Plant = plant(folder, meters, head=HEAD.replace("test-01", name))
    rows = [
        {"of": f"{of} reading", "from": START, "every": "1h", "is": is_}
        for of, is_ in (("fresh", fresh), ("again", again))
    ]
    return told(made, rows, START, END, folder)


def of_all(*facts: Facts, unheard: str = "") -> Measured:
    first = facts[0]
    parts = [Part(of.plant.id, of.start, of.end, of, {}) for of in facts]
    if unheard:
        parts.append(Part(unheard, first.start, first.end, None, {}, "no answer"))
    over: Window = windows(first.plant, first.plant.calendar, "window", first.start, first.end)[0]
    question = Question(first.start, first.end, "plant", "window", "iso22400", None)
    return several(first, parts, question, over).measured["water_reuse"]


def test_sums_are_divided_once(tmp_path: Path) -> None:
    """(30 + 20) of (30 + 70 + 20 + 180) m3: a sixth; the mean of 3/10 and 1/10 would be a fifth."""
    one, two = read(tmp_path, "one-01", "0 30 70", "5 15 35"), read(tmp_path, "two-01", "0 90 180", "0 10 20")
    found = of_all(one, two)
    assert found.value == Fraction(50, 300)
    assert found.low == found.high == found.value
    assert found.coverage == 1 and found.excluded == ()
    assert found.terms == {"reused": 50, "fresh": 250}
    assert found.inputs.rows == 8  # at 00:00 and 01:00; those of 02:00 lie behind the window
    alone = water_reuse([one], frame(one, "iso22400", one.start, one.end))
    assert alone.value == Fraction(30, 100)


def test_a_plant_that_does_not_meter_both_is_left_out_and_named(tmp_path: Path) -> None:
    one = read(tmp_path, "one-01", "0 30 70", "5 15 35")
    other = read(tmp_path, "two-01", "0 90 180", "0 10 20", ONLY_FRESH)
    found = of_all(one, other)
    assert (found.value, found.excluded) == (Fraction(30, 100), (("two-01", "not_configured"),))
    assert of_all(other).reason == "not_configured"


def test_of_a_plant_that_was_never_heard_of_nothing_is_guessed(tmp_path: Path) -> None:
    found = of_all(read(tmp_path, "one-01", "0 30 70", "5 15 35"), unheard="three-01")
    assert found.value is None and found.reason == "no_data" and found.coverage == 0
    assert STORE_SILENT in found.flags and found.excluded == (("three-01", "no_data"),)
