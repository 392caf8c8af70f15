"""`gemba import`: history from a CSV into the journal, all rows or none, beside a running agent."""

import argparse
import json
import sys
import time as clocks
from pathlib import Path

from gemba import arguments
from gemba.extras import lacking

EXAMPLE = "example: gemba import plant.yaml history.csv --hold 15min"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    arguments.plant(parser)
    parser.add_argument("file", metavar="FILE.csv", help="time,asset,point,value[,quality]")
    parser.add_argument("--scaled", action="store_true", help="values are final, not as on the wire")
    parser.add_argument("--hold", metavar="DURATION", help="how long a row stands, as 15min; default by the plant file")
    parser.add_argument("--replace", action="store_true", help="strike what is stored where the file has another value")
    parser.add_argument("--gateway", metavar="G", help="into the journal of this gateway")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace) -> int:
    from config import span
    from config.load import load
    from config.zone import shown
    from gemba.sources import held_by

    try:
        from store.transfer.intake import take_in
    except ImportError as error:
        return lacking("import", error, "kpi")
    plant = load(Path(args.plant))
    if fault := held_by(plant, args.gateway):
        print(f"gemba import: {fault}", file=sys.stderr)
        return 2
    hold = 0 if args.hold is None else span.length("--hold", args.hold)
    told = Progress(args.lang == "zh")
    done = take_in(plant, Path(args.file), hold, args.scaled, args.replace, args.gateway, clocks.time_ns(), told)
    told.end()
    if done.ahead:
        print(f"{'警告' if args.lang == 'zh' else 'warning'}: {done.ahead}", file=sys.stderr)
    first, last = (None if time is None else shown(time, plant.timezone) for time in (done.first, done.last))
    if args.json:
        counts = {"rows": done.rows, "new": done.new, "same": done.same, "replaced": done.replaced}
        print(json.dumps({**counts, "from": first, "to": last}))
    elif args.lang == "zh":
        print(
            f"{done.rows} 行：新增 {done.new}，已有 {done.same}，替换 {done.replaced}；{first or '—'} 至 {last or '—'}"
        )
    else:
        print(
            f"{done.rows} rows: {done.new} new, {done.same} the same, {done.replaced} replaced; "
            f"{first or '—'} to {last or '—'}"
        )
    return 0


class Progress:
    """A line on the terminal that is written over; nothing where stderr is none."""

    def __init__(self, chinese: bool) -> None:
        self.chinese, self.shown, self.terminal = chinese, 0.0, sys.stderr.isatty()

    def read(self, done: int, size: int) -> None:
        self._say(f"读取 {done * 100 // max(size, 1)}%" if self.chinese else f"reading {done * 100 // max(size, 1)} %")

    def compared(self, done: int, rows: int) -> None:
        self._say(f"核对 {done}/{rows}" if self.chinese else f"comparing {done}/{rows}")

    def waiting(self, owner: str) -> None:
        print(
            f"等待另一个导入（进程 {owner}）" if self.chinese else f"waiting for another import (process {owner})",
            file=sys.stderr,
        )

    def _say(self, text: str) -> None:
        now = clocks.monotonic()
        if self.terminal and now - self.shown > 0.1:
            self.shown = now
            print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.terminal and self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
