"""What answers behind a Modbus address: units, what they say they are, and which registers of theirs can be read.

A device has no list of its registers, and no types: each register that can be read is found as the uint16 that it is.
Coils and discrete inputs are looked for where somebody asks: a device that has any mostly answers for a thousand.
What cannot be read as one block is asked for in tens, then one by one, with a pause between two requests.
"""

from collections.abc import Sequence
from struct import unpack

from config.plant import Plant, Source
from connectors.base import Disconnected
from connectors.clock import SYSTEM
from connectors.found import Findings, Found
from connectors.modbus.endpoint import Endpoint
from connectors.modbus.identity import identify
from connectors.modbus.pdu import Read, Reply
from connectors.modbus.plan import DEADLINE, FUNCTIONS, MOST_BITS, MOST_REGISTERS, Request
from connectors.modbus.poll import ABSENT, TAKE_APART

PAUSE = 100_000_000
"""[ns] between two requests: nobody knows the device yet."""
REGISTERS, BITS = ("holding", "input"), ("coil", "discrete")
TENS = 10
_GATEWAY = (10, 11)


class _Absent(Exception):
    """The gateway says that the unit does not answer."""


async def discover(
    source: Source,
    plant: Plant,
    units: Sequence[int] = (1,),
    registers: Sequence[int] = range(100),
    bits: Sequence[int] = (),
) -> Findings:
    """All that these units have among these registers and bits. Disconnected when not one of them answers."""
    deadline = source.timeout or DEADLINE
    endpoint = Endpoint.at(source.url, SYSTEM)
    await endpoint.enter(deadline)
    try:
        return await _Search(endpoint, deadline, max(source.pause, PAUSE)).units(units, registers, bits)
    finally:
        endpoint.leave()


class _Search:
    def __init__(self, endpoint: Endpoint, deadline: int, pause: int) -> None:
        self._endpoint, self._deadline, self._pause = endpoint, deadline, pause

    async def units(self, units: Sequence[int], registers: Sequence[int], bits: Sequence[int]) -> Findings:
        asked = {**dict.fromkeys(REGISTERS, registers), **(dict.fromkeys(BITS, bits) if bits else {})}
        found: list[Found] = []
        left_out: list[str] = []
        identity: dict[str, str] = {}
        silence: Disconnected | None = None
        answered = 0
        for unit in units:
            try:
                tables = {table: await self._table(unit, table, which) for table, which in asked.items()}
            except _Absent as absent:
                left_out.append(f"unit {unit}: {absent}")
                continue
            except Disconnected as error:
                if error.reason not in ABSENT:
                    raise
                silence = error
                left_out.append(f"unit {unit}: no answer")
                continue
            answered += 1
            said = await identify(self._endpoint, unit, self._deadline, self._pause)
            identity |= {name if len(units) == 1 else f"unit {unit} {name}": text for name, text in said.items()}
            for table, (values, why) in tables.items():
                left_out += [f"unit {unit}, {table}: {words}" for words in why]
                found += [_found(unit, table, address, value) for address, value in values.items()]
        if not answered and silence is not None:
            raise silence
        return Findings(tuple(found), identity, tuple(left_out))

    async def _table(self, unit: int, table: str, which: Sequence[int]) -> tuple[dict[int, int], list[str]]:
        """Values by address, and what cannot be read and why."""
        values: dict[int, int] = {}
        missing: list[int] = []
        most = MOST_BITS if table in BITS else MOST_REGISTERS
        for size in (most, TENS, 1):
            pending = missing if size < most else list(which)
            missing = []
            for at in range(0, len(pending), size):
                block = pending[at : at + size]
                got = await self._read(unit, table, block[0], block[-1] - block[0] + 1)
                if isinstance(got, int) and got not in TAKE_APART:
                    return {}, [f"function {FUNCTIONS[table]} is answered with exception {got}"]
                if isinstance(got, int):
                    missing += block
                else:
                    values |= dict(zip(range(block[0], block[-1] + 1), got, strict=True))
        return dict(sorted(values.items())), [f"{run} cannot be read" for run in _runs(missing)]

    async def _read(self, unit: int, table: str, first: int, count: int) -> tuple[int, ...] | int:
        """The registers or bits, or the exception."""
        single = table in BITS
        request = Read(Request(unit, FUNCTIONS[table], first, count, ()))
        reply, _, _ = await self._endpoint.ask(
            request, (count + 7) // 8 if single else 2 * count, self._deadline, self._pause
        )
        if isinstance(reply, Reply) and single:
            return tuple(reply.body[1 + at // 8] >> at % 8 & 1 for at in range(count))
        if isinstance(reply, Reply):
            return unpack(f">{count}H", reply.body[1:])
        if reply.exception_code in _GATEWAY:
            raise _Absent(f"the gateway answers for it with exception {reply.exception_code}")
        return int(reply.exception_code)


def _found(unit: int, table: str, address: int, value: int) -> Found:
    return Found(f"unit-{unit}", f"{table}-{address}", f"{table}:{address}", shown=str(value), device=unit)


def _runs(addresses: Sequence[int]) -> list[str]:
    """`20-99` for each run of neighbours."""
    runs: list[list[int]] = []
    for address in addresses:
        if runs and address == runs[-1][1] + 1:
            runs[-1][1] = address
        else:
            runs.append([address, address])
    return [str(first) if first == last else f"{first}-{last}" for first, last in runs]
