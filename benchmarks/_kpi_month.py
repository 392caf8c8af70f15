"""A journal with a month of a hundred machines: three thousand rows an asset and day, by exception, as an agent keeps
them: a segment a day, four points a poll. As a command: what the facts of that month cost in a new process, which is
where `gemba kpi` forms them [CPU seconds]."""

import sys
import time
from datetime import date
from importlib import import_module
from pathlib import Path

import numpy as np

from config.load import load
from config.plant import Plant
from config.zone import instant
from connectors.base import Column, layout
from kpi.facts.archive import Archive
from kpi.facts.facts import Facts, facts
from store.journal import History, place
from store.journal.chunk import Chunk
from store.journal.columns import ColumnFile
from store.journal.folder import made, numbered

DAYS, ROWS = 31, 3000
DAY = 86_400 * 10**9
HEAD = """plant: bench
timezone: Asia/Shanghai
data: ./data
calendar:
  shifts:
    - {name: day, start: "08:00", end: "20:00", breaks: ["12:00-12:30"]}
    - {name: night, start: "20:00", end: "08:00", breaks: ["00:00-00:30"]}
sources: {plc: {protocol: modbus, url: "tcp://127.0.0.1:1502", unit: 1, every: 1s}}
assets:
"""
ASSET = """  m{i:03d}:
    ideal_cycle: 9s
    points:
      state: {{source: plc, at: "holding:{a}", type: uint16, states: {{1: running, 2: idle, 3: down, 4: setup}}}}
      total: {{source: plc, at: "holding:{b}", type: uint32, counter: {{max_rate: 1/s}}}}
      good: {{source: plc, at: "holding:{c}", type: uint32, counter: {{max_rate: 1/s}}}}
      energy: {{source: plc, at: "holding:{d}", type: float32, unit: kWh, counter: {{max_rate: 0.02/s}}}}
"""


def month(folder: Path, count: int) -> Plant:
    """The plant, its journal filled."""
    assets = "".join(ASSET.format(i=i, a=i * 10, b=i * 10 + 2, c=i * 10 + 4, d=i * 10 + 6) for i in range(count))
    (folder / "plant.yaml").write_text(HEAD + assets)
    plant = load(folder / "plant.yaml")
    journal = place(plant)
    made(journal)
    chance = np.random.default_rng(1)
    begin = instant(date(2026, 10, 1), plant.timezone)
    total, energy = np.zeros(count, np.int64), np.zeros(count)
    for day in range(DAYS):
        file = ColumnFile(journal / "bench.tmp")
        place_of = 1
        for i in range(count):
            columns = [("energy", "float"), ("state", "int"), ("total", "int"), ("good", "int")]
            file.layout(i + 1, layout("plc", f"poll {i}", [Column(f"m{i:03d}", n, k) for n, k in columns]))  # type: ignore[arg-type]
            time = np.unique(
                np.append(np.arange(0, DAY, 60 * 10**9), chance.integers(0, DAY // 10**6, ROWS - 1440) * 10**6)
            )
            gap = np.minimum(np.diff(time, prepend=0) // 10**9, 60)
            state = np.repeat(chance.choice([1, 1, 1, 1, 2, 3, 4], len(time) // 8 + 1), 8)[: len(time)].astype(np.int64)
            pieces = total[i] + np.cumsum(chance.binomial(gap, 0.1))
            kwh = np.round(energy[i] + np.cumsum(chance.random(len(time)) * 0.01 * gap), 3)
            total[i], energy[i] = pieces[-1], kwh[-1]
            values = np.stack([kwh.view(np.int64), state, pieces, pieces - pieces // 20])
            seqs = np.arange(place_of, place_of + len(time))
            file.chunk(Chunk(i + 1, 1, seqs, begin + day * DAY + time, values))
            place_of += len(time)
        file.close(1, 1)
        with numbered(journal) as number:
            file.publish(journal, number)
    return plant


def facts_of(plant: Plant) -> Facts:
    """Of 29 whole production days, long after."""
    begin = instant(date(2026, 10, 1), plant.timezone) + DAY // 3
    reader = History(place(plant))
    try:
        archive = Archive(plant.data, plant.id)
        return facts(reader, plant, begin, begin + 29 * DAY, archive, instant(date(2026, 12, 1), plant.timezone))
    finally:
        reader.close()


if __name__ == "__main__":
    import_module("pandas")  # where it is there, as it is not for a user, pyarrow loads it while it is looked at
    asked = load(Path(sys.argv[1]))
    began = time.process_time()
    facts_of(asked)
    print(time.process_time() - began)
