"""Any interleaving of append, import, read, acknowledge, rotate, compact, shed and reopen agrees with a list."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from config.plant import Keep
from connectors.base import Column, Frame, gap, layout
from connectors.quality import BAD_TIMEOUT
from store.journal import History, Journal
from store.journal.publication import Part, Strike, importing, publish
from tests.store.model import EVER, LAYOUTS, MESSAGES, POINTS, SECOND, START, Cell, Model, cells, message, poll, shown

DAY = 86400 * SECOND
KEEP = Keep(days=3, free=0, delivered=DAY)  # type: ignore[arg-type]

times = st.integers(0, 12).map(lambda n: START + n * 600 * SECOND)  # few, so that rows meet
floats = st.floats(allow_nan=True, width=64)
ints = st.integers(-(2**53), 2**53)
texts = st.sampled_from(["", "0", "运行", "running", "x" * 300])
qualities = st.none() | st.just(np.array([0, 0x40000000, 0x800A0000, 1], np.uint32))
polled = st.builds(poll, times, floats, ints, texts, floats, quality=qualities)
gone = st.builds(gap, st.sampled_from(LAYOUTS), times, st.just(BAD_TIMEOUT))


@st.composite
def messages(draw: st.DrawFn) -> Frame:
    columns = sorted(draw(st.lists(st.integers(0, 2), min_size=1, max_size=4)))
    kinds = {"float": floats, "int": ints, "text": texts}
    values = [draw(kinds[MESSAGES.columns[column].kind]) for column in columns]
    own = draw(st.none() | st.lists(times, min_size=len(columns), max_size=len(columns)))
    return message(draw(times), columns, values, own)


frames = st.lists(polled | gone | messages(), max_size=6)


class JournalLaws(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gemba-"))
        self.now = START
        self.journal = self.opened()
        self.model = Model()
        self.struck: set[tuple[int, str, str]] = set()
        self.delivered: set[Cell] = set()
        self.reader = History(self.folder)

    def opened(self) -> Journal:
        return Journal.open(self.folder, KEEP, ["sink"], lambda: self.now)

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.reader.close()
            self.journal.close()
            shutil.rmtree(self.folder)

    # -- writing -------------------------------------------------------------------------------------------------------
    @rule(some=frames)
    def append(self, some: list[Frame]) -> None:
        seq = (self.journal.live.number << 32) + self.journal.live.last + 1
        for frame in some:
            found, seq = cells(frame, self.journal.epoch, seq)
            self.model.held += found
        assert self.journal.append(some) == seq - 1

    @rule()
    def step_of_the_clock(self) -> None:
        self.journal.step(self.now, {"old": self.now, "new": self.now - 1})

    @rule(key=st.sampled_from(POINTS), rows=st.dictionaries(times, ints, min_size=1, max_size=5), scaled=st.booleans())
    def bring_in(self, key: tuple[str, str], rows: dict[int, int], scaled: bool) -> None:
        """Import of integers; what is stored at their times is struck."""
        asset, point = key
        of = layout("history", "import", [Column(asset, point, "int")], 900 * SECOND, scaled)
        at = np.array(sorted(rows), np.int64)
        values = np.array([rows[time] for time in at.tolist()], np.int64)
        strikes = []
        with importing(self.folder, lambda _: None):
            stored, places = self.reader.stored(asset, point, int(at[0]), int(at[-1]) + 1)
            which = np.isin(stored.time, at)
            if which.any():
                strikes.append(Strike(asset, point, places[which], stored.time[which]))
            publish(self.folder, [Part(of, at, values, None)], (), strikes, [("import", {})], self.now)
        number = max(int(path.name.split(".")[0]) for path in self.folder.glob("*.cols.db"))
        self.model.held = [
            cell for cell in self.model.held if (cell.asset, cell.point) != key or cell.time not in rows
        ] + [
            Cell(asset, point, time, value, 0, 0, 900 * SECOND, scaled, (number << 32) + place)
            for place, (time, value) in enumerate(zip(at.tolist(), values.tolist(), strict=True), 1)
        ]

    # -- keeping -------------------------------------------------------------------------------------------------------
    @rule()
    def rotate(self) -> None:
        self.journal.rotate()

    @rule(passed=st.sampled_from([0, 0, DAY // 2, 2 * DAY]))
    def tend(self, passed: int) -> None:
        self.now += passed
        self.journal.tend()
        for event in self.journal.events(-EVER, EVER, ("loss", "expired")):
            number = event.detail["segment"]
            lost = {cell.seq for cell in self.model.held if cell.seq >> 32 == number}
            if lost:
                assert event.detail["rows"] >= len(lost)  # type: ignore[operator]
                assert event.detail["from"] <= min(c.time for c in self.model.held if c.seq in lost)  # type: ignore[operator]
                assert not list(self.folder.glob(f"{number:09d}.*"))
            self.model.held = [cell for cell in self.model.held if cell.seq not in lost]

    @rule()
    def reopen(self) -> None:
        self.journal.close()
        self.journal = self.opened()

    # -- reading -------------------------------------------------------------------------------------------------------
    @rule(n=st.integers(1, 7), newest=st.booleans(), kept=st.booleans())
    def deliver(self, n: int, newest: bool, kept: bool) -> None:
        batch = self.journal.pending("sink", n, newest)
        if batch is None:
            assert set(self.model.held) <= self.delivered
            return
        brought = [cell for row in batch.rows for cell in cells(row.frame, row.epoch, row.seq)[0]]
        expected = [cell for cell in self.model.held if batch.first <= cell.seq <= batch.last]
        assert sorted(map(_keyed, brought)) == sorted(map(_keyed, expected))
        assert not set(expected) & self.delivered
        if kept:
            self.journal.acknowledge("sink", batch.last, batch.first)
            self.delivered |= set(expected)

    @invariant()
    @precondition(lambda self: hasattr(self, "model"))
    def every_series_agrees(self) -> None:
        for reader in (self.journal, self.reader):
            for asset, point in POINTS:
                found = reader.series(asset, [point], START, START + 7201 * SECOND)[point]
                assert shown(found) == self.model.series(asset, point, START, START + 7201 * SECOND)

    @rule(asset=st.sampled_from(["press-01", "oven-01"]), a=times, b=times, good=st.integers(1, 3))
    def look_around(self, asset: str, a: int, b: int, good: int) -> None:
        points = [point for of, point in POINTS if of == asset]
        start, end = min(a, b), max(a, b)
        for point, found in self.journal.series(asset, points, start, end).items():
            assert shown(found) == self.model.series(asset, point, start, end)
        for point, found in self.journal.before(asset, points, a, good).items():
            assert shown(found) == _until_good(self.model.series(asset, point, 0, a)[::-1], good)[::-1]
        for point, found in self.journal.after(asset, points, a, good).items():
            assert shown(found) == _until_good(self.model.series(asset, point, a, EVER), good)


def _keyed(cell: Cell) -> tuple[object, ...]:
    return cell.seq, cell.asset, cell.point, *cell.shown


def _until_good(rows: list[tuple[object, ...]], good: int) -> list[tuple[object, ...]]:
    found = []
    for row in rows:
        found.append(row)
        good -= int(str(row[2])) < 0x40000000
        if not good:
            break
    return found


TestJournalLaws = JournalLaws.TestCase
TestJournalLaws.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
