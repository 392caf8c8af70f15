"""`factors:` of the plant file: a profile by name, with the factors of the plant's own in place of, or beside, its own.

A factor comes as `tce` or `kgce` per unit, as the heating value that the supplier states, or borrowed from another
profile. One that no shipped heating value of that carrier bears out is kept, and warned of.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from config.carriers import CARRIERS, UNITS, Carrier, Factor, Factors, Grid
from config.cursor import Cursor, Reject, choice, integer, text
from config.factors import (
    SCOPES,
    STATUSES,
    Row,
    contradiction,
    grid_factors,
    known,
    override,
    physical,
    profile,
    profiles,
    span,
)
from config.keys import NONE, Key, Section
from config.values import not_negative

USUAL = "sme-2024"


def _profile(cursor: Cursor) -> str:
    return choice(*profiles())(cursor)


def _region(cursor: Cursor) -> str:
    return choice(*sorted({factor.region for factor in grid_factors()}))(cursor)


GRID = Section(
    "factors.grid",
    (
        Key("region", _region, "region", "national", "", "江苏"),
        Key("scope", choice(*SCOPES), " | ".join(SCOPES), "average", "", "residual"),
        Key("year", integer, "whole number", "that of the data, else the latest", "", "2022"),
    ),
)
FACTOR = Section(
    "factors.<carrier>",
    (
        Key("tce", not_negative, "number", "the profile's", "tce / `per`", "12.143"),
        Key("kgce", not_negative, "number", "the profile's", "kgce / `per`", "1.2143"),
        Key("per", choice(*UNITS), "unit", "the carrier's, docs/carriers.md", "", "万m3"),
        Key("ncv", span, "number | [low, high]", NONE, "kJ / kg or m3", "35588"),
        Key("profile", _profile, "name of a profile", NONE, "", "gbt-2589-2020"),
        Key("source", text, "text", "plant file", "", "supplier's heating value 2026"),
        Key("status", choice(*STATUSES), " | ".join(STATUSES), "unverified", "", "unverified"),
        Key("exempt", text, "text", NONE, "", "205-1 of 2019"),
        Key("co2", not_negative, "number", "the profile's", "t / `per`", "21.62"),
        Key("co2_source", text, "text", "`source`", "", "GB/T 32150"),
    ),
)


def factors(cursor: Cursor) -> Factors:
    """The value of `factors:`, a name or a mapping of `profile`, `grid` and carriers; every fault is noted."""
    if not isinstance(cursor.node.value, dict):
        return profile(_profile(cursor))
    base = profile(cursor.take("profile", _profile, USUAL))
    base = replace(base, grid=cursor.take("grid", _grid, base.grid))
    own = []
    for carrier in [key for key in cursor.node.value if key in CARRIERS]:
        printed = base.factors[carrier]
        factor = cursor.take(carrier, lambda place, printed=printed: _factor(place, printed))  # type: ignore[misc]
        if factor is not None:
            own.append(factor)
    cursor.close(("profile", "grid", *CARRIERS))
    return override(base, own)


def _grid(cursor: Cursor) -> Grid:
    if not isinstance(cursor.node.value, dict):
        return Grid(_region(cursor))
    grid = Grid(**GRID.read(cursor))
    published = [factor for factor in grid_factors() if (factor.region, factor.scope) == (grid.region, grid.scope)]
    if not published:
        raise Reject(f"no {grid.scope} factor is published for {grid.region}", "leave `scope` or `region` out")
    if grid.year is not None and all(factor.year != grid.year for factor in published):
        years = ", ".join(str(factor.year) for factor in published)
        raise Reject(f"none is published for that year; there are {years}", "leave `year` out", str(grid.year))
    return grid


@dataclass(frozen=True, slots=True)
class _Coal:
    """Standard coal of one unit, and where it is from."""

    tce: Fraction | None
    source: str
    status: str
    note: str


def _factor(cursor: Cursor, printed: Factor) -> Factor:
    values = FACTOR.read(cursor)
    carrier = CARRIERS[printed.carrier]
    base = printed
    if "profile" in values:
        base = profile(values["profile"]).factors[carrier.id]
        if base.tce is None:
            raise Reject(f"{values['profile']} has no factor for {carrier.id}: {base.note}", "give `tce` and `per`")
    elif not {"tce", "kgce", "ncv", "co2"} & values.keys():
        raise Reject("gives no factor", "add `tce:`, `kgce:`, `ncv:`, `co2:` or `profile:`")
    unit = values.get("per", base.unit if base.tce is not None else carrier.unit)
    if unit not in carrier.units:
        raise Reject(f"{carrier.id} is not measured in {unit}", f"known: {', '.join(carrier.units)}", unit)
    again = carrier.steps(unit) / carrier.steps(base.unit)
    coal, doubt = _coal(cursor, values, carrier, unit, _Coal(_times(base.tce, again), base.source, base.status, ""))
    if doubt:
        cursor.warn(doubt, "check value and unit; say `ncv` or `exempt: why` where it is right")
    own = values.get("source", "plant file")
    if "co2" in values:
        co2 = values["co2"], values.get("co2_source", own), values.get("status", "unverified")
    else:
        co2 = _times(base.co2, again), base.co2_source, base.co2_status
    return Factor(carrier.id, coal.tce, unit, coal.source, coal.status, *co2, coal.note)


def _coal(cursor: Cursor, values: dict[str, Any], carrier: Carrier, unit: str, base: _Coal) -> tuple[_Coal, str]:
    """The standard coal of one unit, and why it is in doubt."""
    tce = values["kgce"] / 1000 if "kgce" in values else values.get("tce")
    ncv, exempt = values.get("ncv"), values.get("exempt", "")
    row = Row(carrier.id, unit, tce, None, ncv, exempt, "", "", "")
    ends = physical(row) if ncv else None
    if tce is None and ends is None:
        return base, ""
    if ends and (wrong := contradiction(row, ends)):
        cursor.fault(wrong, "check the factor, its unit and the heating value")
    if tce is None and ends is not None:
        if ends[0] != ends[1]:
            raise Reject("a range of heating values gives no factor", "write the supplier's, as one number")
        tce = ends[0]
    doubt = "" if ncv else contradiction(row, known(carrier, unit))
    return _Coal(tce, values.get("source", "plant file"), values.get("status", "unverified"), exempt), doubt


def _times(value: Fraction | None, again: Fraction) -> Fraction | None:
    return None if value is None else value * again
