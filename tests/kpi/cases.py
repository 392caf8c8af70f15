"""Case files: a plant, series in run-length notation, a window, and what was worked out by hand.

Later documents of a file begin as the one before, and say what differs. Numbers are exact: fractions are compared with
fractions, never with floats.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any

import yaml

from config.plant import STATES, Plant
from config.values import duration
from kpi.facts.archive import Archive
from kpi.facts.facts import Facts, facts
from kpi.report import Question, Row, rows
from store.reader import Event
from tests.kpi.memory import Memory, ordered
from tests.kpi.notation import rows as written
from tests.kpi.plants import at, plant

FOLDER = Path(__file__).parent.parent / "cases" / "kpi"


@dataclass(frozen=True)
class Case:
    name: str
    told: Mapping[str, Any]


def cases() -> Iterator[Case]:
    for file in sorted(FOLDER.glob("*.yaml")):
        told: dict[str, Any] = {}
        for number, document in enumerate(yaml.load_all(file.read_text(encoding="utf-8"), yaml.BaseLoader)):
            told = told | document
            yield Case(f"{file.stem}:{number}", told)


def span_ns(text: str) -> int:
    from config.cursor import Cursor
    from config.document import Node

    found = Cursor(Node(text, 0, {}, text), "case", []).parsed(duration, None)
    assert found is not None, text
    return found


def store(told: Mapping[str, Any], late: bool = True) -> Memory:
    """The rows of a case as a store holds them; `late` ones have arrived, or not yet."""
    from kpi.facts.reading import joined

    begin, step = at(told["start"]), span_ns(told["step"])
    hold = span_ns(told["hold"]) if "hold" in told else 0
    found: dict[tuple[str, str], Any] = {}
    for given in (told["rows"], *told.get("again", ()), *(told.get("late", ()) if late else ())):
        more = dict(given)
        start = at(more.pop("at")) if "at" in more else begin
        epoch = int(more.pop("epoch", 1))
        for name, series in more.items():
            key = tuple(name.split("."))
            made = written(series, start, step, epoch=epoch, hold=hold)
            found[key] = ordered(joined(found[key], made)) if key in found else made
    steps = [Event(0, at(one["at"]), "clock", {"epoch": int(one["epoch"])}) for one in told.get("clock", ())]
    return Memory(found, events=steps)


def formed(
    told: Mapping[str, Any], folder: Path, archive: bool = False, late: bool = True
) -> tuple[Plant, Facts, list[Row]]:
    of = plant(folder, told["plant"], told.get("timezone", "UTC"), told.get("rules", ""))
    start, end = (at(one) for one in told["window"])
    kept = Archive(of.data, of.id) if archive else None
    made = facts(store(told, late), of, start, end, kept, now=end + 10**18)
    question = Question(start, end, told.get("by", "asset"), profile=told.get("profile", "iso22400"))
    return of, made, rows(made, question)


def number(text: str) -> Fraction | None:
    if text in ("null", ""):
        return None
    over, *under = text.split("/")
    return prod(map(Fraction, over.split("*")), start=Fraction(1)) / prod(map(Fraction, under), start=Fraction(1))


def check(told: Mapping[str, Any], made: Facts, found: list[Row]) -> None:
    by_name = {row.name: row for row in found}
    assert set(told["expect"]) <= set(by_name)
    for name, expected in told["expect"].items():
        row = by_name[name]
        for key, value in expected.items():
            if key == "time_ms":
                times = dict(zip(STATES, row.sums.time, strict=True))
                assert {state: times[state] for state in value} == {s: int(ms) for s, ms in value.items()}, name
            elif key == "quantity":
                _quantity(row, value)
            elif key == "energy":
                _energy(made, name, value)
            else:
                _kpi(row, key, value if isinstance(value, dict) else {"value": value})


def _kpi(row: Row, key: str, expected: Mapping[str, Any]) -> None:
    one = row.measured[key]
    for part in ("value", "low", "high", "coverage"):
        if part in expected:
            assert getattr(one, part) == number(expected[part]), (row.name, key, part, getattr(one, part), one.reason)
    reason = expected.get("reason")
    assert one.reason == reason, (row.name, key, one.reason, reason)
    if "flags" in expected:
        assert list(one.flags) == expected["flags"], (row.name, key)
    for term, value in expected.get("terms", {}).items():
        assert one.terms[term] == number(value), (row.name, key, term)
    if "excluded" in expected:
        assert dict(one.excluded or ()) == expected["excluded"], (row.name, key)


def _quantity(row: Row, expected: Mapping[str, Any]) -> None:
    for name, value in expected.items():
        if name == "unscheduled":
            for part, count in value.items():
                assert getattr(row.sums.outside, part) == number(count), (row.name, part)
        else:
            whole = getattr(row.sums.busy, name) + getattr(row.sums.outside, name)
            assert whole == number(value), (row.name, name, whole)


def _energy(made: Facts, name: str, expected: Mapping[str, str]) -> None:
    table = made.energy[made.energy["asset"] == made.code(name)]
    found = {state: int(table["amount"][table["state"] == STATES.index(state)].sum()) for state in expected}
    assert found == {state: int(wh) for state, wh in expected.items()}
