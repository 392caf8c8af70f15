"""`gemba agent`: the edge agent in the foreground, as systemd and containers run it."""

import argparse
import logging
import sys
from pathlib import Path

from gemba import arguments


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example: gemba agent plant.yaml"
    arguments.plant(parser)
    parser.add_argument("--gateway", metavar="G", help="collect the sources of this gateway; else those that name none")


def run(args: argparse.Namespace) -> int:
    from config.load import load
    from edge.main import serve
    from gemba.sources import collected_by

    plant = load(Path(args.plant))
    if fault := collected_by(plant, args.gateway):
        print(f"gemba agent: {fault}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for name in ("asyncua", "pymodbus"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return serve(plant, args.gateway)
