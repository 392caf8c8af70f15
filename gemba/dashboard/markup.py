"""HTML as text: everything that comes from a document is escaped, and every number is a button that opens its evidence
and carries the document's own value."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from gemba.dashboard.words import EXCLUDED, STATES, kpi, named, say
from kpi.listing import FLAGS, REASONS
from kpi.listing import value as kpi_cell

Document = Mapping[str, Any]
HALF_CIRCLE = 157.08
UNITS = {"m3": "m³", "万m3": "万m³"}  # as they are printed
COUNT = re.compile(r"<button|[0-9.,]+( %| h)?$")


def text(words: object) -> str:
    return escape(str(words), quote=True)


def number(shown: str, raw: object, path: str, label: str, unread: bool = False) -> str:
    """`path` is where the page's documents have it; `raw` is what stands there."""
    unknown = " unknown" if raw is None or unread else ""
    return (
        f'<button type="button" class="num{unknown}" aria-haspopup="dialog" data-evidence="{text(path)}" '
        f'data-value="{text(json.dumps(raw))}" aria-label="{text(f"{label}: {shown}")}">{text(shown)}</button>'
    )


def measured(told: Document, path: str, whose: str, lang: str) -> str:
    """A KPI."""
    name, shown = f"{whose} {kpi(str(told['kpi']), lang)}", kpi_cell(told, lang)
    if told["value"] is None:
        shown = shown.replace(" %", "\N{NO-BREAK SPACE}%")  # bounds, which may break only between them
    return number(shown, told["value"], path, name)


def percent(value: float | None, reason: str | None, lang: str) -> str:
    if value is None:
        return named(reason or "no_data", REASONS, lang)
    return f"{value * 100:.2f} %"


def amount(value: float | None, unit: str, lang: str) -> str:
    if value is None:
        return named("no_data", REASONS, lang)
    shown = f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
    return f"{shown} {UNITS.get(unit, unit)}".strip()


def plain(value: float) -> str:
    """A reading: all of its digits that mean something, never an exponent below a million millions."""
    return f"{value:,.12g}" if abs(value) >= 1e5 else f"{value:,.6g}"


def hours(ms: float) -> str:
    return f"{ms / 3_600_000:,.2f} h"


def state(name: str, lang: str) -> str:
    """A mark with its word: never colour alone."""
    return f'<span class="state s-{text(name)}">{text(named(name, STATES, lang))}</span>'


def flags(names: Iterable[str], lang: str) -> str:
    return "; ".join(text(named(name, FLAGS, lang)) for name in dict.fromkeys(names))


def reason(name: str, lang: str) -> str:
    """Why something was not measured or not counted."""
    return named(name, EXCLUDED, lang)


def age(seconds: float | None) -> str:
    if seconds is None:
        return "—"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def table(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], wide: Sequence[int] = (), shape: str = ""
) -> str:
    """Cells are HTML, the first of each row heads it; columns named in `wide` stand only where there is room, and those
    that hold numbers end at the right. Of the shape `stack`, cells stand below one another on a telephone. Heads alone
    would say nothing."""
    lines = list(rows)
    if not lines:
        return '<p class="quiet">—</p>'
    counted = {i for line in lines for i, cell in enumerate(line) if i and COUNT.match(cell)}

    def kind(place: int) -> str:
        names = [name for name, found in (("wide", place in wide), ("right", place in counted)) if found]
        return f' class="{" ".join(names)}"' if names else ""

    def named_by(place: int) -> str:
        return f' data-head="{text(heads[place])}"' if shape else ""

    top = "".join(f'<th scope="col"{kind(i)}>{text(head)}</th>' for i, head in enumerate(heads))
    body = []
    for line in lines:
        cells = "".join(f"<td{kind(i)}{named_by(i)}>{cell}</td>" for i, cell in enumerate(line) if i)
        body.append(f'<tr><th scope="row">{line[0]}</th>{cells}</tr>')
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{text(caption)}"><table class="{shape}">'
        f'<caption class="quiet">{text(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def section(title: str, body: str, kind: str = "") -> str:
    return f'<section class="card {kind}"><h2>{text(title)}</h2>{body}</section>'


def tiles(found: Iterable[tuple[str, str]], kind: str = "") -> str:
    """Names, and HTML under each."""
    cells = "".join(f'<div class="tile"><p class="quiet">{text(name)}</p>{cell}</div>' for name, cell in found)
    return f'<div class="tiles {kind}">{cells}</div>'


def gauge(told: Document, path: str, key: str, lang: str) -> str:
    """A rate as an arc, below it how many of how many, and of which days."""
    name, value = kpi(key, lang), told["value"]
    filled = 0.0 if value is None else HALF_CIRCLE * min(1.0, value)
    shown = percent(value, told["reason"], lang)
    arc = (
        '<svg viewBox="0 0 120 66" aria-hidden="true"><path class="back" d="M10 60 A50 50 0 0 1 110 60"/>'
        f'<path class="fill" d="M10 60 A50 50 0 0 1 110 60" stroke-dasharray="{filled:.1f} 400"/></svg>'
    )
    counts = [("—" if told[part] is None else str(told[part])) for part in ("numerator", "denominator")]
    counted = "counted_processes" if key == "key_process_nc" else "devices"
    under = f"{counts[0]} {say('of', lang)} {counts[1]} {say(counted, lang)}"
    return (
        f'<div class="gauge">{arc}{number(shown, value, path, name)}'
        f"<p>{text(name)}</p><p class='quiet'>{text(under)}</p></div>"
    )
