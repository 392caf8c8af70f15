"""A demo from its first line in the terminal to its verdict: set up, the tour, live for as long as is asked, then what
was measured beside what really happened."""

import argparse
import asyncio
import json
import logging
import signal
import sys
import time
from pathlib import Path

from config.plant import SECOND
from edge.agent import Agent
from gemba.demo.forms import fill
from gemba.demo.stage import GRID, Stage, stage
from gemba.demo.truth import Line, compare
from gemba.demo.words import of, table, tour
from gemba.web import Web, listening
from kpi.energy_report import report as energy_report
from kpi.facts.archive import Archive
from kpi.facts.facts import facts
from kpi.report import Question, report
from store.choice import open_reader

SETTLE = 10 * SECOND  # the agent's first polls
MINUTE = 60 * SECOND


def play(folder: Path, args: argparse.Namespace) -> int:
    """The exit code: 1 when a number lies outside its bounds, or something wrote to a device."""
    began, lang = time.monotonic(), args.lang
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("gemba.agent").setLevel(logging.CRITICAL)
    for name in ("asyncua", "pymodbus"):
        logging.getLogger(name).setLevel(logging.CRITICAL)

    def say(key: str) -> None:
        print(f"{time.monotonic() - began:5.1f} s  {of(key, lang)}", file=sys.stderr, flush=True)

    _orderly()
    listening("127.0.0.1", args.port).close()  # better told now that it is taken than when the weeks are made
    with stage(folder, args.days, args.speed, say) as staged:
        web = Web(staged.plant.file, "127.0.0.1", args.port)
        web.start()
        say("ready")
        print(tour(web.address, staged.plant, lang), file=sys.stderr, flush=True)
        try:
            asyncio.run(_live(Agent(staged.plant), args.seconds))
        finally:
            _orderly()
            web.stop()
        say("compare")
        lines = _compared(staged, time.time_ns() - SECOND)
        if args.report:
            for path in fill(staged.plant, args.report, staged.start, lang):
                print(path, file=sys.stderr)
        writes = staged.devices.close()
    return _told(lines, writes, args)


def _orderly() -> None:
    """Where no agent listens for it SIGTERM is an interrupt: processes are ended and the folder is removed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


async def _live(agent: Agent, seconds: float | None) -> None:
    """Until the time is up or somebody has seen enough."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, agent.stop)
    if seconds is not None:
        loop.call_later(seconds, agent.stop)
    await agent.run()


def _compared(staged: Stage, end: int) -> dict[str, list[Line]]:
    """Over the whole, and over the time in which the agent itself collected."""
    plant, reader = staged.plant, open_reader(staged.plant)
    archive, now = Archive(plant.data, plant.id), time.time_ns()
    found, live = {}, (staged.since + SETTLE) // GRID * GRID
    for name, start in (("whole", staged.start), ("live", live)):
        if start < end:
            kpis = report(reader, plant, Question(start, end), archive, now)
            energy = energy_report(facts(reader, plant, start, end, archive, now))
            links = reader.links(list(plant.assets), start - MINUTE, end)
            found[name] = compare(kpis, energy, links, plant, staged.virtual, start, end)
    return found


def _told(found: dict[str, list[Line]], writes: list[str], args: argparse.Namespace) -> int:
    outside = [line for lines in found.values() for line in lines if not line.inside]
    if args.json:
        rows = [
            {"span": span, **{key: getattr(line, key) for key in Line.__slots__}, "inside": line.inside}
            for span, lines in found.items()
            for line in lines
        ]
        print(json.dumps({"lines": rows, "outside": len(outside), "writes": writes}))
    else:
        print(table(found, args.lang))
    for write in writes:
        print(f"gemba demo: written to: {write}; nothing may write to equipment", file=sys.stderr)
    return 1 if outside or writes else 0
