"""The evidence of a number: everything that its document says of it, found by the path of the number in the page's
documents."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gemba.dashboard.markup import Document, text
from gemba.dashboard.words import kpi, named, say
from kpi.listing import REASONS

ORDER = ("value", "low", "high", "unit", "coverage", "reason", "flags", "numerator", "denominator", "terms")
LONG = 12  # names in a list that are shown at once


def at(documents: Mapping[str, Document], path: str) -> Document | None:
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


def shown(told: Document, path: str, lang: str) -> str:
    """As the inside of the dialog."""
    last = path.rsplit("/", maxsplit=1)[-1]
    title = kpi(str(told["kpi"]), lang) if "kpi" in told else say(str(told.get("carrier") or last), lang)
    keys = [key for key in ORDER if key in told] + [key for key in told if key not in ORDER and key != "kpi"]
    rows = "".join(_row(key, told[key], lang) for key in keys)
    close = f'<button type="button" class="tool" data-close>{text(say("close", lang))}</button>'
    head = f'<div class="head"><h2 id="evidence-title">{text(say("evidence", lang))}: {text(title)}</h2>{close}</div>'
    return f'{head}<table class="free"><tbody>{rows}</tbody></table>'


def _row(key: str, value: Any, lang: str) -> str:
    return (
        f'<tr><th scope="row">{text(say(key, lang))}</th><td data-of="{text(key)}">{_cell(key, value, lang)}</td></tr>'
    )


def _cell(key: str, value: Any, lang: str) -> str:
    if value is None:
        return "—"
    if key == "reason":
        return f"{text(named(str(value), REASONS, lang))} <code>{text(value)}</code>"
    if isinstance(value, bool):
        return say("yes" if value else "no", lang)
    if isinstance(value, Mapping):
        return (
            "".join(f"<div>{text(say(str(k), lang))} = <code>{text(_plain(v))}</code></div>" for k, v in value.items())
            or "—"
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _listed(value, lang)
    return text(_plain(value))


def _listed(values: Sequence[Any], lang: str) -> str:
    if not values:
        return say("none", lang)
    lines = list(_lines(values))
    if len(lines) <= LONG:
        return "<br>".join(map(text, lines))
    return f"<details><summary>{len(lines)}</summary>{'<br>'.join(map(text, lines))}</details>"


def _lines(values: Sequence[Any]) -> Iterator[str]:
    for value in values:
        yield ": ".join(str(part) for part in value.values()) if isinstance(value, Mapping) else _plain(value)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
