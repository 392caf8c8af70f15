"""Where the planned time of a machine went, worked out by hand."""

from typing import Any

import pytest

from gemba.dashboard.losses import steps

HOUR = 3_600_000
# 10 h planned: 1 h setup, 2 h down, 0.5 h other idle, 0.5 h unknown, 6 h running
STATES = {"PBT": 10 * HOUR, "APT": 6 * HOUR, "AUST": HOUR, "ADET": 2 * HOUR, "U": HOUR // 2, "AUBT": 9 * HOUR}


def row(oee: dict[str, Any], states: dict[str, Any] = STATES) -> dict[str, Any]:
    return {"kpis": {"oee": {"terms": oee}, "utilization_efficiency": {"terms": states}}}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (  # 5.4 h of pieces at ideal pace, 5.1 h of them good
            row({"PRI_PQ": 5.4 * HOUR, "PRI_GQ": 5.1 * HOUR}),
            [
                ("PBT", 0, 10),
                ("AUST", 9, 1),
                ("ADET", 7, 2),
                ("ADOT", 6.5, 0.5),
                ("U", 6, 0.5),
                ("APT", 0, 6),
                ("speed", 5.4, 0.6),
                ("PRI_PQ", 0, 5.4),
                ("rejects", 5.1, 0.3),
                ("PRI_GQ", 0, 5.1),
            ],
        ),
        (  # more pieces than the running time can hold, since some were made while it was unknown; none bad
            row({"PRI_PQ": 6.25 * HOUR, "PRI_GQ": 6.25 * HOUR}),
            [
                ("PBT", 0, 10),
                ("AUST", 9, 1),
                ("ADET", 7, 2),
                ("ADOT", 6.5, 0.5),
                ("U", 6, 0.5),
                ("APT", 0, 6),
                ("speed_gain", 6, 0.25),
                ("PRI_PQ", 0, 6.25),
                ("PRI_GQ", 0, 6.25),
            ],
        ),
        (  # no counter: nothing is said of pieces
            row({"PRI_GQ": 0}),
            [("PBT", 0, 10), ("AUST", 9, 1), ("ADET", 7, 2), ("ADOT", 6.5, 0.5), ("U", 6, 0.5), ("APT", 0, 6)],
        ),
        (row({}, {**STATES, "PBT": 0}), []),
    ],
)
def test_steps_from_planned_time_to_good_time(told: dict[str, Any], expected: list[tuple[str, float, float]]) -> None:
    found = [(step.name, step.start / HOUR, step.length / HOUR) for step in steps(told)]
    assert [name for name, *_ in found] == [name for name, *_ in expected]
    assert [each[1:] for each in found] == [pytest.approx(each[1:]) for each in expected]
