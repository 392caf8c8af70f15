"""Carriers of energy and water: what each is called, what it is measured in, the smallest step Gemba counts it in, and
the factors to standard coal and CO2.

Amounts are whole numbers of a carrier's smallest unit everywhere below kpi/, so that sums are exact in any order and
in any engine; units are exact ratios.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Literal

Dimension = Literal["energy", "volume", "mass", "coal"]
Category = Literal["electricity", "heat", "coal", "gas", "oil", "waste", "water"]

STANDARD_COAL = Fraction(293076, 10)  # [kJ/kg], the heating value that 1 kg of standard coal has by definition

# Sizes: energy in kJ, volume in L, mass in g, coal in g of standard coal.
UNITS: dict[str, tuple[Dimension, Fraction]] = {
    "Wh": ("energy", Fraction(18, 5)),
    "kWh": ("energy", Fraction(3600)),
    "MWh": ("energy", Fraction(3_600_000)),
    "万kWh": ("energy", Fraction(36_000_000)),
    "kJ": ("energy", Fraction(1)),
    "MJ": ("energy", Fraction(1000)),
    "GJ": ("energy", Fraction(1_000_000)),
    "百万kJ": ("energy", Fraction(1_000_000)),
    "L": ("volume", Fraction(1)),
    "m3": ("volume", Fraction(1000)),
    "m³": ("volume", Fraction(1000)),
    "万m3": ("volume", Fraction(10_000_000)),
    "万m³": ("volume", Fraction(10_000_000)),
    "g": ("mass", Fraction(1)),
    "kg": ("mass", Fraction(1000)),
    "t": ("mass", Fraction(1_000_000)),
    "gce": ("coal", Fraction(1)),
    "kgce": ("coal", Fraction(1000)),
    "tce": ("coal", Fraction(1_000_000)),
}
# Rates stand for so much of a unit in each hour: a meter that shows only these is integrated over time.
RATES: dict[str, str] = {
    "W": "Wh",
    "kW": "kWh",
    "MW": "MWh",
    "L/h": "L",
    "m3/h": "m3",
    "m³/h": "m3",
    "kg/h": "kg",
    "t/h": "t",
}
_SMALLEST: dict[Dimension, str] = {"energy": "kJ", "volume": "L", "mass": "g", "coal": "gce"}


@cache
def _steps(smallest: str, unit: str) -> Fraction | None:
    """How many of one make the other; None where they are not of one kind."""
    (dimension, size), (other, whole) = UNITS[smallest], UNITS.get(RATES.get(unit, unit), ("", Fraction(0)))
    return whole / size if other == dimension else None


@dataclass(frozen=True, slots=True)
class Carrier:
    """`unit` is the one amounts are shown in, and a meter's where its point names none; `smallest` the one facts are
    counted in."""

    id: str
    name: str
    english: str
    category: Category
    dimension: Dimension
    unit: str

    @property
    def smallest(self) -> str:
        return "Wh" if self.category == "electricity" else _SMALLEST[self.dimension]

    @property
    def units(self) -> tuple[str, ...]:
        """Every unit that a register of this carrier may have."""
        return tuple(unit for unit, (dimension, _) in UNITS.items() if dimension == self.dimension)

    @property
    def rates(self) -> tuple[str, ...]:
        """Every unit of power or flow that it may be integrated from."""
        return tuple(rate for rate, unit in RATES.items() if unit in self.units)

    def steps(self, unit: str) -> Fraction:
        """How many of the smallest unit make one `unit`; of a rate, what one `unit` brings in an hour.

        Raises ValueError where the unit does not measure this carrier.
        """
        found = _steps(self.smallest, unit)
        if found is None:
            raise ValueError(f"{self.id} is not measured in {unit}; one of {', '.join(self.units)}")
        return found

    def shown(self, amount: int | Fraction) -> Fraction:
        """An amount in smallest units, in `unit`."""
        return Fraction(amount) / self.steps(self.unit)


_ROWS: tuple[tuple[str, str, str, Category, Dimension, str], ...] = (
    ("electricity", "电力", "electricity", "electricity", "energy", "kWh"),
    ("heat", "热力", "heat", "heat", "energy", "GJ"),
    ("anthracite", "无烟煤", "anthracite", "coal", "mass", "t"),
    ("coking_coal", "炼焦烟煤", "coking coal", "coal", "mass", "t"),
    ("bituminous_coal", "一般烟煤", "bituminous coal", "coal", "mass", "t"),
    ("lignite", "褐煤", "lignite", "coal", "mass", "t"),
    ("washed_coal", "洗精煤", "washed coal", "coal", "mass", "t"),
    ("blast_furnace_gas", "高炉煤气", "blast furnace gas", "gas", "volume", "m3"),
    ("converter_gas", "转炉煤气", "converter gas", "gas", "volume", "m3"),
    ("other_gas", "其他煤气", "other coal gas", "gas", "volume", "m3"),
    ("waste_heat", "余热余压", "waste heat and pressure", "heat", "energy", "GJ"),
    ("municipal_waste", "城市生活垃圾", "municipal waste as fuel", "waste", "mass", "t"),
    ("biomass", "生物质能", "biomass as fuel", "waste", "coal", "tce"),
    ("industrial_waste", "工业废料", "industrial waste as fuel", "waste", "mass", "t"),
    ("other_fuel", "其他燃料", "other fuels", "waste", "coal", "tce"),
    ("raw_coal", "原煤", "raw coal", "coal", "mass", "t"),
    ("coke", "焦炭", "coke", "coal", "mass", "t"),
    ("coke_oven_gas", "焦炉煤气", "coke oven gas", "gas", "volume", "m3"),
    ("natural_gas", "天然气", "natural gas", "gas", "volume", "m3"),
    ("lng", "液化天然气", "liquefied natural gas", "gas", "mass", "t"),
    ("lpg", "液化石油气", "liquefied petroleum gas", "oil", "mass", "t"),
    ("petrol", "汽油", "petrol", "oil", "mass", "t"),
    ("kerosene", "煤油", "kerosene", "oil", "mass", "t"),
    ("diesel", "柴油", "diesel", "oil", "mass", "t"),
    ("fuel_oil", "燃料油", "fuel oil", "oil", "mass", "t"),
    ("crude_oil", "原油", "crude oil", "oil", "mass", "t"),
    ("refinery_gas", "炼厂干气", "refinery gas", "oil", "mass", "t"),
    ("water", "水", "water", "water", "volume", "m3"),
)
CARRIERS = MappingProxyType({row[0]: Carrier(*row) for row in _ROWS})


# -- factors -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Factor:
    """Standard coal and CO2 [t] of one `unit` of a carrier, and where they come from; None: there is no such factor."""

    carrier: str
    tce: Fraction | None
    unit: str
    source: str
    status: str
    co2: Fraction | None = None
    co2_source: str = ""
    co2_status: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """Which published CO2 factor of the power grid counts; year None: that of the data, else the latest published."""

    region: str = "national"
    scope: str = "average"
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Factors:
    """A named, versioned profile after the overrides of the plant file."""

    profile: str
    version: str
    factors: Mapping[str, Factor]
    title: str = ""
    grid: Grid = Grid()
