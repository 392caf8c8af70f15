"""Whatever is done to a plant file, loading it gives a plant or a PlantError, and never another exception."""

import random
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import config
from config.faults import PlantError
from config.load import load
from config.plant import Plant

EXAMPLE = (Path(config.__file__).parent / "examples" / "wuxi-01.yaml").read_text(encoding="utf-8")
REGISTER = (Path(config.__file__).parent / "examples" / "register.csv").read_text(encoding="utf-8")
ODD = [
    *("", "~", "true", "off", "-1", "0", "1e400", "1e-400", ".inf", "99999999999999999999", "0x10", "1s", "0s", "10%"),
    *(
        "24:00",
        "25:61",
        "08:00-07:00",
        "2026-02-30",
        "0001-01-01",
        "9999-12-31",
        "always",
        "china",
        "packml",
        "plant:x",
    ),
    *(
        "'\\0'",
        '"\\u0000"',
        '"\\ud800"',
        "[]",
        "{}",
        "[[]]",
        "{a: {}}",
        "[1, a, {b: c}]",
        "*x",
        "&x 1",
        "!t 1",
        "<<: 1",
    ),
    *("holding:65535", "i=1", "a/#/b", "tcp://[::1", "rtu:///x?baud=1", "opc.tcp://h:0", "mqtt://u:p@h", "{file: /}"),
    *("{env: ''}", "{from: 1}", "mon-sat", "1/s", "0/s", "{0: off}", "../../..", "Asia", "🙂", "’"),
]
SIGNS = "{}[]:,#&*!|>'\"%@`-\n\t \\0aé"


def tried(text: str, rows: str = REGISTER) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "register.csv").write_text(rows, encoding="utf-8", errors="surrogatepass")
        (Path(folder) / "plant.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            assert isinstance(load(Path(folder) / "plant.yaml"), Plant)
        except PlantError as error:
            assert error.faults
            assert all(fault.what and "; " in str(fault) for fault in error.faults)


def scalars(text: str) -> list[tuple[int, int]]:
    """Where each value of the file begins and ends."""
    events = [event for event in yaml.parse(text) if isinstance(event, yaml.ScalarEvent)]
    return [(e.start_mark.index, e.end_mark.index) for e in events if e.start_mark and e.end_mark]


PLACES = scalars(EXAMPLE)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(PLACES) - 1), st.sampled_from(ODD)), min_size=1, max_size=4))
def test_values_replaced(changes: list[tuple[int, str]]) -> None:
    text = EXAMPLE
    for place, value in sorted(dict(changes).items(), reverse=True):
        start, end = PLACES[place]
        text = text[:start] + value + text[end:]
    tried(text)


@settings(max_examples=80, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 8))
def test_signs_inserted_and_pieces_cut_out(chance: random.Random, count: int) -> None:
    text = EXAMPLE
    for _ in range(count):
        where = chance.randrange(len(text))
        if chance.random() < 0.5:
            text = text[:where] + chance.choice(SIGNS) + text[where:]
        else:
            text = text[:where] + text[where + chance.randrange(1, 30) :]
    tried(text)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, EXAMPLE.count("\n")), min_size=1, max_size=6))
def test_lines_left_out(lines: list[int]) -> None:
    tried("\n".join(line for i, line in enumerate(EXAMPLE.split("\n")) if i not in lines))


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 10))
def test_registers(chance: random.Random, count: int) -> None:
    rows = REGISTER
    for _ in range(count):
        where = chance.randrange(len(rows))
        rows = (
            rows[:where]
            + chance.choice([",", '"', "\n", "\r", "\0", "是", "id", " "])
            + rows[where + chance.randrange(3) :]
        )
    tried(EXAMPLE, rows)


@pytest.mark.parametrize("value", ODD)
def test_each_odd_value_in_each_place_of_the_smallest_file(value: str) -> None:
    text = (Path(config.__file__).parent / "examples" / "smallest.yaml").read_text(encoding="utf-8")
    for start, end in scalars(text):
        tried(text[:start] + value + text[end:])
