"""Quality is an OPC UA StatusCode for every protocol: the reason survives into the evidence (OPC 10000-4, 7.39).

The codes named here are those that Gemba gives itself; a code that an OPC UA server sent keeps its own number, and
its name is looked up in the protocol library when somebody reads it.
"""

import numpy as np
from numpy.typing import NDArray

GOOD = 0x00000000
UNCERTAIN = 0x40000000
UNCERTAIN_LAST_USABLE = 0x40900000
BAD = 0x80000000
BAD_UNEXPECTED = 0x80010000  # BadUnexpectedError
BAD_COMMUNICATION = 0x80050000  # BadCommunicationError
BAD_DECODING = 0x80070000  # BadDecodingError
BAD_TIMEOUT = 0x800A0000
BAD_SHUTDOWN = 0x800C0000  # the agent was not running
BAD_SECURITY = 0x80130000  # BadSecurityChecksFailed
BAD_CERTIFICATE_UNTRUSTED = 0x801A0000
BAD_USER_ACCESS_DENIED = 0x801F0000
BAD_NODE_UNKNOWN = 0x80340000  # BadNodeIdUnknown
BAD_NOT_READABLE = 0x803A0000
BAD_OUT_OF_RANGE = 0x803C0000  # the value does not fit, or is declared invalid
BAD_NOT_CONNECTED = 0x808A0000
BAD_DEVICE_FAILURE = 0x808B0000
BAD_SENSOR_FAILURE = 0x808C0000
BAD_OUT_OF_SERVICE = 0x808D0000
BAD_NO_COMMUNICATION = 0x80310000
BAD_WAITING_FOR_INITIAL_DATA = 0x80320000
BAD_NO_DATA = 0x809B0000  # the message did not bring it
BAD_DATA_LOST = 0x809D0000  # shed or refused, and accounted for
BAD_TYPE_MISMATCH = 0x80740000
BAD_CONFIGURATION = 0x80890000  # BadConfigurationError

_NAMES = {
    GOOD: "Good",
    UNCERTAIN: "Uncertain",
    UNCERTAIN_LAST_USABLE: "UncertainLastUsableValue",
    BAD: "Bad",
    BAD_UNEXPECTED: "BadUnexpectedError",
    BAD_COMMUNICATION: "BadCommunicationError",
    BAD_DECODING: "BadDecodingError",
    BAD_TIMEOUT: "BadTimeout",
    BAD_SHUTDOWN: "BadShutdown",
    BAD_SECURITY: "BadSecurityChecksFailed",
    BAD_CERTIFICATE_UNTRUSTED: "BadCertificateUntrusted",
    BAD_USER_ACCESS_DENIED: "BadUserAccessDenied",
    BAD_NODE_UNKNOWN: "BadNodeIdUnknown",
    BAD_NOT_READABLE: "BadNotReadable",
    BAD_OUT_OF_RANGE: "BadOutOfRange",
    BAD_NOT_CONNECTED: "BadNotConnected",
    BAD_DEVICE_FAILURE: "BadDeviceFailure",
    BAD_SENSOR_FAILURE: "BadSensorFailure",
    BAD_OUT_OF_SERVICE: "BadOutOfService",
    BAD_NO_COMMUNICATION: "BadNoCommunication",
    BAD_WAITING_FOR_INITIAL_DATA: "BadWaitingForInitialData",
    BAD_NO_DATA: "BadNoData",
    BAD_DATA_LOST: "BadDataLost",
    BAD_TYPE_MISMATCH: "BadTypeMismatch",
    BAD_CONFIGURATION: "BadConfigurationError",
}


def good(quality: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which qualities are Good: severity 00, whatever the info bits say."""
    return quality < np.uint32(UNCERTAIN)


def name(code: int) -> str:
    """The StatusCode's name without its info bits; of a severity alone where the code is nobody's."""
    base = code & 0xFFFF0000
    if base not in _NAMES:
        from asyncua.ua.status_codes import code_to_name_doc

        severity = ("Good", "Uncertain", "Bad", "Bad")[code >> 30]
        found = code_to_name_doc.get(base)
        _NAMES[base] = found[0] if found else f"{severity}_0x{code:08X}"
    return _NAMES[base]


def code(text: str) -> int:
    """The code of a StatusCode's name, or of a number in decimal or 0x hexadecimal. Raises ValueError."""
    if text[:1].isdigit():
        number = int(text, 0)
        if number >= 2**32:
            raise ValueError("must be a StatusCode of 32 bits")
        return number
    for known, called in _NAMES.items():
        if called.lower() == text.lower():
            return known
    from asyncua.ua.status_codes import StatusCodes

    found = getattr(StatusCodes, text, None)
    if not isinstance(found, int):
        raise ValueError("is no StatusCode's name or number")
    return found
