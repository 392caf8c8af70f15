"""A Sparkplug B edge node on Eclipse Tahu's own JavaScript library: what it publishes was not written by us."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from tests.servers.mosquitto import Mosquitto
from tests.servers.node import NodeProgram

# A number of JavaScript is exact to 2**53 only, so these travel as text to the program that encodes them.
WIDE = frozenset({"Int64", "UInt64", "DateTime"})


class Metric(TypedDict, total=False):
    """One metric; a birth gives name, alias and type, a data message name or alias and the type all the same."""

    name: str
    alias: int
    type: str
    value: float | str | bool | None
    timestamp: int  # milliseconds; that of the payload unless given
    isHistorical: bool
    isTransient: bool


class Published(TypedDict):
    """What went out: its topic, its sequence number, and the payload to the byte."""

    topic: str
    seq: int
    bytes: str


class SparkplugNode(NodeProgram):
    """Connected with its NDEATH as the will: `kill()` makes the broker publish it; each start counts bdSeq on."""

    name = "sparkplug"
    script = "sparkplug.js"

    def __init__(self, folder: Path, broker: Mosquitto, group: str = "plant", node: str = "edge-1") -> None:
        super().__init__(folder)
        self.broker, self.group, self.node = broker, group, node
        self.bd_seq = -1

    def options(self) -> dict[str, Any]:
        self.bd_seq += 1
        return {
            "host": self.broker.host,
            "port": self.broker.port,
            "ca": str(self.broker.ca.resolve()) if self.broker.authority else None,
            "user": self.broker.user if self.broker.password else None,
            "password": self.broker.password,
            "group": self.group,
            "node": self.node,
            "bdSeq": self.bd_seq,
        }

    def birth(self, metrics: Sequence[Metric], device: str | None = None) -> Published:
        """NBIRTH, or the DBIRTH of a device; bdSeq is added to the first, which sets the sequence to 0."""
        return self._publish("DBIRTH" if device else "NBIRTH", device, metrics)

    def data(
        self,
        metrics: Sequence[Metric],
        device: str | None = None,
        skip: int = 0,
        bare: bool = False,
        timestamp: int | None = None,
        qos: int = 0,
    ) -> Published:
        """NDATA or DDATA; `skip` loses so many sequence numbers before it, `bare` leaves the datatypes to the birth."""
        return self._publish("DDATA" if device else "NDATA", device, metrics, skip, bare, timestamp, qos)

    def death(self, device: str | None = None) -> Published:
        """DDEATH of a device, or NDEATH said by the node itself."""
        return self._publish("DDEATH" if device else "NDEATH", device, ())

    def commands(self) -> list[str]:
        """The topics of every command it was sent; from a host that only listens, none."""
        return list(self.order("commands")["commands"])

    def _publish(
        self,
        kind: str,
        device: str | None,
        metrics: Sequence[Metric],
        skip: int = 0,
        bare: bool = False,
        timestamp: int | None = None,
        qos: int = 0,
    ) -> Published:
        words = {"kind": kind, "device": device, "skip": skip, "bare": bare, "timestamp": timestamp, "qos": qos}
        answer = self.order("publish", metrics=[_wide(metric) for metric in metrics], **words)
        return Published(topic=answer["topic"], seq=answer["seq"], bytes=answer["bytes"])


def _wide(metric: Metric) -> dict[str, Any]:
    words: dict[str, Any] = dict(metric)
    if metric.get("type") in WIDE and metric.get("value") is not None:
        words["value"] = str(metric["value"])
    return words
