"""What must hold of any machine, whatever its rows: laws, on the random machines of the oracle."""

from dataclasses import fields
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plant import SECOND, Plant
from kpi.facts.facts import Facts, facts
from kpi.indicators import KPIS
from kpi.measure import Frame, Member, frame, knowable, measure, measure_group
from kpi.sums import Pieces, Sums, of_asset, total
from tests.kpi.memory import Memory, picked
from tests.kpi.oracle import Told
from tests.kpi.plants import plant
from tests.kpi.test_oracle import LENGTH, START, store, told

SEEDS = st.integers(0, 2**32)
WHOLE = START, START + LENGTH * SECOND


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("laws")


def machine(folder: Path, seed: int) -> tuple[Told, Plant, Memory]:
    of, text = told(Random(seed))
    return of, plant(folder, text), store(of)


def summed(found: Facts) -> Sums:
    return of_asset(found, "m", [(found.start, found.end)])[0]


def plain(sums: Sums) -> dict[str, object]:
    """Everything that may be added."""
    found: dict[str, object] = {}
    for one in fields(sums):
        value = getattr(sums, one.name)
        if isinstance(value, Pieces):
            found[one.name] = [getattr(value, part.name) for part in fields(value)]
        elif one.name not in ("flags", "energy_flags", "kinds"):
            found[one.name] = value
    return found


def subject(of: Plant, found: Facts) -> tuple[Member, Frame]:
    member = Member("m", summed(found), knowable(of.assets["m"], of.rules))
    return member, frame(found, "iso22400", found.start, found.end)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, at=st.lists(st.integers(0, LENGTH * 1000), min_size=1, max_size=4))
def test_facts_add_up_over_time(folder: Path, seed: int, at: list[int]) -> None:
    """Split anywhere, to the millisecond: the parts are the whole."""
    _, of, reader = machine(folder, seed)
    cuts = sorted({WHOLE[0], *(WHOLE[0] + ms * 1_000_000 for ms in at), WHOLE[1]})
    parts = [summed(facts(reader, of, a, b)) for a, b in pairwise(cuts)]
    assert plain(total(parts)) == plain(summed(facts(reader, of, *WHOLE)))


@settings(max_examples=25, deadline=None)
@given(seeds=st.lists(SEEDS, min_size=2, max_size=3))
def test_groups_are_sums_divided_once(folder: Path, seeds: list[int]) -> None:
    members, common = [], None
    for seed in seeds:
        _, of, reader = machine(folder, seed)
        member, common = subject(of, facts(reader, of, *WHOLE))
        members.append(Member(str(len(members)), member.sums, member.has))
    assert common is not None
    whole = total(member.sums for member in members)
    found = measure_group(KPIS["availability"], members, common)
    if found.value is not None and not found.excluded:
        assert found.value == Fraction(whole.apt, whole.pbt - whole.u)
        ends = [measure(KPIS["availability"], member, common).value for member in members]
        known = [end for end in ends if end is not None]
        assert min(known) <= found.value <= max(known)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_order_of_arrival_and_equal_rows_never_matter(folder: Path, seed: int) -> None:
    _, of, reader = machine(folder, seed)
    chance = np.random.default_rng(seed)
    stirred = {}
    for key, rows in reader.rows.items():
        again = chance.integers(0, len(rows), len(rows) // 3) if len(rows) else np.empty(0, np.int64)
        order = chance.permutation(np.concatenate((np.arange(len(rows)), again)).astype(np.int64))
        stirred[key] = picked(rows, order[np.argsort(rows.time[order], kind="stable")])
    one, two = (facts(store_, of, *WHOLE) for store_ in (reader, Memory(stirred)))
    counted = ("rows", "digest")
    same = [name for name in one.slices.dtype.names or () if name not in counted]
    assert (one.slices[same] == two.slices[same]).all()
    assert (one.products == two.products).all() and (one.energy == two.energy).all()


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_bounds_profiles_and_the_product(folder: Path, seed: int) -> None:
    _, of, reader = machine(folder, seed)
    member, iso = subject(of, facts(reader, of, *WHOLE))
    tpm = Frame(iso.start, iso.end, "tpm", iso.rules, iso.plant_sha256, iso.store)
    assert sum(member.sums.time) == member.sums.window == LENGTH * 1000
    for common in (iso, tpm):
        found = {key: measure(kpi, member, common) for key, kpi in KPIS.items()}
        for key, one in found.items():
            if one.value is not None:
                assert one.low is None or one.low <= one.value, key
                assert one.high is None or one.value <= one.high, key
                assert one.coverage is not None and one.coverage >= iso.rules.coverage
            else:
                assert one.reason is not None
        a, e, q, oee = (found[key].value for key in ("availability", "effectiveness", "quality", "oee"))
        if None not in (a, e, q, oee):
            assert a * e * q == oee  # type: ignore[operator]
        assert oee == measure(KPIS["oee"], member, iso).value


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, share=st.sampled_from([1, 3, 10]))
def test_fewer_good_samples_never_narrow_the_bounds(folder: Path, seed: int, share: int) -> None:
    """Of a machine without resets, whose ends stay as they were.

    Rows that only say again what was said may all go, and every bound holds what it held. Where the row of a change
    goes too, its predecessor stands until its hold is over, so the bounds move; but they never come closer.
    """
    of = _clean(seed)
    told_plant = plant(folder, CLEAN)
    whole = store(of)
    changes = np.flatnonzero([i == 0 or of.state[i][1] != of.state[i - 1][1] for i in range(len(of.state))])
    for spared in (changes, np.empty(0, np.int64)):
        thin = _thinned(whole, share, seed, spared)
        for key in ("availability", "oee", "quality", "effectiveness", "production_rate"):
            before, after = (
                measure(KPIS[key], *subject(told_plant, facts(reader, told_plant, *WHOLE))) for reader in (whole, thin)
            )
            ends = (before.low, before.high, after.low, after.high)
            if any(end is None for end in ends):
                continue
            low, high, thin_low, thin_high = (Fraction(end) for end in ends if end is not None)
            if len(spared):
                assert thin_low <= low and high <= thin_high, key
            elif key in ("availability", "oee", "quality"):
                assert thin_high - thin_low >= high - low, key


def _thinned(whole: Memory, share: int, seed: int, spared: np.ndarray) -> Memory:
    """With so many tenths of the rows taken away, but the first and last three, and of states those spared."""
    chance = np.random.default_rng(seed)
    thin = {}
    for key, rows in whole.rows.items():
        keep = chance.integers(0, 10, len(rows)) >= share
        keep[:3] = keep[-3:] = True
        if key[1] == "state":
            keep[spared] = True
        thin[key] = picked(rows, np.flatnonzero(keep))
    return Memory(thin)


CLEAN = """
assets:
  m:
    ideal_cycle: 5s
    points:
      state: {source: plc, at: "holding:0", type: string, length: 8}
      total: {source: plc, at: "holding:8", type: uint32, counter: {}}
      good: {source: plc, at: "holding:10", type: uint32, counter: {}}
      energy: {source: plc, at: "holding:12", type: uint32, unit: Wh, counter: {}}
"""


def _clean(seed: int) -> Told:
    chance = Random(seed)
    times = [*range(0, LENGTH, 60), LENGTH]
    state, pieces, states, counts = "running", 0, [], []
    for time in times:
        if chance.randrange(5) == 0:
            state = chance.choice(["running", "idle", "down"])
        pieces += chance.randrange(13) if state == "running" else 0
        states.append((time, state))
        counts.append((time, pieces))
    always = [True] * LENGTH
    found = Told(LENGTH, always, [False] * LENGTH, 180, 300, states)
    found.counters = {"total": counts, "good": [(time, made - made // 10) for time, made in counts]}
    return found
