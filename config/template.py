"""An official form as data: its items, scenes, tiers and switches, in both languages, with the lines they stand on.

A level of a scene is a row of clauses. A clause that is `measured` or `supported` names a rule over facts; whoever can
measure answers `Template.rules`, and nobody needs to know the forms to do so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Lang = Literal["zh", "en"]
Family = Literal["sme", "kpis", "national", "index", "jiangsu"]
Basis = Literal["measured", "supported", "declared"]
Better = Literal["higher", "lower"]

ANSWERS = (
    "choice",  # one option
    "choices",  # several options, the first is none of them
    "links",  # one option, or how many business links
    "rate",  # two whole numbers, whose ratio falls into a band
    "spend",  # amounts of up to three years, or their ratio, which falls into a band
    "change",  # before and after, which are up, unchanged or down
    "graded",  # a level, and points inside its segment
    "amounts",  # a total and the year's part of it
    "share",  # a number from 0 to 1
    "count",  # a whole number
    "comparison",  # base and now
)


@dataclass(frozen=True, slots=True)
class Words:
    """The same text in both languages; `zh` is the official one where there is one."""

    zh: str
    en: str

    def of(self, lang: str) -> str:
        return self.zh if lang == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time [ns], and how it was written."""

    ns: int
    text: str


Setting = bool | Fraction | str | Duration  # of a switch
Parameter = bool | int | Fraction | str  # of a rule; a duration is nanoseconds


@dataclass(frozen=True, slots=True)
class Source:
    """The document a form is printed in; section and lines are those of the policy collection of July 2025."""

    document: str
    section: str
    lines: str


@dataclass(frozen=True, slots=True)
class Switch:
    """A choice that the official text leaves open, and our default; `of` are the values where they are few."""

    name: str
    default: Setting
    says: Words
    of: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """What facts are asked: a name that the KPI side binds to one function, and its parameters."""

    id: str
    parameters: tuple[tuple[str, Parameter], ...] = ()


@dataclass(frozen=True, slots=True)
class Clause:
    """One requirement. `parameters` may name switches; clauses of one `branch` are an alternative to the others'."""

    says: Words
    line: int
    basis: Basis = "declared"
    rule: str | None = None
    parameters: tuple[tuple[str, Setting], ...] = ()
    branch: int | None = None


Clauses = tuple[Clause, ...]
Levels = tuple[Clauses | None, ...]  # from level 1; None is a cell that prints "/"


@dataclass(frozen=True, slots=True)
class Option:
    """One box to tick. `to` is the upper end of a band, which belongs to it."""

    label: Words
    clauses: Clauses
    to: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One numbered line of a form. `of` are the names its numbers have in an answer file, numerator first."""

    no: str
    title: Words
    question: Words
    answer: str
    line: int
    measurable: Literal["M", "P", "D"]
    dimension: str
    weight: Fraction | None = None
    options: tuple[Option, ...] = ()
    levels: Levels = ()
    of: tuple[str, ...] = ()
    better: Better | None = None
    scale: Fraction = Fraction(1)
    unit: Words | None = None
    fields: Words | None = None
    share: bool = False
    not_applicable: bool = False
    measured: str | None = None  # the quantity that the KPI side binds
    measures: tuple[str, ...] = ()  # those of `of` that it brings; all where empty

    @property
    def measurable_terms(self) -> tuple[str, ...]:
        return () if self.measured is None else self.measures or self.of


@dataclass(frozen=True, slots=True)
class Scene:
    """A line that is rated by level: a scene of a form, or a section of the national tiers."""

    no: int
    name: str
    en: str
    levels: Levels
    line: int
    measurable: Literal["M", "P", "D"] = "D"
    group: str = ""
    section: str = ""
    binding: bool = False
    also: tuple[str, ...] = ()

    @property
    def says(self) -> Words:
        return Words(self.name, self.en)


@dataclass(frozen=True, slots=True)
class Tier:
    """What one level of the whole form asks; None and empty where it does not ask."""

    level: int
    says: Words
    line: int = 0
    score: Fraction | None = None
    scenes: int | None = None
    binding: int | None = None
    cover: tuple[str, ...] = ()
    in_principle: bool = False
    maturity: int | None = None
    ai_scene_ratio: Fraction | None = None
    general_above: Fraction | None = None
    suggested_above: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """What an enterprise can only declare, and the tiers that ask for it."""

    name: str
    says: Words
    tiers: tuple[int, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a level's points, `[start, end)`; `open` leaves the start out."""

    level: int
    says: Words
    start: Fraction
    end: Fraction
    open: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    id: str
    version: str
    family: Family
    title: Words
    source: Source
    switches: tuple[Switch, ...]
    tiers: tuple[Tier, ...]
    dimensions: tuple[Words, ...]
    items: tuple[Item, ...]
    scenes: tuple[Scene, ...]
    sections: tuple[Scene, ...]
    conditions: tuple[Condition, ...]
    segments: tuple[Segment, ...]

    def item(self, no: str) -> Item:
        return next(item for item in self.items if item.no == no)

    def defaults(self) -> dict[str, Setting]:
        return {switch.name: switch.default for switch in self.switches}

    def rule(self, clause: Clause, settings: Mapping[str, Setting]) -> Rule | None:
        """The rule of a clause under these switches."""
        if clause.rule is None:
            return None
        return Rule(clause.rule, tuple((name, _parameter(value, settings)) for name, value in clause.parameters))

    def clauses(self) -> Iterator[Clause]:
        yield from (clause for item in self.items for option in item.options for clause in option.clauses)
        rated: list[Levels] = [item.levels for item in self.items]
        rated += [scene.levels for scene in (*self.scenes, *self.sections)]
        yield from (clause for levels in rated for level in levels if level for clause in level)

    def rules(self, settings: Mapping[str, Setting] | None = None) -> tuple[Rule, ...]:
        """Every rule that this form asks of facts, each once. The KPI side answers them in `kpi.forms.measured`."""
        chosen = self.defaults() if settings is None else settings
        found = (self.rule(clause, chosen) for clause in self.clauses())
        return tuple(dict.fromkeys(rule for rule in found if rule is not None))


def _parameter(value: Setting, settings: Mapping[str, Setting]) -> Parameter:
    chosen = settings.get(value, value) if isinstance(value, str) else value
    return chosen.ns if isinstance(chosen, Duration) else chosen
