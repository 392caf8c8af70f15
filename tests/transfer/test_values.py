"""How a value of a CSV is stored: as on the wire, never narrowed, and read by what its point demands."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from config.load import load
from gemba.cli import main
from store.journal import History, Journal, place
from store.reader import Series

PLANT = """plant: values-01
timezone: Asia/Shanghai
data: ./data
sources:
  plc: {protocol: modbus, url: "tcp://10.0.0.1:502"}
  cell: {protocol: mqtt, url: "mqtt://10.0.0.2", security: {insecure: true}}
assets:
  m:
    points:
      state: {source: plc, at: "holding:0", type: uint16, states: {1: running}}
      total: {source: plc, at: "holding:2", type: uint16, counter: {}}
      door: {source: plc, at: "coil:0", type: bool}
      label: {source: plc, at: "holding:20", type: string, length: 8}
      product: {source: cell, at: {topic: a, path: product}}
      heat: {source: cell, at: {topic: a, path: heat}, unit: kW}
meters:
  main: {carrier: electricity, point: {source: plc, at: "input:0", type: float64, unit: kWh, counter: {}}}
"""
T = "2026-11-02T08:00:00Z"
STORED: list[tuple[str, str, object]] = [
    ("total", "70000", 70000),  # beyond uint16: values are not narrowed
    ("total", "-3", -3),
    ("total", "+5", 5),
    ("total", "007", 7),
    ("total", "1.5", 1.5),
    ("total", "1e3", 1000.0),
    ("total", ".5", 0.5),
    ("total", "+1.5E+2", 150.0),
    ("total", "9223372036854775807", 2**63 - 1),
    ("total", "-9223372036854775808", -(2**63)),
    ("total", "9223372036854775808", 2.0**63),
    ("total", "0.1", 0.1),
    ("state", "2", 2),
    ("state", "RUN", "RUN"),
    ("state", "running", "running"),
    ("door", "true", 1),
    ("door", "False", 0),
    ("door", "1", 1),
    ("label", "0042", "0042"),
    ("label", "nan", "nan"),
    ("product", "A-7", "A-7"),
    ("product", "4711", 4711),
    ("heat", "-0.0", -0.0),
]
REFUSED = [
    ("total", "12 ", "must be a number"),
    ("total", "1,5", "must be a number"),
    ("total", "0x10", "must be a number"),
    ("total", "1_000", "must be a number"),
    ("total", "-inf", "is not a finite number"),
    ("total", "NaN", "is not a finite number"),
    ("total", "1e999", "is beyond what a number can be"),
    ("door", "yes", "must be a number"),
    ("heat", "warm", "must be a number"),
    ("product", "Infinity", "is not a finite number"),
    ("label", "", "is missing"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "plant.yaml"
    found.write_text(PLANT, encoding="utf-8")
    return found


def brought(path: Path, text: str, *more: str) -> int:
    file = path.with_name("rows.csv")
    file.write_text(text, encoding="utf-8")
    return main(["import", str(path), str(file), *more])


def series(path: Path, asset: str, point: str) -> Series:
    reader = History(place(load(path)))
    found = reader.series(asset, [point], 0, 2**62)[point]
    reader.close()
    return found


def value(found: Series, row: int = 0) -> object:
    text = -1 if found.text is None else int(found.text[row])
    return found.words[text] if text >= 0 else found.numbers[row].item()


@pytest.mark.parametrize(("point", "text", "stored"), STORED)
def test_stored(point: str, text: str, stored: object, path: Path) -> None:
    assert brought(path, f"time,asset,point,value\n{T},m,{point},{text}\n") == 0
    found = value(series(path, "m", point))
    assert (repr(found), type(found)) == (repr(stored), type(stored))


@pytest.mark.parametrize(("point", "text", "says"), REFUSED)
def test_refused(point: str, text: str, says: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert brought(path, f'time,asset,point,value\n{T},m,{point},"{text}"\n') == 2
    assert f"rows.csv:2: value: {says} (got {text}); " in capsys.readouterr().err


QUALITIES = [("", 0), ("Good", 0), ("BadTimeout", 0x800A0000), ("0x800A0000", 0x800A0000), ("2148139008", 0x800A0000)]


@pytest.mark.parametrize(
    ("text", "code"), [*QUALITIES, ("UncertainSensorNotAccurate", 0x40930000), ("good", 0), ("BAD", 0x80000000)]
)
def test_qualities(text: str, code: int, path: Path) -> None:
    assert brought(path, f"time,asset,point,value,quality\n{T},m,total,5,{text}\n") == 0
    assert series(path, "m", "total").quality.tolist() == [code]


def test_a_bad_row_needs_no_value_and_leaves_integers_integers(path: Path) -> None:
    rows = "2026-11-02T08:00:00Z,m,total,5,\n2026-11-02T08:00:01Z,m,total,,BadTimeout\n"
    assert brought(path, f"time,asset,point,value,quality\n{rows}") == 0
    found = series(path, "m", "total")
    assert (str(found.numbers.dtype), found.quality.tolist()) == ("int64", [0, 0x800A0000])


def test_a_meters_rows_carry_its_id_and_holds_are_kept(path: Path) -> None:
    assert brought(path, f"time,asset,point,value\n{T},main,reading,12.5\n", "--hold", "15min", "--scaled") == 0
    found = series(path, "main", "reading")
    assert (found.hold.tolist(), found.scaled.tolist(), found.epoch.tolist()) == ([900 * 10**9], [True], [0])


def test_times_are_exact_in_any_offset(path: Path) -> None:
    stamps = ["2026-11-02T16:00:00.000000001+08:00", "2026-11-02 08:00:00.5Z", "2026-11-02T03:30-04:30"]
    rows = "".join(f"{stamp},m,total,{number}\n" for number, stamp in enumerate(stamps))
    assert brought(path, f"time,asset,point,value\n{rows}") == 0
    second = 1_793_606_400 * 10**9
    assert series(path, "m", "total").time.tolist() == [second, second + 1, second + 5 * 10**8]


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        ("20261102T080000Z", 1_793_606_400 * 10**9),
        ("2026-W45-1T08:00:00,25+00:00", 1_793_606_400 * 10**9 + 25 * 10**7),
        ("20261102T0800", None),
        ("20261102T080000.1234567Z", None),  # finer than the form is read
        ("2026-11-02", None),
    ],
)
def test_other_forms_of_a_time(stamp: str, time: int | None, path: Path) -> None:
    assert brought(path, f'time,asset,point,value\n"{stamp}",m,total,1\n') == (2 if time is None else 0)
    if time is not None:
        assert series(path, "m", "total").time.tolist() == [time]


@pytest.mark.parametrize(
    ("first", "then", "says"),
    [
        ([], ["--hold", "15min"], "hold at this time (got 900s, stored is that of the plant file)"),
        (["--scaled"], [], "scale at this time (got as on the wire, stored is final)"),
        (
            ["--hold", "1min"],
            ["--hold", "90500ms", "--scaled"],
            "hold and scale at this time (got 90500ms and final, stored is 60s and as on the wire)",
        ),
    ],
)
def test_the_same_value_meant_otherwise(
    first: list[str], then: list[str], says: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = f"time,asset,point,value\n{T},m,total,5\n"
    assert brought(path, rows, *first) == 0
    assert brought(path, rows, *then) == 2
    what = says.partition(" at this time")[0]
    do = f"import with the {what} that is stored, or give --replace to strike what is stored"
    assert f"m total has another {says}; {do}\n" in capsys.readouterr().err
    assert brought(path, rows, *then, "--replace") == 0
    assert len(series(path, "m", "total")) == 1


# -- lines -------------------------------------------------------------------------------------------------------------
def test_lines_are_those_of_the_file(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A quoted line break, an empty line and a byte order mark stand before the faults."""
    rows = ["time,asset,point,value", f'{T},m,label,"two\nlines"', "", f"{T},m,total,x", f"{T},m,heat"]
    text = "\ufeff" + "\n".join([*rows, f"{T},m,heat,1", f"{T},m,heat,2"])
    assert brought(path, text) == 2
    lines = [line.split("rows.csv:")[1].split(":")[0] for line in capsys.readouterr().err.splitlines()]
    assert lines == ["5", "6", "8"]


def test_no_more_than_a_hundred_faults_are_shown(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"{T},m,total,x{number}\n" for number in range(5000))
    assert brought(path, f"time,asset,point,value\n{rows}") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("rows.csv: 5000 faults, of which 100 are shown")
    assert len(lines) == 101
    assert lines[100].startswith(f"{path.with_name('rows.csv')}:101: ")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no column time"),
        (b"time,asset,point,value\n\xff\xfe,m,total,1\n", "is not a CSV in UTF-8"),
    ],
)
def test_what_is_no_such_file(content: bytes, says: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = path.with_name("rows.csv")
    file.write_bytes(content)
    assert main(["import", str(path), str(file)]) == 2
    assert says in capsys.readouterr().err


def test_a_file_that_is_not_there(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(path), "nowhere.csv"]) == 2
    assert (
        "nowhere.csv: cannot be read (got No such file or directory); see its name and rights"
        in capsys.readouterr().err
    )


def test_only_headings_change_nothing(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert brought(path, "time,asset,point,value\n", "--json") == 0
    assert '"rows": 0, "new": 0, "same": 0' in capsys.readouterr().out
    assert not list(place(load(path)).glob("*s.db"))


# -- the command -------------------------------------------------------------------------------------------------------
def test_what_is_missing_without_the_extra_is_said(path: Path) -> None:
    code = "import sys; sys.modules['pyarrow'] = None; from gemba.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "import", str(path), "rows.csv"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "gemba import: needs pyarrow; in Gemba's folder run: pip install '.[kpi]'\n"


def test_progress_on_a_terminal_alone(path: Path) -> None:
    """Reading and comparing are shown, then wiped away; stdout has the result and nothing else."""
    file = path.with_name("rows.csv")
    with file.open("w", encoding="utf-8") as out:
        out.write("time,asset,point,value\n")
        out.writelines(
            f"2026-11-0{1 + n // 86400}T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}Z,m,total,{n}\n"
            for n in range(400_000)
        )
    leader, follower = pty.openpty()
    words = [sys.executable, "-c", "import sys; from gemba.cli import main; sys.exit(main(sys.argv[1:]))"]
    with subprocess.Popen(
        [*words, "import", str(path), str(file), "--json"], stdout=subprocess.PIPE, stderr=follower, text=True
    ) as process:
        os.close(follower)
        assert process.stdout is not None
        result = process.stdout.read()
    shown = os.read(leader, 100_000).decode()
    os.close(leader)
    assert result.startswith('{"rows": 400000, "new": 400000')
    assert "\rreading " in shown
    assert shown.endswith("\r\x1b[K")


def test_an_import_is_delivered_by_the_agents_journal(path: Path) -> None:
    assert brought(path, f"time,asset,point,value\n{T},m,total,5\n{T},m,label,a\n") == 0
    with Journal.open(place(load(path)), consumers=["influxdb"]) as journal:
        batch = journal.pending("influxdb", 9)
        assert batch is not None
        assert [(row.frame.ints.tolist(), row.frame.texts) for row in batch.rows] == [([5], ()), ([], ("a",))]
        assert [event.kind for _, event in batch.events] == ["import"]
