"""asyncua's channel with three things added: it sends nothing but reads, believes no absurd length, and gives up.

The filter stands where a request is bytes already and before they are signed, encrypted and cut: a service that is not
on the list raises `PermissionError` there, whoever asked for it.
"""

import asyncio
import contextlib
import logging
import socket
import struct
import time
from typing import Any

from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.common.utils import Buffer
from asyncua.crypto.security_policies import SecurityPolicy
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import nodeid_to_binary
from asyncua.ua.uaprotocol_hand import Acknowledge, Header, MessageType

CHUNK, SMALLEST = 65_535, 8192
LARGEST = 16_000_000
"""Bytes of one message; a thousand texts of ten thousand letters fit."""
_CHUNKS = LARGEST // 8192 + 1
_EPOCH = 116_444_736_000_000_000  # 1970 in ticks of 100 ns since 1601

SERVICES = (
    *("GetEndpoints", "OpenSecureChannel", "CloseSecureChannel", "CreateSession", "ActivateSession", "CloseSession"),
    *("Read", "Browse", "BrowseNext"),
    *("CreateSubscription", "DeleteSubscriptions", "CreateMonitoredItems", "Publish"),
)
_ALLOWED = frozenset(getattr(ObjectIds, f"{name}Request_Encoding_DefaultBinary") for name in SERVICES)

# What asyncua would say of a fault is raised as Disconnected, and said once, by whoever owns the reconnection.
if (_log := logging.getLogger("asyncua")).level == logging.NOTSET:
    _log.setLevel(logging.CRITICAL + 1)


def permit(message: bytes) -> None:
    """Raises `PermissionError` unless this request only connects, browses, reads or subscribes."""
    kind = int.from_bytes(message[2:4], "little") if message[:2] == b"\x01\x00" else 0
    if kind not in _ALLOWED:
        raise PermissionError(f"an OPC UA request of type {kind} is no read, and is never sent")


class _ReadOnly(SecureConnection):
    room = LARGEST
    """Bytes of the largest request that the server takes."""

    def message_to_binary(
        self, message: bytes, message_type: Any = MessageType.SecureMessage, request_id: int = 0
    ) -> bytes:
        permit(message)
        return super().message_to_binary(message, message_type, request_id)

    def receive_from_header_and_body(self, header: Header, body: Buffer) -> Any:
        message = super().receive_from_header_and_body(header, body)
        if isinstance(message, Acknowledge):
            # What the server receives bounds what we send; asyncua takes the two the other way round.
            chunk = min(CHUNK, max(message.ReceiveBufferSize, SMALLEST))
            self._limits = TransportLimits(CHUNK, chunk, _CHUNKS, LARGEST)
            self.room = min(message.MaxMessageSize or LARGEST, (message.MaxChunkCount or _CHUNKS) * chunk)
        return message


class Protocol(UASocketProtocol):
    """One socket."""

    def __init__(self, timeout: float, policy: SecurityPolicy) -> None:
        limits = TransportLimits(CHUNK, CHUNK, _CHUNKS, LARGEST)
        super().__init__(timeout, policy, limits)
        self._connection: _ReadOnly = _ReadOnly(policy, limits)

    @property
    def room(self) -> int:
        """Bytes of the largest request that the server takes."""
        return self._connection.room

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        watch(transport.get_extra_info("socket"), self.timeout)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        waiting = self.receive_buffer
        if waiting and int.from_bytes(waiting[4:8], "little") > CHUNK:
            self.receive_buffer = None
            self.disconnect_socket()

    async def send_hello(self, url: str, max_messagesize: int = 0, max_chunkcount: int = 0) -> Acknowledge:
        if self.transport is None:
            raise ConnectionError("the connection is closed")
        name = url.encode()
        hello = struct.pack("<5Ii", 0, CHUNK, CHUNK, LARGEST, _CHUNKS, len(name)) + name
        future: asyncio.Future[Acknowledge] = asyncio.get_running_loop().create_future()
        self._callbackmap[0] = future
        self.transport.write(b"HELF" + struct.pack("<I", 8 + len(hello)) + hello)
        return await asyncio.wait_for(future, self.timeout)

    def post(self, kind: int, parameters: bytes, timeout: float) -> asyncio.Future[Buffer]:
        """The future reply to this request; what `_send_request` of asyncua does, less the encoding."""
        if self.transport is None:
            raise ConnectionError("the connection is closed")
        self._request_handle += 1
        header = nodeid_to_binary(self.authentication_token) + struct.pack(
            "<qIIiI", time.time_ns() // 100 + _EPOCH, self._request_handle, 0, -1, int(timeout * 1000)
        )
        self.revolve_security_token()
        self._request_id += 1
        message = self._connection.message_to_binary(
            b"\x01\x00" + kind.to_bytes(2, "little") + header + b"\0\0\0" + parameters, request_id=self._request_id
        )
        future: asyncio.Future[Buffer] = asyncio.get_running_loop().create_future()
        self._callbackmap[self._request_id] = future
        self.transport.write(message)
        return future


class _Transport(UaClient):
    def _make_protocol(self) -> UASocketProtocol:
        self.protocol = Protocol(self._timeout, self.security_policy)
        self.protocol.on_connection_lost = self._on_transport_lost
        self.protocol.is_session_closing = self._is_session_closing
        return self.protocol


class Connection(Client):
    """asyncua's client on such a channel, for one connection only; its watchdogs and reconnection are never started."""

    def __init__(self, url: str, timeout: float) -> None:
        super().__init__(url, timeout=timeout)
        self.uaclient = _Transport(timeout)
        self.name, self.product_uri = "Gemba", "urn:gemba"

    @property
    def protocol(self) -> Protocol:
        found = self.uaclient.protocol
        if not isinstance(found, Protocol) or found.transport is None:
            raise ConnectionError("the connection is closed")
        return found


def watch(connection: socket.socket, timeout: float) -> None:
    """A cable that was pulled: the kernel gives up when we do, and asks when nothing is on its way."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("IDLE", 30), ("INTVL", 10), ("CNT", 3)):
        if hasattr(socket, f"TCP_KEEP{name}"):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_KEEP{name}"), value)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(timeout * 1000))
