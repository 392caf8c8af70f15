"""One session with one server: opened with what the plant file says, shared by sources of one URL, always closed.

Every call has a deadline, and whatever goes wrong in one is `Disconnected`. A server's certificate is checked before
anything but a question for its endpoints is sent to it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from asyncua.common.utils import Buffer
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties
from asyncua.ua import uatypes
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary, variant_from_binary
from asyncua.ua.uaerrors import UaStatusCodeError
from asyncua.ua.uaprotocol_auto import EndpointDescription, MessageSecurityMode, UserTokenType
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from config.plant import SECOND, Plant, Security, Source
from connectors import quality
from connectors.base import Disconnected
from connectors.opcua import decode, plan, security
from connectors.opcua.channel import Connection
from connectors.secret import secret

T = TypeVar("T")
CLOSING = 2.0
"""[s] for CloseSession, whoever does not answer."""
IDLE = 60
"""[s] that a session outlives its last request on a server, at least: one that was lost is soon forgotten there."""
_log = logging.getLogger("gemba.opcua")
_NAMESPACES = uatypes.NodeId.from_string(f"i={ObjectIds.Server_NamespaceArray}")
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


async def _step(what: str, timeout: float, doing: Awaitable[T]) -> T:
    """One exchange. Whatever goes wrong in it is `Disconnected`; a request that is refused here is our own fault."""
    try:
        async with asyncio.timeout(timeout):
            return await doing
    except (Disconnected, PermissionError):
        raise
    except TimeoutError:
        raise Disconnected(f"{what}: no answer within {timeout:g} s", quality.BAD_TIMEOUT) from None
    except UaStatusCodeError as fault:
        raise Disconnected(f"{what}: {quality.name(fault.code)}", fault.code) from None
    except OSError as fault:
        raise Disconnected(f"{what}: {fault}", quality.BAD_NOT_CONNECTED) from None
    except Exception as fault:  # asyncua's decoders raise whatever a reply makes them trip over
        raise Disconnected(f"{what}: {type(fault).__name__} {fault}", quality.BAD_COMMUNICATION) from None


class Session:
    """Open until `close`. `namespaces` and `limits` are the server's own words in this connection."""

    def __init__(self, source: Source, connection: Connection, timeout: float) -> None:
        self.url = source.url
        self.timeout = timeout
        self.namespaces: list[str] = []
        self.limits = plan.Limits()
        self.identity: dict[str, str] = {}
        self.users = 0
        self.certificates: list[x509.Certificate] = []
        self._connection = connection
        self._creation: asyncio.Task[Any] | None = None
        self._tending: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        return self._connection.uaclient.protocol is not None and not self._connection.uaclient.protocol.is_closed

    @property
    def room(self) -> int:
        """Bytes of the largest request that the server takes."""
        return self._connection.protocol.room

    # -- calls ---------------------------------------------------------------------------------------------------------
    def post(self, kind: int, parameters: bytes, timeout: float) -> asyncio.Future[Buffer]:
        """The future reply to a request, without a deadline. Raises `Disconnected` where nothing can be sent."""
        try:
            return self._connection.protocol.post(kind, parameters, timeout)
        except ConnectionError as fault:
            raise Disconnected(f"{self.url}: {fault}", quality.BAD_NOT_CONNECTED) from None

    async def ask(self, what: str, kind: int, parameters: bytes, timeout: float | None = None) -> bytes:
        """The reply to a request whose parameters are encoded already."""
        within = timeout or self.timeout
        return bytes(await _step(f"{self.url}: {what}", within, self.post(kind, parameters, within)))

    async def request(self, what: str, request: Any, response: type[T]) -> T:
        """The reply to one of asyncua's requests."""
        data = await self.ask(what, request.TypeId.Identifier, struct_to_binary(request.Parameters))

        async def decoded() -> T:
            decode.parameters(data, getattr(ObjectIds, f"{response.__name__}_Encoding_DefaultBinary"))
            return struct_from_binary(response, Buffer(data))

        return await _step(f"{self.url}: {what}", self.timeout, decoded())

    async def read(self, nodes: Sequence[uatypes.NodeId], attribute: int = plan.VALUE) -> decode.Values:
        """The values of a few nodes; no more than one call may name."""
        kind = ObjectIds.ReadRequest_Encoding_DefaultBinary
        data = await self.ask("read", kind, plan.read_parameters(nodes, attribute))
        return decode.Reply(len(nodes)).values(data)

    # -- opening and closing -------------------------------------------------------------------------------------------
    async def create(self) -> None:
        """A session on the server. Whoever gives up waiting for it leaves it to `close`, which ends it all the same."""
        self._creation = asyncio.create_task(self._connection.create_session())
        await _step(f"{self.url}: opening a session", self.timeout, asyncio.shield(self._creation))

    async def open(self, profile: str | None) -> None:
        """What is learned of the server before anything else is asked."""
        self._tending = asyncio.create_task(self._tend())
        said = await self.read([_NAMESPACES, *_LIMITS, *_IDENTITY.values()])
        if said.codes[0]:
            names = variant_from_binary(Buffer(said.data, int(said.at[0]))).Value
            self.namespaces = [str(name) for name in names or ()]
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
            left = renewed + self._connection.secure_channel_timeout * 0.75 / 1000 - loop.time()
            await asyncio.sleep(max(0.0, min(left, self._connection.session_timeout / 3000)))
            try:
                if loop.time() >= renewed + self._connection.secure_channel_timeout * 0.75 / 1000:
                    await _step("renewing the channel", self.timeout, self._connection.open_secure_channel(renew=True))
                    self._connection.uaclient.revolve_security_token()
                    renewed = loop.time()
                await self.read([_NAMESPACES])
            except Disconnected:
                self._abort()
                return

    async def close(self) -> None:
        """CloseSession, so that the server need not remember us, then the socket."""
        if self._tending:
            self._tending.cancel()
        with contextlib.suppress(Disconnected):
            await _step("closing", CLOSING, self._farewell())
        self._abort()

    async def _farewell(self) -> None:
        if self._creation:
            await asyncio.wait({self._creation})
        await self._connection.close_session()
        await self._connection.close_secure_channel()

    def _abort(self) -> None:
        protocol = self._connection.uaclient.protocol
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


# -- connecting --------------------------------------------------------------------------------------------------------
async def connected(source: Source, plant: Plant) -> Session:
    """A new session. Raises `Disconnected` where the server does not answer, is not trusted or does not let us in."""
    timeout = (source.timeout or plan.DEADLINE) / SECOND
    asked = source.security
    if asked.policy in (None, "None") and not asked.insecure:
        raise Disconnected(f"{source.url}: no security policy, which only `insecure: true` allows")
    connection = Connection(source.url, timeout)
    session = Session(source, connection, timeout)
    if asked.policy not in (None, "None"):
        await _secure(session, connection, source, plant)
    connection.session_timeout = patience(source, plant)
    connection.description = f"Gemba {plant.id}"
    try:
        await _step(f"{source.url}: connecting", timeout, connection.connect_sessionless())
        await session.create()
        await _step(f"{source.url}: logging in", timeout, _activated(connection, asked))
        await session.open(source.profile)
    except BaseException:
        await session.close()
        raise
    return session


def patience(source: Source, plant: Plant) -> int:
    """How long [ms] the server is to keep a session in which nothing is asked: three polls, of any that share it."""
    shared = {one.id for one in plant.sources.values() if one.url == source.url}
    longest = max((point.every for point in plant.points() if point.source in shared), default=source.every)
    return 1000 * max(IDLE, 3 * longest // SECOND)


async def _secure(session: Session, connection: Connection, source: Source, plant: Plant) -> None:
    """Our pair, and the server's certificate as it shows it, checked before it is used."""
    asked = source.security
    trust = asked.trust or plant.data / "trust"
    own = security.pair(asked.cert, asked.key, trust, plant.id)
    finder = Connection(source.url, session.timeout)
    found = await _step(f"{source.url}: endpoints", session.timeout, finder.connect_and_get_server_endpoints())
    endpoint = _endpoint(source, found)
    try:
        certificate = security.leaf(endpoint.ServerCertificate or b"")
    except ValueError as fault:
        raise Disconnected(f"{source.url}: the server's certificate cannot be read ({fault})") from None
    if not asked.insecure:
        security.check(certificate, trust, source.url, plant.file)
    mine = x509.load_der_x509_certificate(own.certificate)
    session.certificates = [mine, certificate]
    connection.application_uri = own.uri
    if asked.cert and not asked.user and UserTokenType.Anonymous not in _tokens(endpoint):
        connection.user_certificate = mine
        await connection.load_private_key(own.key)  # type: ignore[arg-type]
    await _step(
        f"{source.url}: certificates",
        session.timeout,
        connection.set_security(
            _policy(asked),
            CertProperties(own.certificate, "der"),
            CertProperties(own.key, "der"),
            server_certificate=CertProperties(certificate.public_bytes(Encoding.DER), "der"),
            mode=_mode(asked),
        ),
    )


def _policy(asked: Security) -> type[security_policies.SecurityPolicy]:
    """The policy's class; the plant file may write its name with the specification's underscores or without."""
    name = (asked.policy or "").replace("_", "")
    found: type[security_policies.SecurityPolicy] | None = getattr(security_policies, f"SecurityPolicy{name}", None)
    if found is None:
        raise Disconnected(f"security policy {asked.policy} is not known")
    return found


def _mode(asked: Security) -> MessageSecurityMode:
    return MessageSecurityMode.Sign if asked.mode == "Sign" else MessageSecurityMode.SignAndEncrypt


def _endpoint(source: Source, found: Iterable[EndpointDescription]) -> EndpointDescription:
    policy, mode = _policy(source.security), _mode(source.security)
    offers = []
    for one in found:
        if (
            one.SecurityPolicyUri == policy.URI
            and one.SecurityMode == mode
            and (one.EndpointUrl or "").startswith("opc.tcp")
        ):
            return one
        offers.append(f"{(one.SecurityPolicyUri or '').rpartition('#')[2]}/{one.SecurityMode.name.rstrip('_')}")
    asked = f"{source.security.policy}/{mode.name}"
    raise Disconnected(f"{source.url}: does not offer {asked}, but {', '.join(sorted(set(offers))) or 'nothing'}")


def _tokens(endpoint: EndpointDescription) -> set[UserTokenType]:
    return {policy.TokenType for policy in endpoint.UserIdentityTokens or ()}


async def _activated(connection: Connection, asked: Security) -> None:
    if asked.user and not asked.insecure:
        policy = connection.server_policy(UserTokenType.UserName).SecurityPolicyUri or ""
        if policy.endswith("#None") and _mode(asked) != MessageSecurityMode.SignAndEncrypt:
            raise Disconnected("the server takes passwords in clear only; use mode SignAndEncrypt")
    password = secret(asked.password) if asked.password else ""
    await connection.activate_session(asked.user, password, connection.user_certificate)


# -- sharing -----------------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class _Shared:
    lock: asyncio.Lock
    session: Session | None = None
    fault: Disconnected | None = None
    failed: float = 0.0


_SHARED: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, Security, str], _Shared]] = WeakKeyDictionary()


async def enter(source: Source, plant: Plant, alone: str = "") -> Session:
    """The session of this URL, opened by the first who enters; `alone` keeps one apart, as subscriptions need.

    All who wait for one attempt share its failure.
    """
    loop = asyncio.get_running_loop()
    place = _SHARED.setdefault(loop, {}).setdefault((source.url, source.security, alone), _Shared(asyncio.Lock()))
    began = loop.time()
    async with place.lock:
        if place.session is None or not place.session.users or not place.session.alive:
            if place.fault and place.failed > began:
                raise Disconnected(str(place.fault), place.fault.reason)
            try:
                place.session = await connected(source, plant)
            except Disconnected as fault:
                place.fault, place.failed = fault, loop.time()
                raise
        place.session.users += 1
        return place.session


async def leave(session: Session) -> None:
    """The last one closes it."""
    session.users -= 1
    if not session.users:
        await session.close()
