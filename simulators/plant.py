"""A virtual plant for any plant file: every asset lives a timeline, every point shows it as its wire would, and
`truth` says what really happened.

A machine shows only what its plant file can see: where the map of its states has no `setup`, a set-up is shown, and
counted in the truth, as the nearest state that it has.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.carriers import RATES, UNITS
from config.plant import MODES, PIECES, STATES, Asset, Meter, ModbusAddress, Plant, Point
from config.slices import slices, stops_of
from config.zone import Offsets
from simulators.timeline import DOWN, IDLE, OFF, PLANNED, RUNNING, SETUP, WATT_MS_PER_WH, Behaviour, Ints, Timeline

MS = 1_000_000
AHEAD = 800 * 86_400_000 * MS
NEAREST = {SETUP: (IDLE, DOWN), DOWN: (IDLE, OFF), IDLE: (OFF, DOWN), OFF: (IDLE, DOWN), PLANNED: (OFF, IDLE)}
WH_PER = {unit: size / UNITS["Wh"][1] for unit, (dimension, size) in UNITS.items() if dimension == "energy"}
SHARES = {"generated": 5, "sold": 50, "other": 30, "fresh": 2, "reused": 6}  # one part in so many of what machines take
FLOW = {"m3": 11, "万m3": 11, "kg": 3, "t": 3, "GJ": 2, "MJ": 900}  # units an hour and running machine, about


@dataclass(frozen=True, slots=True)
class Reset:
    """A counter that starts again from nothing, as a controller does when it is switched off and on."""

    asset: str
    point: str
    time: int


@dataclass(slots=True)
class Machine:
    """One asset's timeline, and how its states are shown."""

    asset: Asset
    timeline: Timeline
    shown: Ints
    products: tuple[str, ...]
    first: Mapping[str, int] = field(default_factory=dict)
    _last: tuple[int, dict[str, Ints]] = (-1, {})

    def at(self, times: Ints) -> dict[str, Ints]:
        """As the timeline; one instant is remembered, since all points of a machine ask for the same one."""
        if len(times) != 1:
            return self.timeline.at(times)
        if self._last[0] != times[0]:
            self._last = int(times[0]), self.timeline.at(times)
        return self._last[1]


def _seed(seed: int, name: str) -> int:
    return seed * 1_000_003 + zlib.crc32(name.encode())


def _products(asset: Asset) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(cycle.product for cycle in asset.ideal if cycle.product))
    return named or ("A", "B")


def _behaviour(asset: Asset, products: int, pace: Fraction) -> Behaviour:
    cycles = [cycle.seconds for cycle in asset.ideal]
    cycle = max(1, round(1000 * min(cycles) / pace)) if cycles else max(1, round(10_000 / pace))
    power = None
    if rule := asset.state_from:
        off, idle = int(1000 * rule.off), int(1000 * rule.idle)
        between = (off + idle) // 2
        power = {
            OFF: off // 2,
            PLANNED: off // 2,
            IDLE: between,
            DOWN: between,
            SETUP: between,
            RUNNING: 2 * idle + 1000,
        }
    return Behaviour(cycle=cycle, products=products, power=power)


def _shown(asset: Asset) -> Ints:
    """For each state the one that the plant file can tell it by."""
    if asset.state_from:
        seen = {RUNNING, IDLE, OFF}
    elif (point := asset.points.get("state")) and point.states:
        seen = {STATES.index(name) for name in point.states.values()}
    else:
        seen = set(range(len(STATES)))
    shown = np.arange(len(STATES), dtype=np.int64)
    for state, others in NEAREST.items():
        if state not in seen:
            shown[state] = next((other for other in others if other in seen), 0)
    return shown


class VirtualPlant:
    """All machines and meters of a plant file from `start` [ns] on. `resets` are faults of counters, known to truth."""

    def __init__(
        self, plant: Plant, start: int, seed: int = 1, resets: tuple[Reset, ...] = (), pace: Fraction = Fraction(1)
    ) -> None:
        """`pace` divides the cycle times of the plant file, never the clock."""
        self.plant, self.start, self.resets, self.pace = plant, start, resets, pace
        self.machines = {name: self._machine(asset, seed) for name, asset in plant.assets.items()}

    def _machine(self, asset: Asset, seed: int) -> Machine:
        products = _products(asset)
        key = _seed(seed, asset.id)
        timeline = Timeline(self.start // MS, key, _behaviour(asset, len(products), self.pace), self._scheduled(asset))
        first = dict.fromkeys(PIECES, (key >> 4) % 50_000)
        first["total"] = 3 * first["good"]
        return Machine(asset, timeline, _shown(asset), products, first)

    def _scheduled(self, asset: Asset) -> Ints | None:
        calendar = self.plant.calendar_of(asset.id)
        if not calendar.shifts:
            return None
        end = self.start + AHEAD
        stops = stops_of(self.plant, asset.id)
        cut = slices(calendar, stops, Offsets(self.plant.timezone, self.start, end), self.start, end)
        return np.stack([cut.start[cut.scheduled] // MS, cut.end[cut.scheduled] // MS], axis=1)

    # -- what the wire shows ---------------------------------------------------------------------------------------
    def readings(self, point: Point, times: Ints, lived: dict[str, Ints] | None = None) -> NDArray[Any]:
        """The point's values as on the wire at these times [ns]: numbers, or text as an object array. `lived` is what
        its machine does at them, where that is known already."""
        if point.asset in self.plant.meters:
            return self._metered(self.plant.meters[point.asset], times)
        machine = self.machines[point.asset]
        lived = lived or machine.at(times // MS)
        state = machine.shown[lived["state"]]
        if point.name == "state":
            return _coded(point.states or {name: name for name in STATES}, STATES)[state]
        if point.name == "mode":
            return _coded(point.modes or {name: name for name in MODES}, MODES)[lived["mode"]]
        if point.name == "product":
            return self._product(machine, point, lived["product"])
        if point.name in PIECES:
            each = 1 if point.name == "total" else machine.asset.cavities.active  # the total counts shots
            count = self._count(machine, point, lived[point.name], times) * each
            return _wrapped(point, _wire(point, count, point.resolution))
        if point.name == "energy":
            return _counted(point, self._count(machine, point, lived["energy"], times), "kWh")
        if point.name == "power":
            return _wire(point, lived["power"], 1 / WH_PER[RATES[point.unit or "kW"]])
        if point.name == "alarm":
            return np.asarray(state == DOWN, np.int64)
        return _process(point, times, state == RUNNING)

    def _product(self, machine: Machine, point: Point, product: Ints) -> NDArray[Any]:
        if point.type and point.type != "string":
            return product + 1
        names: NDArray[Any] = np.array(machine.products, object)[product]
        return names

    def _count(self, machine: Machine, point: Point, lived: Ints, times: Ints) -> Ints:
        """What the counter shows: from its first value on, and from nothing after each reset."""
        unit = WATT_MS_PER_WH if point.name == "energy" else 1
        count = lived // unit + machine.first.get(point.name, 0)
        for reset in sorted(self.resets, key=lambda r: r.time):
            if (reset.asset, reset.point) == point.key:
                before = machine.timeline.at(np.array([reset.time // MS]))[point.name][0]
                count = np.where(times >= reset.time, (lived - before) // unit, count)
        return count

    def _metered(self, meter: Meter, times: Ints) -> NDArray[Any]:
        inside = [m for name, m in self.machines.items() if self._within(meter, name)]
        unit = meter.point.unit or "kWh"
        read, per = ("power", RATES[unit]) if unit in RATES else ("energy", unit)
        energy = sum((m.at(times // MS)[read] for m in inside), np.zeros(len(times), np.int64))
        share = SHARES.get(meter.role, 1)
        if unit in RATES:
            step = 1 / WH_PER[per] if per in WH_PER else Fraction(FLOW.get(per, 1), 7400)
            return _wire(meter.point, energy // share, step)
        if unit in WH_PER and unit not in FLOW:
            return _counted(meter.point, energy // (WATT_MS_PER_WH * share), "kWh")
        flow = energy // WATT_MS_PER_WH * FLOW.get(unit, 1) // share
        return _wrapped(meter.point, _wire(meter.point, flow, Fraction(1, 7400)))

    def _within(self, meter: Meter, asset: str) -> bool:
        device = self.plant.device(asset)
        place = {"plant": "", "asset": asset, "line": device.line if device else "", "workshop": ""}
        if device:
            place["workshop"] = device.workshop
        return place[meter.scope.kind] == meter.scope.name

    # -- what really happened --------------------------------------------------------------------------------------
    def truth(self, asset: str, start: int, end: int) -> dict[str, Any]:
        """Exact milliseconds per state, pieces and energy [Wh] of an asset in [start, end) [ns]."""
        machine = self.machines[asset]
        lived = machine.timeline.at(np.array([start // MS, end // MS]))
        shown: dict[str, int] = dict.fromkeys(STATES, 0)
        for name, spent in machine.timeline.time_in_state(start // MS, end // MS).items():
            shown[STATES[int(machine.shown[STATES.index(name)])]] += spent
        active = machine.asset.cavities.active
        pieces = {name: int(lived[name][1] - lived[name][0]) * active for name in PIECES}
        energy = Fraction(int(lived["energy"][1] - lived["energy"][0]), WATT_MS_PER_WH)
        return {"time_ms": shown, "pieces": pieces, "energy_wh": energy}


def _coded(names: Mapping[str, str], order: Sequence[str]) -> NDArray[Any]:
    """The first reading of each state, in that order; ints where all readings are whole numbers."""
    reading = {name: text for text, name in reversed(list(names.items()))}
    whole = all(text.lstrip("-").isdigit() for text in names)
    found = [reading.get(name, next(iter(names), "0")) for name in order]
    return np.array([int(text) for text in found], np.int64) if whole else np.array(found, object)


def _wire(point: Point, count: Ints, step: Fraction) -> NDArray[Any]:
    """`count` steps of a quantity as the wire has them: before scale and offset, whole where the type is."""
    factor = step / point.scale
    shift = point.offset / point.scale
    whole = factor.denominator == 1 and shift.denominator == 1
    if whole or (point.type or "").startswith(("int", "uint")):
        return count * factor.numerator // factor.denominator - int(shift)
    values = count * factor.numerator / factor.denominator - float(shift)
    return values.astype(np.float32).astype(np.float64) if point.type == "float32" else values


def _counted(point: Point, watt_hours: Ints, usual: str) -> NDArray[Any]:
    return _wrapped(point, _wire(point, watt_hours, 1 / WH_PER[point.unit or usual]))


def _wrapped(point: Point, values: NDArray[Any]) -> NDArray[Any]:
    if point.counter is None or point.counter.modulus is None:
        return values
    modulus = point.counter.modulus
    wrapped: NDArray[Any] = values % (int(modulus) if modulus.denominator == 1 else float(modulus))
    return wrapped


def _process(point: Point, times: Ints, running: NDArray[np.bool_]) -> NDArray[Any]:
    """A temperature, a speed: a slow wave of its own period, higher while the machine runs."""
    key = zlib.crc32(f"{point.asset}.{point.name}".encode())
    period = (60 + key % 600) * 1_000_000_000
    values = 40 + 5 * np.sin(2 * np.pi * (times % period) / period) + 20 * running
    if point.type == "bool" or (isinstance(point.at, ModbusAddress) and point.at.table in ("coil", "discrete")):
        return np.asarray(running, np.int64)
    if point.type == "string":
        return np.array([f"{value:.1f}" for value in values], object)
    if (point.type or "").startswith(("int", "uint")):
        return np.asarray(np.rint(values), np.int64)
    rounded: NDArray[Any] = np.round(values, 2)
    return rounded
