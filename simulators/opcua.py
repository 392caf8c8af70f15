"""An OPC UA server of a virtual plant: a variable for every point, at the node id that the plant file names.

Values are written when they change, ten times a second, so that polls and subscriptions see the same. A write from a
client is refused by the server, counted here, and fails the run.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.common.callback import CallbackType
from asyncua.server.server import Server

from config.plant import OpcuaAddress, Point

TYPES = {
    "bool": ua.VariantType.Boolean,
    "int16": ua.VariantType.Int16,
    "uint16": ua.VariantType.UInt16,
    "int32": ua.VariantType.Int32,
    "uint32": ua.VariantType.UInt32,
    "int64": ua.VariantType.Int64,
    "uint64": ua.VariantType.UInt64,
    "float32": ua.VariantType.Float,
    "float64": ua.VariantType.Double,
    "string": ua.VariantType.String,
}
NATURAL = {int: ua.VariantType.Int64, float: ua.VariantType.Double, str: ua.VariantType.String}
Readings = Callable[[Point, int], Any]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def node_id(text: str, namespaces: list[str]) -> ua.NodeId:
    """As the plant file writes it; a namespace URI gets an index, an index that nothing names yet gets a URI."""
    if text.startswith("nsu="):
        uri, rest = text[4:].split(";", 1)
        if uri not in namespaces:
            namespaces.append(uri)
        text = f"ns={namespaces.index(uri)};{rest}"
    found = ua.NodeId.from_string(text)
    while len(namespaces) <= found.NamespaceIndex:
        namespaces.append(f"urn:gemba:simulated:{len(namespaces)}")
    return found


class OpcuaServer:
    """One server. `readings` is asked for every point at one instant; `clock` is the device's own."""

    def __init__(self, points: Sequence[Point], readings: Readings, clock: Callable[[], int]) -> None:
        self.points, self.readings, self.clock = points, readings, clock
        self.writes: list[str] = []
        self.port = 0
        self._server: Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._shown: dict[ua.NodeId, Any] = {}
        self._nodes: list[tuple[Point, ua.NodeId, ua.VariantType]] = []

    async def open(self) -> int:
        self.port = self.port or free_port()
        self._server = server = Server()
        await server.init()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}/")
        server.set_server_name("Gemba virtual plant")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.subscribe_server_callback(CallbackType.PreWrite, self._written)
        await self._fill(server)
        await server.start()
        self._task = asyncio.create_task(self._live())
        return self.port

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._server:
            await self._server.stop()
        self._shown.clear()
        self._nodes.clear()

    def _written(self, event: Any, _dispatcher: Any) -> None:
        if event.is_external:
            self.writes.extend(str(item.NodeId) for item in event.request_params.NodesToWrite)

    async def _fill(self, server: Server) -> None:
        namespaces = await server.get_namespace_array()
        known = len(namespaces)
        texts = [point.at.node for point in self.points if isinstance(point.at, OpcuaAddress)]
        ids = [node_id(text, namespaces) for text in texts]
        for uri in namespaces[known:]:
            await server.register_namespace(uri)
        now = self.clock()
        for point, at in zip(self.points, ids, strict=True):
            value = self.readings(point, now)
            kind = TYPES.get(point.type or "", NATURAL.get(type(value), ua.VariantType.Double))
            if at not in self._shown:
                name = ua.QualifiedName(f"{point.asset}.{point.name}", at.NamespaceIndex)
                await server.nodes.objects.add_variable(at, name, _cast(value, kind), kind)
            self._shown[at] = value
            self._nodes.append((point, at, kind))

    async def _live(self) -> None:
        assert self._server is not None
        while True:
            now = self.clock()
            stamp = datetime.fromtimestamp(now / 1e9, UTC).replace(tzinfo=None)
            for point, at, kind in self._nodes:
                value = self.readings(point, now)
                if value != self._shown[at]:
                    self._shown[at] = value
                    shown = ua.DataValue(ua.Variant(_cast(value, kind), kind), SourceTimestamp=stamp)  # type: ignore[arg-type]
                    await self._server.write_attribute_value(at, shown)
            await asyncio.sleep(0.1)


def _cast(value: Any, kind: ua.VariantType) -> Any:
    if kind == ua.VariantType.Boolean:
        return bool(value)
    if kind == ua.VariantType.String:
        return str(value)
    return float(value) if kind in (ua.VariantType.Double, ua.VariantType.Float) else int(value)
