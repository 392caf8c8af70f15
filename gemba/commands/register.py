"""`gemba register`: a starter equipment register from the connected assets, to be completed by hand."""

import argparse
import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gemba import arguments

if TYPE_CHECKING:
    from config.plant import Plant

EXAMPLE = "example: gemba register plant.yaml --out register.csv"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLE
    arguments.plant(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--out", metavar="FILE", help="write this new CSV file; default stdout")
    form.add_argument("--json", action="store_true", help="one JSON document")
    form.add_argument("--csv", action="store_true", help="CSV on stdout, as without")


def run(args: argparse.Namespace) -> int:
    from config.load import load

    text = starter(load(Path(args.plant), registered=False), args.lang == "zh" and not args.json)
    if args.json:
        print(json.dumps({"rows": list(csv.DictReader(io.StringIO(text)))}, ensure_ascii=False))
        return 0
    if args.out is None:
        sys.stdout.write(text)
        return 0
    try:
        with Path(args.out).open("x", encoding="utf-8-sig", newline="") as file:
            file.write(text)
    except FileExistsError:
        print(f"gemba register: the file is there already (got {args.out}); choose another name", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"gemba register: cannot write: {error.strerror} (got {args.out}); choose another name", file=sys.stderr)
        return 1
    return 0


def starter(plant: "Plant", chinese: bool) -> str:
    """One row an asset. What only energy and power are read of is `meter`, everything else `native`, to be checked."""
    from config.plant import METERED
    from config.register import CLASSES, CONTROLS, HEADINGS

    lines = {asset: line.id for line in plant.lines.values() for asset in line.serial}
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(HEADINGS.values() if chinese else HEADINGS)
    for asset in plant.assets.values():
        control = "meter" if all(name in METERED for name in asset.points) else "native"
        row = {"id": asset.id, "line": lines.get(asset.id, ""), "class": "production", "control": control}
        if chinese:
            row |= {"class": CLASSES["production"], "control": CONTROLS[control]}
        table.writerow([row.get(key, "") for key in HEADINGS])
    return out.getvalue()
