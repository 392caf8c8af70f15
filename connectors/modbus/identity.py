"""What a device says it is (43/14): asked once a connection, and kept beside what it measures.

Many devices do not know the function, and some take it ill: libmodbus refuses it properly, but leaves its last bytes in
the stream and misreads the next request. So only a proper identification leaves the connection in use, and who gave
none is not asked again.
"""

from collections.abc import Awaitable, Callable

from pymodbus.pdu import ModbusPDU

from connectors.base import Disconnected
from connectors.modbus.decode import objects
from connectors.modbus.endpoint import Endpoint
from connectors.modbus.pdu import Identify, IdentifyReply

MOST_REPLIES = 8
_UNKNOWN = 1  # the exception for a function that the device does not know
_WITHOUT: set[tuple[str, int]] = set()
"""Units that gave none since the program started, by line."""


async def identify(endpoint: Endpoint, unit: int, deadline: int, pause: int = 0) -> dict[str, str]:
    """The regular objects, else the basic ones, else nothing. Never raises: the next exchange tells who is gone."""
    place = (str(endpoint.line), unit)
    if place in _WITHOUT:
        return {}

    async def ask(request: Identify) -> ModbusPDU:
        return (await endpoint.ask(request, 0, deadline, pause))[0]

    found: dict[str, str] = {}
    try:
        for regular in (True, False):
            found, code = await _objects(unit, regular, ask)
            if found or code == _UNKNOWN:
                break
    except Disconnected:
        pass
    if not found:
        _WITHOUT.add(place)
        endpoint.distrust()
    return found


async def _objects(
    unit: int, regular: bool, ask: Callable[[Identify], Awaitable[ModbusPDU]]
) -> tuple[dict[str, str], int]:
    """The objects of all replies that belong together, and the exception that ended them."""
    found: dict[str, str] = {}
    first: int | None = 0
    for _ in range(MOST_REPLIES):
        reply = await ask(Identify(unit, first or 0, regular))
        if not isinstance(reply, IdentifyReply):
            return found, reply.exception_code
        try:
            texts, first = objects(reply.body)
        except ValueError:
            break
        found |= texts
        if not first:
            break
    return found, 0
