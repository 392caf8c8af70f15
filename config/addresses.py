"""Where a point is found: in a Modbus table, at an OPC UA node, in an MQTT topic."""

import re

from config import json_path
from config.cursor import Cursor, Reject, text
from config.keys import NONE, REQUIRED, Key, Section
from config.plant import Address, ModbusAddress, MqttAddress, OpcuaAddress

TABLES = ("holding", "input", "coil", "discrete")
REGISTERS = {"int32": 2, "uint32": 2, "float32": 2, "int64": 4, "uint64": 4, "float64": 4}  # the others take one
_MODBUS = re.compile(r"([a-z]+):([0-9]{1,6})(?:\.([0-9]{1,2}))?")
_MANUAL = re.compile(r"([0134])(?!0+$)([0-9]{4,5})")  # tables as manuals number them, from one
_NODE = re.compile(
    r"(?:(?:ns=[0-9]{1,5}|nsu=[^;]+);)?"
    r"(?:i=[0-9]{1,10}|s=.+|g=[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|b=[A-Za-z0-9+/]+={0,2})",
    re.DOTALL,
)
SPARKPLUG = "spBv1.0/"

TOPIC = Section(
    "assets.<asset>.points.<point>.at",
    (
        Key("topic", text, "text", REQUIRED, "", "plant/oven-01/telemetry"),
        Key("path", text, "text", NONE, "", "power.total"),
        Key("time", text, "text", NONE, "", "ts"),
    ),
)


def address(cursor: Cursor, protocol: str, unit: int, base: int, kind: str | None, length: int | None) -> Address:
    if protocol == "modbus":
        return _modbus(cursor, unit, base, kind, length)
    return _opcua(cursor) if protocol == "opcua" else _mqtt(cursor)


def _modbus(cursor: Cursor, unit: int, base: int, kind: str | None, length: int | None) -> ModbusAddress:
    do = "write it as holding:100, holding:100.3, input:72, coil:5 or discrete:5"
    if isinstance(cursor.node.value, dict | list):
        raise Reject("must be a Modbus address", do)
    found = _MODBUS.fullmatch(text(cursor))
    if manual := _MANUAL.fullmatch(text(cursor)):
        table = {"0": "coil", "1": "discrete", "3": "input", "4": "holding"}[manual[1]]
        raise Reject("must be a Modbus address", f"a manual's {manual[0]} is {table}:{int(manual[2]) - 1}")
    if not found or found[1] not in TABLES:
        raise Reject("must be a Modbus address", do)
    table, first, bit = found[1], int(found[2]) + base, None if found[3] is None else int(found[3])
    if bit is not None and (bit > 15 or table in ("coil", "discrete")):
        raise Reject("a bit is .0 to .15 of a holding or input register", "mend the bit")
    width = length or REGISTERS.get(kind or "", 1)
    if first < 0 or first + width > 65536:
        got = f"{text(cursor)} with base {base}" if base else None
        raise Reject("Modbus addresses go from 0 to 65535", "count from zero, without a leading 4 or 3", got)
    return ModbusAddress(table, first, bit, unit)  # type: ignore[arg-type]


def _opcua(cursor: Cursor) -> OpcuaAddress:
    do = "write it as ns=2;s=CNC01.Parts, nsu=urn:cell:cnc;s=… or i=2258"
    if isinstance(cursor.node.value, dict | list) or not _NODE.fullmatch(text(cursor)):
        raise Reject("must be an OPC UA node id", do)
    return OpcuaAddress(text(cursor))


def is_filter(topic: str) -> bool:
    """Whether a broker may be asked for this topic."""
    levels = topic.split("/")
    whole = all(len(level) == 1 or not {"#", "+"} & set(level) for level in levels)
    return bool(topic) and "\0" not in topic and whole and "#" not in levels[:-1]


def _mqtt(cursor: Cursor) -> MqttAddress:
    if isinstance(cursor.node.value, dict):
        values = TOPIC.read(cursor)
        place = cursor.spot("topic")
    else:
        values, place = {"topic": text(cursor)}, cursor
    if "topic" not in values:
        return MqttAddress("")
    topic = values["topic"]
    levels = topic.split("/")
    if not is_filter(topic):
        place.fault("is no MQTT topic", "write + for one whole level and # for the last ones only", topic)
    if topic.startswith(SPARKPLUG):
        if len(levels) not in (4, 5) or "#" in levels:
            place.fault(
                "is no Sparkplug topic", f"write {SPARKPLUG}GROUP/+/NODE or {SPARKPLUG}GROUP/+/NODE/DEVICE", topic
            )
        if "path" not in values:
            place.fault("a Sparkplug topic needs the metric's name", "write {topic: …, path: METRIC}", topic)
        return MqttAddress(**values)
    for key in ("path", "time"):
        if key in values:
            cursor.spot(key).parsed(_json, None)
    return MqttAddress(**values)


def _json(cursor: Cursor) -> None:
    try:
        json_path.parse(text(cursor))
    except ValueError as fault:
        raise Reject(str(fault), 'write it as a.b[0].c, a key with dots as a["b.c"]') from None
