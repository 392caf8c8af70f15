"""Points become groups of nodes that one request reads: never more than the server takes, one kind behind the other.

Pure. Which kind of column carries a point is told by the plant file, or learned from the first value that was seen; a
value of a wider kind makes a new layout. Floats stand first and texts last, in the layout as in the request.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from asyncua.ua import uatypes
from asyncua.ua.ua_binary import nodeid_to_binary
from asyncua.ua.uaerrors import UaError

from config.plant import OpcuaAddress, Point, Source
from connectors.base import Column, Disconnected, Kind, Layout
from connectors.opcua.columns import Shape
from connectors.opcua.decode import kind

DEADLINE = 3_000_000_000
"""[ns] for an answer where neither point nor source says `timeout`."""
NOWHERE = 65535  # a namespace that no server has: what is asked for there is answered with BadNodeIdUnknown
VALUE = 13  # the attribute
_KINDS: dict[str, Kind] = {"float32": "float", "float64": "float", "string": "text"}
_ORDER: tuple[Kind, ...] = ("float", "int", "text")
_WIDTH: dict[Kind, int] = {"int": 0, "float": 1, "text": 2}


@dataclass(frozen=True, slots=True)
class Limits:
    """How many nodes one call may name."""

    read: int = 1000
    browse: int = 500
    monitor: int = 1000


PROFILES: Mapping[str, Limits] = {
    "s7-1200": Limits(200, 200, 200),  # says 1000, and is fifty times slower above 200
}


def limits(profile: str | None, said: Limits) -> Limits:
    """The least of what we ask for, what the server says (0: nothing) and what its profile knows."""
    if profile is not None and profile not in PROFILES:
        raise Disconnected(f"profile {profile} is not known; known are {', '.join(PROFILES)}")
    known = PROFILES[profile] if profile else Limits()
    return Limits(
        min(known.read, said.read or known.read),
        min(known.browse, said.browse or known.browse),
        min(known.monitor, said.monitor or known.monitor),
    )


# -- nodes -------------------------------------------------------------------------------------------------------------
def node(written: str, namespaces: Sequence[str]) -> uatypes.NodeId:
    """The node that a plant file names, at the index that its namespace has in this connection."""
    index, rest = 0, written
    if written.startswith("nsu="):
        uri, rest = written[4:].split(";", 1)
        uri = uri.replace("%3B", ";").replace("%25", "%")
        index = namespaces.index(uri) if uri in namespaces else NOWHERE
        rest = f"ns={index};{rest}"
    try:
        found = uatypes.NodeId.from_string(rest)
        nodeid_to_binary(found)
    except (UaError, ValueError, struct.error):
        return uatypes.NodeId.from_string(f"ns={NOWHERE};i=0")
    return found


def address(found: uatypes.NodeId, namespaces: Sequence[str]) -> str:
    """As a plant file writes it: with the namespace's URI, which a restart of the server does not move."""
    index = found.NamespaceIndex
    own = found.to_string().removeprefix(f"ns={index};")
    if not index:
        return own
    if index >= len(namespaces):
        return f"ns={index};{own}"
    return f"nsu={namespaces[index].replace('%', '%25').replace(';', '%3B')};{own}"


# -- groups ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Item:
    """A point, the node that it is in this connection, and the kind of its column; None until a value was seen."""

    point: Point
    node: uatypes.NodeId
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Items that share a request (or a subscription) and a layout; item i is column i."""

    name: str
    every: int
    deadline: int
    items: tuple[Item, ...]
    layout: Layout
    shape: Shape


def items(points: Iterable[Point], namespaces: Sequence[str]) -> list[Item]:
    found = []
    for point in points:
        assert isinstance(point.at, OpcuaAddress)
        told = None if point.type is None else _KINDS.get(point.type, "int")
        found.append(Item(point, node(point.at.node, namespaces), told))
    return found


def groups(source: Source, mode: str, found: Iterable[Item], most: int) -> list[Group]:
    """Items of one interval and deadline, so many at once; `mode` is the first word of their layouts' names."""
    alike: dict[tuple[int, int], list[Item]] = {}
    for item in found:
        deadline = item.point.timeout or source.timeout or DEADLINE
        alike.setdefault((item.point.every, deadline), []).append(item)
    made: list[Group] = []
    for (every, deadline), members in alike.items():
        for first in range(0, len(members), most):
            name = f"{mode} {every / 1e9:.9g}s {len(made)}"
            made.append(group(source.id, name, every, deadline, members[first : first + most]))
    return made


def group(source: str, name: str, every: int, deadline: int, members: Iterable[Item]) -> Group:
    """These items in the order of their kinds; one of which nothing was seen yet is carried as a float."""
    ordered = sorted(members, key=lambda item: _ORDER.index(item.kind or "float"))
    columns = tuple(Column(item.point.asset, item.point.name, item.kind or "float") for item in ordered)
    layout = Layout(source, name, columns)
    invalid = tuple((place, item.point.invalid) for place, item in enumerate(ordered) if item.point.invalid)
    shape = Shape(
        layout.floats,
        layout.ints,
        layout.texts,
        told=np.array([item.point.type is not None for item in ordered], np.bool_),
        fresh=np.array([item.kind is None for item in ordered], np.bool_),
        invalid=invalid,
    )
    return Group(name, every, deadline, tuple(ordered), layout, shape)


def learned(of: Group, codes: Mapping[int, int]) -> Group:
    """The group after values of these types were seen at these places: each column only ever grows wider."""
    members = list(of.items)
    for place, code in codes.items():
        seen = kind(code)
        own = members[place].kind
        if seen and (own is None or _WIDTH[seen] > _WIDTH[own]):
            members[place] = replace(members[place], kind=seen)
    return group(of.layout.source, of.name, of.every, of.deadline, members)


def fitting(members: Sequence[Item], most: int, room: int) -> int:
    """How many of these nodes a request of so many bytes may name, and so many at most."""
    longest = max((len(nodeid_to_binary(item.node)) for item in members), default=0)
    return max(1, min(most, (room - 256) // (longest + 16)))


# -- requests ----------------------------------------------------------------------------------------------------------
def read_parameters(nodes: Iterable[uatypes.NodeId], attribute: int = VALUE) -> bytes:
    """A ReadRequest behind its header: values no older than now, with both timestamps."""
    wanted = [nodeid_to_binary(found) for found in nodes]
    # An item ends with no index range (a null String) and the default encoding (a null QualifiedName).
    behind = struct.pack("<IiHi", attribute, -1, 0, -1)
    return struct.pack("<dii", 0.0, _BOTH, len(wanted)) + b"".join(one + behind for one in wanted)


_BOTH = 2  # TimestampsToReturn


def summary(made: Sequence[Group], subscriptions: int) -> str:
    """`3 requests for 2400 nodes, 1 subscription`, as it is logged when a source starts."""
    nodes = sum(len(one.items) for one in made)
    parts = [f"{len(made)} request{'s' * (len(made) != 1)} for {nodes} node{'s' * (nodes != 1)}"] if made else []
    parts += [f"{subscriptions} subscription{'s' * (subscriptions != 1)}"] if subscriptions else []
    return ", ".join(parts) or "no points"
