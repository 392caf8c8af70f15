"""What is written to InfluxDB: each line of the shape by hand, and any rows at all read back by another's rules."""

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.plant import Asset, Keep, ModbusAddress, Plant, Point, PowerStates
from connectors.base import Column, Frame, Layout, gap, layout
from connectors.quality import BAD, BAD_OUT_OF_RANGE, BAD_TIMEOUT, UNCERTAIN
from store.influx import shape
from store.influx.lines import Encoder
from store.journal import Journal
from store.journal.publication import Part, Strike, importing, publish
from store.reader import LINK_GROUP, LINK_POINTS
from tests.store.model import SECOND, START, Cell, cells
from tests.store.protocol import Line, parsed

AT = ModbusAddress("holding", 0)
KEEP = Keep(days=100_000, free=Fraction(0))
STATES = {"0": "off", "2": "running", "RUN": "running"}
PRESS = Asset("press-01", {"state": Point("press-01", "state", "plc", AT, states=STATES)})
POWER = Point("saw-07", "power", "plc", AT, unit="W", scale=Fraction(10))
SAW = Asset("saw-07", {"power": POWER}, state_from=PowerStates(Fraction(1, 2), Fraction(3)))
PLANT = Plant("wuxi-01", "", ZoneInfo("UTC"), Path(), Path(), "", assets={"press-01": PRESS, "saw-07": SAW})
WRITTEN = b"written,"


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    with Journal.open(tmp_path_factory.mktemp("through"), KEEP, ["sink"]) as journal:
        yield journal


def written(through: Journal, frames: list[Frame], plant: Plant = PLANT) -> list[bytes]:
    """The lines of these frames, through a journal."""
    through.append(frames)
    batch = through.pending_columns("sink", 1000)
    assert batch is not None
    through.acknowledge("sink", batch.last, batch.first)
    return [line for line in Encoder(plant).batch(batch, 7).lines if not line.startswith(WRITTEN)]


def of(*columns: tuple[str, str, str], hold: int = 0, scaled: bool = False) -> Layout:
    return layout("plc", "poll", [Column(*column) for column in columns], hold, scaled)  # type: ignore[arg-type]


def dense(layout_: Layout, floats: list[float], ints: list[int], texts: list[str], *quality: int) -> Frame:
    codes = np.array(quality, np.uint32) if quality else None
    return Frame(layout_, START, np.array(floats), np.array(ints, np.int64), tuple(texts), codes)


P = "asset,asset=press-01,plant=wuxi-01"
S = "asset,asset=saw-07,plant=wuxi-01"
E = f",epoch=1i {START}"
ONE = of(("press-01", "power", "float"), ("press-01", "total", "int"), ("press-01", "state", "int"))
TWO = of(("press-01", "a", "float"), ("press-02", "b", "float"))
TEXT = of(("press-01", "product", "text"), ("press-01", "state", "text"))
SAWS = of(("saw-07", "power", "float"))

CASES: dict[str, tuple[Frame, list[str]]] = {
    "numbers are floats, the state a code with its reading": (
        dense(ONE, [1.5], [1045, 2], []),
        [f'{P} state=1i,state_raw="2",power=1.5,total=1045{E}'],
    ),
    "a reading that maps to nothing is unknown": (
        dense(ONE, [0.0], [0, 77], []),
        [f'{P} state=0i,state_raw="77",power=0.0,total=0{E}'],
    ),
    "what is not Good has its StatusCode and no value": (
        dense(ONE, [1.5], [1045, 2], [], 0, BAD_TIMEOUT, UNCERTAIN),
        [f"{P} power=1.5,total_q=2148139008i,state_q=1073741824i{E}"],
    ),
    "Good with info bits keeps them beside the value": (
        dense(ONE, [1.5], [7, 0], [], 0, 0x400, 0),
        [f'{P} state=6i,state_raw="0",power=1.5,total=7,total_q=1024i{E}'],
    ),
    "not a number, and beyond all numbers, are Bad": (
        dense(TWO, [math.nan, math.inf], [], []),
        [f"{P} a_q=2147483648i{E}", f"asset,asset=press-02,plant=wuxi-01 b_q=2151415808i{E}"],
    ),
    "the shortest spelling that reads back": (
        dense(TWO, [0.1 + 0.2, -0.0], [], []),
        [f"{P} a=0.30000000000000004{E}", f"asset,asset=press-02,plant=wuxi-01 b=-0.0{E}"],
    ),
    "texts": (
        dense(TEXT, [], [], ['say "a\\b"', "RUN"]),
        [f'{P} product_text="say \\"a\\\\b\\"",state=1i,state_raw="RUN"{E}'],
    ),
    "a text of no length is told from none": (
        dense(TEXT, [], [], ["", "RUN"]),
        [f'{P} product_text="",state=1i,state_raw="RUN",product_q=0i{E}'],
    ),
    "a text reading of the state that looks like a number says so": (
        dense(TEXT, [], [], ["x", "2"]),
        [f'{P} product_text="x",state=1i,state_raw="2",state_text="2"{E}'],
    ),
    "state from power: 0.3 kW is idle at 30 of 10 W": (dense(SAWS, [60.0], [], []), [f"{S} state=2i,power=60.0{E}"]),
    "at the limit it is still off": (dense(SAWS, [50.0], [], []), [f"{S} state=6i,power=50.0{E}"]),
    "without the power the state is unknown": (
        dense(SAWS, [60.0], [], [], BAD_TIMEOUT),
        [f"{S} state=0i,power_q=2148139008i{E}"],
    ),
    "a frame that brings one point": (
        Frame(ONE, START, ints=np.array([9]), columns=np.array([1], np.int32)),
        [f"{P} total=9{E}"],
    ),
    "a gap ends every hold": (
        gap(ONE, START, BAD_TIMEOUT),
        [f"{P} power_q=2148139008i,total_q=2148139008i,state_q=2148139008i{E}"],
    ),
    "communication history": (
        Frame(
            Layout("plc", LINK_GROUP, tuple(Column("press-01", name, "int") for name in LINK_POINTS)),
            START,
            ints=np.array([60, 59, 1]),
        ),
        [f"link,asset=press-01,plant=wuxi-01,source=plc expected=60i,good=59i,state=1i {START}"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_shape(name: str, through: Journal) -> None:
    frame, expected = CASES[name]
    assert [line.decode() for line in written(through, [frame])] == expected


def test_an_event_is_a_line_of_its_own(tmp_path: Path) -> None:
    """It stands behind its time by its place in the log, so that two of one time are two rows."""
    with Journal.open(tmp_path / "journal", KEEP, ["sink"]) as journal:
        places = [journal.note("loss", START, {"source": "plc", "why": 'a "b"'}) for _ in range(2)]
        batch = journal.pending_columns("sink", 10)
        assert batch is not None
        lines = [line.decode() for line in Encoder(PLANT, "g1").batch(batch, 7).lines]
    text = '"{\\"source\\": \\"plc\\", \\"why\\": \\"a \\\\\\"b\\\\\\"\\"}"'
    assert lines == [
        f"event,gateway=g1,kind=loss,plant=wuxi-01 at={START}i,seq={place}i,epoch=1i,detail={text} {START + behind}"
        for behind, place in zip((40_504, 40_505), places, strict=True)
    ]


def test_an_imported_row_says_everything_of_its_cell(tmp_path: Path) -> None:
    rows = of(("press-01", "total", "int"), hold=900 * SECOND, scaled=True)
    quality = np.array([0, BAD_TIMEOUT], np.uint32)
    with Journal.open(tmp_path, KEEP, ["sink"]) as journal, importing(tmp_path, print):
        times = np.array([START, START + SECOND])
        publish(tmp_path, [Part(rows, times, np.array([5, 0]), quality)], (), (), [], START)
        batch = journal.pending_columns("sink", 10)
        assert batch is not None
        lines = Encoder(PLANT).batch(batch, 7).lines
    rest = "total_hold=900000000000i,total_scaled=true"
    assert sorted(line.decode() for line in lines) == [
        f"{P} total=5,total_q=0i,{rest} {START}",
        f"{P} total_q=2148139008i,{rest} {START + SECOND}",
        f"written,asset=press-01,plant=wuxi-01 at=7i {START // shape.HOUR * shape.HOUR}",
    ]


def test_what_was_struck_is_not_written(tmp_path: Path) -> None:
    frame = dense(ONE, [1.5], [1045, 2], [])
    with Journal.open(tmp_path, KEEP, ["sink"]) as journal:
        journal.append([frame, replace(frame, time=START + SECOND)])
        seqs, times = np.array([(1 << 32) + 1]), np.array([START])
        with importing(tmp_path, print):
            publish(tmp_path, [], (), [Strike("press-01", "total", seqs, times)], [("strike", {})], START)
        batch = journal.pending_columns("sink", 2)
        assert batch is not None
        lines = [line.decode() for line in Encoder(PLANT).batch(batch, 7).lines]
    assert sorted(lines[:2]) == [
        f'{P} state=1i,state_raw="2",power=1.5{E}',
        f'{P} state=1i,state_raw="2",power=1.5,total=1045,epoch=1i {START + SECOND}',
    ]


def test_rows_that_the_database_does_not_keep_are_counted_not_sent(tmp_path: Path) -> None:
    with Journal.open(tmp_path, KEEP, ["sink"]) as journal:
        journal.append([replace(dense(ONE, [1.5], [1, 2], []), time=START + i * SECOND) for i in range(5)])
        batch = journal.pending_columns("sink", 10)
        assert batch is not None
        made = Encoder(PLANT).batch(batch, 7, START + 3 * SECOND)
    assert made.old == 3
    assert [line.rsplit(b" ", 1)[1] for line in made.lines[:2]] == [b"%d" % (START + i * SECOND) for i in (3, 4)]


# -- any rows at all ---------------------------------------------------------------------------------------------------
names = st.text("ab-._=, %\"'é运", min_size=1, max_size=6)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["2", "-0.0", "\\", '"']
)
numbers = st.floats() | st.sampled_from([0.1, -0.0, 5e-324, 1.7976931348623157e308, 1e16])
ints = st.integers(-(2**53), 2**53)
codes = st.none() | st.lists(st.sampled_from([0, 0, 0x400, UNCERTAIN, BAD_TIMEOUT]), min_size=6, max_size=6)


@st.composite
def histories(draw: st.DrawFn) -> list[Frame]:
    assets, points = draw(st.lists(names, min_size=1, max_size=2, unique=True)), ["state", "power", draw(names)]
    kinds = st.sampled_from(["float", "int", "text"])
    columns = [Column(asset, point, draw(kinds)) for asset in assets for point in dict.fromkeys(points)]
    shape_ = layout("plc", "poll", columns)
    found = []
    for number in range(draw(st.integers(1, 4))):
        values = [draw({"float": numbers, "int": ints, "text": texts}[column.kind]) for column in shape_.columns]
        quality = draw(codes)
        some = sorted(draw(st.sets(st.integers(0, len(columns) - 1), min_size=1))) if draw(st.booleans()) else None
        chosen = range(len(columns)) if some is None else some
        by = {k: [values[c] for c in chosen if shape_.columns[c].kind == k] for k in ("float", "int", "text")}
        found.append(
            Frame(
                shape_,
                START + number * SECOND,
                np.array(by["float"], np.float64),
                np.array(by["int"], np.int64),
                tuple(by["text"]),
                None if quality is None else np.array([quality[c] for c in chosen], np.uint32),
                None if some is None else np.array(some, np.int32),
            )
        )
    return found


def expected(frames: list[Frame]) -> dict[tuple[str, int], dict[str, object]]:
    """Fields by asset and time, value by value from the frames."""
    found: dict[tuple[str, int], dict[str, object]] = {}
    for frame in frames:
        for cell in cells(frame, 1, 0)[0]:
            at = found.setdefault((cell.asset, cell.time), {"epoch": 1})
            at |= _fields(cell)
    return found


def _fields(cell: Cell) -> dict[str, object]:
    number = isinstance(cell.value, int | float)
    if cell.quality < UNCERTAIN and isinstance(cell.value, float) and not math.isfinite(cell.value):
        return {f"{cell.point}_q": BAD if math.isnan(cell.value) else BAD_OUT_OF_RANGE}
    if cell.quality >= UNCERTAIN:
        return {f"{cell.point}_q": cell.quality}
    told: dict[str, object] = {f"{cell.point}_q": cell.quality} if cell.quality else {}
    if cell.point == "state":
        told |= {"state": 0, "state_raw": cell.value if not number else repr(cell.value)}
        if not number and _looks_like_a_number(str(cell.value)):
            told["state_text"] = cell.value
    elif number:
        told[cell.point] = float(cell.value)
    else:
        told[f"{cell.point}_text"] = cell.value
    return told | ({f"{cell.point}_q": cell.quality} if cell.value == "" else {})


def _looks_like_a_number(text: str) -> bool:
    return any(_reads(kind, text) for kind in (int, float))


def _reads(kind: type, text: str) -> bool:
    try:
        return repr(kind(text)) == text
    except ValueError:
        return False


def exact(fields: dict[str, object]) -> dict[str, tuple[str, str]]:
    return {name: (type(value).__name__, repr(value)) for name, value in fields.items()}


@settings(max_examples=300, deadline=None)
@given(histories())
def test_any_rows_read_back_as_they_were(through: Journal, frames: list[Frame]) -> None:
    lines = written(through, frames, replace(PLANT, assets={}))
    found: dict[tuple[str, int], dict[str, object]] = {}
    for line in parsed(b"\n".join(lines)):
        assert isinstance(line, Line)
        assert line.measurement == "asset"
        tags = dict(line.tags)
        assert tags.keys() == {"asset", "plant"}
        assert (tags["asset"], line.time) not in found, "one line an asset and frame"
        found[tags["asset"], line.time] = dict(line.fields)
    wanted = expected(frames)
    assert found.keys() == wanted.keys()
    for key, fields in wanted.items():
        assert exact(found[key]) == exact(fields)


@pytest.mark.parametrize("text", ["a\nb", "a\\", "\r", ""])
def test_a_name_that_line_protocol_cannot_spell_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be a name"):
        shape.name(text)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_reading_of_the_state_reads_back_to_the_last_sign(reading: float) -> None:
    found = shape.number(shape.spelled(reading))
    assert (type(found), repr(found)) == (type(reading), repr(reading))
