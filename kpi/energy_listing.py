"""The document of energy as rows of text: carriers, periods, states and assets, for a terminal or a spreadsheet."""

from collections.abc import Iterator, Mapping
from typing import Any

from config.carriers import CARRIERS
from kpi.listing import REASONS, flagged, period

ROLES: Mapping[str, tuple[str, str]] = {
    "consumed": ("consumed", "消费"),
    "generated": ("generated", "自发"),
    "sold": ("sold", "外供"),
    "other": ("not production", "非生产"),
    "produced": ("produced", "加工转换产出"),
    "recovered": ("recovered", "回收利用"),
    "fresh": ("fresh", "新水"),
    "reused": ("reused", "重复利用"),
}
STATES: Mapping[str, tuple[str, str]] = {
    "running": ("running", "运行"),
    "idle": ("idle", "空闲"),
    "setup": ("setup", "换型"),
    "down": ("down", "停机"),
    "planned": ("planned", "计划停机"),
    "off": ("off", "关机"),
    "unknown": ("unknown", "未知"),
}
_SIGNS = {1: "+", -1: "−", 0: ""}

Document = Mapping[str, Any]
Sheet = tuple[list[str], list[list[str]]]


def number(value: float | None) -> str:
    """Three decimals, or six of what is smaller than one."""
    return "—" if value is None else f"{value:,.3f}" if abs(value) >= 1 or not value else f"{value:.6f}"


def _percent(value: float) -> str:
    return f"{value * 100:.1f} %"


def name(carrier: str, zh: bool) -> str:
    return CARRIERS[carrier].name if zh else CARRIERS[carrier].english


def factor(row: Document, zh: bool) -> str:
    """As it is printed in tables: standard coal per unit, with its status where it is not official."""
    if row["factor"] is None:
        return "" if not row["sign"] else REASONS["no_factor"][zh]
    status = "" if row["factor_status"] == "official" else f" ({row['factor_status']})"
    return f"{row['factor']:.7g} tce/{row['unit']}{status}"


def carriers(told: Document, lang: str) -> Sheet:
    """A line for each carrier in each role; the sign says what it does to the sum."""
    zh = lang == "zh"
    pairs = (
        ("carrier", "品种"),
        ("role", "用途"),
        ("amount", "实物量"),
        ("unit", "单位"),
        ("factor", "折标系数"),
        ("tce", "标准煤(t)"),
        ("CO2 (t)", "CO2(t)"),
        ("coverage", "覆盖率"),
        ("flags", "标记"),
    )
    lines = []
    for row in told["carriers"]:
        sign = _SIGNS[row["sign"]]
        tce, co2 = (f"{sign if row[key] else ''}{number(row[key])}" for key in ("tce", "co2_t"))
        role = ROLES[row["role"]][zh]
        cells = [name(row["carrier"], zh), role, number(row["amount"]), row["unit"], factor(row, zh)]
        lines.append([*cells, tce if row["sign"] else "", co2 if row["sign"] else "", _percent(row["coverage"])])
        lines[-1].append(flagged(row["flags"], lang))
    return [pair[zh] for pair in pairs], lines


def total(told: Document, lang: str) -> list[str]:
    """The sums, or why there are none and between which bounds they lie."""
    zh = lang == "zh"
    low, high = told["tce_low"], told["tce_high"]
    bounds = f"{number(low)} – {number(high) if high is not None else '?'}"
    if told["tce"] is None:
        coal = f"{REASONS[told['reason']][zh]} ({bounds})"
    else:
        coal = f"{number(told['tce'])} tce" + ("" if low == high else f" ({bounds})")
    lines = [f"{('comprehensive energy', '综合能源消费量')[zh]}  {coal}"]
    grids = ", ".join(f"{one['kg_per_kwh']:g} kg/kWh {one['region']} {one['year']}" for one in told["grid"])
    lines.append(f"CO2  {number(told['co2_t'])} t" + (f"  ({grids})" if grids else ""))
    if "revenue" in told:
        words = ("per 100 yuan of revenue", "每百元营业收入综合能耗")[zh]
        lines.append(f"{words}  {number(told['kgce_per_100_yuan'])} kgce")
    return lines


def change(told: Document, lang: str) -> list[str]:
    """Each headline against the baseline."""
    zh = lang == "zh"
    words = {
        "tce": ("standard coal", "标准煤"),
        "co2_t": ("CO2, each year's factor", "CO2（当年因子）"),
        "co2_t_constant": ("CO2, one factor", "CO2（同一因子）"),
        "kgce_per_100_yuan": ("per 100 yuan", "每百元营收"),
    }
    lines = []
    for key, of in told["change"].items():
        if of is None:
            shown = REASONS["no_baseline"][zh]
        else:
            doubt = "" if of["certain"] else ("  (uncertain)", "  （不确定）")[zh]
            relative = "" if of["relative"] is None else f"{of['relative'] * 100:+.2f} %  "
            shown = f"{relative}{'+' if of['absolute'] > 0 else ''}{number(of['absolute'])}{doubt}"
        lines.append(f"{words[key][zh]}  {shown}")
    return lines


def periods(told: Document, lang: str) -> Sheet:
    zh = lang == "zh"
    used = list(dict.fromkeys((row["carrier"], row["role"]) for row in told["carriers"]))
    heads = [("period", "时段")[zh], "tce", "CO2 (t)"]
    heads += [f"{name(carrier, zh)} {ROLES[role][zh]} ({CARRIERS[carrier].unit})" for carrier, role in used]
    lines = []
    for row in told["rows"]:
        tce = number(row["tce"]) if row["tce"] is not None else REASONS[row["reason"]][zh]
        amounts = {(each["carrier"], each["role"]): each["amount"] for each in row["carriers"]}
        cells = [number(amounts[key]) for key in used]
        lines.append([period({"shift": None, **row}, told["per"]), tce, number(row["co2_t"]), *cells])
    return heads, lines


def states(told: Document, lang: str) -> Sheet:
    zh = lang == "zh"
    whole = sum(told["by_state"].values())
    lines = [
        [STATES[state][zh], number(kwh), _percent(kwh / whole) if whole else "—"]
        for state, kwh in told["by_state"].items()
        if kwh
    ]
    return [("state", "状态")[zh], "kWh", ("share", "占比")[zh]], lines


def assets(told: Document, lang: str) -> Sheet:
    zh = lang == "zh"
    pairs = (
        *(("asset", "设备"), ("line", "产线"), ("workshop", "车间"), ("carrier", "品种"), ("amount", "实物量")),
        *(("unit", "单位"), ("tce", "标准煤(t)"), ("coverage", "覆盖率"), ("flags", "标记")),
    )
    lines = []
    for row in told["assets"]:
        place = [row["asset"], row["line"] or "", row["workshop"] or "", name(row["carrier"], zh)]
        told_ = [number(row["amount"]), row["unit"], number(row["tce"]), _percent(row["coverage"])]
        lines.append([*place, *told_, flagged(row["flags"], lang)])
    return [pair[zh] for pair in pairs], lines


def plants(told: Document, lang: str) -> Sheet:
    """A line for each plant of a group, and one for all."""
    zh = lang == "zh"
    pairs = (
        ("plant", "工厂"),
        ("tce", "标准煤(t)"),
        ("at least", "不少于"),
        ("at most", "不多于"),
        ("CO2 (t)", "CO2(t)"),
        ("coverage", "覆盖率"),
        ("reason", "原因"),
        ("flags", "标记"),
    )
    lines = []
    for row in told["plants"]:
        reason = REASONS[row["reason"]][zh] if row["reason"] else ""
        numbers = [number(row[key]) for key in ("tce", "tce_low", "tce_high", "co2_t")]
        lines.append([row["plant"], *numbers, _percent(row["coverage"]), reason, flagged(row["flags"], lang)])
    return [pair[zh] for pair in pairs], lines


_KEYS = ("carrier", "role", "sign", "amount", "low", "high", "unit", "factor", "factor_status", "tce", "co2_t")
_SUMS = ("tce", "tce_low", "tce_high", "co2_t", "coverage", "reason")
_REST = ("coverage", "reason")


def sheet(told: Document) -> Iterator[list[object]]:
    """Of every period: the plant's sum, each carrier, each asset; one line each, numbers as in the document."""
    yield ["from", "to", "shift", "asset", *_KEYS, "tce_low", "tce_high", *_REST, "flags"]
    for row in told["rows"]:
        place = [row["from"], row["to"], row.get("shift", "")]
        sums = [*([""] * 9), row["tce"], row["co2_t"], row["tce_low"], row["tce_high"], row["coverage"], row["reason"]]
        yield _cells([*place, "", *sums, " ".join(row["flags"])])
        for each in [*row["carriers"], *row["assets"]]:
            cells = [each.get(key) for key in _KEYS] + ["", ""] + [each.get(key) for key in _REST]
            yield _cells([*place, each.get("asset", ""), *cells, " ".join(each["flags"])])


def of_plants(told: Document) -> Iterator[list[object]]:
    """Every plant of a group, and all together, as numbers."""
    yield ["plant", *_SUMS, "flags"]
    for row in told["plants"]:
        yield _cells([row["plant"], *(row[key] for key in _SUMS), " ".join(row["flags"])])


def _cells(row: list[object]) -> list[object]:
    return ["" if cell is None else cell for cell in row]
