"""A Sparkplug B edge node of a virtual plant: births that define metrics and aliases, then data by alias, in sequence.

The few fields of its messages are written by hand from their public numbers, so that what the product decodes is
checked by something else. Births come again every ten seconds, since an agent may come later and never asks for one.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from config.plant import MqttAddress, Point

PREFIX = "spBv1.0/"
INT64, DOUBLE, STRING = 4, 10, 12  # datatypes
REBIRTH = 10_000_000_000


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value & (1 << 64) - 1)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _metric(alias: int, value: Any, time: int, name: str = "") -> bytes:
    """Of a birth with its name and type, of data by its alias."""
    kind = STRING if isinstance(value, str) else DOUBLE if isinstance(value, float) else INT64
    parts = [_bytes(1, name.encode())] if name else []
    parts += [_number(2, alias), _number(3, time // 1_000_000), _number(4, kind)]
    if kind == STRING:
        parts.append(_bytes(15, value.encode()))
    elif kind == DOUBLE:
        parts.append(_varint(13 << 3 | 1) + struct.pack("<d", value))
    else:
        parts.append(_number(11, int(value)))
    return b"".join(parts)


def payload(metrics: Sequence[bytes], time: int, sequence: int) -> bytes:
    return _number(1, time // 1_000_000) + b"".join(_bytes(2, one) for one in metrics) + _number(3, sequence)


@dataclass(frozen=True, slots=True)
class _Metric:
    alias: int
    name: str
    point: Point


def node_of(point: Point) -> tuple[str, str] | None:
    """Group and node of a Sparkplug point; None of any other."""
    if not isinstance(point.at, MqttAddress) or not point.at.topic.startswith(PREFIX):
        return None
    levels = point.at.topic.split("/")
    return levels[1], levels[3]


class EdgeNode:
    """All devices of one node, and its own metrics. `messages` is asked at one instant after another."""

    def __init__(self, group: str, node: str, points: Sequence[Point]) -> None:
        self.group, self.node = group, node
        self._devices: dict[str, list[_Metric]] = {"": []}
        for alias, point in enumerate(points, 1):
            assert isinstance(point.at, MqttAddress)
            levels = point.at.topic.split("/")
            device = levels[4] if len(levels) > 4 else ""
            self._devices.setdefault(device, []).append(_Metric(alias, point.at.path or point.name, point))
        self._sequence = 0
        self._born = 0
        self._said: dict[int, Any] = {}

    def _next(self) -> int:
        self._sequence = (self._sequence + 1) % 256
        return self._sequence

    def _topic(self, kind: str, device: str) -> str:
        whole = f"{PREFIX}{self.group}/{'D' if device else 'N'}{kind}/{self.node}"
        return f"{whole}/{device}" if device else whole

    def messages(self, readings: Any, now: int, begin: bool = False) -> Iterator[tuple[str, bytes]]:
        """What is published now: births first, and again after a while, else what changed."""
        if begin or now - self._born >= REBIRTH:
            self._born, self._sequence = now, 255
            yield from self._births(readings, now)
            return
        for device, metrics in self._devices.items():
            values = {metric.alias: readings(metric.point, now) for metric in metrics}
            changed = [_metric(alias, value, now) for alias, value in values.items() if self._said.get(alias) != value]
            self._said |= values
            if changed or device:
                yield self._topic("DATA", device), payload(changed, now, self._next())

    def _births(self, readings: Any, now: int) -> Iterator[tuple[str, bytes]]:
        for device, metrics in self._devices.items():
            values = {metric.alias: readings(metric.point, now) for metric in metrics}
            told = [_metric(metric.alias, values[metric.alias], now, metric.name) for metric in metrics]
            if not device:
                told.append(_metric(0, 0, now, "bdSeq"))
            self._said |= values
            yield self._topic("BIRTH", device), payload(told, now, self._next())
