"""`gemba serve`: the KPI API and the dashboard."""

import argparse
import logging
import sys
from pathlib import Path

EXAMPLE = "example: gemba serve plant.yaml --port 8080"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    parser.add_argument("plant", nargs="?", metavar="PLANT", help="plant file")
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="default 127.0.0.1; elsewhere needs a token")
    parser.add_argument("--port", type=int, default=8080, metavar="P", help="default 8080; 0 takes a free one")


def run(args: argparse.Namespace) -> int:
    from config.load import load
    from kpi.api.guard import loopback
    from kpi.api.tokens import Tokens

    try:
        from gemba.web import serve
    except ImportError as error:
        print(f"gemba serve: needs {error.name}; install it with: pip install 'gemba[serve]'", file=sys.stderr)
        return 1
    plant = load(Path(args.plant))
    if not loopback(args.host) and args.host != "localhost" and not Tokens(plant.data).all():
        what = f"without a token it serves loopback only (got {args.host})"
        print(f"gemba serve: {what}; make one first: gemba token create {args.plant} --scope read:kpi", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    serve(Path(args.plant), args.host, args.port)
    return 0
