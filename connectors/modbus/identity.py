"""What a device says it is (43/14): asked once a connection, and kept beside what it measures."""

from collections.abc import Awaitable, Callable

from pymodbus.pdu import ModbusPDU

from connectors.modbus.decode import objects
from connectors.modbus.pdu import Identify, IdentifyReply

MOST_REPLIES = 8


async def identify(unit: int, ask: Callable[[Identify], Awaitable[ModbusPDU]]) -> dict[str, str]:
    """The regular objects, else the basic ones, else nothing: most devices do not know the function."""
    for regular in (True, False):
        found: dict[str, str] = {}
        first: int | None = 0
        for _ in range(MOST_REPLIES):
            reply = await ask(Identify(unit, first or 0, regular))
            if not isinstance(reply, IdentifyReply):
                break
            try:
                texts, first = objects(reply.body)
            except ValueError:
                break
            found |= texts
            if not first:
                break
        if found:
            return found
    return {}
