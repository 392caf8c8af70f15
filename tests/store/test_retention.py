"""What goes, in which order, and what is said of it."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from config.plant import Keep
from connectors.base import Column, layout
from store import StoreError
from store.journal import Journal
from store.journal.ledger import Held
from store.journal.publication import Part, Strike, importing, publish
from store.journal.retention import DAY, Closed, Room, plan
from tests.store.model import EVER, SECOND, START, polls

HOUR = 3600 * SECOND
NOW = START + 100 * DAY
KEEP = Keep(days=50, bytes=1000, free=Fraction(1, 10), delivered=72 * HOUR)
ENOUGH = Room(used=900, free=500, total=1000)


def segment(number: int, age: int, delivered: int | None = None) -> Closed:
    """Of 100 bytes, closed `age` ago and delivered so long ago."""
    when = None if delivered is None else NOW - delivered
    return Closed(number, Path(str(number)), 100, Held(NOW - age, 1, {}), when)


FRESH = [segment(n, 5 * HOUR) for n in (1, 2, 3)]
PART = [segment(1, 5 * HOUR), segment(2, 5 * HOUR, HOUR), segment(3, 5 * HOUR), segment(4, 5 * HOUR, HOUR)]
CASES = {
    "nothing is past anything": (FRESH, KEEP, ENOUGH, [], None),
    "delivered 72 h ago, to the nanosecond": (
        [segment(1, 90 * HOUR, 72 * HOUR - 1), segment(2, 90 * HOUR, 72 * HOUR), segment(3, HOUR)],
        KEEP,
        ENOUGH,
        [(2, "delivered")],
        None,
    ),
    "past its days, delivered or not": (
        [segment(1, 50 * DAY), segment(2, 50 * DAY, HOUR), segment(3, 50 * DAY - 1), segment(4, HOUR)],
        KEEP,
        ENOUGH,
        [(1, "days"), (2, "days")],
        None,
    ),
    "bytes: delivered before undelivered, then the oldest": (
        PART,
        KEEP,
        replace(ENOUGH, used=1250),
        [(2, "bytes"), (4, "bytes"), (1, "bytes")],
        None,
    ),
    "free: as many as it takes": (FRESH, KEEP, Room(900, 50, 1000), [(1, "free")], None),
    "free: exactly at the limit nothing goes": (FRESH, KEEP, Room(900, 100, 1000), [], None),
    "what expired makes room first": (
        [segment(1, 90 * HOUR), segment(2, 90 * HOUR, 80 * HOUR), segment(3, HOUR)],
        KEEP,
        replace(ENOUGH, used=1080),
        [(2, "delivered")],
        None,
    ),
    "not enough even when all go": (
        FRESH,
        KEEP,
        replace(ENOUGH, used=1400),
        [(n, "bytes") for n in (1, 2, 3)],
        "bytes",
    ),
    "stop: only what was delivered goes for room": (
        PART,
        replace(KEEP, when_full="stop"),
        replace(ENOUGH, used=1300),
        [(2, "bytes"), (4, "bytes")],
        "bytes",
    ),
    "stop: days are not room": (
        [segment(1, 50 * DAY), segment(2, HOUR)],
        replace(KEEP, when_full="stop"),
        ENOUGH,
        [(1, "days")],
        None,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_plan(name: str) -> None:
    segments, keep, room, going, full = CASES[name]
    made = plan(segments, keep, NOW, room)
    assert [(closed.number, reason) for closed, reason in made.going] == going
    assert made.full == full


def test_a_clock_that_jumps_years_ahead_does_not_empty_the_journal() -> None:
    assert not plan(FRESH, KEEP, NOW + 3650 * DAY, ENOUGH).going


# -- carried out -------------------------------------------------------------------------------------------------------
TOTAL = layout("plc", "import", [Column("press-01", "total", "int")])


def losses(journal: Journal) -> list[tuple[object, ...]]:
    return [
        (event.kind, *(event.detail[key] for key in ("reason", "rows", "from", "to", "delivered")))
        for event in journal.events(-EVER, EVER, ("loss", "expired"))
    ]


def test_what_went_is_told_and_stays_told_when_its_telling_goes(tmp_path: Path) -> None:
    """The loss of the first segment stands in the second; it outlives that one, too."""
    now = START
    with Journal.open(tmp_path, replace(KEEP, bytes=10**9), clock=lambda: now) as journal:
        for first in (0, 10, 20):
            journal.append(polls(10, first=first))
            journal.rotate()
            journal.tend()
            now += 30 * DAY
        journal.tend()
        one = ("loss", "days", 10, START, START + 9 * SECOND, False)
        assert losses(journal) == [one]
        assert journal.span() == (START + 10 * SECOND, START + 29 * SECOND)
        for _ in range(2):
            now += 30 * DAY
            journal.append(polls(1, first=100))
            journal.rotate()
            journal.tend()
        told = losses(journal)
        assert told[0] == one
        assert [some[2] for some in told] == [10, 10, 10]
    with Journal.open(tmp_path, replace(KEEP, bytes=10**9), clock=lambda: now) as journal:
        assert losses(journal) == told


def test_a_strike_outlives_the_import_that_brought_it(tmp_path: Path) -> None:
    """The import is delivered and expires before the segment whose row it struck; the old value stays struck."""
    now = START
    with Journal.open(tmp_path, replace(KEEP, bytes=10**9), ["sink"], lambda: now) as journal:
        journal.append(polls(3))
        stored, places = journal.stored("press-01", "total", START, START + 1)
        with importing(tmp_path, print):
            part = Part(TOTAL, stored.time, np.array([77]), None)
            publish(tmp_path, [part], (), [Strike("press-01", "total", places, stored.time)], [("strike", {})], now)
        before = journal.version("press-01", START, START + HOUR)
        batch = journal.pending("sink", 9, newest=True)
        assert batch is not None
        journal.acknowledge("sink", batch.last, batch.first)
        journal.tend()
        assert journal.series("press-01", ["total"], 0, EVER)["total"].numbers.tolist() == [77, 1, 2]
        now += 4 * DAY
        other = layout("plc", "import", [Column("press-02", "total", "int")])
        with importing(tmp_path, print):
            publish(tmp_path, [Part(other, np.array([START]), np.array([1]), None)], (), (), [], now)
        journal.tend()
        assert [kind for kind, *_ in losses(journal)] == ["expired"]
        assert journal.series("press-01", ["total"], 0, EVER)["total"].numbers.tolist() == [1, 2]
        assert [event.kind for event in journal.events(0, EVER, ("strike",))] == ["strike"]
        assert journal.version("press-01", START, START + HOUR) != before
    with Journal.open(tmp_path, KEEP, ["sink"], lambda: now) as journal:
        assert journal.series("press-01", ["total"], 0, EVER)["total"].numbers.tolist() == [1, 2]


def test_a_segment_that_somebody_took_away_is_a_loss(tmp_path: Path) -> None:
    with Journal.open(tmp_path, clock=lambda: START) as journal:
        journal.append(polls(10))
        journal.rotate()
        journal.tend()
    (tmp_path / "000000001.cols.db").unlink()
    for _ in range(2):
        with Journal.open(tmp_path, clock=lambda: START) as journal:
            (loss,) = journal.events(0, EVER, ("loss",))
            assert loss.detail == {
                "reason": "missing",
                "segment": 1,
                "rows": 10,
                "from": START,
                "to": START + 9 * SECOND,
                "sources": {"press-plc": {"rows": 10, "from": START, "to": START + 9 * SECOND}},
            }


def test_a_consumer_that_lags_holds_nothing_back_but_is_told(tmp_path: Path) -> None:
    """Past its bytes an undelivered segment goes, and the cursor goes on behind it."""
    keep = Keep(days=800, bytes=1_000_000, free=Fraction(0))
    with Journal.open(tmp_path, keep, ["sink"], lambda: START) as journal:
        for first in range(0, 40_000, 1000):
            journal.append(polls(1000, first=first))
            journal.tend()
        gone = sum(int(str(event.detail["rows"])) for event in journal.events(0, EVER, ("loss",)))
        assert gone > 0
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 1_100_000
        batch = journal.pending("sink", 9)
        assert batch is not None
        assert batch.rows[0].frame.ints.tolist() == [gone]


def test_a_journal_that_was_closed_is_not_opened_again_by_a_thread_that_reads_on(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal") as journal:
        journal.note("start", 1, {})
        assert [event.kind for event in journal.events(0, 2)] == ["start"]
    with pytest.raises(StoreError, match="the journal was closed meanwhile; open it again"):
        journal.events(0, 2)
