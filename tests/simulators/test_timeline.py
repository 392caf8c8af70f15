"""A simulated life is exact: its closed form equals a walk through it, and every window adds up."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plant import STATES
from simulators.timeline import DAY, OFF, RUNNING, Behaviour, Timeline

START = 1_760_000_000_000


def walked(timeline: Timeline, until: int) -> dict[str, int]:
    """Counts piece by piece, and watt by millisecond of each segment: no closed form."""
    rows = timeline.segments(until)
    seen = {"total": 0, "reject": 0, "rework": 0, "energy": 0}
    for index, row in enumerate(rows):
        begin = int(row["start"])
        end = int(rows[index + 1]["start"]) if index + 1 < len(rows) else until
        if begin >= until:
            break
        seen["energy"] += int(row["power"]) * (min(end, until) - begin)
        faulty = int(row["rejects"] + row["reworks"])
        done = 0
        while done < row["pieces"] and begin + (done + 1) * int(row["cycle"]) <= until:
            done += 1
        bad = done * faulty // max(1, int(row["pieces"]))
        rejected = bad * int(row["rejects"]) // max(1, faulty)
        seen["total"] += done
        seen["reject"] += rejected
        seen["rework"] += bad - rejected
    return seen


@given(seed=st.integers(0, 10_000), minutes=st.integers(1, 600), cycle=st.integers(200, 90_000))
@settings(max_examples=25, deadline=None)
def test_the_closed_form_equals_a_walk(seed: int, minutes: int, cycle: int) -> None:
    timeline = Timeline(START, seed, Behaviour(cycle=cycle, reject=0.1))
    until = START + minutes * 60_000
    lived = timeline.at(np.array([until]))
    assert {name: int(lived[name][0]) for name in ("total", "reject", "rework", "energy")} == walked(timeline, until)
    assert int(lived["good"][0]) == int((lived["total"] - lived["reject"] - lived["rework"])[0])


@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 3 * DAY), min_size=2, max_size=6, unique=True))
@settings(max_examples=25, deadline=None)
def test_times_in_state_add_up_wherever_it_is_cut(seed: int, cuts: list[int]) -> None:
    timeline = Timeline(START, seed, Behaviour())
    edges = [START + cut for cut in sorted(cuts)]
    whole = timeline.time_in_state(edges[0], edges[-1])
    parts = [timeline.time_in_state(a, b) for a, b in itertools.pairwise(edges)]
    assert whole == {name: sum(part[name] for part in parts) for name in STATES}
    assert sum(whole.values()) == edges[-1] - edges[0]


def test_the_same_seed_gives_the_same_life_however_it_is_asked() -> None:
    bit_by_bit, at_once = (Timeline(START, 7, Behaviour()) for _ in range(2))
    for hour in range(60):
        bit_by_bit.extend(START + hour * 3_600_000)
    until = START + 59 * 3_600_000
    rows = bit_by_bit.segments(until)
    assert np.array_equal(rows, at_once.segments(until)[: len(rows)])


def test_counters_never_fall() -> None:
    lived = Timeline(START, 3, Behaviour(cycle=900, reject=0.2, rework=0.9)).at(START + np.arange(0, DAY, 450))
    for name in ("total", "good", "reject", "rework", "energy"):
        assert (np.diff(lived[name]) >= 0).all(), name


def test_nothing_runs_outside_the_scheduled_time() -> None:
    scheduled = np.array([[START + 8 * 3_600_000, START + 16 * 3_600_000]])
    timeline = Timeline(START, 1, Behaviour(), scheduled)
    night = timeline.time_in_state(START, START + 8 * 3_600_000)
    assert night["off"] == 8 * 3_600_000
    day = timeline.time_in_state(START + 8 * 3_600_000, START + 16 * 3_600_000)
    assert day["running"] > 0
    assert timeline.segments(START + DAY)["state"][0] == OFF
    assert RUNNING in timeline.segments(START + DAY)["state"]
