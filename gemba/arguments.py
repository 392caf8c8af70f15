"""What several commands take, declared once."""

import argparse


def plant(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plant", nargs="?", metavar="PLANT", help="plant file")


def span(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="start", metavar="T", help="date or date-time, in the plant's zone")
    parser.add_argument("--to", dest="end", metavar="T", help="exclusive; cut to now")
    parser.add_argument("--last", metavar="DURATION", help="so long until now, as 30d")
    parser.add_argument("--month", metavar="YYYY-MM", help="a month of production time")


def per(parser: argparse.ArgumentParser) -> None:
    known = ("slice", "hour", "shift", "day", "week", "month", "year", "window")
    parser.add_argument("--per", choices=known, default="window", help="a row for each")


def baseline(parser: argparse.ArgumentParser, why: str = "compare with this span") -> None:
    parser.add_argument("--baseline-from", metavar="T", help=why)
    parser.add_argument("--baseline-to", metavar="T", help="exclusive")


def host(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="default 127.0.0.1; elsewhere needs a token")


def port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8080, metavar="P", help="default 8080; 0 takes a free one")


def shape(parser: argparse.ArgumentParser, csv: str = "comma-separated rows") -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document")
    form.add_argument("--csv", action="store_true", help=csv)
