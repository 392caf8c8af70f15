"""Consumers: cursors move only after acknowledgement, in any order, and hold over restarts."""

from pathlib import Path

import pytest

from connectors.base import Column, layout
from store.journal import Journal
from store.journal.delivery import Batch
from store.journal.publication import Part, Strike, importing, publish
from tests.store.model import START, Cell, cells, message, poll, polls

READING = layout("plc", "import", [Column("press-01", "total", "int")])


def taken(batch: Batch | None) -> list[int]:
    """The values of `total` in a batch, in its order."""
    assert batch is not None
    found: list[Cell] = [cell for row in batch.rows for cell in cells(row.frame, row.epoch, row.seq)[0]]
    return [int(cell.value) for cell in found if cell.point == "total"]


def acknowledge(journal: Journal, batch: Batch | None) -> None:
    assert batch is not None
    journal.acknowledge("sink", batch.last, batch.first)


@pytest.mark.parametrize("compacted", [False, True])
def test_places_acknowledged_out_of_order_leave_exactly_the_others(tmp_path: Path, compacted: bool) -> None:
    """Ten rows; the newest three and the oldest two are acknowledged, then single ones in between."""
    with Journal.open(tmp_path, consumers=["sink"]) as journal:
        journal.append(polls(10))
        if compacted:
            journal.rotate()
            journal.tend()
        newest = journal.pending("sink", 3, newest=True)
        assert taken(newest) == [7, 8, 9]
        acknowledge(journal, newest)
        oldest = journal.pending("sink", 2)
        assert taken(oldest) == [0, 1]
        assert taken(journal.pending("sink", 2)) == [0, 1], "asked again, nothing has moved"
        acknowledge(journal, oldest)
        assert newest is not None
        base = newest.first - 8
        journal.acknowledge("sink", base + 5, base + 5)  # place 5 holds the value 4
        assert journal.backlog("sink") == 4
    with Journal.open(tmp_path, consumers=["sink"]) as journal:
        assert taken(journal.pending("sink", 9)) == [2, 3]
        assert taken(journal.pending("sink", 9, newest=True)) == [5, 6]
        acknowledge(journal, journal.pending("sink", 9))
        acknowledge(journal, journal.pending("sink", 9))
        assert journal.pending("sink", 9) is None
        assert journal.backlog("sink") == 0


def test_everything_up_to_a_place_is_one_word(tmp_path: Path) -> None:
    with Journal.open(tmp_path, consumers=["sink"]) as journal:
        journal.append(polls(5))
        first = journal.pending("sink", 3)
        assert first is not None
        journal.acknowledge("sink", first.last)
        assert taken(journal.pending("sink", 9)) == [3, 4]


def test_each_consumer_has_its_own_cursor(tmp_path: Path) -> None:
    with Journal.open(tmp_path, consumers=["sink", "other"]) as journal:
        journal.append(polls(3))
        acknowledge(journal, journal.pending("sink", 9))
        assert taken(journal.pending("other", 9)) == [0, 1, 2]
    with Journal.open(tmp_path, consumers=["sink", "late"]) as journal:
        assert journal.pending("sink", 9) is None
        assert taken(journal.pending("late", 9)) == [0, 1, 2], "a new consumer begins with the first row that is held"


def test_a_batch_has_frames_as_they_were_appended_and_events_in_between(tmp_path: Path) -> None:
    with Journal.open(tmp_path, consumers=["sink"]) as journal:
        journal.append([poll(START, 1.5, 2**62 + 1, "运行", -0.0, round_trip=3_100_000)])
        journal.note("plant", START, {"sha256": "…"})
        journal.append([message(START, [0, 2], [2.5, "a"], [START + 1, START + 2])])
        batch = journal.pending("sink", 9)
    assert batch is not None
    dense, first, second = (row.frame for row in batch.rows)
    assert (dense.round_trip, dense.live, dense.texts) == (3_100_000, True, ("运行",))
    assert dense.ints.tolist() == [2**62 + 1]
    assert str(dense.floats.tolist()) == "[1.5, -0.0]"
    assert (first.time, second.time) == (START + 1, START + 2)
    assert (first.floats.tolist(), second.texts) == ([2.5], ("a",))
    assert [(epoch, event.kind, event.seq - batch.first) for epoch, event in batch.events] == [(1, "plant", 1)]


def test_what_was_struck_before_it_was_delivered_never_is(tmp_path: Path) -> None:
    """The frame goes without the value; the import brings the other one."""
    with Journal.open(tmp_path, consumers=["sink"]) as journal:
        journal.append(polls(3))
        stored, places = journal.stored("press-01", "total", START, START + 1)
        with importing(tmp_path, print):
            part = Part(READING, stored.time, stored.time * 0 + 77, None)
            publish(tmp_path, [part], (), [Strike("press-01", "total", places, stored.time)], [], START)
        struck = journal.pending("sink", 9)
        assert taken(struck) == [1, 2]
        assert struck is not None
        assert struck.rows[0].frame.floats.tolist() == [0.5, 0.0]
        acknowledge(journal, struck)
        brought = journal.pending("sink", 9)
        assert taken(brought) == [77]
        assert brought is not None
        assert brought.rows[0].epoch == 0
