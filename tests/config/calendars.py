"""Calendars for tests in few words, and what time is scheduled under them by asking minute for minute."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from config.shifts import Calendar, Shift

MINUTE = 60 * 10**9
HOUR = 60 * MINUTE
EVERY_DAY = frozenset(range(7))
WORKWEEK = frozenset(range(5))


def shift(name: str, start: str, end: str, *breaks: str, days: frozenset[int] = EVERY_DAY) -> Shift:
    """`shift("night", "20:00", "32:00", "24:00-24:30")`: hours past 24 belong to the next day."""
    pauses = tuple((_minute(first), _minute(last)) for first, last in (pause.split("-") for pause in breaks))
    return Shift(name, _minute(start), _minute(end), pauses, days)


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def at(zone: str, local: str, fold: int = 0) -> int:
    """UTC [ns] of a local time that exists."""
    when = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(when.astimezone(UTC).timestamp()) * 10**9


def clock(zone: str, ns: int) -> str:
    return datetime.fromtimestamp(ns // 10**9, UTC).astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M%z")


def scheduled(calendar: Calendar, zone: ZoneInfo, minute: int) -> tuple[bool, date | None]:
    """Whether the minute that begins at this UTC [ns] is scheduled, and the date on which its shift starts.

    A minute is in a shift when its clock time is, or, in the second passage of an hour that occurs twice, when the
    whole hour lies inside the shift: ends are the first passage of their clock time.
    """
    local = datetime.fromtimestamp(minute // 10**9, UTC).astimezone(zone)
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        weekday = day.weekday()
        if any(first <= day <= last for first, last in calendar.closed):
            continue
        for one in calendar.shifts:
            if weekday in one.days and _inside(day, one.start, one.end, zone, minute):
                rests = any(_inside(day, first, last, zone, minute) for first, last in one.breaks)
                return not rests, day
    return not calendar.shifts, None


def _inside(day: date, start: int, end: int, zone: ZoneInfo, minute: int) -> bool:
    return _first(day, start, zone) <= minute < _first(day, end, zone)


@cache
def _first(day: date, minutes: int, zone: ZoneInfo) -> int:
    """The first moment at which the clocks show this time or a later one, found by looking every minute."""
    wanted = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001
    guess = wanted.replace(tzinfo=UTC) - timedelta(hours=16)
    while guess.astimezone(zone).replace(tzinfo=None) < wanted:
        behind = wanted - guess.astimezone(zone).replace(tzinfo=None)
        guess += max(timedelta(minutes=1), behind - timedelta(hours=3))
    return int(guess.timestamp()) * 10**9
