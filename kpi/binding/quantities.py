"""Numbers of an item from facts: the terms an answer file would have, or why they are not there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from config.carriers import CARRIERS
from config.template import Item, Setting
from kpi.binding import pieces
from kpi.binding.ground import Ground
from kpi.energy_change import at_constant_factor
from kpi.energy_report import report
from kpi.forms.items import SIDES
from kpi.forms.measured import Reading
from kpi.measure import Member
from kpi.measured import Measured
from kpi.rate import Rate
from kpi.water import water_reuse

DIGITAL = ("native", "retrofit")
HOUR_MS = 3_600_000
Origin = Literal["measured", "supported"]
Settings = Mapping[str, Setting]


@dataclass(frozen=True, slots=True)
class Side:
    """A quantity of one window: None where it is not measured, for a reason."""

    value: Fraction | None
    reason: str | None = None
    evidence: Mapping[str, object] | None = None
    sure: bool = True


# -- rates of equipment ------------------------------------------------------------------------------------------------
def _rate(ground: Ground, rate: Rate, part: str, whole: str, proven: bool, following: tuple[str, ...]) -> Reading:
    grade = "C" if "imported" in rate.flags or not proven else "A"
    evidence = ground.told(grade, **rate.document(ground.plant))
    if rate.reason is not None or rate.numerator is None or rate.denominator is None:
        return Reading(reason=rate.reason, evidence=evidence)
    terms = {part: Fraction(rate.numerator), whole: Fraction(rate.denominator)}
    return Reading(terms, "measured" if proven else "supported", None, evidence, following)


def networking(ground: Ground, item: Item, settings: Settings) -> Reading:
    """The next to connect: those that are heard too little, then those that are digital already, then the rest."""
    rate = ground.rates["networking"]
    nearly = [each.asset for each in rate.almost]
    rest = [row for row in ground.devices if row.id not in {*rate.assets, *nearly} and row.control != "meter"]
    rest.sort(key=lambda row: row.control not in DIGITAL)
    return _rate(ground, rate, "networked", "total", True, (*nearly, *(row.id for row in rest)))


def digitalization(ground: Ground, item: Item, settings: Settings) -> Reading:
    """Measured where a protocol proved every one of them, else the register says the rest. Next: those with a meter."""
    rate = ground.rates["digitalization"]
    rest = [row for row in ground.devices if row.control not in DIGITAL]
    rest.sort(key=lambda row: (row.id not in ground.answered, row.control != "meter"))
    proven = rate.low == rate.numerator
    return _rate(ground, rate, "digital", "total", proven, tuple(row.id for row in rest))


def key_equipment_nc(ground: Ground, item: Item, settings: Settings) -> Reading:
    rate = ground.rates["key_equipment_nc"]
    rest = [row.id for row in ground.key_devices if row.control not in DIGITAL]
    return _rate(ground, rate, "controlled", "total", rate.low == rate.numerator, tuple(rest))


# -- shares of one window ----------------------------------------------------------------------------------------------
def _kpi(ground: Ground, told: Measured, **terms: str) -> Reading:
    """A KPI's own terms under the names of the form."""
    evidence = ground.told("A", **told.json(ground.plant.timezone))
    if told.reason is not None:
        return Reading(reason=told.reason, evidence=evidence)
    return Reading({name: Fraction(told.terms[term]) for name, term in terms.items()}, evidence=evidence)


def apc_in_service(ground: Ground, item: Item, settings: Settings) -> Reading:
    told, _ = ground.of_kpi("apc_in_service")
    return _kpi(ground, told, in_service="apc", running="known_mode")


def water(ground: Ground, item: Item, settings: Settings) -> Reading:
    """Only a main meter of each proves that every circuit is metered."""
    told = water_reuse([ground.facts], ground.frame)
    found = _kpi(ground, told, reused="reused", used="fresh")
    if not found.terms:
        return found
    steps = CARRIERS["water"].steps(CARRIERS["water"].unit)
    reused, fresh = found.terms["reused"] / steps, found.terms["used"] / steps
    origin: Origin = "supported" if "no_main_meter" in told.flags else "measured"
    return Reading({"reused": reused, "used": reused + fresh}, origin, None, found.evidence)


# -- two windows -------------------------------------------------------------------------------------------------------
def _sides(ground: Ground, item: Item, name: str, side: Callable[[Ground], Side]) -> Reading:
    """One quantity of the baseline and of the window; without a baseline the window's alone."""
    first, second = SIDES[item.answer]
    known = {second: side(ground)}
    if ground.baseline is not None:
        known = {first: side(ground.baseline), **known}
    terms = {f"{at}.{name}" if name else at: one.value for at, one in known.items() if one.value is not None}
    reasons = [one.reason for one in known.values() if one.reason]
    reason = reasons[0] if reasons else None if ground.baseline else "no_baseline"
    sure = all(one.sure for one in known.values())
    evidence = ground.told("A", **{at: one.evidence for at, one in known.items()})
    return Reading(terms, "measured" if sure else "supported", reason, evidence)


def energy(ground: Ground, item: Item, settings: Settings) -> Reading:
    def side(of: Ground) -> Side:
        return Side(of.consumption.tce, of.consumption.reason, _energy(of))

    return _sides(ground, item, "tce", side)


def carbon(ground: Ground, item: Item, settings: Settings) -> Reading:
    """By each year's grid factor; beside it the baseline by the window's, so that a factor is not sold as a saving."""

    def side(of: Ground) -> Side:
        constant = at_constant_factor(of.consumption, ground.consumption)
        reason = None if of.consumption.co2 is not None else of.consumption.reason or "no_factor"
        return Side(of.consumption.co2, reason, {**_energy(of), "co2_t_constant": constant})

    return _sides(ground, item, "co2_t", side)


ENERGY = ("from", "to", "factors", "tce", "tce_low", "tce_high", "co2_t", "reason", "flags", "coverage")


def _energy(of: Ground) -> dict[str, object]:
    told = report(of.facts)
    carriers = told["carriers"]
    assert isinstance(carriers, list)
    keys = ("carrier", "role", "sign", "amount", "unit", "factor", "tce", "co2_t", "coverage", "flags", "meters")
    short = [{key: line[key] for key in keys} for line in carriers]
    return {**{key: told[key] for key in ENERGY}, "carriers": short, "grid": told["grid"], "inputs": told["inputs"]}


def pass_rate(ground: Ground, item: Item, settings: Settings) -> Reading:
    """In per cent: the mean of the monthly rates, or pooled."""

    def side(of: Ground) -> Side:
        told = pieces.passed(of)
        value = told.pooled if settings["item13_rate"] == "pooled" else told.mean
        return Side(None if value is None else 100 * value, told.reason, told.evidence(of), told.sure)

    return _sides(ground, item, "", side)


def reject_rate(ground: Ground, item: Item, settings: Settings) -> Reading:
    def side(of: Ground) -> Side:
        told = pieces.rejected(of)
        return Side(told.pooled, told.reason, told.evidence(of), told.sure)

    return _sides(ground, item, "", side)


def oee(ground: Ground, item: Item, settings: Settings) -> Reading:
    def side(of: Ground) -> Side:
        told, _ = of.of_kpi("oee")
        return Side(told.value, told.reason, told.json(of.plant.timezone))

    return _sides(ground, item, "", side)


def production_efficiency(ground: Ground, item: Item, settings: Settings) -> Reading:
    """Good pieces (or the standard hours they earn) in an hour of planned busy time; of lines with several products
    pieces alone do not tell, and only support."""
    standard = settings["item8_output"] == "standard"

    def side(of: Ground) -> Side:
        told, kept = of.of_kpi("oee" if standard else "quality")
        hours = Fraction(sum(member.sums.pbt for member in kept), HOUR_MS)
        made = sum((_made(member, standard) for member in kept), Fraction(0))
        one_product = all(len(member.sums.kinds) < 2 for member in kept)
        evidence = {**told.json(of.plant.timezone), "output": made, "hours": hours, "one_product": one_product}
        value = made / hours if told.reason is None and hours else None
        return Side(value, told.reason, evidence, standard or one_product)

    return _sides(ground, item, "", side)


def _made(member: Member, standard: bool) -> Fraction:
    """Good pieces, or the hours [h] that they were planned to take."""
    return Fraction(member.sums.busy.pri_good) / HOUR_MS if standard else Fraction(member.sums.busy.good)


def resource_use(ground: Ground, item: Item, settings: Settings) -> Reading:
    """The official text weighs no resource against another, so there is no one number; each is in the evidence."""
    return Reading(reason="not_defined", evidence=ground.told("A", **_energy(ground)))


QUANTITIES: Mapping[str, Callable[[Ground, Item, Settings], Reading]] = {
    "networking": networking,
    "digitalization": digitalization,
    "key_equipment_nc": key_equipment_nc,
    "apc_in_service": apc_in_service,
    "water_reuse": water,
    "energy": energy,
    "carbon": carbon,
    "pass_rate": pass_rate,
    "reject_rate": reject_rate,
    "oee": oee,
    "production_efficiency": production_efficiency,
    "resource_use": resource_use,
}
