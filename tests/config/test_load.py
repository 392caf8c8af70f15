"""What a plant file means once it is right: defaults, precedence, and the examples that ship."""

from dataclasses import fields
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

import config
from config.faults import PlantError
from config.load import load
from config.plant import (
    SECOND,
    Cavities,
    Counter,
    IdealCycle,
    Keep,
    ModbusAddress,
    MqttAddress,
    OpcuaAddress,
    Plant,
    PowerStates,
    Rules,
    Scope,
)
from config.shifts import ALWAYS

EXAMPLES = Path(config.__file__).parent / "examples"
HEAD = """plant: wuxi-01
timezone: Asia/Shanghai
data: ./data
sources:
  plc: {protocol: modbus, url: "tcp://192.168.10.11", unit: 3, every: 2s}
  cell: {protocol: opcua, url: "opc.tcp://192.168.10.21", security: {policy: Basic256Sha256}}
  broker: {protocol: mqtt, url: "mqtts://192.168.10.2", every: 1min, keepalive: 5min}
"""


@pytest.fixture
def plant_of(tmp_path: Path):  # type: ignore[no-untyped-def]
    def make(text: str) -> Plant:
        (tmp_path / "plant.yaml").write_text(text, encoding="utf-8")
        return load(tmp_path / "plant.yaml")

    return make


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_example_loads(file: Path) -> None:
    assert load(file).id == file.stem


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(PlantError) as raised:
        load(Path("nowhere.yaml"))
    assert str(raised.value) == "nowhere.yaml: cannot be read: No such file or directory; give the path of a file"


def test_aliases_of_aliases_are_no_way_to_fill_the_memory(tmp_path: Path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{below}{above}: &{above} [{', '.join([f'*{below}'] * 10)}]" for below, above in pairwise("abcdefghij")]
    (tmp_path / "plant.yaml").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(PlantError, match="nested or repeated beyond all measure"):
        load(tmp_path / "plant.yaml")


def test_the_example_of_the_contract() -> None:
    plant = load(EXAMPLES / "wuxi-01.yaml")
    press, saw = plant.assets["press-01"], plant.assets["saw-07"]
    assert plant.name == "无锡一厂"
    assert press.ideal == (IdealCycle(None, None, Fraction(24, 10)),)
    assert press.points["total"].counter == Counter(Fraction(2**32), Fraction(1))
    assert press.points["energy"].counter == Counter(Fraction(100_000), Fraction(1, 100))
    assert press.points["energy"].at == ModbusAddress("input", 72, None, 5)
    assert press.points["energy"].scale == 40
    assert press.points["state"].states == {
        "0": "off",
        "1": "idle",
        "2": "running",
        "3": "down",
        "4": "setup",
        "5": "planned",
    }
    assert plant.assets["cnc-01"].points["state"].at == OpcuaAddress("nsu=urn:cell:cnc;s=CNC01.State")
    assert plant.assets["oven-01"].points["power"].at == MqttAddress("plant/oven-01/telemetry", "power.total")
    assert saw.points["power"].at == ModbusAddress("input", 64, None, 7)
    assert saw.state_from == PowerStates(Fraction(1, 2), Fraction(3))
    assert plant.meters["workshop-a"].scope == Scope("workshop", "a")
    assert plant.meters["roof"].role == "generated"
    assert plant.meters["gas"].point.key == ("gas", "reading")
    assert plant.keep == Keep()
    assert plant.rules == Rules()
    assert plant.calendar.name == "two-shift"
    assert plant.stops[0].end - plant.stops[0].start == 4 * 3600 * SECOND
    assert plant.factors.factors["natural_gas"].tce == Fraction(12143, 1000)
    assert plant.data == EXAMPLES / "data"
    assert plant.sources["cell"].security.trust == EXAMPLES / "data" / "trust"


def test_what_is_left_out_has_its_default(plant_of) -> None:  # type: ignore[no-untyped-def]
    plant = plant_of("plant: a\ntimezone: UTC\ndata: d\n")
    assert plant.name == "a"
    assert (plant.sources, plant.assets, plant.meters, plant.lines, plant.stops) == ({}, {}, {}, {}, ())
    assert plant.calendar is ALWAYS
    assert plant.register is None
    assert plant.store is None
    assert plant.factors.profile == "sme-2024"


def test_defaults_of_points(plant_of) -> None:  # type: ignore[no-untyped-def]
    plant = plant_of(
        HEAD
        + """assets:
  a:
    source: plc
    points:
      word: {at: "holding:1"}
      bit: {at: "holding:1.3"}
      coil: {at: "coil:7"}
      slow: {at: "holding:2", every: 10s}
      total: {at: "holding:3", type: int32}
      good: {at: "holding:5", type: uint16, counter: {max_rate: 36000/h}}
      energy: {at: "input:0", unit: kWh, type: float32}
      power: {at: "input:2", unit: kW, type: float32}
  b:
    points:
      state: {source: broker, at: plant/b/state}
      temp: {source: cell, at: i=2258}
"""
    )
    points = plant.assets["a"].points
    assert [points[name].type for name in ("word", "bit", "coil")] == ["uint16", "bool", "bool"]
    assert (points["word"].every, points["word"].keepalive, points["word"].hold) == (
        2 * SECOND,
        60 * SECOND,
        180 * SECOND,
    )
    assert points["slow"].every == 10 * SECOND
    assert points["total"].counter == Counter(None, None)
    assert points["good"].counter == Counter(Fraction(2**16), Fraction(10))
    assert points["energy"].counter == Counter(None, None)
    assert points["power"].counter is None
    assert points["word"].at == ModbusAddress("holding", 1, None, 3)
    assert points["bit"].at == ModbusAddress("holding", 1, 3, 3)
    state = plant.assets["b"].points["state"]
    assert state.states is not None
    assert state.states["running"] == "running"
    assert (state.every, state.keepalive, state.hold) == (60 * SECOND, 300 * SECOND, 900 * SECOND)
    assert plant.assets["b"].points["temp"].type is None


def test_unit_and_base_the_point_before_the_asset_before_the_source(plant_of) -> None:  # type: ignore[no-untyped-def]
    plant = plant_of(
        HEAD
        + """profiles:
  pac: {points: {volts: {at: "input:2", unit: V}, amps: {at: "input:4", unit: 9, base: 5}}}
assets:
  plain: {profile: pac, source: plc}
  moved: {profile: pac, source: plc, unit: 7, base: 100}
  own: {profile: pac, source: plc, points: {volts: {at: "input:8", unit: mV}}}
"""
    )

    def found(asset: str) -> list[tuple[int, int, str | None]]:
        points = plant.assets[asset].points.values()
        return [(p.at.unit, p.at.address, p.unit) for p in points if isinstance(p.at, ModbusAddress)]

    assert found("plain") == [(3, 2, "V"), (9, 9, None)]
    assert found("moved") == [(7, 102, "V"), (9, 9, None)]
    assert found("own") == [(3, 8, "mV"), (9, 9, None)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("ideal_cycle: 2.4s", [(None, None, Fraction(12, 5))]),
        ("ideal_cycle: 40ms", [(None, None, Fraction(1, 25))]),
        ("ideal_cycle: 1.5min", [(None, None, Fraction(90))]),
        ("ideal_rate: 36500/h", [(None, None, Fraction(3600, 36500))]),
        ("ideal_rate: 2/s", [(None, None, Fraction(1, 2))]),
        ("ideal_cycle: {A: 2.4s, B: 3.1s}", [("A", None, Fraction(12, 5)), ("B", None, Fraction(31, 10))]),
        (
            "ideal_cycle: [{is: 3s}, {from: 2026-01-01, is: 2.6s}]",
            # 2026-01-01 00:00 in Shanghai is 2025-12-31 16:00 UTC.
            [(None, None, Fraction(3)), (None, 1767196800 * SECOND, Fraction(13, 5))],
        ),
        (
            "ideal_rate: [{from: 2026-01-01, is: {A: 1/s}}]",
            [("A", 1767196800 * SECOND, Fraction(1))],
        ),
    ],
)
def test_ideal_cycles(plant_of, written: str, expected: list[tuple[str, int, Fraction]]) -> None:  # type: ignore[no-untyped-def]
    points = '{total: {source: plc, at: "holding:0"}, product: {source: plc, at: "holding:2"}}'
    plant = plant_of(HEAD + f"assets:\n  a:\n    {written}\n    points: {points}\n")
    assert plant.assets["a"].ideal == tuple(IdealCycle(*row) for row in expected)


def test_readings_are_text_however_they_are_written(plant_of) -> None:  # type: ignore[no-untyped-def]
    plant = plant_of(
        HEAD
        + """assets:
  a: {source: plc, points: {state: {at: "holding:0", states: {0x10: idle, 3: running, "off": off}}}}
  b: {source: plc, points: {state: {at: "coil:0", states: {false: idle, true: running}}}}
"""
    )
    assert plant.assets["a"].points["state"].states == {"16": "idle", "3": "running", "off": "off"}
    assert plant.assets["b"].points["state"].states == {"0": "idle", "1": "running"}


def test_words_of_yaml_1_1_are_words(plant_of) -> None:  # type: ignore[no-untyped-def]
    plant = plant_of(
        HEAD
        + """assets:
  no:
    cavities: {designed: 8, active: 7}
    points:
      on: {source: plc, at: "holding:0", invalid: [0x8000, off, 65535]}
calendar: {shifts: [{name: yes, start: 08:00, end: 20:00}]}
"""
    )
    assert plant.assets["no"].points["on"].invalid == (0x8000, "off", 65535)
    assert plant.assets["no"].cavities == Cavities(8, 7)
    assert (plant.calendar.shifts[0].name, plant.calendar.shifts[0].end) == ("yes", 20 * 60)


@pytest.mark.parametrize(
    ("written", "expected"), [("{designed: 8}", Cavities(8, 8)), ("{designed: 8, active: 7}", Cavities(8, 7))]
)
def test_all_cavities_are_active_unless_it_is_said(plant_of, written: str, expected: Cavities) -> None:  # type: ignore[no-untyped-def]
    plant = plant_of(HEAD + f'assets: {{a: {{source: plc, cavities: {written}, points: {{x: {{at: "coil:1"}}}}}}}}\n')
    assert plant.assets["a"].cavities == expected


def test_a_calendar_is_the_assets_before_its_lines_before_the_plants(plant_of) -> None:  # type: ignore[no-untyped-def]
    plant = plant_of(
        HEAD
        + """calendars:
  one: {shifts: [{start: 08:00, end: 16:00}]}
  two: {shifts: [{start: 08:00, end: 24:00}]}
  three: {shifts: [{start: 06:00, end: 06:00}]}
calendar: one
lines: {l: {serial: [b, c], calendar: two}}
assets:
  a: {source: plc, points: {x: {at: "holding:0"}}}
  b: {source: plc, points: {x: {at: "holding:1"}}}
  c: {source: plc, calendar: three, points: {x: {at: "holding:2"}}}
  d: {source: plc, calendar: always, points: {x: {at: "holding:3"}}}
"""
    )
    assert [plant.calendar_of(asset).name for asset in "abcd"] == ["one", "two", "three", "always"]
    assert (plant.calendars["two"].shifts[0].end, plant.calendars["three"].shifts[0].end) == (1440, 360 + 1440)
    assert plant.calendars["one"].shifts[0].name == "shift-1"


def test_several_gateways_with_a_store(plant_of) -> None:  # type: ignore[no-untyped-def]
    plant = plant_of(
        """plant: a
timezone: UTC
data: d
sources:
  x: {protocol: modbus, url: "tcp://h", gateway: g1}
  y: {protocol: modbus, url: "tcp://i", gateway: g2}
store: {influxdb: {url: "http://127.0.0.1:8086/", database: gemba}}
"""
    )
    assert {source.gateway for source in plant.sources.values()} == {"g1", "g2"}
    assert plant.store is not None
    assert plant.store.url == "http://127.0.0.1:8086"


def test_insecure_has_to_be_said(plant_of) -> None:  # type: ignore[no-untyped-def]
    plant = plant_of(
        """plant: a
timezone: UTC
data: d
sources:
  x: {protocol: opcua, url: "opc.tcp://h", security: {insecure: true}}
  y: {protocol: mqtt, url: "mqtt://h", security: {insecure: true}}
"""
    )
    assert [source.security.insecure for source in plant.sources.values()] == [True, True]


def test_models_are_frozen() -> None:
    plant = load(EXAMPLES / "smallest.yaml")
    for field in fields(plant):
        with pytest.raises(AttributeError):
            setattr(plant, field.name, None)
