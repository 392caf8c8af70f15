"""docs/kpi.md has every KPI with formula and clause, every reason and flag; docs/facts-format.md every column."""

import inspect
import re
from pathlib import Path

import pytest

from kpi import formulas
from kpi.facts.schema import DTYPES, FLAGS
from kpi.indicators import KPIS
from kpi.listing import NAMES, REASONS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "kpi.md").read_text(encoding="utf-8")
OF_GROUPS = ("line_oee", "water_reuse")


def section(heading: str) -> str:
    return PAGE.split(f"\n### {heading}\n", 1)[1].split("\n##", 1)[0]


def listed(head: str) -> list[str]:
    return re.findall(r"^\| `(\w+)` \|", PAGE.split(f"| {head} |", 1)[1].split("\n\n", 1)[0], re.MULTILINE)


@pytest.mark.parametrize("key", [*KPIS, *OF_GROUPS])
def test_every_kpi_has_its_sentence_formula_and_clause(key: str) -> None:
    told = section(key)
    sentence = (getattr(formulas, key).__doc__ or "").split(". ")[0]
    assert " ".join(sentence.split())[:40] in " ".join(told.split())
    unit = "kWh" if key == "energy_per_piece" else KPIS[key].unit if key in KPIS else "1"
    assert f"[{unit}]" in told
    assert " / " in told or "oee ·" in told
    assert "ISO 22400-2" in " ".join(told.split()) or "ISO\n22400-2" in told or "No clause" in told


@pytest.mark.parametrize("key", [*KPIS, *OF_GROUPS])
def test_every_formula_shows_itself(key: str) -> None:
    """One sentence, unit and clause, and three lines that run."""
    told = inspect.getdoc(getattr(formulas, key)) or ""
    assert ">>> " in told and "[" in told
    assert "ISO 22400-2" in told or "No clause" in told


def test_every_reason_and_flag_is_explained() -> None:
    assert listed("reason of a KPI") == [
        *("not_configured", "no_planned_time", "no_ideal_cycle", "no_data", "low_coverage", "no_production"),
        *("no_failures", "no_factor", "short_history", "no_baseline"),
    ]
    assert set(listed("reason of a KPI")) == set(REASONS)
    more = ("performance_above_1", "good_above_total", "all_good", "no_main_meter", "store_silent")
    assert listed("flag") == [*FLAGS, *more]


def test_every_kpi_has_a_name_in_both_languages() -> None:
    assert {*KPIS, *OF_GROUPS} <= set(NAMES)


def test_every_column_of_the_facts_is_explained() -> None:
    page = (DOCS / "facts-format.md").read_text(encoding="utf-8")
    for name, dtype in DTYPES.items():
        told = page.split(f"\n## {name}:", 1)[1].split("\n## ", 1)[0]
        words = set(re.findall(r"\w+", told))
        assert set(dtype.names or ()) <= words, name
    flags = page.split("\n## flags\n", 1)[1].split("\n## ", 1)[0]
    assert re.findall(r"\w+", flags.split(": ", 1)[1].split(". docs", 1)[0]) == list(FLAGS)
