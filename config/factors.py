"""Factors turn amounts into standard coal and CO2: named, versioned profiles, each value with its source and status.

A factor is checked by physics: 1 kg of standard coal is 29 307.6 kJ, so factor and heating value must agree. What a
profile does not print has no factor, and is never taken from elsewhere unless the plant file says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import MappingProxyType

from config import document
from config.carriers import CARRIERS, STANDARD_COAL, UNITS, Carrier, Factor, Factors, Grid
from config.cursor import Cursor, Reject, choice, integer, number, text
from config.faults import PlantError

FOLDER = Path(__file__).parent / "data" / "factors"
STATUSES = ("official", "derived", "unverified")
SCOPES = ("average", "residual", "fossil")
CLOSE = Fraction(1, 1000)  # how far factor and heating value may lie apart: factors are printed rounded
_NCV_UNIT = {"mass": "kg", "volume": "m3"}
_ELECTRICITY = CARRIERS["electricity"]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a factor table as printed, with what it was checked by; `exempt` says why it could not be."""

    carrier: str
    unit: str
    tce: Fraction | None
    range: tuple[Fraction, Fraction] | None
    ncv: tuple[Fraction, Fraction] | None
    exempt: str
    status: str
    source: str
    note: str


@dataclass(frozen=True, slots=True)
class GridFactor:
    """What one unit of grid power stands for [kgCO2/kWh], and where that is published."""

    year: int
    region: str
    scope: str
    value: Fraction
    source: str
    status: str


# -- reading -----------------------------------------------------------------------------------------------------------
def exact(cursor: Cursor) -> Fraction:
    value = Fraction(number(cursor))
    if value < 0:
        raise Reject("must not be negative")
    return value


def span(cursor: Cursor) -> tuple[Fraction, Fraction]:
    """One number, or a range of two."""
    if not isinstance(cursor.node.value, list):
        value = exact(cursor)
        return value, value
    ends = [exact(item) for item in cursor.items()]
    if len(ends) != 2 or ends[0] > ends[1]:
        raise Reject("must be a number or a range [low, high]")
    return ends[0], ends[1]


def _per(carrier: Carrier, cursor: Cursor) -> str:
    return cursor.take("per", choice(*carrier.units)) or carrier.unit


def row(carrier: Carrier, cursor: Cursor, source: str, status: str) -> Row:
    """One line of a table; a value that its own heating value contradicts is a fault."""
    unit = _per(carrier, cursor)
    tce = cursor.take("tce", exact)
    if (kgce := cursor.take("kgce", exact)) is not None:
        tce = kgce / 1000
    ends = cursor.take("range", span)
    found = Row(
        carrier.id,
        unit,
        tce,
        (ends[0] / 1000, ends[1] / 1000) if ends else None,
        cursor.take("ncv", span),
        cursor.take("exempt", text, ""),
        cursor.take("status", choice(*STATUSES), status),
        cursor.take("source", text, source),
        cursor.take("note", text, ""),
    )
    if wrong := contradiction(found, physical(found)):
        cursor.fault(wrong, "check value, unit and heating value; `exempt: why` where another edition says so")
    return found


def physical(row: Row) -> tuple[Fraction, Fraction] | None:
    """Standard coal [tce] per unit of the row by its heating value alone; None where it has none."""
    carrier = CARRIERS[row.carrier]
    size = UNITS[row.unit][1]
    if carrier.dimension == "energy":
        ends = (size, size)
    elif carrier.dimension == "coal":
        ends = (size * STANDARD_COAL / 1000,) * 2
    elif row.ncv:
        base = size / UNITS[_NCV_UNIT[carrier.dimension]][1]
        ends = (row.ncv[0] * base, row.ncv[1] * base)
    else:
        return None
    return ends[0] / STANDARD_COAL / 1000, ends[1] / STANDARD_COAL / 1000


def contradiction(row: Row, ends: tuple[Fraction, Fraction] | None) -> str:
    """Why the row and what its heating value gives cannot both be right; empty where they agree or nothing is known."""
    if row.exempt or ends is None:
        return ""
    for value in row.range or ((row.tce,) if row.tce is not None else ()):
        if not ends[0] * (1 - CLOSE) < value < ends[1] * (1 + CLOSE):
            low, high = (f"{float(end):.6g}" for end in ends)
            by = low if low == high else f"{low} to {high}"
            return f"{float(value):.6g} tce/{row.unit} is not what the heating value gives, {by}"
    return ""


def _document(name: str) -> Cursor:
    path = FOLDER / f"{name}.yaml"
    node, faults = document.read(path)
    return Cursor(node, str(path), faults)


def _checked(cursor: Cursor) -> None:
    if cursor.faults:
        raise PlantError(cursor.faults)


@dataclass(frozen=True, slots=True)
class Table:
    """A profile as its file has it."""

    profile: str
    version: str
    title: str
    source: str
    year: int
    status: str
    rows: Mapping[str, Row]


@cache
def table(name: str) -> Table:
    """A shipped profile, line by line. Raises PlantError where the shipped file is wrong."""
    cursor = _document(name)
    source, status = cursor.need("source", text) or "", cursor.need("status", choice(*STATUSES)) or ""
    rows: dict[str, Row] = {}
    for carrier, line in (cursor.child("factors") or cursor).children():
        if carrier not in CARRIERS:
            line.fault("unknown carrier", f"known: {', '.join(CARRIERS)}")
            continue
        rows[carrier] = row(CARRIERS[carrier], line, source, status)
        line.close()
    version, title = cursor.need("version", text) or "", cursor.need("title", text) or ""
    year = cursor.need("year", integer) or 0
    cursor.take("profile", choice(name))
    cursor.close()
    _checked(cursor)
    return Table(name, version, title, source, year, status, MappingProxyType(rows))


# -- CO2 ---------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Fuel:
    """CO2 [t] of one unit of a fuel, with the formula it comes from."""

    unit: str
    co2: Fraction
    formula: str
    status: str
    source: str


@cache
def fuels() -> Mapping[str, Fuel]:
    """CO2 of each fuel that has a factor: heating value × carbon content × oxidation × 44/12."""
    cursor = _document("co2-fuels")
    source, status = cursor.need("source", text) or "", cursor.need("status", choice(*STATUSES)) or ""
    found: dict[str, Fuel] = {}
    for carrier, line in (cursor.child("fuels") or cursor).children():
        unit = _per(CARRIERS[carrier], line)
        stated, note = line.take("co2", exact), line.take("note", text, "")
        own = line.take("status", choice(*STATUSES), status)
        if stated is not None:
            found[carrier] = Fuel(unit, stated, note, own, source)
            line.close()
            continue
        ncv, carbon, oxidation = (line.need(key, exact) or Fraction(0) for key in ("ncv", "carbon", "oxidation"))
        co2, printed = ncv * carbon / 1000 * oxidation * Fraction(44, 12), line.need("printed", exact) or Fraction(0)
        if abs(co2 - printed) > printed * CLOSE:
            line.fault(f"the formula gives {float(co2):.6g}, not what is printed", "check the four numbers")
        formula = f"{float(ncv):g} GJ × {float(carbon):g} tC/TJ × {float(oxidation):g} × 44/12"
        found[carrier] = Fuel(unit, co2, formula + (f"; {note}" if note else ""), own, source)
        line.close()
    _checked(cursor)
    return MappingProxyType(found)


@cache
def grid_factors() -> tuple[GridFactor, ...]:
    """Every published grid factor that is shipped, by year."""
    cursor = _document("co2-grid")
    status = cursor.need("status", choice(*STATUSES)) or ""
    found = []
    for year, line in (cursor.child("years") or cursor).children():
        source = line.need("source", text) or ""
        for scope in SCOPES:
            for region, value in (line.child(scope) or line).children():
                found.append(GridFactor(int(year), region, scope, exact(value), source, status))
        line.close()
    _checked(cursor)
    return tuple(sorted(found, key=lambda factor: factor.year))


def grid(choice_: Grid, year: int) -> GridFactor:
    """The grid factor of the matching data year, else the latest published. Raises KeyError for an unknown region."""
    published = [f for f in grid_factors() if (f.region, f.scope) == (choice_.region, choice_.scope)]
    if not published:
        raise KeyError(f"no grid factor for {choice_.region}, {choice_.scope}")
    wanted = choice_.year or year
    return next((factor for factor in published if factor.year == wanted), published[-1])


# -- profiles ----------------------------------------------------------------------------------------------------------
def profiles() -> list[str]:
    """The names of the shipped profiles."""
    return sorted((path.stem for path in FOLDER.glob("*.yaml") if not path.stem.startswith("co2-")), reverse=True)


@cache
def profile(name: str) -> Factors:
    """A shipped profile, with every carrier in it: one without a factor has tce None. Raises KeyError for another."""
    if name not in profiles():
        raise KeyError(name)
    of = table(name)
    found = {carrier.id: _factor(carrier, of.rows.get(carrier.id), of) for carrier in CARRIERS.values()}
    return Factors(name, of.version, MappingProxyType(found), of.title)


def _factor(carrier: Carrier, row: Row | None, of: Table) -> Factor:
    unit = row.unit if row else carrier.unit
    fuel = fuels().get(carrier.id)
    co2 = fuel.co2 * carrier.steps(unit) / carrier.steps(fuel.unit) if fuel else None
    note = row.note if row else f"{of.profile} prints none"
    if row and row.range:
        low, high = (float(end) for end in row.range)
        note = f"a range, {low:g} to {high:g} tce/{unit}; name the supplier's in the plant file"
    tce, source, status = (row.tce, row.source, row.status) if row else (None, "", "")
    return Factor(
        carrier.id, tce, unit, source, status, co2, fuel.source if fuel else "", fuel.status if fuel else "", note
    )


def override(base: Factors, own: Iterable[Factor]) -> Factors:
    """A profile with factors of the plant file in place of, or beside, its own."""
    return replace(base, factors=MappingProxyType({**base.factors, **{factor.carrier: factor for factor in own}}))


def known(carrier: Carrier, unit: str) -> tuple[Fraction, Fraction] | None:
    """What any shipped heating value of the carrier gives per unit [tce]."""
    ends = [
        (low * again, high * again)
        for name in profiles()
        if (row := table(name).rows.get(carrier.id)) and (sizes := physical(row))
        for low, high in (sizes,)
        for again in (carrier.steps(unit) / carrier.steps(row.unit),)
    ]
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None
