"""Five hundred machines on one source, the least that a server can ask at once, and ninety days of their history."""

from collections.abc import Callable
from pathlib import Path

from config.load import load
from config.plant import Plant
from gemba.demo.past import write
from simulators.plant import VirtualPlant
from store.journal import place

DAY = 86_400 * 10**9
AT_ONCE = 10  # days of one segment
HEAD = """plant: bench
timezone: Asia/Shanghai
data: ./data
register: register.csv
calendar:
  shifts:
    - {name: day, start: "08:00", end: "20:00", breaks: ["12:00-12:30"]}
    - {name: night, start: "20:00", end: "08:00", breaks: ["00:00-00:30"]}
sources: {line: {protocol: modbus, url: "tcp://127.0.0.1:1502", every: 10s}}
profiles:
  machine:
    points:
      state: {at: "holding:0", states: {1: running, 2: idle, 3: down, 4: setup}, keepalive: 10min}
      total: {at: "holding:2", type: uint32, counter: {max_rate: 1/s}, keepalive: 10min}
      good: {at: "holding:4", type: uint32, counter: {max_rate: 1/s}, keepalive: 10min}
      energy: {at: "holding:6", type: float32, unit: kWh, counter: {max_rate: 0.02/s}, keepalive: 10min}
assets:
"""
COLUMNS = "id,name,workshop,line,process,class,control,key,key_process\n"


def plant(folder: Path, assets: int) -> Plant:
    names = [f"m{number:03d}" for number in range(assets)]
    told = [
        f"  {name}: {{profile: machine, source: line, base: {10 * number}, ideal_cycle: 600s}}\n"
        for number, name in enumerate(names)
    ]
    rows = [
        f"{name},{name},W{number // 100},L{number // 20},cutting,production,native,yes,yes\n"
        for number, name in enumerate(names)
    ]
    (folder / "plant.yaml").write_text(HEAD + "".join(told), encoding="utf-8")
    (folder / "register.csv").write_text(COLUMNS + "".join(rows), encoding="utf-8")
    return load(folder / "plant.yaml")


def history(of: Plant, end: int, days: int, said: Callable[[str], None]) -> None:
    """As if an agent had been there."""
    start = end - days * DAY
    virtual = VirtualPlant(of, start)
    for first in range(start, end, AT_ONCE * DAY):
        rows = write(place(of), of, virtual, first, min(first + AT_ONCE * DAY, end), {})
        said(f"{(first - start) // DAY + AT_ONCE} of {days} days of history, {rows} rows in the last of them")
