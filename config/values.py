"""Values as a plant file writes them: durations, rates, sizes, shares, dates and clock times, read exactly."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from config.cursor import Cursor, Reject, number, text

T = TypeVar("T")

NANOSECONDS = {"ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES = 24 * 60
YEARS = range(1970, 2200)
_MEASURE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?) ?(%|/?[A-Za-z]+)")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAME = re.compile(r"\w[\w.-]{0,63}")


def _measure(cursor: Cursor, units: dict[str, int], what: str, do: str) -> tuple[Fraction, int]:
    found = _MEASURE.fullmatch(text(cursor))
    if not found or found[2] not in units:
        raise Reject(f"must be {what}, a number and one of {', '.join(units)}", do)
    return Fraction(found[1]), units[found[2]]


def span(cursor: Cursor) -> Fraction:
    """A duration above zero, exact [s]."""
    amount, unit = _measure(cursor, NANOSECONDS, "a duration", "write it as 500ms, 1s, 5min, 8h or 30d")
    if not amount:
        raise Reject("must be longer than nothing", "write it as 500ms, 1s, 5min, 8h or 30d")
    return amount * unit / 10**9


def duration(cursor: Cursor) -> int:
    """A duration of whole nanoseconds, above zero [ns]."""
    whole = span(cursor) * 10**9
    if whole.denominator != 1 or whole > 10**18:
        raise Reject("must be a duration of whole nanoseconds up to 30 years", "write fewer digits")
    return int(whole)


def rate(cursor: Cursor) -> Fraction:
    """So many per time, above zero [1/s]."""
    units = {f"/{unit}": ns for unit, ns in NANOSECONDS.items()}
    amount, unit = _measure(cursor, units, "a rate", "write it as 1/s, 0.02/s or 36000/h")
    if not amount:
        raise Reject("must be more than nothing", "write it as 1/s, 0.02/s or 36000/h")
    return amount * 10**9 / unit


def size(cursor: Cursor) -> int:
    """Bytes; units are decimal."""
    amount, unit = _measure(cursor, BYTES, "a size", "write it as 500MB or 20GB")
    if amount * unit < 1 or amount * unit > 10**18:
        raise Reject("must be a size from 1B to 1000000TB", "write it as 500MB or 20GB")
    return int(amount * unit)


def share(cursor: Cursor) -> Fraction:
    """From 0 to 1; `10%` and `0.1` are the same."""
    written = _MEASURE.fullmatch(cursor.node.text)
    if written and written[2] == "%":
        part = Fraction(written[1]) / 100
    else:
        part = fraction(cursor)
    if not 0 <= part <= 1:
        raise Reject("must be a share from 0 to 1", "write it as 0.9 or 90%")
    return part


def fraction(cursor: Cursor) -> Fraction:
    value = number(cursor)
    try:
        small = value == 0 or Decimal("1e-30") < abs(value) < Decimal("1e30")
    except InvalidOperation:
        small = False
    if not small:
        raise Reject("must be a number between 1e-30 and 1e30", "write it in another unit")
    return Fraction(value)


def positive(cursor: Cursor) -> Fraction:
    value = fraction(cursor)
    if value <= 0:
        raise Reject("must be above zero", "write a number above 0")
    return value


def not_negative(cursor: Cursor) -> Fraction:
    value = fraction(cursor)
    if value < 0:
        raise Reject("must not be negative", "write 0 or more")
    return value


def within(low: int, high: int) -> Callable[[Cursor], int]:
    """A whole number from `low` to `high`, both included."""

    def parse(cursor: Cursor) -> int:
        value = cursor.node.value
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Reject(f"must be a whole number from {low} to {high}", "write one of these")
        return value

    return parse


def name(cursor: Cursor) -> str:
    """What a thing is called: letters of any script, digits, `_`, `.` and `-`, at most 64 of them."""
    word = text(cursor)
    if not _NAME.fullmatch(word):
        raise Reject("must be a name of letters, digits, `_`, `.` and `-`", "take out spaces and other signs")
    return word


def named(key: str) -> str:
    """The same of a key; raises Reject."""
    if not _NAME.fullmatch(key):
        raise Reject("a name is made of letters, digits, `_`, `.` and `-`", "take out spaces and other signs", key)
    return key


def path(cursor: Cursor) -> Path:
    """A path, relative to the file that names it."""
    written = text(cursor)
    if "\0" in written:
        raise Reject("must be a path", "write it as ./data")
    return cursor.folder / written


def sequence(parse: Callable[[Cursor], T]) -> Callable[[Cursor], tuple[T, ...]]:
    """A list, each item a fault of its own where it is wrong."""

    def parse_all(cursor: Cursor) -> tuple[T, ...]:
        found: list[T] = []
        for item in cursor.items():
            value = item.parsed(parse, None)
            if value is not None:
                found.append(value)
        return tuple(found)

    return parse_all


# -- dates and clock times ---------------------------------------------------------------------------------------------
def a_date(cursor: Cursor) -> date:
    return _date(text(cursor))


def _date(written: str) -> date:
    try:
        if _DATE.fullmatch(written) and (day := date.fromisoformat(written)).year in YEARS:
            return day
    except ValueError:
        pass
    raise Reject("must be a date from 1970 to 2199", "write it as 2026-10-01", written)


def dates(cursor: Cursor) -> tuple[date, date]:
    """A date, or a range of them with both ends included."""
    first, _, last = text(cursor).partition("..")
    begin, end = _date(first.strip()), _date((last or first).strip())
    if end < begin:
        raise Reject("a range must not end before it begins", "write the earlier date first")
    return begin, end


def moment(cursor: Cursor) -> date | datetime:
    """A date or date-time, not yet placed in a zone."""
    return _moment(text(cursor))


def _moment(written: str) -> date | datetime:
    if _DATE.fullmatch(written):
        return _date(written)
    try:
        when = datetime.fromisoformat(written)
        if when.year in YEARS:
            return when
    except ValueError:
        pass
    raise Reject("must be a date or date-time from 1970 to 2199", "write it as 2026-11-10T08:00", written)


def clock(cursor: Cursor) -> int:
    """A time of day [min after 00:00]; 24:00 is the end of the day."""
    return _clock(text(cursor))


def _clock(written: str) -> int:
    found = _CLOCK.fullmatch(written)
    minutes = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else MINUTES + 1
    if minutes > MINUTES:
        raise Reject("must be a time of day from 00:00 to 24:00", 'write it as "08:00"', written)
    return minutes


def clocks(cursor: Cursor) -> tuple[int, int]:
    """`12:00-12:30` as written, not yet placed behind midnight."""
    first, _, last = text(cursor).partition("-")
    return _clock(first.strip()), _clock(last.strip())


def weekdays(cursor: Cursor) -> frozenset[int]:
    """`mon-sat`, `sat,sun`, or a list of such; 0 is Monday."""
    parts = [text(item) for item in cursor.items()] if isinstance(cursor.node.value, list) else [text(cursor)]
    found: set[int] = set()
    for part in ",".join(parts).split(","):
        first, _, last = (side.strip() for side in part.partition("-"))
        if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
            raise Reject("must be days of the week", "write mon-sat, or sat,sun", part.strip() or "nothing")
        begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        found.update(day % 7 for day in range(begin, (end if end >= begin else end + 7) + 1))
    return frozenset(found)


def timezone(cursor: Cursor) -> ZoneInfo:
    written = text(cursor)
    try:
        return ZoneInfo(written)
    except (ValueError, OSError, LookupError):
        raise Reject("must be an IANA time zone", "write it as Asia/Shanghai") from None
