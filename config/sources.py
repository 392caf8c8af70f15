"""Sources: one device, server or broker each, with its url, and the security of the connection."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import SplitResult

from config import urls
from config.cursor import Cursor, choice, flag, text
from config.keys import NONE, REQUIRED, Key, Section, raw
from config.plant import Security, Source
from config.secrets import key_file, present, secret
from config.values import duration, name, named, path, within

PROTOCOLS = ("modbus", "opcua", "mqtt")
POLICIES = ("None", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss")
MODES = ("Sign", "SignAndEncrypt")


def _policy(cursor: Cursor) -> str:
    """A policy's name, also without the underscores that the specification gives two of them."""
    plain = {name.replace("_", ""): name for name in POLICIES}
    return plain.get(text(cursor)) or choice(*POLICIES)(cursor)


# -- tables ------------------------------------------------------------------------------------------------------------
SECURITY = Section(
    "sources.<source>.security",
    (
        Key("policy", _policy, " | ".join(POLICIES), NONE, "", "Basic256Sha256"),
        Key("mode", choice(*MODES), " | ".join(MODES), "SignAndEncrypt", "", "Sign"),
        Key("user", text, "text", NONE, "", "gemba"),
        Key("password", secret, "secret", NONE, "", "{env: CELL_PASSWORD}"),
        Key("cert", present, "path", "made in `trust`", "", "gemba.pem"),
        Key("key", key_file, "path", "made in `trust`", "", "gemba.key"),
        Key("ca", present, "path", "the system's", "", "ca.pem"),
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
        Key("timeout", duration, "duration", "1s at modbus, 3s at opcua, 5s at mqtt", "", "500ms"),
        Key("keepalive", duration, "duration", "60s", "", "5min"),
        Key("unit", within(0, 255), "whole number", "1", "Modbus unit", "5"),
        Key("gap", within(0, 125), "whole number", "0", "registers", "4"),
        Key("pause", duration, "duration", "none", "", "20ms"),
        Key("mode", choice("poll", "subscribe"), "poll | subscribe", "poll", "", "subscribe"),
        Key("profile", name, "name", NONE, "", "s7-1200"),
        Key("client_id", text, "text", "gemba-PLANT-SOURCE", "", "gemba-wuxi-01"),
        Key("version", choice("3.1.1", "5"), "3.1.1 | 5", "3.1.1", "", "5"),
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


def sources(cursor: Cursor, data: Path) -> dict[str, Source | None]:
    """Every source of the file; None for one that has faults, which are noted."""
    found: dict[str, Source | None] = {}
    for key, child in cursor.children():
        found[key] = child.parsed(lambda c, key=key: _source(c, named(key), data), None)  # type: ignore[misc]
    _sharing(cursor, [source for source in found.values() if source])
    return found


def _source(cursor: Cursor, key: str, data: Path) -> Source | None:
    values = SOURCE.read(cursor)
    place = values.pop("security", None)
    if not SOURCE.complete(values):
        return None
    SOURCE.only(cursor, values, ONLY, values["protocol"])
    url = cursor.spot("url").parsed(lambda c: urls.url(values["protocol"], c), None)
    default = Security(trust=data / "trust")
    before = len(cursor.faults)
    security = place.parsed(lambda c: _security(c, data), default) if place else default
    if url is None:
        return None
    if not any(fault.where.endswith((".policy", ".insecure")) for fault in cursor.faults[before:]):
        _secured(place or cursor, values["protocol"], url, security, bool(place))
    return Source(id=key, security=security, **values)


# -- security ----------------------------------------------------------------------------------------------------------
def _security(cursor: Cursor, data: Path) -> Security:
    values = SECURITY.read(cursor)
    if ("cert" in values) != ("key" in values):
        cursor.fault("`cert` and `key` go together", "give both, or neither for a pair made on first use")
    if "password" in values and "user" not in values:
        cursor.fault("`password` has no `user`", "add `user:`")
    if "mode" in values and values.get("policy", "None") == "None":
        cursor.spot("mode").fault("`mode` needs a policy", "add `policy: Basic256Sha256`", values["mode"])
    if values.get("policy") == "None":
        values["policy"] = None
    elif values.get("policy"):
        values.setdefault("mode", "SignAndEncrypt")
    return replace(Security(trust=data / "trust"), **values)


def _secured(cursor: Cursor, protocol: str, url: SplitResult, security: Security, given: bool) -> None:
    if protocol == "modbus" and given and replace(security, trust=None, insecure=False) != Security():
        cursor.fault("Modbus knows no security", "take `security` out; keep the device in a network of its own")
    clear = (protocol == "opcua" and security.policy is None) or (protocol == "mqtt" and url.scheme == "mqtt")
    if clear and security.insecure and security.password:
        cursor.warn("the password goes in clear over the network", "use it nowhere else, or take `insecure` out")
    if security.insecure or not clear:
        return
    if protocol == "opcua":
        cursor.fault(
            "OPC UA without a policy sends all in clear",
            "add `security: {policy: Basic256Sha256}`, or say `insecure: true`",
        )
    if protocol == "mqtt":
        cursor.fault(
            "MQTT without TLS sends all in clear", "write mqtts://, or say `security: {insecure: true}`", "mqtt://"
        )


def _sharing(cursor: Cursor, found: Iterable[Source]) -> None:
    """Sources with one url share one connection, so what belongs to the connection must be the same."""
    first: dict[str, tuple[Source, tuple[str, ...]]] = {}
    for source in found:
        where, manner = urls.place(source.url)
        other, usual = first.setdefault(where, (source, manner))
        if manner != usual:
            spot = cursor.spot(source.id, "url")
            spot.fault(
                f"reaches the same device as {other.id}, but in another way", "make the urls the same", source.url
            )
        for field in SHARED:
            if getattr(source, field) != getattr(other, field):
                cursor.spot(source.id, field).fault(
                    f"shares its url with {other.id}, but not its {field}",
                    f"make {field} the same in both",
                    None if field == "security" else str(getattr(source, field) or "nothing"),
                )
