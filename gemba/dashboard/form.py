"""A scored form as HTML: its level and score, what was measured beside what was declared, and what the next level
needs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from config.template import Item
from gemba.dashboard.frame import View
from gemba.dashboard.markup import Document, number, percent, reason, section, table, text, tiles
from gemba.dashboard.words import ORIGINS, named
from kpi.forms.declared import Declared
from kpi.forms.form import Form, nested
from kpi.forms.items import Scored
from kpi.forms.wording import answer, conflict, side

GAPS = 12


def shown(view: View, told: Document, of: Form, declared: Declared) -> str:
    scored = told.get("score") is not None
    rated = {each.name: each.says.of(view.lang) for each in (*of.template.scenes, *of.template.sections)}
    parts = [section(view.say("result"), _result(view, told, of))]
    lines = "".join(f'<p class="conflict">{text(conflict(each, view.lang))}</p>' for each in of.items if each.conflict)
    if lines:
        parts.append(section(view.say("conflicts"), lines))
    if of.items:
        parts.append(section(view.say("items"), _items(view, told["items"], of, declared, scored)))
    left, right = [], []
    if told.get("scenes"):
        right.append(section(view.say("scenes"), _scenes(view, told["scenes"], rated)))
    if told.get("sections"):
        left.append(section(view.say("sections"), _sections(view, told["sections"], rated)))
    if told.get("gaps"):
        left.append(section(view.say("gaps"), _gaps(view, [gap["needs"] for gap in told["gaps"]])))
    if told.get("warnings"):
        notes = "".join(f"<li>{text(_plain(note))}</li>" for note in told["warnings"])
        left.append(section(view.say("warnings"), f"<ul>{notes}</ul>"))
    columns = "".join(f"<div>{''.join(column)}</div>" for column in (right, left) if column)
    return "".join(parts) + f'<div class="grid loose">{columns}</div>'


def _result(view: View, told: Document, of: Form) -> str:
    rows = (list(_head(view, told, of)), "big"), (list(_more(view, told, of)), "")
    return "".join(tiles(cells, kind) for cells, kind in rows if cells) + _stands_on(view, told)


def _plain(note: Any) -> str:
    return " ".join(str(part) for part in note.values()) if isinstance(note, Mapping) else str(note)


def _head(view: View, told: Document, of: Form) -> Iterator[tuple[str, str]]:
    """The level and the score, and what they would be otherwise."""
    if of.level is not None:
        yield view.say("level"), number(_tier(of, told["level"], view), told["level"], "form", view.say("level"))
    if told.get("score") is not None:
        yield view.say("score"), number(brief(told["score"]), told["score"], "form", view.say("score"))
        if not told["complete"]:
            yield (
                view.say("at_most"),
                number(brief(told["score_high"]), told["score_high"], "form", view.say("at_most")),
            )
    alone = told["declared"]
    if alone["score"] is not None:
        yield view.say("alone"), number(brief(alone["score"]), alone["score"], "form/declared", view.say("alone"))
    if of.declared_level is not None:
        shown_ = _tier(of, of.declared_level, view)
        yield view.say("alone_level"), number(shown_, alone["level"], "form/declared", view.say("alone_level"))


def _more(view: View, told: Document, of: Form) -> Iterator[tuple[str, str]]:
    """What the level and the score came from."""
    for key in ("level_by_score", "level_by_scenes", "suggested_tier"):
        if told.get(key) is not None:
            yield view.say(key), number(_tier(of, told[key], view), told[key], "form", view.say(key))
    says = {words.zh: words.of(view.lang) for words in of.template.dimensions}
    for name, points in told.get("dimensions", {}).items():
        said = says.get(name, name)
        said = said[:1].upper() + said[1:]
        yield said, number(brief(points), points, "form/dimensions", said)
    missing = sum(each.origin == "missing" for each in of.items)
    if missing:
        yield named("missing", ORIGINS, view.lang).capitalize(), f"<strong>{missing} / {len(of.items)}</strong>"


def _tier(of: Form, level: int, view: View) -> str:
    tiers = of.template.tiers
    said = tiers[level].says.of(view.lang) if 0 <= level < len(tiers) else str(level)
    return said[:1].upper() + said[1:]


def _stands_on(view: View, told: Document) -> str:
    """Of which days, compared with which, by which factors and which register."""
    base, register = told["baseline"], told["register"]
    parts = [
        f"{told['from'][:16].replace('T', ' ')} – {told['to'][:16].replace('T', ' ')}",
        f"{view.say('baseline')}: " + (f"{base['from'][:10]} – {base['to'][:10]}" if base else view.say("none")),
        f"{view.say('factors')}: {told['factors']}",
        f"{view.say('calendar')}: {told['calendar']}",
    ]
    if register:
        parts.append(f"{view.say('register')}: {register['rows']} · {register['sha256'][:12]}")
    return f'<p class="quiet note">{text(view.say("stands_on"))}: {text(" · ".join(parts))}</p>'


def _items(view: View, told: Sequence[Document], of: Form, declared: Declared, scored: bool) -> str:
    rows = []
    for place, (item, each) in enumerate(zip(told, of.items, strict=True)):
        title = f"{item['item']}. {each.item.title.of(view.lang)}"
        origin = item["origin"]
        mark = f'<span class="tag o-{text(origin)}">{text(named(origin, ORIGINS, view.lang))}</span>'
        raw = item["points"] if scored else item.get("value")
        label = named("missing", ORIGINS, view.lang) if raw is None else brief(raw) if scored else _value(item)
        cells = [mark, _measured(view, each), _declared(view, each, declared), text(_answer(each, view.lang))]
        cells.append(number(label, raw, f"form/items/{place}", f"{title} {view.say('points' if scored else 'value')}"))
        if scored:
            cells += [percent(item["weight"], None, view.lang), text(brief(item["contribution"]))]
        rows.append([text(title), *(f'<span class="text">{c}</span>' if i < 4 else c for i, c in enumerate(cells))])
    heads = [
        "item",
        "origin",
        "measured",
        "declared",
        "answer",
        *(("points", "weight", "contribution") if scored else ("value",)),
    ]
    return table(view.say("items"), [view.say(head) for head in heads], rows, (4, 6, 7) if scored else (4,), "stack")


def _answer(of: Scored, lang: str) -> str:
    """What counts: of several choices their positions, which stand beside it in words."""
    return ", ".join(map(str, of.options)) if of.item.answer == "choices" and of.options else answer(of, lang)


def _value(item: Document) -> str:
    value = item["value"]
    return percent(value, None, "en") if item.get("unit") == "1" else brief(value)


def _measured(view: View, of: Scored) -> str:
    """What facts say of an item, and why they do not say more of it."""
    parts = []
    if of.reading.terms:
        parts.append(text(side({"inputs": nested(of.reading.terms)}, view.lang)))
    elif of.item.answer == "choices":
        held = [p for p, rating in of.ratings.items() if rating.level and rating.origin in ("measured", "supported")]
        if held:
            parts.append(_labels(view, of.item, held))
    elif of.ratings and of.ratings[0].cap is not None:
        parts.append(text(f"{view.say('cap')} {of.ratings[0].cap}"))
    if of.reading.reason:
        parts.append(f'<span class="quiet">{text(reason(of.reading.reason, view.lang))}</span>')
    return "<br>".join(parts) or '<span class="quiet">—</span>'


def _declared(view: View, of: Scored, declared: Declared) -> str:
    given = declared.items.get(of.item.no)
    if given is None:
        return '<span class="quiet">—</span>'
    if given.terms:
        return text(side({"inputs": nested(given.terms)}, view.lang))
    if given.options and of.item.options:
        return _labels(view, of.item, given.options)
    if given.options:
        return text(side({"level": given.options[0]}, view.lang))
    return text(answer(of, view.lang) if of.na else view.say("none"))


def _labels(view: View, item: Item, positions: Sequence[int]) -> str:
    labels = (f"{at}. {item.options[at - 1].label.of(view.lang)}" for at in positions)
    return "<br>".join(map(text, labels))


def _sections(view: View, told: Mapping[str, int], names: Mapping[str, str]) -> str:
    rows = []
    for name, level in told.items():
        shown_ = names.get(name, name)
        rows.append([text(shown_), number(str(level), level, "form/sections", f"{shown_} {view.say('level')}")])
    return table(view.say("sections"), [view.say("sections"), view.say("level")], rows)


def _scenes(view: View, told: Sequence[Document], names: Mapping[str, str]) -> str:
    rows = []
    for place, scene in enumerate(told):
        name, level, origin = names.get(scene["scene"], scene["scene"]), scene["level"], scene["origin"]
        opened = number(str(level), level, f"form/scenes/{place}", f"{name} {view.say('level')}")
        mark = f'<span class="tag o-{text(origin)}">{text(named(origin, ORIGINS, view.lang))}</span>'
        rows.append([text(name), opened, text(brief(scene["declared"])), text(brief(scene["cap"])), mark])
    heads = [view.say(head) for head in ("scene", "level", "declared", "cap", "origin")]
    return table(view.say("scenes"), heads, rows, (4,))


def _gaps(view: View, needs: Sequence[str]) -> str:
    """All of them; the first ones at once."""
    first = "".join(f"<li>{text(need)}</li>" for need in needs[:GAPS])
    rest = "".join(f"<li>{text(need)}</li>" for need in needs[GAPS:])
    more = f"<summary>{text(view.say('more'))} ({len(needs) - GAPS})</summary>"
    more = f'<details>{more}<ol start="{GAPS + 1}">{rest}</ol></details>'
    binding = f'<p class="quiet">{text(view.say("binding"))}</p>' if any("*" in need for need in needs) else ""
    return f"<ol>{first}</ol>{more if rest else ''}{binding}"


def brief(value: object) -> str:
    """Two decimals; the document has the others."""
    if isinstance(value, float):
        return f"{value:,.2f}"
    return "—" if value is None else str(value)
