"""What a layout's columns become in line protocol, one group an asset; and what is written of each of their cells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from config.plant import Asset, Plant
from config.power import state_codes
from config.value import Reading
from connectors.base import Ints, Kind, Layout
from connectors.quality import BAD, BAD_OUT_OF_RANGE, UNCERTAIN
from store.influx import shape

VALUE, CODE, BOTH, NOTHING = range(4)  # what is written of a cell: its value, its StatusCode, both, or it was struck
Array = NDArray[Any]
Text = Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Template:
    """How rows with one pattern are written: a format, and the columns that fill it, in this order."""

    text: bytes
    texts: tuple[int, ...]
    state: bool
    power: bool
    floats: Array
    ints: Array
    codes: Array


@dataclass(frozen=True, slots=True)
class Group:
    """The columns of one asset in a layout: floats, ints, texts. `state` and `power` are places among them, or -1;
    `power` only where the state is derived from it."""

    prefix: bytes
    asset: str
    columns: Array
    floats: int
    ints: int
    points: tuple[str, ...]
    state: int
    power: int
    of: Asset | None
    whole: tuple[int, bool] | None  # hold [ns] and scaled, where a cell says everything of itself
    templates: dict[bytes, Template] = field(default_factory=dict)
    spelled: dict[tuple[bool, str], bytes] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Whether each field comes once."""
        return len(set(self.points)) == len(self.points)

    def kind(self, place: int) -> Kind:
        return "float" if place < self.floats else "int" if place < self.floats + self.ints else "text"

    def rest(self, point: str) -> bytes:
        """What a cell that says everything of itself says beside its value: imported ones do."""
        if self.whole is None:
            return b""
        of, (hold, scaled) = shape.fields(point), self.whole
        return b",%b=%di,%b=%b" % (shape.name(of.hold), hold, shape.name(of.scaled), b"true" if scaled else b"false")

    # -- states --------------------------------------------------------------------------------------------------------
    def states(self, words: Ints, text: Text) -> list[bytes]:
        """Readings of the state, each as its fields."""
        kind = self.kind(self.state)
        found, where = np.unique(words, return_inverse=True)
        readings: list[Any]
        if kind == "text":
            readings = [text[code] for code in found.tolist()]
        else:
            readings = (found.view(np.float64) if kind == "float" else found).tolist()
        spelled = [self._state(reading) for reading in readings]
        return [spelled[index] for index in where.tolist()]

    def _state(self, reading: Reading) -> bytes:
        key = isinstance(reading, str), shape.spelled(reading)
        if key not in self.spelled:
            point = self.of.points.get("state") if self.of else None
            self.spelled[key] = state(reading, (point.states if point else None) or {})
        return self.spelled[key]

    def powered(self, words: Ints) -> Ints:
        """The state that each power says."""
        assert self.of is not None and self.of.state_from is not None
        numbers: Array = np.nan_to_num(words.view(np.float64)) if self.kind(self.power) == "float" else words
        scaled = np.full(len(words), self.whole is not None and self.whole[1])
        return state_codes(numbers, scaled, self.of.points["power"], self.of.state_from).astype(np.int64)


def state(reading: Reading, states: Mapping[str, str]) -> bytes:
    told = b"state=%di,state_raw=%b" % (shape.state_code(reading, states), shape.string(shape.spelled(reading)))
    if isinstance(reading, str) and shape.number(reading) is not None:
        told += b",%b=%b" % (shape.SPELLED.encode(), shape.string(reading))
    return told


def groups_of(layout: Layout, plant: Plant, whole: bool) -> tuple[Group, ...]:
    found: dict[str, list[int]] = {}
    for number, column in enumerate(layout.columns):
        found.setdefault(column.asset, []).append(number)
    return tuple(_group(layout, plant, asset, columns, whole) for asset, columns in found.items())


def _group(layout: Layout, plant: Plant, asset: str, columns: list[int], whole: bool) -> Group:
    points = tuple(layout.columns[number].point for number in columns)
    kinds = [layout.columns[number].kind for number in columns]
    of = plant.assets.get(asset)
    derived = of is not None and of.state_from is not None and "power" in of.points and "state" not in of.points
    powers = [place for place, point in enumerate(points) if point == "power" and kinds[place] != "text"]
    return Group(
        shape.series(shape.ASSET, asset=asset, plant=plant.id),
        asset,
        np.array(columns),
        kinds.count("float"),
        kinds.count("int"),
        points,
        points.index("state") if "state" in points else -1,
        powers[0] if derived and powers else -1,
        of,
        (layout.hold, layout.scaled) if whole else None,
    )


# -- numbers as text ---------------------------------------------------------------------------------------------------
def spell(numbers: Array) -> list[bytes]:
    """Each number as the shortest text that reads back the same."""
    if not len(numbers):
        return []
    return orjson.dumps(np.ascontiguousarray(numbers), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


def block(lines: Array) -> list[bytes]:
    """Columns of numbers as rows of text, with commas between."""
    spelled = orjson.dumps(np.ascontiguousarray(lines.T), option=orjson.OPT_SERIALIZE_NUMPY)
    return spelled[2:-2].split(b"],[")


# -- what is written of each cell --------------------------------------------------------------------------------------
def judged(
    words: Ints,
    floats: slice | Array,
    texts: slice | Array,
    quality: Array | None,
    struck: Array | None,
    text: Text,
    explicit: bool,
) -> tuple[Array, Ints] | None:
    """The kind of each cell, and its StatusCode; None where every cell is a plain value. `floats` and `texts` say
    where in `words` these are."""
    numbers = words[floats].view(np.float64)
    finite = np.isfinite(numbers)
    empty = [code for code, word in text.items() if not word]
    blank = np.isin(words[texts], empty) if empty else None
    if quality is None and struck is None and not explicit and finite.all() and (blank is None or not blank.any()):
        return None
    codes = np.zeros(words.shape, np.int64) if quality is None else quality.astype(np.int64)
    own = codes[floats]
    odd = ~finite & (own < UNCERTAIN)
    codes[floats] = np.where(odd, np.where(np.isnan(numbers), BAD, BAD_OUT_OF_RANGE), own)
    status = np.where(codes >= UNCERTAIN, CODE, np.where((codes > 0) | explicit, BOTH, VALUE)).astype(np.uint8)
    if blank is not None:
        # A text of no length is told from none by its quality.
        status[texts] = np.where(blank & (status[texts] == VALUE), BOTH, status[texts])
    if struck is not None:
        status[struck] = NOTHING
    return status, codes
