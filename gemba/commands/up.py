"""`gemba up`: agent and serve in one process, on the embedded store."""

import argparse
import logging
import os
import sys
from pathlib import Path

from gemba import arguments
from gemba.extras import lacking

EXAMPLE = "example: gemba up plant.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    arguments.plant(parser)
    parser.add_argument("--gateway", metavar="G", help="collect the sources of this gateway; else those that name none")
    arguments.host(parser)
    arguments.port(parser)


def run(args: argparse.Namespace) -> int:
    from config.load import load
    from edge.main import serve
    from gemba.sources import collected_by

    try:
        from gemba.web import Web, refused
    except ImportError as error:
        return lacking("up", error, "serve")
    plant = load(Path(args.plant))
    if fault := collected_by(plant, args.gateway) or refused(plant, args.host):
        print(f"gemba up: {fault}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for name in ("asyncua", "pymodbus"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    web = Web(plant.file, args.host, args.port)
    web.start()
    print(web.address, file=sys.stderr, flush=True)
    try:
        code = serve(plant, args.gateway, web.end)
    finally:
        ended = web.stop()
    if not ended:
        logging.getLogger("gemba.web").error("the server takes too long, is a disk hanging? It is not waited for")
        os._exit(code)  # left to itself the interpreter waits for its threads
    return code
