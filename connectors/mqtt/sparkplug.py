"""Sparkplug B: a birth says what a node's metrics are, data says what became of them, a death that nobody knows.

Pure. Sequence numbers run over a node and all of its devices. One that is missing means that something has changed
which we were not told: all that is known of the node ends where the sequence broke, and each metric is known again when
it is next reported. Nothing is ever asked of a node: data that comes before its birth is a gap, and says so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from config.addresses import SPARKPLUG
from config.plant import Point
from connectors import quality
from connectors.base import Column, Frame, Kind, Layout, gap, layout
from connectors.mqtt import payload as sparkplug
from connectors.mqtt import stamp
from connectors.mqtt.cell import NOTHING, Cell, cell, declared
from connectors.mqtt.payload import Metric, Payload
from connectors.mqtt.plan import belongs_to_node, place

SEQUENCE = 256
MOST_NODES = 10_000
"""Nodes, and devices of one, that are remembered; a wildcard may bring more than anybody asked for."""
BIRTH_AND_DEATH = "bdSeq"
Definition = tuple[int | None, int]
"""The alias and datatype of a metric."""
_ORDER: tuple[Kind, ...] = ("float", "int", "text")


class Device:
    """The points of one device, or of the node itself, and what its last birth says of them; None: it is not born."""

    def __init__(self, source: str, name: str, points: Sequence[Point]) -> None:
        self._source, self._name, self._points = source, name, points
        self._wanted: dict[str, list[int]] = {}
        for index, point in enumerate(points):
            self._wanted.setdefault(place(point).path or "", []).append(index)
        self._layouts: dict[tuple[Kind, ...], Layout] = {}
        self._aliases: dict[int, str] = {}
        self.definitions: dict[str, Definition] | None = None
        self._shape([cell(point) for point in points])

    def define(self, definitions: Mapping[str, Definition] | None) -> None:
        """Born, or not any more."""
        self.definitions = None if definitions is None else dict(definitions)
        self._aliases = {alias: name for name, (alias, _) in (definitions or {}).items() if alias is not None}
        if definitions is None:
            return
        cells = []
        for point in self._points:
            known = definitions.get(place(point).path or "")
            kind = sparkplug.kind(known[1]) if known else None
            cells.append(declared(point, kind) if kind else cell(point))
        self._shape(cells)

    def _shape(self, cells: list[Cell]) -> None:
        self._cells = cells
        kinds = tuple(one.first for one in cells)
        order = sorted(range(len(cells)), key=lambda i: _ORDER.index(kinds[i]))
        self._column = {index: column for column, index in enumerate(order)}
        if kinds not in self._layouts:
            columns = [Column(cells[i].point.asset, cells[i].point.name, kinds[i]) for i in order]
            self._layouts[kinds] = layout(self._source, f"sparkplug {self._name}", columns)
        self.layout = self._layouts[kinds]

    def birth(self, payload: Payload, now: int) -> list[Frame]:
        """Every point has its value of the birth; what the birth does not know of is unknown to the device."""
        named = {m.name: (m.alias, m.datatype) for m in payload.metrics if m.name in self._wanted}
        self.define({name: definition for name, definition in named.items() if name is not None})
        rows = list(self._rows(payload, now, birth=True))
        told = {row.column for row in rows}
        for index, one in enumerate(self._cells):
            if self._column[index] not in told:
                missing = quality.BAD_NODE_UNKNOWN
                rows.append(_Row(self._column[index], NOTHING[one.first], missing, now, 0, False))
        return self._frames(rows, now)

    def data(self, payload: Payload, now: int) -> list[Frame]:
        if self.definitions is None:
            return [gap(self.layout, now, quality.BAD_WAITING_FOR_INITIAL_DATA)]
        return self._frames(list(self._rows(payload, now)), now)

    def gone(self, time: int, reason: int) -> list[Frame]:
        """From here on nothing is known of it, until it is born again."""
        self.define(None)
        return [gap(self.layout, time, reason)]

    def _rows(self, payload: Payload, now: int, birth: bool = False) -> Iterator["_Row"]:
        """A birth says what is so when it is sent, whenever that came about."""
        for metric in payload.metrics:
            name = metric.name
            if name is None and metric.alias is not None:
                name = self._aliases.get(metric.alias)
            said = metric.time or payload.time
            asked = payload.time if birth else said
            time = asked if stamp.plausible(asked, now) else now
            for index in self._wanted.get(name or "", ()):
                value, code = self._value(metric, name or "", index)
                yield _Row(self._column[index], value, code, time, 0 if time == said else said, metric.historical)

    def _value(self, metric: Metric, name: str, index: int) -> tuple[Any, int]:
        one, definition = self._cells[index], (self.definitions or {}).get(name)
        if definition is None:
            return NOTHING[one.first], quality.BAD_NODE_UNKNOWN
        value, code = sparkplug.value(metric.raw, definition[1])
        if code != quality.GOOD:
            return NOTHING[one.first], code
        return one(value)[1:]

    def _frames(self, rows: list["_Row"], now: int) -> list[Frame]:
        """One frame of what is so now, and one of what was so some time ago and is no sign of life."""
        parts = [row for row in rows if not row.historical], [row for row in rows if row.historical]
        return [self._frame(part, now, live) for part, live in zip(parts, (True, False), strict=True) if part]

    def _frame(self, rows: list["_Row"], now: int, live: bool) -> Frame:
        rows.sort(key=lambda row: row.column)
        split, end = self.layout.floats, self.layout.floats + self.layout.ints
        codes = np.array([row.code for row in rows], np.uint32)
        times = np.array([row.time for row in rows], np.int64)
        said = np.array([row.said for row in rows], np.int64)
        return Frame(
            self.layout,
            int(times[0]),
            np.array([row.value for row in rows if row.column < split], np.float64),
            np.array([row.value for row in rows if split <= row.column < end], np.int64),
            tuple(row.value for row in rows if row.column >= end),
            codes if codes.any() else None,
            np.array([row.column for row in rows], np.int32),
            times if (times != times[0]).any() else None,
            said if said.any() else None,
            live,
        )


@dataclass(frozen=True, slots=True)
class _Row:
    """A value, when it was so, and what the device said of that where it cannot be meant."""

    column: int
    value: Any
    code: int
    time: int
    said: int
    historical: bool


@dataclass(slots=True)
class Node:
    """An edge node: its devices by name, itself under "". `last` is when it was last heard of in sequence."""

    devices: dict[str, Device | None] = field(default_factory=dict)
    bd_seq: int | None = None
    seq: int | None = None
    last: int = 0

    def known(self) -> list[Device]:
        return [device for device in self.devices.values() if device is not None]


class Nodes:
    """All edge nodes that points of a source are of. `births` changes with every birth and death."""

    def __init__(self, source: str, points: Iterable[Point], births: Mapping[str, Any] | None = None) -> None:
        self._source = source
        self._points = tuple(points)
        self._nodes: dict[str, Node] = {}
        self.changed = False
        for name, kept in (births or {}).items():
            self._remember(name, kept)

    @property
    def births(self) -> dict[str, Any]:
        """What is to be kept across a restart."""
        return {
            name: {
                "bd_seq": node.bd_seq,
                "devices": {
                    key: device.definitions
                    for key, device in node.devices.items()
                    if device is not None and device.definitions is not None
                },
            }
            for name, node in self._nodes.items()
            if node.known()
        }

    def _remember(self, name: str, kept: Any) -> None:
        node = self._nodes.setdefault(name, Node(bd_seq=kept["bd_seq"]))
        for key, definitions in kept["devices"].items():
            device = self._device(name, node, key)
            if device is not None:
                device.define({metric: (alias, datatype) for metric, (alias, datatype) in definitions.items()})

    def _device(self, name: str, node: Node, device: str) -> Device | None:
        if device not in node.devices:
            if len(node.devices) >= MOST_NODES:
                return None
            group, _, edge = name.partition("/")
            points = [point for point in self._points if belongs_to_node(point, group, edge, device)]
            called = f"{name}/{device}" if device else name
            node.devices[device] = Device(self._source, called, points) if points else None
        return node.devices[device]

    @property
    def layouts(self) -> list[Layout]:
        return [device.layout for node in self._nodes.values() for device in node.known()]

    def begun(self) -> None:
        """A connection is there: what was sent before it may have been missed, and sequences begin anew."""
        for node in self._nodes.values():
            node.seq = None

    # -- messages ------------------------------------------------------------------------------------------------------
    def frames(self, topic: str, body: bytes, now: int, dup: bool = False) -> list[Frame]:
        """What a message of this namespace becomes: for most of them one frame, for others' commands none."""
        levels = topic.removeprefix(SPARKPLUG).split("/")
        if len(levels) not in (3, 4) or levels[1] not in _TYPES:
            return []
        group, kind, edge = levels[:3]
        name = f"{group}/{edge}"
        if name not in self._nodes and len(self._nodes) >= MOST_NODES:
            return []
        node = self._nodes.setdefault(name, Node())
        device = self._device(name, node, levels[3] if len(levels) == 4 else "")
        try:
            payload = sparkplug.decode(body)
        except ValueError:
            return [gap(device.layout, now, quality.BAD_DECODING)] if device is not None else []
        if kind == "NDEATH":
            return self._node_dies(node, payload, now)
        if kind == "NBIRTH":
            return self._node_is_born(node, device, payload, now)
        lost = self._in_sequence(node, payload, now, dup)
        if lost is None or device is None:
            return lost or []
        self.changed |= kind not in ("NDATA", "DDATA")
        if kind == "DDEATH":
            return lost + device.gone(_time(payload, now), quality.BAD_NO_COMMUNICATION)
        return lost + (device.birth if kind == "DBIRTH" else device.data)(payload, now)

    def _node_dies(self, node: Node, payload: Payload, now: int) -> list[Frame]:
        """Its will carries the number of the birth that it belongs to; that of an earlier one comes too late."""
        number = _bd_seq(payload)
        if None not in (number, node.bd_seq) and number != node.bd_seq:
            return []
        self.changed = True
        node.bd_seq = node.seq = None
        return [frame for device in node.known() for frame in device.gone(now, quality.BAD_NO_COMMUNICATION)]

    def _node_is_born(self, node: Node, device: Device | None, payload: Payload, now: int) -> list[Frame]:
        """Once more in the same life, its devices keep their births; in a new one they have none yet."""
        number = _bd_seq(payload)
        found: list[Frame] = []
        if number is None or number != node.bd_seq:
            for other in node.known():
                if other is not device and other.definitions is not None:
                    found += other.gone(now, quality.BAD_WAITING_FOR_INITIAL_DATA)
        node.bd_seq, node.seq, node.last = number, payload.seq, _time(payload, now)
        self.changed = True
        return found + (device.birth(payload, now) if device is not None else [])

    def _in_sequence(self, node: Node, payload: Payload, now: int, dup: bool) -> list[Frame] | None:
        """Gaps, where something is missing before this message; None, where it was here before."""
        seq, before = payload.seq, node.seq
        if seq is None:
            return []
        if dup and before is not None and (before - seq) % SEQUENCE < SEQUENCE // 2:
            return None
        lost: list[Frame] = []
        if before is not None and seq != (before + 1) % SEQUENCE:
            born = [device for device in node.known() if device.definitions is not None]
            lost = [gap(device.layout, node.last + 1, quality.BAD_DATA_LOST) for device in born]
        node.seq, node.last = seq, _time(payload, now)
        return lost


_TYPES = ("NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH")


def _time(payload: Payload, now: int) -> int:
    return payload.time if stamp.plausible(payload.time, now) else now


def _bd_seq(payload: Payload) -> int | None:
    for metric in payload.metrics:
        if metric.name == BIRTH_AND_DEATH:
            number = metric.raw.long_value if metric.raw.HasField("long_value") else metric.raw.int_value
            return int(number)
    return None
