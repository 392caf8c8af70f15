"""Facts that are kept: what is read back is what would be formed, bit for bit, whatever came late or was changed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random

import duckdb
import numpy as np
import pytest

from config.faults import PlantError
from config.plant import SECOND, IdealCycle, Plant
from config.zone import EPOCH
from kpi.facts.archive import Archive
from kpi.facts.facts import TABLES, Facts, facts
from kpi.facts.names import Names
from kpi.facts.reading import joined
from kpi.report import Question, rows
from store.reader import Series
from tests.kpi.memory import Memory, ordered, picked, series
from tests.kpi.plants import at, plant

DAYS = 6
START, END = at("2026-03-02T06:00:00Z"), at("2026-03-08T06:00:00Z")
NOW = at("2026-04-01T00:00:00Z")
TEXT = """
calendar:
  shifts:
    - {name: early, start: "06:00", end: "14:00", breaks: ["10:00-10:30"]}
    - {name: late, start: "14:00", end: "22:00"}
assets:
  a:
    ideal_cycle: {P: 20s, Q: 45s}
    points:
      state: {source: plc, at: "holding:0", type: string, length: 8}
      product: {source: plc, at: "holding:4", type: string, length: 8}
      total: {source: plc, at: "holding:8", type: uint16, counter: {max_rate: 1/s}}
      good: {source: plc, at: "holding:10", type: uint16, counter: {max_rate: 1/s}}
      energy: {source: plc, at: "holding:12", type: float64, unit: kWh, counter: {}}
  b:
    ideal_cycle: {P: 20s, Q: 45s}
    points:
      state: {source: plc, at: "holding:20", type: string, length: 8}
      product: {source: plc, at: "holding:24", type: string, length: 8}
      total: {source: plc, at: "holding:28", type: uint16, counter: {max_rate: 1/s}}
      good: {source: plc, at: "holding:30", type: uint16, counter: {max_rate: 1/s}}
      power: {source: plc, at: "holding:32", type: float64, unit: kW}
meters:
  main: {carrier: electricity, point: {source: plc, at: "input:0", type: float64, unit: kWh, counter: {}}}
"""


@pytest.fixture
def of(tmp_path: Path) -> Plant:
    return plant(tmp_path, TEXT)


def history(seed: int = 1) -> Memory:
    """Six days of two machines and a meter, with gaps over nights and weekends, resets and wraps."""
    chance = Random(seed)
    cells = {}
    for asset in ("a", "b"):
        times = list(range(START - 3600 * SECOND, END + 3600 * SECOND, 60 * SECOND))
        for _ in range(12):
            begin, length = chance.randrange(len(times)), chance.choice([2, 5, 60, 900])
            del times[begin : begin + length]
        state, product, total, good, energy = "running", "P", 65000, 10, 0.0
        columns: dict[str, list[object]] = {
            "state": [],
            "product": [],
            "total": [],
            "good": [],
            "energy": [],
            "power": [],
        }
        for _ in times:
            state = (
                chance.choice(["running", "idle", "down", "setup", "planned"]) if chance.randrange(9) == 0 else state
            )
            product = chance.choice("PQ") if chance.randrange(200) == 0 else product
            made = chance.randrange(4) if state == "running" else 0
            total, good = (0, 0) if chance.randrange(900) == 0 else (total + made, good + max(made - 1, 0))
            energy = round(energy + chance.random() / 10, 3)
            for name, value in (
                ("state", state),
                ("product", product),
                ("total", total % 65536),
                ("good", good % 65536),
            ):
                columns[name].append(value)
            columns["energy"].append(energy)
            columns["power"].append(round(chance.random() * 9, 2) if state == "running" else 0.5)
        for name in ("state", "product", "total", "good", "energy" if asset == "a" else "power"):
            cells[asset, name] = series(times, columns[name])  # type: ignore[arg-type]
    times = list(range(START, END, 900 * SECOND))
    cells["main", "reading"] = series(times, [round(0.7 * n, 1) for n in range(len(times))])
    return Memory(cells)


def spelled(of: Facts) -> dict[str, list[tuple[object, ...]]]:
    """Tables with their words, so that facts formed in another order compare."""
    found = {}
    for name in TABLES:
        table = getattr(of, name)
        words = [column for column in table.dtype.names if column in ("asset", "shift", "product", "carrier", "source")]
        lines = []
        for row in table.tolist():
            line = dict(zip(table.dtype.names, row, strict=True))
            lines.append(tuple(of.names[line[c]] if c in words else line[c] for c in table.dtype.names))
        found[name] = sorted(lines, key=str)
    return found


def same(one: Facts, two: Facts) -> bool:
    return spelled(one) == spelled(two)


def test_what_is_read_back_is_what_was_formed(of: Plant) -> None:
    reader, archive = history(), Archive(of.data, of.id)
    direct = facts(reader, of, START, END, now=NOW)
    assert same(facts(reader, of, START, END, archive, NOW), direct)
    asked = reader.asked
    assert same(facts(reader, of, START, END, archive, NOW), direct)
    assert reader.asked == asked  # not one row was read again
    cut = START + 5 * 3600 * SECOND + 61 * SECOND, END - 7 * SECOND
    assert same(facts(reader, of, *cut, archive, NOW), facts(reader, of, *cut, now=NOW))
    assert reader.asked > asked  # but the slices that were cut


class Noting(Memory):
    """Notes whose points were read all at once, which is how the facts of an asset begin to be formed."""

    def series(self, asset: str, points: Sequence[str], start: int, end: int) -> dict[str, Series]:
        if len(points) > 1 and end - start > 86400 * SECOND:
            self.formed = [*getattr(self, "formed", []), asset]
        return super().series(asset, points, start, end)


def test_the_first_days_of_a_plant_are_formed_once(of: Plant) -> None:
    """They depend on there being nothing before them, which is known without forming them."""
    whole, archive = history(), Archive(of.data, of.id)
    reader = Noting(whole.rows)
    end = END - 2 * 86400 * SECOND
    formed = facts(reader, of, START, end, archive, NOW)
    assert reader.formed == ["a", "b"]
    assert same(formed, facts(whole, of, START, end, now=NOW))
    earlier = at("2026-02-20T08:00:00Z")
    reader.rows["a", "total"] = ordered(joined(series([earlier], [64000]), whole.rows["a", "total"]))
    assert same(facts(reader, of, START, end, archive, NOW), facts(reader, of, START, end, now=NOW))


def test_history_that_begins_within_a_day(of: Plant) -> None:
    """Nothing is gone of that day, nor of the one before, so both follow late rows and the plant file as others do."""
    whole, archive = history(), Archive(of.data, of.id)
    first = START + 86400 * SECOND + 5000 * SECOND
    thin = {key: picked(rows_, np.flatnonzero(rows_.time >= first)[::3]) for key, rows_ in whole.rows.items()}
    facts(Memory(thin), of, START, END, archive, NOW)
    later = {key: picked(rows_, np.flatnonzero(rows_.time >= first)) for key, rows_ in whole.rows.items()}
    for now in (later, whole.rows):
        reader = Memory(now)
        assert same(facts(reader, of, START, END, archive, NOW), facts(reader, of, START, END, now=NOW))
        cut = START + 86400 * SECOND + 5400 * SECOND
        assert same(facts(reader, of, cut, END, archive, NOW), facts(reader, of, cut, END, now=NOW))


def test_days_formed_one_by_one_are_those_formed_at_once(of: Plant, tmp_path: Path) -> None:
    reader, archive = history(), Archive(of.data, of.id)
    for day in range(DAYS):
        begin = START + day * 86400 * SECOND
        facts(reader, of, begin, begin + 86400 * SECOND, archive, NOW)
    asked = reader.asked
    one = facts(reader, of, START, END, archive, NOW)
    assert reader.asked == asked
    assert same(one, facts(reader, of, START, END, Archive(tmp_path / "other", of.id), NOW))


@pytest.mark.parametrize("seed", range(4))
def test_late_rows(of: Plant, seed: int) -> None:
    """Incremental is full: whatever arrives late, wherever it lies, the facts become what they would have been."""
    chance = Random(seed)
    reader, archive = history(seed), Archive(of.data, of.id)
    facts(reader, of, START, END, archive, NOW)
    key = chance.choice([("a", "total"), ("b", "state"), ("a", "energy"), ("main", "reading"), ("b", "power")])
    held = reader.rows[key]
    where = sorted(chance.sample(range(3, len(held) - 3), 5))
    shifted = picked(held, np.array(where))
    late = replace(shifted, time=shifted.time + 17 * SECOND)
    reader.rows[key] = ordered(joined(held, late))
    one = facts(reader, of, START, END, archive, NOW)
    assert same(one, facts(reader, of, START, END, now=NOW))
    asked = reader.asked
    assert same(facts(reader, of, START, END, archive, NOW), one) and reader.asked == asked


def test_rows_that_arrive_day_by_day(of: Plant) -> None:
    """A decrease that nothing could decide yet is decided when the next rows come."""
    whole, archive = history(3), Archive(of.data, of.id)
    for day in range(1, DAYS + 1):
        until = START + day * 86400 * SECOND + Random(day).randrange(7200) * SECOND
        now = {key: picked(rows_, np.flatnonzero(rows_.time < until)) for key, rows_ in whole.rows.items()}
        begin, end = START, START + day * 86400 * SECOND
        reader = Memory(now)
        assert same(facts(reader, of, begin, end, archive, NOW), facts(reader, of, begin, end, now=NOW)), day


def test_a_changed_part_of_the_plant_file(of: Plant) -> None:
    reader, archive = history(), Archive(of.data, of.id)
    facts(reader, of, START, END, archive, NOW)
    asset = of.assets["a"]
    slower = replace(asset, ideal=tuple(replace(one, seconds=one.seconds * 2) for one in asset.ideal))
    changed = replace(of, assets={**of.assets, "a": slower}, sha256="another")
    one = facts(reader, changed, START, END, archive, NOW)
    assert same(one, facts(reader, changed, START, END, now=NOW))
    # An ideal cycle that is dated after a day changes nothing of it.
    dated = replace(slower, ideal=(*slower.ideal, IdealCycle("P", START + 4 * 86400 * SECOND, slower.ideal[0].seconds)))
    later = replace(of, assets={**of.assets, "a": dated})
    asked = reader.asked
    facts(reader, later, START, START + 3 * 86400 * SECOND, archive, NOW)
    assert reader.asked == asked
    # Where a point is read from is no part of what its values mean.
    moved = {name: replace(point, source="other") for name, point in slower.points.items()}
    elsewhere = replace(of, assets={**of.assets, "a": replace(slower, points=moved)})
    facts(reader, elsewhere, START, START + 3 * 86400 * SECOND, archive, NOW)
    assert reader.asked == asked


def test_facts_stay_when_their_rows_are_shed(of: Plant) -> None:
    whole, archive = history(), Archive(of.data, of.id)
    before = facts(whole, of, START, END, archive, NOW)
    gone = START + 3 * 86400 * SECOND + 5000 * SECOND
    left = Memory({key: picked(rows_, np.flatnonzero(rows_.time >= gone)) for key, rows_ in whole.rows.items()})
    assert not same(facts(left, of, START, END, now=NOW), before)
    assert same(facts(left, of, START, END, archive, NOW), before)
    asked = left.asked
    assert same(facts(left, of, START, END, archive, NOW), before)
    assert left.asked == asked
    cut = START + 86400 * SECOND + 1800 * SECOND
    with pytest.raises(PlantError) as refused:
        facts(left, of, cut, END, archive, NOW)
    assert str(refused.value) == (
        "from: lies inside a slice of 2026-03-03, of which only facts are left (got 2026-03-03T06:30:00+00:00); "
        "the nearest possible time is 2026-03-03T06:00:00+00:00"
    )


def test_a_day_half_written_is_formed_again(of: Plant) -> None:
    reader, archive = history(), Archive(of.data, of.id)
    one = facts(reader, of, START, END, archive, NOW)
    for name, harm in (("energy", b"PAR1 no"), ("slices", b"")):
        file = next((archive.root / name).glob("**/facts.parquet"))
        file.write_bytes(harm)
        assert same(facts(reader, of, START, END, archive, NOW), one)
    next((archive.root / "links").glob("**/facts.parquet")).unlink()
    assert same(facts(reader, of, START, END, archive, NOW), one)


def test_a_damaged_page_costs_its_day_alone(of: Plant) -> None:
    reader, archive = history(), Archive(of.data, of.id)
    one = facts(reader, of, START, END, archive, NOW)
    for name in TABLES[:3]:
        file = sorted((archive.root / name).glob("**/facts.parquet"))[2]
        whole = file.read_bytes()
        file.write_bytes(whole[:4] + bytes(200) + whole[204:])  # its footer, and what that says, is as it was
        told = archive.read(range(*_days_of(archive)), Names())
        assert [bool(day.stamps) for day in told.values()] == [True, True, False, True, True, True]
        assert same(facts(reader, of, START, END, archive, NOW), one)


def _days_of(archive: Archive) -> tuple[int, int]:
    labels = sorted((archive.root / "slices").glob("*/day=*"))
    first, last = (date.fromisoformat(path.name[4:]).toordinal() - EPOCH for path in (labels[0], labels[-1]))
    return first, last + 1


SQL = """
WITH busy AS (
    SELECT asset, sum(running_ms + idle_ms + setup_ms + down_ms + off_ms + unknown_ms) AS pbt
    FROM read_parquet('{root}/slices/plant=case/*/facts.parquet') WHERE scheduled GROUP BY asset
), made AS (
    SELECT asset, sum(good * ideal_num / ideal_den) AS pri_gq
    FROM read_parquet('{root}/products/plant=case/*/facts.parquet') WHERE busy GROUP BY asset
)
SELECT asset, pri_gq, pbt, pri_gq / pbt AS oee FROM busy JOIN made USING (asset) ORDER BY asset
"""


def test_plain_sql_reaches_the_same_digits(of: Plant) -> None:
    archive = Archive(of.data, of.id)
    found = facts(history(), of, START, END, archive, NOW)
    measured = {row.name: row.measured["oee"] for row in rows(found, Question(START, END))}
    told = duckdb.sql(SQL.format(root=archive.root)).fetchall()
    assert [name for name, *_ in told] == ["a", "b"]
    for name, pri_gq, pbt, oee in told:
        low = measured[name].low
        assert measured[name].terms["PRI_GQ"] == pri_gq and measured[name].terms["PBT"] == pbt
        assert low is not None and float(low) == oee


def test_days_without_rows_are_not_worth_a_file(of: Plant) -> None:
    reader, archive = history(), Archive(of.data, of.id)
    long_before = START - 200 * 86400 * SECOND
    one = facts(reader, of, long_before, END + 20 * 86400 * SECOND, archive, NOW)
    assert same(one, facts(reader, of, long_before, END + 20 * 86400 * SECOND, now=NOW))
    assert (
        len(list((archive.root / "slices").glob("**/facts.parquet"))) == DAYS + 2
    )  # an hour before, and an hour after


def test_a_folder_that_takes_nothing_costs_only_time(of: Plant, caplog: pytest.LogCaptureFixture) -> None:
    reader, archive = history(), Archive(of.data, of.id)
    archive.root.parent.parent.mkdir(parents=True, exist_ok=True)
    archive.root.parent.write_text("a file where the folder should be")
    assert same(facts(reader, of, START, END, archive, NOW), facts(reader, of, START, END, now=NOW))
    assert "facts cannot be kept" in caplog.text
