"""Everything that a demo runs: devices in one process, history written and facts formed in two beside it, then the
agent and the pages in this one. The timelines of the past go on into the present."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from multiprocessing import active_children, get_context
from pathlib import Path
from shutil import copytree

from config.load import load
from config.plant import SECOND, Plant
from config.span import begin_of, last_day
from gemba.demo.devices import DEVICES, Devices
from gemba.demo.past import Spans, write
from gemba.demo.plant import ANSWERS, FAILING, plant_file, register_file
from simulators.plant import VirtualPlant
from store.choice import open_reader
from store.journal import place

DAY = 86_400 * SECOND
HOUR = 3_600 * SECOND
LEAD = 7 * HOUR  # the machines begin their days together; now is some hours into one, whatever the clock says
GRID = 10 * SECOND  # on which every poll interval of the plant falls
HANDS = 2  # processes that write history and form facts
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """A plant whose devices listen and whose past is in its journal, from `start` until `since` [ns]."""

    plant: Plant
    virtual: VirtualPlant
    devices: Devices
    start: int
    since: int


def lost(plant: Plant, start: int, end: int) -> Spans:
    """The failing machine was away for some minutes every few hours, and for a whole hour every day."""
    source = plant.assets[FAILING].points["state"].source
    short = [(at, at + 4 * 60 * SECOND) for at in range(start + 2 * HOUR, end, 5 * HOUR)]
    long = [(at, at + HOUR) for at in range(start + 9 * HOUR, end, DAY)]
    return {source: sorted(span for span in short + long if span[1] < end)}


def began(plant: Plant, days: int, now: int) -> int:
    """When history begins, so that the last `days` production days are whole at any hour of a day."""
    last = last_day(plant, plant.calendar, now).day
    first = begin_of(plant, plant.calendar, last - timedelta(days=days - 1))
    return (first - (first - now + LEAD) % DAY) // GRID * GRID


@contextmanager
def stage(folder: Path, days: int, speed: Fraction, say: Say) -> Iterator[Stage]:
    """In an empty folder. `say` is told what is going on."""
    site = folder / "site"
    site.mkdir(parents=True)
    (site / "plant.yaml").write_text(plant_file(speed), encoding="utf-8")
    (site / "register.csv").write_text(register_file(), encoding="utf-8")
    planned = load(site / "plant.yaml")
    start = began(planned, days, time.time_ns())
    say("devices")
    devices = Devices(planned.file, folder / "plant", start)
    try:
        with ProcessPoolExecutor(HANDS, get_context("spawn"), initializer=_quiet) as pool, _let_go():
            say("history")
            plant = load(devices.plant_file())
            copytree(ANSWERS, plant.file.parent / "answers")
            since = time.time_ns() // GRID * GRID
            _all(pool.submit(past, plant.file, start, since, hand) for hand in range(HANDS))
            say("facts")
            _all(pool.submit(form, plant.file, *span) for span in _spans(start, since))
        virtual, until = VirtualPlant(plant, start), time.time_ns() // SECOND * SECOND
        write(place(plant), plant, virtual, since, until, {})
        yield Stage(plant, virtual, devices, start, until)
    finally:
        devices.close()


@contextmanager
def _let_go() -> Iterator[None]:
    """Whoever has seen enough does not wait for the hands to finish their weeks."""
    try:
        yield
    except KeyboardInterrupt:
        for child in active_children():
            if child.name != DEVICES:
                child.terminate()
        raise


def _all(work: Iterable[Future[None]]) -> None:
    for done in list(work):
        done.result()


def _spans(start: int, end: int) -> list[tuple[int, int]]:
    """Whole days of about the same length, one span for each hand."""
    middle = start + (end - start) // 2 // DAY * DAY
    return [(start, middle), (middle, end)] if middle > start else [(start, end)]


def _quiet() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def past(file: Path, start: int, end: int, hand: int) -> None:
    """Writes the rows of every so many-th source."""
    plant = load(file)
    sources = list(plant.sources)[hand::HANDS]
    write(place(plant), plant, VirtualPlant(plant, start), start, end, lost(plant, start, end), sources)


def form(file: Path, start: int, end: int) -> None:
    """Leaves the facts of whole days in the plant's archive."""
    from kpi.facts.archive import Archive
    from kpi.facts.facts import facts

    plant = load(file)
    facts(open_reader(plant), plant, start, end, Archive(plant.data, plant.id), time.time_ns())
