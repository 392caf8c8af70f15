"""When a message says that its values were so. Pure: what the payload wrote becomes nanoseconds, or nothing at all.

Text is ISO 8601 with an offset; a number counts seconds, milliseconds, microseconds or nanoseconds since 1970, told
apart by its magnitude. A time that cannot be meant (a clock that was never set, one that runs ahead) is not believed.
"""

import re
from datetime import date
from decimal import Decimal
from math import isfinite

from config.plant import SECOND

EARLIEST = 1_262_304_000 * SECOND
"""2010: clocks that lost their battery begin in 1970, 1980 or 2000."""
AHEAD = 2 * SECOND
"""A value cannot be younger than its receipt; so much may two clocks differ."""

_1970 = date(1970, 1, 1).toordinal()
_LARGEST = 2**63 - 1
_SCALES = ((10**11, SECOND), (10**14, 10**6), (10**17, 10**3))
_ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,18}))?)?"
    r"(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2})?)"
)
_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,18})?")


def nanoseconds(written: object) -> int | None:
    """UTC [ns], or None for what is no time: a number or text of another form, a text without its offset."""
    if isinstance(written, str):
        if found := _ISO.fullmatch(written):
            return _iso(found)
        return _epoch(Decimal(written)) if _NUMBER.fullmatch(written) else None
    if isinstance(written, int) and not isinstance(written, bool):
        return _epoch(written)
    if isinstance(written, float) and isfinite(written):
        return _epoch(Decimal(repr(written)))
    return None


def plausible(stamp: int, now: int) -> bool:
    return EARLIEST <= stamp <= now + AHEAD


def _epoch(number: int | Decimal) -> int | None:
    stamp = int(number * next((scale for limit, scale in _SCALES if number < limit), 1))
    return stamp if 0 < stamp <= _LARGEST else None


def _iso(found: re.Match[str]) -> int | None:
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _1970
    except ValueError:
        return None
    clock = int(hour), int(minute), int(second or 0)
    ahead = int(hours or 0), int(minutes or 0)
    if clock >= (24,) or max(clock[1:]) > 59 or ahead >= (24,) or ahead[1] > 59:
        return None
    offset = (ahead[0] * 60 + ahead[1]) * (-1 if sign == "-" else 1)
    seconds = days * 86400 + clock[0] * 3600 + (clock[1] - offset) * 60 + clock[2]
    stamp = seconds * SECOND + int((fraction or "0")[:9].ljust(9, "0"))
    return stamp if 0 < stamp <= _LARGEST else None
