"""What the routes ask for: the plant as its file is now, its store, and documents as the bytes that the command line
prints. One question is computed once, however many ask it at the same time."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from config import span
from config.faults import PlantError
from config.load import load
from config.plant import Plant
from kpi.api.problems import Problem
from kpi.facts.archive import Archive
from store import StoreError
from store.choice import Stores
from store.reader import Reader

if TYPE_CHECKING:
    from kpi.api.models import Assessment
    from kpi.binding.ground import Ground
    from kpi.forms.assess import Assessment as Assessed

ROWS = 10_000
LONGEST = 5 * 366 * 86_400 * 10**9  # of a window [ns]
FRESH = 5 * 10**9  # an answer may be so old [ns]
ANSWERS = 64
DAY = 86_400 * 10**9
PATIENCE = 30.0  # [s] that one question to a store may take


@dataclass(slots=True)
class Service:
    """Shared by all requests; every method may be called from any thread."""

    file: Path
    clock: Callable[[], int] = time.time_ns
    trouble: str = ""
    _plant: Plant | None = None
    _stamp: tuple[int, ...] = ()
    _stores: Stores | None = None
    _one: threading.RLock = field(default_factory=threading.RLock)
    _answers: "OrderedDict[tuple[Any, ...], tuple[int, bytes]]" = field(default_factory=OrderedDict)
    _asked: dict[tuple[Any, ...], threading.Lock] = field(default_factory=dict)

    # -- plant and store -------------------------------------------------------------------------------------------
    def plant(self) -> Plant:
        """As the file says now; a file that has become wrong leaves the plant as it was, and `trouble` says so."""
        with self._one:
            stamp = self._stamps()
            if self._plant is None or stamp != self._stamp:
                try:
                    self._plant, self.trouble = load(self.file), ""
                except PlantError as error:
                    if self._plant is None:
                        raise
                    self.trouble = f"the plant file is wrong now, the old one is used: {error.faults[0]}"
                self._stamp = stamp
            return self._plant

    def _stamps(self) -> tuple[int, ...]:
        files = [self.file]
        if self._plant is not None and self._plant.register is not None:
            files.append(self._plant.register.file)
        return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)

    def reader(self, start: int | None = None, end: int | None = None) -> Reader:
        """The store that answers for [start, end) [ns]; by default for the last day until now."""
        now = self.clock()
        return self._opened().over(now - DAY if start is None else start, now if end is None else end)

    def _opened(self) -> Stores:
        plant = self.plant()
        with self._one:
            if self._stores is None or self._stores.plant is not plant:
                self._stores = Stores(plant, PATIENCE)
            return self._stores

    def health(self) -> dict[str, Any]:
        """Whether this server can answer, and what is wrong; a store that is silent is not waited for."""
        stores, now, held, silent = self._opened(), self.clock(), None, ""
        store = stores.over(now - DAY, now).store
        try:
            held = stores.held(now - DAY, now)
        except StoreError as error:
            silent = str(error)
        trouble = "; ".join(filter(None, (self.trouble, silent)))
        return {"status": "degraded" if trouble else "ok", "trouble": trouble or None, "store": store, "held": held}

    def archive(self) -> Archive:
        plant = self.plant()
        return Archive(plant.data, plant.id)

    # -- questions -------------------------------------------------------------------------------------------------
    def window(self, start: str | None, end: str | None, last: str | None, month: str | None) -> tuple[int, int]:
        asked = span.span(self.plant(), self.clock(), start, end, last, month)
        if asked.end - asked.start > LONGEST:
            raise Problem(422, "the window is longer than five years; ask for less", limit_days=5 * 366)
        return asked.start, asked.end

    def kpis(
        self,
        window: tuple[int, int],
        by: Any = "asset",
        per: str = "window",
        profile: Any = "iso22400",
        baseline: tuple[int, int] | None = None,
    ) -> bytes:
        from kpi.report import Question, report

        self._bounded(window, per, self._groups(by))
        question = Question(*window, by, per, profile, baseline)

        def made() -> Any:
            plant = self.plant()
            return report(self.reader(*question.reach(plant)), plant, question, self.archive(), self.clock())

        return self._answer(("kpis", question), made)

    def energy(
        self,
        window: tuple[int, int],
        per: str = "window",
        factors: str | None = None,
        revenue: Fraction | None = None,
        baseline: tuple[int, int] | None = None,
        baseline_revenue: Fraction | None = None,
    ) -> bytes:
        from dataclasses import replace

        from kpi.energy_report import report, under
        from kpi.facts.facts import facts

        self._bounded(window, per, 1)

        def made() -> Any:
            plant, now = self.plant(), self.clock()
            if factors:
                plant = replace(plant, factors=under(plant.factors, factors))
            ends = (*window, *baseline) if baseline else window
            reader = self.reader(min(ends), max(ends))
            whole = facts(reader, plant, *window, self.archive(), now)
            before = facts(reader, plant, *baseline, self.archive(), now) if baseline else None
            return report(whole, per, revenue, before, baseline_revenue)

        return self._answer(("energy", window, per, factors, revenue, baseline, baseline_revenue), made)

    def assessment(self, template: str, asked: "Assessment") -> "Assessed":
        """A form of this plant. Raises TemplateError and PlantError for what is wrong in the body."""
        from config.template_file import load as load_template
        from kpi.forms.assess import assess, declared_of

        form = load_template(template)
        declared = declared_of(form, asked.answers)
        start, end = self.window(asked.start, asked.to, None, None)
        before = None
        if asked.baseline:
            told = span.span(self.plant(), self.clock(), asked.baseline.get("from"), asked.baseline.get("to"))
            before = told.start, told.end
        return assess(form, declared, self.ground(start, end, before))

    def ground(self, start: int, end: int, before: tuple[int, int] | None = None) -> "Ground":
        """What a form of this plant stands on."""
        from kpi.binding.ground import Ground, reach

        plant = self.plant()
        reader = self.reader(*reach(plant, (start, end), before))
        return Ground(reader, plant, start, end, self.archive(), self.clock(), before)

    def _groups(self, by: str) -> int:
        plant = self.plant()
        rows = plant.register.devices if plant.register else ()
        few = {"plant": 1, "line": 1 + len({*plant.lines, *(row.line for row in rows)})}
        few["workshop"] = 1 + len({row.workshop for row in rows})
        return few.get(by, len(plant.assets))

    def _bounded(self, window: tuple[int, int], per: str, groups: int) -> None:
        plant = self.plant()
        parts = len(span.windows(plant, plant.calendar, per, *window)) if per != "window" else 1
        if parts * groups > ROWS:
            detail = f"about {parts * groups} rows are asked for, and {ROWS} is the limit; ask for longer periods"
            raise Problem(422, detail, limit=ROWS)

    def _answer(self, key: tuple[Any, ...], made: Callable[[], Any]) -> bytes:
        """The document's bytes; those of the last few seconds serve again."""
        key = (self.plant().sha256, *key)
        with self._one:
            lock = self._asked.setdefault(key, threading.Lock())
        try:
            with lock:
                with self._one:
                    kept = self._answers.get(key)
                    if kept is not None and time.monotonic_ns() - kept[0] < FRESH:
                        return kept[1]
                body = orjson.dumps(made()) + b"\n"
                with self._one:
                    self._answers[key] = (time.monotonic_ns(), body)
                    while len(self._answers) > ANSWERS:
                        self._answers.popitem(last=False)
                return body
        finally:
            with self._one:
                self._asked.pop(key, None)
