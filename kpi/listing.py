"""The document of KPIs as rows of text: one line an asset or group and period, for a terminal or a spreadsheet."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

NAMES: Mapping[str, tuple[str, str]] = {
    "oee": ("OEE", "设备综合效率"),
    "availability": ("availability", "时间利用率"),
    "effectiveness": ("effectiveness", "性能效率"),
    "quality": ("quality", "合格率"),
    "nee": ("NEE", "净设备效率"),
    "teep": ("TEEP", "完全有效生产率"),
    "loading": ("loading", "负荷率"),
    "utilization_efficiency": ("utilization efficiency", "利用效率"),
    "allocation_efficiency": ("allocation efficiency", "分配效率"),
    "technical_efficiency": ("technical efficiency", "技术效率"),
    "setup_rate": ("setup rate", "换型占比"),
    "production_rate": ("production rate", "生产率"),
    "scrap_ratio": ("scrap ratio", "废品率"),
    "rework_ratio": ("rework ratio", "返工率"),
    "first_pass_yield": ("first pass yield", "一次合格率"),
    "mtbf": ("MTBF", "平均故障间隔"),
    "mttr": ("MTTR", "平均修复时间"),
    "energy_per_piece": ("energy per piece", "单件能耗"),
    "apc_in_service": ("APC in service", "先进过程控制投用率"),
    "water_reuse": ("water reuse", "水重复利用率"),
    "line_oee": ("line OEE", "产线综合效率"),
    "networking": ("networking", "生产设备联网率"),
    "digitalization": ("digitalization", "生产设备数字化率"),
    "key_equipment_nc": ("key equipment NC", "关键设备数控化率"),
    "key_process_nc": ("key process NC", "关键工序数控化率"),
}
REASONS: Mapping[str, tuple[str, str]] = {
    "no_planned_time": ("no planned time", "无计划时间"),
    "no_production": ("no production", "无产出"),
    "no_data": ("no data", "无数据"),
    "low_coverage": ("too little data", "覆盖率不足"),
    "no_ideal_cycle": ("no ideal cycle", "未配置理想节拍"),
    "not_configured": ("not configured", "未配置"),
    "no_failures": ("no failures", "无故障"),
    "no_factor": ("no factor", "无折标系数"),
    "short_history": ("short history", "历史不足"),
    "no_baseline": ("no baseline", "无基线"),
}
FLAGS: Mapping[str, tuple[str, str]] = {
    "spread": ("pieces spread over a gap", "缺口内产量按时分摊"),
    "reset": ("a counter began again", "计数器清零"),
    "rollover": ("a counter wrapped", "计数器回绕"),
    "glitch": ("low readings dropped", "已剔除跳变读数"),
    "rate_exceeded": ("a rise too fast to be true", "增速超限，未计入"),
    "unsettled": ("a decrease not yet decided", "回落待判定"),
    "unbounded": ("without an upper bound", "无上界"),
    "overlap": ("the clock was set back", "时钟回拨"),
    "duplicate": ("two values for one time", "同一时刻两个值"),
    "imported": ("imported rows", "导入数据"),
    "planned_overrun": ("a planned stop overran", "计划停机超时"),
    "calendar_unconfirmed": ("official calendar not known", "官方日历未确认"),
    "from_power": ("energy from power", "由功率积分"),
    "performance_above_1": ("effectiveness above 100 %", "性能效率超过 100 %"),
    "good_above_total": ("more good than made", "合格多于产量"),
    "all_good": ("all counted as good", "全部按合格计"),
    "no_main_meter": ("no main meter", "无总表"),
    "contradiction": ("contradicts the register", "与台账矛盾"),
    "store_silent": ("a store is silent", "有存储无应答"),
    "networked_above_digital": ("more networked than digital", "联网多于数字化"),
}
SHOWN = ("oee", "availability", "effectiveness", "quality")
_COLUMNS = ("value", "low", "high", "coverage", "reason")

Document = Mapping[str, Any]


def value(told: Document, lang: str) -> str:
    """A KPI in one cell: its value, or why there is none and between which bounds it lies."""
    unit, number = told["unit"], told["value"]
    if number is not None:
        return _number(number, unit)
    reason = REASONS[told["reason"]][lang == "zh"]
    low, high = told["low"], told["high"]
    if low is None or high is None or told["reason"] == "no_failures":
        return f"{reason} (> {_number(low, unit)})" if told["reason"] == "no_failures" and low else reason
    return f"{reason} ({_number(low, unit)}–{_number(high, unit)})"


def _number(number: float, unit: str) -> str:
    if unit == "1":
        return f"{number * 100:.2f} %"
    if unit == "s":
        return (
            f"{number / 3600:.2f} h"
            if number >= 3600
            else f"{number / 60:.1f} min"
            if number >= 60
            else f"{number:.1f} s"
        )
    return f"{number:.4g} {unit}"


def period(row: Document, per: str) -> str:
    """What tells a row of one asset from the next."""
    if per == "window":
        return ""
    if per in ("day", "week", "month", "year"):
        return str(row["day"])[: {"month": 7, "year": 4}.get(per, 10)]
    if per == "shift" and row["shift"]:
        return f"{row['day']} {row['shift']}"
    return str(row["from"])[:16].replace("T", " ")


def table(told: Document, lang: str) -> tuple[list[str], list[list[str]]]:
    """Heads and lines for a terminal."""
    zh = lang == "zh"
    by, per = told["by"], told["per"]
    heads = [
        {"asset": ("asset", "设备"), "line": ("line", "产线"), "workshop": ("workshop", "车间")}.get(
            by, ("plant", "工厂")
        )[zh]
    ]
    heads += [("period", "时段")[zh]] if per != "window" else []
    heads += [NAMES[key][zh] for key in SHOWN] + [
        ("pieces", "产量")[zh],
        ("good", "合格")[zh],
        ("unknown", "未知时间")[zh],
        ("flags", "标记")[zh],
    ]
    lines = []
    for row in told["rows"]:
        time = row["time_ms"]
        whole = sum(time.values()) or 1
        flags = dict.fromkeys(flag for key in SHOWN for flag in row["kpis"][key]["flags"])
        line = [row[by]] + ([period(row, per)] if per != "window" else [])
        line += [value(row["kpis"][key], lang) + _points(row, key) for key in SHOWN]
        line += [_count(row["quantity"]["total"]), _count(row["quantity"]["good"])]
        line += [f"{time['unknown'] / whole * 100:.1f} %", flagged(flags, lang)]
        lines.append(line)
    return heads, lines


def _points(row: Document, key: str) -> str:
    """How much a share changed against the baseline."""
    points = row["change"][key]["points"] if "change" in row else None
    return "" if points is None else f" ({points * 100:+.2f})"


def flagged(names: Iterable[str], lang: str) -> str:
    """In one cell of a table: in Chinese as words."""
    return "、".join(FLAGS[name][1] for name in names) if lang == "zh" else " ".join(names)


def _count(number: float | None) -> str:
    if number is None:
        return "—"
    return f"{number:,}" if isinstance(number, int) else f"{number:,.3f}"


def rates(told: Document, lang: str) -> tuple[list[str], list[list[str]]]:
    """Heads and lines of the rates."""
    zh = lang == "zh"
    heads = ["", ("rate", "比率")[zh], ("devices", "设备数")[zh], ("register", "台账总数")[zh]]
    lines = []
    for key, rate in told["rates"].items():
        known = rate["value"] is not None
        shown = f"{rate['value'] * 100:.2f} %" if known else REASONS.get(rate["reason"], (rate["reason"],) * 2)[zh]
        counts = ["—" if rate[part] is None else str(rate[part]) for part in ("numerator", "denominator")]
        lines.append([NAMES[key][zh], shown, *counts])
    return heads, lines


def sheet(told: Document) -> Iterator[list[object]]:
    """Every KPI of every row, one line each, after a line of heads; numbers as they are in the document."""
    by = told["by"]
    change = any("change" in row for row in told["rows"])
    yield [
        by,
        "from",
        "to",
        "shift",
        "kpi",
        "unit",
        *_COLUMNS,
        "flags",
        *(("relative", "points", "certain") if change else ()),
    ]
    for row in told["rows"]:
        for key, kpi in row["kpis"].items():
            cells = [row[by], row["from"], row["to"], row["shift"] or "", key, kpi["unit"], *(kpi[c] for c in _COLUMNS)]
            cells.append(" ".join(kpi["flags"]))
            cells += [row["change"][key][c] for c in ("relative", "points", "certain")] if "change" in row else []
            yield ["" if cell is None else cell for cell in cells]
    for key, rate in told["rates"].items():
        cells = [
            told["plant"],
            rate["from"],
            rate["to"],
            "",
            key,
            "1",
            *(rate[c] for c in _COLUMNS),
            " ".join(rate["flags"]),
        ]
        yield ["" if cell is None else cell for cell in cells] + ([""] * 3 if change else [])
