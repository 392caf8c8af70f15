"""Every rule and every quantity that any form names has a function, and none is there for nothing."""

import pytest

from config.template_file import TEMPLATES, load
from kpi.binding.quantities import QUANTITIES
from kpi.binding.table import RULES


def test_rules() -> None:
    assert {rule.id for name in TEMPLATES for rule in load(name).rules()} == set(RULES)


def test_quantities() -> None:
    assert {item.measured for name in TEMPLATES for item in load(name).items if item.measured} == set(QUANTITIES)


@pytest.mark.parametrize("name", sorted(RULES))
def test_rules_are_documented(name: str) -> None:
    """docs/forms.md says when each holds."""
    from pathlib import Path

    docs = (Path(__file__).parents[2] / "docs" / "forms.md").read_text(encoding="utf-8")
    assert f"| `{name}` |" in docs
