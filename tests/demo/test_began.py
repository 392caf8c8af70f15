"""When the history of a demo begins: at whatever hour it is started, the days that were asked for are whole."""

from datetime import datetime
from pathlib import Path

import pytest

from config.load import load
from config.zone import nanoseconds, shown
from gemba.demo.stage import began


@pytest.mark.parametrize(
    ("now", "days", "begun"),
    [
        ("2027-01-01T00:01:07+08:00", 1, "2026-12-30T17:01:00+08:00"),
        ("2027-01-01T06:59:59+08:00", 1, "2026-12-30T23:59:50+08:00"),
        ("2027-01-01T07:00:00+08:00", 1, "2026-12-31T00:00:00+08:00"),
        ("2027-01-01T07:00:10+08:00", 1, "2026-12-30T00:00:10+08:00"),
        ("2027-01-01T23:59:00+08:00", 1, "2026-12-30T16:59:00+08:00"),
        ("2028-03-01T00:01:00+08:00", 35, "2028-01-25T17:01:00+08:00"),
        ("2028-02-29T12:00:00+08:00", 3, "2028-02-25T05:00:00+08:00"),
    ],
)
def test_history_begins_before_the_first_of_the_days(site: Path, now: str, days: int, begun: str) -> None:
    """Worked out by hand: seven hours and a whole number of days ago, the fewest that reach 00:00 of the first day."""
    plant = load(site)
    assert shown(began(plant, days, nanoseconds(datetime.fromisoformat(now))), plant.timezone) == begun
