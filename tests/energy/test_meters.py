"""Plant totals without counting a sub-meter twice, each tree of meters written out with what it must come to."""

from pathlib import Path

import pytest

from kpi.energy_meters import NO_MAIN_METER, Place, Tree
from tests.energy.plants import plant

REGISTER = """\
press-01,a,stamping,,production,native,,,,,
press-02,a,stamping,,production,native,,,,,
saw-01,b,,,production,native,,,,,
"""
ASSETS = """
assets:
  press-01: {source: plc, points: {energy: {at: "input:0", type: uint32, unit: kWh}}}
  press-02: {source: plc, points: {power: {at: "input:8", type: uint32, unit: kW}}}
  saw-01: {source: plc, points: {energy: {at: "input:16", type: uint32, unit: kWh}}}
"""


def meters(*lines: str) -> str:
    """`id scope role under`, a dash for what is not written; a carrier but electricity stands before a slash."""
    written = ["", "meters:"]
    for number, line in enumerate(lines):
        name, scope, role, under = line.split()
        carrier, _, id_ = name.rpartition("/")
        fields = {"carrier": carrier or "electricity", "scope": f'"{scope}"', "role": role, "under": under}
        said = ", ".join(f"{key}: {value}" for key, value in fields.items() if value != "-")
        unit = "m3" if carrier in ("water", "natural_gas") else "GJ" if carrier in ("heat", "waste_heat") else "kWh"
        point = f'{{source: meter, at: "input:{8 * number}", type: uint32, unit: {unit}}}'
        written.append(f"  {id_}: {{{said}, point: {point}}}")
    return "\n".join(written) + "\n"


CASES: dict[str, tuple[str, dict[tuple[str, str], tuple[str, bool]]]] = {
    "assets alone": ("", {("electricity", "consumed"): ("press-01 press-02 saw-01", True)}),
    "one main meter over all": (
        meters("main plant - -", "a workshop:a - main"),
        {("electricity", "consumed"): ("main", False)},
    ),
    "two feeders": (
        meters("north plant - -", "south plant - -"),
        {("electricity", "consumed"): ("north south", False)},
    ),
    "a plant meter under the plant's": (
        meters("main plant - -", "lighting plant - main"),
        {("electricity", "consumed"): ("main", False)},
    ),
    "a workshop meter and what stands outside it": (
        meters("a workshop:a - -"),
        {("electricity", "consumed"): ("a saw-01", True)},
    ),
    "a line within its workshop": (
        meters("a workshop:a - -", "stamping line:stamping - -"),
        {("electricity", "consumed"): ("a saw-01", True)},
    ),
    "a line alone": (meters("stamping line:stamping - -"), {("electricity", "consumed"): ("stamping saw-01", True)}),
    "the asset's meter, not its own point as well": (
        meters("saw asset:saw-01 - -"),
        {("electricity", "consumed"): ("saw press-01 press-02", True)},
    ),
    "a chain of meters": (
        meters("a workshop:a - -", "line line:stamping - a", "one asset:press-01 - line"),
        {("electricity", "consumed"): ("a saw-01", True)},
    ),
    "roles stand apart": (
        meters("main plant - -", "roof plant generated -", "grid plant sold -", "canteen workshop:b other main"),
        {
            ("electricity", "consumed"): ("main", False),
            ("electricity", "generated"): ("roof", False),
            ("electricity", "sold"): ("grid", False),
            ("electricity", "other"): ("canteen", False),
        },
    ),
    "sold is subtracted once": (
        meters("main plant - -", "sold-all plant sold -", "sold-one plant sold sold-all"),
        {("electricity", "consumed"): ("main", False), ("electricity", "sold"): ("sold-all", False)},
    ),
    "generated on two roofs": (
        meters("main plant - -", "roof-a workshop:a generated -", "roof-b workshop:b generated -"),
        {("electricity", "consumed"): ("main", False), ("electricity", "generated"): ("roof-a roof-b", False)},
    ),
    "what is not production and was never counted": (
        meters("a workshop:a - -", "canteen workshop:b other -"),
        {("electricity", "consumed"): ("a saw-01", True)},
    ),
    "what is not production inside a counted meter": (
        meters("a workshop:a - -", "office line:stamping other -"),
        {("electricity", "consumed"): ("a saw-01", True), ("electricity", "other"): ("office", False)},
    ),
    "carriers stand apart": (
        meters(
            "main plant - -", "natural_gas/boiler plant - -", "heat/boiler-out plant produced -", "heat/hall plant - -"
        ),
        {
            ("electricity", "consumed"): ("main", False),
            ("natural_gas", "consumed"): ("boiler", False),
            ("heat", "produced"): ("boiler-out", False),
            ("heat", "consumed"): ("hall", False),
        },
    ),
    "water": (
        meters("water/city plant fresh -", "water/wash workshop:a fresh city", "water/loop plant reused -"),
        {
            ("water", "fresh"): ("city", False),
            ("water", "reused"): ("loop", False),
            ("electricity", "consumed"): ("press-01 press-02 saw-01", True),
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_makes_up_the_plants_totals(name: str, tmp_path: Path) -> None:
    written, expected = CASES[name]
    totals = Tree(plant(tmp_path, ASSETS + written, REGISTER)).totals()
    found = {
        (total.carrier, total.role): (" ".join(gauge.id for gauge in total.gauges), NO_MAIN_METER in total.flags)
        for total in totals
    }
    assert found == expected


def test_what_a_role_does_to_consumption(tmp_path: Path) -> None:
    written = meters("main plant - -", "roof plant generated -", "grid plant sold -", "canteen plant other main")
    signs = {total.role: total.sign for total in Tree(plant(tmp_path, ASSETS + written, REGISTER)).totals()}
    assert signs == {"consumed": 1, "generated": 1, "sold": -1, "other": -1}


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place("workshop", "a"), "a"),
        (Place("workshop", "b"), "saw-01"),
        (Place("line", "stamping"), "press-01 press-02"),
        (Place("point", "press-02"), "press-02"),
    ],
)
def test_totals_of_a_part_of_the_plant(place: Place, expected: str, tmp_path: Path) -> None:
    tree = Tree(plant(tmp_path, ASSETS + meters("main plant - -", "a workshop:a - main"), REGISTER))
    total = tree.total("electricity", "consumed", place)
    assert total is not None
    assert " ".join(gauge.id for gauge in total.gauges) == expected


def test_nothing_metered_is_no_total(tmp_path: Path) -> None:
    tree = Tree(plant(tmp_path, ASSETS, REGISTER))
    assert tree.total("natural_gas", "consumed", Place("plant")) is None
