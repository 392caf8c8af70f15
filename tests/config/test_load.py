"""The loader as its users see it: what the examples say, and what a minimal file means."""

from pathlib import Path

import pytest

import config
from config.load import load

EXAMPLES = sorted((Path(config.__file__).parent / "examples").glob("*.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_loads(file: Path) -> None:
    assert load(file).id == file.stem
