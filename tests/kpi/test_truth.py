"""Two virtual weeks of a plant against what really happened in it, shift by shift.

The rows are those of the instants at which something changed, and of every minute, so where all of them are there what
is measured is what happened, to the millisecond and the piece. Where a source was lost, the truth lies inside the
bounds; a counter that was reset has lost pieces, and says how many at most.
"""

from fractions import Fraction

import numpy as np
import pytest

from config.plant import PIECES, SECOND, STATES, Plant
from config.span import windows
from connectors.quality import BAD
from kpi.facts.facts import Facts, facts
from kpi.facts.schema import BIT
from kpi.indicators import KPIS
from kpi.measure import Member, frame, knowable, measure
from kpi.sums import of_asset
from simulators.history import changes
from simulators.plant import MS, Reset, VirtualPlant
from store.reader import Series
from tests.kpi.memory import Memory
from tests.kpi.plants import at, plant

TEXT = """
calendar:
  shifts:
    - {name: early, start: "06:00", end: "14:00", breaks: ["10:00-10:30"], days: mon-sat}
    - {name: late, start: "14:00", end: "22:00", breaks: ["18:00-18:30"], days: mon-sat}
stops: [{assets: [press], from: "2026-09-09T08:00", to: "2026-09-09T11:00"}]
assets:
  press: {ideal_cycle: 3s, points: {POINTS}}
  mill: {ideal_cycle: {A: 40s, B: 55s}, points: {POINTS}}
  mould:
    ideal_cycle: 24s
    cavities: {designed: 4, active: 3}
    points: {POINTS}
"""
POINTS = (
    "{state: {source: plc, at: 'holding:0', type: uint16, states: {0: off, 1: idle, 2: running, 3: down, 4: setup}}, "
    "product: {source: plc, at: 'holding:1', type: uint16}, "
    "total: {source: plc, at: 'holding:2', type: uint16, counter: {max_rate: 1/s}}, "
    "good: {source: plc, at: 'holding:4', type: uint32, counter: {}}, "
    "energy: {source: plc, at: 'holding:6', type: uint32, unit: Wh, counter: {}}}"
)
START, END = at("2026-09-07T06:00:00+08:00"), at("2026-09-21T06:00:00+08:00")
LOST = {
    "mill": [
        ("2026-09-10T13:00:00+08:00", "2026-09-10T15:20:00+08:00"),
        ("2026-09-14T07:00:00+08:00", "2026-09-14T07:09:00+08:00"),
    ]
}
RESETS = (
    Reset("mould", "total", at("2026-09-11T09:49:17+08:00")),
    Reset("mould", "good", at("2026-09-11T09:49:17+08:00")),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plant, VirtualPlant, Facts]:
    of = plant(tmp_path_factory.mktemp("truth"), TEXT.replace("{POINTS}", POINTS), "Asia/Shanghai")
    virtual = VirtualPlant(of, START - 86400 * SECOND, seed=5, resets=RESETS)
    cells = {}
    for asset in of.assets.values():
        for name, point in asset.points.items():
            cells[asset.id, name] = rows(virtual, asset.id, virtual.readings, point, name)
    return of, virtual, facts(Memory(cells), of, START, END)


def rows(virtual: VirtualPlant, asset: str, readings, point, name: str) -> Series:  # type: ignore[no-untyped-def]
    begin, end = START - 3600 * SECOND, END + 3600 * SECOND
    moments = changes(virtual, asset, begin // MS, end // MS, pieces=name in PIECES) * MS
    times = np.unique(np.concatenate((moments, np.arange(begin, end, 60 * SECOND))))
    gone = [(at(a), at(b)) for a, b in LOST.get(asset, ())]
    for a, b in gone:
        times = times[(times < a) | (times >= b)]
    values = readings(point, times)
    bad = np.array([a for a, _ in gone], np.int64)
    place = np.searchsorted(times, bad)
    quality = np.insert(np.zeros(len(times), np.uint32), place, np.uint32(BAD))
    whole = np.insert(times, place, bad)
    ones = np.ones(len(whole), np.int64)
    return Series(whole, np.insert(values, place, 0), quality, ones, ones * 0, ones < 0)


@pytest.mark.parametrize("asset", ["press", "mill", "mould"])
def test_every_shift_is_what_happened(world: tuple[Plant, VirtualPlant, Facts], asset: str) -> None:
    of, virtual, made = world
    shifts = windows(of, of.calendar, "shift", START, END)
    assert len(shifts) == 24
    found = of_asset(made, asset, [(shift.start, shift.end) for shift in shifts])
    exact = 0
    for shift, sums in zip(shifts, found, strict=True):
        truth = virtual.truth(asset, shift.start, shift.end)
        unknown = sums.time[0]
        for code, name in enumerate(STATES[1:], 1):
            assert sums.time[code] <= truth["time_ms"][name] <= sums.time[code] + unknown, (shift, name)
        member = Member(asset, sums, knowable(of.assets[asset], of.rules))
        common = frame(made, "iso22400", shift.start, shift.end)
        available = measure(KPIS["availability"], member, common)
        running = Fraction(truth_inside(virtual, of, asset, shift.start, shift.end), sums.pbt)
        assert available.low is not None and available.high is not None
        assert available.low <= running <= available.high
        if sums.flags & (BIT["spread"] | BIT["reset"]):
            continue
        exact += 1
        for name in ("total", "good"):
            pieces = getattr(sums.busy, name) + getattr(sums.outside, name)
            assert pieces == truth["pieces"][name], (shift, name)
        if not unknown:
            assert available.value == running
        assert abs(sums.energy - truth["energy_wh"]) <= 2  # whole Wh on the wire, at either end
    assert exact == {"press": 24, "mill": 21, "mould": 23}[asset]


def truth_inside(virtual: VirtualPlant, of: Plant, asset: str, start: int, end: int) -> int:
    """True milliseconds of running in PBT."""
    from config.slices import plant_slices

    cut = plant_slices(of, [asset], start, end)[asset]
    spans = zip(cut.start[cut.scheduled].tolist(), cut.end[cut.scheduled].tolist(), strict=True)
    return sum(virtual.truth(asset, a, b)["time_ms"]["running"] for a, b in spans)


def test_the_two_weeks_lose_no_piece(world: tuple[Plant, VirtualPlant, Facts]) -> None:
    """Counters survive every gap; only what a reset swallowed is missing, and it lies within `high`."""
    _, virtual, made = world
    for asset in ("press", "mill", "mould"):
        sums = of_asset(made, asset, [(START, END)])[0]
        truth = virtual.truth(asset, START, END)["pieces"]
        for name in ("total", "good"):
            counted = getattr(sums.busy, name) + getattr(sums.outside, name)
            more = getattr(sums.busy, f"{name}_high") + getattr(sums.outside, f"{name}_high")
            assert counted <= truth[name] <= counted + more, (asset, name)
            assert (more > 0) == (asset == "mould")
            if asset != "mould":
                assert counted == truth[name], (asset, name)
