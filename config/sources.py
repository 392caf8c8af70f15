"""Sources: one device, server or broker each, with the address and the security of its protocol."""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from config.cursor import Cursor, Reject, choice, flag, text
from config.keys import NONE, REQUIRED, Key, Section, raw
from config.plant import Secret, Security, Source
from config.values import duration, name, named, path, within

PROTOCOLS = ("modbus", "opcua", "mqtt")
SCHEMES = {"modbus": ("tcp", "rtu", "rtuovertcp"), "opcua": ("opc.tcp",), "mqtt": ("mqtt", "mqtts")}
PORTS = {"tcp": 502, "rtuovertcp": 502, "opc.tcp": 4840, "mqtt": 1883, "mqtts": 8883}
SERIAL = {"baud": r"[1-9][0-9]{2,6}", "parity": "[NEO]", "bits": "[78]", "stop": "[12]"}
POLICIES = ("None", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss")
MODES = ("Sign", "SignAndEncrypt")
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


# -- secrets -----------------------------------------------------------------------------------------------------------
def secret(cursor: Cursor) -> Secret:
    """`{env: NAME}` or `{file: path}`; the secret itself never stands in the file, and is never shown."""
    if not isinstance(cursor.node.value, dict) or len(cursor.node.value) != 1:
        raise Reject("a secret stands outside the file", "write {env: NAME} or {file: path}", "not shown")
    found = Secret(cursor.take("env", _variable), cursor.take("file", path))
    cursor.close(("env", "file"))
    if found.env and not os.environ.get(found.env):
        cursor.warn("the environment variable is not set here", "set it where the agent runs", found.env)
    if found.file:
        private(cursor, found.file)
    return found


def _variable(cursor: Cursor) -> str:
    if not _VARIABLE.fullmatch(text(cursor)):
        raise Reject("must be the name of an environment variable", "write {env: NAME}", "not shown")
    return text(cursor)


def private(cursor: Cursor, file: Path) -> None:
    """A secret file that everybody may read is a fault; one that is not there may be so elsewhere."""
    try:
        mode = file.stat().st_mode
    except (OSError, ValueError):
        cursor.warn("the file is not here", "put it where the agent runs", str(file))
        return
    if os.name == "posix" and stat.S_IMODE(mode) & stat.S_IROTH:
        cursor.fault("everybody may read this secret", f"chmod 600 {file}", f"mode {stat.S_IMODE(mode):03o}")


def _present(cursor: Cursor) -> Path:
    file = path(cursor)
    try:
        there = file.exists()
    except (OSError, ValueError):
        there = False
    if not there:
        cursor.warn("the file is not here", "put it where the agent runs", str(file))
    return file


def _key_file(cursor: Cursor) -> Path:
    file = path(cursor)
    private(cursor, file)
    return file


# -- tables ------------------------------------------------------------------------------------------------------------
SECURITY = Section(
    "sources.<source>.security",
    (
        Key("policy", choice(*POLICIES), " | ".join(POLICIES), NONE, "", "Basic256Sha256"),
        Key("mode", choice(*MODES), " | ".join(MODES), "SignAndEncrypt", "", "Sign"),
        Key("user", text, "text", NONE, "", "gemba"),
        Key("password", secret, "secret", NONE, "", "{env: CELL_PASSWORD}"),
        Key("cert", _present, "path", "made in `trust`", "", "gemba.pem"),
        Key("key", _key_file, "path", "made in `trust`", "", "gemba.key"),
        Key("ca", _present, "path", "the system's", "", "ca.pem"),
        Key("trust", path, "path", "`trust` in the data folder", "", "trust"),
        Key("insecure", flag, "true | false", "false", "", "true"),
    ),
)

SOURCE = Section(
    "sources.<source>",
    (
        Key("protocol", choice(*PROTOCOLS), " | ".join(PROTOCOLS), REQUIRED, "", "modbus"),
        Key("url", text, "url", REQUIRED, "", "tcp://192.168.10.11:502"),
        Key("every", duration, "duration", "1s", "", "10s"),
        Key("timeout", duration, "duration", "the connector's", "", "500ms"),
        Key("keepalive", duration, "duration", "60s", "", "5min"),
        Key("unit", within(0, 255), "whole number", "1", "Modbus unit", "5"),
        Key("gap", within(0, 125), "whole number", "0", "registers", "4"),
        Key("pause", duration, "duration", "none", "", "20ms"),
        Key("mode", choice("poll", "subscribe"), "poll | subscribe", "the connector's", "", "subscribe"),
        Key("profile", name, "name", NONE, "", "s7-1200"),
        Key("client_id", text, "text", "the connector's", "", "gemba-wuxi-01"),
        Key("version", choice("3.1.1", "5"), "3.1.1 | 5", "the connector's", "", "5"),
        Key("gateway", name, "name", NONE, "", "g1"),
        Key("security", raw, "mapping", NONE, "", "{insecure: true}"),
    ),
)
ONLY = {
    **dict.fromkeys(("unit", "gap", "pause"), "modbus"),
    **dict.fromkeys(("mode", "profile"), "opcua"),
    **dict.fromkeys(("client_id", "version"), "mqtt"),
}
SHARED = ("protocol", "security", "gateway", "profile", "client_id", "version", "pause")


def sources(cursor: Cursor, data: Path) -> dict[str, Source]:
    found = {}
    for key, child in cursor.children():
        source = child.parsed(lambda c, key=key: _source(c, named(key), data), None)  # type: ignore[misc]
        if source:
            found[key] = source
    _sharing(cursor, found)
    return found


def _source(cursor: Cursor, key: str, data: Path) -> Source | None:
    values = SOURCE.read(cursor)
    place = values.pop("security", None)
    if not SOURCE.complete(values):
        return None
    SOURCE.only(cursor, values, ONLY, values["protocol"])
    url = cursor.spot("url").parsed(lambda c: _url(values["protocol"], c), None)
    default = Security(trust=data / "trust")
    security = place.parsed(lambda c: _security(c, data), default) if place else default
    if url is None:
        return None
    _secured(place or cursor, values["protocol"], url, security, bool(place))
    return Source(id=key, security=security, **values)


# -- addresses ---------------------------------------------------------------------------------------------------------
def _url(protocol: str, cursor: Cursor) -> SplitResult:
    written = text(cursor)
    schemes = SCHEMES[protocol]
    forms = " or ".join(f"{scheme}://" for scheme in schemes)
    try:
        url = urlsplit(written)
        port = url.port
    except ValueError:
        raise Reject("must be a url", f"write {forms}host:port") from None
    if url.scheme not in schemes:
        raise Reject(f"the url of {protocol} begins with {forms}", "write that")
    if url.username is not None or url.password is not None:
        raise Reject("a url holds no user or password", "write them under `security:`", "not shown")
    if url.scheme == "rtu":
        _serial(url)
    elif not _HOST.fullmatch(url.netloc.removesuffix(f":{port}") if port is not None else url.netloc) or port == 0:
        raise Reject("the url names no host", f"write {url.scheme}://host:{PORTS[url.scheme]}")
    elif url.query or url.fragment or (url.path not in ("", "/") and protocol != "opcua"):
        raise Reject("the url holds more than host and port", f"write {url.scheme}://host:{port or PORTS[url.scheme]}")
    return url


def _serial(url: SplitResult) -> None:
    if url.netloc or len(url.path) < 2:
        raise Reject("a serial url names its device", "write rtu:///dev/ttyUSB0?baud=9600&parity=N")
    for key, value in parse_qsl(url.query, keep_blank_values=True):
        if key not in SERIAL or not re.fullmatch(SERIAL[key], value):
            raise Reject("a serial line has baud, parity=N|E|O, bits=7|8, stop=1|2", "write that", f"{key}={value}")


# -- security ----------------------------------------------------------------------------------------------------------
def _security(cursor: Cursor, data: Path) -> Security:
    values = SECURITY.read(cursor)
    if ("cert" in values) != ("key" in values):
        cursor.fault("`cert` and `key` go together", "give both, or neither for a pair made on first use")
    if values.get("policy") == "None":
        values["policy"] = None
    elif values.get("policy"):
        values.setdefault("mode", "SignAndEncrypt")
    return replace(Security(trust=data / "trust"), **values)


def _secured(cursor: Cursor, protocol: str, url: SplitResult, security: Security, given: bool) -> None:
    if protocol == "modbus" and given and replace(security, trust=None, insecure=False) != Security():
        cursor.fault("Modbus knows no security", "take `security` out; keep the device in a network of its own")
    if security.insecure or protocol == "modbus":
        return
    if protocol == "opcua" and security.policy is None:
        cursor.fault(
            "OPC UA without a policy sends all in clear",
            "add `security: {policy: Basic256Sha256}`, or say `insecure: true`",
        )
    if protocol == "mqtt" and url.scheme == "mqtt":
        cursor.fault(
            "MQTT without TLS sends all in clear", "write mqtts://, or say `security: {insecure: true}`", "mqtt://"
        )


def _sharing(cursor: Cursor, found: Mapping[str, Source]) -> None:
    """Sources with one url share one connection, so what belongs to the connection must be the same."""
    first: dict[str, Source] = {}
    for source in found.values():
        other = first.setdefault(source.url, source)
        for field in SHARED:
            if getattr(source, field) != getattr(other, field):
                place = cursor.spot(source.id, field)
                place.fault(
                    f"shares its url with {other.id}, but not its {field}",
                    f"make {field} the same in both",
                    None if field == "security" else _plain(getattr(source, field)),
                )


def _plain(value: Any) -> str:
    return "nothing" if value is None or value == 0 else str(value)
