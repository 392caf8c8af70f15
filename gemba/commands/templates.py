"""`gemba templates`: the official forms, one form with its positions, or an answer file to fill."""

import argparse
import json
import sys

from gemba import arguments

EXAMPLE = """examples:
  gemba templates
  gemba templates sme-2024
  gemba templates sme-2024 --blank --lang zh > answers.yaml"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    parser.add_argument("template", nargs="?", metavar="ID", help="a form; all of them are listed without it")
    parser.add_argument("--blank", action="store_true", help="a commented answer file of this form, to fill")
    arguments.shape(parser, "the list, or the form's positions, as CSV")


def run(args: argparse.Namespace) -> int:
    from config.template_file import TEMPLATES, load
    from gemba.outline import lines, text
    from kpi.forms.blank import blank
    from kpi.forms.outline import outline, summary

    if args.blank and (args.json or args.csv):
        print("gemba templates: an answer file is YAML; leave --json and --csv out with --blank", file=sys.stderr)
        return 2
    if args.template is None:
        if args.blank:
            print("gemba templates: --blank of which form? give its ID; `gemba templates` lists them", file=sys.stderr)
            return 2
        return _list([summary(load(name)) for name in TEMPLATES], args)
    template = load(args.template)
    if args.blank:
        sys.stdout.write(blank(template, args.lang))
    elif args.json:
        print(json.dumps(outline(template, args.lang), ensure_ascii=False, indent=1))
    elif args.csv:
        sys.stdout.write(lines(template, args.lang))
    else:
        print(text(template, args.lang))
    return 0


def _list(rows: list[dict[str, object]], args: argparse.Namespace) -> int:
    if args.json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return 0
    from gemba.table import table, write_csv

    columns = ("id", "version", "title" if args.lang == "zh" else "title_en", "document", "section")
    cells = [[str(row[name]) for name in columns] for row in rows]
    if args.csv:
        write_csv([columns, *cells])
        return 0
    heads = (
        ("模板", "版本", "名称", "文件", "节")
        if args.lang == "zh"
        else ("id", "version", "form", "document", "section")
    )
    print(table(heads, cells))
    return 0
