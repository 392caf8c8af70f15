"""`gemba assess`: a form of a plant, measured where it can be and declared where it must be."""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from gemba import arguments
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
    arguments.plant(parser)
    arguments.span(parser)
    parser.add_argument(
        "--answers", metavar="ANSWERS", help="answer file (YAML); `gemba templates ID --blank` makes one"
    )
    arguments.baseline(parser, "what before and base are measured over")
    parser.add_argument("--xlsx", metavar="OUT", help="write the filled form, its evidence and register as a workbook")
    arguments.shape(parser, "the lines of the form as CSV")


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
    asked, before = arguments.asked(args, plant, now)
    baseline = (before.start, before.end) if before else None
    reader = open_reader(plant, *reach(plant, (asked.start, asked.end), baseline))
    opened.callback(reader.close)
    ground = Ground(reader, plant, asked.start, asked.end, Archive(plant.data, plant.id), now, baseline)
    return assess(template, declared, ground)


def _heading(made: "Assessment") -> str:
    told = made.about()
    return f"{told['plant']}  {told['from']} – {told['to']}  {told['factors']}"
