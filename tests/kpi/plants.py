"""Plants for tests, loaded as every plant file is."""

from datetime import datetime
from pathlib import Path

from config.load import load
from config.plant import Plant
from config.zone import nanoseconds

HEAD = """plant: case
timezone: {timezone}
data: ./data
sources: {{plc: {{protocol: modbus, url: "tcp://127.0.0.1:1502", unit: 1, every: 1s}}}}
"""


def plant(folder: Path, text: str, timezone: str = "UTC", rules: str = "") -> Plant:
    """The plant of `text`, under a head that every case has."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "plant.yaml"
    tail = f"rules: {rules}\n" if rules else ""
    file.write_text(HEAD.format(timezone=timezone) + text + tail, encoding="utf-8")
    return load(file)


def at(written: str) -> int:
    """UTC [ns]."""
    return nanoseconds(datetime.fromisoformat(written.replace("Z", "+00:00")))
