"""What a series says: values to the last bit, rows of many layouts in one order, a version that tells of a change."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from connectors.base import Column, Frame, gap, layout
from connectors.quality import BAD_TIMEOUT
from store import StoreError
from store.journal import History, Journal
from store.journal.publication import Part, importing, publish
from store.reader import LINK_GROUP, LINK_POINTS
from tests.store.model import EVER, POLL, SECOND, START, message, poll, polls, shown

HOUR = 3600 * SECOND
COUNT = layout("plc", "counts", [Column("m", "count", "int")])
MEAN = layout("plc", "means", [Column("m", "count", "float")])
NAME = layout("plc", "names", [Column("m", "count", "text")])


def whole(time: int, value: int) -> Frame:
    return Frame(COUNT, time, ints=np.array([value], np.int64))


def real(time: int, value: float) -> Frame:
    return Frame(MEAN, time, np.array([value]))


def word(time: int, value: str) -> Frame:
    return Frame(NAME, time, texts=(value,))


BIG = 2**63 - 1
KINDS: dict[str, tuple[list[Frame], list[str]]] = {
    "integers to 2^63": (
        [whole(1, BIG), whole(2, -BIG - 1), whole(3, 2**53 + 1)],
        [f"{BIG}", f"{-BIG - 1}", f"{2**53 + 1}"],
    ),
    "floats to the last bit": (
        [real(1, 0.1), real(2, 5e-324), real(3, -0.0), real(4, 1e308)],
        ["0.1", "5e-324", "-0.0", "1e+308"],
    ),
    "integers among floats": ([whole(1, 2**53), real(2, 0.5)], [f"{2.0**53!r}", "0.5"]),
    "integers that no float holds, among whole floats": ([whole(1, 2**53 + 1), real(2, 4.0)], [f"{2**53 + 1}", "4"]),
    "text among numbers": ([word(1, "run"), whole(2, 3), word(3, "run"), word(4, "")], ["'run'", "3", "'run'", "''"]),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("compacted", [False, True])
def test_kinds(name: str, compacted: bool, tmp_path: Path) -> None:
    frames, values = KINDS[name]
    with Journal.open(tmp_path) as journal:
        journal.append(frames)
        if compacted:
            journal.rotate()
            journal.tend()
        found = journal.series("m", ["count"], 0, EVER)["count"]
        assert [row[1] for row in shown(found)] == values


def test_layouts_change_and_old_rows_stay_readable(tmp_path: Path) -> None:
    """A point that moves to another column, group and kind is one series; two rows of one time stand as they came."""
    other = layout("plc-2", "poll", [Column("m", "speed", "float"), Column("m", "count", "int")])
    with Journal.open(tmp_path) as journal:
        journal.append([whole(1, 10), whole(3, 30)])
        journal.rotate()
        journal.append(
            [Frame(other, 2, np.array([1.0]), np.array([20])), Frame(other, 3, np.array([2.0]), np.array([31]))]
        )
        journal.step(4, {"old": 4, "new": 4})
        journal.append([whole(2, 21)])
        found = journal.series("m", ["count", "speed", "never"], 0, EVER)
        assert found["count"].numbers.tolist() == [10, 20, 21, 30, 31]
        assert found["count"].epoch.tolist() == [1, 1, 2, 1, 1]
        assert found["speed"].numbers.tolist() == [1.0, 2.0]
        assert len(found["never"]) == 0
        assert journal.series("m", ["count"], 2, 3)["count"].numbers.tolist() == [20, 21]
        assert journal.span() == (1, 3)


def test_a_gap_is_a_bad_row_of_every_column(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.append([poll(START), gap(POLL, START + 5, BAD_TIMEOUT)])
        for point, series in journal.series("press-01", ["power", "total", "state"], 0, EVER).items():
            assert series.quality.tolist() == [0, BAD_TIMEOUT], point


def test_before_and_after_reach_as_far_as_the_good_rows(tmp_path: Path) -> None:
    """Good rows at 0 h and 100 h, bad ones between: asked in the middle, both are found with all that lies between."""
    with Journal.open(tmp_path) as journal:
        journal.append([poll(START, total=1), *(gap(POLL, START + h * HOUR, BAD_TIMEOUT) for h in range(1, 100))])
        journal.rotate()
        journal.append([poll(START + 100 * HOUR, total=2), poll(START + 101 * HOUR, total=3)])
        middle = START + 50 * HOUR
        before = journal.before("press-01", ["total", "state"], middle)
        assert before["total"].time.tolist() == [START + h * HOUR for h in range(50)]
        assert len(before["state"]) == 50
        after = journal.after("press-01", ["total"], middle)["total"]
        assert after.time.tolist() == [START + h * HOUR for h in range(50, 101)]
        assert journal.after("press-01", ["total"], middle, good=2)["total"].numbers.tolist()[-2:] == [2, 3]
        assert len(journal.before("press-01", ["total"], middle, good=2)["total"]) == 50, "there is only one"
        assert len(journal.before("press-01", ["total"], START)["total"]) == 0
        assert len(journal.after("press-01", ["total"], START + 102 * HOUR)["total"]) == 0


def test_links_are_no_points(tmp_path: Path) -> None:
    """The column `good` of communication history is not the asset's counter `good`."""
    of = layout("plc", LINK_GROUP, [Column("m", point, "int") for point in LINK_POINTS])
    counter = layout("plc", "poll", [Column("m", "good", "int")])
    with Journal.open(tmp_path) as journal:
        journal.append([Frame(of, minute * 60 * SECOND, ints=np.array([60, 60 - minute, 1])) for minute in (2, 1)])
        journal.append([Frame(counter, 70 * SECOND, ints=np.array([5]))])
        assert journal.series("m", ["good"], 0, EVER)["good"].numbers.tolist() == [5]
        assert journal.span() == (70 * SECOND, 70 * SECOND)
        links = journal.links(["m"], 60 * SECOND, 121 * SECOND)["m"]
        assert (links.time.tolist(), links.expected.tolist()) == ([60 * SECOND, 120 * SECOND], [60, 60])
        assert (links.good.tolist(), links.state.tolist()) == ([59, 58], [1, 1])
        assert [links.sources[code] for code in links.source.tolist()] == ["plc", "plc"]
        assert len(journal.links(["nobody"], 0, EVER)["nobody"].time) == 0


def test_events_by_time_and_kind_in_the_order_of_the_log(tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.note("start", 5, {"gateway": None})
        journal.note("plant", 3, {"sha256": "…"})
        journal.rotate()
        journal.step(9, {"old": 8, "new": 9})
        journal.tend()
        events = journal.events(0, 10)
        assert [(event.kind, event.time) for event in events] == [("start", 5), ("plant", 3), ("clock", 9)]
        assert events[2].detail == {"old": 8, "new": 9, "epoch": 2}
        assert [event.kind for event in journal.events(3, 9, ("plant", "clock"))] == ["plant"]


# -- versions ----------------------------------------------------------------------------------------------------------
def brought(folder: Path, asset: str, time: int) -> None:
    of = layout("plc", "import", [Column(asset, "total", "int")])
    with importing(folder, print):
        publish(folder, [Part(of, np.array([time]), np.array([1]), None)], (), (), [], START)


CHANGES: dict[str, tuple[Callable[[Journal, Path], object], bool]] = {
    "a row in it": (lambda j, _: j.append([poll(START + 5 * SECOND)]), True),
    "an imported row in it": (lambda _, f: brought(f, "press-01", START + 1), True),
    "a message with a time in it": (lambda j, _: j.append([message(START + 9 * HOUR, [0], [1.0], [START + 1])]), True),
    "a row after it": (lambda j, _: j.append([poll(START + 9 * HOUR)]), False),
    "a row before it": (lambda j, _: j.append([poll(START - 9 * HOUR)]), False),
    "an imported row of another asset": (lambda _, f: brought(f, "press-09", START + 1), False),
    "a rotation": (lambda j, _: j.rotate(), False),
    "a compaction": (lambda j, _: (j.rotate(), j.tend()), False),
    "an event": (lambda j, _: j.note("plant", START, {}), False),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_version_changes_with_the_rows_of_its_hours_alone(name: str, tmp_path: Path) -> None:
    change, differs = CHANGES[name]
    start = START // HOUR * HOUR
    with Journal.open(tmp_path) as journal:
        journal.append(polls(10))
        reader = History(tmp_path)
        before = journal.version("press-01", start, start + 2 * HOUR)
        assert reader.version("press-01", start, start + 2 * HOUR) == before
        change(journal, tmp_path)
        for history in (journal, reader, History(tmp_path)):
            assert (history.version("press-01", start, start + 2 * HOUR) != before) == differs
            if history is not journal:
                history.close()


def test_there_is_no_journal_yet(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no journal is there; start `gemba agent`, or import history"):
        History(tmp_path / "nowhere").span()


@pytest.mark.parametrize(
    "frame",
    [
        Frame(POLL, 0, np.zeros(3), np.zeros(1, np.int64), ("",)),
        Frame(POLL, 0, np.zeros(2), np.zeros(1, np.int64), ("",), quality=np.array([1], np.uint32)),
        Frame(POLL, 0, np.zeros(1), columns=np.array([2], np.int32)),
    ],
)
def test_a_frame_without_the_shape_of_its_layout_is_its_makers_mistake(frame: Frame, tmp_path: Path) -> None:
    with Journal.open(tmp_path) as journal:
        journal.append(polls(1))
        with pytest.raises(ValueError, match="does not have the shape of its layout"):
            journal.append([poll(START + 1), frame])
        journal.append([poll(START + 2, state="new")])
        assert len(journal.series("press-01", ["state"], 0, EVER)["state"]) == 2, "nothing of the call was kept"
