"""An edge node with a device, for tests that need no broker: its points, its topics, and how it comes alive."""

from typing import Any

from config.plant import Point
from connectors.base import Frame
from connectors.mqtt.sparkplug import Nodes
from tests.connectors.mqtt.points import NOW, point, said
from tests.connectors.mqtt.proto import MS, metric, payload

NODE, DEVICE = "spBv1.0/plant/+/edge-1", "spBv1.0/plant/+/edge-1/press"
MS_NOW = NOW // MS


def topic(kind: str, device: str = "") -> str:
    return f"spBv1.0/plant/{kind}/edge-1" + (f"/{device}" if device else "")


def nodes(*points: Point, births: Any = None) -> Nodes:
    return Nodes("broker", points, births)


def press(name: str = "total", path: str = "Total", **more: Any) -> Point:
    return point(name, DEVICE, path, asset="press", **more)


def node(name: str = "uptime", path: str = "Uptime", **more: Any) -> Point:
    return point(name, NODE, path, asset="edge", **more)


def bd_seq(number: int) -> bytes:
    return metric("bdSeq", number, "UInt64", field=11)


def alive(made: Nodes, bd: int = 0, now: int = NOW) -> None:
    """The node and its press are born: Total is 100 under alias 1, State is RUN under 2, Uptime 5 under 9."""
    made.frames(topic("NBIRTH"), payload(bd_seq(bd), metric("Uptime", 5, "Int64", 9), seq=0, ms=now // MS), now)
    metrics = metric("Total", 100, "UInt32", 1), metric("State", "RUN", "String", 2)
    made.frames(topic("DBIRTH", "press"), payload(*metrics, seq=1, ms=now // MS), now)


def one(frames: list[Frame]) -> dict[str, Any]:
    assert len(frames) == 1
    return said(frames[0])
