"""KPIs: what it costs from state changes to [machine, shift, state], from counters to pieces, and from the journal
to a month of OEE.

One core, CPU seconds: the machine may be shared. Polars, DuckDB and pandas get the same arrays and one thread each, and
must reach the same integers; they are asked about a hundred machines, ours about those and about a thousand.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from benchmarks._figure import Row, pinned, told
from benchmarks._kpi_month import facts_of, month
from config.plant import STATES, Counter, ModbusAddress, Plant, Point
from connectors.quality import BAD
from kpi.allocation import Cuts, busy_time, pieces
from kpi.counter import register, rises
from kpi.report import Question, rows
from kpi.runs import MS, Runs, held, time_in_code
from kpi.series import normalise
from store.journal import place
from store.reader import Series

Ints = NDArray[np.int64]
DAY = 86_400_000
CODES = len(STATES) + 1
YEAR: Ints = np.arange(0, 365 * DAY + 1, DAY // 3, dtype=np.int64)  # three shifts a day [ms]
MACHINES, SOME = 1000, 100  # ours alone, and beside the others
CHANGES = 73_000  # a machine and year
COUNTERS = 10  # machines
ASSETS = 100  # of a month in the journal
KERNEL_BAR, POLARS_BAR, DUCKDB_BAR, PANDAS_BAR = 0.5, 10.0, 10.0, 25.0
COLD_BAR, WARM_BAR = 3.0, 0.2


def best(work: Callable[[], object], times: int = 3) -> float:
    """CPU seconds of the quickest of some runs."""
    found = []
    for _ in range(times):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return min(found)


# -- states ------------------------------------------------------------------------------------------------------------
def changes(machines: int) -> tuple[list[Ints], list[NDArray[np.int8]]]:
    """A year of state changes of each machine."""
    chance = np.random.default_rng(1)
    times, codes = [], []
    for _ in range(machines):
        gaps = chance.exponential(365 * DAY / CHANGES, CHANGES).astype(np.int64) + 1
        times.append(np.minimum(np.cumsum(gaps), 365 * DAY - 1 - np.arange(CHANGES, 0, -1)))
        codes.append(chance.integers(0, len(STATES), CHANGES).astype(np.int8))
    return times, codes


def ours(times: list[Ints], codes: list[NDArray[np.int8]], into: Ints) -> None:
    for machine, (time_, code) in enumerate(zip(times, codes, strict=True)):
        into[machine] = time_in_code(time_, code, YEAR, CODES)


def _columns(times: list[Ints], codes: list[NDArray[np.int8]]) -> dict[str, NDArray[np.generic]]:
    return {
        "machine": np.repeat(np.arange(len(times), dtype=np.int32), CHANGES),
        "t": np.concatenate(times),
        "code": np.concatenate(codes),
    }


def _cuts(machines: int) -> dict[str, NDArray[np.generic]]:
    return {"machine": np.repeat(np.arange(machines, dtype=np.int32), len(YEAR)), "t": np.tile(YEAR, machines)}


def by_polars(events: dict[str, NDArray[np.generic]], machines: int) -> pl.DataFrame:
    cuts = pl.LazyFrame(_cuts(machines)).with_columns(code=pl.lit(None, pl.Int8))
    return (
        pl.concat([pl.LazyFrame(events), cuts])
        .sort("machine", "t", "code", nulls_last=False)
        .with_columns(
            code=pl.col("code").forward_fill().over("machine").fill_null(0),
            length=pl.col("t").shift(-1).over("machine") - pl.col("t"),
            shift=pl.col("t") // (DAY // 3),
        )
        .filter(pl.col("length") > 0)
        .group_by("machine", "shift", "code")
        .agg(pl.col("length").sum())
        .collect()
    )


QUERY = f"""
SELECT machine, t // {DAY // 3} AS shift, code, sum(length)::BIGINT AS length FROM (
    SELECT machine, t, lead(t) OVER o - t AS length,
           coalesce(last_value(code IGNORE NULLS) OVER (o ROWS UNBOUNDED PRECEDING), 0) AS code
    FROM (SELECT machine, t, code FROM events UNION ALL SELECT machine, t, NULL FROM cuts)
    WINDOW o AS (PARTITION BY machine ORDER BY t, code NULLS FIRST)
) WHERE length > 0 GROUP BY ALL
"""


def by_duckdb(connection: duckdb.DuckDBPyConnection) -> tuple[NDArray[np.generic], ...]:
    found = connection.sql(QUERY).fetchnumpy()
    return found["machine"], found["shift"], found["code"], found["length"]


def by_pandas(events: dict[str, NDArray[np.generic]], machines: int) -> pd.Series:
    cuts = pd.DataFrame(_cuts(machines)).assign(code=np.nan)
    both = pd.concat([pd.DataFrame(events), cuts])
    both = both.sort_values(["machine", "t", "code"], na_position="first")
    machine = both.groupby("machine", sort=False)
    both["code"] = machine["code"].ffill().fillna(0).astype(np.int8)
    both["length"] = machine["t"].shift(-1) - both["t"]
    both["shift"] = both["t"] // (DAY // 3)
    some = both[both["length"] > 0]
    return some.groupby(["machine", "shift", "code"])["length"].sum().astype(np.int64)


def filled(shape: tuple[int, ...], machine: object, shift: object, code: object, length: object) -> Ints:
    table = np.zeros(shape, np.int64)
    table[np.asarray(machine), np.asarray(shift), np.asarray(code)] = np.asarray(length)
    return table


def states() -> list[Row]:
    times, codes = changes(MACHINES)
    table = np.zeros((MACHINES, len(YEAR) - 1, CODES), np.int64)
    whole = best(lambda: ours(times, codes, table))
    events = sum(map(len, times))
    assert (table.sum(axis=2) == np.diff(YEAR)).all()  # states and unknown are the window, exactly
    note = f"{whole / events * 1e9:.2f} ns an event, {9 * events / whole / bandwidth() * 100:.0f} % of read bandwidth"
    found = [Row(f"{MACHINES} machines x 1 year ({events / 1e6:.0f} M changes)", whole, "s", KERNEL_BAR, note=note)]

    some, shape = SOME, (SOME, len(YEAR) - 1, CODES)
    mine = np.zeros(shape, np.int64)
    quick = best(lambda: ours(times[:some], codes[:some], mine), 5)
    told = _columns(times[:some], codes[:some])
    connection = duckdb.connect(config={"threads": 1})
    connection.register("events", pd.DataFrame(told))
    connection.register("cuts", pd.DataFrame(_cuts(some)))
    answers: dict[str, object] = {}

    def keep(name: str, work: Callable[[], object]) -> float:
        return best(lambda: answers.update({name: work()}), 1)

    seconds = {
        "Polars": keep("Polars", lambda: by_polars(told, some)),
        "DuckDB": keep("DuckDB", lambda: by_duckdb(connection)),
        "pandas": keep("pandas", lambda: by_pandas(told, some)),
    }
    frame, series = answers["Polars"], answers["pandas"]
    assert isinstance(frame, pl.DataFrame) and isinstance(series, pd.Series)
    columns = [frame[name].to_numpy() for name in ("machine", "shift", "code", "length")]
    assert (filled(shape, *columns) == mine).all()
    assert (filled(shape, *answers["DuckDB"]) == mine).all()  # type: ignore[misc]
    index = series.index.to_frame()
    assert (filled(shape, index["machine"], index["shift"], index["code"], series) == mine).all()
    for (name, took), bar in zip(seconds.items(), (POLARS_BAR, DUCKDB_BAR, PANDAS_BAR), strict=True):
        note = f"{took:.2f} s against {quick:.3f} s, {SOME} machines, equal results"
        found.append(Row(f"  times faster than {name}, one thread", took / quick, "x", bar, least=True, note=note))
    return found


def bandwidth() -> float:
    """Bytes a second that one core reads."""
    block = np.ones(32_000_000)
    return block.nbytes / best(block.sum, 5)


# -- counters ----------------------------------------------------------------------------------------------------------
def counters() -> list[Row]:
    """Ten machines for a year at ten seconds: 16-bit wraps, a reset a day, 1 % twice, 0.5 % late, 2 % in gaps."""
    machines, period = COUNTERS, 10_000 * MS
    count = 365 * DAY * MS // period
    point = Point(
        "m",
        "total",
        "plc",
        ModbusAddress("holding", 0),
        "uint16",
        counter=Counter(Fraction(65536), Fraction(1)),
        every=period,
    )
    series = [_rows(np.random.default_rng(seed), count, period) for seed in range(machines)]
    cuts = Cuts(YEAR * MS, np.ones(len(YEAR) - 1, np.bool_))
    nothing = np.empty(0, np.int64)
    made = np.zeros(len(YEAR) - 1, np.int64)

    def work() -> None:
        for one in series:
            samples = normalise(one, point)
            known = held(samples, np.ones(len(samples), np.int8), int(cuts.edges[-1]))
            time_in_code(known.time // MS, known.code, YEAR, 2)
            busy: Runs = busy_time(cuts, (nothing, nothing))
            shares = pieces(rises(samples, register(point, Fraction(1))), cuts, busy, nothing)
            np.add.at(made, shares.slice, shares.rise)

    took, events = best(work, 2), sum(map(len, series))
    share = 20 * events / took / bandwidth() * 100  # time, value and quality of each row
    note = (
        f"{events / 1e6:.0f} M rows, {took:.2f} s, {share:.1f} % of read bandwidth, coverage and pieces of each shift"
    )
    return [Row("counter rows with wraps, resets, duplicates, gaps", took / events * 1e9, "ns/row", note=note)]


def _rows(chance: np.random.Generator, count: int, period: int) -> Series:
    time_ = np.arange(count, dtype=np.int64) * period
    value = np.cumsum(chance.integers(0, 3, count))
    value = (value - value[np.arange(count) // 8640 * 8640]) % 65536
    keep = np.repeat(chance.random(count // 100 + 1) >= 0.02, 100)[:count]
    order = np.flatnonzero(keep)
    order = np.concatenate((order, chance.choice(order, count // 100)))
    time_, value = time_[order], value[order]
    late = chance.choice(len(order), count // 200)
    time_[late] -= period // 2
    quality = np.where(chance.random(len(order)) < 0.001, BAD, 0).astype(np.uint32)
    sorted_ = np.argsort(time_, kind="stable")
    whole = np.ones(len(order), np.int64)
    return Series(time_[sorted_], value[sorted_], quality[sorted_], whole, whole * 0, whole < 0)


# -- from the journal --------------------------------------------------------------------------------------------------
def from_journal() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        plant = month(Path(folder), ASSETS)
        cold = min(_in_new_process(plant) for _ in range(3))
        first = _in_new_process(plant, kept=True)
        kept = best(lambda: facts_of(plant))
        found = facts_of(plant)
        question = Question(found.start, found.end)
        kpis = best(lambda: rows(found, question))
        assert all(row.measured["oee"].value is not None for row in rows(found, question))
        size = sum(file.stat().st_size for file in place(plant).iterdir()) / 1e6
        return [
            Row(
                f"a month of {ASSETS} assets, cold", cold, "s", COLD_BAR, note=f"new process, journal of {size:.0f} MB"
            ),
            Row("  from facts", kept, "s", WARM_BAR, note=f"new process: {first:.3f} s"),
            Row("  every KPI of every asset on top", kpis, "s"),
        ]


def _in_new_process(plant: Plant, kept: bool = False) -> float:
    """CPU seconds of its facts, with what is kept of them or with none."""
    if not kept:
        shutil.rmtree(plant.data / "facts", ignore_errors=True)
    command = [sys.executable, "-m", "benchmarks._kpi_month", str(plant.file)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run() -> Iterator[Row]:
    with pinned():
        yield from states()
        yield from counters()
        yield from from_journal()


if __name__ == "__main__":
    sys.exit(told(run))
