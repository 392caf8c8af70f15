"""The workbook as an assessor finds it: boxes ticked, numbers that are numbers, pages that print."""

import io
import re
from typing import Any

import pytest
from openpyxl import load_workbook

from config.template_file import TEMPLATES, load
from kpi.forms.assess import Assessment, assess, declared_of
from kpi.forms.wording import answer, conflict
from kpi.forms.workbook import workbook
from kpi.forms.workbook_evidence import lines, summary
from tests.assess.plants import Factory, built

ANSWERS = {
    "answers": {
        "1": [2, 3],
        "3": {"total": 8, "networked": 6},
        "12": {"before": {"revenue": 5200}, "after": {"revenue": 5200}},
    },
    "scenes": {"设备管理": 3, "财务管理": 2},
}


def assessed(factory: Factory, template: str, answers: dict[str, Any] | None = None) -> Assessment:
    form = load(template)
    return assess(form, declared_of(form, answers), factory.ground())


def opened(of: Assessment, lang: str = "zh") -> Any:
    return load_workbook(io.BytesIO(workbook(of, lang)))


@pytest.fixture(scope="module")
def book(factory: Factory) -> Any:
    return opened(assessed(factory, "sme-2024", ANSWERS))


def found(sheet: Any, first: object, second: str) -> list[Any]:
    """The row whose first two cells begin so."""
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    return next(row for row in rows if row[0] == first and str(row[1]).startswith(second))


def test_the_form_in_its_order_with_its_boxes(book: Any) -> None:
    sheet = book["评测表"]
    numbers = [cell.value for cell in sheet["A"] if isinstance(cell.value, int)]
    assert numbers == [*range(1, 16), *range(1, 17)]
    assert found(sheet, 1, "网络建设")[2].split("\n")[1][0] == "☑"
    row = found(sheet, 3, "设备联网")
    assert [line[0] for line in row[2].split("\n")] == ["☐", "☐", "☐", "☑", "☐"]  # 4 of 8 is in (40%, 60%]
    assert row[3].startswith("具体数据[ 50.00% ]，其中实现联网的生产设备数量为[ 4 ]台")
    assert row[3].endswith("填报 总数 8、联网 6，实测 总数 8、联网 4") and row[4] == "实测"
    scene = found(sheet, 8, "设备管理*")
    assert scene[1] == "设备管理*\n（生产执行数字化）"
    assert "☑ 二级（规范级）" in scene[2] and "实测上限: 2" in scene[3]


def test_numbers_are_numbers(book: Any, factory: Factory) -> None:
    sheet = book["计分表"]
    row = found(sheet, 3, "设备联网")
    assert row[2:6] == [0.5, 75, 0.06, 4.5]
    terms = {cell.value.strip(): sheet.cell(cell.row, 3).value for cell in sheet["B"] if isinstance(cell.value, str)}
    assert (terms["联网"], terms["总数"]) == (4, 8)
    assert isinstance(terms["后 · 综合能源消费量 (tce)"], float)


def test_times_of_the_form_are_hours(factory: Factory) -> None:
    """Two mills run for at most eight days each, and the share is that of the hours beside it."""
    row = found(opened(assessed(factory, "factory-kpi-2025"))["评测表"], 2, "先进过程控制投用率")
    in_service, running = (float(part.removesuffix(" h")) for part in row[3].split(" / "))
    assert 0 < running < 2 * 8 * 24
    assert in_service / running == pytest.approx(row[2], abs=1e-4)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_no_time_is_told_in_milliseconds(factory: Factory, template: str, lang: str) -> None:
    """A number of eight digits would be a time in ms: nothing else of this plant is as large, in eight days."""
    of = assessed(factory, template, {"answers": {"2": 0.1}} if template == "factory-kpi-2025" else None)
    told = [*(summary(line.told, lang) for line in lines(of, lang)), *(answer(each, lang) for each in of.form.items)]
    told += [conflict(each, lang) for each in of.form.items]
    assert [words for words in told if re.search(r"\bms\b|_ms|[0-9]{8}", re.sub("[0-9a-f]{64}", "", words))] == []


def test_the_hours_of_advanced_control(factory: Factory) -> None:
    """The share is that of the hours beside it, and a declaration says no more than it has."""
    of = assessed(factory, "factory-kpi-2025", {"answers": {"2": 0.1}})
    item = next(each for each in of.form.items if each.item.no == "2")
    apc, known = (float(item.terms[name]) / 3_600_000 for name in ("in_service", "running"))
    told = next(summary(line.told, "en") for line in lines(of, "en") if line.no == "2")
    assert f"terms apc {apc:.2f} h, known_mode {known:.2f} h" in told
    assert conflict(item, "en").endswith(f"declared value 0.1, measured in service {apc:.2f} h, running {known:.2f} h")


def test_a_figure_stands_once(factory: Factory) -> None:
    sheet = opened(assessed(factory, "factory-kpi-2025"))["计分表"]
    words = [str(cell.value).strip() for cell in sheet["B"]]
    assert "现期" in words and "现期 · 取值" not in words
    assert words.count("变化 · 百分点（小数）") == 2  # items 10 and 11 are shares themselves


def test_every_device_says_why(book: Any) -> None:
    sheet = book["设备台账"]
    why = {row[0].value: (row[12].value, row[15].value) for row in sheet.iter_rows(min_row=7) if row[0].value}
    assert why["press-01"] == ("✓", None)
    assert why["press-03"] == (None, "好采样占比不足")
    assert why["drill-01"][1] == "台账中有，未接入"
    assert why["compressor"][1] == "不计入（辅助）"


def test_evidence_has_its_grade_and_window(book: Any) -> None:
    sheet = book["证据清单"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=4)]
    grades = {(row[0], row[2]): row[3] for row in rows}
    assert grades["3", "实测"] == "A"
    assert grades["3", "填报"] == "D"
    assert grades["2", "佐证"] == "C"
    assert grades["1 网络建设", "实测"] == "B"
    assert all(row[7] for row in rows if row[3] == "A"), "continuous measurement names its window"


CODES = re.compile(
    r"electricity|natural_gas|\((consumed|fresh|reused)|tce_|co2_t|machine_counters"
    r"|not_connected|control_|too_few|no_[a-z]+|指标 [a-z]"
)


@pytest.mark.parametrize("template", sorted({*TEMPLATES} - {"factory-2025"}))  # of which nothing is measured
def test_evidence_in_chinese_has_no_codes(factory: Factory, template: str) -> None:
    told = [summary(line.told, "zh") for line in lines(assessed(factory, template), "zh")]
    assert any(told) and [words for words in told if CODES.search(words)] == []


def test_names_stand_behind_what_they_are_counted_in(factory: Factory) -> None:
    """A summary has an end: the figure of the form comes before the list of the machines it is of."""
    for lang, mean, stations in (("zh", "逐月平均", "工位"), ("en", "mean of the months", "stations")):
        told = [summary(line.told, lang) for line in lines(assessed(factory, "sme-2024", ANSWERS), lang)]
        told = [words for words in told if f"; {stations} " in words]
        assert told and all(0 < words.find(mean) < words.find(f"; {stations} ") for words in told)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_form_prints(factory: Factory, template: str, lang: str) -> None:
    made = opened(assessed(factory, template), lang)
    assert len(made.worksheets) == 6
    for sheet in made.worksheets:
        assert (
            sheet.page_setup.paperSize == 9
            and sheet.page_setup.fitToWidth == 1
            and sheet.sheet_properties.pageSetUpPr.fitToPage
        )
        assert sheet.print_title_rows or sheet.max_row < 4
        for row in sheet.iter_rows():
            for cell in row:
                assert not isinstance(cell.value, str) or cell.value[:1] != "=" or cell.data_type == "s"


def test_text_of_a_register_is_never_a_formula(tmp_path: Any) -> None:
    made = built(tmp_path)
    register = tmp_path / "register.csv"
    register.write_text(register.read_text(encoding="utf-8").replace("冲床1", "=1+1"), encoding="utf-8")
    from config.load import load as load_plant

    again = Factory(load_plant(made.file), made.virtual)
    sheet = opened(assessed(again, "sme-2024"))["设备台账"]
    cell = next(row[1] for row in sheet.iter_rows() if row[0].value == "press-01")
    assert (cell.value, cell.data_type) == ("=1+1", "s")
    again.reader.close()
