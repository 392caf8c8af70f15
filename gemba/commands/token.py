"""`gemba token`: makes, lists and revokes the tokens of the KPI API."""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gemba import arguments

if TYPE_CHECKING:
    from kpi.api.tokens import Tokens

HEADS = {
    "zh": ("编号", "权限", "创建", "到期", "最近使用"),
    "en": ("id", "scopes", "created", "expires", "last used"),
}
KEYS = ("id", "scopes", "created", "expires", "used")
NS = 1_000_000_000
LONGEST = 36_500 * 86_400  # seconds; years later no clock could show
UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example: gemba token create plant.yaml --scope read:kpi,assess --expires 90d > token.txt"
    parser.add_argument("action", choices=("create", "list", "revoke"), help="what to do")
    arguments.plant(parser)
    parser.add_argument("id", nargs="?", metavar="ID", help="revoke: which one")
    parser.add_argument("--scope", metavar="S[,S]", help="create: read:kpi, read:series, assess, admin")
    parser.add_argument("--expires", metavar="D", help="create: such as 90d; without it, never")
    arguments.shape(parser, "list: comma-separated rows")


def run(args: argparse.Namespace) -> int:
    from time import time_ns

    from config.load import load
    from kpi.api.tokens import Tokens

    alone = args.action == "revoke" and args.id is None
    if alone and (plant_file := os.environ.get("GEMBA_PLANT")):  # then the one word is the ID
        args.plant, args.id = plant_file, args.plant
    if args.id is not None and args.action != "revoke":
        return _wrong(f"only revoke takes an ID (got {args.id}); leave it out")
    plant = load(Path(args.plant))
    tokens = Tokens(plant.data)
    if args.action == "create":
        return _create(tokens, args, time_ns())
    if args.action == "revoke":
        return _revoke(tokens, args)
    _list(tokens, args)
    return 0


def _wrong(what: str) -> int:
    print(f"gemba token: {what}", file=sys.stderr)
    return 2


def _create(tokens: "Tokens", args: argparse.Namespace, now: int) -> int:
    from kpi.api.tokens import SCOPES

    scopes = [scope for scope in (args.scope or "").split(",") if scope]
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if not scopes or unknown:
        got = f" (got {', '.join(unknown)})" if unknown else ""
        return _wrong(f"which scopes?{got}; give --scope with some of {','.join(SCOPES)}")
    lasts = 0
    if args.expires:
        number = args.expires.rstrip("abcdefghijklmnopqrstuvwxyz")
        unit = args.expires[len(number) :]
        if not number.isdigit() or unit not in UNITS or int(number) == 0:
            return _wrong(f"--expires must be a duration (got {args.expires}); write 90d or 12h")
        if (seconds := int(number) * UNITS[unit]) > LONGEST:
            return _wrong(f"--expires is longer than a hundred years (got {args.expires}); leave it out for never")
        lasts = seconds * NS
    text = tokens.create(scopes, now, lasts)
    if args.json:
        print(
            json.dumps(
                {
                    "token": text,
                    "id": text.split("_")[1],
                    "scopes": scopes,
                    "expires": _shown(now + lasts if lasts else 0),
                }
            )
        )
    else:
        print(text)
        words = ("只显示这一次，请妥善保存", "shown this once only; keep it where nobody else can read it")
        print(words[args.lang != "zh"], file=sys.stderr)
    return 0


def _revoke(tokens: "Tokens", args: argparse.Namespace) -> int:
    if args.id is None:
        return _wrong("which one? gemba token list shows the ids")
    if not tokens.revoke(args.id):
        return _wrong(f"no such token (got {args.id}); gemba token list shows the ids")
    if args.json:
        print(json.dumps({"revoked": args.id}))
    return 0


def _list(tokens: "Tokens", args: argparse.Namespace) -> None:
    rows = [(t.id, list(t.scopes), _shown(t.created), _shown(t.expires), _shown(t.used)) for t in tokens.all()]
    if args.json:
        print(json.dumps([dict(zip(KEYS, row, strict=True)) for row in rows]))
        return
    from gemba.table import table, write_csv

    if args.csv:
        write_csv([KEYS, *((a, ",".join(b), c, d, e) for a, b, c, d, e in rows)])
        return
    shown = [(a, ",".join(b), c or "—", d or "—", e or "—") for a, b, c, d, e in rows]
    none = "还没有令牌：只在本机提供服务" if args.lang == "zh" else "no token yet: loopback only is served"
    print(table(HEADS[args.lang], shown) if shown else none)


def _shown(time: int) -> str | None:
    return datetime.fromtimestamp(time // NS, UTC).isoformat() if time else None
