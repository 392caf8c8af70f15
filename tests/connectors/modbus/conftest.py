"""Devices of the tests come and go on the same ports: who took identification ill is nobody the next test knows."""

import pytest

from connectors.modbus import identity


@pytest.fixture(autouse=True)
def _strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_WITHOUT", set())
