"""docs/kpi.md has every rate, every reason for which a device does not count, and every headline of energy."""

import re
from pathlib import Path

from kpi.rate import REASONS
from kpi.rates import RATES

PAGE = (Path(__file__).parents[2] / "docs" / "kpi.md").read_text(encoding="utf-8")


def test_every_rate_and_headline_has_a_section() -> None:
    sections = set(re.findall(r"^### `?(\w+)`?$", PAGE, re.MULTILINE))
    assert {*RATES, "tce", "co2_t", "kgce_per_100_yuan", "by_state"} <= sections


def test_every_reason_is_explained() -> None:
    table = PAGE.split("| reason | means |", 1)[1].split("\n\n", 1)[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(REASONS)
