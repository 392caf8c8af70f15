"""Rules about what is on record without hands: business links, domains, processes, quality, and the data themselves."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

from config.plant import PIECES, Asset, Point
from config.zone import shown
from kpi.binding.devices import fault_record
from kpi.binding.energy import device_meters, energy_statistics
from kpi.binding.ground import Ground, of_kind, values_of
from kpi.binding.parameters import Parameters, count, share, within
from kpi.binding.tally import Tally, both, either
from kpi.forms.measured import Holding

LINKS = ("production", "quality", "equipment", "safety", "energy", "logistics")
DOMAINS = ("equipment", "quality", "energy")
JUDGED = ("good", "reject")
ORDERS = ("order",)
TRACES = ("serial", "lot", "order")


# -- points of a business link -----------------------------------------------------------------------------------------
def _points(ground: Ground, link: str) -> Iterator[Point]:
    """The points that serve a business link: by their role, their machine's class, or the first word of their name."""
    roles = {
        "production": ("total", "good", "product", "mode"),
        "quality": ("good", "reject", "rework"),
        "equipment": ("state", "alarm"),
        "energy": ("energy", "power"),
    }
    for asset in ground.plant.assets.values():
        row = ground.plant.device(asset.id)
        whole = row is not None and (link, row.kind) in (("quality", "inspection"), ("logistics", "logistics"))
        for point in asset.points.values():
            if whole or point.name in roles.get(link, ()):
                yield point
    if link == "safety":
        yield from of_kind(ground.plant, "risk", "hazard")
    if link == "production":
        yield from (asset.points[name] for asset in ground.plant.assets.values() for name in values_of(asset))


def _recorded(ground: Ground, link: str, least: Fraction) -> tuple[bool | None, list[str]]:
    """Whether some point of a link is collected so well, and which; looks no further than the first."""
    failing: list[str] = []
    found: list[bool | None] = []
    for point in _points(ground, link):
        met = ground.heard(point.asset, point.name).reaches(least)
        if met:
            return True, [f"{point.asset}.{point.name}"]
        found.append(met)
        failing += [f"{point.asset}.{point.name}"] if met is False else []
    if link == "energy":
        for meter in ground.plant.meters:
            met = ground.meter(meter).reaches(least)
            if met:
                return True, [meter]
            found.append(met)
            failing += [meter] if met is False else []
    return (either(found) if found else None), failing


def automatic_points(ground: Ground, p: Parameters) -> Holding:
    least, link = share(p, "coverage"), str(p["link"])
    met, points = _recorded(ground, link, least)
    reason = None if met is not None else "low_coverage" if next(_points(ground, link), None) else "not_configured"
    return Holding(met, reason, ground.told(link=link, at_least=least, points=points))


def _links(ground: Ground, links: Iterable[str], least: Fraction) -> Tally:
    found = Tally()
    for link in links:
        found.add(link, _recorded(ground, link, least)[0])
    return found


def domains_recorded(ground: Ground, p: Parameters) -> Holding:
    least = share(p, "coverage")
    return _links(ground, DOMAINS, least).least(count(p), ground.told(at_least=least))


def scenes_stored(ground: Ground, p: Parameters) -> Holding:
    """So many links, production among them."""
    found = _links(ground, LINKS, ground.plant.rules.coverage)
    told = found.least(count(p), ground.told())
    return told if told.holds is not True or "production" in found.yes else Holding(None, "low_coverage", told.evidence)


def typical_application(ground: Ground, p: Parameters) -> Holding:
    """Applications that ran in the window; that one is not seen here proves nothing."""
    found = Tally()
    found.add("faults", fault_record(ground, p).holds)
    found.add("energy", both((energy_statistics(ground, p).holds, device_meters(ground, p).holds)) or None)
    found.add("inspection", automatic_judgement(ground, {"count": Fraction(1)}).holds or None)
    return found.least(count(p), ground.told())


# -- processes and orders ----------------------------------------------------------------------------------------------
def key_process_parameters(ground: Ground, p: Parameters) -> Holding:
    """Key processes of which some machine gives a process value."""
    required, found = ground.plant.rules.coverage, Tally()
    for process, rows in ground.key_processes.items():
        assets = [asset for row in rows if (asset := ground.asset(row))]
        points = [(asset.id, name) for asset in assets for name in values_of(asset)]
        if points:
            found.add(process, either(ground.heard(*point).reaches(required) for point in points))
    return found.least(count(p), ground.told(at_least=required))


def key_processes_live(ground: Ground, p: Parameters) -> Holding:
    required, found = ground.plant.rules.coverage, Tally()
    for process, rows in ground.key_processes.items():
        assets = [row.id for row in rows if ground.asset(row)]
        if assets:
            found.add(process, either(ground.links[asset].reaches(required) for asset in assets))
        else:
            found.absent.append(process)
    return found.share(share(p, "share"), ground.told(at_least=required))


def counts_per_order(ground: Ground, p: Parameters) -> Holding:
    """Machines that say which order or product they make, beside what they count."""
    return _beside(ground, ("product", *ORDERS)).least(1, ground.told())


def _beside(ground: Ground, names: Iterable[str]) -> Tally:
    required, found = ground.plant.rules.coverage, Tally()
    for asset in ground.plant.assets.values():
        own = [name for name in names if name in asset.points]
        counted = [name for name in PIECES if name in asset.points]
        if own and counted:
            told = either(ground.heard(asset.id, name).reaches(required) for name in own)
            counts = either(ground.heard(asset.id, name).reaches(required) for name in counted)
            found.add(asset.id, both((told, counts)))
    return found


def trace_completeness(ground: Ground, p: Parameters) -> Holding:
    """Machines whose points `serial`, `lot` or `order` name what is made while it is counted."""
    least, found = share(p, "share"), Tally()
    for asset in ground.plant.assets.values():
        own = [name for name in TRACES if name in asset.points]
        if own:
            found.add(asset.id, either(ground.heard(asset.id, name).reaches(least) for name in own))
    return found.every(ground.told())


# -- quality -----------------------------------------------------------------------------------------------------------
def _inspection(ground: Ground) -> list[Asset]:
    rows = [row for row in ground.devices if row.kind == "inspection"]
    return [asset for row in rows if (asset := ground.asset(row))]


def _judges(ground: Ground, asset: Asset) -> bool | None:
    required = ground.plant.rules.coverage
    return either(ground.heard(asset.id, name).reaches(required) for name in JUDGED if name in asset.points)


def quality_source(ground: Ground, p: Parameters) -> Holding:
    required, found = ground.plant.rules.coverage, Tally()
    for point in _points(ground, "quality"):
        if len(found.yes) < count(p):
            found.add(f"{point.asset}.{point.name}", ground.heard(point.asset, point.name).reaches(required))
    return found.least(count(p), ground.told(at_least=required))


def inspection_devices(ground: Ground, p: Parameters) -> Holding:
    found = Tally()
    for asset in _inspection(ground):
        found.add(asset.id, ground.answers(asset.id))
    return found.least(count(p), ground.told("B"))


def automatic_judgement(ground: Ground, p: Parameters) -> Holding:
    found = Tally()
    for asset in _inspection(ground):
        if set(JUDGED) & set(asset.points):
            found.add(asset.id, _judges(ground, asset))
    return found.least(count(p), ground.told())


def key_processes_inspected(ground: Ground, p: Parameters) -> Holding:
    """Key processes that have an inspection device which judges; without any such device nothing is known."""
    rows = {row.id: row.process for row in ground.devices if row.kind == "inspection"}
    found = Tally()
    for process in ground.key_processes:
        own = [a for a in _inspection(ground) if rows[a.id] == process and set(JUDGED) & set(a.points)]
        if own:
            found.add(process, either(_judges(ground, asset) for asset in own))
        else:
            found.absent.append(process)
    return found.share(share(p, "share"), ground.told())


# -- the data themselves -----------------------------------------------------------------------------------------------
def point_dictionary(ground: Ground, p: Parameters) -> Holding:
    """By the plant file: each point is a role, whose meaning is fixed, or has a unit; switches need none."""
    found = Tally()
    for point in ground.plant.points():
        found.add(".".join(point.key), _explained(point))
    told = found.share(share(p, "share"), ground.told("B"))
    return replace(told, evidence={name: value for name, value in told.evidence.items() if name != "met"})


def _explained(point: Point) -> bool:
    fixed = ("state", *PIECES, "product", "alarm", "mode")
    return point.name in fixed or point.unit is not None or point.type in ("bool", "string")


def live_view(ground: Ground, p: Parameters) -> Holding:
    """Lines, workshops and the plant that the dashboard shows from values of the window."""
    found = Tally()
    for asset in ground.plant.assets:
        if ground.answers(asset):
            row = ground.plant.device(asset)
            places = {ground.plant.line_of(asset), row.workshop if row else "", ground.plant.id} - {""}
            found.yes += [place for place in sorted(places) if place not in found.yes]
    told = found.least(count(p), ground.told())
    return told if told.holds else Holding(None, "no_data" if ground.plant.assets else "not_configured", told.evidence)


def history_span(ground: Ground, p: Parameters) -> Holding:
    """A record that is still short is no proof that older data are nowhere."""
    longest = within(p, "span")
    assert longest is not None
    first = ground.first
    if first is None:
        return Holding(None, "no_data", ground.told())
    enough = ground.end - first >= longest
    told = ground.told(first=shown(first, ground.plant.timezone), needed_days=Fraction(longest, 86400 * 10**9))
    return Holding(True if enough else None, None if enough else "short_history", told)


def data_quality_report(ground: Ground, p: Parameters) -> Holding:
    """Coverage of every asset, which is the report itself."""
    told: dict[str, object] = {asset: one.value for asset, one in ground.links.items() if one.value is not None}
    reason = None if ground.answered else "no_data" if ground.plant.assets else "not_configured"
    return Holding(True if ground.answered else None, reason, ground.told(coverage=told))
