"""`factors:` of a plant file: what it may say, and what each fault and warning says."""

from fractions import Fraction

import pytest

from config.carriers import Factors, Grid
from config.cursor import Cursor
from config.document import parse
from config.factors import profile
from config.overrides import factors


def read(written: str) -> tuple[Factors | None, list[str], list[str]]:
    node, faults = parse(written, "plant.yaml")
    cursor = Cursor(node, "plant.yaml", faults, "factors")
    found = cursor.parsed(factors, None)
    return found, [str(fault) for fault in faults], [str(fault) for fault in cursor.warnings]


def right(written: str) -> Factors:
    found, faults, warnings = read(written)
    assert found is not None and faults == warnings == []
    return found


def test_a_name_is_short_for_the_profile() -> None:
    assert right("sme-2024") == right("{profile: sme-2024}") == profile("sme-2024")
    assert right("{grid: 江苏}").grid == Grid("江苏")
    assert right("{grid: {scope: residual, year: 2022}}").grid == Grid("national", "residual", 2022)


def test_the_example_of_the_contract() -> None:
    gas = right(
        "{profile: sme-2024, natural_gas: {tce: 12.143, per: 万m3, source: 205-1 catalogue, status: unverified}}"
    ).factors["natural_gas"]
    assert (gas.tce, gas.unit, gas.source, gas.status) == (
        Fraction("12.143"),
        "万m3",
        "205-1 catalogue",
        "unverified",
    )
    assert gas.co2 is not None and 21 < gas.co2 < 22  # per 万m3, as its standard coal


@pytest.mark.parametrize(
    ("written", "carrier", "tce"),
    [
        ("{natural_gas: {kgce: 1.2143, per: m3}}", "natural_gas", Fraction("0.0012143")),
        ("{natural_gas: {ncv: 29307.6, per: m3}}", "natural_gas", Fraction(1, 1000)),  # that of standard coal
        ("{natural_gas: {ncv: 29307.6, per: 万m3}}", "natural_gas", Fraction(10)),
        ("{diesel: {profile: gbt-2589-2020}}", "diesel", Fraction("0.0014571")),  # per kg, as printed there
        ("{diesel: {profile: gbt-2589-2020, per: t}}", "diesel", Fraction("1.4571")),
        ("{electricity: {co2: 0.5, per: MWh}}", "electricity", Fraction("0.1229")),  # keeps its own, per MWh
    ],
)
def test_a_factor_may_come_in_several_ways(written: str, carrier: str, tce: Fraction) -> None:
    assert right(written).factors[carrier].tce == tce


def test_a_borrowed_factor_keeps_its_status_and_source() -> None:
    diesel = right("{diesel: {profile: gbt-2589-2020}}").factors["diesel"]
    assert (diesel.status, diesel.source) == ("derived", "GB/T 2589-2020 附录A、附录B")


FAULTS = {
    "gbt": "factors: must be one of sme-2024, gbt-2589-2020 (got gbt); write one of them",
    "{lng: {}}": "factors.lng: gives no factor (got a mapping of 0); add `tce:`, `kgce:`, `ncv:`, `co2:` or `profile:`",
    "{coke: {tce: 1, per: m3}}": "factors.coke: coke is not measured in m3 (got m3); known: g, kg, t",
    "{natral_gas: {tce: 3}}": "factors.natral_gas: unknown key; did you mean `natural_gas`?",
    "{raw_coal: {profile: sme-2024}}": "factors.raw_coal: sme-2024 has no factor for raw_coal: sme-2024 prints none "
    "(got a mapping of 1); give `tce` and `per`",
    "{grid: {region: 江苏, year: 2023}}": "factors.grid: none is published for that year; there are 2021, 2022 "
    "(got 2023); leave `year` out",
    "{grid: {region: 江苏, scope: fossil}}": "factors.grid: no fossil factor is published for 江苏 "
    "(got a mapping of 2); leave `scope` or `region` out",
    "{lpg: {tce: 0.7143, per: t, ncv: 50242}}": "factors.lpg: 0.7143 tce/t is not what the heating value gives, "
    "1.7143; check the factor, its unit and the heating value",
    "{kerosene: {ncv: [43000, 43200]}}": "factors.kerosene: a range of heating values gives no factor "
    "(got a mapping of 1); write the supplier's, as one number",
}


@pytest.mark.parametrize("written", FAULTS)
def test_faults_say_what_and_what_to_do(written: str) -> None:
    assert read(written)[1] == [f"plant.yaml:1: {FAULTS[written]}"]


def test_all_faults_at_once() -> None:
    _, faults, _ = read("{lng: {}, coke: {tce: 1, per: m3}, heat: {tce: x, per: GJ, co2: 1}}")
    assert len(faults) == 3


@pytest.mark.parametrize(
    ("written", "doubted"),
    [
        ("{electricity: {tce: 4.04, per: 万kWh}}", "4.04 tce/万kWh is not what the heating value gives, 1.22835"),
        (
            "{natural_gas: {tce: 3.3, per: 万m3}}",
            "3.3 tce/万m3 is not what the heating value gives, 10.9999 to 13.3",
        ),
        ("{electricity: {tce: 4.04, per: 万kWh, exempt: 等价值 of an old form}}", ""),
        ("{natural_gas: {tce: 3.3, per: 万m3, ncv: 9671.5}}", ""),
        ("{other_gas: {tce: 3.5701, per: 万m3}}", ""),  # no heating value is known
    ],
)
def test_an_unlikely_factor_is_kept_and_warned_of(written: str, doubted: str) -> None:
    found, faults, warnings = read(written)
    assert found is not None and faults == []
    assert [doubted in warning for warning in warnings] == ([True] if doubted else [])
