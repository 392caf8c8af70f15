"""Rates of equipment: the numerator is measured, the denominator is the register, and every device has its reason.

Networking is told from communication history by the rule of the plant file; the other three are told by the register,
and their lower bound counts only what a protocol proved. Register rows count that are valid on the last production day
of the window.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from config.devices import Device
from config.plant import METERED, Plant
from config.slices import slices
from config.zone import EPOCH, Offsets
from connectors.base import Ints
from kpi.measured import Json
from kpi.networking import networking, window
from kpi.polls import Polls
from kpi.rate import Excluded, Rate, Window

NUMERIC = ("native", "retrofit")
RATES = ("networking", "digitalization", "key_equipment_nc", "key_process_nc")


def rates(plant: Plant, polls: Polls, over: Window, identified: Mapping[str, int] = {}) -> dict[str, Rate]:
    """All four; `polls` are those of the window, `identified` the machines that said what they are, and since when."""
    read = _those(polls, polls.read)
    proven = read | {asset for asset, since in identified.items() if since < over.end}
    heard = read | _those(polls, polls.good)
    rows = [row for row in plant.register.devices if _valid(row, over.last_day)] if plant.register else []
    scope = [row for row in rows if row.in_scope]
    found = {
        "networking": networking(plant, polls, scope, over),
        "digitalization": _digitalization(plant, scope, proven, heard, over),
        "key_equipment_nc": _equipment(scope, proven, over),
        "key_process_nc": _processes(plant, scope, proven, over),
    }
    if plant.register is None:
        return {name: replace(rate, denominator=None, reason="not_configured") for name, rate in found.items()}
    out = [{"asset": row.id, "reason": row.reason or row.kind} for row in rows if not row.in_scope]
    found["digitalization"] = replace(
        found["digitalization"], also={**found["digitalization"].also, "out_of_scope": out}
    )
    networked, digital = (found[name].numerator or 0 for name in ("networking", "digitalization"))
    if networked > digital:
        for name in ("networking", "digitalization"):
            found[name] = replace(found[name], flags=(*found[name].flags, "networked_above_digital"))
    return found


def _those(polls: Polls, amount: Ints) -> frozenset[str]:
    return frozenset(asset for asset, of in zip(polls.assets, amount.sum(1).tolist(), strict=True) if of)


def _valid(row: Device, day: int) -> bool:
    at = date.fromordinal(day + EPOCH)
    return (row.since is None or row.since <= at) and (row.until is None or at <= row.until)


def _digitalization(
    plant: Plant, scope: Sequence[Device], proven: frozenset[str], heard: frozenset[str], over: Window
) -> Rate:
    """Imported rows prove no controller, but that some of a row registered without one were Good contradicts it."""
    numeric = [row.id for row in scope if row.control in NUMERIC]
    unregistered = [row.id for row in scope if row.control not in NUMERIC and row.id in heard]
    contradictions = [{"asset": asset, "what": "controller_points_but_registered_without"} for asset in unregistered]
    for row in scope:
        connected = plant.assets.get(row.id)
        if row.control in NUMERIC and connected and connected.points and not set(connected.points) - set(METERED):
            contradictions.append({"asset": row.id, "what": "registered_numeric_but_metered_points_only"})
    return _registered(
        "digitalization",
        scope,
        proven,
        over,
        {"control": list(NUMERIC)},
        high=len(numeric) + len(unregistered),
        flags=("contradiction",) if contradictions else (),
        also={"contradictions": contradictions},
    )


def _equipment(scope: Sequence[Device], proven: frozenset[str], over: Window) -> Rate:
    rows = [row for row in scope if row.key]
    return _registered("key_equipment_nc", rows, proven, over, {"control": list(NUMERIC)})


def _registered(
    kpi: str,
    rows: Sequence[Device],
    proven: frozenset[str],
    over: Window,
    rule: Mapping[str, object],
    high: int | None = None,
    flags: tuple[str, ...] = (),
    also: Mapping[str, object] | None = None,
) -> Rate:
    numeric = tuple(row.id for row in rows if row.control in NUMERIC)
    low = sum(asset in proven for asset in numeric)
    return Rate(
        kpi,
        len(numeric),
        len(rows),
        low,
        len(numeric) if high is None else high,
        over,
        rule,
        None if rows else "not_configured",
        flags=flags,
        assets=numeric,
        excluded=tuple(Excluded(row.id, f"control_{row.control}") for row in rows if row.control not in NUMERIC),
        also=also or {},
    )


def _processes(plant: Plant, scope: Sequence[Device], proven: frozenset[str], over: Window) -> Rate:
    """A row of a key process that names none is a process of its own."""
    rows: dict[str, list[Device]] = {}
    for row in scope:
        if row.key_process:
            rows.setdefault(row.process or row.id, []).append(row)
    enough = all if plant.rules.key_process == "all" else any
    counted = [name for name, of in rows.items() if enough(row.control in NUMERIC for row in of)]
    low = sum(enough(row.control in NUMERIC and row.id in proven for row in rows[name]) for name in counted)
    others = [row for name, of in rows.items() if name not in counted for row in of if row.control not in NUMERIC]
    return Rate(
        "key_process_nc",
        len(counted),
        len(rows),
        low,
        len(counted),
        over,
        {"key_process": plant.rules.key_process},
        None if rows else "not_configured",
        assets=tuple(row.id for name in counted for row in rows[name] if row.control in NUMERIC),
        excluded=tuple(Excluded(row.id, f"control_{row.control}") for row in others),
        also={"processes": counted, "processes_not": [name for name in rows if name not in counted]},
    )


# -- day by day --------------------------------------------------------------------------------------------------------
def history(
    plant: Plant, polls: Polls, start: int, end: int, first: int | None, identified: Mapping[str, int] = {}
) -> list[tuple[int, dict[str, Rate]]]:
    """The rates at the end of each production day in [start, end), with the day [since 1970-01-01]."""
    ends = slices(plant.calendar, (), Offsets(plant.timezone, start, end), start, end)
    last = np.append(ends.day[1:] != ends.day[:-1], True)
    found = []
    for day, at in zip((ends.day[last] - EPOCH).tolist(), ends.end[last].tolist(), strict=True):
        over = window(plant, at, first)
        found.append((day, rates(plant, polls.over(over.first_day, over.last_day), over, identified)))
    return found


def brief(day: int, of: dict[str, Rate]) -> Json:
    """One day of the history, without the lists of devices."""
    keys = ("value", "low", "high", "coverage", "reason", "flags", "numerator", "denominator", "days_observed")
    told: Json = {"day": date.fromordinal(day + EPOCH).isoformat()}
    for name, rate in of.items():
        document = rate.numbers()
        told[name] = {key: document[key] for key in keys}
    return told
