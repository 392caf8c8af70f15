"""A plant file and its register become one frozen Plant, or one PlantError with every fault of both."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from config import addresses, assets, calendars, checks, factors, meters, overrides, points, policy, register, sources
from config.cursor import Cursor, Reject, text
from config.document import read
from config.faults import PlantError, in_order
from config.files import content, noted
from config.keys import NONE, REQUIRED, Key, Section, raw
from config.plant import Plant
from config.shifts import ALWAYS
from config.values import path, timezone


def _id(cursor: Cursor) -> str:
    if not policy.PLANT_ID.fullmatch(text(cursor)):
        raise Reject("must be an id of lower case letters, digits and dashes", "write it as wuxi-01")
    return text(cursor)


PLANT = Section(
    "",
    (
        Key("plant", _id, "id", REQUIRED, "", "wuxi-01"),
        Key("name", text, "text", "as `plant`", "", "无锡一厂"),
        Key("timezone", timezone, "IANA zone", REQUIRED, "", "Asia/Shanghai"),
        Key("data", path, "path of a folder", REQUIRED, "", "./data"),
        Key("keep", policy.keep, "mapping", "as its keys", "", "{days: 800}"),
        Key(
            "calendars",
            calendars.calendars,
            "mapping",
            NONE,
            "",
            '{office: {shifts: [{start: "08:00", end: "17:00"}]}}',
        ),
        Key("calendar", raw, "name of a calendar | always | mapping", "always", "", "two-shift"),
        Key("stops", raw, "list", "[]", "", "[{assets: [press-01], from: 2026-11-10, to: 2026-11-11}]"),
        Key("sources", raw, "mapping", NONE, "", '{plc: {protocol: modbus, url: "tcp://192.168.10.11"}}'),
        Key("register", path, "path of a CSV or XLSX file", NONE, "", "register.csv"),
        Key("lines", raw, "mapping", NONE, "", "{stamping: {serial: [press-01, cnc-01]}}"),
        Key(
            "profiles", assets.profiles, "mapping", NONE, "", '{pac3200: {points: {power: {at: "input:64", unit: kW}}}}'
        ),
        Key("assets", raw, "mapping", NONE, "", '{press-01: {source: plc, points: {total: {at: "holding:2"}}}}'),
        Key(
            "meters",
            raw,
            "mapping",
            NONE,
            "",
            '{main: {carrier: electricity, point: {source: plc, at: "input:0", unit: kWh}}}',
        ),
        Key("factors", overrides.factors, "name of a profile | mapping", "sme-2024", "", "{profile: sme-2024}"),
        Key(
            "store",
            policy.store,
            "mapping",
            "none: the journal",
            "",
            '{influxdb: {url: "http://127.0.0.1:8086", database: gemba}}',
        ),
        Key(
            "stores",
            policy.stores,
            "mapping",
            NONE,
            "",
            '{wuxi-02: {influxdb: {url: "http://10.0.0.2:8086", database: gemba}}}',
        ),
        Key("rules", policy.rules, "mapping", "as its keys", "", "{coverage: 0.9}"),
    ),
)

# Every table of keys, in the order of the documentation.
SECTIONS = (
    PLANT,
    policy.KEEP,
    calendars.CALENDAR,
    calendars.SHIFT,
    assets.STOP,
    sources.SOURCE,
    sources.SECURITY,
    assets.LINE,
    assets.PROFILE,
    assets.ASSET,
    assets.DATED,
    assets.STATE_FROM,
    assets.THRESHOLDS,
    assets.CAVITIES,
    points.POINT,
    addresses.TOPIC,
    points.COUNTER,
    meters.METER,
    overrides.FACTOR,
    overrides.GRID,
    policy.STORE,
    policy.INFLUXDB,
    policy.RULES,
    policy.NETWORKED,
)


def load(path: Path, *, registered: bool = True) -> Plant:
    """The plant that the file describes. Raises PlantError with every fault of the file and its register.

    With `registered` False the register is left alone: that is for writing one.
    """
    with noted() as files:
        node, faults = read(path)
        if faults and not node.value:
            raise PlantError(faults)
        root = Cursor(node, str(path), faults)
        plant = root.parsed(lambda cursor: _plant(cursor, path, registered), None)
    if faults or plant is None:
        raise PlantError(faults)
    return replace(plant, warnings=in_order(root.warnings), files=files)


def _plant(root: Cursor, file: Path, registered: bool) -> Plant | None:
    values = PLANT.read(root)
    whole = PLANT.complete(values)
    zone = values.get("timezone", ZoneInfo("UTC"))
    data = values.get("data", file.parent)
    known = values.setdefault("calendars", {})
    values["calendar"] = _given(
        values, "calendar", lambda c: calendars.chosen(c, known, root.names("calendars")), ALWAYS
    )
    named = root.names("assets")
    values["stops"] = _given(values, "stops", lambda c: assets.stops(c, named, zone), ())
    found = _given(values, "sources", lambda c: sources.sources(c, data), {})
    values["sources"] = {key: source for key, source in found.items() if source}
    values["lines"] = _given(values, "lines", lambda c: assets.lines(c, named), {})
    profiles = values.pop("profiles", {})
    values["assets"] = _given(values, "assets", lambda c: assets.assets(c, found, profiles, zone), {})
    values["meters"] = _given(values, "meters", lambda c: meters.meters(c, found), {})
    wanted = values.pop("register", None)
    if wanted and registered:
        values["register"] = root.spot("register").parsed(
            lambda _: register.read(wanted, root.faults, root.warnings), None
        )
    if "factors" not in values:
        values["factors"] = factors.profile("sme-2024")
    called, name = values.pop("plant", ""), values.pop("name", None)
    digest = sha256(content(file)).hexdigest()
    plant = Plant(
        **{"data": data, "timezone": zone, **values}, id=called, name=name or called, file=file, sha256=digest
    )
    checks.across(root, plant)
    return plant if whole else None


def _given(values: Mapping[str, Any], key: str, parse: Any, default: Any) -> Any:
    place = values.get(key)
    return place.parsed(parse, default) if place else default
