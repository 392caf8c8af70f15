"""`gemba energy` as a user runs it: tables, CSV and JSON from the same document, and what is wrong with an argument."""

import csv
import io
import json
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from gemba.cli import main
from kpi.energy_report import report
from tests.energy.history import taken_in, told
from tests.energy.plants import plant

CASES = Path(__file__).parents[1] / "cases" / "energy" / "plants"
# The years are past whenever this runs.
SPAN = ("--from", "2025-01-01", "--to", "2025-02-01")


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The official worked example, in 2025."""
    of = yaml.load((CASES / "official-example.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)
    for row in of["rows"]:
        row["from"] = row["from"].replace("2026", "2025")
    taken_in(plant(tmp_path, of["plant"]), of["rows"], tmp_path).close()
    return tmp_path / "plant.yaml"


def asked(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["energy", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_json_is_one_document_and_nothing_else(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(asked(capsys, example, *SPAN, "--json"))
    assert (document["factors"], document["tce"], document["reason"]) == ("sme-2024@1", 382.919, None)
    assert document["inputs"]["rows"] == 62  # 31 readings of each meter
    assert document["inputs"]["store"] == "journal" and len(document["inputs"]["sha256"]) == 64


def test_the_table_is_one_a_person_can_check(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = asked(capsys, example, *SPAN, "--lang", "zh", "--revenue", "5200").splitlines()
    assert lines[0] == "test-01  2025-01-01T00:00:00+08:00 – 2025-02-01T00:00:00+08:00  sme-2024@1"
    assert lines[4].split() == [
        *("电力", "消费", "3,100,000.000", "kWh", "0.0001229", "tce/kWh", "+380.990", "+1,644.860"),
        *("100.0", "%", "导入数据"),
    ]
    assert lines[5].split()[-5] == "+1.929"
    assert lines[7] == "综合能源消费量  382.919 tce"
    assert lines[8] == "CO2  1,657.582 t  (0.5306 kg/kWh national 2023)"
    assert lines[9] == "每百元营业收入综合能耗  0.736383 kgce"


def test_english_and_periods(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = asked(capsys, example, *SPAN, "--lang", "en", "--per", "week")
    assert "comprehensive energy  382.919 tce" in text
    weeks = [line.split() for line in text.splitlines() if line.startswith("2025-01-")]
    # Wednesday to Sunday: 500 000 kWh and 2500 m3 are 61.45 + 0.3215 tce
    assert weeks[0] == ["2025-01-01", "61.772", "267.420", "500,000.000", "2,500.000"]
    assert [week[0] for week in weeks[1:]] == ["2025-01-06", "2025-01-13", "2025-01-20", "2025-01-27"]


def test_csv_has_the_same_numbers(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(asked(capsys, example, *SPAN, "--csv"))))
    whole, electricity, gas = rows
    assert (whole["carrier"], whole["tce"], whole["reason"]) == ("", "382.919", "")
    assert (electricity["carrier"], electricity["amount"], electricity["factor"]) == (
        "electricity",
        "3100000.0",
        "0.0001229",
    )
    assert (gas["tce"], gas["factor_status"]) == ("1.929", "official")


def test_another_profile_keeps_what_the_plant_states(
    tmp_path: Path, example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # 0.1286 kgce/m3 is the same there; electricity too, so only the name differs
    document = json.loads(asked(capsys, example, *SPAN, "--json", "--factors", "gbt-2589-2020"))
    assert (document["factors"], document["tce"]) == ("gbt-2589-2020@1", 382.919)
    text = example.read_text(encoding="utf-8") + "factors: {blast_furnace_gas: {tce: 1.3, per: 万m3, exempt: ours}}\n"
    example.write_text(text, encoding="utf-8")
    document = json.loads(asked(capsys, example, *SPAN, "--json", "--factors", "gbt-2589-2020"))
    assert document["tce"] == 382.94  # 380.99 + 1.5 × 1.3


def test_against_a_baseline(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    span = (example, "--from", "2025-01-31", "--to", "2025-02-01", "--revenue", "10")
    words = (*span, "--baseline-from", "2025-01-01", "--baseline-to", "2025-01-02", "--baseline-revenue", "8")
    document = json.loads(asked(capsys, *words, "--json"))
    # 100 000 kWh on each, and 500 m3 on the first of January alone: 12.29 tce against 12.3543
    assert (document["tce"], document["baseline"]["tce"]) == (12.29, 12.3543)
    assert document["change"]["tce"] == {
        "relative": float(Fraction("-0.0643") / Fraction("12.3543")),
        "absolute": -0.0643,
        "certain": True,
    }
    # 12 290 kg over 1000 hundreds of yuan; 12 354.3 over 800
    assert (document["kgce_per_100_yuan"], document["baseline"]["kgce_per_100_yuan"]) == (12.29, 15.442875)
    assert document["change"]["kgce_per_100_yuan"]["absolute"] == -3.152875
    text = asked(capsys, *words, "--lang", "en")
    assert "standard coal  -0.52 %  -0.064300" in text


def test_co2_of_a_baseline_is_told_by_its_own_year_and_by_one_factor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = """
    meters:
      main: {carrier: electricity, point: {source: meter, at: "input:0", type: uint32, unit: kWh}}
    """
    rows = [{"of": "main reading", "from": "2021-06-01T00:00", "every": "24h", "is": "0 1000 _x728 2000 3000"}]
    taken_in(plant(tmp_path, body), rows, tmp_path).close()
    span = (tmp_path / "plant.yaml", "--from", "2023-06-01", "--to", "2023-06-02")
    before = ("--baseline-from", "2021-06-01", "--baseline-to", "2021-06-02")
    document = json.loads(asked(capsys, *span, *before, "--json"))
    assert (document["co2_t"], document["baseline"]["co2_t"]) == (0.5306, 0.5568)
    assert document["baseline"]["co2_t_constant"] == 0.5306
    assert document["change"]["co2_t"]["absolute"] == -0.0262
    assert document["change"]["co2_t_constant"] == {"relative": 0.0, "absolute": 0.0, "certain": True}


def test_nothing_metered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = 'assets: {press: {source: plc, points: {state: {at: "holding:0", type: uint16, states: {1: running}}}}}\n'
    rows = [{"of": "press state", "from": "2025-01-01T00:00", "every": "1min", "is": "1x9"}]
    taken_in(plant(tmp_path, body), rows, tmp_path).close()
    words = (tmp_path / "plant.yaml", "--from", "2025-01-01", "--to", "2025-01-02")
    document = json.loads(asked(capsys, *words, "--json"))
    assert (document["tce"], document["reason"], document["carriers"]) == (None, "not_configured", [])
    assert "not configured" in asked(capsys, *words, "--lang", "en")


def test_nothing_kept_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path, "")
    assert main(["energy", str(tmp_path / "plant.yaml")]) == 1
    assert "no journal is there; start `gemba agent`, or import history" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--revenue", "0"), "must be an amount in 万元, above zero (got 0); write it as 5200"),
        (("--revenue", "1e400"), "must be an amount in 万元"),
        (("--factors", "gbt-2589-2008"), "invalid choice: 'gbt-2589-2008'"),
        (("--from", "2025-13-01", "--to", "2025-12-01"), "must be a date"),
        (("--json", "--csv"), "not allowed with"),
        (("--baseline-from", "yesterday", "--baseline-to", "2025-01-02"), "baseline-from: must be a date"),
    ],
)
def test_wrong_arguments_exit_2(
    words: tuple[str, ...], said: str, example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["energy", str(example), *words])
    except SystemExit as leaving:
        code = leaving.code  # type: ignore[assignment]
    captured = capsys.readouterr()
    assert code == 2 and said in captured.err and captured.out == ""


def test_the_document_is_the_reports(example: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of = yaml.load((CASES / "roles.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)
    rows = [row | {"from": "2025-11-02T00:00"} for row in of["rows"]]
    (tmp_path / "other").mkdir()
    made = plant(tmp_path / "other", of["plant"])
    found = report(told(made, rows, "2025-11-02T00:00", "2025-11-02T02:00", tmp_path / "other"), "hour")
    words = (tmp_path / "other" / "plant.yaml", "--from", "2025-11-02", "--to", "2025-11-02T02:00", "--per", "hour")
    assert json.loads(asked(capsys, *words, "--json")) == json.loads(json.dumps(found))
