"""One answer of an answer file, by the kind of its item: options, numbers by name, or a level with its points."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from fractions import Fraction

from config.cursor import Cursor, Incomplete, Reject, mapping
from config.document import Node
from config.template import Item, Segment, Setting, Template
from config.values import fraction, not_negative, share
from kpi.forms.declared import Answer

NOT_APPLICABLE = ("na", "不涉及", "不涉及此环节")
YEARS = 3


def entry(template: Template, item: Item, settings: Mapping[str, Setting], cursor: Cursor) -> Answer | None:
    """The answer to one item; None where it was left blank. Raises Reject."""
    if blank(cursor.node):
        return None
    if cursor.node.text in NOT_APPLICABLE:
        if item.not_applicable:
            return Answer(na=True)
        allowed = ", ".join(each.no for each in template.items if each.not_applicable)
        do = f"only items {allowed} may be na" if allowed else "leave the item out"
        raise Reject("不涉及 is not allowed here", do)
    if item.answer == "graded":
        return _graded(template.segments, settings, cursor)
    if item.answer == "links":
        return _links(item, settings, cursor)
    return KINDS[item.answer](item, cursor)


def blank(node: Node) -> bool:
    """Nothing was filled in. An empty list of options is an answer, an empty list of amounts is not."""
    return node.value is None or (isinstance(node.value, dict) and all(map(_empty, node.value.values())))


def _empty(node: Node) -> bool:
    return node.value == [] or blank(node)


# -- options -----------------------------------------------------------------------------------------------------------
def plain(label: str) -> str:
    """A label without what typing changes: full and half width, white space, a star."""
    return "".join(unicodedata.normalize("NFKC", label).split()).rstrip("*").casefold()


def position(labels: Iterable[tuple[str, ...]], what: str, cursor: Cursor) -> int:
    """The position, from 1, that a number or a label names. Raises Reject."""
    rows = [[plain(label) for label in row] for row in labels]
    value = cursor.node.value
    written = cursor.node.text
    if isinstance(value, bool | list | dict) or value is None:
        raise Reject(
            f"must be an {what}" if what[0] in "aeiou" else f"must be a {what}",
            f"write a position from 1 to {len(rows)}, or a label of the form",
        )
    if written.strip().isdecimal():
        if 1 <= int(written) <= len(rows):
            return int(written)
        raise Reject(f"no such {what}", f"positions are 1 to {len(rows)}")
    for place, row in enumerate(rows, 1):
        if plain(written) in row:
            return place
    near = get_close_matches(plain(written), [label for row in rows for label in row], 1)
    found = next((row[0] for row in labels if near and near[0] in map(plain, row)), "")
    raise Reject(f"no such {what}", f"did you mean `{found}`?" if found else f"positions are 1 to {len(rows)}")


def _option(item: Item, cursor: Cursor) -> int:
    return position([(option.label.zh, option.label.en) for option in item.options], "option", cursor)


def _choices(item: Item, cursor: Cursor) -> Answer:
    cursors = cursor.items() if isinstance(cursor.node.value, list) else [cursor]
    ticked: list[int] = []
    for each in cursors:
        place = _option(item, each) if each is cursor else each.parsed(lambda c: _option(item, c), None)
        if place is None:
            continue
        if place in ticked:
            each.fault("the option stands twice", "keep one of them", each.shown())
        else:
            ticked.append(place)
    if len(ticked) < len(cursors):
        raise Incomplete
    if 1 in ticked and len(ticked) > 1:
        none = item.options[0].label.zh
        got = "[" + ", ".join(map(str, ticked)) + "]"
        raise Reject(f"{none} stands with another option", f"leave {none} out, or write [] alone", got)
    return Answer(tuple(sorted(ticked)) or (1,))


def _choice(item: Item, cursor: Cursor) -> Answer:
    value = cursor.node.value
    if isinstance(value, list):
        if len(value) != 1:
            raise Reject("one choice is asked", "write one position or label")
        cursor = cursor.items()[0]
    return Answer((_option(item, cursor),))


def _links(item: Item, settings: Mapping[str, Setting], cursor: Cursor) -> Answer:
    if not isinstance(cursor.node.value, dict):
        return _choice(item, cursor)
    links = cursor.need("links", whole)
    cursor.close(("links",))
    if links is None:
        raise Incomplete
    if links > settings["item5_links"]:  # type: ignore[operator]
        raise Reject(f"there are {settings['item5_links']} business links", "count them again", str(links))
    return Answer(terms={"links": links})


# -- numbers -----------------------------------------------------------------------------------------------------------
def whole(cursor: Cursor) -> Fraction:
    value = fraction(cursor)
    if value < 0 or value.denominator != 1:
        raise Reject("must be a whole number, not negative")
    return value


def _percent(cursor: Cursor) -> Fraction:
    value = not_negative(cursor)
    if value > 100:
        raise Reject("must be a percentage from 0 to 100", "write 96.2 for 96.2 %")
    return value


def _named(cursor: Cursor, names: Iterable[str], parse: Callable[[Cursor], Fraction]) -> dict[str, Fraction]:
    """The numbers of a mapping, all of them needed. Raises Reject where one is wrong."""
    mapping(cursor)
    found = {name: cursor.need(name, parse) for name in names}
    cursor.close(found)
    terms = {name: value for name, value in found.items() if value is not None}
    if len(terms) < len(found):
        raise Incomplete
    return terms


def _rate(item: Item, cursor: Cursor) -> Answer:
    if not isinstance(cursor.node.value, dict):
        return _choice(item, cursor)
    part, total = item.of
    terms = _named(cursor, (total, part), whole)
    if terms[part] > terms[total]:
        raise Reject(f"`{part}` is more than `{total}`", "count them again", f"{terms[part]} of {terms[total]}")
    return Answer(terms=terms)


def _amounts(item: Item, cursor: Cursor) -> Answer:
    terms = _named(cursor, item.of, not_negative)
    total, part = item.of
    if terms[part] > terms[total]:
        got = f"{shown(terms[part])} of {shown(terms[total])}"
        raise Reject(f"`{part}` is more than `{total}`", f"`{total}` includes `{part}`", got)
    return Answer(terms=terms)


def _spend(item: Item, cursor: Cursor) -> Answer:
    if not isinstance(cursor.node.value, dict):
        return _choice(item, cursor)
    if "ratio" in cursor.node.value:
        return Answer(terms=_named(cursor, ("ratio",), share))
    spend, revenue = (cursor.need(name, _years) for name in item.of)
    cursor.close((*item.of, "ratio"))
    if spend is None or revenue is None:
        raise Incomplete
    if len(spend) != len(revenue):
        got = f"{len(spend)} and {len(revenue)} years"
        raise Reject("`spend` and `revenue` must be of the same years", "write as many of one as of the other", got)
    if sum(spend) > sum(revenue):
        got = f"{shown(sum(spend))} of {shown(sum(revenue))}"
        raise Reject("`spend` is more than `revenue`", "both are amounts in 万元", got)
    years = enumerate(zip(spend, revenue, strict=True), 1)
    return Answer(terms={f"{name}.{y}": value for y, pair in years for name, value in zip(item.of, pair, strict=True)})


def _years(cursor: Cursor) -> list[Fraction]:
    cursors = cursor.items() if isinstance(cursor.node.value, list) else [cursor]
    if not 1 <= len(cursors) <= YEARS:
        raise Reject(f"must be the amounts of one to {YEARS} years", "write [300, 320, 310]")
    found = [not_negative(each) if each is cursor else each.parsed(not_negative, None) for each in cursors]
    years = [amount for amount in found if amount is not None]
    if len(years) < len(found):
        raise Incomplete
    return years


def shown(value: Fraction | int) -> str:
    return f"{float(value):.10g}"


# -- two times ---------------------------------------------------------------------------------------------------------
def _change(item: Item, cursor: Cursor) -> Answer:
    if not isinstance(cursor.node.value, dict):
        return _choice(item, cursor)
    return _pair(item, cursor, ("before", "after"), _percent)


def _comparison(item: Item, cursor: Cursor) -> Answer:
    if not isinstance(cursor.node.value, dict):
        raise Reject("must be a mapping of `base` and `now`", "write {base: …, now: …}")
    return _pair(item, cursor, ("base", "now"), share if item.share else not_negative)


def _pair(item: Item, cursor: Cursor, sides: tuple[str, str], parse: Callable[[Cursor], Fraction]) -> Answer:
    terms: dict[str, Fraction] = {}
    for side in sides:
        found = cursor.need(side, lambda c: _side(item, c, parse))
        terms |= {f"{side}.{name}" if name else side: value for name, value in (found or {}).items()}
    cursor.close(sides)
    return Answer(terms=terms)


def _side(item: Item, cursor: Cursor, parse: Callable[[Cursor], Fraction]) -> dict[str, Fraction]:
    """One side: a number where the item has one, else numbers by name, of which the measured ones may be left out.
    Revenue may too, where another item has it; the file as a whole sees to that."""
    ratio = item.answer == "comparison" or len(item.of) == 1
    if ratio and not (item.of[1:] and isinstance(cursor.node.value, dict)):
        return {"": parse(cursor)}
    mapping(cursor)
    terms: dict[str, Fraction] = {}
    for name in item.of:
        left_out = name in item.measurable_terms or name == "revenue"
        value = cursor.take(name, not_negative) if left_out else cursor.need(name, not_negative)
        if value is not None:
            terms[name] = value
    cursor.close(item.of)
    return terms


# -- levels ------------------------------------------------------------------------------------------------------------
def _graded(segments: tuple[Segment, ...], settings: Mapping[str, Setting], cursor: Cursor) -> Answer:
    mapping(cursor)
    highest = max(segment.level for segment in segments)
    level = cursor.need("level", whole)
    if level is not None and not 1 <= level <= highest:
        cursor.spot("level").fault(f"must be a level from 1 to {highest}", "", str(level))
        level = None
    points = Fraction(0) if level == 1 and cursor.child("points") is None else cursor.need("points", not_negative)
    cursor.close(("level", "points"))
    if level is None or points is None:
        raise Incomplete
    fits, range_ = fitting(segments, int(level), points, settings.get("points_100") == "refuse")
    if not fits:
        cursor.spot("points").fault("the points do not fit the level", f"level {level} has {range_}", shown(points))
        raise Incomplete
    return Answer(terms={"level": level, "points": points})


def fitting(segments: tuple[Segment, ...], level: int, points: Fraction, short: bool) -> tuple[bool, str]:
    """Whether the points lie in the level's segments, and these in words. Only the last one may hold its end."""
    own = [segment for segment in segments if segment.level == level]
    first, last = own[0], own[-1]
    if first.start == last.end:
        return points == first.start, f"exactly {first.start}"
    closed = last is segments[-1] and not short
    low = points > first.start if first.open else points >= first.start
    high = points <= last.end if closed else points < last.end
    words = f"{'above' if first.open else 'from'} {first.start} {'to' if closed else 'to below'} {last.end}"
    return low and high, words


def _share(item: Item, cursor: Cursor) -> Answer:
    return Answer(terms={"value": share(cursor)})


def _count(item: Item, cursor: Cursor) -> Answer:
    return Answer(terms={"value": whole(cursor)})


KINDS: Mapping[str, Callable[[Item, Cursor], Answer]] = {
    "choices": _choices,
    "choice": _choice,
    "rate": _rate,
    "spend": _spend,
    "change": _change,
    "amounts": _amounts,
    "share": _share,
    "count": _count,
    "comparison": _comparison,
}
