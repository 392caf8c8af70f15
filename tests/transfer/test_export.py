"""What is exported imports again to the same series, whatever kind of value, quality, hold or scale it has."""

import json
from pathlib import Path

import numpy as np
import pytest

from config.load import load
from connectors.base import Column, Frame, layout
from connectors.quality import BAD_TIMEOUT
from gemba.cli import main
from store.journal import History, Journal, place
from store.transfer import outgoing

PLANT = """plant: {id}
timezone: Asia/Shanghai
data: ./data-{id}
sources: {{plc: {{protocol: modbus, url: "tcp://10.0.0.1:502"}}}}
assets:
  m:
    points:
      state: {{source: plc, at: "holding:0", states: {{1: running, 2: idle}}}}
      total: {{source: plc, at: "holding:2", type: uint32, counter: {{}}}}
      hot: {{source: plc, at: "holding:6", type: float64, scale: 0.1}}
      label: {{source: plc, at: "holding:20", type: string, length: 8}}
"""
ROWS = """time,asset,point,value,quality
2026-11-02T08:00:00+08:00,m,state,1,
2026-11-02T08:00:10.5+08:00,m,state,idle,Good
2026-11-02T08:00:20.123456789+08:00,m,state,2,BadTimeout
2026-11-02T08:00:00Z,m,total,4294967295,
2026-11-02T08:00:01Z,m,total,0,
2026-11-02T08:00:00Z,m,hot,0.1,
2026-11-02T08:00:01Z,m,hot,1e-300,
2026-11-02T08:00:02Z,m,hot,-273.15,UncertainLastUsableValue
2026-11-02T08:00:00Z,m,label,"a, ""b"" c",
2026-11-02T08:00:01Z,m,label,12,
"""
NAMES = ("state", "total", "hot", "label")
SPAN = ["--from", "2026-11-01", "--to", "2026-11-04"]


def plant(folder: Path, name: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(PLANT.format(id=name), encoding="utf-8")
    return path


def told(path: Path) -> dict[str, list[tuple[object, ...]]]:
    reader = History(place(load(path)))
    found = {}
    for name, series in reader.series("m", NAMES, 0, 2**62).items():
        texts = [-1] * len(series) if series.text is None else series.text.tolist()
        both = zip(texts, series.numbers.tolist(), strict=True)
        values = [series.words[code] if code >= 0 else number for code, number in both]
        columns = (series.time.tolist(), values, series.quality.tolist(), series.hold.tolist(), series.scaled.tolist())
        found[name] = list(zip(*columns, strict=True))
    reader.close()
    return found


@pytest.fixture
def first(tmp_path: Path) -> Path:
    path = plant(tmp_path, "one-01")
    rows = tmp_path / "rows.csv"
    rows.write_text(ROWS, encoding="utf-8")
    assert main(["import", str(path), str(rows), "--hold", "15min"]) == 0
    more = tmp_path / "more.csv"
    more.write_text("time,asset,point,value\n2026-11-02T09:00:00Z,m,hot,36.6\n", encoding="utf-8")
    assert main(["import", str(path), str(more), "--scaled"]) == 0
    return path


def test_a_csv_imports_again_to_the_same_series(first: Path, tmp_path: Path) -> None:
    out, second = tmp_path / "out.csv", plant(tmp_path, "two-01")
    assert main(["export", str(first), *SPAN, "--out", str(out)]) == 0
    assert main(["import", str(second), str(out)]) == 0
    assert told(second) == told(first)
    assert sum(map(len, told(first).values())) == 11


def test_exporting_twice_writes_the_same_bytes(first: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    for out in (one, two):
        assert main(["export", str(first), *SPAN, "--out", str(out)]) == 0
    assert one.read_bytes() == two.read_bytes()


def test_importing_an_export_into_its_own_plant_changes_nothing(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    assert main(["export", str(first), *SPAN, "--out", str(out)]) == 0
    capsys.readouterr()
    assert main(["import", str(first), str(out), "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["rows"], done["new"], done["same"]) == (11, 0, 11)


def test_points_are_chosen_by_pattern(first: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(first), *SPAN, "--points", "m.t*,m.label"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("time,asset,point,value,quality")
    assert sorted(line.split(",")[2] for line in lines[1:]) == ["label", "label", "total", "total"]


def test_parquet_has_exact_integers_and_no_value_that_is_not_one(first: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    out = tmp_path / "out.parquet"
    assert main(["export", str(first), *SPAN, "--format", "parquet", "--out", str(out)]) == 0
    rows = pq.read_table(out).to_pylist()
    assert len(rows) == 11
    total = [row["integer"] for row in rows if row["point"] == "total"]
    assert total == [4294967295, 0]
    hot = [(row["value"], row["quality"], row["scaled"]) for row in rows if row["point"] == "hot"]
    assert hot[:2] == [(0.1, "Good", False), (1e-300, "Good", False)]
    assert hot[3] == (36.6, "Good", True)
    assert np.isclose(hot[2][0], -273.15)


def test_what_had_no_value_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown is not zero: neither beside integers nor beside other numbers, and an empty text is a text."""
    import pyarrow.parquet as pq

    path, rows = plant(tmp_path, "one-01"), tmp_path / "rows.csv"
    rows.write_text(
        "time,asset,point,value,quality,kind\n"
        "2026-11-02T08:00:00Z,m,total,5,Good,\n2026-11-02T08:00:01Z,m,total,,BadTimeout,\n"
        "2026-11-02T08:00:02Z,m,hot,0.5,,\n2026-11-02T08:00:03Z,m,hot,,Bad,\n2026-11-02T08:00:04Z,m,hot,0,,\n"
        "2026-11-02T08:00:05Z,m,label,,,text\n"
    )
    assert main(["import", str(path), str(rows)]) == 0
    capsys.readouterr()
    assert main(["export", str(path), *SPAN]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split(",")[3] for line in lines] == ["5", "", "0.5", "", "0.0", ""]
    out, second = tmp_path / "out.csv", plant(tmp_path, "two-01")
    out.write_text("\n".join(["time,asset,point,value,quality,hold,scaled,kind", *lines]))
    assert main(["import", str(second), str(out)]) == 0
    capsys.readouterr()
    assert main(["export", str(second), *SPAN]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == lines
    table = tmp_path / "out.parquet"
    assert main(["export", str(path), *SPAN, "--format", "parquet", "--out", str(table)]) == 0
    told = [(row["value"], row["integer"], row["text"]) for row in pq.read_table(table).to_pylist()]
    assert told == [
        (5.0, 5, None),
        (None, None, None),
        (0.5, None, None),
        (None, None, None),
        (0.0, None, None),
        (None, None, ""),
    ]


def test_an_export_that_fails_leaves_what_was_there(first: Path, tmp_path: Path) -> None:
    """The journal is gone while it is read: exit 1, and no half a file under the name."""
    out = tmp_path / "out.csv"
    out.write_text("kept")
    folder = place(load(first))
    folder.rename(folder.with_name("gone"))
    assert main(["export", str(first), *SPAN, "--out", str(out)]) == 1
    assert out.read_text() == "kept"
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("words", [[], ["--out", "out.csv"], ["--format", "parquet", "--out", "out.parquet"]])
def test_without_a_journal_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = plant(tmp_path, "none-01")
    assert main(["export", str(path), *SPAN, *words]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "no journal is there; start `gemba agent`, or import history" in told.err
    assert [file.name for file in tmp_path.iterdir()] == ["none-01.yaml"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--points", "x.y"], "no such point (got x.y); write asset.point, as press-01.total"),
        (["--format", "parquet"], "where to? --format parquet and --json need --out FILE"),
    ],
)
def test_wrong_words_are_said(first: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    capsys.readouterr()
    assert main(["export", str(first), *SPAN, *words]) == 2
    assert capsys.readouterr().err == f"gemba export: {says}\n"


# -- what counts -------------------------------------------------------------------------------------------------------
def test_what_a_clock_set_back_superseded_is_left_out(tmp_path: Path) -> None:
    """The clock goes back from 10 s to 4 s: rows of 4 s and later of the first epoch do not count; imported ones do."""
    second, base = 10**9, 1_793_606_400 * 10**9
    path, file = plant(tmp_path, "three-01"), tmp_path / "rows.csv"
    of = layout("plc", "poll", [Column("m", "total", "int")])
    with Journal.open(place(load(path))) as journal:
        journal.append([Frame(of, base + s * second, ints=np.array([s])) for s in range(10)])
        journal.step(base + 4 * second, {"old": base + 10 * second, "new": base + 4 * second})
        journal.append([Frame(of, base + s * second, ints=np.array([100 + s])) for s in range(4, 6)])
    file.write_text("time,asset,point,value\n2026-11-02T08:00:08.5Z,m,total,8000\n", encoding="utf-8")
    assert main(["import", str(path), str(file)]) == 0
    out = tmp_path / "out.csv"
    assert main(["export", str(path), *SPAN, "--out", str(out)]) == 0
    values = [line.split(",")[3] for line in out.read_text(encoding="utf-8").splitlines()[1:]]
    assert values == ["0", "1", "2", "3", "104", "105", "8000"]


def test_of_two_values_at_one_time_the_larger_good_one_counts(tmp_path: Path) -> None:
    path = plant(tmp_path, "four-01")
    of = layout("plc", "poll", [Column("m", "total", "int")])
    base = 1_793_606_400 * 10**9
    values = [(5, 0), (7, 0), (6, 0), (9, BAD_TIMEOUT)]
    with Journal.open(place(load(path))) as journal:
        journal.append([Frame(of, base, ints=np.array([v]), quality=np.array([q], np.uint32)) for v, q in values])
    out, second = tmp_path / "out.csv", plant(tmp_path, "five-01")
    assert main(["export", str(path), *SPAN, "--out", str(out)]) == 0
    assert main(["import", str(second), str(out)]) == 0
    assert [row[1] for row in told(second)["total"]] == [7]


def test_windows_of_any_length_give_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many rows on one day, then one an hour: windows shrink and grow on the way."""
    monkeypatch.setattr(outgoing, "FEW", 20)
    monkeypatch.setattr(outgoing, "MANY", 500)
    path, base = plant(tmp_path, "six-01"), 1_793_491_200 * 10**9  # 2026-11-01T00:00:00Z
    of = layout("plc", "poll", [Column("m", "total", "int")])
    times = [base + n * 30 * 10**9 for n in range(2880)] + [base + hour * 3600 * 10**9 for hour in range(24, 200)]
    with Journal.open(place(load(path))) as journal:
        journal.append([Frame(of, time, ints=np.array([n])) for n, time in enumerate(times)])
    reader = History(place(load(path)))
    found = list(outgoing.rows(reader, [("m", "total")], base, base + 201 * 3600 * 10**9, lambda *_: None))
    reader.close()
    assert [value for window in found for value in window.value] == list(range(len(times)))
    lengths = [len(window) for window in found]
    assert lengths[0] == 2880
    assert min(lengths) < 20 < max(lengths[1:])
