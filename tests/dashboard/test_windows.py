"""Which time a page is about, at the hours that are easily got wrong: just after a day began, on the first of a month,
on days on which the clocks are changed. Nothing is counted of time that has not been."""

from datetime import datetime
from pathlib import Path

import pytest

from config.zone import nanoseconds, shown
from gemba.dashboard import ask
from gemba.dashboard.machine import drawn_of
from kpi.api.service import Service

PLANT = """
plant: hours-01
timezone: {zone}
data: ./data
sources: {{plc: {{protocol: modbus, url: "tcp://127.0.0.1:9"}}}}
assets: {{saw-01: {{points: {{state: {{source: plc, at: "holding:0", states: {{1: running}}}}}}}}}}
"""
DAY = 'calendar: {shifts: [{name: day, start: "08:00", end: "20:00", days: mon-sat}]}\n'
THREE = """\
calendar: {shifts: [{start: "06:00", end: "14:00"}, {start: "14:00", end: "22:00"}, {start: "22:00", end: "06:00"}]}
"""
SHANGHAI, BERLIN, NEW_YORK = "Asia/Shanghai", "Europe/Berlin", "America/New_York"
CASES = [
    # the first minute of a day, of a year, and the one after it
    (SHANGHAI, "", "2027-01-01T00:00:20+08:00", "today", "2027-01-01T00:00:00+08:00", "2027-01-01T00:00:20+08:00"),
    (SHANGHAI, "", "2027-01-01T00:01:59+08:00", "today", "2027-01-01T00:00:00+08:00", "2027-01-01T00:01:00+08:00"),
    (SHANGHAI, "", "2027-01-01T00:00:20+08:00", "day", "2026-12-31T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
    (SHANGHAI, "", "2027-01-01T00:00:20+08:00", "30d", "2026-12-02T00:00:00+08:00", "2027-01-01T00:00:00+08:00"),
    (SHANGHAI, "", "2028-03-01T00:00:20+08:00", "day", "2028-02-29T00:00:00+08:00", "2028-03-01T00:00:00+08:00"),
    (SHANGHAI, "", "2028-02-29T23:59:59+08:00", "today", "2028-02-29T00:00:00+08:00", "2028-02-29T23:59:00+08:00"),
    # before the first shift it is still yesterday; Sunday 28 February has no shift, and begins when others do
    (SHANGHAI, DAY, "2027-03-01T00:01:00+08:00", "today", "2027-02-28T08:00:00+08:00", "2027-03-01T00:01:00+08:00"),
    (SHANGHAI, DAY, "2027-03-01T07:59:59+08:00", "day", "2027-02-27T08:00:00+08:00", "2027-02-28T08:00:00+08:00"),
    (SHANGHAI, DAY, "2027-03-01T08:00:01+08:00", "today", "2027-03-01T08:00:00+08:00", "2027-03-01T08:00:01+08:00"),
    (SHANGHAI, DAY, "2027-03-01T08:01:00+08:00", "7d", "2027-02-22T08:00:00+08:00", "2027-03-01T08:00:00+08:00"),
    # days of 23 and of 25 hours, and weeks that hold one
    (BERLIN, "", "2027-03-29T00:01:00+02:00", "day", "2027-03-28T00:00:00+01:00", "2027-03-29T00:00:00+02:00"),
    (BERLIN, "", "2027-03-29T00:01:00+02:00", "7d", "2027-03-22T00:00:00+01:00", "2027-03-29T00:00:00+02:00"),
    (BERLIN, "", "2027-11-01T00:01:00+01:00", "day", "2027-10-31T00:00:00+02:00", "2027-11-01T00:00:00+01:00"),
    (BERLIN, "", "2027-11-01T00:01:00+01:00", "30d", "2027-10-02T00:00:00+02:00", "2027-11-01T00:00:00+01:00"),
    (NEW_YORK, THREE, "2027-03-14T06:01:00-04:00", "day", "2027-03-13T06:00:00-05:00", "2027-03-14T06:00:00-04:00"),
    (NEW_YORK, THREE, "2027-11-07T05:59:00-05:00", "today", "2027-11-06T06:00:00-04:00", "2027-11-07T05:59:00-05:00"),
    (NEW_YORK, THREE, "2027-11-07T06:01:00-05:00", "7d", "2027-10-31T06:00:00-04:00", "2027-11-07T06:00:00-05:00"),
]


def ns(word: str) -> int:
    return nanoseconds(datetime.fromisoformat(word))


@pytest.mark.parametrize(("zone", "calendar", "now", "name", "begin", "end"), CASES)
def test_a_span_at_an_awkward_hour(
    tmp_path: Path, zone: str, calendar: str, now: str, name: str, begin: str, end: str
) -> None:
    file = tmp_path / "plant.yaml"
    file.write_text(PLANT.format(zone=zone) + calendar, encoding="utf-8")
    service = Service(file, clock=lambda: ns(now))
    found = ask.window(service, name)
    assert tuple(shown(time, service.plant().timezone) for time in found) == (begin, end)
    assert found[1] <= ns(now)


@pytest.mark.parametrize(
    ("begin", "end", "drawn"),
    [
        ("2027-03-28T00:00:00+01:00", "2027-03-29T00:00:00+02:00", "2027-03-28T00:00:00+01:00"),
        ("2027-10-31T00:00:00+02:00", "2027-11-01T00:00:00+01:00", "2027-10-31T00:00:00+02:00"),
        ("2027-10-25T00:00:00+02:00", "2027-11-01T00:00:00+01:00", "2027-10-31T01:00:00+02:00"),
    ],
)
def test_the_strip_of_a_day_is_that_of_all_its_hours(begin: str, end: str, drawn: str) -> None:
    assert drawn_of((ns(begin), ns(end))) == (ns(drawn), ns(end))
