"""Scores one item: what was measured where it was, else what was declared; and says so when the two disagree."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction

from config.template import Item, Segment, Setting, Words
from kpi.forms.clauses import Judge, Origin, Rating
from kpi.forms.declared import Answer
from kpi.forms.figures import Figure, figure
from kpi.forms.measured import Reading

FULL = Fraction(100)
ZERO = Fraction(0)
UNREAD = Reading()
NONE = 1  # the position of 无
DECIMALS = 12  # more than anybody writes
COVERAGE = 5  # in item 1, the option that a switch makes depend on those before it
SIDES = {"change": ("before", "after"), "comparison": ("base", "now")}
ALIKE = 1.2  # months and quarters differ by less
HUMAN_RESOURCES = 15  # in item 4, the option to which one platform gives 9 points, and 7 to the others


@dataclass(frozen=True, slots=True)
class Conflict:
    """A declaration that facts contradict, and whether that changes the option."""

    declared: Mapping[str, object]
    measured: Mapping[str, object]
    same_option: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """One item of a result. `points` is None where there is nothing to score; `high` is what they could be at most."""

    item: Item
    origin: Origin
    weight: Fraction = ZERO
    options: tuple[int, ...] = ()
    points: Fraction | None = None
    high: Fraction | None = None
    value: Fraction | None = None
    terms: Mapping[str, Fraction] = field(default_factory=dict)
    shown: Mapping[str, object] = field(default_factory=dict)
    ratings: Mapping[int, Rating] = field(default_factory=dict)
    reading: Reading = UNREAD
    conflict: Conflict | None = None
    na: bool = False
    notes: tuple[Words, ...] = ()

    @property
    def contribution(self) -> Fraction:
        return (self.points or ZERO) * self.weight

    @property
    def contribution_high(self) -> Fraction:
        most = self.points if self.high is None else self.high
        return (FULL if most is None else most) * self.weight


def scored(item: Item, answer: Answer | None, judge: Judge, segments: tuple[Segment, ...] = ()) -> Scored:
    """An item by its answer and the facts; its weight is the form's own affair."""
    if item.answer == "choices":
        return _ticked(item, answer, judge)
    if item.answer == "graded":
        return _graded(item, answer, judge, segments)
    if item.answer == "amounts":
        return Scored(item, "missing") if answer is None else Scored(item, "declared", terms=answer.terms)
    return _figured(item, answer, judge)


# -- numbers and single choices ----------------------------------------------------------------------------------------
def _figured(item: Item, answer: Answer | None, judge: Judge) -> Scored:
    reading = judge.facts.items.get(item.no, UNREAD)
    given = answer.terms if answer else {}
    declared = _declared(item, answer, judge)
    terms = {**given, **reading.terms}
    found = figure(item, terms, judge.settings) if reading.terms else None
    origin: Origin = "declared"
    if found is not None:
        origin = reading.origin if _numbers(item, item.measurable_terms) <= set(reading.terms) else "supported"
    else:
        found = declared
    if found is None:
        return Scored(item, "missing", terms=terms, reading=reading, notes=_not_scorable(item, terms))
    terms = terms if origin != "declared" else dict(given)
    conflict = None if origin == "declared" else _conflict(item, answer, declared, judge, found)
    return Scored(
        item,
        origin,
        options=found.options,
        points=_place(item, found.options),
        value=found.value,
        terms=terms,
        shown=found.shown,
        reading=reading,
        conflict=conflict,
        notes=(*found.notes, *_unlike(item, reading)),
    )


def _unlike(item: Item, reading: Reading) -> tuple[Words, ...]:
    """A measured amount is that of its window: over a declared one it compares only with that of as long a window."""
    sides = [side for side in map(reading.evidence.get, SIDES.get(item.answer, ())) if isinstance(side, Mapping)]
    if len(item.of) == 1 or len(sides) < 2 or not all("from" in side and "to" in side for side in sides):
        return ()
    before, after = (datetime.fromisoformat(side["to"]) - datetime.fromisoformat(side["from"]) for side in sides)
    if max(before, after) <= ALIKE * min(before, after):
        return ()
    zh = f"第{item.no}题：实测的两期长短不同（{before.days} 天、{after.days} 天），填报的数须取同样的两期"
    en = f"item {item.no}: measured over {before.days} and {after.days} days; what is declared must be of both too"
    return (Words(zh, en),)


def one_sided(items: Iterable[Scored]) -> tuple[Words, ...]:
    """A change has two sides, and these were measured on one."""
    numbers = [each.item.no for each in items if each.origin == "missing" and each.reading.reason == "no_baseline"]
    if not numbers:
        return ()
    zh = f"第{'、'.join(numbers)}项：只测得现期；请给出对比期（baseline），或填报之前的数"
    en = f"item {', '.join(numbers)}: measured now, compared with nothing; give a baseline or declare what was before"
    return (Words(zh, en),)


def _declared(item: Item, answer: Answer | None, judge: Judge) -> Figure | None:
    if answer is None:
        return None
    return Figure(answer.options) if answer.options else figure(item, answer.terms, judge.settings)


def _place(item: Item, options: tuple[int, ...]) -> Fraction | None:
    """Points of a single choice: the first option 0, the last 100, the others in equal steps."""
    return Fraction((options[0] - 1) * 100, len(item.options) - 1) if options else None


def _numbers(item: Item, names: tuple[str, ...]) -> set[str]:
    """What an item's numbers of these names are called: one for each side where it has two."""
    sides = SIDES.get(item.answer)
    if item.answer == "spend":
        return {f"{name}.1" for name in names}
    if sides is None:
        return set(names)
    return {f"{side}.{name}" if len(item.of) > 1 else side for side in sides for name in names or ("",)}


def _conflict(
    item: Item, answer: Answer | None, declared: Figure | None, judge: Judge, found: Figure
) -> Conflict | None:
    """Where a declared number differs from the measured one, or the option does."""
    reading = judge.facts.items[item.no]
    told = {name: value for name, value in (answer.terms if answer else {}).items() if name in reading.terms}
    differs = any(not agrees(value, reading.terms[name]) for name, value in told.items())
    if declared is None and differs and answer:  # what was declared, with the rest as measured
        declared = figure(item, {**reading.terms, **answer.terms}, judge.settings)
    if declared is None:
        return None
    same = declared.options == found.options if found.options else _equal(declared, found) or bool(told and not differs)
    if same and not differs:
        return None
    return Conflict(_side(declared, told), _side(found, reading.terms), same)


def _equal(declared: Figure, found: Figure) -> bool:
    if declared.value is None or found.value is None:
        return declared.value == found.value
    return agrees(declared.value, found.value)


def agrees(declared: Fraction, measured: Fraction) -> bool:
    """Whether the measured number rounds to the declared one in as many decimals as that was written with; one that was
    written so coarsely that it stands for a range of more than a hundredth must be exact."""
    decimals = next((n for n in range(DECIMALS) if (declared * 10**n).denominator == 1), DECIMALS)
    fine = Fraction(1, 10**decimals) <= abs(measured) / 100
    return measured == declared or (fine and round(measured, decimals) == declared)


def _side(of: Figure, terms: Mapping[str, Fraction]) -> dict[str, object]:
    value = {} if of.value is None else {"value": of.value}
    return {"options": list(of.options), **value, "inputs": dict(terms)}


def _not_scorable(item: Item, terms: Mapping[str, Fraction]) -> tuple[Words, ...]:
    """Why numbers that are all there do not make an answer: a divisor is 0."""
    if not terms or not _numbers(item, item.of) <= set(terms):
        return ()
    zh = f"第{item.no}项：分母为 0，无法计分，按未填计"
    return (Words(zh, f"item {item.no}: a divisor is 0, so it cannot be scored and counts as missing"),)


# -- several choices ---------------------------------------------------------------------------------------------------
def _ticked(item: Item, answer: Answer | None, judge: Judge) -> Scored:
    ticks = set(answer.options or ()) - {NONE} if answer else set()
    positions = range(NONE + 1, len(item.options) + 1)
    ratings = {p: judge.rate((item.options[p - 1].clauses,), int(p in ticks)) for p in positions}
    held = {p for p in positions if ratings[p].level}
    if answer is None and not held:
        return Scored(item, "missing", ratings=ratings)
    told = None if answer is None or held == ticks else Conflict(_listed(ticks), _listed(held), False)
    options, notes = _dependent(item, held, judge)
    origins = {ratings[p].origin for p in held | ticks}
    origin: Origin = "supported" if origins & {"measured", "supported"} else "declared"
    return Scored(
        item,
        "measured" if origins == {"measured"} else origin,
        options=tuple(sorted(options)) or (NONE,),
        points=boxes(item, options, judge.settings),
        ratings=ratings,
        conflict=told,
        notes=notes,
    )


def boxes(item: Item, options: set[int], settings: Mapping[str, Setting]) -> Fraction:
    """Points of several choices, 无 not among them: an equal part for each, or in item 4 a platform's rounding."""
    if item.no == "4" and settings.get("item4_points") == "platform":
        return Fraction(7 * len(options) + 2 * (HUMAN_RESOURCES in options))
    return Fraction(len(options) * 100, len(item.options) - 1)


def _listed(positions: set[int]) -> dict[str, object]:
    return {"options": sorted(positions) or [NONE]}


def _dependent(item: Item, held: set[int], judge: Judge) -> tuple[set[int], tuple[Words, ...]]:
    """The options that count; under a switch, full coverage (item 1) only with those before it."""
    needed = set(range(NONE + 1, COVERAGE))
    if item.no != "1" or not judge.settings.get("item1_option4_needs_1_3") or COVERAGE not in held or needed <= held:
        return held, ()
    zh = "第1题：“网络全面覆盖”未计，因前三个选项未全选（开关 item1_option4_needs_1_3）"
    en = "item 1: full coverage does not count without the options before it (switch item1_option4_needs_1_3)"
    return held - {COVERAGE}, (Words(zh, en),)


# -- a level and points ------------------------------------------------------------------------------------------------
def _graded(item: Item, answer: Answer | None, judge: Judge, segments: tuple[Segment, ...]) -> Scored:
    if answer is not None and answer.na:
        return Scored(item, "declared", na=True)
    declared = int(answer.terms["level"]) if answer else 0
    rating = judge.rate(item.levels, declared)
    if answer is not None and rating.level == declared:
        own = _in_segment(Scored(item, rating.origin, options=(declared,), points=answer.terms["points"]), segments)
        return replace(own, terms=answer.terms, ratings={0: rating})
    if answer is None and rating.level == 1 and judge.rate(item.levels, len(item.levels)).cap != 1:
        return Scored(item, "missing", ratings={0: rating})
    return _by_facts(item, answer, rating, segments)


def _in_segment(of: Scored, segments: tuple[Segment, ...]) -> Scored:
    points = of.points or ZERO
    own = [each for each in segments if each.level == of.options[0] and each.start <= points]
    return replace(of, shown={"level": of.options[0], "segment": own[-1].says.zh})


def _by_facts(item: Item, answer: Answer | None, rating: Rating, segments: tuple[Segment, ...]) -> Scored:
    """A level that facts set: it counts with the lower end of its range, and nobody invents points inside."""
    own = [each for each in segments if each.level == rating.level]
    low, high = own[0].start, own[-1].end
    told = None
    if answer is not None:
        told = Conflict(dict(answer.terms), {"level": rating.level, "low": low, "high": high}, False)
    return Scored(
        item,
        "measured",
        options=(rating.level,),
        points=low,
        high=high,
        shown={"level": rating.level, "low": low, "high": high},
        ratings={0: rating},
        conflict=told,
    )
