"""`gemba read`: one poll of every point: value, quality, time, round trip."""

import argparse
import asyncio
import json
import logging
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gemba import arguments

if TYPE_CHECKING:
    from config.plant import Point, Source
    from config.value import Reading
    from gemba.reading import Row

HEADS = {
    "zh": ("设备", "数据点", "值", "单位", "质量", "时间", "往返 ms"),
    "en": ("asset", "point", "value", "unit", "quality", "time", "round trip ms"),
}
COLUMNS = ("asset", "point", "source", "value", "unit", "quality", "time", "round_trip_ms")
NS = 1_000_000_000
MOST = 20


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example: gemba read plant.yaml --source press-plc"
    arguments.plant(parser)
    parser.add_argument("--source", metavar="S", help="only points of this source")
    parser.add_argument("--asset", metavar="A", help="only points of this asset or meter")
    arguments.shape(parser)


def run(args: argparse.Namespace) -> int:
    from time import time_ns

    from config.load import load
    from gemba.reading import read_all

    plant = load(Path(args.plant))
    if args.source is not None and args.source not in plant.sources:
        print(f"gemba read: no such source (got {args.source}); known: {', '.join(plant.sources)}", file=sys.stderr)
        return 2
    if args.asset is not None and args.asset not in {*plant.assets, *plant.meters}:
        known = ", ".join([*plant.assets, *plant.meters])
        print(f"gemba read: no such asset or meter (got {args.asset}); known: {known}", file=sys.stderr)
        return 2
    wanted: list[tuple[Source, list[Point]]] = []
    for source in plant.sources.values():
        points = [p for p in plant.points() if p.source == source.id and args.asset in (None, p.asset)]
        if points and args.source in (None, source.id):
            wanted.append((source, points))
    if args.source is not None and args.asset is not None and not wanted:
        print(f"gemba read: {args.asset} has no point at {args.source}; leave one of the two out", file=sys.stderr)
        return 2
    for name in ("asyncua", "pymodbus"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    answers = asyncio.run(read_all(plant, wanted))
    now = datetime.fromtimestamp(time_ns() / NS, plant.timezone)
    if args.json:
        rows = [row.document() for answer in answers for row in answer.rows]
        print(json.dumps({"time": now.isoformat(timespec="milliseconds"), "rows": rows}, ensure_ascii=False))
    elif args.csv:
        _write([row for answer in answers for row in answer.rows], plant.timezone)
    else:
        _show([row for answer in answers for row in answer.rows], args.lang, plant.timezone)
    for answer in answers:
        if answer.trouble:
            print(f"gemba read: {answer.source.id}: {answer.trouble}", file=sys.stderr)
    return 1 if any(answer.trouble for answer in answers) else 0


def _show(rows: "list[Row]", lang: str, zone: ZoneInfo) -> None:
    from gemba.table import table

    shown = []
    for row in rows:
        value = "—" if row.value is None else f"{row.value:.6g}" if isinstance(row.value, float) else str(row.value)
        if row.value == "unknown" and row.reading != row.value:
            value += f" ({_raw(row.reading)})"
        time = datetime.fromtimestamp(row.time / NS, zone).strftime("%H:%M:%S.%f")[:-3] if row.time else "—"
        trip = "—" if row.round_trip is None else f"{row.round_trip:.1f}"
        shown.append((row.point.asset, row.point.name, value, row.point.unit or "", row.quality, time, trip))
    print(table(HEADS[lang], shown))


def _raw(reading: "Reading") -> str:
    """Of a text, which may be a whole payload, what fits into a cell."""
    if isinstance(reading, str):
        return repr(reading[:MOST]) + "…" * (len(reading) > MOST)
    return f"{reading:.6g}" if isinstance(reading, float) else str(reading)


def _write(rows: "list[Row]", zone: ZoneInfo) -> None:
    """For machines: whole values and times, and nothing where there is none."""
    from gemba.table import write_csv

    lines: list[tuple[object, ...]] = [COLUMNS]
    for row in rows:
        point, time = row.point, ""
        if row.time:
            time = datetime.fromtimestamp(row.time / NS, zone).isoformat(timespec="milliseconds")
        lines.append((*point.key, point.source, row.value, point.unit, row.quality, time, row.round_trip))
    write_csv(lines)
