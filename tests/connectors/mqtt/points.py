"""Points of an MQTT source for tests that need no plant file, and what a frame says in words."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from config.plant import MqttAddress, Plant, Point, Security, Source
from connectors import quality
from connectors.base import Frame
from connectors.mqtt.decode import Decoder
from connectors.mqtt.plan import Topics

SECOND = 1_000_000_000
PATIENT = 30 * SECOND
"""The deadline of whatever is to go well: a machine that stands still for a second is no fault of the broker."""
T = "plant/oven/telemetry"
NOW = 1_793_577_600 * SECOND  # 2026-11-02T00:00:00Z


def source(url: str = "mqtt://127.0.0.1:1", **more: Any) -> Source:
    return Source("broker", "mqtt", url, **{"security": Security(insecure=True), "timeout": PATIENT, **more})


def plant(folder: Path) -> Plant:
    return Plant("works", "works", ZoneInfo("Asia/Shanghai"), folder, folder / "plant.yaml", "0" * 64)


def point(
    name: str, topic: str, path: str | None = None, asset: str = "oven", time: str | None = None, **more: Any
) -> Point:
    return Point(asset, name, "broker", MqttAddress(topic, path, time), **{"every": SECOND, **more})


def decoder(*points: Point) -> Decoder:
    (group,) = Topics(points).groups
    return Decoder("broker", group)


def said(frame: Frame) -> dict[str, Any]:
    """`asset.point` to its value where it is Good, else to the name of its quality."""
    values = [*frame.floats.tolist(), *frame.ints.tolist(), *frame.texts]
    columns = range(len(frame.layout.columns)) if frame.columns is None else frame.columns.tolist()
    codes = np.zeros(len(values), np.uint32) if frame.quality is None else frame.quality
    found = {}
    for index, value, code in zip(columns, values, codes.tolist(), strict=True):
        column = frame.layout.columns[index]
        found[f"{column.asset}.{column.point}"] = quality.name(code) if code else value
    return found
