"""Random machines against the second-by-second reading of the contract: states, stops, pieces, energy, coverage.

Calendars have up to a hundred shifts of minutes, so that a sparse machine's state runs across all of them; rows are
dense, sparse, Bad or missing, and windows are cut anywhere.
"""

from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

from config.plant import SECOND, STATES, Plant
from kpi.facts.facts import facts
from kpi.facts.schema import BIT
from kpi.report import Question, rows
from tests.kpi import oracle
from tests.kpi.memory import Memory, series
from tests.kpi.plants import at, plant

START = at("2026-01-05T00:00:00Z")
LENGTH = 4 * 3600
HOLD = 180
PLANT = """
calendar: {{shifts: [{shifts}]}}
stops: [{{assets: [m], from: 2026-01-05T{stop}:00Z, to: 2026-01-05T{stop_end}:00Z}}]
assets:
  m:
    ideal_cycle: 10s
    short_stop: {short_stop}s
    points:
      state: {{source: plc, at: "holding:0", type: string, length: 8}}
      total: {{source: plc, at: "holding:8", type: {type}, counter: {counter}}}
      good: {{source: plc, at: "holding:10", type: {type}, counter: {counter}}}
      energy: {{source: plc, at: "holding:12", type: uint32, unit: Wh, counter: {{}}}}
"""
MACHINE_STATES = ["running", "running", "running", "idle", "down", "setup", "planned", "off"]


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def told(seed: Random) -> tuple[oracle.Told, str]:
    """A machine as the oracle knows it, and the plant file that says the same."""
    cuts = sorted(seed.sample(range(240), 2 * seed.choice([1, 2, 3, 5, 7, 100])))
    shifts = list(zip(cuts[::2], cuts[1::2], strict=True))
    stop = seed.randint(1, 230)
    stop_end = stop + seed.randint(1, 9)
    short_stop = seed.choice([30, 60, 300])
    modulus = seed.choice([None, 65536])
    max_rate = seed.choice([None, Fraction(1, 4)])
    scheduled = [any(a * 60 <= second < b * 60 for a, b in shifts) for second in range(LENGTH)]
    stopped = [stop * 60 <= second < stop_end * 60 for second in range(LENGTH)]
    of = oracle.Told(LENGTH, scheduled, stopped, HOLD, short_stop, state_rows(seed))
    of.modulus, of.max_rate, of.ideal_rate = modulus, max_rate, Fraction(4, 10)
    times = row_times(seed)
    of.counters = {name: counter_rows(seed, times, modulus) for name in ("total", "good")}
    of.energy = energy_rows(seed)
    text = PLANT.format(
        shifts=", ".join(f'{{name: s{n}, start: "{clock(a)}", end: "{clock(b)}"}}' for n, (a, b) in enumerate(shifts)),
        stop=clock(stop),
        stop_end=clock(stop_end),
        short_stop=short_stop,
        type="uint16" if modulus else "float64",
        counter="{max_rate: 0.25/s}" if max_rate else "{}",
    )
    return of, text


def row_times(seed: Random) -> list[int]:
    """Every minute, every few seconds, or now and then; with gaps."""
    every = seed.choice([7, 60, 60, 400, 3000])
    times = list(range(seed.randint(0, every), LENGTH, every))
    for _ in range(seed.randint(0, 3)):
        begin, length = seed.randint(0, LENGTH), seed.choice([60, 170, 181, 1200, 7200])
        times = [time for time in times if not begin <= time < begin + length]
    return times


def state_rows(seed: Random) -> oracle.Rows:
    found: oracle.Rows = []
    state: object = seed.choice(MACHINE_STATES)
    stay = seed.choice([1, 3, 20])
    for time in row_times(seed):
        if seed.randrange(stay) == 0:
            state = seed.choice(MACHINE_STATES)
        found.append((time, None if seed.randrange(40) == 0 else state))
    return found


def counter_rows(seed: Random, times: list[int], modulus: int | None) -> oracle.Rows:
    """Rises by about the ideal rate, with resets, glitches, jumps and Bad rows here and there."""
    trouble = seed.choice([0, 0, 1, 8]) * (10 if len(times) < 100 else 1)  # of few rows too, so that gaps have some
    value = seed.choice([0, 1000, (modulus or 10**6) - 300])
    found: oracle.Rows = []
    last = times[0] if times else 0
    for time in times:
        value += seed.randrange(0, max(1, (time - last) // 5) + 1)
        last = time
        chance = seed.randrange(1000)
        if chance < trouble:
            value = seed.randrange(5)
        elif chance < 2 * trouble:
            value += 5000
        shown: object = value % modulus if modulus else value
        if trouble and chance > 985:
            shown = seed.choice([None, 0, max(0, value % (modulus or 10**9) - 7)])
        found.append((time, shown))
    return found


def energy_rows(seed: Random) -> oracle.Rows:
    value, found = 0, []
    for time in row_times(seed):
        value += seed.randrange(0, 2000)
        found.append((time, None if seed.randrange(50) == 0 else value))
    return found


def store(of: oracle.Told) -> Memory:
    def made(told_rows: oracle.Rows):  # type: ignore[no-untyped-def]
        return series([START + time * SECOND for time, _ in told_rows], [value for _, value in told_rows])

    cells = {("m", "state"): made(of.state), ("m", "energy"): made(of.energy)}
    return Memory(cells | {("m", name): made(one) for name, one in of.counters.items()})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("oracle")


@pytest.mark.parametrize("number", range(60))
def test_second_by_second(folder: Path, number: int) -> None:
    seed = Random(number)
    of, text = told(seed)
    start = seed.randrange(LENGTH)
    compare(of, plant(folder, text), start, seed.randint(start + 1, LENGTH))


def compare(of: oracle.Told, told_plant: Plant, start: int, end: int) -> None:
    window = START + start * SECOND, START + end * SECOND
    reader = store(of)
    found = facts(reader, told_plant, *window)
    sums = rows(found, Question(*window))[0].sums
    state = oracle.states(of)
    inside = [of.scheduled[s] and not of.stopped[s] for s in range(of.length)]
    pbt = oracle.busy(of, state)
    short = oracle.short(of, state)
    begun, repair = oracle.failures(of, state)
    seconds = range(start, end)
    for code, name in enumerate(STATES):
        assert sums.time[code] == 1000 * sum(state[s] == name for s in seconds), name
        assert sums.inside[code] == 1000 * sum(inside[s] and state[s] == name for s in seconds), name
    assert sums.pbt == 1000 * sum(pbt[s] for s in seconds)
    assert sums.short_idle == 1000 * sum(inside[s] and short[s] and state[s] == "idle" for s in seconds)
    assert sums.short_down == 1000 * sum(inside[s] and short[s] and state[s] == "down" for s in seconds)
    assert sums.failures == sum(begun[s] for s in seconds)
    assert sums.repair == 1000 * sum(repair[s] for s in seconds)
    counted = {name: oracle.count(of, one, state) for name, one in of.counters.items()}
    if found_open(found):  # what waits with another counter is the subject of cases, not of this oracle
        return
    for name, one in counted.items():
        assert getattr(sums.busy, name) == sum(one.inside[s] for s in seconds), name
        assert getattr(sums.outside, name) == sum(one.outside[s] for s in seconds), name
        more = getattr(sums.busy, f"{name}_high") + getattr(sums.outside, f"{name}_high")
        assert more == sum(one.extra[s] for s in seconds), name
    covered = {name: 1000 * sum(one.covered[s] and pbt[s] for s in seconds) for name, one in counted.items()}
    assert sums.covered[:2] == (covered["total"], covered["good"])
    both = 1000 * sum(counted["total"].covered[s] and counted["good"].covered[s] and pbt[s] for s in seconds)
    assert sums.covered[2] == both
    amount, metered = oracle.energy(of)
    assert sums.energy == sum(amount[s] for s in seconds)
    assert sums.energy_covered == 1000 * sum(metered[s] for s in seconds)
    by_state = {int(row["state"]): 0 for row in found.energy}
    for row in found.energy:
        by_state[int(row["state"])] += int(row["amount"])
    for code, name in enumerate(STATES):
        assert by_state.get(code, 0) == by_state_of(of, state, amount, start, end, name), name


def by_state_of(of: oracle.Told, state: list[str], amount: list[int], start: int, end: int, name: str) -> int:
    return sum(amount[s] for s in range(start, end) if state[s] == name)


def found_open(found) -> bool:  # type: ignore[no-untyped-def]
    return bool((found.slices["flags"] & BIT["unsettled"]).any())


GARBAGE = [3.4e38, -3.4e38, 1e300, float("nan"), float("inf"), 2.0**63, -1.0, "on", "", None]


@pytest.mark.parametrize("number", range(12))
def test_nothing_that_a_device_shows_stops_the_count(folder: Path, number: int) -> None:
    """Readings that no machine can mean, everywhere: no warning, no exception, bounds in order."""
    seed = Random(number)
    of, text = told(seed)
    text = (
        text.replace("type: uint16", "type: float64") + "  p: {state_from: {power: {off: 1, idle: 2}}, points: {power:"
    )
    text += ' {source: plc, at: "input:0", type: float32, unit: kW}}}\n'
    dirty = {}
    for name, told_rows in [("state", of.state), ("energy", of.energy), *of.counters.items()]:
        times = [START + time * SECOND for time, _ in told_rows]
        values = [seed.choice(GARBAGE) if seed.randrange(4) == 0 else value for _, value in told_rows]
        dirty["m", name] = series(times, values)  # type: ignore[arg-type]
    dirty["p", "power"] = dirty["m", "energy"]
    made = facts(Memory(dirty), plant(folder, text), START, START + LENGTH * SECOND)
    for row in rows(made, Question(made.start, made.end)):
        assert sum(row.sums.time) == LENGTH * 1000
        for one in row.measured.values():
            assert one.value is None or one.low is None or one.low <= one.value
