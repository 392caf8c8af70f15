"""Rules about networks: which workshops and segments answer, how safely, and whether what was read arrived."""

from collections.abc import Mapping
from fractions import Fraction
from urllib.parse import urlsplit

from config.plant import METERED, Source
from kpi.binding.ground import Ground
from kpi.binding.parameters import Parameters, count, share
from kpi.binding.tally import Tally, either
from kpi.forms.measured import Holding


def _controllers(ground: Ground) -> dict[str, bool | None]:
    """Whether each connected controller answered: assets that have more than energy and power."""
    assets = ground.plant.assets.values()
    return {asset.id: ground.answers(asset.id) for asset in assets if set(asset.points) - set(METERED)}


def _workshops(ground: Ground) -> Tally:
    """Workshops of the register, by whether a controller of theirs answered; one that has none connected is absent."""
    answered = _controllers(ground)
    known: dict[str, list[str]] = {}
    for row in ground.devices:
        if row.workshop:
            known.setdefault(row.workshop, []).append(row.id)
    found = Tally()
    for workshop, devices in known.items():
        own = [answered[device] for device in devices if device in answered]
        if own:
            found.add(workshop, either(own))
        else:
            found.absent.append(workshop)
    return found


def workshop_controllers(ground: Ground, p: Parameters) -> Holding:
    """Without workshops in the register the plant is one."""
    found = _workshops(ground)
    if not found.connected and not found.absent and (own := _controllers(ground)):
        found.add(ground.plant.id, either(own.values()))
    return found.least(count(p), ground.told("B", **_protocols(ground)))


def workshops_networked(ground: Ground, p: Parameters) -> Holding:
    return _workshops(ground).share(share(p, "share"), ground.told("B", **_protocols(ground)))


def _protocols(ground: Ground) -> Mapping[str, object]:
    """How many of those that answered speak which protocol."""
    spoken: dict[str, int] = {}
    for asset in sorted(ground.answered):
        for name in {
            ground.plant.sources[point.source].protocol for point in ground.plant.assets[asset].points.values()
        }:
            spoken[name] = spoken.get(name, 0) + 1
    return {"protocols": spoken}


def devices_interconnected(ground: Ground, p: Parameters) -> Holding:
    """The segment on which most devices answer; addresses that differ in their last number only are one segment."""
    segments: dict[str, Tally] = {}
    for asset, answered in _controllers(ground).items():
        for point in list(ground.plant.assets[asset].points.values())[:1]:
            segments.setdefault(_segment(ground.plant.sources[point.source]), Tally()).add(asset, answered)
    if not segments:
        return Holding(None, "not_configured", ground.told("B"))
    name, best = max(segments.items(), key=lambda one: (len(one[1].yes), len(one[1].open), one[1].connected))
    return best.least(count(p), ground.told("B", segment=name, **_protocols(ground)))


def _segment(source: Source) -> str:
    host = urlsplit(source.url).hostname or source.url.partition("?")[0]
    parts = host.split(".")
    return ".".join(parts[:3]) if len(parts) == 4 and all(part.isdigit() for part in parts) else host


def connections_secured(ground: Ground, p: Parameters) -> Holding:
    """By the plant file: encrypted and authenticated, which Modbus cannot be."""
    found = Tally()
    for source in ground.plant.sources.values():
        safe = source.security
        mqtt = source.protocol == "mqtt" and source.url.startswith("mqtts:")
        opcua = source.protocol == "opcua" and safe.policy not in (None, "None") and safe.mode == "SignAndEncrypt"
        found.add(source.id, (mqtt or opcua) and not safe.insecure and bool(safe.user or safe.cert))
    return found.every(ground.told("B"))


def data_integrity(ground: Ground, p: Parameters) -> Holding:
    """Rows that the journal had to give up against all that came."""
    rows = int(ground.facts.slices["rows"].sum() + ground.facts.energy["rows"].sum())
    events = ground.reader.events(ground.start, ground.end, ("loss",))
    lost = sum(int(str(event.detail.get("rows") or event.detail.get("frames") or 0)) for event in events)
    evidence = ground.told(rows=rows, lost=lost, events=len(events))
    if not rows:
        return Holding(None, "no_data", evidence)
    return Holding(Fraction(lost, rows + lost) <= share(p, "loss"), None, evidence)


def key_process_nc(ground: Ground, p: Parameters) -> Holding:
    rate = ground.rates["key_process_nc"]
    evidence = ground.told("C", **rate.document(ground.plant))
    if rate.value is None:
        return Holding(None, rate.reason, evidence)
    return Holding(rate.value > share(p, "above"), None, evidence)


def networking(ground: Ground, p: Parameters) -> Holding:
    rate = ground.rates["networking"]
    evidence = ground.told("C" if "imported" in rate.flags else "A", **rate.document(ground.plant))
    if rate.value is None:
        return Holding(None, rate.reason, evidence)
    return Holding(rate.value >= share(p, "at_least"), None, evidence)
