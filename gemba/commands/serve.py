"""`gemba serve`: the KPI API and the dashboard."""

import argparse
import logging
import sys
from pathlib import Path

from gemba import arguments
from gemba.extras import lacking

EXAMPLE = "example: gemba serve plant.yaml --port 8080"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    arguments.plant(parser)
    arguments.host(parser)
    arguments.port(parser)


def run(args: argparse.Namespace) -> int:
    from config.load import load

    try:
        from gemba.web import refused, serve
    except ImportError as error:
        return lacking("serve", error, "serve")
    if fault := refused(load(Path(args.plant)), args.host):
        print(f"gemba serve: {fault}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    serve(Path(args.plant), args.host, args.port)
    return 0
