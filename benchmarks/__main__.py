"""`python -m benchmarks [NAME …]`: each benchmark in a process of its own, its figures beside their bars."""

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks._figure import LEFT_OUT

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description="figures beside their bars")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(NAMES)}; default all")
    asked = parser.parse_args().names or NAMES
    if unknown := [name for name in asked if name not in NAMES]:
        parser.error(f"no such benchmark (got {unknown[0]}); known: {', '.join(NAMES)}")
    ended = {}
    for name in asked:
        print(f"\n{name}", flush=True)
        ended[name] = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], cwd=HERE.parent, check=False
        ).returncode
    left = [name for name in asked if ended[name] == LEFT_OUT]
    missed = [name for name in asked if ended[name] not in (0, LEFT_OUT)]
    for words, names in (("left out, as said above", left), ("below their bars, or failed", missed)):
        if names:
            print(f"\n{words}: {', '.join(names)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
