"""The journal: frames appended in one-second commits, an asset's day read back after compaction, bytes on disk, and an
import of a million rows. Pinned to one core; the disk is whatever this machine has."""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks._figure import Row, pinned, told
from config.plant import Keep
from connectors.base import Column, Frame, Layout, layout
from store.journal import History, Journal

SECOND = 10**9
VALUES = 16
GROUPS, POLLS = 1250, 75  # a second's frames: 1.5 M values
COMMITS = 6
SMALL = 200  # frames of a plant of 200 machines
DAY = 86_400
ROWS = 1_000_000


def layouts(count: int) -> list[Layout]:
    return [layout("s", f"g{n}", [Column(f"m{n}", f"p{i}", "float") for i in range(VALUES)]) for n in range(count)]


def appended(folder: Path) -> tuple[float, float]:
    """Million values a second, and us of CPU a value: each commit holds a second of 1.5 M values."""
    of, random = layouts(GROUPS), np.random.default_rng(1)
    values = random.random((GROUPS, VALUES))
    batches = [
        [Frame(of[n], commit * SECOND + poll * 13_000_000, values[n]) for poll in range(POLLS) for n in range(GROUPS)]
        for commit in range(COMMITS + 1)
    ]
    with Journal.open(folder, Keep()) as journal:
        journal.append(batches[0])
        began, cpu = time.perf_counter(), time.process_time()
        for batch in batches[1:]:
            journal.append(batch)
        spent, used = time.perf_counter() - began, time.process_time() - cpu
    count = COMMITS * GROUPS * POLLS * VALUES
    return count / spent / 1e6, used / count * 1e6


def committed(folder: Path) -> float:
    """Milliseconds until 200 frames are durable, the median of a hundred commits: mostly this machine's disk."""
    of, random = layouts(SMALL), np.random.default_rng(1)
    taken = []
    with Journal.open(folder, Keep()) as journal:
        for second in range(100):
            frames = [Frame(layout, second * SECOND, random.random(VALUES)) for layout in of]
            began = time.perf_counter()
            journal.append(frames)
            taken.append(time.perf_counter() - began)
    return sorted(taken)[50] * 1000


def day(folder: Path) -> tuple[float, float]:
    """Milliseconds to read one asset's day at 1 Hz x 16 points, the best of five; bytes on disk a payload byte."""
    of, random = layouts(3), np.random.default_rng(2)
    with Journal.open(folder, Keep()) as journal:
        for start in range(0, DAY, 600):
            values = random.random((600, 3, VALUES))
            times = range(start, start + 600)
            journal.append([Frame(of[n], t * SECOND, values[t - start, n]) for t in times for n in range(3)])
        journal.rotate()
        journal.tend()
    size = sum(path.stat().st_size for path in folder.glob("*.cols.db"))
    names, best = [f"p{i}" for i in range(VALUES)], 1e9
    for _ in range(5):
        history = History(folder)
        began = time.perf_counter()
        found = history.series("m1", names, 0, DAY * SECOND)
        best = min(best, time.perf_counter() - began)
        assert all(len(series) == DAY for series in found.values())
        history.close()
    return best * 1000, size / (3 * DAY * VALUES * 8)


def imported(folder: Path) -> tuple[float, float]:
    """Thousand rows a second, and peak memory [MB] of the whole process."""
    plant, rows = folder / "plant.yaml", folder / "rows.csv"
    points = "".join(f'      p{i}: {{source: s, at: "holding:{2 * i}", type: float32}}\n' for i in range(10))
    head = "plant: bench-01\ntimezone: Asia/Shanghai\ndata: ./data\nsources: {s: {protocol: modbus, url: 'tcp://10.0.0.1:502'}}\n"
    plant.write_text(head + "assets:\n  m:\n    points:\n" + points, encoding="utf-8")
    with rows.open("w", encoding="utf-8") as out:
        out.write("time,asset,point,value\n")
        stamps = np.datetime_as_string(
            np.arange(ROWS // 10).astype("datetime64[s]") + np.timedelta64(1_760_000_000, "s")
        )
        for n, stamp in enumerate(stamps):
            out.write("".join(f"{stamp}Z,m,p{i},{n + i / 10}\n" for i in range(10)))
    code = "import sys; from gemba.cli import main; sys.exit(main(sys.argv[1:]))"
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, "import", str(plant), str(rows)], check=True, capture_output=True)
    spent = time.perf_counter() - began
    return ROWS / spent / 1000, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def run() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as place, pinned():
        folder = Path(place)
        rate, cost = max(appended(folder / str(n)) for n in range(3))
        note = f"{cost:.3f} us CPU/value"
        yield Row("append, 16-value frames, a second of them a commit", rate, "M values/s", 1.5, True, note)
        yield Row(f"{SMALL} frames x {VALUES} values durable after", committed(folder / "small"), "ms")
        read, share = day(folder / "day")
        yield Row("read one asset-day, 1 Hz x 16 points", read, "ms", 40)
        yield Row("on disk after compaction", share, "bytes a byte of values", 1.3)
        rows, memory = imported(folder)
        yield Row(f"import of {ROWS / 1e6:g} M rows", rows, "k rows/s", 300, True)
        yield Row("the same, peak memory", memory, "MB", 400)


if __name__ == "__main__":
    sys.exit(told(run))
