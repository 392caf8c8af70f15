"""Facts are formed before anybody asks, in a process of its own."""

import threading
from pathlib import Path

import pytest

from config.load import load
from kpi.api import ahead, answers
from kpi.api import service as service_module
from kpi.api.ahead import Ahead
from kpi.api.forming import form
from kpi.api.service import Service
from kpi.facts.archive import Archive

DAY = 86_400 * 10**9
END = 1_795_190_400 * 10**9  # 2026-11-21T00:00+08:00, where the history ends


def formed(own: Path) -> list[str]:
    plant = load(own)
    return sorted(path.parent.name for path in Archive(plant.data, plant.id).root.glob("slices/*/*/facts.parquet"))


def test_every_day_that_has_rows_is_formed(own: Path) -> None:
    form(load(own), END + DAY // 2)
    assert formed(own) == ["day=2026-11-19", "day=2026-11-20"]


def test_what_was_formed_ahead_needs_no_rows(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer for which rows were read would not be kept."""
    monkeypatch.setattr(answers, "FRESH", 0)
    form(load(own), END + DAY // 2)
    service = Service(own, lambda: END + DAY // 2)
    window = service.window("2026-11-20", "2026-11-21")
    assert service.kpis(window) is service.kpis(window)


def test_questions_wait_for_the_process_and_then_go_on(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "LARGE", 1)
    service = Service(own)
    working = Ahead(service)
    working.start()
    try:
        assert service.forming is not None
        assert service.forming.wait(120)
        assert service.kpis(service.window("2026-11-19", "2026-11-20")).body
    finally:
        working.stop()


def test_a_small_plant_waits_for_nothing(own: Path) -> None:
    service = Service(own)
    working = Ahead(service)
    working.start()
    working.stop()
    assert service.forming is None


def test_only_one_question_waits_in_vain(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "PATIENCE", 0.05)
    service = Service(own)
    service.forming = threading.Event()
    assert service.kpis(service.window("2026-11-19", "2026-11-20")).body
    assert service.forming.is_set()
