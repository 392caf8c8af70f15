"""Factor profiles: as printed, physically possible, and nothing in them that is not in the source."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from config import factors
from config.carriers import CARRIERS, Factor, Grid
from config.cursor import Cursor, text
from config.document import parse, read
from config.factors import Row

CASES = Path(__file__).parents[1] / "cases" / "energy"

# 表1 of the official text, line by line; the names are its own.
PRINTED = """
无烟煤 t 0.9428
炼焦烟煤 t 0.9
一般烟煤 t 0.7143
褐煤 t 0.4286
洗精煤 t 0.9
高炉煤气 万m3 1.286
转炉煤气 万m3 2.714
其他煤气 万m3 1.786
热力 百万kJ 0.0341
电力 万kWh 1.229
城市生活垃圾 t 0.2714
生物质能 tce 1
余热余压 百万kJ 0.0341
工业废料 t 0.4285
其他燃料 tce 1
"""


def test_sme_2024_is_the_printed_table_and_nothing_else() -> None:
    by_name = {carrier.name: carrier.id for carrier in CARRIERS.values()}
    printed = {by_name[n]: (unit, Fraction(tce)) for n, unit, tce in map(str.split, PRINTED.strip().splitlines())}
    profile = factors.profile("sme-2024")
    shipped = {f.carrier: (f.unit, f.tce) for f in profile.factors.values() if f.tce is not None}
    assert shipped == printed
    assert {f.status for f in profile.factors.values() if f.tce is not None} == {"official"}


def test_the_worked_example_of_the_official_text() -> None:
    profile = factors.profile("sme-2024").factors
    power, gas = profile["electricity"].tce, profile["blast_furnace_gas"].tce
    assert power is not None and gas is not None
    assert 310 * power == Fraction("380.99")
    assert Fraction(15_000, 10_000) * gas == Fraction("1.929")
    assert 310 * power + Fraction(15_000, 10_000) * gas == Fraction("382.919")


def test_every_profile_names_every_carrier_and_says_where_each_factor_is_from() -> None:
    for name in factors.profiles():
        profile = factors.profile(name)
        assert list(profile.factors) == list(CARRIERS)
        for factor in profile.factors.values():
            assert factor.tce is None or (factor.source and factor.status in factors.STATUSES)
            assert factor.co2 is None or (factor.co2_source and factor.co2_status in factors.STATUSES)


def test_every_printed_factor_agrees_with_its_heating_value_or_says_why_it_cannot_be_checked() -> None:
    for name in factors.profiles():
        for row in factors.table(name).rows.values():
            assert bool(row.exempt) != (factors.physical(row) is not None), row.carrier
            assert factors.contradiction(row, factors.physical(row)) == ""


def test_an_unknown_profile_is_no_profile() -> None:
    assert factors.profiles() == ["sme-2024", "gbt-2589-2020"]
    with pytest.raises(KeyError):
        factors.profile("gbt-2589-2008")


def test_known_wrong_values_are_refused() -> None:
    path = CASES / "known-wrong.yaml"
    node, faults = read(path)
    lines = Cursor(node, str(path), faults).items()
    assert len(lines) == 11 and not faults
    for line in lines:
        carrier = line.take("carrier", text)
        assert carrier is not None
        factors.row(CARRIERS[carrier], line, "public code", "unverified")
    assert [fault.line for fault in faults] == [line.node.line for line in lines]
    assert all("is not what the heating value gives" in fault.what for fault in faults)


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("{kgce: 1.1, per: m3, ncv: [32238, 38979]}", True),
        ("{kgce: 1.33, per: m3, ncv: [32238, 38979]}", True),
        ("{kgce: 1.098, per: m3, ncv: [32238, 38979]}", False),  # 0.18 % below the lower end
        ("{kgce: 1.332, per: m3, ncv: [32238, 38979]}", False),  # 0.15 % above the upper end
        ("{tce: 12.143, per: 万m3, ncv: 35588}", True),  # 8500 kcal/m3
        ("{tce: 12.15, per: 万m3, ncv: 35588}", True),  # 0.06 % off
        ("{tce: 12.157, per: 万m3, ncv: 35588}", False),  # 0.11 % off
        ("{tce: 24.3, per: 万m3, ncv: 35588, exempt: another edition}", True),
    ],
)
def test_factor_and_heating_value_agree_within_a_thousandth(written: str, right: bool) -> None:
    node, _ = parse(written, "plant.yaml")
    cursor = Cursor(node, "plant.yaml", [])
    factors.row(CARRIERS["natural_gas"], cursor, "", "unverified")
    assert (cursor.faults == []) == right


def test_units_convert_exactly() -> None:
    electricity, heat, gas, coal = (CARRIERS[name] for name in ("electricity", "heat", "natural_gas", "raw_coal"))
    assert [electricity.steps(unit) for unit in ("Wh", "kWh", "MWh", "万kWh")] == [1, 1000, 10**6, 10**7]
    assert electricity.steps("MJ") == Fraction(2500, 9)
    assert [heat.steps(unit) for unit in ("MJ", "GJ", "百万kJ", "kWh")] == [1000, 10**6, 10**6, 3600]
    assert [gas.steps(unit) for unit in ("m3", "万m3", "L")] == [1000, 10**7, 1]
    assert [coal.steps(unit) for unit in ("kg", "t")] == [1000, 10**6]
    assert CARRIERS["biomass"].steps("tce") == 10**6
    assert electricity.steps("kW") == 1000  # an hour of it
    assert electricity.shown(1500) == Fraction(3, 2)
    with pytest.raises(ValueError, match="diesel is not measured in L; one of g, kg, t"):
        CARRIERS["diesel"].steps("L")


def test_fuel_co2_is_its_formula() -> None:
    # 389.31 GJ/万m3 × 15.3 tC/TJ × 0.99 × 44/12
    expected = Fraction(Decimal("389.31")) / 1000 * Fraction("15.3") * Fraction("0.99") * Fraction(44, 12)
    assert factors.fuels()["natural_gas"].co2 == expected
    gas = factors.profile("sme-2024").factors["natural_gas"]
    assert (gas.unit, gas.co2) == ("m3", expected / 10_000)
    assert 8 < factors.fuels()["blast_furnace_gas"].co2 < 9  # another database has 1.67, five times too little


@pytest.mark.parametrize(
    ("choice", "year", "found"),
    [
        (Grid(), 2021, (2021, "0.5568")),
        (Grid(), 2022, (2022, "0.5366")),
        (Grid(), 2023, (2023, "0.5306")),
        (Grid(), 2026, (2023, "0.5306")),  # the latest published
        (Grid("江苏"), 2026, (2022, "0.5978")),  # the latest published for that region
        (Grid("华东"), 2022, (2022, "0.5617")),
        (Grid(scope="residual"), 2023, (2023, "0.6096")),
        (Grid(scope="fossil"), 2022, (2022, "0.8325")),
        (Grid(year=2021), 2026, (2021, "0.5568")),
    ],
)
def test_the_grid_factor_is_that_of_the_data_year_else_the_latest(
    choice: Grid, year: int, found: tuple[int, str]
) -> None:
    factor = factors.grid(choice, year)
    assert (factor.year, factor.value) == (found[0], Fraction(found[1]))
    assert factor.source


def test_the_regions_of_2023_are_those_of_2022_by_the_published_changes() -> None:
    changes = {"华北": -6.1, "东北": -8.0, "华东": -2.1, "华中": -2.3, "西北": -5.4, "南方": 4.5, "西南": 9.0}
    for region, percent in changes.items():
        before, after = (factors.grid(Grid(region), year).value for year in (2022, 2023))
        assert abs(float(after / before) - 1 - percent / 100) < 0.0006


def test_legacy_grid_factors_are_not_shipped_as_annual_averages() -> None:
    values = {factor.value for factor in factors.grid_factors() if factor.scope == "average"}
    assert not values & {Fraction("0.5703"), Fraction("0.5810"), Fraction("0.6101")}


def test_an_override_stands_in_place_of_the_profiles_own_factor() -> None:
    gas = Factor("natural_gas", Fraction("12.143"), "万m3", "205-1", "unverified")
    base = factors.profile("sme-2024")
    own = factors.override(base, [gas])
    assert own.factors["natural_gas"] is gas
    assert base.factors["natural_gas"].tce is None
    assert own.factors["electricity"] == base.factors["electricity"]


def test_a_contradiction_says_both_numbers() -> None:
    row = Row("lpg", "t", Fraction("0.7143"), None, (Fraction(50242),) * 2, "", "unverified", "", "")
    assert factors.contradiction(row, factors.physical(row)) == (
        "0.7143 tce/t is not what the heating value gives, 1.7143"
    )
