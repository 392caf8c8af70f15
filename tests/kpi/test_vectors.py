"""The published examples: each becomes rows of a machine, and what the product makes of them must be the exact value.

A vector gives sums; rows with those sums are made here: running, then idle, then planned until the window ends. Keys
that record the errors of others, or that no KPI of ours answers, are printed by name.
"""

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from config.plant import SECOND, Cavities, Counter, IdealCycle
from config.zone import instant
from kpi import formulas
from kpi.facts.facts import facts
from kpi.report import Question, Row, rows
from kpi.series import normalise
from tests.kpi.memory import Memory, series
from tests.kpi.plants import at, plant

VECTORS = {one["id"]: one for one in json.loads((Path(__file__).parent.parent / "cases/kpi/vectors.json").read_text())}
OURS = {"performance": "effectiveness", "utilization": "loading", "true_yield": "first_pass_yield"}
OURS |= {"quality_ratio": "quality", "performance_designed": "effectiveness", "mtbf_pooled": "mtbf"}
OURS |= {"mtbf_classic": "mtbf"}
NOT_OURS = {
    *("final_yield", "fty", "inherent_availability", "mtbf_fe_plus_1", "ole", "oee_simple_mean", "mean_of_mtbfs"),
    *("mean_of_hourly", "naive_seconds", "delta_alt", "wrong_modulus_99999", "performance_capped", "oee_capped"),
    *("performance_active", "slope", "intercept", "base_sec_at_current_output", "adjusted_target", "meets_original"),
    *("meets_adjusted", "improvement_vs_baseline"),
}
START = at("2026-01-05T00:00:00Z")
UNIT = {"s": 1, "min": 60, "h": 3600}
TOTAL = """
  {id}:
    points:
      state: {{source: plc, at: "holding:0", type: string, length: 8}}
      total: {{source: plc, at: "holding:8", type: float64, resolution: 0.01, counter: {{}}}}
"""
MORE = '      {name}: {{source: plc, at: "holding:16", type: float64, resolution: 0.01, counter: {{}}}}\n'


def exact(value: float) -> Fraction:
    """What a printed number means: 0.016666666666666666 is a sixtieth."""
    return Fraction(value).limit_denominator(10**6)


def machine(folder: Path, told: list[Mapping[str, Any]], by: str = "asset") -> Row:
    """One row of machines that ran, stood and made what is told; times in seconds."""
    text, cells = "assets:", {}
    for number, one in enumerate(told):
        name = f"m{number}"
        more = [role for role in ("good", "reject", "rework") if role in one]
        text += TOTAL.format(id=name) + "".join(MORE.format(name=role) for role in more)
        run, planned, window = (round(one[part] * SECOND) for part in ("run", "planned", "window"))
        states = {0: "running", run: one.get("rest", "idle"), planned: "planned"}
        states = dict(sorted(one["states"].items())) if "states" in one else states
        hold = 2 * window
        cells[name, "state"] = series([START + t for t in states], list(states.values()), hold=hold)
        for role in ("total", *more):
            end = max(run, 1)
            times = [START - 2, START - 1, START, *(START + end + later for later in range(3)), START + window + 3]
            value = float(one.get(role, 0))
            cells[name, role] = series(times, [0.0] * 3 + [value] * 4, hold=hold)
    of = plant(folder, text)
    for number, one in enumerate(told):
        asset = of.assets[f"m{number}"]
        ideal = (IdealCycle(None, None, one["ideal"]),) if one.get("ideal") else ()
        object.__setattr__(asset, "ideal", ideal)
        object.__setattr__(asset, "cavities", one.get("cavities", Cavities()))
    window = round(told[0]["window"] * SECOND)
    made = facts(Memory(cells), of, START, START + window)
    return rows(made, Question(START, START + window, by))[0]  # type: ignore[arg-type]


def counts(one: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of an `oee_counts` vector, whatever they are called there."""
    unit = UNIT[one.get("time_unit", "s")]
    planned = exact(one.get("planned_time", one.get("planned", one.get("planned_s", 0)))) * unit
    run = exact(one.get("run_time", one.get("run", one.get("run_s", 0)))) * unit
    ideal = (
        exact(one.get("ideal_cycle_time", one.get("ict", one.get("ideal_cycle", one.get("cycle_ideal_s", 0))))) * unit
    )
    found = {"planned": planned, "run": run, "ideal": ideal, "window": exact(one.get("all_time", 0)) * unit or planned}
    found |= {"total": one.get("total_count", one.get("total", one.get("shots", 0)))}
    found |= {"good": one.get("good_count", one.get("good", 0))}
    if "cavities_designed" in one:
        found["cavities"] = Cavities(one["cavities_designed"], one["cavities_active"])
    found["window"] = found["window"] or Fraction(1)
    return found


def expect(row: Row, expected: Mapping[str, Any], folder_name: str, unit: int = 1) -> None:
    """Compares every key that has a KPI of ours; `unit` is what a time is told in [s]."""
    for key, value in expected.items():
        ours = OURS.get(key, key)
        if key in NOT_OURS:
            print(f"{folder_name}: {key} has no KPI of ours")
            continue
        if ours in row.measured:
            found = row.measured[ours].value
        else:
            found = derived(row, key, unit)
        if value is None:
            assert found is None, key
        elif found is not None or not isinstance(value, str):
            assert found is not None, (key, row.measured[ours].reason if ours in row.measured else "")
            assert float(found) == pytest.approx(value, rel=1e-9, abs=1e-12), key


def derived(row: Row, key: str, unit: int) -> Fraction | int | None:
    """Keys that are terms of ours: times and counts."""
    sums = row.sums
    ms = unit * 1000
    reliability = {"mtbf_h": ("mtbf", 3600), "mttr_h": ("mttr", 3600), "mttr_min": ("mttr", 60)}
    if key in reliability:
        kpi, seconds = reliability[key]
        value = row.measured[kpi].value
        return None if value is None else value / seconds
    return {
        "fully_productive_time": Fraction(sums.busy.pri_good) / ms,
        "availability_loss": Fraction(sums.pbt - sums.apt, ms),
        "performance_loss": (sums.apt - sums.busy.pri_total) / ms,
        "quality_loss": (sums.busy.pri_total - sums.busy.pri_good) / ms,
        "run": Fraction(sums.apt, ms),
        "planned": Fraction(sums.pbt, ms),
        "run_s": Fraction(sums.apt, 1000),
        "ppt": Fraction(sums.pbt, 1000),
        "operating": Fraction(sums.apt, 1000),
        "stop": Fraction(sums.adet, 1000),
        "uptime_h": Fraction(sums.apt, 3_600_000),
        "downtime_h": Fraction(sums.repair, 3_600_000),
        "failures": sums.failures,
        "total_parts": sums.busy.total,
        "ideal_hours": sums.busy.pri_good / 3_600_000,
        "ideal_s_per_part_designed": sums.busy.pri_total / sums.busy.total / 1000 if sums.busy.total else None,
        "seconds": Fraction(sums.window, 1000),
    }[key]


COUNTED = [name for name, one in VECTORS.items() if one["kind"] == "oee_counts" and "total" in str(one["inputs"])]
COUNTED += ["c-multicavity"]


@pytest.mark.parametrize("name", COUNTED)
def test_counts(name: str, tmp_path: Path) -> None:
    told = VECTORS[name]["inputs"]
    row = machine(tmp_path, [counts(told)])
    expected = dict(VECTORS[name]["expected"])
    if name == "c-no-production":
        # a window of a second in which nothing is planned; the example has no window at all
        assert {row.measured[key].reason for key in ("oee", "availability", "quality")} == {"no_planned_time"}
        assert expected.pop("reason") == "no planned time"
    if name == "c-over-100":
        assert "performance_above_1" in row.measured["effectiveness"].flags and expected.pop("flag")
    expect(row, expected, name, UNIT[told.get("time_unit", "s")])


def test_willmott_and_sepasoft(tmp_path: Path) -> None:
    told = VECTORS["willmott-tpm"]["inputs"]
    run = told["planned_min"] - told["unplanned_min"] - told["changeover_min"]
    one = {"planned": told["planned_min"] * 60, "run": run * 60, "window": told["planned_min"] * 60}
    row = machine(tmp_path / "w", [one | {"ideal": Fraction(told["std_cycle_min"] * 60), "total": told["cycles"]}])
    expect(row, VECTORS["willmott-tpm"]["expected"], "willmott-tpm", 60)
    told = VECTORS["sepasoft-availability"]["inputs"]
    planned = told["shift_min"] - sum(told["breaks_min"])
    one = {"planned": planned * 60, "run": (planned - told["downtime_min"]) * 60, "window": told["shift_min"] * 60}
    row = machine(tmp_path / "s", [one])
    expect(row, VECTORS["sepasoft-availability"]["expected"], "sepasoft-availability", 60)


def test_factors() -> None:
    """Examples that give ratios have no rows to make; their product is that of the formulas."""
    for name in ("codingace-lines", "mfgcalcs-batch-1", "mfgcalcs-batch-3", "leanmanufacturing-online-wrong"):
        told, expected = VECTORS[name]["inputs"], VECTORS[name]["expected"]
        if name == "codingace-lines":
            triples = [tuple(map(exact, row)) for row in told["rows"]]
        elif "a" in told:
            triples = [tuple(exact(told[key]) for key in "apq")]
        else:
            available = formulas.availability(apt=told["run_h"], pbt=told["planned_h"])
            assert float(available or 0) == expected["availability"]
            triples = [(Fraction(told["run_h"], told["planned_h"]), exact(told["performance"]), exact(told["quality"]))]
        values = expected["oee"] if isinstance(expected["oee"], list) else [expected["oee"]]
        for (a, p, q), value in zip(triples, values, strict=True):
            pbt = Fraction(1000)
            apt, pri_pq = a * pbt, p * a * pbt
            parts = (
                formulas.availability(apt, pbt),
                formulas.effectiveness(pri_pq, apt),
                formulas.quality(q * pri_pq, pri_pq),
            )
            product = Fraction(1)
            for part in parts:
                assert part is not None
                product *= part
            assert product == formulas.oee(q * pri_pq, pbt)
            assert float(product) == pytest.approx(value, rel=1e-9)


def test_teep(tmp_path: Path) -> None:
    told = VECTORS["wikipedia-loading"]["inputs"]
    hours = {"planned": told["scheduled_h"] * 3600, "run": 3600, "window": told["calendar_h"] * 3600}
    expect(machine(tmp_path / "a", [hours]), VECTORS["wikipedia-loading"]["expected"], "wikipedia-loading")
    told = VECTORS["teep-leanworx-1"]["inputs"]
    planned = told["planned_h"] * 3600
    made = exact(told["oee"]) * planned / 60
    one = {"planned": planned, "run": planned, "window": told["calendar_h"] * 3600, "ideal": Fraction(60)}
    row = machine(tmp_path / "b", [one | {"total": made, "good": made}])
    expect(row, VECTORS["teep-leanworx-1"]["expected"], "teep-leanworx-1")
    told = VECTORS["teep-versalytics-press"]["inputs"]
    one = {"planned": told["scheduled_h"] * 3600, "run": told["scheduled_h"] * 3600, "window": 86400}
    one |= {"ideal": Fraction(60, told["ideal_ppm"]), "total": told["good"], "good": told["good"]}
    row = machine(tmp_path / "c", [one])
    expect(row, VECTORS["teep-versalytics-press"]["expected"], "teep-versalytics-press")


def test_teep_of_a_rate(tmp_path: Path) -> None:
    """The sheet charges scheduled stops to availability; made 100 at a rate of 100 where 167 were possible."""
    told = VECTORS["teep-scribd-sheet"]["inputs"]
    planned = exact(told["total_h"] - told["idle_h"]) * 3600
    run = planned - (exact(told["sched_down_h"]) + exact(told["unsched_down_h"])) * 3600
    ideal = run * told["actual_rate"] / (told["design_rate"] * told["produced"])
    one = {"planned": planned, "run": run, "window": told["total_h"] * 3600, "ideal": ideal}
    row = machine(tmp_path, [one | {"total": told["produced"], "good": told["good"]}])
    expect(row, VECTORS["teep-scribd-sheet"]["expected"], "teep-scribd-sheet", 3600)


def broken(failures: int, operating: Fraction, repair: Fraction) -> dict[str, Any]:
    """So many failures, evenly apart; times in seconds."""
    states: dict[int, str] = {}
    for number in range(failures):
        begin = (operating + repair) * number / failures
        states[int(begin * SECOND)] = "running"
        states[int((begin + operating / failures) * SECOND)] = "down"
    return {"planned": 0, "run": 1, "window": operating + repair, "states": states}


def test_reliability(tmp_path: Path) -> None:
    told = VECTORS["mtbf-scribd-24h"]["inputs"]
    days = {"Tue": 24, "Thu": 72, "Fri": 96}
    states: dict[int, str] = {0: "running"}
    for day, begin, end in told["failures_h"]:
        states[(days[day] + begin) * 3600 * SECOND] = "down"
        states[(days[day] + end) * 3600 * SECOND] = "running"
    row = machine(tmp_path / "a", [{"planned": 0, "run": 1, "window": 120 * 3600, "states": states}])
    expected = dict(VECTORS["mtbf-scribd-24h"]["expected"])
    assert expected.pop("availability") == 0.925  # of all time; ours is of planned time, here the same
    assert row.measured["availability"].value == Fraction(37, 40)
    expect(row, expected, "mtbf-scribd-24h")
    row = machine(tmp_path / "b", [broken(12, Fraction(3600 * 3600), Fraction(720 * 60))])
    expect(row, VECTORS["mtbf-chiller"]["expected"], "mtbf-chiller")
    row = machine(tmp_path / "c", [broken(10, Fraction(10000 * 3600), Fraction(50 * 3600))])
    expect(row, {"mtbf_h": VECTORS["mtbf-10000"]["expected"]["mtbf_h"]}, "mtbf-10000")
    row = machine(tmp_path / "d", [broken(3, Fraction(111 * 3600), Fraction(9 * 3600))])
    assert row.measured["mtbf"].value == VECTORS["mtbf-iso-fe-plus-1"]["expected"]["mtbf_classic"] * 3600
    pooled = [broken(n, Fraction(hours * 3600), Fraction(n * 3600)) for n, hours in ((2, 500), (3, 500))]
    window = max(one["window"] for one in pooled)
    for one in pooled:
        end = int(one["window"] * SECOND)
        one["states"][end] = "off"
        one["window"] = window
    row = machine(tmp_path / "e", pooled, by="plant")
    assert row.measured["mtbf"].value == VECTORS["mtbf-1000-5"]["expected"]["mtbf_pooled"] * 3600


def test_yields(tmp_path: Path) -> None:
    base = {"planned": 3600, "run": 3600, "window": 3600}
    told = VECTORS["fpy-mfgcalcs"]["inputs"]
    made = {"total": told["total"], "reject": told["failed"], "rework": told["reworked_ok"]}
    expect(machine(tmp_path / "a", [base | made]), VECTORS["fpy-mfgcalcs"]["expected"], "fpy-mfgcalcs")
    told = VECTORS["yield-mfgcalcs"]["inputs"]
    made = {"total": told["input"], "good": told["good"], "reject": told["scrap"], "rework": told["rework"]}
    expect(machine(tmp_path / "b", [base | made]), VECTORS["yield-mfgcalcs"]["expected"], "yield-mfgcalcs")
    told = VECTORS["fty-isssp"]["inputs"]["step1"]
    made = {"total": told["inp"], "reject": told["scrap"], "rework": told["rework"]}
    expect(machine(tmp_path / "c", [base | made]), VECTORS["fty-isssp"]["expected"], "fty-isssp")


def test_rollups(tmp_path: Path) -> None:
    told = VECTORS["pypi-oee-rollup"]["inputs"]["machines"]
    machines = []
    for one in told:
        more = counts(one) | {"window": Fraction(300)}
        machines.append(more)
    row = machine(tmp_path / "a", machines, by="plant")
    expect(row, VECTORS["pypi-oee-rollup"]["expected"], "pypi-oee-rollup")
    states, time = {}, 0
    for _, planned_down, _, unplanned, operating in VECTORS["lincoln-shift-vs-hours"]["inputs"]["hours_s"]:
        for state, length in (("running", operating), ("down", unplanned), ("planned", planned_down)):
            if length:
                states[time * SECOND] = state
                time += length
    row = machine(tmp_path / "b", [{"planned": 0, "run": 1, "window": time, "states": states}])
    expect(row, VECTORS["lincoln-shift-vs-hours"]["expected"], "lincoln-shift-vs-hours")


def test_counters(tmp_path: Path) -> None:
    """A counter series is read as if its last sample came twice more."""
    seen = {
        "meter-decimal-rollover": ([99990, 15], 100000, None),
        "c-rollover-16": ([65500, 65530, 10, 40], 65536, 200),
        "c-packml-31bit": ([2147483640, 4], 2147483648, None),
    }
    from kpi.counter import Register, rises

    point = plant(tmp_path, "assets:" + TOTAL.format(id="m0")).assets["m0"].points["total"]
    for name, (samples, modulus, per_interval) in seen.items():
        rate = None if per_interval is None else Fraction(per_interval, 60)
        counter = Counter(Fraction(modulus), rate)
        values = [*samples, samples[-1], samples[-1]]
        rows_ = series([START + 60 * SECOND * i for i in range(len(values))], values)
        found = rises(normalise(rows_, point), Register(modulus=counter.modulus, max_rate=counter.max_rate))
        assert found.settled.all()
        assert int(found.rise.sum()) == VECTORS[name]["expected"]["delta"]


def test_event_logs(tmp_path: Path) -> None:
    told = VECTORS["flux-doc-eventlog"]["inputs"]
    clock = {
        time: sum(int(p) * u for p, u in zip(time.split(":"), (3600, 60, 1), strict=True)) for time, _ in told["states"]
    }
    names = {"running": "running", "stopped": "down"}
    of = plant(tmp_path, "assets:" + TOTAL.format(id="m0") + MORE.format(name="reject"))
    object.__setattr__(of.assets["m0"], "ideal", (IdealCycle(None, None, Fraction(told["ideal_cycle_s"])),))
    times = [START + clock[time] * SECOND for time, _ in told["states"]]
    parts = [float(value) for _, value in told["part_counter"]]
    bad = [float(value) for value in told["bad_counter"]]
    later = [times[-1] + 1, times[-1] + 2]
    cells = {
        ("m0", "state"): series(times, [names[state] for _, state in told["states"]], hold=10**15),
        ("m0", "total"): series([*times, *later], [*parts, parts[-1], parts[-1]], hold=10**15),
        ("m0", "reject"): series([*times, *later], [*bad, bad[-1], bad[-1]], hold=10**15),
    }
    end = START + 8 * 3600 * SECOND
    row = rows(facts(Memory(cells), of, START, end), Question(START, end))[0]
    expect(row, VECTORS["flux-doc-eventlog"]["expected"], "flux-doc-eventlog")

    told = VECTORS["c-duplicates-out-of-order"]["inputs"]
    names = {"run": "running", "stop": "down"}
    samples = [(START + second * SECOND, names[state]) for second, state in told["samples"]]
    cells = {("m0", "state"): series([t for t, _ in samples], [s for _, s in samples], hold=10**15)}
    end = START + told["window"][1] * SECOND
    row = rows(facts(Memory(cells), of, START, end), Question(START, end))[0]
    assert [row.sums.time[code] for code in (1, 4)] == [400_000, 200_000]  # running, down [ms]
    assert row.measured["availability"].flags == ()  # one row came twice, and that changes nothing


def test_clocks_change() -> None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    told = VECTORS["dst-gap-26min"]["inputs"]
    start, end = (instant(datetime.fromisoformat(told[key]), ZoneInfo(told["tz"])) for key in ("start", "end"))
    assert (end - start) // SECOND == VECTORS["dst-gap-26min"]["expected"]["seconds"]


def test_every_vector_was_asked() -> None:
    """What is answered above by name, so that no new vector is passed over."""
    source = Path(__file__).read_text()
    missing = [name for name in VECTORS if name not in COUNTED and f'"{name}"' not in source.split("def test_every")[0]]
    assert missing == ["energy-sec-baseline"]
    print("energy-sec-baseline: a regression of energy on output has no KPI of ours")
