"""A journal with the rows of a case, taken in as any user's CSV is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from config.plant import Plant
from config.values import NANOSECONDS
from config.zone import nanoseconds, shown
from kpi.facts.facts import Facts, facts
from store.journal import History, place
from store.transfer.intake import take_in
from tests.kpi.notation import values

FAR = 2**62


class Quiet:
    """Hears of an import and says nothing."""

    def read(self, done: int, size: int) -> None: ...

    def compared(self, done: int, rows: int) -> None: ...

    def waiting(self, owner: str) -> None: ...


def at(plant: Plant, text: str) -> int:
    """A local time in the plant's zone [ns]."""
    when = datetime.fromisoformat(text)
    return nanoseconds(when if when.tzinfo else when.replace(tzinfo=plant.timezone))


def step(text: str) -> int:
    number = text.rstrip("minshd")
    return int(number) * NANOSECONDS[text[len(number) :]]


Rows = Sequence[Mapping[str, str]]


def lines(plant: Plant, rows: Rows) -> list[str]:
    """CSV of `{of: asset point, from, every, is}`, where `is` is in the notation of tests/kpi/notation.py."""
    found = ["time,asset,point,value,quality"]
    for said in rows:
        asset, _, point = said["of"].partition(" ")
        start, every = at(plant, said["from"]), step(said["every"])
        for index, value in enumerate(values(str(said["is"]))):
            if value is not ...:
                quality = "Bad" if value is None else "Good"
                time = shown(start + index * every, plant.timezone)
                found.append(f"{time},{asset},{point},{'' if value is None else value},{quality}")
    return found


def taken_in(plant: Plant, rows: Rows, folder: Path) -> History:
    file = folder / "rows.csv"
    file.write_text("\n".join(lines(plant, rows)) + "\n", encoding="utf-8")
    take_in(plant, file, 0, False, False, None, 0, Quiet())
    return History(place(plant))


def told(plant: Plant, rows: Rows, start: str, end: str, folder: Path) -> Facts:
    """The facts of [start, end)."""
    history = taken_in(plant, rows, folder)
    try:
        return facts(history, plant, at(plant, start), at(plant, end), now=FAR)
    finally:
        history.close()
