"""Energy of a group of plants: each by its own factors, then all together. A sum that lacks a plant is no sum: where a
store is silent there is none, and what the others used is its lower bound."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import reduce

from config.zone import shown
from kpi.energy import Consumption, Line, consumption
from kpi.energy_ledger import Ledger, Sum
from kpi.energy_report import headline, of_carrier, under
from kpi.facts.schema import named
from kpi.measured import Json
from kpi.plants import STORE_SILENT, Part


def document(parts: Sequence[Part], factors: str | None = None) -> Json:
    """What `--by plant` adds: a row of each plant, the first of which asks, and one of all; `factors` is the profile
    for all of them where one is asked for."""
    parts = [_under(part, factors) for part in parts] if factors else parts
    wholes = [None if part.facts is None else consumption(Ledger(part.facts)) for part in parts]
    rows = [_row(part, whole) for part, whole in zip(parts, wholes, strict=True)]
    if len(parts) > 1:
        rows.append(_together(parts, wholes))
    return {"plants": rows, "group": {"plants": [part.document() for part in parts]}}


def _under(part: Part, factors: str) -> Part:
    if part.facts is None:
        return part
    plant = part.facts.plant
    own = replace(plant, factors=under(plant.factors, factors))
    return replace(part, facts=replace(part.facts, plant=own))


def _row(part: Part, whole: Consumption | None) -> Json:
    if whole is None or part.facts is None:
        return {"plant": part.id, "factors": None, **_unheard(), "carriers": []}
    plant = part.facts.plant
    told = headline(whole)
    if part.silent:
        told["flags"] = [*whole.flags, STORE_SILENT]
    return {
        "plant": part.id,
        "from": shown(part.start, plant.timezone),
        "to": shown(part.end, plant.timezone),
        "factors": f"{plant.factors.profile}@{plant.factors.version}",
        **told,
        "carriers": [of_carrier(line) for line in whole.lines],
    }


def _unheard() -> Json:
    nothing = dict.fromkeys(("tce", "tce_low", "tce_high", "co2_t"))
    return {**nothing, "reason": "no_data", "flags": [STORE_SILENT], "coverage": 0.0}


def _together(parts: Sequence[Part], wholes: Sequence[Consumption | None]) -> Json:
    known = [whole for whole in wholes if whole is not None]
    lines: dict[tuple[str, str], list[Line]] = {}
    for whole in known:
        for line in whole.lines:
            lines.setdefault((line.carrier.id, line.total.role), []).append(line)
    counted = [reduce(Sum.__add__, (line.sum for line in some)) for some in lines.values() if any(o.sign for o in some)]
    missing = len(known) < len(wholes)
    reasons = [whole.reason for whole in known if whole.reason] or (["no_data"] if missing else [])
    flags = dict.fromkeys(flag for whole in known for flag in whole.flags)
    silent = [STORE_SILENT] if any(part.silent for part in parts) else []
    return {
        "plant": "+".join(part.id for part in parts),
        "factors": None,
        "tce": None if reasons else _float(_sum(whole.tce for whole in known)),
        "tce_low": _float(_sum(_least(whole) for whole in known)),
        "tce_high": None if missing else _float(_sum(whole.tce_high for whole in known)),
        "co2_t": None if missing else _float(_sum(whole.co2 for whole in known)),
        "reason": reasons[0] if reasons else None,
        "flags": [*flags, *silent],
        "coverage": 0.0 if missing else float(min((one.coverage for one in counted), default=Fraction(0))),
        "carriers": [_carrier(some, missing) for some in lines.values()],
    }


def _least(of: Consumption) -> Fraction | None:
    """A plant that meters nothing, or nothing with a factor, adds nothing that is known."""
    return of.tce_low if any(line.factor.tce is not None for line in of.counted) else Fraction(0)


def _carrier(lines: Sequence[Line], missing: bool) -> Json:
    """A carrier in one role, of all plants that meter it."""
    of, whole = lines[0], reduce(Sum.__add__, (line.sum for line in lines))
    known = not missing and all(line.sum.known for line in lines)
    return {
        "carrier": of.carrier.id,
        "name": of.carrier.name,
        "role": of.total.role,
        "amount": float(of.carrier.shown(whole.total)) if known else None,
        "low": float(of.carrier.shown(whole.total)),
        "high": None if missing or whole.high is None else float(of.carrier.shown(whole.high)),
        "unit": of.carrier.unit,
        "tce": None if missing else _float(_sum(line.tce for line in lines)),
        "co2_t": None if missing else _float(_sum(line.co2 for line in lines)),
        "coverage": 0.0 if missing else float(whole.coverage),
        "flags": [*named(whole.flags), *dict.fromkeys(flag for line in lines for flag in line.total.flags)],
    }


def _sum(parts: Iterable[Fraction | None]) -> Fraction | None:
    told = list(parts)
    return None if None in told else sum((part or Fraction(0) for part in told), Fraction(0))


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
