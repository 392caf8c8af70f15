"""Reads the shipped forms, checked like a plant file: every fault at once, and none is repaired."""

from collections.abc import Callable
from fractions import Fraction
from functools import cache, partial
from math import prod
from pathlib import Path
from typing import Literal, TypeVar, cast, get_args

from config.cursor import Cursor, Reject, choice, flag, integer, mapping, text
from config.document import read
from config.faults import Fault, TemplateError
from config.template import (
    ANSWERS,
    Basis,
    Better,
    Clause,
    Clauses,
    Condition,
    Duration,
    Family,
    Item,
    Levels,
    Option,
    Scene,
    Segment,
    Setting,
    Source,
    Switch,
    Template,
    Tier,
    Words,
)
from config.values import duration, not_negative, sequence, share, within

T = TypeVar("T")

FOLDER = Path(__file__).parent / "templates"
TEMPLATES = ("sme-2024", "factory-kpi-2025", "factory-2025", "jiangsu-general-2025", "jiangsu-factory-2025")
NOTHING = Words("", "")


@cache
def load(name: str) -> Template:
    """One of the shipped forms. Raises TemplateError for an unknown name."""
    if name not in TEMPLATES:
        raise TemplateError([Fault(name, 0, "", "no such template", None, f"there are {', '.join(TEMPLATES)}")])
    return load_file(FOLDER / f"{name}.yaml")


def load_file(path: Path) -> Template:
    """A form from a file of its own. Raises TemplateError with every fault."""
    root, faults = read(path)
    cursor = Cursor(root, str(path), faults)
    template = cursor.parsed(_template, None)
    if template is not None:
        _references(cursor, template)
    if template is None or cursor.faults:
        raise TemplateError(cursor.faults)
    return template


def _template(cursor: Cursor) -> Template:
    mapping(cursor)
    switches = cursor.take("switches", _switches, ())
    template = Template(
        id=cursor.need("id", text) or "",
        version=cursor.need("version", text) or "",
        family=cast(Family, cursor.need("family", choice(*get_args(Family))) or "sme"),
        title=cursor.need("title", _words) or NOTHING,
        source=cursor.need("source", _source) or Source("", "", ""),
        switches=switches,
        tiers=cursor.take("levels", _numbered(_tier, 0), ()),
        dimensions=cursor.take("dimensions", sequence(_named), ()),
        items=cursor.take("items", _numbered(_item, 1), ()),
        scenes=cursor.take("scenes", _numbered(_scene, 1), ()),
        sections=cursor.take("sections", _numbered(_scene, 1), ()),
        conditions=cursor.take("conditions", sequence(_condition), ()),
        segments=cursor.take("segments", sequence(_segment), ()),
    )
    cursor.close()
    return template


def _numbered(parse: Callable[[Cursor, int], T], first: int) -> Callable[[Cursor], tuple[T, ...]]:
    """A list whose items know their number."""

    def parse_all(cursor: Cursor) -> tuple[T, ...]:
        found = [item.parsed(partial(_at, parse, no), None) for no, item in enumerate(cursor.items(), first)]
        return tuple(item for item in found if item is not None)

    return parse_all


def _at(parse: Callable[[Cursor, int], T], no: int, cursor: Cursor) -> T:
    return parse(cursor, no)


# -- parts -------------------------------------------------------------------------------------------------------------
def _words(cursor: Cursor) -> Words:
    words = _says(cursor)
    cursor.close()
    return words


def _named(cursor: Cursor) -> Words:
    words = _name(cursor)
    cursor.close()
    return words


def _name(cursor: Cursor) -> Words:
    mapping(cursor)
    return Words(cursor.need("name", text) or "", cursor.need("en", text) or "")


def _says(cursor: Cursor) -> Words:
    mapping(cursor)
    return Words(cursor.need("zh", text) or "", cursor.need("en", text) or "")


def _source(cursor: Cursor) -> Source:
    mapping(cursor)
    source = Source(*(cursor.need(key, text) or "" for key in ("document", "section", "lines")))
    cursor.close()
    return source


def _switches(cursor: Cursor) -> tuple[Switch, ...]:
    found = [(name, child.parsed(mapping, None)) for name, child in cursor.children()]
    return tuple(_switch(name, child) for name, child in found if child is not None)


def _switch(name: str, cursor: Cursor) -> Switch:
    of = cursor.take("of", sequence(_plain), ())
    default = cursor.need("default", _plain if of else _plain_or_duration)
    if default is None:
        default = False
    elif of and default not in of:
        cursor.fault("the default is none of the values", "add it to `of`")
    switch = Switch(name, default, _says(cursor), of)
    cursor.close()
    return switch


def _plain(cursor: Cursor) -> Setting:
    """A flag, a number or a word."""
    value = cursor.node.value
    if isinstance(value, bool):
        return value
    return text(cursor) if isinstance(value, str) else not_negative(cursor)


def _plain_or_duration(cursor: Cursor) -> Setting:
    return Duration(duration(cursor), text(cursor)) if isinstance(cursor.node.value, str) else _plain(cursor)


def _tier(cursor: Cursor, level: int) -> Tier:
    tier = Tier(
        level=level,
        says=_name(cursor),
        line=cursor.take("line", integer, 0),
        score=cursor.take("score", not_negative),
        scenes=cursor.take("scenes", integer),
        binding=cursor.take("binding", integer),
        cover=cursor.take("cover", sequence(text), ()),
        in_principle=cursor.take("in_principle", flag, False),
        maturity=cursor.take("maturity", within(0, 5)),
        ai_scene_ratio=cursor.take("ai_scene_ratio", share),
        general_above=cursor.take("general_above", not_negative),
        suggested_above=cursor.take("suggested_above", not_negative),
    )
    cursor.close()
    return tier


def _condition(cursor: Cursor) -> Condition:
    condition = Condition(
        cursor.need("name", text) or "",
        _says(cursor),
        cursor.need("tiers", sequence(within(1, 4))) or (),
        cursor.need("line", integer) or 0,
    )
    cursor.close()
    return condition


def _segment(cursor: Cursor) -> Segment:
    start, end = cursor.need("from", not_negative), cursor.need("to", not_negative)
    segment = Segment(
        cursor.need("level", within(1, 6)) or 1,
        _says(cursor),
        start or Fraction(0),
        end or Fraction(0),
        cursor.take("open", flag, False),
    )
    cursor.close()
    return segment


# -- items and scenes --------------------------------------------------------------------------------------------------
def _item(cursor: Cursor, no: int) -> Item:
    mapping(cursor)
    line = cursor.need("line", integer) or 0
    title = cursor.need("title", _words) or NOTHING
    weights = cursor.take("weights", sequence(not_negative), ())
    item = Item(
        no=str(no),
        title=title,
        question=cursor.take("question", _words, title),
        answer=cursor.need("answer", choice(*ANSWERS)) or ANSWERS[0],
        line=line,
        measurable=_measurable(cursor),
        dimension=cursor.need("dimension", text) or "",
        weight=prod((part / 100 for part in weights), start=Fraction(1)) if weights else None,
        options=cursor.take("options", sequence(partial(_option, line)), ()),
        levels=cursor.take("levels", partial(_levels, line), ()),
        of=cursor.take("of", sequence(text), ()),
        better=cast(Better | None, cursor.take("better", choice(*get_args(Better)))),
        scale=cursor.take("scale", not_negative, Fraction(1)),
        unit=cursor.take("unit", _words),
        fields=cursor.take("fields", _words),
        share=cursor.take("share", flag, False),
        not_applicable=cursor.take("not_applicable", flag, False),
        measured=cursor.take("measured", text),
        measures=cursor.take("measures", sequence(text), ()),
    )
    cursor.close()
    return item


def _measurable(cursor: Cursor) -> Literal["M", "P", "D"]:
    return cast(Literal["M", "P", "D"], cursor.need("class", choice("M", "P", "D")) or "D")


def _option(line: int, cursor: Cursor) -> Option:
    label = _says(cursor)
    clauses = cursor.take("clauses", partial(_clauses, line), (Clause(label, line),))
    option = Option(label, clauses, cursor.take("to", share))
    cursor.close()
    return option


def _scene(cursor: Cursor, no: int) -> Scene:
    words = _name(cursor)
    line = cursor.take("line", integer, 0)
    scene = Scene(
        no=no,
        name=words.zh,
        en=words.en,
        levels=cursor.take("levels", partial(_levels, line), ()),
        line=line,
        measurable=_measurable(cursor) if "class" in cast(dict[str, object], cursor.node.value) else "D",
        group=cursor.take("group", text, ""),
        section=cursor.take("section", text, ""),
        binding=cursor.take("binding", flag, False),
        also=cursor.take("also", sequence(text), ()),
    )
    cursor.close()
    return scene


def _levels(line: int, cursor: Cursor) -> Levels:
    found = cursor.children()
    if [key for key, _ in found] != [str(level) for level in range(1, len(found) + 1)]:
        raise Reject("levels must be numbered from 1, in order")
    return tuple(child.parsed(partial(_level, line), None) for _, child in found)


def _level(line: int, cursor: Cursor) -> Clauses | None:
    return None if cursor.node.value == "/" else _clauses(line, cursor)


def _clauses(line: int, cursor: Cursor) -> Clauses:
    return sequence(partial(_clause, line))(cursor)


def _clause(line: int, cursor: Cursor) -> Clause:
    says = _says(cursor)
    measured, supported = cursor.take("measured", text), cursor.take("supported", text)
    if measured and supported:
        cursor.fault("a clause is measured or supported, not both", "leave one of them")
    basis: Basis = "measured" if measured else "supported" if supported else "declared"
    clause = Clause(
        says,
        cursor.take("line", integer, line),
        basis,
        measured or supported,
        cursor.take("with", _parameters, ()),
        cursor.take("branch", within(1, 9)),
    )
    if clause.parameters and not clause.rule:
        cursor.fault("`with` belongs to a rule", "add `measured:` or `supported:`")
    cursor.close()
    return clause


def _parameters(cursor: Cursor) -> tuple[tuple[str, Setting], ...]:
    found = [(name, child.parsed(_plain, None)) for name, child in cursor.children()]
    return tuple((name, value) for name, value in found if value is not None)


# -- what must fit together --------------------------------------------------------------------------------------------
def _references(cursor: Cursor, template: Template) -> None:
    sections = {section.name for section in template.sections}
    dimensions = {dimension.zh for dimension in template.dimensions}
    for tier in template.tiers:
        for name in sorted({*tier.cover} - sections):
            cursor.fault("a tier covers a section that is not there", "name one of `sections`", name)
    for scene in template.scenes:
        if scene.section and scene.section not in sections:
            cursor.fault("a scene is in a section that is not there", "name one of `sections`", scene.section)
    for item in template.items:
        if item.dimension not in dimensions:
            cursor.fault("an item has a dimension that is not there", "name one of `dimensions`", item.dimension)
    weights = [item.weight for item in template.items if item.weight is not None]
    if weights and sum(weights) != 1:
        cursor.fault("the weights must sum to 1", "correct `weights`", str(float(sum(weights))))
