"""`gemba energy` as one JSON document: the sums, and beside them what it takes to check the sums by hand."""

from fractions import Fraction

from config import factors
from config.carriers import CARRIERS, Factors
from config.factors import GridFactor
from config.plant import Plant
from config.zone import shown
from kpi.energy import Consumption, Line, consumption, line, per_revenue
from kpi.energy_change import at_constant_factor, change
from kpi.energy_ledger import Ledger
from kpi.energy_meters import ELECTRICITY, Gauge, Place, Total
from kpi.facts.facts import Facts
from kpi.facts.schema import named
from kpi.measured import Json


def under(base: Factors, name: str) -> Factors:
    """The factors of another profile, with what the plant file states of its own."""
    printed = factors.profile(base.profile).factors
    own = [factor for factor in base.factors.values() if factor != printed[factor.carrier]]
    found = factors.override(factors.profile(name), own)
    return Factors(found.profile, found.version, found.factors, found.title, base.grid)


def report(
    facts: Facts,
    per: str = "window",
    revenue: Fraction | None = None,
    baseline: Facts | None = None,
    baseline_revenue: Fraction | None = None,
) -> Json:
    """The whole document. Revenues [万元] are those of the window and of the baseline, which is another window."""
    ledger = Ledger(facts, per)
    whole = consumption(ledger)
    totals = _totals(ledger)
    found: Json = {
        "plant": facts.plant.id,
        "from": shown(facts.start, facts.plant.timezone),
        "to": shown(facts.end, facts.plant.timezone),
        "per": per,
        "calendar": facts.plant.calendar.name,
        "factors": f"{facts.plant.factors.profile}@{facts.plant.factors.version}",
        **headline(whole, revenue),
        **_parts(ledger, totals, whole, -1),
        "meters": [_meter(ledger, gauge, whole) for gauge in ledger.tree.gauges.values()],
        "grid": [_grid(one) for one in _grids(whole)],
        "rows": [_period(ledger, totals, index) for index in range(len(ledger.periods))],
        "rule": {"coverage": float(whole.required)},
        "inputs": ledger.inputs(ledger.tree.gauges.values()).json(),
    }
    if baseline is not None:
        before = consumption(Ledger(baseline))
        found["baseline"] = _baseline(baseline, before, whole, baseline_revenue)
        found["change"] = change(before, whole, baseline_revenue, revenue)
    return found


def headline(of: Consumption, revenue: Fraction | None = None) -> Json:
    """What one span comes to."""
    found: Json = {
        "tce": _float(of.tce),
        "tce_low": _float(of.tce_low),
        "tce_high": _float(of.tce_high),
        "co2_t": _float(of.co2),
        "reason": of.reason,
        "flags": list(of.flags),
        "coverage": float(of.coverage),
    }
    if revenue is not None:
        found |= {"revenue": float(revenue), "kgce_per_100_yuan": _float(per_revenue(of.tce, revenue))}
    return found


def _baseline(facts: Facts, before: Consumption, whole: Consumption, revenue: Fraction | None) -> Json:
    return {
        "from": shown(facts.start, facts.plant.timezone),
        "to": shown(facts.end, facts.plant.timezone),
        **headline(before, revenue),
        "co2_t_constant": _float(at_constant_factor(before, whole)),
        "carriers": [of_carrier(each) for each in before.lines],
        "grid": [_grid(one) for one in _grids(before)],
    }


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


Totals = dict[str, list[tuple[Json, Total]]]


def _totals(ledger: Ledger) -> Totals:
    """What is consumed at each place that something measures, by carrier."""
    carriers = dict.fromkeys(gauge.carrier for gauge in ledger.tree.gauges.values() if gauge.role == "consumed")
    found: Totals = {}
    for kind, places in _places(ledger.plant).items():
        pairs = ((known, _at(ledger, carrier, place)) for known, place in places for carrier in carriers)
        found[kind] = [(known, total) for known, total in pairs if total is not None]
    return found


def _parts(ledger: Ledger, totals: Totals, whole: Consumption, period: int) -> Json:
    """By carrier, state, asset, line and workshop."""
    return {
        "carriers": [of_carrier(each) for each in whole.lines],
        "by_state": _by_state(ledger, _machines(ledger), period),
        **{kind: [_row(ledger, known, total, period) for known, total in some] for kind, some in totals.items()},
    }


def _period(ledger: Ledger, totals: Totals, index: int) -> Json:
    of, zone = ledger.periods[index], ledger.plant.timezone
    whole = consumption(ledger, index)
    found: Json = {"from": shown(of.start, zone), "to": shown(of.end, zone), "day": of.day.isoformat()}
    if of.shift is not None:
        found["shift"] = of.shift
    return {**found, **headline(whole), **_parts(ledger, totals, whole, index)}


# -- rows --------------------------------------------------------------------------------------------------------------
def _amounts(of: Line) -> Json:
    """Null where nothing was read: that is unknown, and not zero."""
    known = of.sum.known
    return {
        "amount": float(of.carrier.shown(of.sum.total)) if known else None,
        "low": float(of.carrier.shown(of.sum.total)),
        "high": None if of.sum.high is None else float(of.carrier.shown(of.sum.high)),
        "unit": of.carrier.unit,
        "tce": _float(of.tce),
        "co2_t": _float(of.co2),
        "coverage": float(of.sum.coverage),
        "flags": [*named(of.sum.flags), *of.total.flags],
    }


def of_carrier(of: Line) -> Json:
    """A carrier in one role. `tce` and `co2_t` are those of the amount; `sign` is how they count."""
    factor, amounts = of.factor, _amounts(of)
    per = None if factor.tce is None else of.coal(int(of.carrier.steps(of.carrier.unit)))
    reason = "no_factor" if factor.tce is None and of.sign else None
    return {
        "carrier": of.carrier.id,
        "name": of.carrier.name,
        "role": of.total.role,
        "sign": of.sign,
        **amounts,
        "factor": _float(per),
        "factor_source": factor.source,
        "factor_status": factor.status,
        "co2_factor": _co2_factor(of),
        "co2_source": "; ".join(dict.fromkeys(one.source for one in of.grid)) if _by_grid(of) else factor.co2_source,
        "reason": reason if of.sum.known else "no_data",
        "meters": [gauge.id for gauge in of.total.gauges],
    }


def _by_grid(of: Line) -> bool:
    return of.carrier.id == ELECTRICITY and of.factor.co2 is None


def _co2_factor(of: Line) -> float | None:
    """CO2 [t] of one unit; of power over several years there is none that holds for all."""
    if _by_grid(of):
        return float(of.grid[0].value / 1000) if len({one.value for one in of.grid}) == 1 else None
    if of.factor.co2 is None:
        return None
    return float(of.factor.co2 * of.carrier.steps(of.carrier.unit) / of.carrier.steps(of.factor.unit))


def _places(plant: Plant) -> dict[str, list[tuple[Json, Place]]]:
    rows = plant.register.devices if plant.register else ()
    lines = dict.fromkeys([*plant.lines, *(row.line for row in rows if row.line)])
    workshops = dict.fromkeys(row.workshop for row in rows if row.workshop)
    assets: list[tuple[Json, Place]] = []
    for asset in plant.assets:
        row = plant.device(asset)
        line_of = (
            row.line if row and row.line else next((l.id for l in plant.lines.values() if asset in l.serial), None)
        )
        known: Json = {"asset": asset, "line": line_of, "workshop": row.workshop or None if row else None}
        assets.append((known, Place("asset", asset)))
    return {
        "assets": assets,
        "lines": [({"line": name}, Place("line", name)) for name in lines],
        "workshops": [({"workshop": name}, Place("workshop", name)) for name in workshops],
    }


def _row(ledger: Ledger, known: Json, total: Total, period: int) -> Json:
    """One carrier at one place; by machine state where all of it was metered at machines."""
    of = line(ledger.plant, total, ledger.sum(total.gauges, period))
    row = {**known, "carrier": total.carrier, **_amounts(of), "meters": [gauge.id for gauge in total.gauges]}
    if all(gauge.place.kind == "point" for gauge in total.gauges):
        row["by_state"] = _by_state(ledger, [gauge.id for gauge in total.gauges], period)
    return row


def _at(ledger: Ledger, carrier: str, place: Place) -> Total | None:
    """An asset's own energy point is no makeshift for a meter of it."""
    total = ledger.tree.total(carrier, "consumed", place)
    if total is None or place.kind != "asset":
        return total
    return Total(total.carrier, total.role, total.gauges, total.sign)


def _machines(ledger: Ledger) -> list[str]:
    return [gauge.id for gauge in ledger.tree.gauges.values() if gauge.place.kind == "point"]


def _by_state(ledger: Ledger, machines: list[str], period: int) -> Json:
    """Electricity [kWh] by the machine state in which it was used."""
    found = ledger.by_state(machines, period)
    return {state: float(CARRIERS[ELECTRICITY].shown(amount)) for state, amount in found.items()}


def _meter(ledger: Ledger, gauge: Gauge, whole: Consumption) -> Json:
    """One gauge as it was read, and whether the plant's total takes it."""
    carrier, of = CARRIERS[gauge.carrier], ledger.sum([gauge])
    counted = any(gauge in each.total.gauges for each in whole.lines)
    scope = gauge.place.kind if gauge.place.kind == "plant" else f"{gauge.place.kind}:{gauge.place.name}"
    return {
        "meter": gauge.id,
        "carrier": gauge.carrier,
        "role": gauge.role,
        "scope": scope.replace("point:", "asset:"),
        "under": gauge.under,
        "amount": float(carrier.shown(of.total)) if of.known else None,
        "unit": carrier.unit,
        "coverage": float(of.coverage),
        "flags": named(of.flags),
        "counted": counted,
    }


# -- evidence ----------------------------------------------------------------------------------------------------------
def _grids(whole: Consumption) -> list[GridFactor]:
    found = [one for each in whole.lines if _by_grid(each) for one in each.grid]
    return list(dict.fromkeys(found))


def _grid(of: GridFactor) -> Json:
    return {
        "year": of.year,
        "region": of.region,
        "scope": of.scope,
        "kg_per_kwh": float(of.value),
        "source": of.source,
        "status": of.status,
    }
