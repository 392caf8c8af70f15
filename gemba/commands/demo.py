"""`gemba demo`: a simulated plant with weeks behind it, an agent, its numbers on a page, and the truth beside them."""

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path

from gemba import arguments
from gemba.extras import lacking

EXAMPLE = """examples:
  gemba demo
  gemba demo --days 3 --seconds 60 --port 0 --report out/"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    parser.add_argument("--days", type=_days, default=35, metavar="N", help="of history; default 35")
    parser.add_argument("--speed", type=_speed, default=Fraction(1), metavar="X", help="divides cycles, not the clock")
    arguments.seconds(parser, "stop by itself, and compare with the truth")
    arguments.port(parser)
    parser.add_argument("--report", type=Path, metavar="DIR", help="write the filled forms there")
    parser.add_argument("--json", action="store_true", help="measured and true values as one JSON document")


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 400:
        raise argparse.ArgumentTypeError(f"must be a number of days from 1 to 400 (got {text}); leave it out for 35")
    return int(text)


def _speed(text: str) -> Fraction:
    try:
        speed = Fraction(text)
    except (ValueError, ZeroDivisionError):
        speed = Fraction(0)
    if not 0 < speed <= 100:
        raise argparse.ArgumentTypeError(f"must be above 0, up to 100 (got {text}); 10 makes ten times the pieces")
    return speed


def run(args: argparse.Namespace) -> int:
    try:
        from gemba.demo.play import play
    except ImportError as error:
        return lacking("demo", error, "demo")
    with tempfile.TemporaryDirectory(prefix="gemba-demo-") as folder:
        return play(Path(folder), args)
