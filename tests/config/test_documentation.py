"""docs/plant-file.md has every key of the plant file, with the type, default, unit and example that the loader has."""

import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

import config
from config.cursor import Cursor
from config.document import parse
from config.keys import REQUIRED, Key, Section
from config.load import SECTIONS
from config.plant import Cavities, InfluxDB, Keep, Meter, Networked, Point, Rules, Security, Source
from config.register import CLASSES, CONTROLS, HEADINGS
from config.states import shipped

PAGE = (Path(config.__file__).parent.parent / "docs" / "plant-file.md").read_text(encoding="utf-8")
KEYS = [(section, key) for section in SECTIONS for key in section.keys]
NAMES = [f"{section.path or 'plant'}.{key.name}" for section, key in KEYS]


def tables() -> dict[str, list[list[str]]]:
    """The cells of each table, by the heading above it."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for line in PAGE.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ").strip("`")
        elif line.startswith("| `"):
            cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            found.setdefault(heading, []).append(cells)
    return found


TABLES = tables()


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.path or "plant")
def test_each_table_has_exactly_its_keys(section: Section) -> None:
    rows = TABLES[section.path or "The file"]
    assert [[cell.strip("`*") for cell in row[:5]] for row in rows] == [
        [key.name, key.type, key.default.strip("`"), key.unit.strip("`"), key.example] for key in section.keys
    ]


def value_of(key: Key, text: str) -> tuple[Any, list[str]]:
    node, faults = parse(f"value: {text}\n", "example.yaml")
    assert faults == []
    cursor = Cursor(node, "example.yaml", [])
    value = cursor.take("value", key.parse)
    return value, [str(fault) for fault in cursor.faults]


@pytest.mark.parametrize(("section", "key"), KEYS, ids=NAMES)
def test_each_example_is_right(section: Section, key: Key) -> None:
    value, faults = value_of(key, key.example)
    assert faults == []
    assert value is not None


MODELS: dict[str, type] = {
    "keep": Keep,
    "rules": Rules,
    "rules.networked": Networked,
    "sources.<source>": Source,
    "sources.<source>.security": Security,
    "assets.<asset>.cavities": Cavities,
    "assets.<asset>.points.<point>": Point,
    "store.influxdb": InfluxDB,
    "meters.<meter>": Meter,
}


def defaults() -> list[tuple[Key, Any]]:
    """Keys whose documented default is a value, and the default of the model."""
    found = []
    for section, key in KEYS:
        model = {field.name: field for field in fields(MODELS[section.path])} if section.path in MODELS else {}
        field = model.get(key.name)
        if field and field.default is not MISSING and field.default is not None and key.default != REQUIRED:
            found.append((key, field.default))
    return found


def test_each_documented_default_is_the_models() -> None:
    compared = []
    for key, default in defaults():
        value, faults = value_of(key, key.default)
        if not faults and value is not None and not isinstance(value, Cursor):
            assert value == default, key.name
            compared.append(key.name)
    assert {"days", "bytes", "free", "delivered", "every", "order", "scale", "coverage", "window", "scope"} <= set(
        compared
    )


def test_the_register_table() -> None:
    rows = TABLES["The equipment register"]
    assert {row[0].strip("`"): row[1] for row in rows} == HEADINGS
    values = {row[0].strip("`"): row[2] for row in rows}
    assert values["class"] == ", ".join(f"{word} {chinese}" for word, chinese in CLASSES.items())
    assert values["control"] == ", ".join(f"{word} {chinese}" for word, chinese in CONTROLS.items())


@pytest.mark.parametrize("row", TABLES["State maps that ship"], ids=lambda row: row[0].strip("`"))
def test_the_state_maps_as_documented(row: list[str]) -> None:
    states = shipped(row[0].strip("`"))
    for column, state in ((2, "running"), (3, "setup"), (4, "down"), (5, "idle"), (6, "off")):
        for word in filter(None, row[column].split(", ")):
            assert states[word] == state, word
    documented = {word for cell in row[2:7] for word in cell.split(", ") if word}
    spellings = {"Completed", "PROGRAM_OPTIONAL_STOP"}
    assert {word for word in states if not word.isdigit()} - spellings == documented
