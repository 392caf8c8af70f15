"""An answer in the words of the form, with its figures, for tables and sheets; in either language."""

from collections.abc import Callable, Mapping
from fractions import Fraction

from kpi.forms.items import Scored


def number(value: Fraction | float | int | None, decimals: int = 6) -> str:
    """Without trailing zeros; — for what is not known."""
    if value is None:
        return "—"
    shown = f"{float(value):.{decimals}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def percent(value: Fraction | None) -> str:
    return "—" if value is None else f"{number(value * 100, 4)} %"


def answer(of: Scored, lang: str) -> str:
    """The option or options ticked, and the figures behind them."""
    if of.na:
        return "不涉及" if lang == "zh" else "not applicable"
    figures = FIGURES.get(of.item.answer)
    return "  ".join(filter(None, (_options(of, lang), figures(of, lang) if figures else ""))) or "—"


def conflict(of: Scored, lang: str) -> str:
    """What was declared and what was measured, where they differ."""
    told = of.conflict
    if told is None:
        return ""
    declared, measured = _told(told.declared), _told(told.measured)
    same = ("，同一选项" if lang == "zh" else ", the same option") if told.same_option else ""
    if lang == "zh":
        return f"第{of.item.no}项 {of.item.title.zh}：填报 {declared}，实测 {measured}{same}"
    return f"item {of.item.no}, {of.item.title.en}: declared {declared}, measured {measured}{same}"


def _told(side: Mapping[str, object]) -> str:
    """One side of a conflict in short: its figures, else its options or level."""
    inputs = side.get("inputs")
    figures = inputs if isinstance(inputs, Mapping) and inputs else {k: v for k, v in side.items() if k != "inputs"}
    parts = []
    for name, value in figures.items():
        shown = number(value) if isinstance(value, Fraction) else str(value)
        parts.append(f"{name} {shown}")
    return ", ".join(parts)


def _options(of: Scored, lang: str) -> str:
    """The label of one choice, the positions of several."""
    if of.item.answer == "choices" and len(of.options) > 1:
        return f"{len(of.options)}: {', '.join(map(str, of.options))}"
    return of.item.options[of.options[0] - 1].label.of(lang) if of.item.options and of.options else ""


def _rate(of: Scored, lang: str) -> str:
    part, total = of.item.of
    if part not in of.terms or total not in of.terms:
        return ""
    return f"{number(of.terms[part])}/{number(of.terms[total])} = {percent(of.value)}"


def _spend(of: Scored, lang: str) -> str:
    return "" if of.value is None else percent(of.value)


def _pair(of: Scored, lang: str) -> str:
    sides = [of.shown.get(side) for side in ("before", "after", "base", "now")]
    values = [each["value"] for each in sides if isinstance(each, Mapping)]
    unit = f" {of.item.unit.of(lang)}" if of.item.unit else ""
    return " → ".join(number(value) for value in values) + unit if values else ""


def _grade(of: Scored, lang: str) -> str:
    if not of.options:
        return ""
    where = f"{of.shown['segment']}" if "segment" in of.shown else f"{number(of.points)}–{number(of.high)}"
    return f"{of.options[0]} 级，{where}" if lang == "zh" else f"level {of.options[0]}, {where}"


def _amounts(of: Scored, lang: str) -> str:
    if not of.terms:
        return ""
    return " / ".join(number(of.terms.get(name)) for name in of.item.of) + " 万元"


FIGURES: Mapping[str, Callable[[Scored, str], str]] = {
    "rate": _rate,
    "spend": _spend,
    "change": _pair,
    "comparison": _pair,
    "graded": _grade,
    "amounts": _amounts,
}
