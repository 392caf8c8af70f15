"""`gemba assess` as it is called: JSON, text, CSV and a workbook; exit code 2 for what is wrong with the question."""

import json
from pathlib import Path

import pytest

from gemba.cli import main
from tests.assess.plants import Factory

SPAN = ["--from", "2026-08-09", "--to", "2026-08-17", "--baseline-from", "2026-08-01", "--baseline-to", "2026-08-09"]


@pytest.fixture
def plant(factory: Factory) -> str:
    return str(factory.file)


def test_json_and_workbook(plant: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    answers = tmp_path / "answers.yaml"
    answers.write_text("template: sme-2024\nanswers: {3: {total: 8, networked: 8}, 8: 4}\n", encoding="utf-8")
    out = tmp_path / "form.xlsx"
    assert main(["assess", "sme-2024", plant, *SPAN, "--answers", str(answers), "--xlsx", str(out), "--json"]) == 0
    told = json.loads(capsysbinary.readouterr().out)
    networked = told["items"][2]
    assert (networked["options"], networked["conflict"]["declared"]["options"]) == ([4], [5])
    assert told["items"][7]["origin"] == "declared"
    assert told["declared"]["score"] == 6 + 4.5
    assert out.read_bytes()[:2] == b"PK"


@pytest.mark.parametrize(("lang", "words"), [("zh", "设备联网"), ("en", "Networked equipment")])
def test_text(plant: str, lang: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assess", "sme-2024", plant, *SPAN, "--lang", lang]) == 0
    told = capsys.readouterr().out
    assert told.startswith("wuxi-09  2026-08-09T00:00:00+08:00")
    assert words in told
    assert "4/8 = 50 %" in told


def test_csv(plant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assess", "sme-2024", plant, *SPAN, "--csv"]) == 0
    assert capsys.readouterr().out.startswith("part,no,title")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sme-2025", "PLANT"], "no such template"),
        (["sme-2024", "PLANT", "--last", "many"], "last"),
        (["sme-2024", "PLANT", "--baseline-to", "2026-08-09"], "baseline-from: is missing"),
        (["sme-2024", "PLANT", "--answers", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_wrong_questions(plant: str, words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assess", *(plant if word == "PLANT" else word for word in words)]) == 2
    assert told in capsys.readouterr().err


def test_a_workbook_that_cannot_be_written(plant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assess", "sme-2024", plant, *SPAN, "--xlsx", str(tmp_path / "no" / "form.xlsx")]) == 1
    assert "name another file" in capsys.readouterr().err
