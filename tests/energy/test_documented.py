"""docs/carriers.md has every carrier, unit, factor and CO2 factor, and no other."""

from pathlib import Path

import pytest

from config import factors
from config.carriers import CARRIERS, UNITS
from config.cursor import Cursor
from config.document import parse
from config.overrides import factors as own_factors
from config.plant import Role
from kpi.energy_listing import ROLES
from tests.energy.test_overrides import read

PAGE = (Path(__file__).parents[2] / "docs" / "carriers.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The lines of the table under a heading of these first cells."""
    lines = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_every_carrier_with_its_names_and_steps() -> None:
    told = [(row[0], row[1], row[2], row[3]) for row in rows("carrier | 名称")]
    assert told == [(c.id, c.name, c.unit, c.smallest) for c in CARRIERS.values()]


@pytest.mark.parametrize(("profile", "column", "mass"), [("sme-2024", 4, "tce"), ("gbt-2589-2020", 5, "kgce")])
def test_every_factor_with_its_status(profile: str, column: int, mass: str) -> None:
    size = 1000 if mass == "kgce" else 1
    for row in rows("carrier | 名称"):
        line = factors.table(profile).rows.get(row[0])
        ends = () if line is None else line.range or (line.tce,)
        numbers = " – ".join(f"{float(end * size):.10g}" for end in ends if end is not None)
        assert row[column] == (f"{numbers} {mass}/{line.unit} ({line.status})" if line else "–"), row[0]


def test_every_co2_factor() -> None:
    told = {row[0]: row[1:] for row in rows("carrier | CO2 of one unit")}
    assert list(told) == list(factors.fuels())
    for carrier, fuel in factors.fuels().items():
        assert told[carrier] == [f"{float(fuel.co2):.6g} t/{fuel.unit}", fuel.formula, fuel.status]
    for row in rows("carrier | 名称"):
        known = factors.fuels().get(row[0])
        short = f"{float(known.co2):.4g} t/{known.unit} ({known.status})" if known else "–"
        assert row[6] == ("grid, by year" if row[0] == "electricity" else short)


def test_every_grid_factor() -> None:
    regions = ["national", "华北", "东北", "华东", "华中", "西北", "南方", "西南", "江苏"]
    shipped = {(f.year, f.scope, f.region): f"{float(f.value):.4f}" for f in factors.grid_factors()}
    told = {
        (int(row[0]), row[1], region): value
        for row in rows("data year | scope")
        for region, value in zip(regions, row[2:], strict=True)
        if value != "–"
    }
    assert told == shipped


def test_every_unit() -> None:
    written = {unit for row in rows("kind | units of a register") for unit in row[1].split()}
    assert written == set(UNITS)
    of = {"electricity": "electricity", "heat": "heat", "water": "volume", "coke": "mass", "biomass": "standard coal"}
    told = {row[0]: row[1:] for row in rows("kind | units of a register")}
    for carrier, kind in of.items():
        units, rates, smallest = told[kind]
        assert units.split() == list(CARRIERS[carrier].units)
        assert [rate for rate in rates.split() if rate != "–"] == list(CARRIERS[carrier].rates)
        assert smallest == f"1 {CARRIERS[carrier].smallest}"


def test_every_role() -> None:
    assert [row[0] for row in rows("role | does to consumption")] == list(ROLES) == list(Role.__args__)  # type: ignore[attr-defined]


def test_every_exemption() -> None:
    exempt = {
        f"`{row.carrier}`" for name in factors.profiles() for row in factors.table(name).rows.values() if row.exempt
    }
    sentence = " ".join(PAGE.split()).split("Exempt, ", 1)[1].split(". ", 1)[0]
    assert all(carrier in sentence for carrier in exempt) and sentence.count("`") == 2 * len(exempt)


def test_the_example_is_right() -> None:
    example = PAGE.split("```yaml\nfactors:\n", 1)[1].split("```", 1)[0]
    found, faults, warnings = read(example)
    assert faults == [] and warnings == []
    assert found is not None and found.grid.region == "江苏"
    assert found.factors["lng"].co2_status == "unverified"
    node, _ = parse(example, "plant.yaml")
    assert isinstance(node.value, dict) and set(node.value) - {"profile", "grid"} <= set(CARRIERS)
    assert own_factors(Cursor(node, "plant.yaml", [])) == found
