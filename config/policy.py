"""Policy and stores: what is kept and for how long, where values are sent, and the rules of the rates."""

import re
from urllib.parse import urlsplit

from config.cursor import Cursor, Reject, choice, flag, text
from config.keys import NONE, REQUIRED, Key, Section, exactly
from config.plant import InfluxDB, Keep, Networked, Rules
from config.secrets import secret
from config.urls import HIDDEN
from config.values import duration, share, size, within

KEEP = Section(
    "keep",
    (
        Key("days", within(1, 36500), "whole number", "800", "d", "400"),
        Key("bytes", size, "size", "20GB", "", "500MB"),
        Key("free", share, "share", "10%", "of the disk", "5%"),
        Key("delivered", duration, "duration", "72h", "", "24h"),
        Key("when_full", choice("shed", "stop"), "shed | stop", "shed", "", "stop"),
    ),
)
NETWORKED = Section(
    "rules.networked",
    (
        Key("days", share, "share", "0.9", "of the scheduled days", "0.9"),
        Key("samples", share, "share", "0.8", "of the polls expected", "0.8"),
        Key("window", duration, "duration", "30d", "", "30d"),
        Key("min_days", within(1, 366), "whole number", "5", "d", "5"),
    ),
)
RULES = Section(
    "rules",
    (
        Key("networked", NETWORKED.read, "mapping", "as its keys", "", "{days: 0.9, samples: 0.8}"),
        Key("coverage", share, "share", "0.9", "", "0.9"),
        Key("key_process", choice("all", "any"), "all | any", "all", "", "any"),
        Key("all_good", flag, "true | false", "false", "", "true"),
    ),
)


def keep(cursor: Cursor) -> Keep:
    return Keep(**KEEP.read(cursor))


def rules(cursor: Cursor) -> Rules:
    values = RULES.read(cursor)
    return Rules(**{**values, "networked": Networked(**values.get("networked", {}))})


PLANT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


# -- stores ------------------------------------------------------------------------------------------------------------
def _http(cursor: Cursor) -> str:
    written = text(cursor)
    if any(sign in written for sign in "@?#"):
        raise Reject(
            "the url of a store holds no login and no query", "write `user`, `password` or `token` beside it", HIDDEN
        )
    try:
        url = urlsplit(written)
        right = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        right = False
    if not right:
        raise Reject("must be a url of http or https", "write http://host:8086")
    return written.rstrip("/")


INFLUXDB = Section(
    "store.influxdb",
    (
        Key("url", _http, "url", REQUIRED, "", "http://127.0.0.1:8086"),
        Key("org", text, "text", NONE, "", "gemba"),
        Key("bucket", text, "text", "none; for 2.x and 3.x", "", "gemba"),
        Key("token", secret, "secret", "none; for 2.x and 3.x", "", "{env: INFLUX_TOKEN}"),
        Key("database", text, "text", "none; for 1.x", "", "gemba"),
        Key("user", text, "text", "none; for 1.x", "", "gemba"),
        Key("password", secret, "secret", "none; for 1.x", "", "{file: influx.pw}"),
    ),
)


def _influxdb(cursor: Cursor) -> InfluxDB:
    values = exactly(INFLUXDB)(cursor)
    new = [key for key in ("org", "bucket", "token") if key in values]
    old = [key for key in ("database", "user", "password") if key in values]
    if new and old:
        cursor.fault("keys of 1.x and of 2.x stand together", "keep org, bucket, token or database, user, password")
    elif "database" not in values and not ("bucket" in values and "token" in values):
        cursor.fault("does not say where to write", "add org, bucket and token for 2.x and 3.x, or database for 1.x")
    if ("user" in values) != ("password" in values):
        cursor.fault("`user` and `password` go together", "give both or neither")
    return InfluxDB(**values)


STORE = Section(
    "store", (Key("influxdb", _influxdb, "mapping", REQUIRED, "", '{url: "http://127.0.0.1:8086", database: gemba}'),)
)


def store(cursor: Cursor) -> InfluxDB:
    made: InfluxDB = exactly(STORE)(cursor)["influxdb"]
    return made


def stores(cursor: Cursor) -> dict[str, InfluxDB]:
    for key, child in cursor.children():
        if not PLANT_ID.fullmatch(key):
            child.fault("must be the id of a plant", "write it as in that plant's own file", key)
    found = {key: child.parsed(store, None) for key, child in cursor.children()}
    return {key: made for key, made in found.items() if made}
