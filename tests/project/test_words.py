"""What a Chinese page or table shows of a document is Chinese: no key of it is left as it is written."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from gemba.dashboard.words import say
from kpi.api import models
from kpi.facts.schema import COVERED_MS
from kpi.facts.schema import FLAGS as OF_FACTS
from kpi.indicators import KPIS, Subject
from kpi.listing import FLAGS, flagged
from kpi.sums import Sums

ALL = frozenset({"state", "mode", "ideal", "energy", "good", "reject", "rework", *COVERED_MS})
TERMS = sorted({term for kpi in KPIS.values() for term in kpi.find(Subject(Sums(), ALL)).terms})
OPENED = (models.Kpis, models.KpiRow, models.Measured, models.Rate, models.Energy)


def fields(of: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in of.model_fields.items()]


def chinese(word: str) -> bool:
    return re.search("[\u4e00-\u9fff]", word) is not None


@pytest.mark.parametrize("key", [*TERMS, *dict.fromkeys(name for of in OPENED for name in fields(of))])
def test_a_key_of_a_document_has_words(key: str) -> None:
    assert chinese(say(key, "zh")) or key in ("sha256", "influxdb"), key
    assert not chinese(say(key, "en")), key


def test_a_flag_has_words() -> None:
    page = Path("docs/kpi.md").read_text(encoding="utf-8").split("\n## Flags\n")[1].split("\n## ")[0]
    written = re.findall(r"^\| `([a-z_0-9]+)` \|", page, re.MULTILINE)
    assert set(OF_FACTS) <= set(written)
    for flag in written:
        assert chinese(FLAGS[flag][1]) and not chinese(FLAGS[flag][0]), flag


def test_flags_of_a_table() -> None:
    assert flagged(["reset", "spread"], "zh") == "计数器清零、缺口内产量按时分摊"
    assert flagged(["reset", "spread"], "en") == "reset spread"
