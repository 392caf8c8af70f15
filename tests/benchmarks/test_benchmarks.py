"""Each benchmark runs, at a size that says nothing of speed: it has its figures, and what it checks by itself holds. A
span in which something must happen is longer than a machine stands still."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import NAMES
from tests.servers.fixtures import require

ROOT = Path(__file__).parents[2]
SIZES: dict[str, dict[str, Any]] = {
    "api": {"ASSETS": 3, "DAYS": 3, "CLIENTS": 2, "SPAN": 2.0, "IDLE": 1.0},
    "edge": {"DEVICES": 2, "WARM": 1.0, "SPAN": 2.5, "FLAT_SPAN": 1.5},
    "influx": {"ASSETS": 3, "SECONDS": 20, "HOURS": 0.1, "WATCHED": 2.0, "DEVICES": 2, "SPAN": 4.0, "MACHINES": 3},
    "journal": {"GROUPS": 3, "POLLS": 4, "COMMITS": 2, "SMALL": 2, "DAY": 1200, "ROWS": 2000},
    "kpi": {"CHANGES": 200, "MACHINES": 3, "SOME": 2, "COUNTERS": 1, "ASSETS": 2},
    "modbus": {"DEVICES": 2, "SPAN": 0.2, "WARM": 1.2, "LONG": 2.0},
    "mqtt": {"RATE": 400, "SPAN": 1.2, "WARM": 0.3, "BACKLOG": 400},
    "opcua": {"POLLS": 8, "SPAN": 1.0, "WARM": 1.0},
    "peers": {"DEVICES": 2, "INTERVALS": [1.0], "WARM": 1, "SPAN": 2, "LATE": 4, "PEERS": {"Gemba": "libmodbus"}},
}
SERVERS = {
    "edge": ["libmodbus"],
    "influx": ["influxdb2", "influxdb1", "victoria", "libmodbus"],
    "modbus": ["libmodbus"],
    "mqtt": ["mosquitto"],
    "opcua": ["nodeopcua"],
    "peers": ["libmodbus", "influxdb2", "mosquitto"],
}
SMALL = """
import importlib, json, sys
of = importlib.import_module(f"benchmarks.{sys.argv[1]}")
for name, size in json.loads(sys.argv[2]).items():
    assert hasattr(of, name), name
    setattr(of, name, size)
print(json.dumps([(row.name, row.unit, row.value) for row in of.run()]))
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_runs(name: str) -> None:
    require(*SERVERS.get(name, []))
    words = [sys.executable, "-c", SMALL, name, json.dumps(SIZES[name])]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert rows and all(math.isfinite(value) for _, _, value in rows), rows


def test_each_benchmark_is_documented() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"| `{name}` |" not in page] == []
