"""docs/forms.md cannot drift: every switch with its default, every rule with its parameters, every quantity."""

import re
from pathlib import Path

import pytest

from config.template_file import TEMPLATES, load
from kpi.forms.form import setting

PAGE = (Path(__file__).parents[2] / "docs" / "forms.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The table under a heading: first cell to the others; a first cell may hold several names."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for name in re.findall(r"`([^`]+)`", cells[0]) if line.startswith("| `") else []:
            found[name] = cells[1:]
    return found


def test_switches() -> None:
    told = {name: cells[0] for name, cells in rows("Switches").items()}
    every = {switch.name: switch.default for name in TEMPLATES for switch in load(name).switches}
    shown = {
        name: str(setting(value)).lower() if isinstance(value, bool) else str(setting(value))
        for name, value in every.items()
    }
    assert told == shown


def test_a_switch_means_the_same_in_every_form() -> None:
    every = [(switch.name, switch.default) for name in TEMPLATES for switch in load(name).switches]
    assert len(dict(every)) == len(set(every))


def test_rules() -> None:
    told = {name: set(filter(None, cells[0].split(", "))) for name, cells in rows("Rules").items()}
    asked: dict[str, set[str]] = {}
    for name in TEMPLATES:
        for rule in load(name).rules():
            asked.setdefault(rule.id, set()).update(key for key, _ in rule.parameters)
    assert told == asked


def test_quantities() -> None:
    items = [item for name in TEMPLATES for item in load(name).items if item.measured]
    assert set(rows("Quantities")) == {item.measured for item in items}
    for item in items:
        for term in item.measurable_terms:
            assert item.measured is not None
            assert term in rows("Quantities")[item.measured][0] or item.of == ("rate",)


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates(name: str) -> None:
    assert f"| `{name}` |" in PAGE
