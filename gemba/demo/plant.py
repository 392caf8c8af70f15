"""The plant of the demo: three lines over three protocols and more than thirty machines, some of them retrofitted, some
only metered, some on nobody's network, and one that keeps losing its connection."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

ANSWERS = Path(__file__).parent / "answers"  # of an imagined owner, one file a form
SPEEDS = {"press": 36, "cnc": 84, "station": 48}  # planned seconds a piece
PRESSES, MACHINES, STATIONS, SAWS = 12, 8, 8, 1
FAILING = "press-07"
DUMB = ("drill-01", "drill-02", "grinder-01", "grinder-02", "bender-01")

HEAD = """\
plant: demo-01
name: 演示工厂
timezone: Asia/Shanghai
data: ./data
calendar: always
register: register.csv
rules: {networked: {days: 0.9, samples: 0.8, window: 30d, min_days: 5}}
lines:
  stamping: {serial: [press-01, press-02, press-03], bottleneck: press-02}
factors: {profile: sme-2024, natural_gas: {tce: 12.143, per: 万m3, source: 205-1 catalogue, status: unverified}}
"""
KWH = "type: uint32, unit: kWh, scale: 0.1, counter: {}"
MODES = "{0: manual, 1: automatic, 2: apc}"
PRESS_STATES = "{0: off, 1: idle, 2: running, 3: down, 4: setup, 5: planned}"


def _cycle(kind: str, place: int, speed: Fraction) -> str:
    ms = Fraction(1000 * SPEEDS[kind] * (100 + 3 * place), 100) / speed
    return f"{max(1, round(ms))}ms"


def _rate(kind: str, speed: Fraction) -> str:
    """Far above what a machine can do, and one piece between two polls must always be possible."""
    return f"{max(1.0, float(speed * 4 / SPEEDS[kind])):g}/s"


def _sources() -> Iterator[str]:
    yield "sources:"
    for i in range(1, PRESSES + 1):
        yield f'  plc-{i:02}: {{protocol: modbus, url: "tcp://192.168.10.{10 + i}:502", every: 1s}}'
    yield '  cell: {protocol: opcua, url: "opc.tcp://192.168.10.40:4840", every: 1s, security: {insecure: true}}'
    yield '  broker: {protocol: mqtt, url: "mqtt://192.168.10.50:1883", every: 2s, security: {insecure: true}}'
    yield '  meters: {protocol: modbus, url: "tcp://192.168.10.60:502", every: 5s}'


def _assets(speed: Fraction) -> Iterator[str]:
    yield "assets:"
    counter = f"counter: {{max_rate: {_rate('press', speed)}}}"
    for i in range(1, PRESSES + 1):
        plc, name = f"plc-{i:02}", f"press-{i:02}"
        yield f"  {name}:\n    ideal_cycle: {_cycle('press', i, speed)}\n    short_stop: 300s\n    points:"
        yield f'      state: {{source: {plc}, at: "holding:0", type: uint16, states: {PRESS_STATES}}}'
        yield f'      total: {{source: {plc}, at: "holding:2", type: uint32, {counter}}}'
        yield f'      good: {{source: {plc}, at: "holding:4", type: uint32, {counter}}}'
        yield f'      alarm: {{source: {plc}, at: "holding:6", type: uint16}}'
        yield f'      force: {{source: {plc}, at: "holding:8", type: float32, unit: kN, deadband: 8}}'
        yield f'      energy: {{source: meters, at: "input:{10 * i}", {KWH}}}'
    counter = f"counter: {{max_rate: {_rate('cnc', speed)}}}"
    for i in range(1, MACHINES + 1):
        node = f"nsu=urn:demo:cell;s=CNC{i:02}"
        yield f"  cnc-{i:02}:\n    ideal_cycle: {_cycle('cnc', i, speed)}\n    points:"
        yield f'      state: {{source: cell, at: "{node}.State", states: mtconnect}}'
        yield f'      mode: {{source: cell, at: "{node}.Mode", type: int32, modes: {MODES}}}'
        yield f'      total: {{source: cell, at: "{node}.Parts", type: uint32, {counter}}}'
        yield f'      reject: {{source: cell, at: "{node}.Rejects", type: uint32, {counter}}}'
        yield f'      spindle: {{source: cell, at: "{node}.Spindle", unit: "1/min", deadband: 8}}'
        yield f'      energy: {{source: cell, at: "{node}.Energy", {KWH}}}'
    counter = f"counter: {{max_rate: {_rate('station', speed)}}}"
    for i in range(1, STATIONS + 1):
        topic = f"topic: demo/station-{i:02}/telemetry"
        yield f"  station-{i:02}:\n    ideal_cycle: {_cycle('station', i, speed)}\n    points:"
        states = "{IDLE: idle, RUN: running, FAULT: down, SETUP: setup, OFF: off}"
        yield f"      state: {{source: broker, at: {{{topic}, path: state}}, states: {states}}}"
        yield f"      total: {{source: broker, at: {{{topic}, path: count.total}}, type: uint32, {counter}}}"
        yield f"      good: {{source: broker, at: {{{topic}, path: count.good}}, type: uint32, {counter}}}"
    for i in range(1, SAWS + 1):
        yield f"  saw-{i:02}:\n    state_from: {{power: {{off: 0.5, idle: 3.0}}}}\n    points:"
        yield f'      power: {{source: meters, at: "input:{200 + 10 * i}", type: float32, unit: kW, deadband: 0.2}}'


METERS = (  # id, carrier, role, scope, address
    ("main", "electricity", "consumed", "plant", 300),
    ("stamping-shop", "electricity", "consumed", "workshop:A", 302),
    ("gas", "natural_gas", "consumed", "plant", 304),
    ("fresh-water", "water", "fresh", "plant", 306),
    ("reused-water", "water", "reused", "plant", 308),
)


def _meters() -> Iterator[str]:
    yield "meters:"
    for name, carrier, role, scope, address in METERS:
        unit = "kWh" if carrier == "electricity" else "m3"
        under = ", under: main" if scope != "plant" else ""
        yield f'  {name}: {{carrier: {carrier}, role: {role}, scope: "{scope}"{under},'
        yield f'    point: {{source: meters, at: "input:{address}", type: uint32, unit: {unit}, scale: 0.1}}}}'


def plant_file(speed: Fraction = Fraction(1)) -> str:
    """As YAML; `speed` divides the ideal cycles."""
    return HEAD + "\n".join([*_sources(), *_assets(speed), *_meters()]) + "\n"


def register_file() -> str:
    """As CSV: every machine of the plant, whatever is known of it."""
    rows = ["id,name,workshop,line,process,class,control,key,key_process,in_scope"]
    rows += [f"press-{i:02},冲床{i},A,stamping,冲压,production,native,yes,yes,yes" for i in range(1, PRESSES + 1)]
    rows += [f"cnc-{i:02},加工中心{i},B,machining,铣削,production,native,yes,yes,yes" for i in range(1, MACHINES + 1)]
    rows += [
        f"station-{i:02},装配工位{i},C,assembly,装配,production,retrofit,no,no,yes" for i in range(1, STATIONS + 1)
    ]
    rows += [f"saw-{i:02},锯床{i},B,sawing,下料,production,meter,no,no,yes" for i in range(1, SAWS + 1)]
    rows += [f"{name},{name},C,,钻磨,production,none,no,no,yes" for name in DUMB]
    rows += ["compressor-01,空压机,A,,,auxiliary,none,no,no,no"]
    return "\n".join(rows) + "\n"
