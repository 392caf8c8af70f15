"""`gemba simulate`: devices on loopback for every source of a plant file, until they are told to stop."""

import argparse
import asyncio
import json
import logging
import re
import signal
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from gemba import arguments

if TYPE_CHECKING:
    from simulators.run import Simulation

EXAMPLE = "example: gemba simulate plant.yaml --out sim/ --seconds 60 && gemba read sim/plant.yaml"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    arguments.plant(parser)
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for plant.yaml with the new addresses")
    parser.add_argument("--seed", type=_seed, default=1, metavar="N", help="the same seed gives the same plant")
    parser.add_argument("--pace", type=_pace, default=Fraction(1), metavar="X", help="divides cycle times")
    arguments.seconds(parser, "stop by itself")
    parser.add_argument("--faults", metavar="FILE", help="what goes wrong, and when")
    parser.add_argument("--json", action="store_true", help="the path as one JSON document")


def _seed(text: str) -> int:
    if not re.fullmatch("-?[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(f"must be a whole number of up to 18 digits (got {text[:99]}); write 1")
    return int(text)


def _pace(text: str) -> Fraction:
    try:
        pace = Fraction(text)
    except (ValueError, ZeroDivisionError):
        pace = Fraction(0)
    if not Fraction(1, 1000) <= pace <= 1000:
        raise argparse.ArgumentTypeError(f"must be from 0.001 to 1000 (got {text[:99]}); 10 is ten times as fast")
    return pace


def run(args: argparse.Namespace) -> int:
    from config.load import load
    from simulators.faults import load as load_faults
    from simulators.run import Simulation

    plant, out = load(Path(args.plant)), Path(args.out)
    faults = load_faults(Path(args.faults), plant.sources) if args.faults else ()
    wrong = ""
    if (out / "plant.yaml").resolve() == plant.file.resolve():
        wrong = f"the plant file itself would be written over (got {out}); name a folder of its own"
    elif out.exists() and not out.is_dir():
        wrong = f"--out is no folder (got {out}); name a new one"
    if wrong:
        print(f"gemba simulate: {wrong}", file=sys.stderr)
        return 2
    logging.getLogger("asyncua").setLevel(logging.ERROR)  # that a server without a policy is one, on every start
    return asyncio.run(_simulate(Simulation(plant, out, args.seed, args.pace, faults), args))


async def _simulate(simulation: "Simulation", args: argparse.Namespace) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with simulation:
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
