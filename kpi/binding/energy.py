"""Rules about energy and carbon: which carriers and machines are metered, how often, and what is made of it."""

from collections.abc import Mapping
from fractions import Fraction

from config.plant import Meter
from config.zone import shown
from kpi.binding.ground import Ground
from kpi.binding.parameters import Parameters, share, within
from kpi.binding.tally import Share, Tally, both
from kpi.energy import consumption
from kpi.energy_ledger import Ledger
from kpi.energy_meters import ELECTRICITY
from kpi.forms.measured import Holding
from kpi.indicators import KPIS
from kpi.measure import measure


def carriers_collected(ground: Ground, p: Parameters) -> Holding:
    """Every carrier that the plant file meters. Thin readings leave it open: nobody can see what is not metered."""
    required, found = ground.plant.rules.coverage, Tally()
    told: dict[str, object] = {}
    for line in ground.consumption.lines:
        name = f"{line.carrier.id} ({line.total.role})"
        found.add(name, True if line.sum.known and line.sum.coverage >= required else None)
        told[name] = line.sum.coverage
    return found.every(ground.told(coverage=told))


def energy_statistics(ground: Ground, p: Parameters) -> Holding:
    """Amounts by month and carrier."""
    ledger = Ledger(ground.facts, "month")
    months: list[dict[str, object]] = []
    for place, period in enumerate(ledger.periods):
        lines = [line for line in consumption(ledger, place).lines if line.sum.known]
        amounts = {f"{line.carrier.id} ({line.total.role})": line.carrier.shown(line.sum.total) for line in lines}
        months.append({"from": shown(period.start, ground.plant.timezone), "amounts": amounts})
    known = any(month["amounts"] for month in months)
    reason = None if known else "no_data" if ground.consumption.lines else "not_configured"
    return Holding(True if known else None, reason, ground.told(months=months))


def meters_interval(ground: Ground, p: Parameters) -> Holding:
    longest, found = within(p, "interval"), Tally()
    assert longest is not None
    for meter in ground.plant.meters.values():
        slow = meter.point.every > longest
        found.add(meter.id, False if slow else True if ground.meter(meter.id).good else None)
    seconds = {meter.id: meter.point.every / 1e9 for meter in ground.plant.meters.values()}
    return found.every(ground.told("B", every_s=seconds, longest_s=longest / 1e9))


def meters_online(ground: Ground, p: Parameters) -> Holding:
    """The time of all meters together."""
    online = {meter: ground.meter(meter) for meter in ground.plant.meters}
    if not online:
        return Holding(None, "not_configured", ground.told())
    shares = online.values()
    whole = Share(sum(o.good for o in shares), sum(o.unknown for o in shares), sum(o.whole for o in shares))
    met = whole.reaches(share(p, "share"))
    told = ground.told(share=whole.value, online={meter: one.value for meter, one in online.items()})
    return Holding(met, "low_coverage" if met is None else None, told)


def device_meters(ground: Ground, p: Parameters) -> Holding:
    """Key devices are taken as the key consumers: each has an energy or power point, or a meter of its own."""
    found = Tally()
    for row in ground.key_devices:
        asset, own = ground.asset(row), _own(ground, row.id)
        if asset is not None and {"energy", "power"} & set(asset.points):
            found.add(row.id, True if ground.sums(row.id).energy_covered else None)
        elif own:
            found.add(row.id, True if any(ground.meter(meter.id).good for meter in own) else None)
        else:
            found.absent.append(row.id)
    return found.every(ground.told())


def _own(ground: Ground, device: str) -> list[Meter]:
    meters = ground.plant.meters.values()
    return [meter for meter in meters if (meter.scope.kind, meter.scope.name) == ("asset", device)]


def energy_driver_points(ground: Ground, p: Parameters) -> Holding:
    """States or counts beside the energy of a machine; this only supports."""
    found = Tally()
    for asset in ground.plant.assets.values():
        if {"energy", "power"} & set(asset.points):
            beside = bool({"state", "total", "good"} & set(asset.points)) or asset.state_from is not None
            found.add(asset.id, True if beside and ground.sums(asset.id).energy_covered else None)
    return found.least(1, ground.told())


def energy_links_metered(ground: Ground, p: Parameters) -> Holding:
    """What comes in and where it is used; conversion where it is metered. Nobody can see a link that no meter names;
    one whose meters are all named, and were heard to be away, is not metered."""
    required = ground.plant.rules.coverage
    gauges = ground.ledger.tree.gauges.values()
    links = {
        "in": [g for g in gauges if g.place.kind == "plant" and g.role == "consumed"],
        "use": [g for g in gauges if g.place.kind != "plant" and g.role == "consumed"],
        "conversion": [g for g in gauges if g.role in ("produced", "generated", "recovered")],
    }
    told = {link: {g.id: ground.ledger.sum([g]).coverage for g in some} for link, some in links.items() if some}
    evidence = ground.told(coverage=told)
    if "in" not in told or "use" not in told:
        return Holding(None, "not_configured", evidence)
    met = both(_link(ground, some, required) for some in told.values())
    return Holding(met, None if met else "low_coverage", evidence)


def _link(ground: Ground, coverage: Mapping[str, Fraction], required: Fraction) -> bool | None:
    if max(coverage.values()) >= required:
        return True
    meters = [name for name in coverage if name in ground.plant.meters]
    away = len(meters) == len(coverage) and all(ground.meter(name).reaches(required) is False for name in meters)
    return False if away else None


def energy_matched(ground: Ground, p: Parameters) -> Holding:
    found, told = Tally(), {}
    for member in ground.members:
        one = measure(KPIS["energy_per_piece"], member, ground.frame)
        if one.reason != "not_configured":
            found.add(member.id, True if one.value is not None else None)
            told[member.id] = one.value if one.value is not None else one.reason
    return found.least(1, ground.told(kwh_per_piece=told))


def link_carbon_live(ground: Ground, p: Parameters) -> Holding:
    """Each process of the register has electricity of its own; a site total is not enough."""
    processes: dict[str, list[str]] = {}
    for row in ground.devices:
        if row.process:
            processes.setdefault(row.process, []).append(row.id)
    gauges = [g for g in ground.ledger.tree.gauges.values() if g.carrier == ELECTRICITY]
    found = Tally()
    for process, devices in processes.items():
        own = [g for g in gauges if g.place.kind in ("point", "asset") and g.place.name in devices]
        if own:
            found.add(process, True if any(ground.ledger.sum([g]).known for g in own) else None)
        else:
            found.absent.append(process)
    if found.absent:  # a line or workshop meter may hold it, with others
        return Holding(None, "not_configured", found.told(ground.told()))
    return found.every(ground.told())


def carbon_report(ground: Ground, p: Parameters) -> Holding:
    of = ground.consumption
    evidence = ground.told(co2_t=of.co2, coverage=of.coverage, factors=ground.plant.factors.profile)
    if of.co2 is None:
        return Holding(None, of.reason or "no_factor", evidence)
    return Holding(True, None, evidence)
