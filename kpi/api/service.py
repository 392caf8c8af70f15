"""What the routes ask for: the plant as its file is now, its store, and documents as the bytes that the command line
prints. One question is computed once, however many ask it at the same time."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from config import span
from config.faults import PlantError
from config.load import load
from config.plant import Plant
from kpi.api.answers import Answer, Answers, Remembered
from kpi.api.problems import Problem, fault
from kpi.api.ready import Ready
from kpi.api.witness import Key, Proof
from kpi.facts.archive import Archive
from store import StoreError
from store.choice import Stores
from store.reader import Reader

if TYPE_CHECKING:
    from kpi.binding.ground import Ground
    from kpi.facts.facts import Facts
    from kpi.forms.assess import Assessment
    from kpi.plants import Group
    from kpi.rate import Rate

ROWS = 10_000
DAY = 86_400 * 10**9
AT_ONCE = 4  # documents that are worked on; more would only take the processor from who answers
TICK = 20_000_000  # [ns] that the time of a file may lag behind the clock
PATIENCE = 30.0  # [s] that one question to a store may take


@dataclass(slots=True)
class Service:
    """Shared by all requests; every method may be called from any thread."""

    file: Path
    clock: Callable[[], int] = time.time_ns
    trouble: str = ""
    forming: threading.Event | None = None
    """Set when the facts that are being formed ahead are there; who asks waits for it, but not for ever."""
    _plant: Plant | None = None
    _stamp: tuple[int, ...] = ()
    _stores: Stores | None = None
    _work: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AT_ONCE))
    _others: "tuple[Plant, Group | None] | None" = None
    _one: threading.RLock = field(default_factory=threading.RLock)
    _answers: Answers = field(default_factory=Answers)
    _rates: Remembered = field(default_factory=Remembered)

    # -- plant and store -------------------------------------------------------------------------------------------
    def plant(self) -> Plant:
        """As the file says now; a file that has become wrong leaves the plant as it was, and `trouble` says so."""
        with self._one:
            stamp, begun = self._stamps(), time.time_ns()
            if self._plant is None or stamp != self._stamp:
                try:
                    self._plant, self.trouble = load(self.file), ""
                except PlantError as error:
                    if self._plant is None:
                        raise
                    self.trouble = f"the plant file is wrong now, the old one is used: {error.faults[0]}"
                read = self._stamps()
                self._stamp = read if max(read) < begun - TICK else stamp  # else one was written meanwhile
            return self._plant

    def _stamps(self) -> tuple[int, ...]:
        """When each file that the plant is read from was last written."""
        files = (self.file, *(Path(name) for name in (self._plant.files if self._plant else ())))
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

    def close(self) -> None:
        """Lets go of the stores."""
        stores, self._stores = self._stores, None
        if stores is not None:
            stores.close()

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

    def keep(self) -> None:
        """What was answered and lasts, for the next process."""
        self._ready().keep(self._answers.lasting())

    def _ready(self) -> Ready:
        plant = self.plant()
        return Ready(plant.data / "answers" / plant.id)

    # -- questions -------------------------------------------------------------------------------------------------
    def window(
        self, start: str | None, end: str | None, last: str | None = None, month: str | None = None
    ) -> tuple[int, int]:
        asked = span.span(self.plant(), self.clock(), start, end, last, month)
        asked = span.bounded(asked, "from" if last is None else "last", start or last)
        return asked.start, asked.end

    def baseline(self, start: str | None, end: str | None, revenue: bool = False) -> tuple[int, int] | None:
        asked = span.baseline(self.plant(), self.clock(), start, end, revenue)
        return (asked.start, asked.end) if asked else None

    def kpis(
        self,
        window: tuple[int, int],
        by: Any = "asset",
        per: str = "window",
        profile: Any = "iso22400",
        baseline: tuple[int, int] | None = None,
    ) -> Answer:
        from kpi.report import Question, report

        self._bounded(window, per, self._groups(by))
        plant, question = self.plant(), Question(*window, by, per, profile, baseline)

        group = self._group() if by == "plant" else None

        def made(reader: Reader) -> Any:
            return report(reader, plant, question, self.archive(), self.clock(), group=group, rated=self._rated)

        return self._answer(("kpis", question), question.reach(plant), made, lasting=group is None)

    def _rated(self, reader: Reader, of: "Facts", archive: Archive | None, now: int) -> "dict[str, Rate]":
        """The rates at the end of a window, which do not depend on how long it is or how its rows are grouped."""
        from kpi.report import rates_of

        key = (of.plant.id, *of.plant.files.values(), of.end)
        found: dict[str, Rate] = self._rates.of(key, of.end, reader, lambda known: rates_of(known, of, archive, now))
        return found

    def energy(
        self,
        window: tuple[int, int],
        per: str = "window",
        factors: str | None = None,
        revenue: Fraction | None = None,
        baseline: tuple[int, int] | None = None,
        baseline_revenue: Fraction | None = None,
        by: Literal["plant"] | None = None,
    ) -> Answer:
        from dataclasses import replace

        from kpi import energy_plants, plants
        from kpi.energy_report import report, under
        from kpi.facts.facts import facts

        self._bounded(window, per, 1)

        plant = self.plant()
        if factors:
            plant = replace(plant, factors=under(plant.factors, factors))

        group = self._group() if by else None

        def made(reader: Reader) -> Any:
            now = self.clock()
            others = group.ask(*window, now) if group else list
            whole = facts(reader, plant, *window, self.archive(), now)
            before = facts(reader, plant, *baseline, self.archive(), now) if baseline else None
            found = report(whole, per, revenue, before, baseline_revenue)
            return found | energy_plants.document([*plants.of(whole), *others()], factors) if by else found

        ends = (*window, *baseline) if baseline else window
        key = ("energy", window, per, factors, revenue, baseline, baseline_revenue, by)
        return self._answer(key, (min(ends), max(ends)), made, lasting=group is None)

    def assessment(
        self, template: str, window: tuple[int, int], before: tuple[int, int] | None, answers: dict[str, Any]
    ) -> "Assessment":
        """A form of this plant. Raises TemplateError for what is wrong in the answers."""
        from config.template_file import load as load_template
        from kpi.forms.assess import assess, declared_of

        form = load_template(template)
        declared = declared_of(form, answers)
        with self._work:
            return assess(form, declared, self.ground(*window, before))

    def ground(self, start: int, end: int, before: tuple[int, int] | None = None) -> "Ground":
        """What a form of this plant stands on."""
        from kpi.binding.ground import Ground, reach

        plant = self.plant()
        reader = self.reader(*reach(plant, (start, end), before))
        return Ground(reader, plant, start, end, self.archive(), self.clock(), before)

    def _group(self) -> "Group | None":
        """The other plants; what they are and whether they answer is known from one question to the next."""
        from kpi.plants import Group

        plant = self.plant()
        with self._one:
            if self._others is None or self._others[0] is not plant:
                self._others = plant, Group.of(plant)
            return self._others[1]

    def _groups(self, by: str) -> int:
        plant = self.plant()
        rows = plant.register.devices if plant.register else ()
        few = {"plant": 1 + len(plant.stores) + bool(plant.stores)}
        few["line"] = 1 + len({*plant.lines, *(row.line for row in rows)})
        few["workshop"] = 1 + len({row.workshop for row in rows})
        return few.get(by, len(plant.assets))

    def _bounded(self, window: tuple[int, int], per: str, groups: int) -> None:
        plant = self.plant()
        parts = len(span.windows(plant, plant.calendar, per, *window)) if per != "window" else 1
        if parts * groups > ROWS:
            detail = f"about {parts * groups} rows are asked for, and {ROWS} is the limit; ask for longer periods"
            raise Problem(422, detail, faults=[fault("per", detail)], limit=ROWS)

    def _answer(self, key: Key, reach: tuple[int, int], made: Callable[[Reader], Any], lasting: bool = True) -> Answer:
        """The document as bytes; what it is made of lies in `reach`."""

        def worked(reader: Reader) -> Any:
            if self.forming is not None and not self.forming.wait(PATIENCE):
                self.forming.set()  # one question waited in vain; the next need not
            with self._work:
                return made(reader)

        def ready() -> tuple[Answer, Proof] | None:
            return self._ready().find(whole)

        whole = (*self.plant().files.values(), *key)
        return self._answers.of(whole, reach[1], lambda: self.reader(*reach), worked, ready, lasting)
