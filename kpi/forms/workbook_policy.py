"""What is still missing, and by which policy, switches and factors everything was counted."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from openpyxl.worksheet.worksheet import Worksheet

from config.carriers import CARRIERS
from kpi.forms.form import setting
from kpi.forms.workbook_form import headline
from kpi.forms.workbook_page import Cell, Column, Page

if TYPE_CHECKING:
    from kpi.forms.assess import Assessment


def gaps(of: "Assessment", sheet: Worksheet, lang: str, foot: str) -> None:
    zh = lang == "zh"
    columns = [
        Column("序号" if zh else "no", 6, centre=True),
        Column("目标等级" if zh else "to level", 18),
        Column("所需" if zh else "what it needs", 78),
        Column("得分 +" if zh else "gain", 11),
        Column("单独足够" if zh else "alone enough", 10, centre=True),
    ]
    page = Page(sheet, columns, foot)
    page.title("到下一级的差距（由易到难）" if zh else "To the next level, the cheapest first")
    for line in headline(of, lang):
        page.note(line)
    page.heads()
    tiers = of.form.template.tiers
    for place, gap in enumerate(of.form.gaps, 1):
        tier = tiers[gap.to_level].says.of(lang)
        page.row([place, tier, gap.needs.of(lang), Cell(gap.gain, "exact"), "✓" if gap.alone else ""])
    if not of.form.gaps:
        page.row([None, None, "无" if zh else "none", None, None])
    if of.form.warnings:
        page.section("提示" if zh else "Notes")
        for words in of.form.warnings:
            page.note(f"! {words.of(lang)}")


def policy(of: "Assessment", sheet: Worksheet, lang: str, foot: str) -> None:
    zh = lang == "zh"
    columns = [
        Column("名称" if zh else "name", 28),
        Column("取值" if zh else "value", 20),
        Column("含义 / 来源" if zh else "meaning, source", 78),
    ]
    page = Page(sheet, columns, foot)
    page.title("口径、开关与因子" if zh else "Policy, switches and factors")
    page.heads()
    about = of.about()
    page.row([Cell("数据与版本" if zh else "data and versions", bold=True), None, None], shade=True)
    register = about["register"]
    page.row(["store", str(about["store"]), "数据来自" if zh else "where the rows are from"])
    page.row(["calendar", str(about["calendar"]), "日历" if zh else "calendar"])
    page.row(["plant_sha256", str(about["plant_sha256"])[:16], str(about["plant_sha256"])])
    if isinstance(register, Mapping):
        page.row(["register sha256", str(register["sha256"])[:16], str(register["sha256"])])
    _rules(page, about["policy"], zh)
    page.row([Cell("表格开关" if zh else "switches of the form", bold=True), None, None], shade=True)
    for switch in of.form.template.switches:
        value = setting(of.form.settings[switch.name])
        page.row([switch.name, _told(value), switch.says.of(lang)])
    _factors(page, of, lang)


def _rules(page: Page, rules: object, zh: bool) -> None:
    page.row([Cell("计算口径" if zh else "policy", bold=True), None, None], shade=True)
    assert isinstance(rules, Mapping)
    for name, value in rules.items():
        if name == "short_stop_s":
            told = sorted(set(value.values()))
            page.row(
                [name, ", ".join(f"{each:g}" for each in told), "短停上限 (s)" if zh else "longest short stop (s)"]
            )
        elif isinstance(value, Mapping):
            for inner, one in value.items():
                page.row([f"{name}.{inner}", _told(one), _meaning(f"{name}.{inner}", zh)])
        else:
            page.row([name, _told(value), _meaning(name, zh)])


def _meaning(name: str, zh: bool) -> str | None:
    return MEANINGS[name][not zh] if name in MEANINGS else None


MEANINGS: Mapping[str, tuple[str, str]] = {
    "coverage": ("取值所需的最低覆盖率", "least coverage for a value"),
    "all_good": ("没有合格计数时视为全部合格", "all pieces count as good where none are told"),
    "key_process": ("关键工序计为数控的条件", "when a key process is under numerical control"),
    "networked.days": ("联网：有数据的计划日占比下限", "networked: least share of scheduled days heard"),
    "networked.samples": ("联网：好采样占比下限", "networked: least share of good samples"),
    "networked.window": ("联网：统计窗口", "networked: the window"),
    "networked.min_days": ("联网：最少天数", "networked: fewest days"),
}


def _told(value: object) -> Cell | str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number:
        return Cell(value, "number")  # type: ignore[arg-type]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _factors(page: Page, of: "Assessment", lang: str) -> None:
    plant, zh = of.ground.plant, lang == "zh"
    name = f"{plant.factors.profile}@{plant.factors.version}"
    page.row([Cell(f"{'折标因子' if zh else 'factors'}  {name}", bold=True), None, plant.factors.title], shade=True)
    used = dict.fromkeys(gauge.carrier for gauge in of.ground.ledger.tree.gauges.values())
    for key in used:
        factor, carrier = plant.factors.factors[key], CARRIERS[key]
        words = f"{carrier.name} ({key})" if zh else key
        per = f"tce / {factor.unit}  {factor.source}  [{factor.status}]"
        if factor.tce is None:
            per = "不折标准煤" if zh else "not counted as standard coal"
        page.row([words, Cell(factor.tce, "number") if factor.tce is not None else "—", per])
    for line in of.ground.consumption.lines:
        for one in line.grid:
            what = f"kg CO2 / kWh  {one.year} {one.region} {one.scope}  {one.source}  [{one.status}]"
            page.row(["CO2 " + line.carrier.id, Cell(one.value, "number"), what])
