"""The history that every store is told: odd numbers, odd words, gaps, a clock set back, imports over what was there."""

from dataclasses import dataclass

import numpy as np

from connectors.base import Column, Frame, Layout, gap, layout
from connectors.quality import BAD_TIMEOUT, UNCERTAIN
from store.journal import Journal
from store.journal.publication import Part, Strike, importing, publish
from store.reader import LINK_GROUP, LINK_POINTS
from tests.store.model import SECOND, Cell, Model, cells

HOUR = 3600 * SECOND
START = 1_795_000_000 * SECOND  # 2026-11-18, so that a database that keeps 800 days keeps it
PRESS = layout(
    "plc",
    "poll 1s 0",
    [
        Column("press-01", "power", "float"),
        Column("press-01", "total", "int"),
        Column("press-01", "state", "int"),
        Column("press-02", "power", "float"),
    ],
)
CELL = layout(
    "broker",
    "topic cell/#",
    [
        Column("oven-01", "temp", "float"),
        Column("oven-01", "total", "int"),
        Column("oven-01", "state", "text"),
        Column("oven-01", "product", "text"),
    ],
)
LINK = Layout("plc", LINK_GROUP, tuple(Column("press-01", name, "int") for name in LINK_POINTS))
LINK_2 = Layout(
    "broker", LINK_GROUP, tuple(Column(asset, name, "int") for asset in ("press-01", "saw-07") for name in LINK_POINTS)
)
ODD = [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, 1e16, 123456789.12345679, -2.2250738585072014e-308]
WORDS = ["RUN", "", "2", "2.0", 'say "x", y\\', "two\r\n\nlines", "运行", " ", "null", "name,tags,name\ndatabases,"]


@dataclass
class Told:
    """What was written, and all that the list in memory knows of it."""

    journal: Journal
    model: Model

    def append(self, frames: list[Frame]) -> None:
        seq = (self.journal.live.number << 32) + self.journal.live.last + 1
        for frame in frames:
            if frame.layout.group != LINK_GROUP:
                found, seq = cells(frame, self.journal.epoch, seq)
                self.model.held += found
        self.journal.append(frames)


def polled(number: int, quality: list[int] | None = None) -> Frame:
    codes = None if quality is None else np.array(quality, np.uint32)
    floats = np.array([ODD[number % len(ODD)], number / 3])
    return Frame(PRESS, START + number * SECOND, floats, np.array([number, number % 3]), (), codes)


def message(number: int, columns: list[int]) -> Frame:
    chosen = [CELL.columns[column].kind for column in columns]
    values = {0: number / 7, 1: number, 2: WORDS[number % len(WORDS)], 3: WORDS[(number + 3) % len(WORDS)]}
    return Frame(
        CELL,
        START + number * 700_000_001,
        np.array([values[c] for c, kind in zip(columns, chosen, strict=True) if kind == "float"], np.float64),
        np.array([values[c] for c, kind in zip(columns, chosen, strict=True) if kind == "int"], np.int64),
        tuple(str(values[c]) for c, kind in zip(columns, chosen, strict=True) if kind == "text"),
        columns=np.array(columns, np.int32),
    )


def tell(told: Told) -> None:
    """Polls, some of them Bad; messages that bring some points; a gap; a clock set back; a day later; imports."""
    told.append([polled(number) for number in range(40)])
    told.append(
        [
            polled(40, [0, BAD_TIMEOUT, 0, 0]),
            polled(41, [UNCERTAIN, 0, 0x400, 0]),
            gap(PRESS, START + 42 * SECOND, BAD_TIMEOUT),
        ]
    )
    told.append([message(number, [[0, 1, 2, 3], [2, 3], [0], [1, 3]][number % 4]) for number in range(40)])
    told.append([Frame(LINK, START + minute * 60 * SECOND, ints=np.array([60, 59 - minute, 1])) for minute in range(3)])
    told.append([Frame(LINK_2, START, ints=np.array([6, 0, 2, 6, 5, 1]))])
    told.journal.note("loss", START, {"source": "plc", "why": "journal full"})
    told.journal.note("loss", START, {"source": "broker", "why": 'a "b"\n'})
    told.journal.step(START + 30 * SECOND, {"old": START + 43 * SECOND, "new": START + 30 * SECOND})
    told.append([polled(number) for number in range(50, 60)])
    later = 26 * 3600
    told.append([polled(later + number, None if number % 4 else [BAD_TIMEOUT] * 4) for number in range(20)])
    bring_in(told, "oven-01", "temp", {START - 5 * HOUR: 20.5, START - 4 * HOUR: 21.5}, 900 * SECOND, scaled=True)
    bring_in(told, "oven-01", "total", {START - 4 * HOUR: 3.0, START + 2 * HOUR: 7.0}, 0, scaled=False)


def bring_in(told: Told, asset: str, point: str, rows: dict[int, float], hold: int, scaled: bool) -> None:
    """Import of floats; what is stored at their times is struck."""
    journal = told.journal
    of = layout("history", "import", [Column(asset, point, "float")], hold, scaled)
    at = np.array(sorted(rows), np.int64)
    values = np.array([rows[time] for time in at.tolist()])
    strikes = []
    with importing(journal.folder, print):
        stored, places = journal.stored(asset, point, int(at[0]), int(at[-1]) + 1)
        which = np.isin(stored.time, at)
        if which.any():
            strikes.append(Strike(asset, point, places[which], stored.time[which]))
        publish(
            journal.folder,
            [Part(of, at, values.view(np.int64), None)],
            (),
            strikes,
            [("import", {"file": point})],
            START,
        )
    told.model.held = [c for c in told.model.held if (c.asset, c.point) != (asset, point) or c.time not in rows]
    number = max(int(path.name.split(".")[0]) for path in journal.folder.glob("*.cols.db"))
    told.model.held += [
        Cell(asset, point, time, value, 0, 0, hold, scaled, (number << 32) + place)
        for place, (time, value) in enumerate(zip(at.tolist(), values.tolist(), strict=True), 1)
    ]
