"""Connecting: with what the plant file says of security, once for all sources of one URL.

A server's certificate is checked before anything but a question for its endpoints is sent to it.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties
from asyncua.ua.uaprotocol_auto import EndpointDescription, MessageSecurityMode, UserTokenType
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from config.plant import SECOND, Plant, Security, Source
from connectors.base import Disconnected
from connectors.opcua import plan, security
from connectors.opcua.channel import Connection
from connectors.opcua.session import Session, exchange
from connectors.secret import secret

POLICIES = ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
IDLE = 60
"""[s] that a session outlives its last request on a server, at least: one that was lost is soon forgotten there."""


async def connected(source: Source, plant: Plant) -> Session:
    """A new session. Raises `Disconnected` where the server does not answer, is not trusted or does not let us in."""
    timeout = (source.timeout or plan.DEADLINE) / SECOND
    asked = source.security
    if asked.policy in (None, "None") and not asked.insecure:
        raise Disconnected(f"{source.url}: no security policy, which only `insecure: true` allows")
    connection = Connection(source.url, timeout)
    session = Session(source.url, connection, timeout)
    if asked.policy not in (None, "None"):
        await _secure(session, connection, source, plant)
    connection.session_timeout = patience(source, plant)
    connection.description = f"Gemba {plant.id}"
    try:
        async with exchange(f"{source.url}: connecting", timeout):
            await connection.connect_sessionless()
        await session.create()
        async with exchange(f"{source.url}: logging in", timeout):
            await _activated(connection, asked)
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
    async with exchange(f"{source.url}: endpoints", session.timeout):
        found = await Connection(source.url, session.timeout).connect_and_get_server_endpoints()
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
    async with exchange(f"{source.url}: certificates", session.timeout):
        await connection.set_security(
            _policy(asked),
            CertProperties(own.certificate, "der"),
            CertProperties(own.key, "der"),
            server_certificate=CertProperties(certificate.public_bytes(Encoding.DER), "der"),
            mode=_mode(asked),
        )


def _policy(asked: Security) -> type[security_policies.SecurityPolicy]:
    """The policy's class; its name may be written with the specification's underscores or without."""
    name = (asked.policy or "").replace("_", "")
    if name not in POLICIES:
        raise Disconnected(f"security policy {asked.policy} is not known; known are {', '.join(POLICIES)}")
    found: type[security_policies.SecurityPolicy] = getattr(security_policies, f"SecurityPolicy{name}")
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
