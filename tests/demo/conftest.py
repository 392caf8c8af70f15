"""The site of the demo, as files."""

from pathlib import Path

import pytest

from gemba.demo.plant import plant_file, register_file


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Its plant file, with the register beside it."""
    (tmp_path / "register.csv").write_text(register_file(), encoding="utf-8")
    (tmp_path / "plant.yaml").write_text(plant_file(), encoding="utf-8")
    return tmp_path / "plant.yaml"
