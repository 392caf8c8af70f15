"""An answer file, read with every fault at once, by item; it scores only as what it says, and nothing is repaired."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TypeVar

from config.cursor import Cursor, Incomplete, Reject, flag, mapping, text
from config.document import Node, parse, read
from config.faults import TemplateError
from config.template import Duration, Scene, Setting, Switch, Template
from config.template_file import load
from config.values import duration, not_negative, share, within
from kpi.forms.declared import Answer, Declared
from kpi.forms.entries import blank, entry, position, shown

T = TypeVar("T")
D = TypeVar("D")

GENERAL = "jiangsu-general-2025"
MATURITY = 5  # levels of GB/T 39116
TIERS = 4


def read_answers(template: Template, path: Path) -> Declared:
    """The answers of a file. Raises TemplateError."""
    node, faults = read(path)
    return _checked(template, True, Cursor(node, str(path), faults))


def parse_answers(template: Template, written: str, name: str = "answers") -> Declared:
    """The answers of a text (YAML or JSON) that came from elsewhere: it may not name files. Raises TemplateError."""
    node, faults = parse(written, name)
    return _checked(template, False, Cursor(node, name, faults))


def _checked(template: Template, files: bool, cursor: Cursor) -> Declared:
    declared = None if cursor.faults else cursor.parsed(partial(_declared, template, files), None)
    if declared is None or cursor.faults:
        raise TemplateError(cursor.faults)
    return declared


def _declared(template: Template, files: bool, cursor: Cursor) -> Declared:
    mapping(cursor)
    named = cursor.take("template", text)
    if named is not None and named != template.id:
        here = cursor.spot("template")
        here.fault("the answers are for another form", f"score them as {named}, or write {template.id}", named)
        raise Incomplete
    settings = template.defaults() | _filled(cursor, "switches", partial(_settings, template), {})
    declared = FORMS[template.family](template, settings, files, cursor)
    cursor.close(("template", "switches", *KEYS[template.family]))
    return declared


def _filled(cursor: Cursor, key: str, parse: Callable[[Cursor], T], default: D) -> T | D:
    """The parsed value of a key; the default where it is absent or left blank."""
    child = cursor.child(key)
    return default if child is None or child.node.value is None else child.parsed(parse, default)


# -- one form each -----------------------------------------------------------------------------------------------------
Settings = Mapping[str, Setting]


def _sme(template: Template, settings: Settings, files: bool, cursor: Cursor) -> Declared:
    items = _filled(cursor, "answers", partial(_items, template, settings), {})
    items = _revenue(items, cursor)
    scenes = _filled(cursor, "scenes", partial(_scenes, template), {})
    return Declared(settings, items, scenes)


def _kpis(template: Template, settings: Settings, files: bool, cursor: Cursor) -> Declared:
    items = _filled(cursor, "answers", partial(_items, template, settings), {})
    return Declared(settings, items)


def _jiangsu(template: Template, settings: Settings, files: bool, cursor: Cursor) -> Declared:
    return Declared(
        settings,
        scenes=_filled(cursor, "scenes", partial(_scenes, template), {}),
        conditions=_filled(cursor, "base", partial(_conditions, template), {}),
        maturity=_filled(cursor, "maturity", within(0, MATURITY), None),
        general=_filled(cursor, "general_score", partial(_general, files), None),
    )


def _national(template: Template, settings: Settings, files: bool, cursor: Cursor) -> Declared:
    return Declared(
        settings,
        sections=_filled(cursor, "sections", partial(_sections, template), {}),
        conditions=_filled(cursor, "declared", partial(_conditions, template), {}),
        maturity=_filled(cursor, "maturity", within(0, MATURITY), None),
        ai_scene_ratio=_filled(cursor, "ai_scene_ratio", share, None),
    )


FORMS = {"sme": _sme, "kpis": _kpis, "index": _kpis, "jiangsu": _jiangsu, "national": _national}
KEYS = {
    "sme": ("answers", "scenes"),
    "kpis": ("answers",),
    "index": ("answers",),
    "jiangsu": ("general_score", "maturity", "scenes", "base"),
    "national": ("maturity", "sections", "ai_scene_ratio", "declared"),
}


# -- items -------------------------------------------------------------------------------------------------------------
def _items(template: Template, settings: Settings, cursor: Cursor) -> dict[str, Answer]:
    known = {item.no: item for item in template.items}
    found: dict[str, Answer] = {}
    for key, child in cursor.children():
        item = known.get(key)
        if item is None:
            at = cursor.node.keys[key]
            child.fault("no such item", f"items are 1 to {len(known)}", key, at)
            continue
        answer = child.parsed(partial(entry, template, item, settings), None)
        if answer is not None:
            found[key] = answer
    return found


def _revenue(items: Mapping[str, Answer], cursor: Cursor) -> dict[str, Answer]:
    """The form asks revenue once, in item 14: others that need it may leave it out, and 15 may not contradict it. Where
    energy is measured that is all item 12 needs, which may then be left out itself."""
    found = dict(items)
    asked = items["14"].terms if "14" in items else {}
    revenue = {name: value for name, value in asked.items() if name.endswith(".revenue")}
    if revenue and "12" not in items and cursor.spot("answers", "12").path != "answers.12":
        found["12"] = Answer(terms=revenue)
    wrong = "14" not in items and cursor.spot("answers", "14").path == "answers.14"  # has faults of its own
    for no in ("12", "15"):
        if no not in items or items[no].options is not None:
            continue
        terms = dict(items[no].terms)
        for side in ("before", "after"):
            name, here = f"{side}.revenue", cursor.spot("answers", no, side)
            if name not in terms and name in asked:
                terms[name] = asked[name]
            elif name not in terms and not wrong and _left_out(here.node):
                here.fault("`revenue` is missing", "add `revenue:`, or answer item 14")
            elif no == "15" and terms.get(name) != asked.get(name, terms.get(name)):
                got = f"{shown(terms[name])}, item 14 has {shown(asked[name])}"
                here.spot("revenue").fault("items 14 and 15 state different revenue of one year", "correct one", got)
        found[no] = Answer(terms=terms)
    return found


def _left_out(side: Node) -> bool:
    """Revenue was not written; what was written and is wrong has its fault already."""
    return isinstance(side.value, dict) and "revenue" not in side.value


# -- scenes, sections, conditions --------------------------------------------------------------------------------------
def _scenes(template: Template, cursor: Cursor) -> dict[int, int]:
    labels = [(scene.name, scene.en, *scene.also) for scene in template.scenes]
    found: dict[int, int] = {}
    names: dict[int, str] = {}
    for key, child in cursor.children():
        at = cursor.node.keys[key]
        try:
            no = position(labels, "scene", Cursor(Node(key, at, {}, key), cursor.file, []))
        except Reject as reject:
            child.fault(reject.what, reject.do, key, at)
            continue
        if no in found:
            child.fault("the scene stands twice", "keep one of them", f"{names[no]} and {key}", at)
            continue
        names[no] = key
        found[no] = _filled_level(template, template.scenes[no - 1], child)
    return found


def _filled_level(template: Template, scene: Scene, cursor: Cursor) -> int:
    return 0 if blank(cursor.node) else cursor.parsed(partial(_level, template, scene), 0)


def _level(template: Template, scene: Scene, cursor: Cursor) -> int:
    """Raises Reject, also for a level whose cell is "/"."""
    level = int(cursor.node.text) if cursor.node.text.isdecimal() else TIERS + 1
    if level > TIERS:
        raise Reject(f"must be a level from 0 to {TIERS}")
    if level and scene.levels[level - 1] is None:
        first = next(n for n, clauses in enumerate(scene.levels, 1) if clauses is not None)
        name = template.tiers[level].says.zh
        raise Reject(f'{name} may not be declared here, its cell is "/"', f"declare {first} or more, or 0")
    return level


def _sections(template: Template, cursor: Cursor) -> dict[str, int]:
    known = {section.name: section for section in template.sections}
    found: dict[str, int] = {}
    for key, child in cursor.children():
        if key not in known:
            child.fault("no such section", f"sections are {', '.join(known)}", key, cursor.node.keys[key])
        else:
            found[key] = _filled_level(template, known[key], child)
    return found


def _conditions(template: Template, cursor: Cursor) -> dict[str, bool]:
    mapping(cursor)
    found = {each.name: _filled(cursor, each.name, flag, None) for each in template.conditions}
    cursor.close(found)
    return {name: value for name, value in found.items() if value is not None}


def _general(files: bool, cursor: Cursor) -> "Fraction | Declared":
    """A score, or the path of an answer file of the general index, whose faults are its own."""
    if isinstance(cursor.node.value, str):
        if not files:
            raise Reject("must be a number here", "give the score itself")
        try:
            return read_answers(load(GENERAL), cursor.folder / cursor.node.value)
        except TemplateError as error:
            cursor.faults.extend(error.faults)
            raise Incomplete from None
    score = not_negative(cursor)
    if score > 100:
        raise Reject("must be a score from 0 to 100, or the path of an answer file")
    return score


# -- switches ----------------------------------------------------------------------------------------------------------
def _settings(template: Template, cursor: Cursor) -> dict[str, Setting]:
    mapping(cursor)
    found = {switch.name: _filled(cursor, switch.name, partial(_setting, switch), None) for switch in template.switches}
    cursor.close(found)
    return {name: value for name, value in found.items() if value is not None}


def _setting(switch: Switch, cursor: Cursor) -> Setting:
    """A value of the kind of the switch's default. Raises Reject."""
    if switch.of:
        value: Setting = not_negative(cursor) if isinstance(switch.default, Fraction) else text(cursor)
        if value not in switch.of:
            raise Reject(f"must be one of {', '.join(map(str, switch.of))}")
        return value
    if isinstance(switch.default, bool):
        return flag(cursor)
    if isinstance(switch.default, Duration):
        return Duration(duration(cursor), text(cursor))
    return not_negative(cursor)
