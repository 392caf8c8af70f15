"""`gemba export`: rows out of the store, as a CSV that imports again to the same series, or as Parquet."""

import argparse
import sys
import time as clocks
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from gemba import arguments
from gemba.extras import lacking

if TYPE_CHECKING:
    from config.plant import Plant

EXAMPLE = """examples:
  gemba export plant.yaml --from 2026-11-01 --to 2026-11-02 --format csv > day.csv
  gemba export plant.yaml --from 2026-11-01 --to 2026-12-01 --points 'press-*.state,main.reading' \\
      --format parquet --out november.parquet"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    arguments.plant(parser)
    parser.add_argument(
        "--from", dest="start", metavar="T", required=True, help="date or date-time, in the plant's zone"
    )
    parser.add_argument("--to", dest="end", metavar="T", required=True, help="exclusive; cut to now")
    parser.add_argument("--points", metavar="P[,P]", default="*", help="asset.point, * and ? allowed; default all")
    parser.add_argument("--format", choices=("csv", "parquet"), default="csv", help="default csv")
    parser.add_argument("--out", metavar="FILE", help="default standard output, for csv alone")
    parser.add_argument("--gateway", metavar="G", help="from the journal of this gateway")
    parser.add_argument("--json", action="store_true", help="what was written, as JSON on stdout; needs --out")


def run(args: argparse.Namespace) -> int:
    from config import span
    from config.load import load
    from gemba.sources import collected_by
    from store.choice import open_reader
    from store.journal import History, place
    from store.transfer.outgoing import rows, whole, write_csv, write_csv_file, write_parquet

    plant = load(Path(args.plant))
    if args.out is None and (args.format == "parquet" or args.json):
        print("gemba export: where to? --format parquet and --json need --out FILE", file=sys.stderr)
        return 2
    if args.gateway is not None and (fault := collected_by(plant, args.gateway)):
        print(f"gemba export: {fault}", file=sys.stderr)
        return 2
    keys = _keys(plant, args.points)
    if not keys:
        print(f"gemba export: no such point (got {args.points}); write asset.point, as press-01.total", file=sys.stderr)
        return 2
    asked = span.span(plant, clocks.time_ns(), args.start, args.end)
    own = None if args.gateway is None else History(place(plant, args.gateway))
    told, reader = Progress(args.lang == "zh"), own or open_reader(plant, asked.start, asked.end)
    try:
        windows = rows(reader, keys, asked.start, asked.end, told)
        if args.out is None:
            count = write_csv(sys.stdout, keys, windows)
            sys.stdout.flush()  # before it is told that so many rows were written
        else:
            with whole(Path(args.out)) as out:
                count = (write_parquet if args.format == "parquet" else write_csv_file)(out, keys, windows)
    except ImportError as error:
        return lacking("export", error, "kpi")
    except OSError as error:
        if args.out is None:
            raise
        print(f"gemba export: {args.out}: cannot be written: {error.strerror}; name another file", file=sys.stderr)
        return 1
    finally:
        told.end()
        reader.close()
    _tell(args, plant, asked.start, asked.end, count)
    return 0


def _tell(args: argparse.Namespace, plant: "Plant", start: int, end: int, count: int) -> None:
    from config.zone import shown

    first, last = shown(start, plant.timezone), shown(end, plant.timezone)
    if args.json:
        import json

        print(json.dumps({"rows": count, "from": first, "to": last, "file": args.out}))
    else:
        words = f"{count} 行，{first} 至 {last}" if args.lang == "zh" else f"{count} rows, {first} to {last}"
        print(words, file=sys.stderr)


def _keys(plant: "Plant", patterns: str) -> list[tuple[str, str]]:
    """The points that a pattern names, in the order of the plant file."""
    wanted = [pattern for pattern in patterns.split(",") if pattern]
    keys = [point.key for point in plant.points()]
    return [key for key in keys if any(fnmatchcase(f"{key[0]}.{key[1]}", pattern) for pattern in wanted)]


class Progress:
    """A line on the terminal that is written over; nothing where stderr is none."""

    def __init__(self, chinese: bool) -> None:
        self.chinese, self.shown, self.rows, self.terminal = chinese, 0.0, 0, sys.stderr.isatty()

    def __call__(self, done: int, whole: int, rows: int) -> None:
        self.rows += rows
        now = clocks.monotonic()
        if self.terminal and now - self.shown > 0.1:
            self.shown = now
            share = done * 100 // max(whole, 1)
            text = f"导出 {share}%，{self.rows} 行" if self.chinese else f"exporting {share} %, {self.rows} rows"
            print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.terminal and self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
