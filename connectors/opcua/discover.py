"""What an OPC UA server has: its objects are walked level by level, and each scalar variable is read once.

An asset is the object that a variable hangs from, a point the variable's name. Node ids are written with the URI of
their namespace. The server's own nodes, those of namespace 0, are no plant.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from asyncua.common.utils import Buffer
from asyncua.ua import uatypes
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import variant_from_binary
from asyncua.ua.uaprotocol_auto import (
    BrowseDescription,
    BrowseDirection,
    BrowseNextRequest,
    BrowseNextResponse,
    BrowseRequest,
    BrowseResponse,
    BrowseResult,
    NodeClass,
    ReferenceDescription,
)

from config.plant import Plant, Source
from connectors import quality
from connectors.found import Findings, Found, name, unique
from connectors.opcua import plan, wire
from connectors.opcua.decode import Values, kind
from connectors.opcua.entry import connected
from connectors.opcua.session import Session
from connectors.opcua.wire import Type

MOST = 20_000
"""Nodes; a server that has more is walked so far, and that is said."""
DEEPEST = 20
_OBJECTS = uatypes.NodeId.from_string(f"i={ObjectIds.ObjectsFolder}")
_PROPERTY = uatypes.NodeId.from_string(f"i={ObjectIds.HasProperty}")
_HIERARCHY = uatypes.NodeId.from_string(f"i={ObjectIds.HierarchicalReferences}")
_EU_INFORMATION = ObjectIds.EUInformation_Encoding_DefaultBinary
_LONGEST_UNIT = 32  # as a plant file takes it
_NAMED = 20


@dataclass(frozen=True, slots=True)
class _Node:
    """A node on its way down: the names of the objects above it, and of the variables below the last of these."""

    id: uatypes.NodeId
    objects: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


async def discover(source: Source, plant: Plant) -> Findings:
    """Every scalar variable of the server. Raises `Disconnected` as entering a connector does."""
    session = await connected(source, plant)
    try:
        variables, units, left_out = await _walk(session)
        return await _read(session, source, variables, units, left_out)
    finally:
        await session.close()


# -- walking -----------------------------------------------------------------------------------------------------------
async def _walk(session: Session) -> tuple[list[_Node], dict[uatypes.NodeId, uatypes.NodeId], list[str]]:
    """The variables, of some of them the property that holds their unit, and what was not walked."""
    seen = {_OBJECTS}
    level = [_Node(_OBJECTS)]
    variables: list[_Node] = []
    units: dict[uatypes.NodeId, uatypes.NodeId] = {}
    for _ in range(DEEPEST):
        below: list[_Node] = []
        for node, reference in await _references(session, level):
            target = uatypes.NodeId(
                reference.NodeId.Identifier, reference.NodeId.NamespaceIndex, reference.NodeId.NodeIdType
            )
            own = reference.BrowseName.Name or ""
            if reference.ReferenceTypeId == _PROPERTY:
                if own == "EngineeringUnits":
                    units[node.id] = target
            elif target.NamespaceIndex and target not in seen:
                seen.add(target)
                if len(seen) > MOST:
                    return variables, units, [f"all beyond the first {MOST} nodes"]
                below.append(_below(node, target, own, reference.NodeClass))
                if reference.NodeClass == NodeClass.Variable:
                    variables.append(below[-1])
        if not below:
            return variables, units, []
        level = below
    return variables, units, [f"all below {DEEPEST} levels"]


def _below(node: _Node, target: uatypes.NodeId, own: str, found: NodeClass) -> _Node:
    if found == NodeClass.Variable:
        return _Node(target, node.objects, (*node.variables, own))
    return _Node(target, (*node.objects, *node.variables, own))


async def _references(session: Session, nodes: list[_Node]) -> list[tuple[_Node, ReferenceDescription]]:
    """What hangs from these nodes, as many of them in a call as the server takes."""
    found = []
    for first in range(0, len(nodes), session.limits.browse):
        part = nodes[first : first + session.limits.browse]
        request = BrowseRequest()
        request.Parameters.NodesToBrowse = [_description(node.id) for node in part]
        results = (await session.request("browse", request, BrowseResponse)).Results
        for node, result in zip(part, results, strict=False):
            found += [(node, reference) for reference in await _all(session, result)]
    return found


def _description(node: uatypes.NodeId) -> BrowseDescription:
    made = BrowseDescription()
    made.NodeId = node
    made.BrowseDirection = BrowseDirection.Forward
    made.ReferenceTypeId = _HIERARCHY
    made.IncludeSubtypes = True
    made.NodeClassMask = NodeClass.Object | NodeClass.Variable
    made.ResultMask = 0x3F
    return made


async def _all(session: Session, result: BrowseResult) -> list[ReferenceDescription]:
    """The references of one node, however many answers they take."""
    found = list(result.References or ())
    while result.ContinuationPoint:
        request = BrowseNextRequest()
        request.Parameters.ReleaseContinuationPoints = False
        request.Parameters.ContinuationPoints = [result.ContinuationPoint]
        (result,) = (await session.request("browse", request, BrowseNextResponse)).Parameters.Results
        if not result.References or len(found) > MOST:
            break
        found += result.References
    return found


# -- reading -----------------------------------------------------------------------------------------------------------
async def _read(
    session: Session,
    source: Source,
    variables: list[_Node],
    units: dict[uatypes.NodeId, uatypes.NodeId],
    left_out: list[str],
) -> Findings:
    words = dict(zip(units, await _units(session, list(units.values())), strict=True))
    found: list[Found] = []
    assets: dict[tuple[str, ...], tuple[str, set[str]]] = {}
    taken: set[str] = set()
    for first in range(0, len(variables), session.limits.read):
        part = variables[first : first + session.limits.read]
        values = await session.read([node.id for node in part])
        for place, node in enumerate(part):
            why = _unfit(values, place)
            at = plan.address(node.id, session.namespaces)
            if why:
                left_out.append(f"{at}: {why}")
                continue
            if node.objects not in assets:
                assets[node.objects] = (unique(name(node.objects[-1:], source.id), taken), set())
            asset, points = assets[node.objects]
            point = unique(name(node.variables, "value"), points)
            shown = values.text(place) or ""
            found.append(Found(asset, point, at, None, words.get(node.id), shown[:60]))
    if len(left_out) > _NAMED:
        left_out[_NAMED:] = [f"and {len(left_out) - _NAMED} more"]
    return Findings(tuple(found), session.identity, tuple(left_out), tuple(session.namespaces))


def _unfit(values: Values, place: int) -> str:
    """Why this variable is no point; nothing where it may be one."""
    if values.status[place] >= quality.BAD:
        return quality.name(int(values.status[place]))
    if values.codes[place] and kind(int(values.codes[place])) is None:
        return "an array or a structure"
    return "" if values.codes[place] else "no value"


async def _units(session: Session, nodes: list[uatypes.NodeId]) -> Iterable[str | None]:
    """What each EngineeringUnits property says, as it is displayed."""
    words: list[str | None] = []
    for first in range(0, len(nodes), session.limits.read):
        values = await session.read(nodes[first : first + session.limits.read])
        words += [_displayed(values, place) for place in range(len(values.codes))]
    return words


def _displayed(values: Values, place: int) -> str | None:
    at = int(values.at[place])
    if values.codes[place] != Type.EXTENSION or wire.extension(values.data, at + 1)[0] != _EU_INFORMATION:
        return None
    try:
        word = (variant_from_binary(Buffer(values.data, at)).Value.DisplayName.Text or "").strip()
    except Exception:  # whatever asyncua's decoder makes of these bytes, they name no unit
        return None
    return word if 0 < len(word) <= _LONGEST_UNIT else None
