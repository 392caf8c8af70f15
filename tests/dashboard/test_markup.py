"""Numbers and words as they stand on a page."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gemba.dashboard import markup, strip
from gemba.dashboard.evidence import shown


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5595.2, "5,595.2"), (1234567.8, "1,234,567.8"), (0.000123, "0.000123"), (7.0, "7"), (-12.5, "-12.5")],
)
def test_a_reading_keeps_its_digits(value: float, expected: str) -> None:
    assert markup.plain(value) == expected


@pytest.mark.parametrize(("lang", "expected"), [("en", "no data"), ("zh", "无数据")])
def test_what_is_unknown_is_said_in_the_language_of_the_page(lang: str, expected: str) -> None:
    assert markup.amount(None, "kWh", lang) == expected


def test_columns_of_numbers_end_at_the_right() -> None:
    html = markup.table("t", ["a", "b", "c"], [["x", "12.50 %", "text"], ["y", "—", "text"]])
    assert '<th scope="col" class="right">b</th><th scope="col">c</th>' in html


THREES = ["03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]


@pytest.mark.parametrize(
    ("zone", "start", "end", "ticks", "hours"),
    [
        ("Asia/Shanghai", "2026-11-02T00:00+08:00", "2026-11-03T00:00+08:00", THREES, [3, 6, 9, 12, 15, 18, 21]),
        (
            "Asia/Kathmandu",
            "2026-11-02T00:00+05:45",
            "2026-11-02T05:00+05:45",
            ["01:00", "02:00", "03:00", "04:00"],
            [1, 2, 3, 4],
        ),
        ("Europe/Berlin", "2027-03-28T00:00+01:00", "2027-03-29T00:00+02:00", THREES, [2, 5, 8, 11, 14, 17, 20]),
        ("Europe/Berlin", "2027-10-31T00:00+02:00", "2027-11-01T00:00+01:00", THREES, [4, 7, 10, 13, 16, 19, 22]),
    ],
)
def test_the_hours_of_the_plant_stand_below_the_strip(
    zone: str, start: str, end: str, ticks: list[str], hours: list[int]
) -> None:
    """Each so many hours after the start as have passed by then; on the last two days the clocks are changed."""
    begin, finish = datetime.fromisoformat(start), datetime.fromisoformat(end)
    html = strip.axis(begin, finish, ZoneInfo(zone))
    found = re.findall(r'class="tick" style="left:([0-9.]+)%">([0-9:]+)<', html)
    whole = (finish - begin).total_seconds() / 3600
    assert found == [(f"{hour / whole * 100:.2f}", tick) for tick, hour in zip(ticks, hours, strict=True)]


def test_evidence_tells_times_in_hours_and_escapes_what_it_is_told() -> None:
    told = {"kpi": "oee", "value": 0.5, "unit": "1", "reason": None, "terms": {"PBT": 7_200_000}, "inputs": {"<b>": 1}}
    html = shown(told, "kpis/rows/0/kpis/oee", "<i>", "zh")
    assert "<code>7200000</code>" in html and "2.00 h · 计划时间（PBT）" in html and "50.00 %" in html
    assert "&lt;b&gt;" in html and "<i>" not in html and "<b>" not in html


@pytest.mark.parametrize(
    ("kpi", "lang", "expected"),
    [
        ("key_process_nc", "en", "2 of 3 processes"),
        ("key_process_nc", "zh", "2 / 3 道工序"),
        ("networking", "en", "2 of 3 devices"),
    ],
)
def test_a_rate_says_what_it_counts(kpi: str, lang: str, expected: str) -> None:
    told = {"kpi": kpi, "value": 0.6667, "reason": None, "numerator": 2, "denominator": 3}
    assert f">{expected}</p>" in markup.gauge(told, f"kpis/rates/{kpi}", kpi, lang)


def test_a_table_of_nothing_is_a_dash() -> None:
    """Heads alone would look as if something were still to come."""
    assert markup.table("sources", ["source", "link"], []) == '<p class="quiet">—</p>'
    assert "<thead>" in markup.table("sources", ["source", "link"], [["plc", "up"]])
