"""What each KPI is made of: its ratio, its bounds, its coverage, and why it may not be measured.

One small function a KPI takes a `Subject`: the sums of a window, and what the plant file configures. The same function,
given the sums of many, is the group's KPI: sums are divided once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from config.plant import MODES, STATES
from kpi import formulas as f
from kpi.facts.schema import BIT, COVERED_MS, MODE_MS
from kpi.sums import Sums

RUNNING, SETUP, UNKNOWN = (STATES.index(name) for name in ("running", "setup", "unknown"))
APC = MODE_MS.index(f"{MODES[3]}_ms")
HOUR_MS, SECOND_MS, WH_PER_KWH = 3_600_000, 1000, 1000
ONE = Fraction(1)
Exact = Fraction | int
Bounds = tuple[Fraction | None, Fraction | None, Fraction | None]  # value, low, high


@dataclass(frozen=True, slots=True)
class Subject:
    """`has` is what can be known: state, mode, ideal, energy, rework, and the columns of `COVERED_MS`."""

    sums: Sums
    has: frozenset[str]
    tpm: bool = False
    required: Fraction = Fraction(9, 10)

    def covered(self, column: str) -> Fraction | None:
        """The share of PBT between two good readings of every counter that the quantity uses."""
        return f.ratio(self.sums.covered[COVERED_MS.index(column)], self.sums.pbt)

    @property
    def known(self) -> Fraction | None:
        """The share of PBT whose state is known."""
        return f.ratio(self.sums.pbt - self.sums.u, self.sums.pbt)

    def both(self, column: str) -> Fraction | None:
        return _least(self.covered(column), self.known)

    @property
    def apt(self) -> int:
        """Producing, with short stops where the profile charges them to performance."""
        return self.sums.apt + (self.sums.short if self.tpm else 0)

    @property
    def bounded(self) -> bool:
        """Whether everything that was counted has an upper bound."""
        return not self.sums.flags & BIT["unbounded"]

    def missing(self, *needed: str) -> str | None:
        """The reason why it cannot be measured where one of these is not configured."""
        if any(one not in self.has for one in needed if one != "ideal"):
            return "not_configured"
        return "no_ideal_cycle" if "ideal" in needed and ("ideal" not in self.has or self.sums.unrated) else None

    def spent(self, busy: Exact, more: Exact, under: int, coverage: Fraction | None) -> Fraction | None:
        """`high` of a share of time; where too little is covered, as if all the rest had been spent on good pieces."""
        if not self.bounded or not under:
            return None
        rest = (ONE - coverage) * self.sums.pbt if coverage is not None and coverage < self.required else 0
        return f.ratio(busy + more + rest, under)


@dataclass(frozen=True, slots=True)
class Finding:
    """`blocked`: cannot be measured whatever the data. `empty`: there is nothing to divide by."""

    bounds: Bounds
    coverage: Fraction | None
    terms: Mapping[str, Exact]
    blocked: str | None = None
    empty: str | None = None
    counters: bool = True  # whether what is flagged of counters concerns it
    flags: tuple[str, ...] = ()


def _least(*shares: Fraction | None) -> Fraction | None:
    known = [share for share in shares if share is not None]
    return min(known, default=None)


def _unplanned(s: Subject) -> str | None:
    return None if s.sums.pbt else "no_planned_time"


def _above(s: Subject) -> tuple[str, ...]:
    return ("good_above_total",) if "quality_ms" in s.has and s.sums.busy.good > s.sums.busy.total else ()


def oee(s: Subject) -> Finding:
    sums, made = s.sums, s.sums.busy
    coverage, blocked = s.covered("gq_ms"), s.missing("gq_ms", "ideal")
    value = f.oee(made.pri_good, sums.pbt)
    high = s.spent(made.pri_good, made.pri_good_high, sums.pbt, coverage)
    terms: dict[str, Exact] = {"PBT": sums.pbt, "APT": sums.apt, "PRI_GQ": made.pri_good, "GQ": made.good}
    if "pq_ms" in s.has:
        terms |= {"PRI_PQ": made.pri_total, "PQ": made.total}
    bounds = value, value, high
    return Finding(bounds, coverage, terms, blocked, _unplanned(s), flags=_above(s))


def availability(s: Subject) -> Finding:
    sums = s.sums
    value, low = f.availability(s.apt, sums.pbt, sums.u), f.ratio(s.apt, sums.pbt)
    bounds = value, low, f.ratio(s.apt + sums.u, sums.pbt)
    terms: dict[str, Exact] = {"APT": s.apt, "PBT": sums.pbt, "U": sums.u}
    return Finding(bounds, s.known, terms, s.missing("state"), _unplanned(s), counters=False)


def effectiveness(s: Subject) -> Finding:
    sums, made = s.sums, s.sums.busy
    value = f.effectiveness(made.pri_total, s.apt, sums.pbt, sums.u)
    high = f.ratio(made.pri_total + made.pri_total_high, s.apt) if s.bounded else None
    bounds = value, f.ratio(made.pri_total, s.apt + sums.u), high
    terms: dict[str, Exact] = {"PRI_PQ": made.pri_total, "PQ": made.total, "APT": s.apt, "PBT": sums.pbt, "U": sums.u}
    blocked = s.missing("pq_ms", "state", "ideal")
    empty = _unplanned(s) or (None if s.apt else "no_production")
    flags = ("performance_above_1",) if value is not None and value > 1 and not blocked else ()
    return Finding(bounds, s.both("pq_ms"), terms, blocked, empty, flags=flags)


def quality(s: Subject) -> Finding:
    made, coverage = s.sums.busy, s.covered("quality_ms")
    blocked = s.missing("quality_ms")
    one_kind = len(s.sums.kinds) < 2
    good, total = (made.good, made.total) if one_kind else (made.pri_good, made.pri_total)
    more_good, more = (made.good_high, made.total_high) if one_kind else (made.pri_good_high, made.pri_total_high)
    if not one_kind and s.sums.unrated:
        blocked = blocked or "no_ideal_cycle"
    told = s.bounded and coverage is not None and coverage >= s.required
    low, high = (f.ratio(good, total + more), f.ratio(good + more_good, total)) if told else (None, None)
    terms: dict[str, Exact] = {"GQ": made.good, "PQ": made.total, "PRI_GQ": made.pri_good, "PRI_PQ": made.pri_total}
    empty = _unplanned(s) or (None if total else "no_production")
    return Finding((f.quality(good, total), low, high), coverage, terms, blocked, empty, flags=_above(s))


def nee(s: Subject) -> Finding:
    sums, made = s.sums, s.sums.busy
    coverage, blocked = s.both("gq_ms"), s.missing("gq_ms", "state", "ideal")
    value = f.nee(made.pri_good, sums.pbt, sums.apt, sums.aust)
    low = f.nee(made.pri_good, sums.pbt, sums.apt + sums.u, sums.aust)
    most = s.spent(made.pri_good, made.pri_good_high, sums.pbt, s.covered("gq_ms"))
    high = None if most is None or not sums.apt else most * (sums.apt + sums.aust + sums.u) / sums.apt
    terms: dict[str, Exact] = {
        "PBT": sums.pbt,
        "APT": sums.apt,
        "AUST": sums.aust,
        "PRI_GQ": made.pri_good,
        "GQ": made.good,
    }
    empty = _unplanned(s) or (None if sums.apt else "no_production")
    return Finding((value, low, high), coverage, terms, blocked, empty)


def teep(s: Subject) -> Finding:
    sums = s.sums
    coverage = s.covered("gq_ms") if sums.pbt else f.ratio(sums.seen, sums.window)
    blocked = s.missing("gq_ms", "ideal") or ("no_ideal_cycle" if sums.unrated_outside else None)
    rated = sums.busy.pri_good + sums.outside.pri_good
    value = f.teep(rated, sums.window)
    more = sums.busy.pri_good_high + sums.outside.pri_good_high
    high = s.spent(rated, more, sums.window, coverage)
    terms: dict[str, Exact] = {"PRI_GQ": rated, "GQ": sums.busy.good + sums.outside.good, "window": sums.window}
    return Finding((value, value, high), coverage, terms, blocked)


def loading(s: Subject) -> Finding:
    value = f.loading(s.sums.pbt, s.sums.window)
    return Finding((value, value, value), ONE, {"PBT": s.sums.pbt, "window": s.sums.window}, counters=False)


def _of_states(s: Subject, value: Fraction | None, low: Fraction | None, high: Fraction | None, empty: bool) -> Finding:
    sums = s.sums
    terms: dict[str, Exact] = {
        "APT": sums.apt,
        "AUST": sums.aust,
        "ADET": sums.adet,
        "AUBT": sums.aubt,
        "PBT": sums.pbt,
        "U": sums.u,
    }
    reason = _unplanned(s) or ("no_production" if empty else None)
    return Finding((value, low, high), s.known, terms, s.missing("state"), reason, counters=False)


def utilization_efficiency(s: Subject) -> Finding:
    sums = s.sums
    value = f.utilization_efficiency(sums.apt, sums.aubt)
    low, high = f.ratio(sums.apt, sums.aubt + sums.u), f.ratio(sums.apt + sums.u, sums.aubt + sums.u)
    return _of_states(s, value, low, high, not sums.aubt)


def allocation_efficiency(s: Subject) -> Finding:
    sums = s.sums
    value = f.allocation_efficiency(sums.aubt, sums.pbt)
    return _of_states(s, value, value, f.ratio(sums.aubt + sums.u, sums.pbt), False)


def technical_efficiency(s: Subject) -> Finding:
    sums = s.sums
    value = f.technical_efficiency(sums.apt, sums.adet)
    both = sums.apt + sums.adet
    return _of_states(s, value, f.ratio(sums.apt, both + sums.u), f.ratio(sums.apt + sums.u, both + sums.u), not both)


def setup_rate(s: Subject) -> Finding:
    sums = s.sums
    value = f.setup_rate(sums.aust, sums.apt)
    both = sums.apt + sums.aust
    return _of_states(s, value, f.ratio(sums.aust, both + sums.u), f.ratio(sums.aust + sums.u, both + sums.u), not both)


def production_rate(s: Subject) -> Finding:
    sums, made = s.sums, s.sums.busy
    per_hour = [made.total * HOUR_MS, (made.total + made.total_high) * HOUR_MS]
    high = f.ratio(per_hour[1], sums.apt) if s.bounded else None
    bounds = f.production_rate(per_hour[0], sums.apt), f.ratio(per_hour[0], sums.apt + sums.u), high
    empty = _unplanned(s) or (None if sums.apt else "no_production")
    terms: dict[str, Exact] = {"PQ": made.total, "APT": sums.apt, "U": sums.u}
    return Finding(bounds, s.both("pq_ms"), terms, s.missing("pq_ms", "state"), empty)


def _rejected(s: Subject) -> tuple[Exact, Exact]:
    """Scrap and what it could be besides; without a reject counter total − good − rework."""
    made = s.sums.busy
    if "reject" in s.has:
        return made.reject, made.reject_high
    return made.total - made.good - made.rework, made.total_high


def _of_pieces(s: Subject, column: str, over: Exact, more: Exact, terms: Mapping[str, Exact]) -> Finding:
    """A share of what was produced; it may be below 0 where more good than pieces were counted."""
    made, coverage = s.sums.busy, s.covered(column)
    ends = [f.ratio(part, made.total + besides) for part in (over, over + more) for besides in (0, made.total_high)]
    known = [end for end in ends if end is not None]
    told = s.bounded and coverage is not None and coverage >= s.required and known
    bounds = f.ratio(over, made.total), min(known) if told else None, max(known) if told else None
    empty = _unplanned(s) or (None if made.total else "no_production")
    return Finding(bounds, coverage, {**terms, "PQ": made.total}, s.missing(column), empty, flags=_above(s))


def scrap_ratio(s: Subject) -> Finding:
    scrap, more = _rejected(s)
    return _of_pieces(s, "scrap_ms", scrap, more, {"SQ": scrap})


def rework_ratio(s: Subject) -> Finding:
    made = s.sums.busy
    return _of_pieces(s, "rework_ms", made.rework, made.rework_high, {"RQ": made.rework})


def first_pass_yield(s: Subject) -> Finding:
    made = s.sums.busy
    scrap, _ = _rejected(s)
    right = made.total - scrap - made.rework
    return _of_pieces(s, "yield_ms", right, made.total_high, {"SQ": scrap, "RQ": made.rework})


def _of_failures(s: Subject, time: int, terms: Mapping[str, Exact], value: Fraction | None) -> Finding:
    sums = s.sums
    coverage = s.known if sums.pbt else f.ratio(sums.window - sums.time[UNKNOWN], sums.window)
    seconds = None if value is None else value / SECOND_MS
    low = Fraction(time, SECOND_MS) if value is None else seconds
    told = {**terms, "failures": sums.failures, "divisor": sums.failures}
    empty = None if sums.failures else "no_failures"
    return Finding((seconds, low, seconds), coverage, told, s.missing("state"), empty, counters=False)


def mtbf(s: Subject) -> Finding:
    running, setup = s.sums.time[RUNNING], s.sums.time[SETUP]
    value = f.mtbf(running + setup, s.sums.failures)
    return _of_failures(s, running + setup, {"running": running, "setup": setup}, value)


def mttr(s: Subject) -> Finding:
    return _of_failures(s, s.sums.repair, {"repair": s.sums.repair}, f.mttr(s.sums.repair, s.sums.failures))


def energy_per_piece(s: Subject) -> Finding:
    sums = s.sums
    total = sums.busy.total + sums.outside.total
    more = sums.busy.total_high + sums.outside.total_high
    kwh, high_kwh = (Fraction(wh, WH_PER_KWH) for wh in (sums.energy, sums.energy + sums.energy_high))
    coverage = _least(f.ratio(sums.energy_covered, sums.window), s.covered("pq_ms"))
    told = s.bounded and coverage is not None and coverage >= s.required
    low = f.ratio(kwh, total + more) if told else None
    high = f.ratio(high_kwh, total) if told and not sums.energy_flags & BIT["unbounded"] else None
    bounds = f.energy_per_piece(kwh, total), low, high
    terms: dict[str, Exact] = {"kWh": kwh, "total": total}
    return Finding(bounds, coverage, terms, s.missing("pq_ms", "energy"), None if total else "no_production")


def apc_in_service(s: Subject) -> Finding:
    sums = s.sums
    known, running, unknown = sum(sums.modes), sums.time[RUNNING], sums.time[UNKNOWN]
    apc, whole = sums.modes[APC], running + unknown
    bounds = f.apc_in_service(apc, known), f.ratio(apc, whole), f.ratio(apc + whole - known, whole)
    terms = {"apc": apc, "known_mode": known, "running": running}
    empty = None if known else "no_production"
    return Finding(bounds, f.ratio(known, whole), terms, s.missing("mode", "state"), empty, counters=False)


@dataclass(frozen=True, slots=True)
class Kpi:
    """One line of the contract's table."""

    key: str
    unit: str
    find: Callable[[Subject], Finding]
    version: int = 1

    @property
    def method(self) -> str:
        return f"{self.key}@{self.version}"


KPIS: Mapping[str, Kpi] = {
    kpi.key: kpi
    for kpi in (
        Kpi("oee", "1", oee),
        Kpi("availability", "1", availability),
        Kpi("effectiveness", "1", effectiveness),
        Kpi("quality", "1", quality),
        Kpi("nee", "1", nee),
        Kpi("teep", "1", teep),
        Kpi("loading", "1", loading),
        Kpi("utilization_efficiency", "1", utilization_efficiency),
        Kpi("allocation_efficiency", "1", allocation_efficiency),
        Kpi("technical_efficiency", "1", technical_efficiency),
        Kpi("setup_rate", "1", setup_rate),
        Kpi("production_rate", "1/h", production_rate),
        Kpi("scrap_ratio", "1", scrap_ratio),
        Kpi("rework_ratio", "1", rework_ratio),
        Kpi("first_pass_yield", "1", first_pass_yield),
        Kpi("mtbf", "s", mtbf),
        Kpi("mttr", "s", mttr),
        Kpi("energy_per_piece", "kWh", energy_per_piece),
        Kpi("apc_in_service", "1", apc_in_service),
    )
}
