"""Another plant of a group: what it is, by the version that its agent wrote into its InfluxDB, and its rows.

A store that did not answer is left alone for a while and then tried again aside: nobody who asks waits for it twice.
What its plant is stays known, kept beside the facts, so that what is missing has its weight.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from config.faults import PlantError
from config.plant import InfluxDB, Plant
from config.version import plant_of
from connectors.base import NO_INTS
from store import StoreError
from store.influx import InfluxReader
from store.influx.server import connect
from store.journal.merge import EMPTY
from store.reader import Event, Links, Reader, Series

log = logging.getLogger("gemba.group")
FIRST = 3.0  # [s] that the first question to a store may take
PATIENCE = 10.0  # and any other
AGAIN = 20.0  # [s] for which a silent store is left alone, and for which what its plant is need not be asked again
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known:
    """The other plant at one time. `plant` is None where no version of it was ever read; `silent` says why its rows
    cannot be had."""

    id: str
    plant: Plant | None
    silent: str


class Other:
    """One other plant, as long as somebody asks about it. May be shared by threads."""

    def __init__(self, name: str, of: InfluxDB, folder: Path) -> None:
        """`folder` is where what is known of it is kept."""
        self.id, self.store, self.folder = name, of, folder / name
        self._one = threading.Lock()
        self._detail: Mapping[str, Any] | None = None
        self._plant: Plant | None = None
        self._silent = ""
        self._looked = -AGAIN
        self._again: threading.Thread | None = None

    def known(self) -> Known:
        """What it is now. Waits only for a store that was not asked yet, or that answered when it was."""
        with self._one:
            due = time.monotonic() - self._looked >= AGAIN
            if self._silent and due and (self._again is None or not self._again.is_alive()):
                self._again = threading.Thread(target=self._look, name=f"group {self.id}", daemon=True)
                self._again.start()
            elif due and not self._silent:
                self._look()
            return Known(self.id, self._plant, self._silent)

    def asked(self, work: Callable[[Reader, Plant], T]) -> T:
        """What `work` makes of its rows. Raises `StoreError` where its store is silent, or falls silent meanwhile."""
        known = self.known()
        if known.plant is None or known.silent:
            raise StoreError(known.silent)
        reader = InfluxReader(connect(self.store, PATIENCE), known.plant)
        try:
            return work(reader, known.plant)
        except StoreError as error:
            self._fell_silent(str(error))
            raise
        finally:
            reader.close()

    def _fell_silent(self, why: str) -> None:
        if not self._silent:
            log.warning("%s does not answer: %s", self.id, why)
        self._silent, self._looked = why, time.monotonic()

    def _look(self) -> None:
        if self._plant is None:
            self._recall()
        reader = InfluxReader(connect(self.store, FIRST), self.id)
        try:
            told = reader.latest("plant")
            if told is None:
                raise StoreError(f"{self.store.url}: no version of plant {self.id} is there; restart its agent")
            self._take(told.detail)
        except (StoreError, PlantError) as error:
            self._fell_silent(str(error))
            return
        finally:
            reader.close()
        if self._silent:
            log.warning("%s answers again", self.id)
        self._silent, self._looked = "", time.monotonic()

    # -- what is kept of it --------------------------------------------------------------------------------------------
    @property
    def _file(self) -> Path:
        return self.folder / "plant.json"

    def _take(self, detail: Mapping[str, Any]) -> None:
        if detail == self._detail:
            return
        self._plant = replace(plant_of(detail), data=self.folder, store=self.store, stores={})
        self._detail = detail
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            written = self._file.with_suffix(f".{threading.get_ident()}")
            written.write_text(json.dumps(detail), encoding="utf-8")
            written.replace(self._file)
        except OSError as error:
            log.warning("%s cannot be kept (got %s); it is asked for again", self._file, error)

    def _recall(self) -> None:
        try:
            detail = json.loads(self._file.read_text(encoding="utf-8"))
            self._plant = replace(plant_of(detail), data=self.folder, store=self.store, stores={})
        except (OSError, ValueError, PlantError):
            return


@dataclass(frozen=True, slots=True)
class Silent:
    """A store that does not answer, or of a plant without points, as a `Reader`: nothing is known of any time."""

    store: Literal["journal", "influxdb"] = "influxdb"

    def close(self) -> None:
        """There is nothing open."""

    def steady(self) -> AbstractContextManager[None]:
        return nullcontext()

    def ahead(self, points: Mapping[str, Sequence[str]], start: int, end: int) -> None:
        """There is nothing to read."""

    def series(self, asset: str, points: Sequence[str], start: int, end: int) -> dict[str, Series]:
        return dict.fromkeys(points, EMPTY)

    def before(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        return dict.fromkeys(points, EMPTY)

    def after(self, asset: str, points: Sequence[str], time: int, good: int = 1) -> dict[str, Series]:
        return dict.fromkeys(points, EMPTY)

    def links(self, assets: Sequence[str], start: int, end: int) -> dict[str, Links]:
        return dict.fromkeys(assets, Links(NO_INTS, NO_INTS.astype(np.int32), (), NO_INTS, NO_INTS, NO_INTS))

    def events(self, start: int, end: int, kinds: Sequence[str] = ()) -> list[Event]:
        return []

    def span(self) -> tuple[int, int] | None:
        return None

    def version(self, asset: str, start: int, end: int) -> str:
        return ""
