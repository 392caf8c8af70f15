"""How far the truth may lie from what was measured: one poll for every change and either end, and what was missed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.load import load
from config.plant import SECOND
from gemba.demo.truth import compare
from simulators.plant import VirtualPlant
from store.reader import Links

MINUTE = 60 * SECOND
START = 1_795_190_400 * SECOND
PRESS, SAW = "press-01", "saw-01"  # polled every second, and every five of its meter alone


def polls(expected: int, good: int) -> Links:
    """Of one minute; of none where nothing was expected."""
    numbers = [np.array([value] if expected else [], np.int64) for value in (START, 0, expected, good, 1)]
    return Links(numbers[0], numbers[1].astype(np.int32), ("plc-01",), *numbers[2:])


def row(asset: str, truth: dict[str, Any], **more: int) -> dict[str, Any]:
    """As a report has it, with so many milliseconds more in some states than there were."""
    time = {state: truth["time_ms"][state] + more.get(state, 0) for state in truth["time_ms"]}
    return {"asset": asset, "time_ms": time, "quantity": truth["pieces"], "kpis": {"oee": {"coverage": 1.0}}}


@pytest.mark.parametrize(
    ("asset", "missed", "unknown", "wrong", "inside"),
    [
        (PRESS, 0, 0, 2, True),
        (PRESS, 0, 0, 3, False),
        (PRESS, 30, 0, 32, True),
        (PRESS, 30, 0, 33, False),
        (PRESS, 30, 10, 22, True),  # what is unknown is told already
        (PRESS, 30, 10, 23, False),
        (PRESS, 30, 40, 2, True),
        (PRESS, 30, 40, 3, False),
        (SAW, 0, 0, 10, True),
        (SAW, 0, 0, 11, False),
        (SAW, 30, 0, 40, True),  # it has no links, but stood still with the others
        (SAW, 30, 0, 41, False),
    ],
)
def test_a_missed_poll_makes_the_interval_longer(
    site: Path, asset: str, missed: int, unknown: int, wrong: int, inside: bool
) -> None:
    """In a minute in which both machines run from its beginning to its end; seconds and polls."""
    plant = load(site)
    virtual, begin = VirtualPlant(plant, START), START
    while any(virtual.truth(name, begin, begin + MINUTE)["time_ms"]["running"] < 60_000 for name in (PRESS, SAW)):
        begin += MINUTE
    end, rows = begin + MINUTE, []
    for name in (PRESS, SAW):
        more = {"running": 1000 * wrong} if name == asset else {}
        told = {"unknown": 1000 * unknown} if name == PRESS else {}
        rows.append(row(name, virtual.truth(name, begin, end), **more, **told))
    links = {PRESS: polls(60, 60 - missed), SAW: polls(0, 0)}
    lines = compare({"rows": rows}, {"assets": []}, links, plant, virtual, begin, end)
    found = {(line.asset, line.what): line.inside for line in lines}
    assert found.pop((asset, "running")) is inside
    assert all(found.values())
