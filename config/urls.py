"""The url of a source: which scheme its protocol has, and which device stands behind it."""

import re
from urllib.parse import SplitResult, parse_qsl, urlsplit

from config.cursor import Cursor, Reject, text

SCHEMES = {"modbus": ("tcp", "rtu", "rtuovertcp"), "opcua": ("opc.tcp",), "mqtt": ("mqtt", "mqtts")}
PORTS = {"tcp": 502, "rtuovertcp": 502, "opc.tcp": 4840, "mqtt": 1883, "mqtts": 8883}
SERIAL = {"baud": r"[1-9][0-9]{2,6}", "parity": "[NEO]", "bits": "[78]", "stop": "[12]"}
USUAL = {"baud": "9600", "parity": "N", "bits": "8", "stop": "1"}
HIDDEN = "not shown"
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
_LOGIN = re.compile(r"//[^/]*@")


def url(protocol: str, cursor: Cursor) -> SplitResult:
    """The parts of a url that fits the protocol. Raises Reject, without ever showing a login."""
    written = text(cursor)
    forms = " or ".join(f"{scheme}://" for scheme in SCHEMES[protocol])
    form = f"write {SCHEMES[protocol][0]}://host:port"
    if _LOGIN.search(written):
        raise Reject("a url holds no user or password", "write them under `security:`", HIDDEN)
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError:
        raise Reject("must be a url", form) from None
    if parts.scheme not in SCHEMES[protocol]:
        raise Reject(f"the url of {protocol} begins with {forms}", form)
    if parts.scheme == "rtu":
        _serial(parts)
        return parts
    host = parts.netloc.removesuffix(f":{port}") if port is not None else parts.netloc
    if not _HOST.fullmatch(host) or port == 0:
        raise Reject("the url names no host", f"write {parts.scheme}://host:{PORTS[parts.scheme]}")
    if parts.query or parts.fragment or (parts.path not in ("", "/") and protocol != "opcua"):
        raise Reject("the url holds more than a host and a port", f"write {parts.scheme}://{parts.netloc}")
    return parts


def _serial(parts: SplitResult) -> None:
    if parts.netloc or len(parts.path) < 2:
        raise Reject("a serial url names its device", "write rtu:///dev/ttyUSB0?baud=9600&parity=N")
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key not in SERIAL or not re.fullmatch(SERIAL[key], value):
            raise Reject(
                "a serial line has baud, parity=N|E|O, bits=7|8, stop=1|2", "write one of these", f"{key}={value}"
            )


def place(written: str) -> tuple[str, tuple[str, ...]]:
    """What stands behind a url, and how it is spoken to: one place can be spoken to in one way only."""
    parts = urlsplit(written)
    if parts.scheme == "rtu":
        said = {**USUAL, **dict(parse_qsl(parts.query))}
        return parts.path, tuple(said[key] for key in USUAL)
    address = f"{(parts.hostname or '').lower()}:{parts.port or PORTS[parts.scheme]}"
    return f"{address}{parts.path.rstrip('/')}", (parts.scheme,)
