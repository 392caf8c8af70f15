"""The shape of a plant in InfluxDB: measurements, tags, the fields that a point becomes, and how names are escaped.

A point of one asset at one time is a *cell*, spread over up to five fields. `<point>_q` decides: absent or of Good
severity, the value or the text counts; Bad, there is none. So a cell that is written again with all of its fields
overrules whatever stood there, though no field can ever be taken away (docs/influxdb.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from config.plant import STATES
from config.value import Reading, meaning
from store.journal.segment import PLACES

ASSET, LINK, EVENT = "asset", "link", "event"
WRITTEN = "written"  # of each asset and hour: when a row of it was last written
HOUR = 3600 * 10**9
NOT_IMPORTED = -1  # of `<point>_hold`, where a cell of the agent's takes the place of an imported one
SPREAD = 1 << 16  # [ns] an event stands up to so much behind its time, so that two of one time are two rows
EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Fields:
    """Names of a cell's fields. Of `state` the value is Gemba's code, and the text the reading as it was."""

    value: str
    text: str
    quality: str
    hold: str
    scaled: str

    @property
    def all(self) -> tuple[str, ...]:
        return self.value, self.text, self.quality, self.hold, self.scaled


@cache
def fields(point: str) -> Fields:
    text = "state_raw" if point == "state" else f"{point}_text"
    return Fields(point, text, f"{point}_q", f"{point}_hold", f"{point}_scaled")


SPELLED = "state_text"  # beside `state_raw`, where a text reading looks like a number


def aside(seq: int) -> int:
    """How far behind its time an event stands: by its segment and its place in it."""
    return ((seq >> PLACES) * 40_503 + seq) % SPREAD


# -- a reading of the state as text, and back --------------------------------------------------------------------------
def spelled(reading: Reading) -> str:
    """`state_raw`; what `number` reads back."""
    return reading if isinstance(reading, str) else repr(reading)


def number(text: str) -> int | float | None:
    """The number that spells so, to the last sign; None for any other text."""
    for kind in (int, float):
        try:
            found: int | float = kind(text)
        except ValueError:
            continue
        if repr(found) == text:
            return found
    return None


def state_code(reading: Reading, states: Mapping[str, str]) -> int:
    return STATES.index(meaning(reading, STATES, states))


# -- escaping ----------------------------------------------------------------------------------------------------------
_UNWRITABLE = frozenset("\n\r\\")


def name(text: str) -> bytes:
    """A tag's value, a tag's key or a field's key. Line protocol has no spelling for a line break or a backslash in
    these, and no plant file lets one in: `ValueError`."""
    if not text or _UNWRITABLE & set(text):
        raise ValueError(f"cannot be a name in InfluxDB (got {text!r})")
    return text.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ").encode()


def string(text: str) -> bytes:
    """A field's text, quoted."""
    return b'"%b"' % text.replace("\\", "\\\\").replace('"', '\\"').encode()


def series(measurement: str, **tags: str | None) -> bytes:
    """A measurement with its tags in the order of their names; one without a value is left out."""
    return b",".join(
        [measurement.encode(), *(b"%b=%b" % (name(tag), name(tags[tag] or "")) for tag in sorted(tags) if tags[tag])]
    )
