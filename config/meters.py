"""Meters: energy and water of the plant, what each belongs to, and which stands under which."""

from collections.abc import Mapping
from dataclasses import replace

from config import points
from config.carriers import CARRIERS
from config.cursor import Cursor, Reject, choice, text
from config.keys import NONE, REQUIRED, Key, Section, exactly
from config.plant import READING, Meter, Scope
from config.points import Home, Sources
from config.values import name, named, within

ROLES = ("consumed", "generated", "sold", "other", "produced", "recovered", "fresh", "reused")
WATER = "water"
WATER_ROLES = ("fresh", "reused")
KINDS = ("plant", "workshop", "line", "asset")


def _scope(cursor: Cursor) -> Scope:
    kind, colon, of = text(cursor).partition(":")
    if kind not in KINDS or (kind == "plant") == bool(colon) or bool(colon) != bool(of):
        raise Reject("must be plant, workshop:X, line:X or asset:X", "write one of them")
    return Scope(kind, of)  # type: ignore[arg-type]


METER = Section(
    "meters.<meter>",
    (
        Key("carrier", choice(*CARRIERS), "carrier", REQUIRED, "", "electricity"),
        Key("point", points.one, "mapping", REQUIRED, "", '{source: meters, at: "input:0", unit: kWh}'),
        Key("scope", _scope, "plant | workshop:X | line:X | asset:X", "plant", "", '"workshop:a"'),
        Key("role", choice(*ROLES), " | ".join(ROLES), "consumed; fresh for water", "", "generated"),
        Key("under", name, "name of a meter", NONE, "", "main-electricity"),
        Key("source", name, "name of a source", NONE, "", "meters"),
        Key("unit", within(0, 255), "whole number", "the source's", "Modbus unit", "7"),
        Key("base", within(0, 65535), "whole number", "0", "registers", "1000"),
    ),
)


def meters(cursor: Cursor, sources: Sources) -> dict[str, Meter]:
    found = {}
    for key, child in cursor.children():
        meter = child.parsed(lambda c, key=key: _meter(c, named(key), sources), None)  # type: ignore[misc]
        if meter:
            found[key] = meter
    for meter in found.values():
        _under(cursor.spot(meter.id, "under"), meter, found, cursor)
    _consumption(cursor, found)
    return found


def _meter(cursor: Cursor, key: str, sources: Sources) -> Meter | None:
    values = exactly(METER)(cursor)
    carrier, given = values["carrier"], values["point"]
    home = Home(key, values.pop("source", None), values.pop("unit", None), values.pop("base", 0))
    role = values.setdefault("role", "fresh" if carrier == WATER else "consumed")
    if (role in WATER_ROLES) != (carrier == WATER):
        cursor.spot("role").fault(
            "water is fresh or reused, and nothing else is",
            f"write one of {', '.join(WATER_ROLES if carrier == WATER else ROLES[:6])}",
            role,
        )
    point = given.place.parsed(lambda _: points.point(home, READING, given, sources), None)
    points.addressed(cursor, [point])
    if point is None:
        return None
    usual = CARRIERS[carrier].unit
    if point.unit is None:
        given.place.warn(f"the meter has no unit, and is taken as {usual}", f"add `unit: {usual}`")
        point = replace(point, unit=usual)
    elif point.unit not in (*CARRIERS[carrier].units, *CARRIERS[carrier].rates):
        place, known = given.place.spot("unit"), ", ".join(CARRIERS[carrier].units)
        place.fault(f"{carrier} is not metered in this unit", f"known: {known}", point.unit)
    return Meter(**{**values, "id": key, "point": point})


def _under(place: Cursor, meter: Meter, found: Mapping[str, Meter], cursor: Cursor) -> None:
    if meter.under is None:
        return
    if meter.under not in found:
        if meter.under not in cursor.names():
            place.fault(
                "there is no such meter",
                f"known: {', '.join(key for key in found if key != meter.id) or 'none'}",
                meter.under,
            )
        return
    above = found[meter.under]
    if above.carrier != meter.carrier:
        place.fault(f"stands under a meter of {above.carrier}", f"name a meter of {meter.carrier}", meter.under)
    chain = [meter.id]
    while above.under is not None and above.under in found and above.id not in chain:
        chain.append(above.id)
        above = found[above.under]
    if above.id == meter.id:
        place.fault("meters stand under each other in a circle", "take one `under` out", " → ".join([*chain, meter.id]))


def _consumption(cursor: Cursor, found: Mapping[str, Meter]) -> None:
    consumed = {meter.carrier for meter in found.values() if meter.role == "consumed"}
    for meter in found.values():
        if meter.role in ("produced", "recovered") and meter.carrier not in consumed:
            cursor.spot(meter.id).warn(
                f"{meter.carrier} is {meter.role} here, but nowhere consumed",
                "meter its use on site as consumed too, or it is subtracted for nothing",
            )


def scopes(cursor: Cursor, found: Mapping[str, Meter], known: Mapping[str, frozenset[str] | None]) -> None:
    """Each scope names something that is there; `known` has None for what cannot be known without a register."""
    for meter in found.values():
        place, scope = cursor.spot(meter.id, "scope"), meter.scope
        if scope.kind == "plant":
            continue
        names = known[scope.kind]
        if names is None:
            place.warn(f"no register says whether there is such a {scope.kind}", "add `register:`", scope.name)
        elif scope.name not in names:
            near = ", ".join(sorted(names)) or "none"
            place.fault(f"there is no such {scope.kind}", f"known: {near}", scope.name)
