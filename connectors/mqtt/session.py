"""One connection to a broker: paho speaks the protocol over our wire, in our loop, and tries nothing a second time.

paho's own loop, thread and reconnection are never started. It is given what arrives and asked now and then whether the
broker is still there; a broker that is silent is asked for a sign of life, and one that gives none is gone.
"""

import asyncio
import ssl
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt._packet import PublishPacket, decode_publish
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from config.plant import SECOND, Security, Source
from connectors import quality
from connectors.base import Disconnected, said
from connectors.clock import within
from connectors.mqtt.owed import WINDOW
from connectors.mqtt.tls import broken_off, context, refused, untrusted
from connectors.mqtt.wire import LARGEST, Wire, header, permit
from connectors.secret import secret

PORTS = {"mqtt": 1883, "mqtts": 8883}
DEADLINE = 5 * SECOND
"""[ns] for each answer of the broker, where the source says no `timeout`."""
PATIENCE = (1 * SECOND, 10 * SECOND)
"""[ns] of silence before the broker is asked for a sign of life: the longest normal silence, within these."""
KEEPALIVE = 60
"""[s] of silence after which the broker may take us for dead, and half as long again."""
REMEMBERED = 7 * 86400
"""[s] that a broker keeps messages for an agent that is away (MQTT 5; before it, that is a setting of the broker)."""
TOPICS_AT_ONCE = 100
FAREWELL = 1.0
"""[s] for a broker to close the connection after we did."""
_RETAINED_NEVER = 2


@dataclass(frozen=True, slots=True)
class Name:
    """Who we are to the broker. One that only visits leaves no session behind."""

    client_id: str
    visits: bool = False


class Client(paho.Client):
    """paho on a wire that is connected already. Messages, which are nearly all that comes, it only decodes: its own way
    from the socket to a callback costs five times as much as that, in locks, log lines and objects."""

    wire: Wire
    heard: Callable[[PublishPacket], None]

    def _create_socket(self) -> Any:
        return self.wire

    def _handle_on_message(self, message: paho.MQTTMessage) -> None:
        """Of a packet that came in pieces."""
        marks, topic = (message.dup, message.qos, message.retain), message._topic
        self.heard(PublishPacket(*marks, topic, message.mid, message.properties, message.payload))

    def read_all(self, goes_on: Callable[[], bool]) -> bool:
        """Takes packets off the wire; whether all that are whole were taken."""
        wire = self.wire
        while wire.waiting:
            if not self._in_packet["command"]:
                if not goes_on():
                    return False
                if not wire.at_packet():
                    return True
                if (message := wire.message()) is not None:
                    self._last_bytes_received = paho.time_func()
                    self.heard(self._decoded(*message))
                    continue
            if self.loop_read():
                return True
        return True

    def _decoded(self, first: int, body: bytes) -> PublishPacket:
        packet = decode_publish(first, body, paho.MQTTv311)
        if self._protocol != paho.MQTTv5:
            return packet
        # Its properties are nothing to us, and paho takes longer over having none than over all else.
        found = header(packet.payload, -1)
        if found is None or sum(found) - 1 > len(packet.payload):
            raise ValueError("properties that are not whole")
        return packet._replace(payload=packet.payload[sum(found) - 1 :])

    def _packet_queue(self, command: int, packet: bytes | bytearray, mid: int, qos: int, info: Any = None) -> Any:
        permit(packet)  # here for whoever asked for it; the wire looks again at what really leaves
        return super()._packet_queue(command, packet, mid, qos, info)

    def acknowledge(self, mids: Sequence[int]) -> None:
        """As `ack` does it, but as one packet for paho's queue: one write for a batch."""
        words = [paho.PUBACK << 8 | 2] * (2 * len(mids))
        words[1::2] = mids
        self._packet_queue(paho.PUBACK, struct.pack(f">{len(words)}H", *words), 0, 1)


class Session:
    """Open until `close`. `heard` is called with every message, `woken` when something happened that its owner should
    look at; `lost` is why the connection went, `fault` what `heard` raised."""

    def __init__(
        self,
        source: Source,
        name: Name,
        heard: Callable[[PublishPacket], None],
        woken: Callable[[], None],
        room: Callable[[], bool] = lambda: True,
    ) -> None:
        self.source, self.name = source, name
        self.lost: Disconnected | None = None
        self.fault: Exception | None = None
        self.present = False
        self._heard, self._woken, self._room = heard, woken, room
        self._deadline = (source.timeout or DEADLINE) / SECOND
        patience = min(max(source.every, PATIENCE[0]), PATIENCE[1])
        self._patience = max(patience, source.timeout or 0) / SECOND
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._client, self._wire = self._made()

    def _made(self) -> tuple[Client, Wire]:
        five = self.source.version == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            self.name.client_id,
            protocol=paho.MQTTv5 if five else paho.MQTTv311,
            clean_session=None if five else self.name.visits,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.wire = Wire(self._arrived, self._ended)
        client.on_connect, client.on_subscribe, client.on_unsubscribe = self._connected, self._answered, self._answered
        client.heard, client.on_disconnect = self._message, self._disconnected
        client.on_socket_register_write = self._write_soon
        return client, client.wire

    def _write_soon(self, client: paho.Client, _data: Any, _socket: Any) -> None:
        self._loop.call_soon(client.loop_write)

    # -- opening and closing -------------------------------------------------------------------------------------------
    async def open(self) -> None:
        """Connected and accepted; raises `Disconnected` when that fails or takes too long."""
        asked = self.source.security
        if asked.user is not None:
            self._client.username_pw_set(asked.user, secret(asked.password) if asked.password else None)
        try:
            async with within(self._deadline):
                await self._dial(urlsplit(self.source.url), asked)
                await self._introduced()
        except TimeoutError:
            self._wire.abort()
            raise Disconnected(
                f"{self.source.url}: no answer within {self._deadline:g} s", quality.BAD_TIMEOUT
            ) from None
        except BaseException:
            self._wire.abort()
            raise
        self._tick()

    async def _dial(self, url: Any, asked: Security) -> None:
        port = url.port or PORTS[url.scheme]
        secure = context(self.source.url, asked) if url.scheme == "mqtts" else None
        try:
            await self._loop.create_connection(lambda: self._wire, url.hostname, port, ssl=secure)
        except ssl.SSLError as fault:
            raise untrusted(self.source.url, fault) from None
        except OSError as fault:
            if secure is not None and isinstance(fault, ConnectionResetError):
                text = f"{self.source.url}: TLS is broken off without a reason; does TLS 1.2 or later listen here?"
                raise Disconnected(text, quality.BAD_SECURITY) from None
            text = f"{self.source.url}: cannot be reached: {said(fault)}"
            raise Disconnected(text, quality.BAD_NOT_CONNECTED) from None

    async def _introduced(self) -> None:
        answer = self._answers[0] = self._loop.create_future()
        five = self.source.version == "5"
        more: dict[str, Any] = {}
        if five:
            properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.ReceiveMaximum = WINDOW
            properties.MaximumPacketSize = LARGEST
            properties.SessionExpiryInterval = 0 if self.name.visits else REMEMBERED
            more = {"properties": properties, "clean_start": self.name.visits}
        self._client.connect("broker", 1, KEEPALIVE, **more)
        await answer

    async def close(self) -> None:
        """Says that we leave, so that the broker waits for nothing."""
        if self._timer:
            self._timer.cancel()
        if self.lost is None:
            self.lost = Disconnected(f"{self.source.url}: closed", quality.BAD_SHUTDOWN)
            self._client.disconnect()
            self._client.loop_write()
        self._wire.close()
        if self._wire.connected:
            await asyncio.wait([self._over], timeout=FAREWELL)
            self._wire.abort()

    # -- what we say ---------------------------------------------------------------------------------------------------
    async def subscribe(self, topics: Sequence[str], retained: bool = False) -> list[str]:
        """Asks for these at QoS 1; returns those that the broker refuses. `retained`: and for what it has kept, which
        before MQTT 5 comes unasked."""
        five = self.source.version == "5"
        how: Any = SubscribeOptions(1, retainHandling=0 if retained else _RETAINED_NEVER) if five else 1
        refused = []
        for start in range(0, len(topics), TOPICS_AT_ONCE):
            some = topics[start : start + TOPICS_AT_ONCE]
            codes = await self._asked("subscribe", self._client.subscribe([(topic, how) for topic in some]))
            refused += [topic for topic, code in zip(some, codes, strict=False) if code.is_failure]
        return refused

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        for start in range(0, len(topics), TOPICS_AT_ONCE):
            some = list(topics[start : start + TOPICS_AT_ONCE])
            await self._asked("unsubscribe", self._client.unsubscribe(some))

    async def _asked(self, what: str, asked: tuple[Any, int | None]) -> Sequence[ReasonCode]:
        mid = asked[1]
        if self.lost is not None or mid is None:
            raise self.lost or Disconnected(f"{self.source.url}: not connected", quality.BAD_NOT_CONNECTED)
        answer = self._answers[mid] = self._loop.create_future()
        try:
            async with within(self._deadline):
                return await answer  # type: ignore[no-any-return]
        except TimeoutError:
            text = f"{self.source.url}: no answer to {what} within {self._deadline:g} s"
            raise Disconnected(text, quality.BAD_TIMEOUT) from None
        finally:
            self._answers.pop(mid, None)

    def acknowledge(self, mids: Sequence[int]) -> None:
        if mids and self.lost is None:
            self._client.acknowledge(mids)

    # -- what arrives --------------------------------------------------------------------------------------------------
    def _arrived(self) -> None:
        """Everything that is here, as long as there is room for it; then the broker has to wait."""
        if self.lost is not None:
            return
        try:
            self._wire.pause(not self._client.read_all(self._room))
        except PermissionError as fault:
            self.fault = fault
        except Exception as fault:  # paho's decoders raise whatever a packet makes them trip over
            self._end(f"what arrives is no MQTT: {type(fault).__name__} {fault}", quality.BAD_COMMUNICATION)
        self._woken()

    def resume(self) -> None:
        """There is room again."""
        self._loop.call_soon(self._arrived)

    def _message(self, message: PublishPacket) -> None:
        try:
            self._heard(message)
        except Exception as fault:
            self.fault = fault

    def _connected(self, _client: Any, _data: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        answer = self._answers.pop(0, None)
        if answer is None or answer.done():
            return
        if code.is_failure:
            answer.set_exception(refused(self.source.url, code))
        else:
            self.present = flags.session_present
            answer.set_result(None)

    def _answered(self, _client: Any, _data: Any, mid: int, codes: Sequence[ReasonCode], properties: Any) -> None:
        answer = self._answers.get(mid)
        if answer is not None and not answer.done():
            answer.set_result(codes)

    # -- ending --------------------------------------------------------------------------------------------------------
    def _tick(self) -> None:
        """paho asks for a sign of life when it is time for one, and closes when none came."""
        if self.lost is None:
            self._client._keepalive = min(self._client._keepalive, self._patience)  # type: ignore[assignment]  # sooner than was promised
            self._client.loop_misc()
            self._timer = self._loop.call_later(self._patience / 4, self._tick)

    def _disconnected(self, _client: Any, _data: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            self._end(f"the broker ends the connection: {code}", quality.BAD_COMMUNICATION)
        elif code.getName() == "Keep alive timeout":
            self._end(f"no sign of life within {self._patience:g} s", quality.BAD_TIMEOUT)
        elif 0 in self._answers:
            self._end(f"what answers does not speak MQTT {self.source.version or '3.1.1'}", quality.BAD_COMMUNICATION)
        else:
            self._end(f"what arrives is no MQTT: {code}", quality.BAD_COMMUNICATION)

    def _ended(self, fault: Exception | None) -> None:
        if not self._over.done():
            self._over.set_result(None)
        if isinstance(fault, ssl.SSLError):
            self._gone(untrusted(self.source.url, fault))
        elif 0 in self._answers and self.source.url.startswith("mqtts:"):
            self._gone(broken_off(self.source.url, self.source.security))
        else:
            closed = f"the broker stopped, or another client is called {self.name.client_id} too"
            self._end(f"the connection is lost: {fault or closed}", quality.BAD_COMMUNICATION)

    def _end(self, text: str, reason: int) -> None:
        self._gone(Disconnected(f"{self.source.url}: {text}", reason))

    def _gone(self, why: Disconnected) -> None:
        if self.lost is None:
            self.lost = why
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(self.lost)
            self._wire.abort()
            self._woken()
