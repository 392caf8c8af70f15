"""Assets and lines: the connected machines, what they should make per time, and how they stand in series."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from fractions import Fraction
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from config import points
from config.cursor import Cursor, Incomplete, Reject, text
from config.keys import NONE, REQUIRED, Key, Section, exactly, raw
from config.plant import Asset, Cavities, IdealCycle, Line, Point, PowerStates
from config.points import Home, Sources, Written
from config.shifts import PlannedStop
from config.values import duration, moment, name, named, not_negative, rate, sequence, span, within
from config.zone import instant

CAVITIES = Section(
    "assets.<asset>.cavities",
    (
        Key("designed", within(1, 10_000), "whole number", "1", "pieces per shot", "8"),
        Key("active", within(1, 10_000), "whole number", "as designed", "pieces per shot", "7"),
    ),
)
THRESHOLDS = Section(
    "assets.<asset>.state_from.power",
    (
        Key("off", not_negative, "number", REQUIRED, "kW", "0.5"),
        Key("idle", not_negative, "number", REQUIRED, "kW", "3.0"),
    ),
)
STATE_FROM = Section(
    "assets.<asset>.state_from",
    (Key("power", exactly(THRESHOLDS), "mapping", REQUIRED, "", "{off: 0.5, idle: 3.0}"),),
)
DATED = Section(
    "assets.<asset>.ideal_cycle[]",
    (
        Key("from", moment, "date | date-time", "since ever", "", "2026-01-01"),
        Key("is", raw, "as ideal_cycle or ideal_rate", REQUIRED, "", "2.6s"),
    ),
)
PROFILE = Section(
    "profiles.<profile>",
    (Key("points", points.written, "mapping", REQUIRED, "", '{power: {at: "input:64", unit: kW}}'),),
)

Profiles = Mapping[str, Mapping[str, Written] | None]
Dated = tuple[date | datetime | None, str | None, Fraction]


def _per_piece(cursor: Cursor) -> Fraction:
    return span(cursor)


def _per_time(cursor: Cursor) -> Fraction:
    return 1 / rate(cursor)


def _ideal(one: Callable[[Cursor], Fraction]) -> Callable[[Cursor], tuple[Dated, ...]]:
    """A value, one per product, or a dated list of either."""

    def products(cursor: Cursor, since: date | datetime | None) -> list[Dated]:
        if not isinstance(cursor.node.value, dict):
            return [(since, None, one(cursor))]
        read = [(key, child.parsed(one, None)) for key, child in cursor.children()]
        if not read:
            raise Reject("names no product", "write {PRODUCT: 2.4s}")
        return [(since, key, seconds) for key, seconds in read if seconds is not None]

    def parse(cursor: Cursor) -> tuple[Dated, ...]:
        if not isinstance(cursor.node.value, list):
            return tuple(products(cursor, None))
        found: list[Dated] = []
        for item in cursor.items():
            values = item.parsed(exactly(DATED), None)
            if values is None:
                continue
            read = values["is"].parsed(partial(products, since=values.get("from")), [])
            for since, product, seconds in read:
                if any((since, product) == earlier[:2] for earlier in found):
                    item.fault("two values begin at the same time", "keep one of them", str(since or "no from"))
                found.append((since, product, seconds))
        return tuple(found)

    return parse


ASSET = Section(
    "assets.<asset>",
    (
        Key("profile", name, "name of a profile", NONE, "", "pac3200"),
        Key("source", name, "name of a source", NONE, "", "meters"),
        Key("unit", within(0, 255), "whole number", "the source's", "Modbus unit", "7"),
        Key("base", within(0, 65535), "whole number", "0", "registers", "1000"),
        Key("ideal_cycle", _ideal(_per_piece), "duration | per product | dated list", NONE, "per piece", "2.4s"),
        Key("ideal_rate", _ideal(_per_time), "rate | per product | dated list", NONE, "pieces", "36500/h"),
        Key("short_stop", duration, "duration", "300s", "", "120s"),
        Key("state_from", exactly(STATE_FROM), "mapping", NONE, "", "{power: {off: 0.5, idle: 3.0}}"),
        Key("cavities", CAVITIES.read, "mapping", "{designed: 1}", "", "{designed: 8, active: 7}"),
        Key("calendar", name, "name of a calendar | always", "its line's, else the plant's", "", "two-shift"),
        Key("points", points.written, "mapping", "the profile's", "", '{total: {at: "holding:2"}}'),
    ),
)
LINE = Section(
    "lines.<line>",
    (
        Key("serial", sequence(name), "list of assets", "[]", "", "[press-01, cnc-01]"),
        Key("bottleneck", name, "name of an asset in serial", NONE, "", "cnc-01"),
        Key("calendar", name, "name of a calendar | always", "the plant's", "", "two-shift"),
    ),
)
STOP = Section(
    "stops[]",
    (
        Key("assets", sequence(name), "list of assets", REQUIRED, "", "[press-01]"),
        Key("from", moment, "date | date-time", REQUIRED, "", "2026-11-10T08:00"),
        Key("to", moment, "date | date-time", REQUIRED, "", "2026-11-10T12:00"),
        Key("why", text, "text", NONE, "", "die change"),
    ),
)


def profiles(cursor: Cursor) -> dict[str, Mapping[str, Written] | None]:
    """The points of every profile of the file; None for one that has faults, which are noted."""
    found: dict[str, Mapping[str, Written] | None] = {}
    for key, child in cursor.children():
        values = child.parsed(exactly(PROFILE), None)
        found[key] = values["points"] if values else None
    return found


def assets(cursor: Cursor, sources: Sources, known: Profiles, zone: ZoneInfo) -> dict[str, Asset]:
    found = {}
    for key, child in cursor.children():
        asset = child.parsed(lambda c, key=key: _asset(c, named(key), sources, known, zone), None)  # type: ignore[misc]
        if asset:
            found[key] = asset
    return found


def _asset(
    cursor: Cursor,
    key: str,
    sources: Sources,
    known: Profiles,
    zone: ZoneInfo,
) -> Asset:
    values = ASSET.read(cursor)
    home = Home(key, values.pop("source", None), values.pop("unit", None), values.pop("base", 0))
    given = {**_profile(cursor, values.get("profile"), known), **values.pop("points", {})}
    if not given and not cursor.names("points"):
        cursor.fault("has no points", "add `points:`, or the `profile:` that has them")
    if home.source is not None and home.source not in sources:
        cursor.spot("source").fault("there is no such source", f"known: {', '.join(sources) or 'none'}", home.source)
        raise Incomplete
    made = {name: _point(home, name, one, sources) for name, one in given.items()}
    points.addressed(cursor, made.values())
    ideal = _chosen(cursor, values.pop("ideal_cycle", None), values.pop("ideal_rate", None), zone)
    tool = values.pop("cavities", {})
    designed = tool.get("designed", 1)
    cavities = Cavities(designed, tool.get("active", designed))
    if cavities.active > cavities.designed:
        got = f"{cavities.active} of {cavities.designed}"
        cursor.spot("cavities").fault("more cavities are active than designed", "mend one of them", got)
    if power := values.pop("state_from", None):
        values["state_from"] = PowerStates(**power["power"])
    asset = Asset(id=key, points={n: p for n, p in made.items() if p}, ideal=ideal, cavities=cavities, **values)
    _states(cursor, asset, given)
    return asset


def _profile(cursor: Cursor, wanted: str | None, known: Profiles) -> Mapping[str, Written]:
    if wanted is None:
        return {}
    if wanted not in known:
        cursor.spot("profile").fault("there is no such profile", f"known: {', '.join(known) or 'none'}", wanted)
    given = known.get(wanted)
    if given is None:
        raise Incomplete
    return given


def _point(home: Home, key: str, given: Written, sources: Sources) -> Point | None:
    return given.place.parsed(lambda _: points.point(home, key, given, sources), None)


def _chosen(
    cursor: Cursor, cycle: tuple[Dated, ...] | None, per_time: tuple[Dated, ...] | None, zone: ZoneInfo
) -> tuple[IdealCycle, ...]:
    if cycle is not None and per_time is not None:
        cursor.spot("ideal_rate").fault("stands beside `ideal_cycle`", "keep one of them")
    chosen = cycle if cycle is not None else per_time or ()
    made = [IdealCycle(product, None if since is None else instant(since, zone), s) for since, product, s in chosen]
    return tuple(sorted(made, key=lambda c: (c.product or "", c.since is not None, c.since or 0)))


def _states(cursor: Cursor, asset: Asset, given: Mapping[str, Any]) -> None:
    if any(cycle.product is not None for cycle in asset.ideal) and "product" not in given:
        key = "ideal_cycle" if "ideal_cycle" in cursor.names() else "ideal_rate"
        cursor.spot(key).warn(
            "differs by product, but no point `product` says which is made", "add the point `product`"
        )
    if asset.state_from is None:
        return
    place = cursor.spot("state_from")
    if "state" in given:
        place.fault("stands beside a point `state`", "keep one of them")
    if "power" not in given:
        place.fault("needs the point `power`", "add it, in kW")
    if asset.state_from.idle < asset.state_from.off:
        got = f"off {float(asset.state_from.off):g}, idle {float(asset.state_from.idle):g}"
        place.fault("idle ends below off", "write the higher power at idle", got)


# -- lines and stops ---------------------------------------------------------------------------------------------------
def lines(cursor: Cursor, known: frozenset[str]) -> dict[str, Line]:
    """`known` are the assets that the file names, right or wrong."""
    found = {}
    for key, child in cursor.children():
        line = child.parsed(lambda c, key=key: Line(id=named(key), **LINE.read(c)), None)  # type: ignore[misc]
        if line is None:
            continue
        found[key] = line
        for asset in line.serial:
            if asset not in known:
                child.spot("serial").fault("there is no such asset", "name assets of this file", asset)
        if line.bottleneck is not None and line.bottleneck not in line.serial:
            child.spot("bottleneck").fault("the bottleneck is not in `serial`", "name one of those", line.bottleneck)
        for twice in sorted({asset for asset in line.serial if line.serial.count(asset) > 1}):
            child.spot("serial").fault("an asset stands twice in series", "name it once", twice)
    return found


def stops(cursor: Cursor, known: frozenset[str], zone: ZoneInfo) -> tuple[PlannedStop, ...]:
    found = []
    for item in cursor.items():
        values = item.parsed(exactly(STOP), None)
        if values is None:
            continue
        for asset in values["assets"]:
            if asset not in known:
                item.spot("assets").fault("there is no such asset", "name assets of this file", asset)
        start, end = instant(values["from"], zone), instant(values["to"], zone)
        if end <= start:
            item.fault("a stop must end after it begins", "mend `to`", item.spot("to").shown())
        found.append(PlannedStop(values["assets"], start, end, values.get("why", "")))
    return tuple(found)
