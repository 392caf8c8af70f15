"""Points: one value of an asset each, from where it is read to what it means."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from config.addresses import TABLES, address
from config.carriers import CARRIERS, RATES
from config.cursor import Cursor, Incomplete, Reject, choice, text
from config.keys import NONE, REQUIRED, Key, Section, exactly, raw
from config.plant import METERED, MODES, PIECES, READING, STATES, TYPES, Counter, ModbusAddress, Point, Source
from config.states import maps, shipped
from config.values import duration, fraction, name, named, not_negative, positive, rate, sequence, within

ORDERS = ("ABCD", "BADC", "CDAB", "DCBA")
Sources = Mapping[str, Source | None]
WORDS = ("state", "mode", "product", "alarm")  # roles that are read, not counted
RESERVED = ("plant", "asset", "time", "epoch", "state_raw")

COUNTER = Section(
    "assets.<asset>.points.<point>.counter",
    (
        Key("modulus", positive, "number", "2^n of an unsigned integer type", "of the wire", "100000"),
        Key("max_rate", rate, "rate", NONE, "of the wire", "0.02/s"),
    ),
)


def _counter(cursor: Cursor) -> Counter:
    return Counter(**COUNTER.read(cursor))


def _unit(cursor: Cursor) -> int | str:
    """A whole number is the Modbus unit, text is the unit of the value."""
    value = cursor.node.value
    if isinstance(value, int) and not isinstance(value, bool):
        return within(0, 255)(cursor)
    if not isinstance(value, str) or not 0 < len(value) <= 32:
        raise Reject("must be a unit such as kWh, or the whole number of a Modbus unit", "write one of them")
    return value


def _invalid(cursor: Cursor) -> int | str:
    value = cursor.node.value
    if isinstance(value, Decimal) or value is None:
        raise Reject("must be a whole number or text", "write it as the wire has it, such as 0x8000")
    return value if isinstance(value, int) and not isinstance(value, bool) else text(cursor)


def meanings(words: tuple[str, ...]) -> Any:
    """A mapping of readings to these words; readings are compared as text."""

    def parse(cursor: Cursor) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for key, child in cursor.children():
            word = child.parsed(choice(*words), None)
            if _reading(key) in found:
                child.fault("means a reading that stands there already", "keep one of them", key)
            if word:
                found[_reading(key)] = word
        if not cursor.names():
            raise Reject("names no reading", f"write {{0: {words[0]}, …}}")
        return found

    return parse


def _reading(key: str) -> str:
    """A reading as text; numbers are decimal, and true and false are 1 and 0 as the wire has them."""
    if key.lower() in ("true", "false"):
        return str(int(key.lower() == "true"))
    try:
        return str(int(key, 0)) if key.lower().startswith(("0x", "0o")) else key
    except ValueError:
        return key


def _states(cursor: Cursor) -> Mapping[str, str]:
    if isinstance(cursor.node.value, dict):
        return meanings(STATES[1:])(cursor)  # type: ignore[no-any-return]
    return shipped(choice(*maps())(cursor))


POINT = Section(
    "assets.<asset>.points.<point>",
    (
        Key("source", name, "name of a source", "the asset's", "", "press-plc"),
        Key("at", raw, "address", REQUIRED, "", "holding:2"),
        Key("type", choice(*TYPES), " | ".join(TYPES), "uint16 or bool at Modbus, else the device's", "", "uint32"),
        Key("order", choice(*ORDERS), " | ".join(ORDERS), "ABCD", "", "CDAB"),
        Key("length", within(1, 125), "whole number", NONE, "registers", "8"),
        Key("unit", _unit, "text | whole number", "the asset's; kWh, kW", "of the value | Modbus unit", "kWh"),
        Key("base", within(-65535, 65535), "whole number", "the asset's", "registers", "1000"),
        Key("counter", _counter, "mapping", "{} at pieces and energy, else none", "", "{max_rate: 1/s}"),
        Key("states", _states, "mapping | name", "Gemba's own words", "", "{0: off, 2: running}"),
        Key("modes", meanings(MODES[1:]), "mapping", "Gemba's own words", "", "{1: automatic, 2: manual}"),
        Key("invalid", sequence(_invalid), "list", "[]", "of the wire", "[0x8000]"),
        Key("scale", fraction, "number", "1", "", "0.1"),
        Key("offset", fraction, "number", "0", "of the value", "-40"),
        Key("deadband", not_negative, "number", "0", "of the value", "0.5"),
        Key("resolution", positive, "number", "1", "of the value", "0.001"),
        Key("every", duration, "duration", "the source's", "", "10s"),
        Key("keepalive", duration, "duration", "the source's, or 60s", "", "5min"),
        Key("timeout", duration, "duration", "the source's", "", "500ms"),
        Key("gap", within(0, 125), "whole number", "the source's", "registers", "4"),
        Key("mode", choice("poll", "subscribe"), "poll | subscribe", "the source's", "", "poll"),
    ),
)
ONLY = {**dict.fromkeys(("order", "length", "base", "gap"), "modbus"), "mode": "opcua"}


@dataclass(frozen=True, slots=True)
class Written:
    """A point as the file has it, read once even where many assets of one profile share it."""

    place: Cursor
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Home:
    """What a point takes from the asset or meter it stands on."""

    id: str
    source: str | None = None
    unit: int | None = None
    base: int = 0


def written(cursor: Cursor) -> dict[str, Written]:
    """Every point of a `points:` mapping."""
    found = {}
    for key, child in cursor.children():
        point = child.parsed(lambda c, key=key: _written(c, key), None)  # type: ignore[misc]
        if point:
            found[key] = point
    return found


def _written(cursor: Cursor, key: str) -> Written:
    if key in RESERVED:
        raise Reject("a point cannot be called this: the store has it for itself", "call it otherwise", key)
    named(key)
    return one(cursor)


def one(cursor: Cursor) -> Written:
    return Written(cursor, exactly(POINT)(cursor))


def point(home: Home, key: str, given: Written, sources: Sources) -> Point:
    """The point on this asset. Raises Incomplete when its faults leave nothing to build."""
    place, values = given.place, dict(given.values)
    source = _source(home, place, values.pop("source", None), sources)
    POINT.only(place, values, ONLY, source.protocol)
    unit = values.pop("unit", None)
    device, engineering = (unit, None) if isinstance(unit, int) else (None, unit)
    if device is not None and source.protocol != "modbus":
        place.spot("unit").fault(
            f"a whole number is a Modbus unit, and {source.id} is {source.protocol}", "write text", str(unit)
        )
    device = next(n for n in (device, home.unit, source.unit) if n is not None)
    base = values.pop("base", home.base)
    at, kind = values.pop("at"), values.pop("type", None)
    if source.protocol == "modbus":
        kind = _kind(place, at, kind, values.get("length"))
    where = at.parsed(lambda c: address(c, source.protocol, device, base, kind, values.get("length")), None)
    if where is None:
        raise Incomplete
    values.setdefault("every", source.every)
    if source.keepalive:
        values.setdefault("keepalive", source.keepalive)
    made = Point(asset=home.id, name=key, source=source.id, at=where, type=kind, unit=engineering, **values)
    return _meant(place, made)


def addressed(cursor: Cursor, made: Iterable[Point | None]) -> None:
    """A Modbus unit or base on what no Modbus point stands on would be ignored, so it is a fault."""
    if all(point is not None and not isinstance(point.at, ModbusAddress) for point in made):
        for key in sorted(cursor.names() & {"unit", "base"}):
            cursor.spot(key).fault("is for Modbus, and no point here is", f"take `{key}` out", cursor.spot(key).shown())


def _source(home: Home, place: Cursor, own: str | None, sources: Sources) -> Source:
    wanted = own or home.source
    if wanted is None:
        raise Reject("no source is named", f"add `source:` to the point, or to {home.id}", place.shown())
    if wanted not in sources:
        spot = place.spot("source")
        spot.fault("there is no such source", f"known: {', '.join(sources) or 'none'}", wanted)
    source = sources.get(wanted)
    if source is None:
        raise Incomplete
    return source


def _kind(place: Cursor, at: Cursor, kind: str | None, length: int | None) -> str:
    """The type at Modbus: one bit is a bool, a register without a type an uint16."""
    table, _, rest = at.node.text.partition(":")
    single = table in TABLES[2:] or "." in rest
    if single and kind not in (None, "bool"):
        place.spot("type").fault("one bit is a bool", "take `type` out, or the bit", kind)
    if kind == "string" and length is None:
        place.fault("a text at Modbus needs its length in registers", "add `length: 8`")
    if kind != "string" and length is not None:
        place.spot("length").fault(
            "only a text has a length", "take `length` out, or write `type: string`", str(length)
        )
    return kind or ("bool" if single else "uint16")


# -- meaning -----------------------------------------------------------------------------------------------------------
def _meant(place: Cursor, made: Point) -> Point:
    textual = made.type == "string"
    if made.scale == 0:
        place.spot("scale").fault("a scale of zero leaves nothing", "write the factor from the wire to the unit", "0")
    if textual and (made.scale != 1 or made.offset or made.deadband):
        place.fault("a text has no scale, offset or deadband", "take them out")
    if made.counter is not None and (textual or made.type == "bool" or made.name in WORDS):
        place.spot("counter").fault("only a number is a counter", "take `counter` out", made.type or made.name)
    made = _worded(place, made)
    if made.name in METERED:
        made = _metered(place, made)
    counted = made.name in (*PIECES, "energy") or (made.name == READING and made.unit not in RATES)
    if counted and (textual or made.type == "bool"):
        place.spot("type").fault(f"`{made.name}` is a counter, so a number", "name a number type", made.type)
    return _counted(place, made, counted)


def _worded(place: Cursor, made: Point) -> Point:
    """States and modes: what a reading means, by default Gemba's own words."""
    for role, key, words in (("state", "states", STATES), ("mode", "modes", MODES)):
        given = getattr(made, key)
        if made.name != role and given is not None:
            place.spot(key).fault(f"only the point `{role}` has {key}", f"take `{key}` out, or call the point `{role}`")
        if made.name == role and given is None:
            if made.type not in (None, "string") and key not in place.names():
                place.fault(
                    f"a {role} that is a number needs its {key}", f"add `{key}: {{0: {words[1]}, …}}`", made.type
                )
            own = {word: word for word in words[1:]}
            made = replace(made, states=own) if role == "state" else replace(made, modes=own)
    return made


def _metered(place: Cursor, made: Point) -> Point:
    electricity = CARRIERS["electricity"]
    usual, known = ("kWh", electricity.units) if made.name == "energy" else ("kW", electricity.rates)
    if made.unit is None:
        place.warn(f"`{made.name}` has no unit, and is taken as {usual}", f"add `unit: {usual}`")
        return replace(made, unit=usual)
    if made.unit not in known:
        place.spot("unit").fault(f"is no unit of {made.name}", f"known: {', '.join(known)}", made.unit)
    return made


def _counted(place: Cursor, made: Point, counted: bool) -> Point:
    """A counter's modulus is that of its unsigned type, unless it is given."""
    counter = made.counter if made.counter is not None else Counter() if counted else None
    if counter is None:
        return made
    bits = int(made.type[4:]) if made.type and made.type.startswith("uint") else 0
    if counter.modulus is None and bits:
        counter = replace(counter, modulus=Fraction(2**bits))
    if made.type in ("int64", "uint64"):
        place.warn("a counter of 64 bits is exact to 2^53 in InfluxDB", "nothing, where it stays below that", made.type)
    return replace(made, counter=counter)
