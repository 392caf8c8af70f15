"""The evidence of every answer: what it is, how good it is (A to D), over which window, from which rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from openpyxl.worksheet.worksheet import Worksheet

from config.carriers import CARRIERS
from kpi import rate
from kpi.energy_listing import ROLES
from kpi.forms.clauses import Judged
from kpi.forms.form import nested
from kpi.forms.items import Scored
from kpi.forms.wording import amount, hours, number
from kpi.forms.workbook_form import origin
from kpi.forms.workbook_page import Cell, Column, Page
from kpi.listing import NAMES

if TYPE_CHECKING:
    from kpi.forms.assess import Assessment

SIDES = ("before", "after", "base", "now")
META = frozenset(
    (
        *("grade", "from", "to", "store", "plant_sha256", "register", "inputs", "method", "coverage", "kpi", "unit"),
        *("profile", "excluded", "assets", "almost", "out_of_scope", "contradictions", "rule", "low", "high", "value"),
        *("grid", "factors", "carriers", "days_observed", "reason"),
    )
)
WORDS: Mapping[str, tuple[str, str]] = {
    "kpi": ("指标", "KPI"),
    "mean_of_months": ("逐月平均", "mean of the months"),
    "pooled": ("合计", "pooled"),
    "before": ("改造前 / 前年", "before"),
    "after": ("改造后 / 上年", "after"),
    "base": ("基期", "base"),
    "now": ("现期", "now"),
    "value": ("取值", "value"),
    "low": ("下限", "low"),
    "high": ("上限", "high"),
    "count": ("满足", "met by"),
    "of": ("共", "of"),
    "met": ("满足者", "met"),
    "not_met": ("不满足者", "not met"),
    "not_known": ("未知者", "not known"),
    "not_connected": ("未接入", "not connected"),
    "at_least": ("要求不低于", "at least"),
    "numerator": ("分子", "numerator"),
    "denominator": ("分母", "denominator"),
    "terms": ("各项", "terms"),
    "options": ("选项", "options"),
    "points": ("数据点", "points"),
    "awarded": ("分值", "points"),
    "level": ("等级", "level"),
    "share": ("占比", "share"),
    "within_ms": ("间隔不超过", "at most every"),
    "every_s": ("间隔 s", "every s"),
    "longest_s": ("间隔不超过 s", "at most every s"),
    "first": ("最早记录", "first record"),
    "needed_days": ("需要天数", "days needed"),
    "month": ("月份", "month"),
    "part": ("其中", "of which"),
    "total": ("总数", "all"),
    "rate": ("比率", "rate"),
    "from": ("起", "from"),
    "amounts": ("用量", "amounts"),
    "protocols": ("协议", "protocols"),
    "failures": ("故障次数", "failures"),
    "repair_ms": ("修复时间", "repair"),
    "devices": ("设备", "devices"),
    "months": ("各月", "months"),
    "stations": ("工位", "stations"),
    "flags": ("标记", "flags"),
    "coverage": ("覆盖率", "coverage"),
    "kwh_per_piece": ("每件 kWh", "kWh a piece"),
    "link": ("业务环节", "business link"),
    "events": ("事件", "events"),
    "online": ("在线率", "online"),
    "rows": ("行数", "rows"),
    "lost": ("丢失", "lost"),
    "excluded": ("未计", "excluded"),
    "segment": ("网段", "segment"),
    "basis": ("依据", "basis"),
    "machine_counters": ("设备计数", "counters of the machines"),
    "inspection_stations": ("检测工位", "inspection stations"),
    "tce": ("综合能耗 tce", "tce"),
    "tce_low": ("综合能耗下限 tce", "tce low"),
    "tce_high": ("综合能耗上限 tce", "tce high"),
    "co2_t": ("二氧化碳 t", "CO2 t"),
    "co2_t_constant": ("二氧化碳 t（两期同一电网因子）", "CO2 t, with one grid factor on both sides"),
    "modes": ("控制方式时间", "time by mode"),
    "automatic_ms": ("自动", "automatic"),
    "manual_ms": ("手动", "manual"),
    "apc_ms": ("先进控制", "advanced control"),
}
REASONS: Mapping[str, tuple[str, str]] = {
    "not_recorded": ("没有可读取的记录", "nothing that is read or kept tells of it"),
    "not_configured": ("没有接入此类数据", "nothing of the kind is connected"),
    "low_coverage": ("数据覆盖率不足", "too little of the window is known"),
    "short_history": ("历史数据太短", "the history is too short"),
    "no_baseline": ("没有给出基期", "no baseline was given"),
    "no_failures": ("窗口内没有故障", "no failure in the window"),
    "no_production": ("窗口内没有产出", "nothing was made in the window"),
    "no_planned_time": ("窗口内没有计划时间", "nothing was planned in the window"),
    "no_factor": ("缺少折算因子", "a factor is missing"),
    "no_data": ("窗口内没有数据", "no data in the window"),
    "not_defined": ("原文没有定义", "the official text does not define it"),
    "no_ideal_cycle": ("没有配置理想节拍", "no ideal cycle is configured"),
}
GRADES = {
    "A": ("连续测量", "continuous measurement"),
    "B": ("设备自身或其连接所示", "shown by the device or its connection"),
    "C": ("台账、文件或导入数据", "register, document or imported rows"),
    "D": ("填报", "declaration"),
}
LONGEST = 420  # letters of one summary


@dataclass(frozen=True, slots=True)
class Line:
    no: str
    what: str
    origin: str
    holds: str
    told: Mapping[str, object]
    reason: str | None = None


def evidence(of: "Assessment", sheet: Worksheet, lang: str, foot: str) -> None:
    zh = lang == "zh"
    columns = [
        Column("项" if zh else "item", 15),
        Column("要求" if zh else "requirement", 34),
        Column("来源" if zh else "origin", 9, centre=True),
        Column("等级" if zh else "grade", 6, centre=True),
        Column("结论" if zh else "result", 7, centre=True),
        Column("依据" if zh else "what it rests on", 62),
        Column("覆盖率" if zh else "coverage", 9),
        Column("起" if zh else "from", 12),
        Column("止" if zh else "to", 12),
        Column("数据指纹" if zh else "inputs", 15),
    ]
    page = Page(sheet, columns, foot, wide=True)
    page.title("证据清单" if zh else "Evidence")
    page.note("  ".join(f"{grade} {words[not zh]}" for grade, words in GRADES.items()))
    page.heads()
    for line in lines(of, lang):
        page.row(_row(line, lang))


def lines(of: "Assessment", lang: str) -> Iterator[Line]:
    for each in of.form.items:
        yield from _item(each, lang)
    for rated in of.form.scenes or of.form.sections:
        for judged in rated.rating.clauses:
            if judged.origin != "missing" or judged.reason or judged.evidence:
                name = f"{rated.scene.no} {rated.scene.says.of(lang)}"
                yield _clause(name, f"{judged.level}", judged, lang)


def _item(of: Scored, lang: str) -> Iterator[Line]:
    name, title = of.item.no, of.item.title.of(lang)
    told = of.reading.evidence
    sides = [side for side in SIDES if isinstance(told.get(side), Mapping)]
    for side in sides:
        own = told[side]
        assert isinstance(own, Mapping)
        yield Line(name, f"{title} · {_word(side, lang)}", of.origin, "", {**told, **own}, own.get("reason"))
    if told and not sides:
        yield Line(name, title, of.origin, "", told, of.reading.reason)
    declared = of.conflict.declared if of.conflict else None
    if declared is not None:
        yield Line(name, title, "declared", "✗", {"grade": "D", **declared})
    elif of.origin == "declared" or (of.origin == "supported" and not told):
        yield Line(name, title, "declared", "", {"grade": "D", "options": list(of.options), **nested(of.terms)})
    for position, rating in of.ratings.items():
        for judged in rating.clauses:
            if judged.clause.rule and (judged.evidence or judged.reason):
                where = f"({position})" if position else f"{judged.level}"
                yield _clause(f"{name} {title}", where, judged, lang)


def _clause(name: str, where: str, of: Judged, lang: str) -> Line:
    holds = "—" if of.holds is None else "✓" if of.holds else "✗"
    told = of.evidence if of.origin in ("measured", "supported") or of.evidence else {"grade": "D"}
    return Line(name, f"{where}  {of.clause.says.of(lang)}", of.origin, holds, told, of.reason)


def _row(of: Line, lang: str) -> list[Cell | str | None]:
    told, zh = of.told, lang == "zh"
    inputs, rows = told.get("inputs"), ""
    if isinstance(inputs, Mapping) and "sha256" in inputs:
        rows = f"{inputs['rows']} {'行' if zh else 'rows'}\n{str(inputs['sha256'])[:12]}"
    coverage = told.get("coverage")
    share = Cell(coverage, "share") if isinstance(coverage, Fraction | float) else None
    grade = {"declared": "D", "missing": ""}.get(of.origin, str(told.get("grade", "")))
    words = summary(told, lang)
    if grade == "D" and not words and not of.reason:
        words = "以填报为准，须附证明材料" if zh else "as declared; documents to be attached"
    if of.reason:
        words = f"{'未测得' if zh else 'not measured'}: {_reason(of.reason, lang)}" + (f"\n{words}" if words else "")
    begin, end = (str(told.get(key, ""))[:16].replace("T", "\n") for key in ("from", "to"))
    return [of.no, of.what, origin(of.origin, lang), grade, of.holds, words, share, begin, end, rows]


def summary(told: Mapping[str, object], lang: str) -> str:
    """What an assessor would ask first: the value, the counts, the terms, and the devices by name last."""
    first = {name: told[name] for name in ("kpi", "value", "low", "high") if told.get(name) is not None}
    rest = {k: v for k, v in told.items() if k not in META and k not in SIDES and v not in (None, [], {}, (), "")}
    if isinstance(told.get("coverage"), Mapping):
        rest["coverage"] = told["coverage"]
    if "points" in rest and not isinstance(rest["points"], list | tuple):
        rest["awarded"] = rest.pop("points")
    if isinstance(terms := told.get("terms"), Mapping):
        rest["terms"] = {name: amount(name, value) for name, value in terms.items()}
    names_last = sorted(rest.items(), key=lambda one: _names(one[1]))
    parts = [f"{_word(name, lang)} {_figure(name, value, lang)}" for name, value in [*first.items(), *names_last]]
    carriers, excluded = told.get("carriers"), told.get("excluded")
    if isinstance(carriers, list):
        parts += [_carrier(line, lang) for line in carriers]
    if isinstance(excluded, list) and excluded:
        names = ", ".join(f"{one['asset']} ({_reason(str(one['reason']), lang)})" for one in excluded)
        parts.append(f"{_word('excluded', lang)} {names}")
    words = "; ".join(parts)
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def _names(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


def _carrier(line: Mapping[str, object], lang: str) -> str:
    name = _metered(f"{line['carrier']} ({line['role']})", lang)
    tce = f" × {line['factor']:.6g} = {_plain(line['tce'], '')} tce" if line["factor"] is not None else ""
    return f"{name} {_plain(line['amount'], '')} {line['unit']}{tce}"


def _metered(name: str, lang: str) -> str:
    """`natural_gas (consumed)` in words; another name is what it is."""
    carrier, _, role = name.removesuffix(")").partition(" (")
    if carrier not in CARRIERS or role not in ROLES:
        return name
    return f"{CARRIERS[carrier].name if lang == 'zh' else CARRIERS[carrier].english} ({ROLES[role][lang == 'zh']})"


def _word(name: str, lang: str) -> str:
    return WORDS.get(name, (name, name))[lang != "zh"]


def _reason(name: str, lang: str) -> str:
    if name in REASONS:
        return REASONS[name][lang != "zh"]
    return rate.REASONS.get(name, (name, name))[lang == "zh"]


def _figure(name: str, value: object, lang: str) -> str:
    """Times and KPIs as people say them."""
    if name == "kpi":
        return NAMES[str(value)][lang == "zh"]
    if name == "basis":
        return _word(str(value), lang)
    if name.endswith("_ms") and isinstance(value, Fraction | float | int):
        return f"{number(value / 1000)} s" if name == "within_ms" else hours(value)
    return _plain(value, lang)


def _plain(value: object, lang: str, record: bool = False) -> str:
    """A mapping is by name, of devices say; one in a list is a record, whose keys are words."""
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, Fraction | float):
        return number(value)
    if isinstance(value, Mapping):
        words = {key: _word(key, lang) if record or key.endswith("_ms") else _metered(key, lang) for key in value}
        return ", ".join(f"{words[key]} {_figure(key, each, lang)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(each, lang, record=True) for each in value)
    return _metered(str(value), lang)
