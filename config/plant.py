"""The plant as frozen models: what the plant file says after it was checked, with nothing repaired and nothing guessed.

Durations are integer nanoseconds, as every time inside Gemba; quantities a grade may hang on are Fractions. Values of
points stay as on the wire in every store; `scale`, `offset`, `states` and `modes` are applied on reading.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from config.carriers import Factors
from config.devices import Device, Register
from config.faults import Fault
from config.shifts import ALWAYS, Calendar, PlannedStop

SECOND = 1_000_000_000
HOLD = 3  # a row stands for so many times the longer of its poll interval and keepalive

STATES = ("unknown", "running", "idle", "setup", "down", "planned", "off")  # the index is the code, in every store
MODES = ("unknown", "automatic", "manual", "apc")
ROLES = ("state", "total", "good", "reject", "rework", "product", "alarm", "mode", "energy", "power")
PIECES = ("total", "good", "reject", "rework")
METERED = ("energy", "power")  # points that never make a device networked
TYPES = ("bool", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "string")
READING = "reading"  # the one point of a meter; its rows carry the meter's id as their asset

Protocol = Literal["modbus", "opcua", "mqtt"]


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference to a secret; its text is read when it is needed and never printed."""

    env: str | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Security:
    policy: str | None = None
    mode: str | None = None
    user: str | None = None
    password: Secret | None = None
    cert: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    trust: Path | None = None  # a folder; the loader fills in its default
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """One device, server or broker. Sources with the same `url` share one connection."""

    id: str
    protocol: Protocol
    url: str
    every: int = SECOND
    timeout: int | None = None  # None: the connector's own default
    unit: int = 1  # Modbus
    gap: int = 0  # Modbus: registers between two points that may be read along
    pause: int = 0  # Modbus: rest between two requests
    mode: Literal["poll", "subscribe"] | None = None  # OPC UA; None: the connector's own default
    profile: str | None = None  # OPC UA: a vendor profile of limits
    client_id: str | None = None  # MQTT
    version: str | None = None  # MQTT: "3.1.1" or "5"
    keepalive: int | None = None  # of points that say nothing themselves
    gateway: str | None = None
    security: Security = Security()


# -- points ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class ModbusAddress:
    """`holding:100.3`: a table, a zero-based protocol address, and a bit of that register or none."""

    table: Literal["holding", "input", "coil", "discrete"]
    address: int
    bit: int | None = None
    unit: int = 1


@dataclass(frozen=True, slots=True)
class OpcuaAddress:
    """A node id as written, with `ns=` or `nsu=`."""

    node: str


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """A topic (wildcards allowed), the JSON path of the value or None for a bare payload, and that of its time.

    A Sparkplug topic `spBv1.0/group/+/node[/device]` has the metric's name as its path.
    """

    topic: str
    path: str | None = None
    time: str | None = None


Address = ModbusAddress | OpcuaAddress | MqttAddress


@dataclass(frozen=True, slots=True)
class Counter:
    """A cumulative register. Both are in units of the wire, before scale; `max_rate` is per second."""

    modulus: Fraction | None = None
    max_rate: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one asset (or the reading of one meter)."""

    asset: str
    name: str
    source: str
    at: Address
    type: str | None = None  # of the wire; None where the protocol says it itself
    order: str = "ABCD"
    length: int | None = None  # string: registers
    unit: str | None = None  # of the value, after scale
    counter: Counter | None = None
    states: Mapping[str, str] | None = None  # reading, as text, to one of STATES
    modes: Mapping[str, str] | None = None  # reading, as text, to one of MODES
    invalid: tuple[int | str, ...] = ()
    scale: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)
    deadband: Fraction = Fraction(0)  # after scale
    resolution: Fraction = Fraction(1)  # smallest step of a quantity that is not counted in pieces
    every: int = SECOND
    keepalive: int = 60 * SECOND
    timeout: int | None = None
    gap: int | None = None
    mode: Literal["poll", "subscribe"] | None = None

    @property
    def hold(self) -> int:
        """How long a row stands [ns]; beyond that we do not know."""
        return HOLD * max(self.every, self.keepalive)

    @property
    def key(self) -> tuple[str, str]:
        return self.asset, self.name


@dataclass(frozen=True, slots=True)
class IdealCycle:
    """Planned time per piece [s], per product (None: any) from an instant on (None: since ever)."""

    product: str | None
    since: int | None
    seconds: Fraction


@dataclass(frozen=True, slots=True)
class PowerStates:
    """State from power [kW]: up to `off` it is off, up to `idle` idle, above running."""

    off: Fraction
    idle: Fraction


@dataclass(frozen=True, slots=True)
class Cavities:
    designed: int = 1
    active: int = 1


@dataclass(frozen=True, slots=True)
class Asset:
    id: str
    points: Mapping[str, Point]
    ideal: tuple[IdealCycle, ...] = ()
    short_stop: int = 300 * SECOND
    state_from: PowerStates | None = None
    cavities: Cavities = Cavities()
    calendar: str | None = None  # its own, before its line's, before the plant's
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    id: str
    serial: tuple[str, ...] = ()
    bottleneck: str | None = None
    calendar: str | None = None


Role = Literal["consumed", "generated", "sold", "other", "produced", "recovered", "fresh", "reused"]


@dataclass(frozen=True, slots=True)
class Scope:
    kind: Literal["plant", "workshop", "line", "asset"]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Meter:
    id: str
    carrier: str
    point: Point
    scope: Scope = Scope("plant")
    role: Role = "consumed"
    under: str | None = None


# -- policy and stores -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Keep:
    days: int = 800
    bytes: int = 20_000_000_000
    free: Fraction = Fraction(1, 10)
    delivered: int = 72 * 3600 * SECOND
    when_full: Literal["shed", "stop"] = "shed"


@dataclass(frozen=True, slots=True)
class InfluxDB:
    """2.x and 3.x: org, bucket, token. 1.x: database, user, password."""

    url: str
    org: str | None = None
    bucket: str | None = None
    token: Secret | None = None
    database: str | None = None
    user: str | None = None
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class Networked:
    days: Fraction = Fraction(9, 10)
    samples: Fraction = Fraction(8, 10)
    window: int = 30 * 86400 * SECOND
    min_days: int = 5


@dataclass(frozen=True, slots=True)
class Rules:
    networked: Networked = Networked()
    coverage: Fraction = Fraction(9, 10)
    key_process: Literal["all", "any"] = "all"
    all_good: bool = False


@dataclass(frozen=True, slots=True)
class Plant:
    """A whole plant file, its register with it. `sha256` is that of the file's bytes."""

    id: str
    name: str
    timezone: ZoneInfo
    data: Path
    file: Path
    sha256: str
    sources: Mapping[str, Source] = field(default_factory=dict)
    assets: Mapping[str, Asset] = field(default_factory=dict)
    meters: Mapping[str, Meter] = field(default_factory=dict)
    lines: Mapping[str, Line] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    calendar: Calendar = ALWAYS
    stops: tuple[PlannedStop, ...] = ()
    register: Register | None = None
    factors: Factors = field(default_factory=lambda: Factors("sme-2024", "1", {}))
    keep: Keep = Keep()
    store: InfluxDB | None = None
    stores: Mapping[str, InfluxDB] = field(default_factory=dict)
    rules: Rules = Rules()
    warnings: tuple[Fault, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    """Every file that it was read from, as it was."""

    def points(self) -> list[Point]:
        """Every point of every asset and meter, in the order of the file."""
        found = [point for asset in self.assets.values() for point in asset.points.values()]
        return found + [meter.point for meter in self.meters.values()]

    @property
    def gateways(self) -> list[str | None]:
        """Those that the sources stand behind, each with an agent of its own; None is the one without a name."""
        return sorted({source.gateway for source in self.sources.values()}, key=lambda name: name or "")

    def device(self, asset: str) -> Device | None:
        """The register's row of a connected asset; of several with dates the last."""
        rows = self.register.devices if self.register else ()
        return next((row for row in reversed(rows) if row.id == asset), None)

    def line_of(self, asset: str) -> str:
        """The asset's line by the register, else the line in whose series it stands; empty where there is none."""
        row = self.device(asset)
        return (row.line if row else "") or self.series_of(asset)

    def series_of(self, asset: str) -> str:
        """The line in whose series it stands; empty where there is none."""
        return next((line.id for line in self.lines.values() if asset in line.serial), "")

    def calendar_of(self, asset: str) -> Calendar:
        """The asset's own calendar, else its line's, else the plant's."""
        own = self.assets[asset].calendar if asset in self.assets else None
        if own is None and (line := self.lines.get(self.line_of(asset))):
            own = line.calendar
        if own is None:
            return self.calendar
        return ALWAYS if own == ALWAYS.name else self.calendars[own]
