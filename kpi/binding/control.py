"""Rules about control: automatic and advanced modes, and what moves set-points."""

from config.plant import Asset
from kpi.binding.ground import Ground, values_of
from kpi.binding.parameters import Parameters, count, share
from kpi.binding.tally import Share, Tally
from kpi.facts.schema import MODE_MS
from kpi.forms.measured import Holding

AUTOMATIC, MANUAL, APC = (MODE_MS.index(name) for name in ("automatic_ms", "manual_ms", "apc_ms"))
RUNNING = "running"


def _loops(ground: Ground) -> list[Asset]:
    """Machines whose mode of control is read."""
    return [asset for asset in ground.plant.assets.values() if "mode" in asset.points]


def _modes(ground: Ground) -> dict[str, dict[str, int]]:
    return {asset.id: dict(zip(MODE_MS, ground.sums(asset.id).modes, strict=True)) for asset in _loops(ground)}


def automatic_mode(ground: Ground, p: Parameters) -> Holding:
    """A line, of running time with a known mode; a machine of no line is one by itself."""
    lines: dict[str, list[Asset]] = {}
    for asset in _loops(ground):
        lines.setdefault(ground.plant.line_of(asset.id) or asset.id, []).append(asset)
    found = Tally()
    for line, assets in lines.items():
        modes = [ground.sums(asset.id).modes for asset in assets]
        known = sum(map(sum, modes))
        running = sum(ground.sums(asset.id).time[1] for asset in assets)
        automatic = sum(mode[AUTOMATIC] + mode[APC] for mode in modes)
        found.add(line, Share(automatic, running - known, running).reaches(share(p, "share")))
    return found.least(1, ground.told(modes=_modes(ground)))


def closed_loop_auto(ground: Ground, p: Parameters) -> Holding:
    """A process value that is read from a controller which ran in automatic, or was moved by advanced control."""
    found = Tally()
    for asset in _loops(ground):
        if not values_of(asset):
            continue
        modes, read = ground.sums(asset.id).modes, ground.answers(asset.id)
        automatic = modes[AUTOMATIC] + modes[APC] > 0
        found.add(asset.id, True if automatic and read else False if read and modes[MANUAL] else None)
    return found.least(count(p), ground.told(modes=_modes(ground)))


def setpoints_by_controller(ground: Ground, p: Parameters) -> Holding:
    """No hand was on the loop while it ran; this only supports."""
    found = Tally()
    for asset in _loops(ground):
        modes = ground.sums(asset.id).modes
        found.add(asset.id, None if not sum(modes) else not modes[MANUAL])
    return found.least(1, ground.told(modes=_modes(ground)))


def apc_running(ground: Ground, p: Parameters) -> Holding:
    told, _ = ground.of_kpi("apc_in_service")
    evidence = ground.told("A", **told.json(ground.plant.timezone))
    return Holding(None if told.value is None else told.value > 0, told.reason, evidence)
