"""What several commands take, declared once."""

import argparse
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.plant import Plant
    from config.span import Span


def plant(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plant", nargs="?", metavar="PLANT", help="plant file")


def span(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="start", metavar="T", help="date or date-time, in the plant's zone")
    parser.add_argument("--to", dest="end", metavar="T", help="exclusive; cut to now")
    parser.add_argument("--last", metavar="DURATION", help="so long until now, as 30d")
    parser.add_argument("--month", metavar="YYYY-MM", help="a month of production time")


def asked(args: argparse.Namespace, plant: "Plant", now: int) -> "tuple[Span, Span | None]":
    """The span and the baseline of a question. Raises PlantError."""
    from config import span

    found = span.span(plant, now, args.start, args.end, args.last, args.month)
    found = span.bounded(found, "from" if args.last is None else "last", args.start or args.last)
    revenue = getattr(args, "baseline_revenue", None) is not None
    return found, span.baseline(plant, now, args.baseline_from, args.baseline_to, revenue)


def per(parser: argparse.ArgumentParser) -> None:
    known = ("slice", "hour", "shift", "day", "week", "month", "year", "window")
    parser.add_argument("--per", choices=known, default="window", help="a row for each")


def baseline(parser: argparse.ArgumentParser, why: str = "compare with this span") -> None:
    parser.add_argument("--baseline-from", metavar="T", help=why)
    parser.add_argument("--baseline-to", metavar="T", help="exclusive; both ends, or none")


def host(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="default 127.0.0.1; elsewhere needs a token")


def port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=8080, metavar="P", help="default 8080; 0 takes a free one")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 65535 (got {text}); 0 takes a free one")
    return int(text)


def seconds(parser: argparse.ArgumentParser, does: str) -> None:
    parser.add_argument("--seconds", type=above_zero, metavar="S", help=does)


def above_zero(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0 (got {text}); write 60")
    return number


def utf8(word: str) -> str:
    """What is sent, or written into a file; only the name of a file may be anything."""
    if any("\ud800" <= char <= "\udfff" for char in word):
        raise argparse.ArgumentTypeError(f"must be UTF-8 text (got {ascii(word)[:99]}); type it anew")
    return word


def shape(parser: argparse.ArgumentParser, csv: str = "comma-separated rows") -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document")
    form.add_argument("--csv", action="store_true", help=csv)
