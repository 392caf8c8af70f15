"""The shipped state maps say what docs and standards say, and only states there are."""

import pytest

from config.plant import STATES
from config.states import maps, shipped


def test_the_maps_there_are() -> None:
    assert maps() == ("mtconnect", "opc40001", "packml")


@pytest.mark.parametrize("name", maps())
def test_every_reading_means_a_state(name: str) -> None:
    assert set(shipped(name).values()) <= set(STATES[1:])


def test_packml_has_all_17_states_by_number_and_name() -> None:
    """ISA-TR88.00.02: numbers 1 to 17; 0 is undefined."""
    packml = shipped("packml")
    numbers = {
        1: "Clearing",
        2: "Stopped",
        3: "Starting",
        4: "Idle",
        5: "Suspended",
        6: "Execute",
        7: "Stopping",
        8: "Aborting",
        9: "Aborted",
        10: "Holding",
        11: "Held",
        12: "Unholding",
        13: "Suspending",
        14: "Unsuspending",
        15: "Resetting",
        16: "Completing",
        17: "Complete",
    }
    assert all(packml[str(number)] == packml[name] for number, name in numbers.items())
    assert set(packml) == {*map(str, numbers), *numbers.values(), "Completed"}
    assert [name for name in numbers.values() if packml[name] == "running"] == ["Execute"]


def test_what_is_not_known_is_not_mapped() -> None:
    assert "UNAVAILABLE" not in shipped("mtconnect")
    assert "0" not in shipped("packml")
