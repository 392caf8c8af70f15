"""Points become the fewest requests that read them, and nothing that is not a point unless the plant file allows it.

Pure. Points that are polled together, of one unit and one table, form chains: runs of registers without a hole larger
than the gap allowed on both of its sides. A request reads a part of one chain. Taking the leftmost point that is still
unread, and with it all that fits behind it, needs no more requests than any other way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from config.plant import ModbusAddress, Point, Source
from connectors.base import Column, Kind, Layout, layout

FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
MOST_REGISTERS = 125
MOST_BITS = 2000
DEADLINE = 1_000_000_000
"""[ns] for an answer where neither point nor source says `timeout`."""
_KINDS: dict[str, Kind] = {"float32": "float", "float64": "float", "string": "text"}
_REGISTERS = {"int32": 2, "uint32": 2, "float32": 2, "int64": 4, "uint64": 4, "float64": 4}


@dataclass(frozen=True, slots=True)
class Request:
    """`count` registers (or bits) of one table from `address` on; `points` are those of its group that it brings."""

    unit: int
    function: int
    address: int
    count: int
    points: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The points of one source that are read at the same interval from the same unit: one frame a poll."""

    unit: int
    every: int
    deadline: int
    layout: Layout
    points: tuple[Point, ...]
    requests: tuple[Request, ...]


def place(point: Point) -> ModbusAddress:
    """Where it is read; the loader gives no other address to a point of a Modbus source."""
    assert isinstance(point.at, ModbusAddress)
    return point.at


def wire_type(point: Point) -> str:
    """The type on the wire; one bit is a bool, and a register without a type an uint16."""
    if place(point).table in ("coil", "discrete") or place(point).bit is not None:
        return "bool"
    return point.type or "uint16"


def kind(point: Point) -> Kind:
    return _KINDS.get(wire_type(point), "int")


def width(point: Point) -> int:
    """Registers that it takes, or bits."""
    return (point.length or 1) if wire_type(point) == "string" else _REGISTERS.get(wire_type(point), 1)


def plan(source: Source, points: Iterable[Point]) -> list[Group]:
    """Groups in the order in which the plant file first names them; columns in the order in which they are read."""
    found: dict[tuple[int, int], list[Point]] = {}
    for point in points:
        found.setdefault((point.every, place(point).unit), []).append(point)
    return [_group(source, every, unit, members) for (every, unit), members in found.items()]


def _group(source: Source, every: int, unit: int, points: list[Point]) -> Group:
    points.sort(key=lambda p: (FUNCTIONS[place(p).table], place(p).address, place(p).bit or 0))
    columns = [Column(p.asset, p.name, kind(p)) for p in points]
    deadline = max(p.timeout or source.timeout or DEADLINE for p in points)
    name = layout(source.id, f"poll {_interval(every)} {unit}", columns)
    return Group(unit, every, deadline, name, tuple(points), tuple(requests(points, source.gap)))


def _interval(ns: int) -> str:
    for unit, size in (("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("min", 60_000_000_000)):
        if ns % size == 0:
            return f"{ns // size}{unit}"
    return f"{ns / 1e9:.9g}s"


# -- requests ----------------------------------------------------------------------------------------------------------
def requests(
    points: Sequence[Point], gap: int, registers: int = MOST_REGISTERS, bits: int = MOST_BITS
) -> list[Request]:
    """The fewest for these points of one unit, each with at most so many registers or bits."""
    tables: dict[str, list[int]] = {}
    for index, point in enumerate(points):
        tables.setdefault(place(point).table, []).append(index)
    return [
        _request(points, window)
        for table, members in tables.items()
        for chain in _chains(points, members, gap)
        for window in _windows(points, chain, bits if table in ("coil", "discrete") else registers)
    ]


def _chains(points: Sequence[Point], members: Iterable[int], gap: int | None) -> list[list[int]]:
    """Runs in order of address. A hole belongs to one when the points on both its sides allow it; gap None: never."""
    chains: list[list[int]] = []
    end, before = 0, 0
    for index in sorted(members, key=lambda i: (place(points[i]).address, width(points[i]))):
        own = points[index].gap
        allowed = 0 if gap is None else gap if own is None else own
        if chains and place(points[index]).address - end <= min(before, allowed):
            chains[-1].append(index)
        else:
            chains.append([index])
            end = 0
        if _end(points[index]) >= end:
            end, before = _end(points[index]), allowed
    return chains


def _windows(points: Sequence[Point], chain: list[int], most: int) -> list[list[int]]:
    windows = []
    while chain:
        last = place(points[chain[0]]).address + most
        windows.append([i for i in chain if _end(points[i]) <= last])
        chain = [i for i in chain if _end(points[i]) > last]
    return windows


def _end(point: Point) -> int:
    return place(point).address + width(point)


def _request(points: Sequence[Point], members: Sequence[int]) -> Request:
    first = place(points[members[0]])
    start = min(place(points[i]).address for i in members)
    count = max(_end(points[i]) for i in members) - start
    return Request(first.unit, FUNCTIONS[first.table], start, count, tuple(members))


def split(request: Request, points: Sequence[Point]) -> list[Request]:
    """What to ask instead of a block that the device refuses: first without its holes, else in halves.

    Nothing where all of its points lie on the same registers: those are what it refuses.
    """
    chains = _chains(points, request.points, None)
    if len(chains) > 1:
        return [_request(points, chain) for chain in chains]
    spans = sorted({(place(points[i]).address, _end(points[i])) for i in request.points})
    if len(spans) == 1:
        return []
    upper = set(spans[len(spans) // 2 :])
    halves: tuple[list[int], list[int]] = ([], [])
    for i in chains[0]:
        halves[(place(points[i]).address, _end(points[i])) in upper].append(i)
    return [_request(points, half) for half in halves]


def summary(groups: Sequence[Group]) -> str:
    """`3 requests for 140 registers and 12 bits`, as it is logged when a source starts."""
    made = [request for group in groups for request in group.requests]
    sums = {
        "register": sum(r.count for r in made if r.function in (3, 4)),
        "bit": sum(r.count for r in made if r.function in (1, 2)),
    }
    parts = [f"{n} {word}{'s' * (n != 1)}" for word, n in sums.items() if n]
    return f"{len(made)} request{'s' * (len(made) != 1)} for {' and '.join(parts) or 'nothing'}"
