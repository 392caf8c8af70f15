"""A small plant with two days behind it, and `gemba serve` on it as a process of its own."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.load import load
from gemba.demo.past import write
from simulators.plant import VirtualPlant
from store.journal import place

HOUR = 3600 * 10**9
GRID = 60 * 10**9
HEAD = """
plant: wall-01
name: 看板工厂
timezone: {zone}
data: ./data
register: register.csv
sources:
  plc: {{protocol: modbus, url: "tcp://127.0.0.1:9", every: 10s}}
lines: {{stamping: {{serial: [press-01, press-02], bottleneck: press-01}}}}
assets:
"""
STATES = "{0: off, 1: idle, 2: running, 3: down, 4: setup}"
METERS = """
meters:
  main: {carrier: electricity, point: {source: plc, at: "input:9000", type: uint32, unit: kWh, scale: 0.1}}
"""


def midday() -> str:
    """A zone where it is noon, so that nothing a test sees hangs on the hour at which it runs."""
    return f"Etc/GMT{time.gmtime().tm_hour - 12:+d}"


def plant(folder: Path, machines: int, until: int, lasts: int = 48 * HOUR) -> Path:
    """Of so many presses; the second of them was not heard for three hours, and the last register row never was."""
    text, rows = HEAD.format(zone=midday()), ["id,name,workshop,line,process,class,control,key,key_process"]
    for at in range(1, machines + 1):
        name, base = f"press-{at:02}", 20 * at
        text += f"  {name}:\n    ideal_cycle: {50 + at}s\n    points:\n"
        text += f'      state: {{source: plc, at: "holding:{base}", states: {STATES}}}\n'
        for point, offset in (("total", 2), ("good", 4)):
            text += f'      {point}: {{source: plc, at: "holding:{base + offset}", type: uint32, counter: {{}}}}\n'
        energy = "type: uint32, unit: kWh, scale: 0.1, counter: {}"
        text += f'      energy: {{source: plc, at: "holding:{base + 6}", {energy}}}\n'
        rows.append(f"{name},冲床 <{at}>,A,stamping,冲压,production,native,yes,yes")
    rows.append("drill-01,钻床,A,,钻孔,production,none,no,no")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "plant.yaml"
    file.write_text(text + METERS, encoding="utf-8")
    (folder / "register.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    of = load(file)
    start = (until - lasts) // GRID * GRID
    lost = {"plc": [(until - 30 * HOUR, until - 27 * HOUR)]}
    write(place(of), of, VirtualPlant(of, start), start, until // GRID * GRID, lost)
    return file


@contextmanager
def served(file: Path, command: str = "serve") -> Iterator[tuple[str, int]]:
    """Its address and the id of its process; what it says goes to a file, since a pipe that nobody reads fills up."""
    words = (sys.executable, "-m", "gemba.cli", command, str(file), "--port", "0")
    said = file.with_suffix(".log")
    with said.open("w") as log:
        process = subprocess.Popen(words, stderr=log, text=True)
    try:
        end = time.monotonic() + 60
        while not (found := re.search(r"http://\S+/\n", said.read_text())) and process.poll() is None:
            assert time.monotonic() < end, said.read_text()
            time.sleep(0.05)
        assert found, said.read_text()
        yield found[0].strip().rstrip("/"), process.pid
    finally:
        process.terminate()
        process.wait(60)
