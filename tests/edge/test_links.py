"""Communication history: polls due by the clock, polls good by the frames, and nothing for a meter."""

import numpy as np
import pytest

from config.plant import SECOND, ModbusAddress, Point
from connectors.base import Column, Frame, gap, layout
from connectors.quality import BAD_TIMEOUT
from edge.links import MINUTE, Links

AT = ModbusAddress("holding", 0)
START = 1_795_000_020 * SECOND  # a whole minute, UTC


def point(asset: str, name: str, every: int = SECOND) -> Point:
    return Point(asset, name, "plc", AT, every=every)


def counted(
    points: list[Point], frames: list[tuple[float, Frame]], minutes: int = 1
) -> list[dict[str, tuple[int, int]]]:
    """Expected and good of each asset in each minute; frames by the second at which they come."""
    links = Links("plc", points, 0, START)
    rows, left = [], sorted(frames, key=lambda pair: pair[0])
    for minute in range(1, minutes + 1):
        while left and left[0][0] < minute * 60:
            second, frame = left.pop(0)
            links.take(frame, int(second * SECOND))
        row = links.minute(minute * MINUTE, START + minute * MINUTE, "up")
        assert row is not None
        assert row.time == START + (minute - 1) * MINUTE
        table = row.ints.reshape(-1, 3)
        rows.append({asset: (int(e), int(g)) for asset, (e, g, _) in zip(links.assets, table, strict=True)})
    return rows


STATE = layout("plc", "1s", [Column("a", "state", "int"), Column("b", "state", "int")])


def poll(quality: tuple[int, int] = (0, 0)) -> Frame:
    return Frame(STATE, START, ints=np.zeros(2, np.int64), quality=np.array(quality, np.uint32))


BOTH = [point("a", "state"), point("b", "state")]


def test_a_steady_poll_is_good_each_time_whatever_its_jitter() -> None:
    jitter = np.random.default_rng(1).uniform(-0.45, 0.45, 180)
    frames = [(i + 0.5 + (0 if i == 0 else jitter[i]), poll()) for i in range(180)]
    rows = counted(BOTH, frames, 3)
    assert [row["a"] for row in rows] == [(60, 60)] * 3


def test_one_bad_point_costs_its_own_asset_alone() -> None:
    frames = [(i + 0.5, poll((0, BAD_TIMEOUT) if i < 15 else (0, 0))) for i in range(60)]
    (row,) = counted(BOTH, frames)
    assert row["a"] == (60, 60)
    assert row["b"] == (60, 45)


def test_polls_fall_due_while_nothing_answers() -> None:
    frames = [(i + 0.5, poll()) for i in range(20)]
    rows = counted(BOTH, frames, 2)
    assert rows[0]["a"] == (60, 20)
    assert rows[1]["a"] == (60, 0)


def test_a_device_that_comes_late_was_expected_from_the_start() -> None:
    frames = [(600 + i + 0.3, poll()) for i in range(60)]
    rows = counted(BOTH, frames, 11)
    assert [row["a"] for row in rows[:10]] == [(60, 0)] * 10
    expected, good = rows[10]["a"]
    assert (expected, good) in ((60, 60), (59, 59), (60, 59))


def test_messages_in_a_burst_are_one_poll() -> None:
    points = [point("a", "state", 10 * SECOND)]
    lay = layout("plc", "topic", [Column("a", "state", "int")])
    frames = [(5 + i / 100, Frame(lay, START, ints=np.zeros(1, np.int64))) for i in range(30)]
    (row,) = counted(points, frames)
    assert row["a"] == (6, 1)


def test_a_retained_message_is_no_sign_of_life() -> None:
    frame = poll()
    frame.live = False
    (row,) = counted(BOTH, [(1.0, frame)])
    assert row["a"] == (60, 0)


@pytest.mark.parametrize("name", ["energy", "power"])
def test_a_meter_does_not_make_a_machine_networked(name: str) -> None:
    links = Links("plc", [point("a", name)], 0, START)
    assert links.assets == ()
    assert links.minute(MINUTE, START + MINUTE, "up") is None


def test_the_shortest_interval_counts() -> None:
    points = [point("a", "state", 5 * SECOND), point("a", "hot", 2 * SECOND), point("a", "energy", SECOND)]
    (row,) = counted(points, [])
    assert row["a"] == (30, 0)


def test_a_gap_is_not_good() -> None:
    (row,) = counted(BOTH, [(1.0, gap(STATE, START, BAD_TIMEOUT))])
    assert row["a"] == (60, 0)
