"""What the folder says of itself holds."""

import re
from pathlib import Path

import pytest

import connectors.modbus
from config.document import parse
from config.load import load
from connectors import quality
from connectors.modbus import connect
from connectors.modbus.decode import EXCEPTIONS
from connectors.modbus.endpoint import line

FOLDER = Path(connectors.modbus.__file__).parent
README = (FOLDER / "README.md").read_text()


def test_the_sample_checks_and_every_source_of_it_is_planned() -> None:
    plant = load(FOLDER / "sample.yaml")
    assert plant.warnings == ()
    for source in plant.sources.values():
        connector = connect(source, [point for point in plant.points() if point.source == source.id], plant)
        assert connector.layouts  # type: ignore[attr-defined]
    assert line(plant.sources["feeder"].url) == line(plant.sources["oven-meter"].url)


def test_the_urls_of_the_readme_are_lines() -> None:
    block = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert block
    node, faults = parse(block[1], "README.md")
    assert not faults
    assert isinstance(node.value, dict)
    serial = line("rtu:///dev/ttyUSB0?baud=9600&parity=N&bits=8&stop=1")
    assert "rtu:///dev/ttyUSB0?baud=9600&parity=N&bits=8&stop=1" in block[1]
    assert serial == line("rtu:///dev/ttyUSB0")


@pytest.mark.parametrize("code", EXCEPTIONS)
def test_every_exception_stands_in_the_table(code: int) -> None:
    row = next(row for row in README.splitlines() if re.match(rf"\| exception (\d+, )*{code}\b", row))
    assert quality.name(EXCEPTIONS[code]) in row


def test_the_quality_scale_has_ten_lines() -> None:
    assert re.findall(r"^\| (\d+) \|", README, re.MULTILINE) == [str(n) for n in range(1, 11)]
