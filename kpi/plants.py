"""Plants of a group, each with a store of its own: facts are added, and divided once.

A store that does not answer leaves its plant unknown for the whole window: that lowers the coverage of the group, and
the sums of the others stay what they are. Of a plant that was never heard of not even the weight is known.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256

from config.plant import Plant, Rules
from config.span import Window
from kpi.facts.archive import Archive
from kpi.facts.facts import Facts, facts
from kpi.groups import members_of
from kpi.indicators import KPIS
from kpi.measure import Frame, Member, Profile, frame, knowable, measure_group, nothing
from kpi.measured import Json, Measured
from kpi.rate import Rate
from kpi.sums import of_asset, within
from kpi.water import water_reuse
from store import StoreError
from store.other import Other, Silent
from store.reader import Reader

STORE_SILENT = "store_silent"
Rates = Mapping[str, Rate]
Rated = Callable[[Reader, Facts, Archive | None, int], Rates]


@dataclass(frozen=True, slots=True)
class Part:
    """One plant of a group over one window; of one that was never heard of there are no facts."""

    id: str
    start: int
    end: int
    facts: Facts | None
    rates: Rates
    silent: str = ""

    def document(self) -> Json:
        return {
            "plant": self.id,
            "name": self.facts.plant.name if self.facts else self.id,
            "store": self.facts.store if self.facts and not self.silent else None,
            "plant_sha256": self.facts.plant.sha256 if self.facts else None,
            "trouble": self.silent or None,
        }


class Group:
    """The other plants of the plant file's `stores`. May be shared by threads."""

    @classmethod
    def of(cls, plant: Plant) -> "Group | None":
        """None for a plant that stands alone."""
        return cls(plant) if plant.stores else None

    def __init__(self, plant: Plant) -> None:
        self.others = [Other(name, of, plant.data / "group") for name, of in plant.stores.items()]

    def ask(self, start: int, end: int, now: int, rated: Rated | None = None) -> Callable[[], list[Part]]:
        """Begins to read all of them, at once and beside the caller, who then calls for what they told."""
        pool = ThreadPoolExecutor(len(self.others), "group")
        waiting = [pool.submit(_part, other, start, end, now, rated) for other in self.others]
        pool.shutdown(wait=False)
        return lambda: [one.result() for one in waiting]


def of(facts: Facts, rates: Rates | None = None) -> list[Part]:
    """The plant that asks; one without points is the head of its group, and no part of it."""
    return [Part(facts.plant.id, facts.start, facts.end, facts, rates or {})] if facts.plant.points() else []


def document(parts: Sequence[Part], required: Fraction) -> Json:
    """Which plants the group is of, which of them answered, and the rates of all together."""
    return {"plants": [part.document() for part in parts], "rates": rates(parts, required)}


def _part(other: Other, start: int, end: int, now: int, rated: Rated | None) -> Part:
    def made(reader: Reader, plant: Plant, kept: bool = True, silent: str = "") -> Part:
        archive = Archive(plant.data, plant.id) if kept else None
        found = facts(reader, plant, start, end, archive, now)
        return Part(plant.id, start, end, found, rated(reader, found, archive, now) if rated else {}, silent)

    try:
        return other.asked(made)
    except StoreError as error:
        plant, silent = other.known().plant, str(error)
        return made(Silent(), plant, False, silent) if plant else Part(other.id, start, end, None, {}, silent)


def together(
    asking: Facts, parts: Sequence[Part], profile: Profile, window: Window
) -> tuple[list[Member], dict[str, Measured]]:
    """Every KPI of all plants as one, and its members, which are plant/asset."""
    known = [part.facts for part in parts if part.facts is not None]
    members = [member for of in known for member in _members(of, window)]
    stores = dict.fromkeys(part.facts.store for part in parts if part.facts and not part.silent)
    common = replace(
        frame(asking, profile, window.start, window.end),
        plant_sha256=sha256("".join(of.plant.sha256 for of in known).encode()).hexdigest(),
        store="+".join(stores),
    )
    unheard = tuple((part.id, "no_data") for part in parts if part.facts is None)
    measured = {key: measure_group(kpi, members, common) for key, kpi in KPIS.items()}
    measured["water_reuse"] = water_reuse([within(of, window.start, window.end) for of in known], common)
    if any(part.silent for part in parts):
        measured = {key: marked(one, unheard) for key, one in measured.items()}
    return members, measured


def unheard(part: Part, profile: Profile, rules: Rules) -> dict[str, Measured]:
    """Every KPI of a plant of which nothing at all is known."""
    common = Frame(part.start, part.end, profile, rules, "", "influxdb")
    units = {key: kpi.unit for key, kpi in KPIS.items()} | {"water_reuse": "1"}
    return {key: marked(nothing(key, common, "no_data", unit)) for key, unit in units.items()}


def _members(of: Facts, window: Window) -> list[Member]:
    return [
        Member(
            f"{of.plant.id}/{asset}",
            of_asset(of, asset, [(window.start, window.end)])[0],
            knowable(of.plant.assets[asset], of.plant.rules),
        )
        for asset in members_of(of.plant, window.start, window.end)
    ]


def marked(of: Measured, unknown: tuple[tuple[str, str], ...] = ()) -> Measured:
    """Some plant's store did not answer; where one of them was never heard of, nothing says how much is missing."""
    told = replace(of, flags=(*of.flags, STORE_SILENT), excluded=(*(of.excluded or ()), *unknown))
    if not unknown:
        return told
    return replace(told, value=None, low=None, high=None, coverage=Fraction(0), reason="no_data")


# -- rates -------------------------------------------------------------------------------------------------------------
def rates(parts: Sequence[Part], required: Fraction) -> Json:
    """Those of the whole group: numerators and denominators of the plants that have a value, added and divided once."""
    names = dict.fromkeys(name for part in parts for name in part.rates)
    return {name: _rate([(part, part.rates.get(name)) for part in parts], required) for name in names}


def _rate(told: Sequence[tuple[Part, Rate | None]], required: Fraction) -> Json:
    """Coverage weighs plants by their registers; a plant whose register is not known has no weight that could count.
    `low` and `high` are of all plants: of one without a value, none or all of its devices may count."""
    kept = [rate for _, rate in told if rate is not None and rate.value is not None]
    out = [(part.id, _why(part, rate)) for part, rate in told if rate is None or rate.value is None]
    sizes = [rate.denominator if rate is not None else None for _, rate in told]
    covered = sum(((rate.denominator or 0) * rate.coverage for rate in kept), Fraction(0))
    whole = None if None in sizes else sum(size or 0 for size in sizes)
    coverage = covered / whole if whole else Fraction(0)
    reason = None if kept and coverage >= required else out[0][1] if None in sizes or not kept else "low_coverage"
    below = sum(rate.denominator or 0 for rate in kept)
    open_ = (whole or 0) - below
    return {
        "value": _share([rate.numerator for rate in kept], below) if reason is None else None,
        "low": _share([rate.low for rate in kept], whole),
        "high": _share([*(rate.high for rate in kept), open_], whole),
        "coverage": float(coverage),
        "reason": reason,
        "flags": [STORE_SILENT] if any(part.silent for part, _ in told) else [],
        "numerator": sum(rate.numerator or 0 for rate in kept) if kept else None,
        "denominator": below if kept else None,
        "excluded": [{"plant": plant, "reason": why} for plant, why in out],
        "plants": {part.id: rate.numbers() for part, rate in told if rate is not None},
    }


def _share(counts: Sequence[int | None], of: int | None) -> float | None:
    return float(Fraction(sum(count or 0 for count in counts), of)) if of and None not in counts else None


def _why(part: Part, rate: Rate | None) -> str:
    return "no_data" if part.silent or rate is None else str(rate.reason)
