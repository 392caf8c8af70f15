"""Laws of the networking rate: it is the rule's, silence never raises it, and its bounds hold what is missing."""

from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plant import Plant
from config.zone import DAY
from kpi.networking import window
from kpi.rate import Rate
from kpi.rates import rates
from tests.energy.plants import plant
from tests.rates.facts import Told, at, days

NAMES = ("press-01", "press-02", "press-03")
SPAN = 10


@cache
def of() -> Plant:
    lines = [
        f'  {name}: {{source: plc, points: {{state: {{at: "holding:{n}", type: uint16, states: {{1: running}}}}}}}}'
        for n, name in enumerate(NAMES)
    ]
    register = "".join(f"{name},a,,,production,native,,,,,\n" for name in NAMES)
    return plant(Path(mkdtemp()), "\n".join(["assets:", *lines, ""]), register)


heard = st.lists(st.sampled_from(["1", "0.9", "0.8", "0.7", "0.5", "0", "_"]), min_size=SPAN, max_size=SPAN).map(
    lambda shares: " ".join(f"1x{share}" for share in shares)
)
plants = st.tuples(heard, heard, heard)


def told(texts: tuple[str, ...], shuffle: bool = False) -> Rate:
    begin = at(of(), "2026-09-01")
    found = Told(of(), begin, begin + SPAN * DAY)
    for name, text in zip(NAMES, texts, strict=True):
        found.heard(name, text)
    if shuffle:
        found.links, found.slices = found.links[::-1].copy(), np.roll(found.slices, 777)
    return rates(of(), found.polls(), window(of(), begin + SPAN * DAY, begin))["networking"]


def by_the_rule(text: str) -> bool:
    shares = days(text)
    known = [share for share in shares if share is not None]
    good_days = sum(share > 0 for share in known)
    return bool(known) and good_days >= Fraction(9, 10) * SPAN and sum(known) >= Fraction(8, 10) * len(known)


@settings(max_examples=60, deadline=None)
@given(plants)
def test_a_device_is_networked_by_the_rule_and_nothing_else(texts: tuple[str, ...]) -> None:
    rate = told(texts)
    assert rate.assets == tuple(name for name, text in zip(NAMES, texts, strict=True) if by_the_rule(text))
    missing = sum(text.count("_") for text in texts)
    assert rate.coverage == Fraction(3 * SPAN - missing, 3 * SPAN)
    assert (rate.reason == "low_coverage") == (rate.coverage < Fraction(9, 10))
    assert rate.low is not None and rate.numerator is not None and rate.high is not None
    assert rate.low <= rate.numerator <= rate.high
    assert len(rate.assets) + len(rate.excluded) == rate.denominator == 3


@settings(max_examples=30, deadline=None)
@given(plants, st.integers(0, 2), st.integers(0, SPAN - 1))
def test_silence_never_raises_the_rate(texts: tuple[str, ...], which: int, day: int) -> None:
    runs = texts[which].split()
    worse = (*texts[:which], " ".join([*runs[:day], "1x0", *runs[day + 1 :]]), *texts[which + 1 :])
    before, after = told(texts), told(worse)
    assert after.numerator is not None and before.numerator is not None
    if "_" not in runs[day]:
        assert after.numerator <= before.numerator
    assert after.high is not None and before.high is not None and after.high <= before.high


@settings(max_examples=30, deadline=None)
@given(plants, st.integers(0, 2), st.integers(0, SPAN - 1))
def test_losing_history_never_narrows(texts: tuple[str, ...], which: int, day: int) -> None:
    runs = texts[which].split()
    less = (*texts[:which], " ".join([*runs[:day], "1x_", *runs[day + 1 :]]), *texts[which + 1 :])
    before, after = told(texts), told(less)
    bounds = before.low, after.low, before.high, after.high
    assert all(bound is not None for bound in bounds)
    assert after.low <= before.low and after.high >= before.high  # type: ignore[operator]


@settings(max_examples=15, deadline=None)
@given(plants)
def test_the_order_of_facts_never_matters(texts: tuple[str, ...]) -> None:
    assert told(texts, shuffle=True) == told(texts)
