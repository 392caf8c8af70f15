"""The agent: what a value costs, from a device's socket to a durable row of the journal.

A hundred devices of a hundred registers, every register another number at every poll, so that no frame is spared. The
agent is the whole of it (collecting, report by exception, communication history, commits) in a process of its own on
the first core; the devices, on libmodbus, have the last one.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks._figure import Row, cores, on, told, waited
from config.load import load
from store.journal import History, place
from tests.servers.libmodbus import LibModbus

DEVICES = 100
REGISTERS = 100
WARM, SPAN = 5.0, 20.0  # seconds until a measurement and of it, at 1 s
FLAT_SPAN = 10.0
CPU_BAR = 2.0  # us a value at 1 s, at most
FLAT_CPU_BAR = 1.0
FLAT_RATE_BAR = 1.0  # million values a second, at least
MEMORY_BAR = 100.0  # MB


def plant_file(folder: Path, ports: list[int], every: str) -> Path:
    folder.mkdir()
    sources = "".join(
        f'  d{i}: {{protocol: modbus, url: "tcp://127.0.0.1:{port}", every: {every}, timeout: 5s}}\n'
        for i, port in enumerate(ports)
    )
    registers = ", ".join(f'r{n}: {{at: "holding:{n}", type: uint16}}' for n in range(REGISTERS))
    assets = "".join(f"  m{i}: {{source: d{i}, points: {{{registers}}}}}\n" for i in range(len(ports)))
    file = folder / "plant.yaml"
    head = "plant: bench-01\ntimezone: Asia/Shanghai\ndata: ./data\nkeep: {free: 0%}\n"
    file.write_text(f"{head}sources:\n{sources}assets:\n{assets}", encoding="utf-8")
    return file


async def agent(file: Path, warm: float, span: float) -> dict[str, Any]:
    """Runs in the child: collects, and counts what was handed to the commits between two moments; a count of what was
    committed would be off by up to a second at either end."""
    from edge.agent import Agent

    own = psutil.Process()
    running = Agent(load(file))
    task = asyncio.ensure_future(running.run())
    await running.ready()
    await asyncio.sleep(warm)

    def values() -> int:
        return REGISTERS * sum(collector.seen.kept for collector in running.collectors.values())

    cpu, wall, before, idle = time.process_time(), time.perf_counter(), values(), waited()
    await asyncio.sleep(span)
    spent, took, count = time.process_time() - cpu, time.perf_counter() - wall, values() - before
    idle = 100 * (waited() - idle) / took
    memory = own.memory_info().rss / 1e6
    running.stop()
    await task
    if running.keeper.kept.values < values() or running.keeper.kept.lost:
        raise RuntimeError("not all of it was committed")
    rate = count / took / 1e6
    return {"cpu": 1e6 * spent / count, "rate": rate, "core": 100 * spent / took, "idle": idle, "memory": memory}


def measured(file: Path, core: int, span: float) -> dict[str, Any]:
    words = [*on(core), sys.executable, "-m", "benchmarks.edge", "--agent", str(file), str(WARM), str(span)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    history = History(place(load(file)))  # and it is really there
    series = history.series("m0", ["r0", "r99"], 0, 2**62)
    history.close()
    if not len(series["r0"].time) or not (series["r0"].quality == 0).any():
        raise RuntimeError("nothing was kept")
    return found


def run() -> Iterator[Row]:
    own, other = cores()
    with tempfile.TemporaryDirectory() as place_:
        folder = Path(place_)
        devices = LibModbus(folder / "server", devices=DEVICES, size=1000, step=True)
        devices.prefix = on(other)
        with devices:
            found = measured(plant_file(folder / "slow", devices.ports, "1s"), own, SPAN)
            note = f"{found['rate']:.4f} M values/s, {found['core']:.1f} % of a core"
            yield Row("every 1 s, wire to durable journal", found["cpu"], "us CPU/value", CPU_BAR, note=note)
            yield Row("every 1 s, resident", found["memory"], "MB", MEMORY_BAR)
            best = max(
                (measured(plant_file(folder / f"flat{i}", devices.ports, "1ms"), own, FLAT_SPAN) for i in range(2)),
                key=lambda one: float(one["rate"]),
            )
            note = f"{best['core']:.0f} % of a core, {best['memory']:.0f} MB"
            yield Row("flat out, wire to durable journal", best["cpu"], "us CPU/value", FLAT_CPU_BAR, note=note)
            note = f"others had the core {best['idle']:.0f} % of the time"
            yield Row("flat out, wire to durable journal", best["rate"], "M values/s", FLAT_RATE_BAR, True, note)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.edge")
    parser.add_argument("--agent", nargs=3, metavar=("PLANT", "WARM", "SPAN"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.agent:
        import uvloop

        plant, warm, span = args.agent
        print(json.dumps(uvloop.run(agent(Path(plant), float(warm), float(span)))))
        return 0
    return told(run, "libmodbus")


if __name__ == "__main__":
    sys.exit(main())
