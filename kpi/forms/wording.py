"""An answer in the words of the form, with its figures, for tables and sheets; in either language."""

from collections.abc import Callable, Mapping
from fractions import Fraction

from kpi.forms.items import Scored

TERMS: Mapping[str, tuple[str, str]] = {
    "total": ("总数", "all"),
    "digital": ("数字化", "digital"),
    "networked": ("联网", "networked"),
    "controlled": ("数控", "numerically controlled"),
    "in_service": ("投用时间", "in service"),
    "running": ("运行时间", "running"),
    "reused": ("重复利用 (m3)", "reused (m3)"),
    "used": ("总用量 (m3)", "used (m3)"),
    "ratio": ("比例", "ratio"),
    "tce": ("综合能源消费量 (tce)", "energy (tce)"),
    "co2_t": ("二氧化碳 (t)", "CO2 (t)"),
    "revenue": ("营业收入 (万元)", "revenue (万元)"),
    "output": ("产值 (万元)", "output (万元)"),
    "employees": ("员工 (人)", "employees"),
    "cost": ("成本 (万元)", "cost (万元)"),
    "value": ("取值", "value"),
    "before": ("前", "before"),
    "after": ("后", "after"),
    "base": ("基期", "base"),
    "now": ("现期", "now"),
    "relative": ("相对变化", "relative change"),
    "change.points": ("变化 · 百分点（小数）", "change in points, as a fraction"),
    "options": ("选项", "options"),
    "change": ("变化", "change"),
    "level": ("等级", "level"),
    "points": ("分值", "points"),
    "low": ("下限", "low"),
    "high": ("上限", "high"),
    "spend": ("投入 (万元)", "spend (万元)"),
    "per_year": ("年均投入 (万元)", "spend a year (万元)"),
    "ratio_of_sums": ("合计之比", "ratio of the sums"),
    "mean_of_ratios": ("逐年比例平均", "mean of the ratios"),
    "year": ("当年", "the year's"),
}
ORIGINS: Mapping[str, tuple[str, str]] = {
    "measured": ("实测", "measured"),
    "supported": ("佐证", "supported"),
    "declared": ("填报", "declared"),
    "missing": ("未填", "missing"),
}
TIMES = frozenset(
    (
        *("in_service", "running", "apc", "known_mode", "setup", "repair", "window"),
        *("PBT", "APT", "AUST", "ADET", "AUBT", "U", "PRI_PQ", "PRI_GQ"),
    )
)
"""Terms of a form or of a KPI that are milliseconds."""
HOUR_MS = 3_600_000


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
    declared, measured = side(told.declared, lang), side(told.measured, lang)
    same = ("，同一选项" if lang == "zh" else ", the same option") if told.same_option else ""
    if lang == "zh":
        return f"第{of.item.no}项 {of.item.title.zh}：填报 {declared}，实测 {measured}{same}"
    return f"item {of.item.no}, {of.item.title.en}: declared {declared}, measured {measured}{same}"


def origin(name: str, lang: str) -> str:
    """Where an answer comes from."""
    return ORIGINS[name][lang != "zh"]


def term(name: str, lang: str) -> str:
    """A name of an answer file in words; `after.tce` is the second of the first."""
    if name in TERMS:
        return TERMS[name][lang != "zh"]
    outer, _, inner = name.partition(".")
    return f"{term(outer, lang)} · {term(inner, lang)}" if inner else name


def hours(ms: Fraction | float) -> str:
    return f"{number(ms / HOUR_MS, 2)} h"


def amount(name: str, value: Fraction | float) -> str:
    """A figure as people read it: times in hours."""
    return hours(value) if name in TIMES else number(value)


def side(told: Mapping[str, object], lang: str) -> str:
    """What was declared, or what was measured, in short: its figures, else its options or level."""
    inputs = told.get("inputs")
    figures = inputs if isinstance(inputs, Mapping) and inputs else {k: v for k, v in told.items() if k != "inputs"}
    figures = {name: value for name, value in figures.items() if value != []}
    places = {name: place for place, name in enumerate(TERMS)}
    names = sorted(figures, key=lambda name: places.get(name, len(places)))
    return ("、" if lang == "zh" else ", ").join(
        f"{term(name, lang)} {_shown(name, figures[name], lang)}" for name in names
    )


def _shown(name: str, value: object, lang: str) -> str:
    if isinstance(value, Mapping):
        return f"({side(value, lang)})"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(name, each, lang) for each in value)
    return amount(name, value) if isinstance(value, Fraction | float | int) else str(value)


def _options(of: Scored, lang: str) -> str:
    """The label of one choice, the positions of several."""
    if of.item.answer == "choices" and len(of.options) > 1:
        return f"{len(of.options)}: {', '.join(map(str, of.options))}"
    return of.item.options[of.options[0] - 1].label.of(lang) if of.item.options and of.options else ""


def _rate(of: Scored, lang: str) -> str:
    part, total = of.item.of
    if part not in of.terms or total not in of.terms:
        return ""
    return f"{amount(part, of.terms[part])}/{amount(total, of.terms[total])} = {percent(of.value)}"


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
