"""One session with one server, kept alive while it is open, and always closed.

Every call has a deadline, and whatever goes wrong in one is `Disconnected`.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from asyncua.common.utils import Buffer
from asyncua.ua import uatypes
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography import x509

from connectors import quality
from connectors.base import Disconnected, said
from connectors.clock import within
from connectors.opcua import decode, plan, security
from connectors.opcua.channel import Connection

T = TypeVar("T")
CLOSING = 2.0
"""[s] for CloseSession, whoever does not answer."""
_log = logging.getLogger("gemba.opcua")
_NAMESPACES = uatypes.NodeId.from_string(f"i={ObjectIds.Server_NamespaceArray}")
_STATE = uatypes.NodeId.from_string(f"i={ObjectIds.Server_ServerStatus_State}")
_LIMITS = [
    uatypes.NodeId.from_string(f"i={number}")
    for number in (
        ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
        ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
        ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
    )
]
_IDENTITY = {
    name: uatypes.NodeId.from_string(f"i={number}")
    for name, number in {
        "manufacturer": ObjectIds.Server_ServerStatus_BuildInfo_ManufacturerName,
        "product": ObjectIds.Server_ServerStatus_BuildInfo_ProductName,
        "uri": ObjectIds.Server_ServerStatus_BuildInfo_ProductUri,
        "version": ObjectIds.Server_ServerStatus_BuildInfo_SoftwareVersion,
    }.items()
}


@contextlib.asynccontextmanager
async def exchange(what: str, timeout: float) -> AsyncIterator[None]:
    """One question and its answer. Whatever goes wrong is `Disconnected`; a request that is refused here is a fault of
    our own."""
    try:
        async with within(timeout):
            yield
    except (Disconnected, PermissionError):
        raise
    except TimeoutError:
        raise Disconnected(f"{what}: no answer within {timeout:g} s", quality.BAD_TIMEOUT) from None
    except UaStatusCodeError as fault:
        raise Disconnected(f"{what}: {quality.name(fault.code)}", fault.code) from None
    except OSError as fault:
        raise Disconnected(f"{what}: {said(fault)}", quality.BAD_NOT_CONNECTED) from None
    except Exception as fault:  # asyncua's decoders raise whatever a reply makes them trip over
        raise Disconnected(f"{what}: {type(fault).__name__} {fault}", quality.BAD_COMMUNICATION) from None


class Session:
    """Open until `close`. `namespaces` and `limits` are the server's own words in this connection."""

    def __init__(self, url: str, connection: Connection, timeout: float) -> None:
        self.url = url
        self.timeout = timeout
        self.namespaces: list[str] = []
        self.limits = plan.Limits()
        self.identity: dict[str, str] = {}
        self.users = 0
        self.certificates: list[x509.Certificate] = []
        self.connection = connection
        self._creation: asyncio.Task[Any] | None = None
        self._tending: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        return self.connection.uaclient.protocol is not None and not self.connection.uaclient.protocol.is_closed

    @property
    def room(self) -> int:
        """Bytes of the largest request that the server takes."""
        return self.connection.protocol.room

    # -- calls ---------------------------------------------------------------------------------------------------------
    def post(self, kind: int, parameters: bytes, timeout: float) -> asyncio.Future[Buffer]:
        """The future reply to a request, without a deadline. Raises `Disconnected` where nothing can be sent."""
        try:
            return self.connection.protocol.post(kind, parameters, timeout)
        except ConnectionError as fault:
            raise Disconnected(f"{self.url}: {fault}", quality.BAD_NOT_CONNECTED) from None

    async def ask(self, what: str, kind: int, parameters: bytes, timeout: float | None = None) -> bytes:
        """The reply to a request whose parameters are encoded already."""
        timeout = timeout or self.timeout
        async with exchange(f"{self.url}: {what}", timeout):
            return bytes(await self.post(kind, parameters, timeout))

    async def request(self, what: str, request: Any, response: type[T]) -> T:
        """The reply to one of asyncua's requests."""
        data = await self.ask(what, request.TypeId.Identifier, struct_to_binary(request.Parameters))
        async with exchange(f"{self.url}: {what}", self.timeout):
            decode.parameters(data, getattr(ObjectIds, f"{response.__name__}_Encoding_DefaultBinary"))
            return struct_from_binary(response, Buffer(data))

    async def read(self, nodes: Sequence[uatypes.NodeId], attribute: int = plan.VALUE) -> decode.Values:
        """The values of a few nodes; no more than one call may name."""
        kind = ObjectIds.ReadRequest_Encoding_DefaultBinary
        data = await self.ask("read", kind, plan.read_parameters(nodes, attribute))
        return decode.Reply(len(nodes)).values(data)

    # -- opening and closing -------------------------------------------------------------------------------------------
    async def create(self) -> None:
        """A session on the server. Whoever gives up waiting for it leaves it to `close`, which ends it all the same."""
        self._creation = asyncio.create_task(self.connection.create_session())
        async with exchange(f"{self.url}: opening a session", self.timeout):
            await asyncio.shield(self._creation)

    async def open(self, profile: str | None) -> None:
        """What is learned of the server before anything else is asked."""
        self._tending = asyncio.create_task(self._tend())
        said = await self.read([_NAMESPACES, *_LIMITS, *_IDENTITY.values()])
        self.namespaces = said.texts(0)
        read, browse, monitor = (max(0, int(said.ints[place])) for place in (1, 2, 3))
        self.limits = plan.limits(profile, plan.Limits(read, browse, monitor))
        words = {name: said.text(place) for place, name in enumerate(_IDENTITY, 4)}
        self.identity = {name: word for name, word in words.items() if word}

    async def _tend(self) -> None:
        """A new key for the channel when three quarters of its time have passed (OPC 10000-4, 5.5.2.1), and a question
        now and then, so that the server does not forget a session whose polls are far apart."""
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while True:
            _warn_of_ends(self)
            left = renewed + self.connection.secure_channel_timeout * 0.75 / 1000 - loop.time()
            await asyncio.sleep(max(0.0, min(left, self.connection.session_timeout / 3000)))
            try:
                if loop.time() >= renewed + self.connection.secure_channel_timeout * 0.75 / 1000:
                    async with exchange(f"{self.url}: renewing the channel", self.timeout):
                        await self.connection.open_secure_channel(renew=True)
                        self.connection.uaclient.revolve_security_token()
                    renewed = loop.time()
                await self.read([_STATE])
            except Disconnected:
                self._abort()
                return

    async def close(self) -> None:
        """CloseSession, so that the server need not remember us, then the socket."""
        if self._tending:
            self._tending.cancel()
        with contextlib.suppress(Disconnected):
            async with exchange("closing", CLOSING):
                if self._creation:
                    await asyncio.wait({self._creation})
                await self.connection.close_session()
                await self.connection.close_secure_channel()
        self._abort()

    def _abort(self) -> None:
        protocol = self.connection.uaclient.protocol
        if protocol is not None and protocol.transport is not None:
            protocol.transport.abort()


_warned: set[tuple[str, int]] = set()


def _warn_of_ends(session: Session) -> None:
    """Says of each certificate, ours and the server's, once each that 30, 7 and 1 days are left."""
    for whose, certificate in zip(("our own", "the server's"), session.certificates, strict=False):
        days = security.warning(certificate, datetime.now(UTC))
        if days is not None and (key := (security.fingerprint(certificate), days)) not in _warned:
            _warned.add(key)
            _log.warning("%s: %s certificate ends %s", session.url, whose, certificate.not_valid_after_utc)
