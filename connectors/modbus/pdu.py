"""What Gemba says on a Modbus line, and how it keeps what is answered: only reads leave, and replies stay bytes.

pymodbus frames, sends and matches these; its own decoding, a Python call for each register, is never used.
"""

import struct

from pymodbus.constants import DeviceInformation
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest, ReadDeviceInformationResponse

from connectors.modbus.plan import Request

IDENTIFY = 43  # with 14: read device identification
READS = (1, 2, 3, 4)


def only_reads(sending: bool, pdu: ModbusPDU) -> ModbusPDU:
    """The trace hook of every client: whatever could change a device is refused before a byte leaves."""
    if sending and pdu.function_code not in READS and not _identifies(pdu):
        raise PermissionError(f"Modbus function {pdu.function_code} is not a read, and is never sent")
    return pdu


def _identifies(pdu: ModbusPDU) -> bool:
    return pdu.function_code == IDENTIFY and pdu.encode()[:1] == b"\x0e"


class Read(ModbusPDU):
    """A request of the plan, encoded once."""

    def __init__(self, request: Request) -> None:
        super().__init__(dev_id=request.unit)
        self.function_code = request.function
        self._encoded = struct.pack(">HH", request.address, request.count)

    def encode(self) -> bytes:
        return self._encoded

    def __str__(self) -> str:
        return "read"


class Identify(ReadDeviceInformationRequest):
    """Asks for all regular objects of the identification, or where `regular` is False the three that all must have."""

    def __init__(self, unit: int, first: int = 0, regular: bool = True) -> None:
        super().__init__(DeviceInformation.REGULAR if regular else DeviceInformation.BASIC, first, unit)

    def __str__(self) -> str:
        return "identify"


class Reply(ModbusPDU):
    """The byte count of a reply and its bytes, as they came."""

    rtu_byte_count_pos = 2
    body = b""

    def decode(self, data: bytes) -> None:
        self.body = data

    def __str__(self) -> str:
        return "reply"  # pymodbus formats every reply, logged or not


class IdentifyReply(ReadDeviceInformationResponse):
    """As it came; only its length on a serial line is found by pymodbus."""

    sub_function_code = -1
    body = b""

    @classmethod
    def decode_sub_function_code(cls, data: bytes) -> int:
        return -1

    def decode(self, data: bytes) -> None:
        self.body = data

    def __str__(self) -> str:
        return "identification"


REPLIES: tuple[type[ModbusPDU], ...] = (
    *(type(f"Reply{function}", (Reply,), {"function_code": function}) for function in READS),
    IdentifyReply,
)
