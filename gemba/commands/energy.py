"""`gemba energy`: energy of a span by carrier, as standard coal and CO2, per period, against a baseline."""

import argparse
import sys
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any

from gemba import arguments
from gemba.extras import lacking

EXAMPLE = """examples:
  gemba energy plant.yaml --month 2026-10
  gemba energy plant.yaml --from 2026-01-01 --to 2027-01-01 --revenue 5200 --per month
  gemba energy plant.yaml --last 30d --factors gbt-2589-2020 --json"""


def configure(parser: argparse.ArgumentParser) -> None:
    from config.factors import profiles

    parser.epilog = EXAMPLE
    arguments.plant(parser)
    arguments.span(parser)
    arguments.per(parser)
    parser.add_argument("--by", choices=("plant",), help="also a row of each plant in `stores`, and one of all")
    parser.add_argument("--factors", choices=profiles(), help="in place of the plant file's profile")
    parser.add_argument("--revenue", type=revenue, metavar="万元", help="of the span: gives kgce per 100 yuan")
    arguments.baseline(parser)
    parser.add_argument("--baseline-revenue", type=revenue, metavar="万元", help="of the baseline")
    arguments.shape(parser, "one line for each period and carrier or asset")


def revenue(text: str) -> Fraction:
    """An exact amount [万元]."""
    try:
        value = Fraction(Decimal(text))
    except (InvalidOperation, ValueError, OverflowError):
        value = Fraction(0)
    if not 0 < value < 10**12:
        raise argparse.ArgumentTypeError(f"must be an amount in 万元, above zero (got {text}); write it as 5200")
    return value


def run(args: argparse.Namespace) -> int:
    try:
        document = answer(args)
    except ImportError as error:
        return lacking("energy", error, "kpi")
    if args.json:
        import orjson

        sys.stdout.buffer.write(orjson.dumps(document) + b"\n")
    elif args.csv:
        from gemba.table import write_csv
        from kpi.energy_listing import of_plants, sheet

        rows = of_plants(document) if args.by else sheet(document)
        write_csv(rows)
    else:
        print(text(document, args.lang))
    return 0


def answer(args: argparse.Namespace) -> dict[str, Any]:
    from dataclasses import replace
    from time import time_ns

    from config.load import load
    from kpi import energy_plants, plants
    from kpi.energy_report import report, under
    from kpi.facts.archive import Archive
    from kpi.facts.facts import facts
    from store.choice import open_reader

    plant, now = load(Path(args.plant)), time_ns()
    if args.factors:
        plant = replace(plant, factors=under(plant.factors, args.factors))
    asked, before = arguments.asked(args, plant, now)
    windows = [asked, before] if before else [asked]
    reader = open_reader(plant, min(one.start for one in windows), max(one.end for one in windows))
    archive = Archive(plant.data, plant.id)
    group = plants.Group.of(plant) if args.by else None
    others = group.ask(asked.start, asked.end, now) if group else list
    try:
        whole = facts(reader, plant, asked.start, asked.end, archive, now)
        baseline = facts(reader, plant, before.start, before.end, archive, now) if before else None
    finally:
        reader.close()
    found = report(whole, args.per, args.revenue, baseline, args.baseline_revenue)
    return found | energy_plants.document([*plants.of(whole), *others()], args.factors) if args.by else found


def text(told: dict[str, Any], lang: str) -> str:
    """As tables, the sums after the carriers."""
    from gemba.table import table
    from kpi import energy_listing as listing

    parts = [f"{told['plant']}  {told['from']} – {told['to']}  {told['factors']}"]
    if told["carriers"]:
        parts.append(table(*listing.carriers(told, lang)))
    parts.append("\n".join(listing.total(told, lang)))
    if "change" in told:
        against = f"{('against', '对比')[lang == 'zh']} {told['baseline']['from']} – {told['baseline']['to']}"
        parts.append("\n".join([against, *listing.change(told, lang)]))
    if "plants" in told:
        parts.append(table(*listing.plants(told, lang)))
        parts += [f"{one['plant']}: {one['trouble']}" for one in told["group"]["plants"] if one["trouble"]]
    if told["per"] != "window":
        parts.append(table(*listing.periods(told, lang)))
    if any(told["by_state"].values()):
        parts.append(table(*listing.states(told, lang)))
    if told["assets"]:
        parts.append(table(*listing.assets(told, lang)))
    return "\n\n".join(parts)
