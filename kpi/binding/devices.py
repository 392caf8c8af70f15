"""Rules about machines: whose state, counts, parameters and alarms are collected, and whose OEE is known."""

from collections.abc import Callable, Iterable
from fractions import Fraction

from config.devices import Device
from config.plant import PIECES, Asset
from kpi.binding.ground import Ground, parameters_of, values_of
from kpi.binding.parameters import Parameters, count, share, within
from kpi.binding.tally import Tally, both, either
from kpi.forms.measured import Holding
from kpi.indicators import KPIS
from kpi.measure import measure

TIMELESS = frozenset({"no_planned_time", "no_production", "no_data", "low_coverage", "short_history"})


def _tally(ground: Ground, rows: Iterable[Device], met: Callable[[Asset], bool | None], *roles: str) -> Tally:
    """Devices that have one of these points (none named: any operating parameter), by whether they meet it."""
    found = Tally()
    for row in rows:
        asset = ground.asset(row)
        if asset is None or not (set(roles) & set(asset.points) if roles else parameters_of(asset)):
            found.absent.append(row.id)
        else:
            found.add(row.id, met(asset))
    return found


def _collected(ground: Ground, asset: Asset, least: Fraction, longest: int | None) -> bool | None:
    """Whether some operating parameter is collected so well, and read at least so often."""
    names = [name for name in parameters_of(asset) if longest is None or asset.points[name].every <= longest]
    return either(ground.heard(asset.id, name).reaches(least) for name in names)


def key_devices_basic(ground: Ground, p: Parameters) -> Holding:
    """Every key device gives basic data at all: process values, else power or energy."""

    def met(asset: Asset) -> bool | None:
        heard = [ground.heard(asset.id, name) for name in parameters_of(asset)]
        if sum(one.good > 0 for one in heard) >= count(p):
            return True
        return None if any(one.unknown or not one.whole for one in heard) else False

    return _tally(ground, ground.key_devices, met).every(ground.told())


def key_devices_live(ground: Ground, p: Parameters) -> Holding:
    least, longest = share(p, "coverage"), within(p, "within")
    found = _tally(ground, ground.key_devices, lambda asset: _collected(ground, asset, least, longest))
    return found.every(ground.told(at_least=least, within_ms=longest and longest // 10**6))


def key_devices_reported(ground: Ground, p: Parameters) -> Holding:
    """Every key device was heard, so that it stands in the report with its sums."""
    least = share(p, "coverage")

    def met(asset: Asset) -> bool | None:
        return ground.links[asset.id].reaches(least)

    rows = ground.key_devices
    found = Tally(absent=[row.id for row in rows if not _has(ground, row)])
    for row in rows:
        if (asset := ground.asset(row)) is not None and _has(ground, row):
            found.add(row.id, met(asset))
    return found.every(ground.told(at_least=least))


def _has(ground: Ground, row: Device) -> bool:
    asset = ground.asset(row)
    return asset is not None and bool(asset.points)


def scheduled_devices_state(ground: Ground, p: Parameters) -> Holding:
    least = share(p, "coverage")
    found = _tally(ground, ground.key_devices, lambda asset: _state(ground, asset, least), "state", "power")
    return found.every(ground.told(at_least=least))


def _state(ground: Ground, asset: Asset, least: Fraction) -> bool | None:
    if "state" not in asset.points and not asset.state_from:
        return False
    return ground.heard(asset.id, "state" if "state" in asset.points else "power").reaches(least)


def _counts(ground: Ground, asset: Asset, least: Fraction) -> bool | None:
    return either(ground.heard(asset.id, name).reaches(least) for name in PIECES if name in asset.points)


def production_data(ground: Ground, p: Parameters) -> Holding:
    """States and counts of every key device; of every connected one where the register names no key devices."""
    least, longest = share(p, "coverage"), within(p, "within")

    def met(asset: Asset) -> bool | None:
        quick = longest is None or all(
            asset.points[name].every <= longest for name in ("state", *PIECES) if name in asset.points
        )
        return both((quick, _state(ground, asset, least), _counts(ground, asset, least)))

    rows = ground.key_devices or [row for row in ground.devices if ground.asset(row)]
    return _tally(ground, rows, met, "state", *PIECES).every(ground.told(at_least=least))


def devices_collected(ground: Ground, p: Parameters) -> Holding:
    """State, counts and process values; measured in the register, so what is not connected is not collected."""
    required = ground.plant.rules.coverage

    def met(asset: Asset) -> bool | None:
        values = either(ground.heard(asset.id, name).reaches(required) for name in values_of(asset))
        return both((_state(ground, asset, required), _counts(ground, asset, required), values))

    found = _tally(ground, ground.devices, met, "state", "power", *PIECES)
    return found.share(share(p, "share"), ground.told(at_least=required))


def device_alarms(ground: Ground, p: Parameters) -> Holding:
    required = ground.plant.rules.coverage

    def met(asset: Asset) -> bool | None:
        return ground.heard(asset.id, "alarm").reaches(required)

    return _tally(ground, ground.devices, met, "alarm").share(share(p, "share"), ground.told(at_least=required))


def fault_record(ground: Ground, p: Parameters) -> Holding:
    """Failures on record with their repair time. That there were none is no proof that none would be recorded."""
    rows = [row.id for row in ground.key_devices if row.id in ground.plant.assets]
    failures = {asset: ground.sums(asset).failures for asset in rows}
    whole = sum(failures.values())
    repair = sum(ground.sums(asset).repair for asset in rows)
    evidence = ground.told(failures=whole, repair_ms=repair, devices=[asset for asset, n in failures.items() if n])
    if whole:
        return Holding(True, None, evidence)
    return Holding(None, "no_failures" if rows else "not_configured", evidence)


def remote_access(ground: Ground, p: Parameters) -> Holding:
    """Alarms and parameters of every key device were read from elsewhere; what is not read may be reached otherwise."""

    def met(asset: Asset) -> bool | None:
        alarm = "alarm" in asset.points and ground.heard(asset.id, "alarm").good > 0
        read = any(ground.heard(asset.id, name).good for name in parameters_of(asset))
        return True if alarm and read else None

    found = _tally(ground, ground.key_devices, met, "alarm")
    if found.absent:
        return Holding(None, "not_configured", found.told(ground.told()))
    return found.every(ground.told())


def oee_measured(ground: Ground, p: Parameters) -> Holding:
    """OEE with all three factors of every key device. A device that had no plan or made nothing does not fail it."""
    found = Tally()
    told: dict[str, object] = {}
    for row in ground.key_devices:
        if ground.asset(row) is None:
            found.absent.append(row.id)
            continue
        own = {key: measure(KPIS[key], ground.member(row.id), ground.frame) for key in FACTORS}
        reasons = {key: one.reason for key, one in own.items() if one.reason}
        told[row.id] = reasons or {key: one.value for key, one in own.items()}
        if set(reasons.values()) - TIMELESS:
            found.absent.append(row.id)
        else:
            found.add(row.id, None if reasons else True)
    return found.every(ground.told(oee=told))


FACTORS = ("oee", "availability", "effectiveness", "quality")


def robots_cycling(ground: Ground, p: Parameters) -> Holding:
    """Robots are known by their name in the register."""
    found = Tally()
    for row in ground.devices:
        named = f"{row.id} {row.name}".lower()
        if any(word in named for word in ("robot", "机器人", "cobot", "机械臂")) and row.id in ground.plant.assets:
            cycles = ground.sums(row.id).busy.total + ground.sums(row.id).outside.total
            found.add(row.id, True if cycles else None)
    return found.least(count(p), ground.told())
