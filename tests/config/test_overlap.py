"""Shifts overlap exactly when two of them do on some date: found by rule, and by laying out four weeks."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from config.calendars import calendar
from config.cursor import Cursor
from config.document import parse
from config.shifts import Calendar, Shift
from config.slices import roster
from config.zone import DAY, Offsets
from tests.config.calendars import at

FIRST = date(2026, 11, 2)
UTC = ZoneInfo("UTC")


def written(shift: Shift) -> str:
    def clock(minute: int) -> str:
        return f"{minute // 60 % 24:02d}:{minute % 60:02d}"

    days = ",".join(("mon", "tue", "wed", "thu", "fri", "sat", "sun")[day] for day in sorted(shift.days))
    dates = "".join(f", {key}: {day}" for key, day in (("from", shift.since), ("until", shift.until)) if day)
    return f'{{start: "{clock(shift.start)}", end: "{clock(shift.end)}", days: "{days}"{dates}}}'


@st.composite
def shifts(draw: st.DrawFn) -> Shift:
    start = draw(st.integers(0, 47)) * 30
    end = start + draw(st.integers(1, 48)) * 30
    since = draw(st.none() | st.integers(0, 20))
    until = draw(st.none() | st.integers(since or 0, 27))
    return Shift(
        "s",
        start,
        end,
        (),
        draw(st.frozensets(st.integers(0, 6), min_size=1, max_size=3)),
        None if since is None else FIRST + timedelta(days=since),
        None if until is None else FIRST + timedelta(days=until),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(shifts(), min_size=1, max_size=3))
def test_the_rule_agrees_with_the_dates(made: list[Shift]) -> None:
    node, faults = parse(f"shifts: [{', '.join(map(written, made))}]", "c.yaml")
    cursor = Cursor(node, "c.yaml", faults)
    assert cursor.parsed(lambda c: calendar(c, "c"), None) is not None
    start = at("UTC", FIRST.isoformat() + "T00:00") - 7 * DAY
    end = start + 56 * DAY
    laid = roster(Calendar("c", tuple(made)), Offsets(UTC, start, end), start, end)
    meets = any(later < earlier for earlier, later in zip(laid.end.tolist(), laid.start.tolist()[1:], strict=False))
    assert bool(faults) == meets
