"""HTML as text: everything that comes from a document is escaped, and every number is a button that opens its evidence
and carries the document's own value."""

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from gemba.dashboard.words import STATES, kpi, named, say
from kpi.listing import REASONS
from kpi.listing import value as kpi_cell

Document = Mapping[str, Any]


def text(words: object) -> str:
    return escape(str(words), quote=True)


def number(shown: str, raw: object, path: str, label: str, lang: str) -> str:
    """`path` is where the page's documents have it; `raw` is what stands there."""
    unknown = ' class="num unknown"' if raw is None else ' class="num"'
    spoken = text(f"{label}: {shown}, {say('evidence', lang)}")
    written = text(json.dumps(raw))
    return (
        f'<button type="button"{unknown} data-evidence="{text(path)}" data-value="{written}" aria-label="{spoken}">'
        f"{text(shown)}</button>"
    )


def measured(told: Document, path: str, whose: str, lang: str) -> str:
    """A KPI."""
    name = f"{whose} {kpi(str(told['kpi']), lang)}"
    return number(kpi_cell(told, lang), told["value"], path, name, lang)


def percent(value: float | None, reason: str | None, lang: str) -> str:
    if value is None:
        return named(reason or "no_data", REASONS, lang)
    return f"{value * 100:.2f} %"


def amount(value: float | None, unit: str = "", lang: str = "en") -> str:
    if value is None:
        return named("no_data", REASONS, lang)
    shown = f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
    return f"{shown} {unit}".strip()


def hours(ms: int) -> str:
    return f"{ms / 3_600_000:,.2f} h"


def state(name: str, lang: str) -> str:
    """A mark with its word: never colour alone."""
    return f'<span class="state s-{text(name)}">{text(named(name, STATES, lang))}</span>'


def age(seconds: float | None) -> str:
    if seconds is None:
        return "—"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], wide: Sequence[int] = ()) -> str:
    """Cells are HTML, the first of each row heads it; columns named in `wide` stand only where there is room."""
    narrow = set(wide)

    def kind(place: int) -> str:
        return ' class="wide"' if place in narrow else ""

    top = "".join(f'<th scope="col"{kind(i)}>{text(head)}</th>' for i, head in enumerate(heads))
    body = []
    for row in rows:
        cells = "".join(f"<td{kind(i)}>{cell}</td>" for i, cell in enumerate(row) if i)
        body.append(f'<tr><th scope="row">{row[0]}</th>{cells}</tr>')
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{text(caption)}"><table>'
        f'<caption class="quiet">{text(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def section(title: str, body: str, kind: str = "") -> str:
    return f'<section class="card {kind}"><h2>{text(title)}</h2>{body}</section>'


def gauge(told: Document, path: str, name: str, lang: str) -> str:
    """A rate as an arc, its counts below: how many of how many."""
    value = told["value"]
    length = 157.08  # of the half circle
    filled = 0.0 if value is None else length * min(1.0, value)
    shown = percent(value, told["reason"], lang)
    arc = (
        '<svg viewBox="0 0 120 66" aria-hidden="true"><path class="back" d="M10 60 A50 50 0 0 1 110 60"/>'
        f'<path class="fill" d="M10 60 A50 50 0 0 1 110 60" stroke-dasharray="{filled:.1f} 400"/></svg>'
    )
    counts = [("—" if told[part] is None else str(told[part])) for part in ("numerator", "denominator")]
    under = f"{counts[0]} {say('of', lang)} {counts[1]} {say('devices', lang)}"
    return (
        f'<div class="gauge">{arc}{number(shown, value, path, name, lang)}'
        f"<p>{text(name)}</p><p class='quiet'>{text(under)}</p></div>"
    )
