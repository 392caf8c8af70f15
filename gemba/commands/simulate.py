"""`gemba simulate`: devices on loopback for every source of a plant file, until they are told to stop."""

import argparse
import asyncio
import json
import logging
import signal
import sys
from fractions import Fraction
from pathlib import Path

EXAMPLE = "example: gemba simulate plant.yaml --out sim/ --seconds 60 && gemba read sim/plant.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    parser.add_argument("plant", nargs="?", metavar="PLANT", help="plant file")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for plant.yaml with the new addresses")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed gives the same plant")
    parser.add_argument("--pace", type=Fraction, default=Fraction(1), metavar="X", help="divides cycle times")
    parser.add_argument("--seconds", type=float, metavar="S", help="stop by itself")
    parser.add_argument("--faults", metavar="FILE", help="what goes wrong, and when")
    parser.add_argument("--json", action="store_true", help="the path as one JSON document")


def run(args: argparse.Namespace) -> int:
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    from config.load import load
    from simulators.faults import load as load_faults
    from simulators.run import Simulation

    plant = load(Path(args.plant))
    faults = load_faults(Path(args.faults), plant.sources) if args.faults else ()
    if args.pace <= 0:
        print(f"gemba simulate: --pace must be above 0 (got {args.pace}); 10 is ten times as fast", file=sys.stderr)
        return 2
    logging.getLogger("asyncua").setLevel(logging.ERROR)  # that a server without a policy is one, on every start
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Simulation(plant, Path(args.out), args.seed, args.pace, faults) as simulation:
        path = simulation.write_plant()
        print(json.dumps({"plant": str(path)}) if args.json else path, flush=True)
        try:
            async with asyncio.timeout(args.seconds):
                await stop.wait()
        except TimeoutError:
            pass
        writes = simulation.writes
    for write in writes:
        print(f"gemba simulate: written to: {write}; nothing may write to equipment", file=sys.stderr)
    return 1 if writes else 0
