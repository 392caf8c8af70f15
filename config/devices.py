"""The equipment register as frozen models: every device that is there, connected or not."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Device:
    """A row of the equipment register, and the line of the file that it stands on. Rows of one id follow one another
    in time."""

    id: str
    row: int
    name: str = ""
    workshop: str = ""
    line: str = ""
    process: str = ""
    kind: Literal["production", "inspection", "logistics", "auxiliary"] = "production"
    control: Literal["native", "retrofit", "meter", "none"] = "none"
    key: bool = False
    key_process: bool = False
    in_scope: bool = True
    reason: str = ""
    since: date | None = None
    until: date | None = None  # the last date on which it still counts


@dataclass(frozen=True, slots=True)
class Register:
    file: Path
    sha256: str
    devices: tuple[Device, ...]
