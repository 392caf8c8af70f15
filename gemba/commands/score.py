"""`gemba score`: what a declared answer file comes to, alone; no plant is needed and none is read."""

import argparse
import json
import sys
from pathlib import Path

from gemba import arguments

EXAMPLE = """examples:
  gemba templates sme-2024 --blank > answers.yaml
  gemba score sme-2024 answers.yaml"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    parser.add_argument("template", metavar="TEMPLATE", help="a form, by its id; `gemba templates` lists them")
    parser.add_argument("answers", metavar="ANSWERS", help="answer file (YAML); `gemba templates ID --blank` makes one")
    arguments.shape(parser, "the lines of the form as CSV")


def run(args: argparse.Namespace) -> int:
    from config.template_file import load
    from gemba.sheet import lines, text
    from kpi.forms.answers import read_answers
    from kpi.forms.measured import NOTHING
    from kpi.forms.score import score

    template = load(args.template)
    form = score(template, NOTHING, read_answers(template, Path(args.answers)))
    if args.json:
        print(json.dumps(form.document(args.lang), ensure_ascii=False, indent=1))
    elif args.csv:
        sys.stdout.write(lines(form, args.lang))
    else:
        print(text(form, args.lang))
    return 0
