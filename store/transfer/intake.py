"""An import from end to end: read, decided, published; the same file twice changes nothing."""

import dataclasses
from hashlib import file_digest
from pathlib import Path
from typing import Protocol

import numpy as np

from config.faults import Fault
from config.plant import Plant
from config.zone import shown
from store.journal import History, place
from store.journal.publication import importing, publish
from store.transfer.admission import Admission, Outcome
from store.transfer.incoming import Faults, Incoming, lines_of, read

AHEAD = 60 * 10**9  # by which another machine's clock may be before ours


class Told(Protocol):
    """Hears how far it is."""

    def read(self, done: int, size: int) -> None: ...

    def compared(self, done: int, rows: int) -> None: ...

    def waiting(self, owner: str) -> None: ...


def take_in(
    plant: Plant, file: Path, hold: int, scaled: bool, replace: bool, gateway: str | None, now: int, told: Told
) -> Outcome:
    """Raises `PlantError` with every row that is wrong, and `StoreError` when the journal cannot take it; then nothing
    was kept."""
    faults = Faults(file)
    rows = read(file, plant, hold, scaled, faults, told.read)
    folder = place(plant, gateway)
    with importing(folder, told.waiting):
        history = History(folder)
        try:
            admission = Admission(rows, history, faults, replace)
            admission.decide(told.compared)
        finally:
            history.close()
        outcome = admission.outcome()
        if outcome.new or admission.strikes:
            sources = {point.key: point.source for point in plant.points()}
            publish(
                folder, admission.parts(sources), rows.texts, admission.strikes, _notes(file, admission, outcome), now
            )
    return dataclasses.replace(outcome, ahead=_ahead(file, rows, plant, now))


def _ahead(file: Path, rows: Incoming, plant: Plant, now: int) -> Fault | None:
    """No fault of theirs that is sure: this machine's clock may be the wrong one. A wrong offset looks just so."""
    late = np.flatnonzero(rows.time > now + AHEAD)
    if not len(late):
        return None
    first = int(late[0])
    what = "1 row lies in the future" if len(late) == 1 else f"{len(late)} rows lie in the future, this is the first"
    line = lines_of(file, [first])[0][first]
    got = shown(int(rows.time[first]), plant.timezone)
    return Fault(str(file), line, "time", what, got, "see the offset of the times, and this machine's clock")


def _notes(file: Path, admission: Admission, outcome: Outcome) -> list[tuple[str, dict[str, object]]]:
    """What the log says of it."""
    with file.open("rb") as raw:
        sha256 = file_digest(raw, "sha256").hexdigest()
    of: dict[str, object] = {"file": file.name, "sha256": sha256}
    counts = {"rows": outcome.rows, "new": outcome.new, "same": outcome.same, "from": outcome.first, "to": outcome.last}
    notes: list[tuple[str, dict[str, object]]] = [("import", of | counts)]
    if admission.strikes:
        struck = [
            {
                "asset": s.asset,
                "point": s.point,
                "rows": len(s.times),
                "from": int(s.times.min()),
                "to": int(s.times.max()),
            }
            for s in admission.strikes
        ]
        notes.append(("strike", of | {"struck": struck}))
    return notes
