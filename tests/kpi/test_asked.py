"""What a user asks of a plant with history: rows are imported, `gemba … --json` is run, the document is compared.

Cases are worked out by hand from docs/kpi.md, tests/cases/asked; a number is written as the fraction that it is.
"""

import json
import re
import shlex
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from gemba.cli import main
from tests.energy.history import lines
from tests.energy.plants import plant

CASES = sorted((Path(__file__).parents[1] / "cases" / "asked").glob("*.yaml"))
_FRACTION = re.compile(r"-?\d+/\d+")


def differs(found: Any, expected: Any, where: str = "") -> list[str]:
    """What is not as expected. Keys that are not named may be there; lists have as many items as are named."""
    if isinstance(expected, dict) and isinstance(found, dict):
        pairs = [(found.get(key, "nothing"), value, f"{where}.{key}") for key, value in expected.items()]
    elif isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
        pairs = [(one, other, f"{where}[{at}]") for at, (one, other) in enumerate(zip(found, expected, strict=True))]
    else:
        wanted = float(Fraction(expected)) if isinstance(expected, str) and _FRACTION.fullmatch(expected) else expected
        same = found == wanted and isinstance(found, bool) == isinstance(wanted, bool)
        return [] if same else [f"{where}: {found!r}, expected {expected!r}"]
    return [wrong for one, other, at in pairs for wrong in differs(one, other, at)]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_answer_is_the_one_worked_out(case: Path, tmp_path: Path, capfdbinary: Any) -> None:
    told = yaml.safe_load(case.read_text(encoding="utf-8"))
    rows = yaml.load(case.read_text(encoding="utf-8"), yaml.BaseLoader)["rows"]
    made = plant(tmp_path, told["plant"], told.get("register", ""))
    file = str(tmp_path / "plant.yaml")
    (tmp_path / "rows.csv").write_text("\n".join(lines(made, rows)) + "\n", encoding="utf-8")
    hold = ["--hold", told["hold"]] if "hold" in told else []
    assert main(["import", file, str(tmp_path / "rows.csv"), *hold]) == 0
    for ask in told["ask"]:
        capfdbinary.readouterr()
        words = shlex.split(ask["gemba"].replace("PLANT", file).replace("ANSWERS", str(tmp_path / "answers.yaml")))
        (tmp_path / "answers.yaml").write_text(yaml.safe_dump(ask.get("answers")), encoding="utf-8")
        code = main([*words, "--json"])
        out, err = capfdbinary.readouterr()
        assert code == 0, err.decode()
        assert differs(json.loads(out), ask["expect"]) == [], ask["gemba"]


def test_there_are_cases() -> None:
    assert len(CASES) > 8
