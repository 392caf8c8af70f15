"""Energy of small plants worked out by hand: rows are imported into a journal, facts formed, the document compared."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from kpi.energy_report import report
from tests.energy.history import told
from tests.energy.plants import plant

CASES = sorted((Path(__file__).parents[1] / "cases" / "energy" / "plants").glob("*.yaml"))


def agrees(found: Any, expected: Any, where: str = "") -> list[str]:
    """What differs. Keys that are not expected may be there; lists have as many items as are expected."""
    if isinstance(expected, dict) and expected:
        if not isinstance(found, dict):
            return [f"{where}: {found!r} is no mapping"]
        return [
            wrong for key, value in expected.items() for wrong in agrees(found.get(key, ...), value, f"{where}.{key}")
        ]
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return [f"{where}: {found!r}, expected {expected!r}"]
        pairs = zip(found, expected, strict=True)
        return [wrong for at, (one, other) in enumerate(pairs) for wrong in agrees(one, other, f"{where}[{at}]")]
    return [] if found == expected and type(found) is type(expected) else [f"{where}: {found!r}, expected {expected!r}"]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_plant_worked_out_by_hand(case: Path, tmp_path: Path) -> None:
    of = yaml.load(case.read_text(encoding="utf-8"), yaml.BaseLoader)
    expected = yaml.safe_load(case.read_text(encoding="utf-8"))["expect"]
    made = plant(tmp_path, of["plant"], of.get("register", ""))
    found = told(made, of["rows"], of["from"], of["to"], tmp_path)
    revenue = Fraction(Decimal(of["revenue"])) if "revenue" in of else None
    assert agrees(report(found, of.get("per", "window"), revenue), expected) == []


def test_there_are_cases() -> None:
    assert len(CASES) > 15
