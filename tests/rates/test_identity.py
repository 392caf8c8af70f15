"""An identity proves the machine that is alone behind its source, and nothing else."""

from pathlib import Path

import pytest

from config.zone import DAY
from kpi.identity import identified
from kpi.networking import window
from kpi.rates import rates
from store.reader import Event
from tests.energy.plants import plant
from tests.kpi.memory import Memory
from tests.rates.facts import Told, at

ASSETS = """
assets:
  press: {points: {state: {source: plc, at: "holding:0", type: uint16, states: {1: running}}}}
  saw: {points: {power: {source: meter, at: "input:0", type: uint16, unit: kW}}}
"""
TWO = """
assets:
  press: {points: {state: {source: plc, at: "holding:0", type: uint16, states: {1: running}}}}
  saw: {points: {total: {source: plc, at: "holding:1", type: uint16, counter: {}}}}
"""
REGISTER = "press,a,,,production,native,yes,yes,,,\nsaw,a,,,production,none,,,,,\n"
SAYS = {"VendorName": "Gemba"}


@pytest.mark.parametrize(
    ("assets", "events", "proven"),
    [
        (ASSETS, [("plc", SAYS)], {"press"}),
        (ASSETS, [("meter", SAYS)], set()),
        (ASSETS, [("plc", {})], set()),
        (ASSETS, [("gone", SAYS)], set()),
        (ASSETS, [], set()),
        (TWO, [("plc", SAYS)], set()),
    ],
)
def test_whose_identity_it_is(
    assets: str, events: list[tuple[str, dict[str, str]]], proven: set[str], tmp_path: Path
) -> None:
    of = plant(tmp_path, assets, REGISTER)
    begin = at(of, "2026-09-01")
    log = [Event(n, begin + DAY, "identity", {"source": s, "identity": i}) for n, (s, i) in enumerate(events)]
    known = identified(Memory({}, events=log), of, begin + 30 * DAY)
    assert known == dict.fromkeys(proven, begin + DAY)
    found = rates(of, Told(of, begin, begin + 30 * DAY).polls(), window(of, begin + 30 * DAY, begin), known)
    for name in ("digitalization", "key_equipment_nc", "key_process_nc"):
        assert (found[name].numerator, found[name].low) == (1, len(proven)), name
    assert found["digitalization"].also["contradictions"] == [], "an identity is no point"


def test_an_identity_counts_from_when_it_was_known(tmp_path: Path) -> None:
    of = plant(tmp_path, ASSETS, REGISTER)
    begin = at(of, "2026-09-01")
    log = [Event(n, begin + day * DAY, "identity", {"source": "plc", "identity": SAYS}) for n, day in enumerate((9, 5))]
    known = identified(Memory({}, events=log), of, begin + 30 * DAY)
    assert known == {"press": begin + 5 * DAY}
    polls = Told(of, begin, begin + 30 * DAY).polls()
    for day, low in ((5, 0), (6, 1)):
        assert rates(of, polls, window(of, begin + day * DAY, begin), known)["digitalization"].low == low
