"""What a consumer takes as columns is what it would take as rows; live rows apart from the backlog."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from config.plant import Keep
from connectors.base import Column, gap, layout
from connectors.quality import BAD_TIMEOUT
from store.journal import Journal
from store.journal.delivery import Columns
from store.journal.publication import Part, Strike, importing, publish
from store.journal.segment import PLACES
from tests.store.model import EVER, POLL, SECOND, START, cells, message, polls

KEEP = Keep(free=Fraction(0), days=100_000)
Told = tuple[int, int, str, str, int, str, int]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path, KEEP, ["sink"]) as made:
        yield made


def by_columns(batch: Columns) -> list[Told]:
    """Seq, epoch, asset, point, time, value, quality of every cell that was not struck."""
    found = []
    for part in batch.parts:
        chunk, of = part.chunk, part.layout
        for line in range(len(chunk.values)):
            for row in range(len(chunk)):
                if part.struck is not None and part.struck[line, row]:
                    continue
                column = of.columns[line if chunk.columns is None else int(chunk.columns[row])]
                word = chunk.values[line, row]
                value: object = int(word)
                if column.kind == "float":
                    value = float(word.view(np.float64))
                if column.kind == "text":
                    value = part.text[int(word)]
                quality = 0 if chunk.quality is None else int(chunk.quality[line, row])
                seq = int(chunk.seqs[row]) + (batch.first >> PLACES << PLACES)
                found.append(
                    (seq, chunk.epoch, column.asset, column.point, int(chunk.times[row]), repr(value), quality)
                )
    return sorted(found)


def by_rows(rows: Sequence[object]) -> list[Told]:
    found = []
    for row in rows:
        for cell in cells(row.frame, row.epoch, row.seq)[0]:  # type: ignore[attr-defined]
            value = repr(cell.value)
            found.append((row.seq, row.epoch, cell.asset, cell.point, cell.time, value, cell.quality))  # type: ignore[attr-defined]
    return sorted(found)


@pytest.mark.parametrize("compacted", [False, True])
def test_the_same_as_rows(journal: Journal, compacted: bool) -> None:
    journal.append(polls(20))
    journal.append([message(START + n * SECOND, [0, 2], [n / 7, f"word {n % 3}"]) for n in range(20)])
    journal.append([gap(POLL, START + 100 * SECOND, BAD_TIMEOUT)])
    journal.note("loss", START, {"why": "test"})
    seqs = np.array([(1 << PLACES) + place for place in (3, 25)])
    with importing(journal.folder, print):
        rows = layout("history", "import", [Column("press-01", "power", "float")], 900 * SECOND)
        strike = Strike("press-01", "power", seqs, np.array([START, START]))
        publish(journal.folder, [Part(rows, np.array([START]), np.array([1]), None)], (), [strike], [], START)
    if compacted:
        journal.rotate()
        journal.tend()
    seen = 0
    while (batch := journal.pending("sink", 7)) is not None:
        columns = journal.pending_columns("sink", 7)
        assert columns is not None
        assert (columns.first, columns.last, list(columns.events)) == (batch.first, batch.last, list(batch.events))
        assert by_columns(columns) == by_rows(batch.rows)
        seen += len(by_columns(columns))
        journal.acknowledge("sink", batch.last, batch.first)
    assert seen == 20 * 4 + 20 * 2 + 4 + 1 - 2
    assert journal.pending_columns("sink", 7) is None


def places(batch: Columns | None) -> tuple[int, int, int] | None:
    return None if batch is None else (batch.first >> PLACES, batch.first & 0xFFFF, batch.last & 0xFFFF)


def test_live_rows_are_left_to_who_asks_for_them(journal: Journal) -> None:
    journal.append(polls(10))
    head = (journal.live.number << PLACES) + 6
    assert places(journal.pending_columns("sink", 100, head=head)) == (1, 1, 6)
    assert places(journal.pending_columns("sink", 3, segment=1)) == (1, 8, 10)
    journal.acknowledge("sink", head, head - 5)
    assert journal.pending_columns("sink", 100, head=head) is None
    assert places(journal.pending_columns("sink", 100, segment=1)) == (1, 7, 10)
    assert places(journal.pending_columns("sink", 100)) == (1, 7, 10)


def test_an_import_behind_the_live_segment_is_backlog(journal: Journal) -> None:
    journal.append(polls(10))
    with importing(journal.folder, print):
        rows = layout("history", "import", [Column("press-01", "power", "float")])
        publish(journal.folder, [Part(rows, np.arange(5), np.arange(5), None)], (), (), [], START)
    head = (1 << PLACES) + 10
    journal.acknowledge("sink", head)
    journal.append(polls(5, first=10))
    assert places(journal.pending_columns("sink", 100, head=head)) == (2, 1, 5)
    assert places(journal.pending_columns("sink", 100, segment=2)) == (2, 1, 5)
    assert journal.pending_columns("sink", 100, segment=99) is None
    assert journal.series("press-01", ["power"], 0, EVER)["power"].time.tolist()[:5] == [0, 1, 2, 3, 4]
