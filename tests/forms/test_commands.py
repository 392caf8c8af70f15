"""`gemba score` and `gemba templates` as a user calls them: what stands on stdout, and the exit code."""

import csv
import json
from pathlib import Path

import pytest

from config.template_file import TEMPLATES, load
from gemba.cli import main
from gemba.table import width
from kpi.forms.answers import parse_answers, read_answers
from kpi.forms.blank import blank
from kpi.forms.measured import NOTHING
from kpi.forms.score import score

VECTORS = json.loads((Path(__file__).parents[1] / "cases" / "forms" / "vectors.json").read_text(encoding="utf-8"))


@pytest.fixture
def low(tmp_path: Path) -> Path:
    file = tmp_path / "low.yaml"
    file.write_text(json.dumps(VECTORS["sme2024_low"]["answers"], ensure_ascii=False), encoding="utf-8")
    return file


# -- score -------------------------------------------------------------------------------------------------------------
def test_json_is_all_there_is_on_stdout(low: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "sme-2024", str(low), "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["template"], found["score"], found["level_name"], err) == (
        "sme-2024",
        20.678571,
        "一级（初始级）",
        "",
    )


def test_official_names_stay_and_prose_follows_the_language(low: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = {}
    for lang in ("zh", "en"):
        assert main(["score", "sme-2024", str(low), "--json", "--lang", lang]) == 0
        said[lang] = json.loads(capsys.readouterr().out)
    assert said["zh"]["gaps"][0]["needs"] == "再得 19.321429 分（现 20.678571，需 40）"
    assert said["en"]["gaps"][0]["needs"] == "19.321429 more points (20.678571 of 40)"
    assert said["zh"]["level_name"] == said["en"]["level_name"]
    assert [each["title"] for each in said["zh"]["items"]] == [each["title"] for each in said["en"]["items"]]


def test_a_table_for_people(low: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "sme-2024", str(low), "--lang", "zh"]) == 0
    out = capsys.readouterr().out
    assert "等级  一级（初始级）  (按得分 1 级，按场景 1 级)\n得分  20.678571\n" in out
    assert " 2  设备数字化  (10%, 20%]  6/40 = 15 %" in out
    assert "12  绿色低碳    增加  0.713846 → 0.736383 千克标准煤/百元" in out
    assert "二级（规范级）  ≥40 ✗  1/6 ✗   1/3 ✗   ✗" in out
    assert "  - 再得 19.321429 分（现 20.678571，需 40）" in out
    rows = [line for line in out.splitlines() if line.endswith("填报") and line[:2].strip().isdigit()]
    assert len(rows) == 15
    assert len({width(row) for row in rows}) == 1  # columns line up, whatever mixture stands in them


def test_a_table_in_english(low: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "sme-2024", str(low), "--lang", "en"]) == 0
    out = capsys.readouterr().out
    assert "Rated  level 1 (initial)  (1 by score, 1 by scenes)\nScore  20.678571\n" in out
    assert "item5_links" in out


def test_csv(low: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "sme-2024", str(low), "--csv", "--lang", "zh"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert len(rows) == 15 + 16
    assert rows[3] == {
        "part": "item", "no": "4", "title": "数据采集", "answer": "2: 14, 15", "points": "14.285714", "weight": "0.1",
        "contribution": "1.428571", "value": "", "level": "", "declared": "", "cap": "", "origin": "declared",
    }  # fmt: skip
    assert (rows[27]["part"], rows[27]["title"], rows[27]["level"], rows[27]["declared"]) == (
        "scene",
        "财务管理",
        "2",
        "2",
    )


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_form_has_a_table(name: str, lang: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "blank.yaml"
    file.write_text(blank(load(name), lang), encoding="utf-8")
    assert main(["score", name, str(file), "--lang", lang]) == 0
    out = capsys.readouterr().out
    assert out.startswith(load(name).title.of(lang))
    for switch in load(name).switches:
        assert switch.says.of(lang) in out


def test_a_wrong_file_is_exit_2_with_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("answers:\n  1: [1, 2]\n  8: 7\n", encoding="utf-8")
    assert main(["score", "sme-2024", str(file), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"{file}:2: answers.1: 无 stands with another option (got [1, 2]); leave 无 out, or write [] alone",
        f"{file}:3: answers.8: no such option (got 7); positions are 1 to 6",
    ]


@pytest.mark.parametrize(
    "words", [["score", "sme", "x.yaml"], ["templates", "sme"], ["score", "sme-2024", "none.yaml"]]
)
def test_what_is_not_there_is_exit_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


def test_json_and_csv_exclude_each_other(low: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["score", "sme-2024", str(low), "--json", "--csv"])
    assert caught.value.code == 2


@pytest.mark.parametrize("command", ["score", "templates"])
def test_help_ends_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert capsys.readouterr().out.rstrip().splitlines()[-1].startswith("  gemba ")


# -- templates ---------------------------------------------------------------------------------------------------------
def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in rows] == list(TEMPLATES)
    assert rows[0]["document"] == "工信厅企业〔2024〕56号"
    assert main(["templates", "--csv"]) == 0
    assert len(list(csv.reader(capsys.readouterr().out.splitlines()))) == 6
    assert main(["templates", "--lang", "zh"]) == 0
    assert "中小企业数字化水平评测指标（2024年版）" in capsys.readouterr().out


def test_one_form_with_its_positions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "sme-2024", "--lang", "zh"]) == 0
    out = capsys.readouterr().out
    assert "1 一级（初始级），≥20分，6 个场景，其中约束性 3 个" in out
    assert "5 信息系统  10 % — 企业使用本地或云化部署的信息化服务，实现业务的数字化管理情况" in out
    assert "  4 绝大部分业务环节（大于80%）" in out
    assert "  7 生产管控 [实测]" in out
    assert "8 设备管理*" in out
    assert (
        "  3 关键工序用数字化检测设备检测 [实测]；自动判断检测结果并报警 [实测]；或 原材料、半成品、成品质量可追溯"
        in out
    )


def test_one_form_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "jiangsu-factory-2025", "--json", "--lang", "en"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["id"], len(found["scenes"]), found["levels"][2]["scenes"]) == ("jiangsu-factory-2025", 40, 15)
    assert found["scenes"][0]["levels"][0] == {"level": 1, "clauses": None}
    live = found["scenes"][15]["levels"][1]["clauses"][0]
    assert (live["basis"], live["rule"], live["with"]) == (
        "measured", "key_devices_live", {"coverage": "key_device_coverage", "within": "real_time"},
    )  # fmt: skip


def test_one_form_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "jiangsu-factory-2025", "--csv", "--lang", "zh"]) == 0
    rows = list(csv.reader(capsys.readouterr().out.splitlines()))
    assert len(rows) == 1 + 40 * 4
    assert rows[1] == ["scene", "1", "工厂数字化设计与交付", "1", "/"]
    assert main(["templates", "sme-2024", "--csv", "--lang", "zh"]) == 0
    rows = list(csv.reader(capsys.readouterr().out.splitlines()))
    assert rows[3] == ["option", "1", "网络建设", "2", "企业车间建成工控网络，支持自动化控制应用"]


def test_blank_of_no_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "--blank"]) == 2
    assert "--blank of which form?" in capsys.readouterr().err


# -- blank answer files ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_blank_loads_as_it_stands(name: str, lang: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", name, "--blank", "--lang", lang]) == 0
    file = tmp_path / "blank.yaml"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    form = score(load(name), NOTHING, read_answers(load(name), file))
    assert form.complete is False
    assert all(each.origin == "missing" for each in form.items)
    assert not any(each.rating.declared for each in form.scenes)


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_blank_explains_everything(name: str, lang: str) -> None:
    form, text = load(name), blank(load(name), lang)
    labels = [option.label for item in form.items for option in item.options]
    rated = [item.levels for item in form.items] + [each.levels for each in (*form.scenes, *form.sections)]
    clauses = [clause.says for levels in rated for level in levels for clause in level or ()]
    for words in (form.title, *labels, *clauses):
        assert words.of(lang) in text
    for switch in form.switches:
        assert f"#   {switch.name}: " in text


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_switches_of_a_blank_are_its_defaults(name: str) -> None:
    """Without their # they change nothing."""
    text = blank(load(name), "en")
    head, _, switches = text.partition("# switches:")
    assert "#   " in switches
    opened = head + "switches:" + switches.replace("\n#   ", "\n  ")
    assert parse_answers(load(name), opened).settings == load(name).defaults()
