"""An asyncua server in the loop of the test: nodes by name, what is asked of it, and what it refuses."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.common.callback import CallbackType
from asyncua.common.utils import ServiceError
from asyncua.server.server import Server

from tests.servers.certificates import Pair
from tests.servers.nodeopcua import NAMESPACE


class Served:
    """`sizes` are those of the reads from outside; one of more than `most` nodes is refused. `writes` counts writes."""

    def __init__(self, server: Server, url: str, index: int) -> None:
        self.server, self.url, self.index = server, url, index
        self.sizes: list[int] = []
        self.most = 10_000
        self.too_much = ua.StatusCodes.BadTooManyOperations
        self.writes = 0
        self.ticking = True
        self._kinds: dict[str, ua.VariantType] = {}

    async def reset(self, nodes: Mapping[str, tuple[Any, ua.VariantType]]) -> None:
        """These nodes and no others, and nothing refused. (asyncua cannot remove one that is still monitored.)"""
        for name, kind in tuple(self._kinds.items()):
            if name not in nodes or kind != nodes[name][1]:
                await self.remove(name)
        for name, (value, kind) in nodes.items():
            await (self.put if name in self._kinds else self.add)(name, value, kind)
        self.most, self.too_much, self.ticking = 10_000, ua.StatusCodes.BadTooManyOperations, True
        self.sizes.clear()

    async def tick(self) -> None:
        """CurrentTime, which asyncua itself moves once a second only."""
        node = self.server.get_node(ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime))
        while True:
            if self.ticking:
                await node.write_value(datetime.now(UTC))
            await asyncio.sleep(0.05)

    def node(self, name: str) -> ua.NodeId:
        return ua.NodeId.from_string(f"ns={self.index};s={name}")

    async def add(self, name: str, value: Any, kind: ua.VariantType) -> None:
        self._kinds[name] = kind
        await self.server.nodes.objects.add_variable(self.node(name), ua.QualifiedName(name, self.index), value, kind)

    async def put(
        self, name: str, value: Any, kind: ua.VariantType, status: int = 0, source: datetime | None = None
    ) -> None:
        now = datetime.now(UTC)
        shown = ua.DataValue(ua.Variant(value, kind), ua.StatusCode(status), source or now, now)
        await self.server.write_attribute_value(self.node(name), shown)

    async def remove(self, name: str) -> None:
        del self._kinds[name]
        await self.server.delete_nodes([self.server.get_node(self.node(name))])

    @property
    def sessions(self) -> int:
        """Those that are open from outside."""
        return len(self.server.iserver._external_sessions)

    def _read(self, event: Any, _: Any) -> None:
        if event.is_external:
            self.sizes.append(len(event.request_params.NodesToRead))
            if self.sizes[-1] > self.most:
                raise ServiceError(self.too_much)

    def _written(self, event: Any, _: Any) -> None:
        self.writes += event.is_external


@asynccontextmanager
async def served(pair: Pair | None = None) -> AsyncIterator[Served]:
    """Without a pair it offers no security, with one Basic256Sha256 as well."""
    server = Server()
    await server.init()
    server.iserver.disabled_clock = True
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"opc.tcp://127.0.0.1:{probe.getsockname()[1]}"
    server.set_endpoint(url)
    await server.set_application_uri("urn:gemba:tests:asyncua")
    policies = [ua.SecurityPolicyType.NoSecurity]
    if pair:
        await server.load_certificate(str(pair.cert))
        await server.load_private_key(pair.key)
        policies.append(ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt)
    server.set_security_policy(policies)
    found = Served(server, url, await server.register_namespace(NAMESPACE))
    server.subscribe_server_callback(CallbackType.PreRead, found._read)
    server.subscribe_server_callback(CallbackType.PreWrite, found._written)
    async with server:
        ticking = asyncio.create_task(found.tick())
        yield found
        ticking.cancel()
