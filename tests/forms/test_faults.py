"""A wrong answer file gets every fault at once, by item, each with its line and the exact words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from config.faults import TemplateError
from config.template_file import load
from kpi.forms.answers import parse_answers, read_answers

CASES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[1] / "cases" / "forms" / "faults.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", CASES)
def test_fault(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    file = tmp_path / "bad.yaml"
    file.write_text(case["file"], encoding="utf-8")
    with pytest.raises(TemplateError) as caught:
        read_answers(load(case["template"]), file)
    said = [str(fault).removeprefix(f"{file}:") for fault in caught.value.faults]
    assert said == case["says"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TemplateError) as caught:
        read_answers(load("sme-2024"), tmp_path / "none.yaml")
    assert (
        str(caught.value)
        == f"{tmp_path / 'none.yaml'}: cannot be read: No such file or directory; give the path of a file"
    )


def test_the_general_index_has_its_own_faults(tmp_path: Path) -> None:
    """A factory's answers name those of the general index; faults of both files come together."""
    general, factory = tmp_path / "general.yaml", tmp_path / "factory.yaml"
    general.write_text("answers: {2: na}\n", encoding="utf-8")
    factory.write_text("general_score: general.yaml\nmaturity: 9\n", encoding="utf-8")
    with pytest.raises(TemplateError) as caught:
        read_answers(load("jiangsu-factory-2025"), factory)
    assert [str(fault) for fault in caught.value.faults] == [
        f"{factory}:2: maturity: must be a whole number from 0 to 5 (got 9); write one of these",
        f"{general}:1: answers.2: 不涉及 is not allowed here (got na); only items 1, 5, 6 may be na",
    ]


def test_answers_from_elsewhere_name_no_files() -> None:
    with pytest.raises(TemplateError) as caught:
        parse_answers(load("jiangsu-factory-2025"), "general_score: /etc/hostname")
    said = "answers:1: general_score: must be a number here (got /etc/hostname); give the score itself"
    assert str(caught.value) == said


def test_no_such_template() -> None:
    with pytest.raises(TemplateError) as caught:
        load("sme-2025")
    there = "sme-2024, factory-kpi-2025, factory-2025, jiangsu-general-2025, jiangsu-factory-2025"
    assert str(caught.value) == f"sme-2025: no such template; there are {there}"
