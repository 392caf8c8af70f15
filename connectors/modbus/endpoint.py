"""One physical line, be it a socket or a serial port: whoever asks, only one request is on its way at a time.

Sources with one URL share the line. After an answer that failed to come, or was not one, what is still on its way must
not be taken for the next answer: transaction ids tell on Modbus TCP; RTU has none, so there the socket is opened anew,
and a unit that was silent is left alone until a late answer would have come.
"""

import asyncio
import errno
import logging
import os
import socket
import sys
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit
from weakref import WeakKeyDictionary

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU, FramerType
from pymodbus.pdu import ModbusPDU
from pymodbus.transaction import TransactionManager

from connectors import quality
from connectors.base import Disconnected, said
from connectors.clock import Clock
from connectors.modbus.pdu import REPLIES, Reply, only_reads

PORT = 502
ROOM = 600  # [bytes] for a late reply beside the one that is waited for
SUSPECT = 3  # so many answers missing in a row, of more than one unit: it may be the connection
# What it would say of a fault is raised as Disconnected, and said once, by whoever owns the reconnection.
if (_log := logging.getLogger("pymodbus")).level == logging.NOTSET:
    _log.setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Line:
    """What a URL names: where the bytes go, and how they are framed."""

    place: str  # host or device
    port: int = PORT
    rtu: bool = False
    baud: int = 0  # 0: not a serial line
    parity: str = "N"
    bits: int = 8
    stop: int = 1

    @property
    def serial(self) -> bool:
        return self.baud > 0

    @property
    def character(self) -> int:
        """[ns] that one takes on a serial line: start, data, parity and stop bits."""
        return 1_000_000_000 * (1 + self.bits + (self.parity != "N") + self.stop) // self.baud if self.serial else 0

    def __str__(self) -> str:
        return self.place if self.serial else f"{self.place}:{self.port}"


def line(url: str) -> Line:
    """`tcp://host:port`, `rtuovertcp://host:port`, `rtu:///dev/ttyUSB0?baud=9600&parity=N&bits=8&stop=1`."""
    parts = urlsplit(url)
    if parts.scheme != "rtu":
        return Line((parts.hostname or "").lower(), parts.port or PORT, parts.scheme == "rtuovertcp")
    said = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    return Line(
        os.path.realpath(parts.path),
        0,
        True,
        int(said.get("baud", 9600)),
        said.get("parity", "N"),
        int(said.get("bits", 8)),
        int(said.get("stop", 1)),
    )


class _Exchanges(TransactionManager):
    """pymodbus's own, but what cannot be understood and a connection that is lost end the exchange at once."""

    def callback_data(self, data: bytes, addr: tuple[Any, ...] | None = None) -> int:
        try:
            late = self._late(data) if isinstance(self.framer, FramerRTU) else 0
            return late + super().callback_data(data[late:], addr)
        except Exception as error:  # whatever is wrong with the bytes, the event loop has no use for it
            self._fail(ModbusException(str(error)))
            return len(data)

    def callback_disconnected(self, exc: Exception | None) -> None:
        super().callback_disconnected(exc)
        self._fail(ConnectionResetError("the other end closed the connection"))

    def _late(self, data: bytes) -> int:
        """Bytes of sound frames of other units before something else: pymodbus would drop that with them."""
        late = 0
        while len(frame := data[late:]) > FramerRTU.MIN_SIZE and frame[0] != self.request_dev_id:
            kind = self.framer.decoder.lookupPduClass(frame)
            size = kind.calculateRtuFrameSize(frame) if kind else 0
            crc = int.from_bytes(frame[size - 2 : size], "big")
            if not FramerRTU.MIN_SIZE <= size < len(frame) or not FramerRTU.check_CRC(frame[: size - 2], crc):
                break
            late += size
        return late

    def _fail(self, error: Exception) -> None:
        if not self.response_future.done():
            self.response_future.set_exception(error)
            self.response_future.exception()  # there may be nobody who waits


class Endpoint:
    """Entered and left by each source that uses it. The last one closes it; what may still be late is remembered."""

    def __init__(self, to: Line, clock: Clock) -> None:
        self.line = to
        self._users = 0
        self._clock = clock
        self._lock = asyncio.Lock()
        self._exchanges: _Exchanges | None = None
        self._failed = (0, "")  # when opening failed, and why
        self._rested = 0  # when the last exchange ended
        self._late: dict[int, int] = {}  # RTU: until when a late answer of a unit may still come
        self._suspect = False
        self._missing: list[int] = []  # units that did not answer, since anybody did

    @classmethod
    def at(cls, url: str, clock: Clock) -> Self:
        """The one that all sources with this URL share in this event loop; to be entered at once."""
        to = line(url)
        return _endpoints().setdefault(to, cls(to, clock))  # type: ignore[return-value]

    # -- the connection ------------------------------------------------------------------------------------------------
    async def enter(self, deadline: int) -> None:
        """Connected, or Disconnected. All who wait for one attempt share its failure."""
        self._users += 1
        began = self._clock.monotonic_ns()
        try:
            async with self._lock:
                if not self._connected:
                    if self._failed[0] > began:
                        raise Disconnected(self._failed[1], quality.BAD_NOT_CONNECTED)
                    await self._open(deadline)
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        self._users -= 1
        if not self._users:
            self._close()
            if not self._late:
                _endpoints().pop(self.line, None)

    @property
    def _connected(self) -> bool:
        return self._exchanges is not None and self._exchanges.is_active()

    def _close(self) -> None:
        if self._exchanges is not None:
            self._exchanges.close()
        self._exchanges = None

    async def _open(self, deadline: int) -> None:
        self._close()
        exchanges, why = _client(self.line, deadline)
        try:
            connected = await exchanges.connect()
        except ValueError as error:  # a host or a setting that cannot be
            connected, why = False, [error]
        if not connected:
            text = f"{self.line}: {_reason(why[0]) if why else f'no connection within {deadline / 1e9:g} s'}"
            self._failed = (self._clock.monotonic_ns(), text)
            raise Disconnected(text, quality.BAD_NOT_CONNECTED)
        if not self.line.serial:
            _watch(exchanges.transport.get_extra_info("socket"), deadline)
        self._exchanges, self._suspect, self._missing = exchanges, False, []

    # -- one exchange --------------------------------------------------------------------------------------------------
    async def ask(self, request: ModbusPDU, size: int, deadline: int, pause: int = 0) -> tuple[ModbusPDU, int, int]:
        """The reply (maybe an exception), checked, and the monotonic times at which it was asked for and came.

        A reply that brings registers or bits holds `size` bytes. Raises Disconnected, with BadTimeout where
        the unit was silent; the others on the line need not care.
        """
        if self._late:
            await self._clock.sleep_until(self._late.get(request.dev_id, 0))
        async with self._lock:
            if self._late or self._suspect or pause or self.line.serial:
                await self._settle(request.dev_id, deadline, pause)
            exchanges = self._exchanges
            if exchanges is None or exchanges.transport is None:  # pymodbus would connect by itself
                raise Disconnected(f"{self.line}: connection lost", quality.BAD_NOT_CONNECTED)
            within = deadline + self.line.character * (16 + size)
            exchanges.comm_params.timeout_connect = within / 1e9
            task = asyncio.current_task()
            cancelled = task.cancelling() if task else 0
            sent = self._clock.monotonic_ns()
            try:
                reply = await exchanges.execute(False, request)
                if task and task.cancelling() > cancelled:  # wait_for of Python 3.11 forgets it when a reply came too
                    raise asyncio.CancelledError
                _check(request, reply, size)
            except (ModbusException, ConnectionError, RuntimeError) as error:
                raise self._lost(exchanges, request.dev_id, within, error) from None
            except asyncio.CancelledError:
                self._unsettled(request.dev_id, within)
                raise
            finally:
                self._rested = self._clock.monotonic_ns()
            self._missing.clear()
            return reply, sent, self._rested

    async def _settle(self, unit: int, deadline: int, pause: int) -> None:
        """Until nothing that was sent before can be taken for the next answer."""
        if unit in self._late:
            await self._clock.sleep_until(self._late.pop(unit))
            for _ in range(2):  # reads, as nobody's, what came while this machine stood still
                await asyncio.sleep(0)
        if self._suspect:
            await self._open(deadline)
        if pause or self.line.serial:  # a serial line is silent for 3.5 characters between two frames
            await self._clock.sleep_until(self._rested + max(pause, 7 * self.line.character // 2))

    def distrust(self) -> None:
        """The next exchange takes a new socket, as after an answer that was none."""
        self._suspect = not self.line.serial

    def _lost(self, exchanges: _Exchanges, unit: int, within: int, error: Exception) -> Disconnected:
        """What an exchange without a proper answer means, for the next one and for the source that asked."""
        if not isinstance(error, ModbusException):
            return Disconnected(f"{self.line}: {error}", quality.BAD_NOT_CONNECTED)
        self._unsettled(unit, within)
        if not exchanges.response_future.cancelled() or exchanges.recv_buffer:
            self.distrust()
            return Disconnected(f"{self.line}: no proper answer of unit {unit}: {error}", quality.BAD_COMMUNICATION)
        self._missing.append(unit)
        if len(self._missing) >= SUSPECT and len(set(self._missing)) > 1:
            self.distrust()
        return Disconnected(f"{self.line}: no answer of unit {unit} within {within / 1e9:g} s", quality.BAD_TIMEOUT)

    def _unsettled(self, unit: int, within: int) -> None:
        if self.line.rtu:
            self._late[unit] = self._clock.monotonic_ns() + within
            self.distrust()


def _check(request: ModbusPDU, reply: ModbusPDU, size: int) -> None:
    """pymodbus lets pass a transaction id of 0, and knows nothing of what was asked."""
    if reply.dev_id != request.dev_id or reply.transaction_id != request.transaction_id:
        raise ModbusException(f"unit {reply.dev_id}, transaction {reply.transaction_id} is not what was asked")
    if reply.function_code & 0x7F != request.function_code:
        raise ModbusException(f"function {reply.function_code} is not what was asked")
    if isinstance(reply, Reply) and (len(reply.body) != size + 1 or reply.body[0] != size):
        raise ModbusException(f"{len(reply.body) - 1} bytes instead of {size}")


# -- opening -----------------------------------------------------------------------------------------------------------
def _client(to: Line, deadline: int) -> tuple[_Exchanges, list[Exception]]:
    """Not connected yet; the list will hold why it could not be."""
    client: AsyncModbusTcpClient | AsyncModbusSerialClient
    own = {"timeout": deadline / 1e9, "retries": 0, "reconnect_delay": 0.0}
    if to.serial:
        wire = {"baudrate": to.baud, "parity": to.parity, "bytesize": to.bits, "stopbits": to.stop}
        client = AsyncModbusSerialClient(to.place, **wire, **own)  # type: ignore[arg-type]
    else:
        framer = FramerType.RTU if to.rtu else FramerType.SOCKET
        client = AsyncModbusTcpClient(to.place, port=to.port, framer=framer, **own)  # type: ignore[arg-type]
    for kind in REPLIES:
        client.register(kind)
    exchanges = _Exchanges(client.comm_params, client.ctx.framer, 0, False, None, only_reads, None)
    exchanges.max_until_disconnect = sys.maxsize  # whether to go on after silence is for the endpoint to say
    exchanges.max_buffer_size = ROOM
    why: list[Exception] = []
    create = exchanges.call_create

    async def noting() -> Any:
        try:
            return await create()
        except OSError as error:
            why.append(error)
            raise

    exchanges.call_create = noting
    return exchanges, why


def _reason(fault: Exception) -> str:
    """Why it could not be opened: of a locked serial line the system says "temporarily unavailable", and no more."""
    if getattr(fault, "errno", None) == errno.EAGAIN:
        return "another program has this line open; stop that one first (an agent?)"
    return said(fault)


def _watch(connection: socket.socket, deadline: int) -> None:
    """A cable that was pulled: the kernel gives up soon after we do, and asks when nothing is on its way."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("IDLE", 30), ("INTVL", 10), ("CNT", 3)):
        if hasattr(socket, f"TCP_KEEP{name}"):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_KEEP{name}"), value)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1000, 3 * deadline // 1_000_000))


_ENDPOINTS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Line, Endpoint]] = WeakKeyDictionary()


def _endpoints() -> dict[Line, Endpoint]:
    return _ENDPOINTS.setdefault(asyncio.get_running_loop(), {})
