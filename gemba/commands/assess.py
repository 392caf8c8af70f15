"""`gemba assess`: a form of a plant, measured where it can be and declared where it must be."""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from gemba.extras import lacking

if TYPE_CHECKING:
    from kpi.forms.assess import Assessment

EXAMPLE = """examples:
  gemba assess sme-2024 plant.yaml --last 30d
  gemba assess sme-2024 plant.yaml --month 2026-10 --answers answers.yaml --xlsx form.xlsx
  gemba assess factory-kpi-2025 plant.yaml --last 30d --baseline-from 2026-06-01 --baseline-to 2026-07-01 --json"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    parser.add_argument("template", metavar="TEMPLATE", help="a form, by its id; `gemba templates` lists them")
    parser.add_argument("plant", nargs="?", metavar="PLANT", help="plant file")
    parser.add_argument("--from", dest="start", metavar="T", help="date or date-time, in the plant's zone")
    parser.add_argument("--to", dest="end", metavar="T", help="exclusive; cut to now")
    parser.add_argument("--last", metavar="DURATION", help="so long until now, as 30d")
    parser.add_argument("--month", metavar="YYYY-MM", help="a month of production time")
    parser.add_argument(
        "--answers", metavar="ANSWERS", help="answer file (YAML); `gemba templates ID --blank` makes one"
    )
    parser.add_argument("--baseline-from", metavar="T", help="what before and base are measured over")
    parser.add_argument("--baseline-to", metavar="T", help="exclusive")
    parser.add_argument("--xlsx", metavar="OUT", help="write the filled form, its evidence and register as a workbook")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document")
    form.add_argument("--csv", action="store_true", help="the lines of the form as CSV")


def run(args: argparse.Namespace) -> int:
    with ExitStack() as opened:
        try:
            made = _assessed(args, opened)
            if args.xlsx:
                from kpi.forms.workbook import workbook

                Path(args.xlsx).write_bytes(workbook(made, args.lang))
        except ImportError as error:
            return lacking("assess", error, "forms")
        except OSError as error:
            print(f"gemba assess: {args.xlsx}: cannot be written: {error.strerror}; name another file", file=sys.stderr)
            return 1
        _print(args, made)
    return 0


def _print(args: argparse.Namespace, made: "Assessment") -> None:
    if args.json:
        import orjson

        sys.stdout.buffer.write(orjson.dumps(made.document(args.lang)) + b"\n")
        return
    from gemba.sheet import lines, text

    if args.csv:
        sys.stdout.write(lines(made.form, args.lang))
    else:
        print(f"{_heading(made)}\n{text(made.form, args.lang)}")


def _assessed(args: argparse.Namespace, opened: ExitStack) -> "Assessment":
    """Its store stays open: what is not asked for is not read."""
    from time import time_ns

    from config import span
    from config.load import load
    from config.template_file import load as load_template
    from kpi.binding.ground import Ground, reach
    from kpi.facts.archive import Archive
    from kpi.forms.answers import read_answers
    from kpi.forms.assess import assess, declared_of
    from store.choice import open_reader

    template = load_template(args.template)
    declared = read_answers(template, Path(args.answers)) if args.answers else declared_of(template, None)
    plant, now = load(Path(args.plant)), time_ns()
    asked = span.span(plant, now, args.start, args.end, args.last, args.month)
    baseline = None
    if args.baseline_from or args.baseline_to:
        told = span.span(plant, now, args.baseline_from, args.baseline_to)
        baseline = told.start, told.end
    reader = open_reader(plant, *reach(plant, (asked.start, asked.end), baseline))
    opened.callback(reader.close)
    ground = Ground(reader, plant, asked.start, asked.end, Archive(plant.data, plant.id), now, baseline)
    return assess(template, declared, ground)


def _heading(made: "Assessment") -> str:
    told = made.about()
    return f"{told['plant']}  {told['from']} – {told['to']}  {told['factors']}"
