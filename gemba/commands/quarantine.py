"""`gemba quarantine`: lines that InfluxDB refused: listed, tried again, or taken out to a file."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gemba import arguments

if TYPE_CHECKING:
    from config.plant import Plant
    from store.influx.quarantine import Quarantine

ACTIONS = ("list", "retry", "export")
SHOWN = 78  # characters of a line and of why it was refused; whole in what is exported


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "example: gemba quarantine plant.yaml export refused.lp"
    arguments.plant(parser)
    parser.add_argument("words", nargs="*", metavar="list | retry | export FILE", help="list unless told")
    parser.add_argument("--gateway", metavar="G", help="of this gateway's agent")
    arguments.shape(parser, "list: comma-separated rows")


def run(args: argparse.Namespace) -> int:
    from config.load import load
    from gemba.sources import held_by
    from store.influx.quarantine import Quarantine
    from store.journal import place

    action, file = _asked(args)
    if action is None:
        print("gemba quarantine: list, retry, or export FILE; see gemba quarantine --help", file=sys.stderr)
        return 2
    plant = load(Path(args.plant))
    if fault := held_by(plant, args.gateway):
        print(f"gemba quarantine: {fault}", file=sys.stderr)
        return 2
    folder = place(plant, args.gateway)
    if not folder.is_dir():
        print(f"gemba quarantine: no journal is there (got {folder}); start `gemba agent` first", file=sys.stderr)
        return 1
    held = Quarantine(folder)
    if action == "retry":
        return _retry(plant, held, args)
    if file is not None:
        return _export(held, Path(file), args)
    _list(plant, held, args)
    return 0


def _asked(args: argparse.Namespace) -> tuple[str | None, str | None]:
    """What to do, and the file; the plant may be left out where the environment names it."""
    if args.plant in ACTIONS and (named := os.environ.get("GEMBA_PLANT")):
        args.plant, args.words = named, [args.plant, *args.words]
    action, *rest = args.words or ["list"]
    if action not in ACTIONS or len(rest) != (action == "export"):
        return None, None
    return action, rest[0] if rest else None


def _list(plant: "Plant", held: "Quarantine", args: argparse.Namespace) -> None:
    from config.zone import shown

    rows = [{"time": shown(one.time, plant.timezone), "why": one.why, "line": one.line} for one in held.all()]
    if args.json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    if args.csv:
        from gemba.table import write_csv

        write_csv([("time", "why", "line"), *(tuple(row.values()) for row in rows)])
        return
    for row in rows:
        print(row["time"], f"  {row['why'][:SHOWN]}", f"  {row['line'][:SHOWN]}", sep="\n")
    if not rows:
        print("没有被拒收的数据" if args.lang == "zh" else "nothing was refused")


def _export(held: "Quarantine", file: Path, args: argparse.Namespace) -> int:
    lines = [one.line for one in held.all()]
    try:
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        print(f"gemba quarantine: {file} cannot be written (got {error.strerror}); name another", file=sys.stderr)
        return 1
    _say({"lines": len(lines), "file": str(file)}, args)
    return 0


def _retry(plant: "Plant", held: "Quarantine", args: argparse.Namespace) -> int:
    from time import time_ns

    from store.influx.delivery import Delivery, deliver
    from store.influx.lines import touching
    from store.influx.server import Place, connect

    if plant.store is None:
        print("gemba quarantine: the plant file names no InfluxDB; add `store:` to it", file=sys.stderr)
        return 2
    every = held.all()
    lines = [one.line.encode() for one in every]
    server = connect(plant.store)
    place = server.prepare(plant.keep.days)
    lines += touching(lines, time_ns())
    made = deliver(server, lines) if isinstance(place, Place) else Delivery(place)
    server.close()
    if made.answer.verdict != "done":
        print(f"gemba quarantine: not taken now (got {made.answer.text}); nothing was changed", file=sys.stderr)
        return 1
    refused = {one.line.decode() for one in made.refused}
    held.release(one for one in every if one.line not in refused)
    _say({"taken": len(every) - len(refused), "refused": len(refused)}, args)
    return 0


def _say(told: dict[str, Any], args: argparse.Namespace) -> None:
    print(json.dumps(told) if args.json else ", ".join(f"{key} {value}" for key, value in told.items()))
