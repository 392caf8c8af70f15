"""`gemba kpi`: KPIs and rates of a span, by asset or group, per period, against a baseline."""

import argparse
import sys
from pathlib import Path
from typing import Any

from gemba import arguments
from gemba.extras import lacking

SECOND = 10**9
EXAMPLE = """examples:
  gemba kpi plant.yaml
  gemba kpi plant.yaml --month 2026-10 --by line --per day
  gemba kpi plant.yaml --last 30d --baseline-from 2026-06-01 --baseline-to 2026-07-01 --json"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    arguments.plant(parser)
    arguments.span(parser)
    parser.add_argument("--by", choices=("asset", "line", "workshop", "plant"), default="asset", help="rows are of")
    arguments.per(parser)
    parser.add_argument("--profile", choices=("iso22400", "tpm"), default="iso22400", help="where short stops count")
    arguments.baseline(parser)
    arguments.shape(parser, "one line for each KPI of each row")


def run(args: argparse.Namespace) -> int:
    from time import time_ns

    from config.load import load

    try:
        from kpi.report import Question, report
    except ImportError as error:
        return lacking("kpi", error, "kpi")
    from kpi.facts.archive import Archive
    from kpi.plants import Group
    from store.choice import open_reader

    plant, now = load(Path(args.plant)), time_ns() // SECOND * SECOND
    asked, before = arguments.asked(args, plant, now)
    baseline = (before.start, before.end) if before else None
    question = Question(asked.start, asked.end, args.by, args.per, args.profile, baseline)
    reader = open_reader(plant, *question.reach(plant))
    progress = Progress(args.lang)
    try:
        document = report(reader, plant, question, Archive(plant.data, plant.id), now, progress, Group.of(plant))
    finally:
        progress.end()
        reader.close()
    if args.json:
        import orjson

        sys.stdout.buffer.write(orjson.dumps(document) + b"\n")
    elif args.csv:
        from gemba.table import write_csv
        from kpi.listing import sheet

        write_csv(sheet(document))
    else:
        print(_text(document, args.lang))
    return 0


class Progress:
    """A line on the terminal that is written over; nothing where stderr is none."""

    def __init__(self, lang: str) -> None:
        self.word = "统计" if lang == "zh" else "forming facts"
        self.terminal, self.shown = sys.stderr.isatty(), False

    def __call__(self, done: int, of: int) -> None:
        if self.terminal and of > 1:
            self.shown = True
            print(f"\r{self.word} {done}/{of}\x1b[K", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _text(document: dict[str, Any], lang: str) -> str:
    from gemba.table import table
    from kpi.listing import rates
    from kpi.listing import table as rows

    zh = lang == "zh"
    heading = f"{document['plant']}  {document['from']} – {document['to']}  {document['profile']}"
    if document["calendar"] == "always":
        heading += "  " + ("全天候日历（未配置班次）" if zh else "calendar: always (no shifts configured)")
    parts = [heading, "", table(*rows(document, lang)), "", table(*rates(document, lang))]
    if group := document.get("group"):
        parts += ["", " + ".join(one["plant"] for one in group["plants"]), table(*rates(group, lang))]
        parts += [f"{one['plant']}: {one['trouble']}" for one in group["plants"] if one["trouble"]]
    return "\n".join(parts)
