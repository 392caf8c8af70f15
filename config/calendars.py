"""Calendars: shifts by their local clock times, the days on which they do not run, and the official working days."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cache
from itertools import combinations_with_replacement
from typing import Any, Literal

from config.cursor import Cursor, Reject, mapping
from config.files import content
from config.keys import NONE, REQUIRED, Key, Section, exactly
from config.register import yes_or_no
from config.shifts import ALWAYS, Calendar, Shift
from config.values import MINUTES, a_date, clock, clocks, dates, name, named, path, sequence, weekdays

_WEEKEND = frozenset((5, 6))

SHIFT = Section(
    "calendars.<calendar>.shifts[]",
    (
        Key("name", name, "name", "shift-1, shift-2, …", "", "day"),
        Key("start", clock, "time of day", REQUIRED, "local time", '"08:00"'),
        Key("end", clock, "time of day", REQUIRED, "local time", '"20:00"'),
        Key("breaks", sequence(clocks), "list of time-time", "[]", "local time", '["12:00-12:30"]'),
        Key("days", weekdays, "days of the week", "mon-sun", "", "mon-sat"),
        Key("from", a_date, "date", "since ever", "", "2026-01-01"),
        Key("until", a_date, "date, the last on which it starts", "for ever", "", "2026-12-31"),
    ),
)


def _shift(cursor: Cursor) -> Shift:
    values = exactly(SHIFT)(cursor)
    start, end = values["start"], values["end"]
    if start == MINUTES:
        cursor.spot("start").fault("a shift starts before 24:00", 'write "00:00"', "24:00")
    end += MINUTES if end <= start else 0
    since, until = values.get("from"), values.get("until")
    if since and until and until < since:
        cursor.spot("until").fault("a shift must not end before it begins", "mend `from` or `until`", str(until))
    pauses = _breaks(cursor, start, end, values.get("breaks", ()))
    days = values.get("days", frozenset(range(7)))
    return Shift(values.get("name", ""), start, end, pauses, days, since, until)


def _breaks(cursor: Cursor, start: int, end: int, given: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    placed: list[tuple[int, int]] = []
    for first, last in given:
        begin = first if first >= start else first + MINUTES
        stop = begin + (last - first if last > first else last - first + MINUTES)
        if stop > end or begin >= end:
            got = f"{_shown(first)}-{_shown(last)}"
            cursor.spot("breaks").fault("a break lies outside its shift", "mend the break or the shift", got)
        elif any(begin < other_stop and other < stop for other, other_stop in placed):
            got = f"{_shown(first)}-{_shown(last)}"
            cursor.spot("breaks").fault("two breaks overlap", "make one of them", got)
        placed.append((begin, stop))
    return tuple(sorted(placed))


def _shown(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _shifts(cursor: Cursor) -> tuple[Shift, ...]:
    made = sequence(_shift)(cursor)
    if not cursor.node.value:
        raise Reject("a calendar has at least one shift", "write one, or `calendar: always`")
    return tuple(shift if shift.name else Shift(f"shift-{i}", *_rest(shift)) for i, shift in enumerate(made, 1))


def _rest(shift: Shift) -> tuple[Any, ...]:
    return shift.start, shift.end, shift.breaks, shift.days, shift.since, shift.until


def _workdays(cursor: Cursor) -> Literal["china"] | Mapping[date, bool]:
    if cursor.node.value == "china":
        return "china"
    if not isinstance(cursor.node.value, dict):
        raise Reject("must be `china` or {file: path}", "write one of them")
    file = cursor.need("file", path, "write {file: workdays.csv}")
    cursor.close(("file",))
    return {} if file is None else _listed(cursor, file)


def _listed(cursor: Cursor, file: Any) -> Mapping[date, bool]:
    """Lines `2026-10-10,yes`: dates that differ from the week, and whether they are worked."""
    try:
        lines = content(file).decode("utf-8-sig").splitlines()
    except (OSError, ValueError):
        raise Reject(
            "the file of working days cannot be read", "write lines such as 2026-10-10,yes", str(file)
        ) from None
    found: dict[date, bool] = {}
    for number, line in enumerate(lines, 1):
        day, _, word = (part.strip() for part in line.partition(","))
        if not day or day.startswith("#") or (number == 1 and not day[0].isdigit()):
            continue
        works = yes_or_no(word)
        try:
            found[date.fromisoformat(day)] = bool(works)
        except ValueError:
            works = None
        if works is None:
            raise Reject("a working day is a date and yes or no", f"mend line {number} of {file.name}", line[:60])
    return found


CALENDAR = Section(
    "calendars.<calendar>",
    (
        Key("shifts", _shifts, "list", REQUIRED, "", '[{start: "08:00", end: "20:00"}]'),
        Key("closed", sequence(dates), "list of dates and ranges", "[]", "", '["2026-10-01..2026-10-07"]'),
        Key("workdays", _workdays, "china | {file: path}", NONE, "", "china"),
    ),
)


def calendar(cursor: Cursor, key: str) -> Calendar:
    values = exactly(CALENDAR)(cursor)
    made = Calendar(key, **values)
    _overlaps(cursor.spot("shifts"), made)
    return made


def calendars(cursor: Cursor) -> dict[str, Calendar]:
    found = {}
    for key, child in cursor.children():
        if key == ALWAYS.name:
            child.fault("`always` is round the clock, and has no shifts", "call the calendar otherwise")
            continue
        made = child.parsed(lambda c, key=key: calendar(c, named(key)), None)  # type: ignore[misc]
        if made:
            found[key] = made
    return found


def chosen(cursor: Cursor, known: Mapping[str, Calendar], named: frozenset[str]) -> Calendar:
    """The plant's: by its name, or written in place; `named` are those of the file, right or wrong."""
    if isinstance(cursor.node.value, dict):
        return calendar(mapping(cursor), "calendar")
    wanted = name(cursor)
    if wanted == ALWAYS.name:
        return ALWAYS
    if wanted not in named:
        raise Reject("there is no such calendar", f"known: {', '.join([*sorted(named), ALWAYS.name])}")
    return known.get(wanted, ALWAYS)


# -- overlap -----------------------------------------------------------------------------------------------------------
def _overlaps(cursor: Cursor, made: Calendar) -> None:
    adjusted = (
        frozenset[int]() if made.workdays is None else _WEEKEND if made.workdays == "china" else frozenset(range(7))
    )
    for first, second in combinations_with_replacement(made.shifts, 2):
        if _meet(first, second, adjusted):
            got = first.name if first is second else f"{first.name} and {second.name}"
            cursor.fault("shifts overlap", "mend their times, days or dates", got)


def _meet(first: Shift, second: Shift, adjusted: frozenset[int]) -> bool:
    """Whether `second` may start while `first` runs, on the same date or a day before or after."""
    for later in (-1, 0, 1):
        if first is second and later == 0:
            continue
        apart = later * MINUTES
        if max(first.start, second.start + apart) >= min(first.end, second.end + apart):
            continue
        if _same_days(first, second, later, adjusted):
            return True
    return False


def _same_days(first: Shift, second: Shift, later: int, adjusted: frozenset[int]) -> bool:
    """Whether there are two such days; one that may be adjusted may run the shifts of Monday in place of its own."""

    def kinds(day: int) -> tuple[int, ...]:
        return (day, 0) if day in adjusted else (day,)

    days = _dates(first, second, later)
    if later == 0:
        return any(kind in first.days & second.days for day in days for kind in kinds(day))
    pairs = ((kind, other) for day in days for kind in kinds(day) for other in kinds((day + later) % 7))
    return any(kind in first.days and other in second.days for kind, other in pairs)


def _dates(first: Shift, second: Shift, later: int) -> Iterable[int]:
    """The weekdays of the dates on which `first` may start, and `second` so many days later."""
    step = timedelta(days=later)
    since = [day for day in (first.since, second.since and second.since - step) if day]
    until = [day for day in (first.until, second.until and second.until - step) if day]
    if not since or not until:
        return range(7)
    begin = max(since)
    length = (min(until) - begin).days + 1
    return [(begin + timedelta(days=day)).weekday() for day in range(min(length, 7))]


# -- official working days ---------------------------------------------------------------------------------------------
@cache
def china() -> Mapping[date, bool]:
    """The dates on which the official calendar differs from the week: False a holiday, True an adjusted working day."""
    from chinese_calendar.constants import holidays, workdays

    return {**dict.fromkeys(holidays, False), **dict.fromkeys(workdays, True)}


@cache
def _china_years() -> frozenset[int]:
    return frozenset(day.year for day in china())


def known_until(of: Calendar) -> date | None:
    """The last date of which the official calendar is known; None where there is none to know."""
    _, years = exceptions(of)
    return date(max(years), 12, 31) if years else None


def exceptions(of: Calendar) -> tuple[Mapping[date, bool], frozenset[int] | None]:
    """Holidays and adjusted days, and the years of which they are known (None: nothing to know)."""
    if of.workdays is None:
        return {}, None
    if of.workdays == "china":
        return china(), _china_years()
    return of.workdays, frozenset(day.year for day in of.workdays)
