"""Plants of one source with nodes `n0`, `n1` … of the tests' servers, and what a frame says of them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from config.plant import SECOND, Asset, OpcuaAddress, Plant, Point, Security, Source
from connectors import quality
from connectors.base import Frame
from connectors.opcua import OpcUa
from tests.servers.nodeopcua import NAMESPACE

INSECURE = Security(insecure=True)
PATIENT = 30 * SECOND
"""The deadline of whatever is to go well: a machine that stands still for a second is no fault of the server."""


def source(url: str, **words: Any) -> Source:
    given: dict[str, Any] = {"every": SECOND // 10, "timeout": PATIENT, "security": INSECURE} | words
    return Source("cell", "opcua", url, **given)


def point(node: str, of: Source, **words: Any) -> Point:
    """The point `n3` of the node `s=n3`; another address is taken as it is."""
    name = node.rpartition("=")[2]
    at = node if "=" in node else f"nsu={NAMESPACE};s={node}"
    return Point("a", name, of.id, OpcuaAddress(at), every=words.pop("every", of.every), **words)


def plant(folder: Path, of: Source, points: Iterable[Point]) -> Plant:
    own = {one.name: one for one in points}
    return Plant(
        "test", "test", ZoneInfo("UTC"), folder / "data", folder / "plant.yaml", "", {of.id: of}, {"a": Asset("a", own)}
    )


def hurry(own: OpcUa, deadline: int) -> None:
    """From here on this connector gives up sooner (or later again), on this connection and on the next."""
    assert own._session is not None
    own.source = replace(own.source, timeout=deadline)
    own._session.timeout = deadline / SECOND
    for poll in own._polls:
        poll.group = replace(poll.group, deadline=deadline)
    for subscription in own._subscriptions:
        subscription.watch.group = replace(subscription.watch.group, deadline=deadline)


def secured(policy: str, folder: Path, mode: str = "SignAndEncrypt", **words: Any) -> Security:
    return replace(Security(policy=policy, mode=mode, trust=folder / "trust"), **words)


def said(frame: Frame) -> dict[str, Any]:
    """By point the value, or the StatusCode's name; the last where a point comes twice."""
    own = frame.layout.columns
    places: Sequence[int] = range(len(own)) if frame.columns is None else frame.columns.tolist()
    values = [*frame.floats.tolist(), *frame.ints.tolist(), *frame.texts]
    codes = np.zeros(len(values), np.uint32) if frame.quality is None else frame.quality
    assert len(places) == len(values) == len(codes)
    return {
        own[place].point: value if code < quality.UNCERTAIN else quality.name(int(code))
        for place, value, code in zip(places, values, codes, strict=True)
    }
