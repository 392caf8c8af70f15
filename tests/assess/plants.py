"""A small simulated plant with weeks of history, written as an agent would have kept it; the truth is the simulator's.

Ten machines: presses and mills answer, one press loses its connection every other hour, a saw is only metered, a drill
answers nobody. Everything that a clause may ask of facts is here once, or is missing on purpose. A second plant is a
worse one: there, whatever facts can refuse is refused.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from config.load import load
from config.plant import SECOND, Plant
from config.zone import nanoseconds
from gemba.demo.past import Spans, write
from kpi.binding.ground import Ground
from simulators.plant import VirtualPlant
from store.journal import History, place

HOUR = 3600 * SECOND
FAILING, DUMB, METERED = "press-03", "drill-01", "saw-01"

PLANT = """
plant: wuxi-09
timezone: Asia/Shanghai
data: ./data
calendar: always
register: register.csv
lines: {stamping: {serial: [press-01, press-02, press-03], bottleneck: press-02}}
sources:
  plc-01: {protocol: modbus, url: "tcp://192.168.10.11:502", every: 2s}
  plc-02: {protocol: modbus, url: "tcp://192.168.10.12:502", every: 2s}
  plc-03: {protocol: modbus, url: "tcp://192.168.10.13:502", every: 2s}
  cell: {protocol: opcua, url: "opc.tcp://192.168.10.40:4840", every: 2s, security: {insecure: true}}
  meters: {protocol: modbus, url: "tcp://192.168.10.60:502", every: 10s}
assets:
"""
PRESS = """\
  press-{n:02}:
    ideal_cycle: 40s
    points:
      state: {{source: plc-{n:02}, at: "holding:0", type: uint16,
        states: {{0: off, 1: idle, 2: running, 3: down, 4: setup}}}}
      total: {{source: plc-{n:02}, at: "holding:2", type: uint32, counter: {{max_rate: 1/s}}}}
      good: {{source: plc-{n:02}, at: "holding:4", type: uint32, counter: {{max_rate: 1/s}}}}
      alarm: {{source: plc-{n:02}, at: "holding:6", type: uint16}}
      force: {{source: plc-{n:02}, at: "holding:8", type: float32, unit: kN, deadband: 8}}
      energy: {{source: meters, at: "input:{at}", type: uint32, unit: kWh, scale: 0.1, counter: {{}}}}
"""
MILL = """\
  mill-{n:02}:
    ideal_cycle: 90s
    points:
      state: {{source: cell, at: "ns=2;s=M{n}.State", states: mtconnect}}
      mode: {{source: cell, at: "ns=2;s=M{n}.Mode", type: int32, modes: {{0: manual, 1: automatic, 2: apc}}}}
      total: {{source: cell, at: "ns=2;s=M{n}.Parts", type: uint32, counter: {{max_rate: 1/s}}}}
      good: {{source: cell, at: "ns=2;s=M{n}.Good", type: uint32, counter: {{max_rate: 1/s}}}}
      alarm: {{source: cell, at: "ns=2;s=M{n}.Alarm", type: int32}}
      spindle: {{source: cell, at: "ns=2;s=M{n}.Spindle", unit: "1/min", deadband: 8}}
      energy: {{source: cell, at: "ns=2;s=M{n}.Energy", type: uint32, unit: kWh, scale: 0.1, counter: {{}}}}
"""
REST = """\
  saw-01:
    state_from: {power: {off: 0.5, idle: 3.0}}
    points:
      power: {source: meters, at: "input:200", type: float32, unit: kW, deadband: 0.2}
meters:
  main: {carrier: electricity, point: {source: meters, at: "input:300", type: uint32, unit: kWh, scale: 0.1}}
  fresh: {carrier: water, role: fresh, point: {source: meters, at: "input:306", type: uint32, unit: m3, scale: 0.1}}
  again: {carrier: water, role: reused, point: {source: meters, at: "input:308", type: uint32, unit: m3, scale: 0.1}}
"""
REGISTER = """\
id,name,workshop,line,process,class,control,key,key_process
press-01,冲床1,A,stamping,冲压,production,native,yes,yes
press-02,冲床2,A,stamping,冲压,production,native,yes,yes
press-03,冲床3,A,stamping,冲压,production,native,{third},yes
mill-01,铣床1,B,milling,铣削,production,native,yes,yes
mill-02,铣床2,B,milling,铣削,production,retrofit,yes,yes
saw-01,锯床1,B,,下料,production,meter,no,no
drill-01,钻床1,A,,钻孔,production,none,no,no
robot-09,码垛机,B,,码垛,logistics,native,no,no
compressor,空压机,A,,,auxiliary,none,no,no
"""
WORSE = """
plant: wuxi-13
timezone: Asia/Shanghai
data: ./data
calendar: always
register: register.csv
sources:
  plc-01: {protocol: modbus, url: "tcp://192.168.10.11:502", every: 2s}
  plc-02: {protocol: modbus, url: "tcp://192.168.10.12:502", every: 2s}
  meters: {protocol: modbus, url: "tcp://192.168.10.60:502", every: 10s}
assets:
  press-01:
    ideal_cycle: 40s
    points:
      state: {source: plc-01, at: "holding:0", type: uint16, states: {0: off, 1: idle, 2: running, 3: down, 4: setup}}
      mode: {source: plc-01, at: "holding:1", type: uint16, modes: {0: manual}}
      total: {source: plc-01, at: "holding:2", type: uint32, counter: {max_rate: 1/s}}
      force: {source: plc-01, at: "holding:8", type: float32, deadband: 8}
  press-02:
    ideal_cycle: 40s
    points:
      state: {source: plc-02, at: "holding:0", type: uint16, states: {0: off, 1: idle, 2: running, 3: down, 4: setup}}
      total: {source: plc-02, at: "holding:2", type: uint32, counter: {max_rate: 1/s}}
      good: {source: plc-02, at: "holding:4", type: uint32, counter: {max_rate: 1/s}}
      force: {source: plc-02, at: "holding:8", type: float32, deadband: 8}
meters:
  main: {carrier: electricity, point: {source: meters, at: "input:300", type: uint32, unit: kWh, scale: 0.1}}
  first: {carrier: electricity, scope: "asset:press-01", under: main,
    point: {source: meters, at: "input:302", type: uint32, unit: kWh, scale: 0.1}}
"""
WORSE_REGISTER = """\
id,name,workshop,line,process,class,control,key,key_process
press-01,冲床1,A,,冲压,production,native,yes,yes
press-02,冲床2,A,,冲压,production,native,yes,yes
mill-01,铣床1,B,,铣削,production,none,no,yes
grinder-01,磨床1,B,,磨削,production,none,no,yes
welder-01,焊机1,B,,焊接,production,none,no,yes
"""
START, MIDDLE, END = (datetime.fromisoformat(f"2026-{day}T00:00+08:00") for day in ("08-01", "08-09", "08-17"))


def ns(when: datetime) -> int:
    return nanoseconds(when)


@dataclass
class Factory:
    """The plant on disk, its truth, and where it lies."""

    plant: Plant
    virtual: VirtualPlant

    @property
    def file(self) -> Path:
        return self.plant.file

    def ground(self, start: datetime = MIDDLE, end: datetime = END, baseline: bool = True) -> Ground:
        before = (ns(START), ns(MIDDLE)) if baseline else None
        return Ground(self.reader, self.plant, ns(start), ns(end), None, ns(END), before)

    @cached_property
    def reader(self) -> History:
        return History(place(self.plant))

    def truth(self, asset: str, start: datetime, end: datetime) -> dict[str, object]:
        return self.virtual.truth(asset, ns(start), ns(end))


def built(folder: Path, third_is_key: bool = True) -> Factory:
    """Sixteen days; the third press answers in every other hour only."""
    presses = "".join(PRESS.format(n=n, at=10 * n) for n in (1, 2, 3))
    mills = "".join(MILL.format(n=n) for n in (1, 2))
    lost = {"plc-03": [(at, at + HOUR) for at in range(ns(START) + HOUR, ns(END) - HOUR, 2 * HOUR)]}
    register = REGISTER.format(third="yes" if third_is_key else "no")
    return _lived(folder, PLANT + presses + mills + REST, register, END, lost)


def worse(folder: Path) -> Factory:
    """Eight days: a press by hand and one that never answers, meters away one hour in three, a workshop that nothing
    connects, one key process of four under control, a process value without a unit."""
    away = [(at, at + HOUR) for at in range(ns(START), ns(MIDDLE), 3 * HOUR)]
    return _lived(folder, WORSE, WORSE_REGISTER, MIDDLE, {"plc-02": [(ns(START), ns(MIDDLE))], "meters": away})


def dark(folder: Path) -> Factory:
    """As the worse one, with every meter away from the second day on."""
    away = [(ns(START + timedelta(days=1)), ns(MIDDLE))]
    return _lived(folder, WORSE, WORSE_REGISTER, MIDDLE, {"meters": away})


def _lived(folder: Path, text: str, register: str, end: datetime, lost: Spans) -> Factory:
    (folder / "plant.yaml").write_text(text, encoding="utf-8")
    (folder / "register.csv").write_text(register, encoding="utf-8")
    plant = load(folder / "plant.yaml")
    virtual = VirtualPlant(plant, ns(START) - 24 * HOUR)
    write(place(plant), plant, virtual, ns(START), ns(end), lost)
    return Factory(plant, virtual)
