"""The evidence of a number: everything that its document says of it, found by the path of the number in the page's
documents."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gemba.dashboard.markup import Document, flags, hours, reason, text
from gemba.dashboard.words import ORIGINS, ROLES, STATES, STATUS, named, say
from kpi.forms.wording import TIMES

ORDER = ("value", "low", "high", "unit", "coverage", "reason", "flags", "numerator", "denominator", "terms")
SHARES = ("value", "low", "high", "coverage")
PARTS = frozenset(("rows", "assets", "lines", "workshops", "items", "scenes", "gaps", "carriers"))
NAMED = {
    **dict.fromkeys(("origin", "basis"), ORIGINS),
    **dict.fromkeys(("status", "factor_status"), STATUS),
    "role": ROLES,
    "state": STATES,
}
SELF = ("asset", "clause", "name", "scene", "reason")  # what needs no name of its own in a line
LONG = 12  # lines that are shown at once


def at(documents: Mapping[str, Any], path: str) -> Document | None:
    """What stands at `name/key/0/key`; None where nothing does."""
    found: Any = documents
    for part in path.split("/"):
        if isinstance(found, Mapping) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found if isinstance(found, Mapping) else None


def shown(told: Document, path: str, title: str, lang: str) -> str:
    """As the inside of the dialog. The rows of a whole document stand on the page, and open by themselves."""
    whole = "/" not in path
    keys = [key for key in ORDER if key in told] + [key for key in told if key not in ORDER and key != "kpi"]
    kept = [key for key in keys if not (whole and key in PARTS) and not (key == "reason" and told[key] is None)]
    close = f'<button type="button" class="tool" data-close>{text(say("close", lang))}</button>'
    head = f'<div class="head"><h2 id="evidence-title">{text(title)}</h2>{close}</div>'
    timed = path.endswith(("/time_ms", "/terms"))
    rows = "".join(_row(key, told, lang, timed) for key in kept)
    return f'{head}<table class="free"><tbody>{rows}</tbody></table>'


def _row(key: str, told: Document, lang: str, timed: bool) -> str:
    value = told[key]
    cell = _cell(key, value, lang)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if key == "coverage" or (key in SHARES and told.get("unit") == "1"):
            cell += f' <span class="quiet">{value * 100:.2f} %</span>'
        elif timed and (key in TIMES or key in STATES):
            cell += f' <span class="quiet">{hours(value)}</span>'
    return f'<tr><th scope="row">{text(_word(key, lang))}</th><td data-of="{text(key)}">{cell}</td></tr>'


def _word(key: str, lang: str) -> str:
    said = say(key, lang)
    if said != key:
        return said
    from kpi.forms.workbook_evidence import WORDS
    from kpi.forms.workbook_scores import CHECKS

    return next((words[key][lang != "zh"] for words in (WORDS, CHECKS) if key in words), key)


def _cell(key: str, value: Any, lang: str) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return say("yes" if value else "no", lang)
    if key == "reason":
        return f"{text(reason(str(value), lang))} <code>{text(value)}</code>"
    if key in NAMED and isinstance(value, str):
        return text(named(value, NAMED[key], lang))
    if key == "flags" and value:
        return f"{flags(value, lang)} <code>{text(' '.join(value))}</code>"
    if isinstance(value, Mapping):
        lines = [_term(str(k), v, lang, key in ("terms", "inputs")) for k, v in value.items()]
        return "".join(lines) if key == "evidence" else _folded(lines, lang)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _listed(value, lang)
    return text(_plain(value))


def _listed(values: Sequence[Any], lang: str) -> str:
    """Words and numbers behind one another, documents below one another."""
    if any(isinstance(each, Mapping | list) for each in values):
        return _folded([f"<div>{_line(each, lang)}</div>" for each in values], lang)
    told = ", ".join(text(_plain(each)) for each in values)
    return (
        _folded([told], lang) if 0 < len(values) <= LONG else _folded([f"<div>{text(v)}</div>" for v in values], lang)
    )


def _term(key: str, value: Any, lang: str, timed: bool) -> str:
    """One of several: a number with what it is, anything deeper below its own name."""
    word = _word(key, lang)
    if isinstance(value, Mapping | list) and value:
        return f'<div>{text(word)}<div class="deep">{_cell(key, value, lang)}</div></div>'
    if timed and key in TIMES and isinstance(value, int | float):
        spoken = hours(value) if word == key else f"{hours(value)} · {text(word)}"
        return f'<div>{text(key)} = <code>{text(value)}</code> <span class="quiet">{spoken}</span></div>'
    return f"<div>{text(word)} = <code>{_cell(key, value, lang)}</code></div>"


def _line(value: Any, lang: str) -> str:
    """What stands in a list: a document in one line, and what it holds itself below when it is opened."""
    if not isinstance(value, Mapping):
        return text(_plain(value))
    parts, deep = [], []
    for key, part in value.items():
        if part in (None, [], {}):
            continue
        word = _word("source_line" if key == "line" and isinstance(part, int) else key, lang)
        told = text(reason(part, lang)) if key == "reason" else _cell(key, part, lang)
        if isinstance(part, Mapping):
            deep.append(f'<details><summary>{text(word)}</summary><div class="deep">{told}</div></details>')
        else:
            parts.append(told if key in SELF else f"{text(word)} {told}")
    return " · ".join(parts) + "".join(deep)


def _folded(lines: Sequence[str], lang: str) -> str:
    """A long list opens when it is asked to."""
    if not lines:
        return say("none", lang)
    if len(lines) <= LONG:
        return "".join(lines)
    return f"<details><summary>{len(lines)}</summary>{''.join(lines)}</details>"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
