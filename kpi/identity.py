"""Machines that said over their protocol what they are: the agent notes it in the log whenever it reads something new.

An identity is a source's. It proves the machine behind it only where that is the only one: of several behind one
controller it says nothing, and a meter that says what it is does not make what it measures digital.
"""

from config.plant import METERED, Plant
from kpi.facts.reading import EVER
from store.reader import Reader


def identified(reader: Reader, plant: Plant, end: int) -> dict[str, int]:
    """Those machines, and since when it is known [ns]."""
    behind: dict[str, set[str]] = {}
    for asset in plant.assets.values():
        for name, point in asset.points.items():
            if name not in METERED:
                behind.setdefault(point.source, set()).add(asset.id)
    found: dict[str, int] = {}
    for event in reader.events(-EVER, end, ("identity",)):
        machines = behind.get(str(event.detail.get("source")), set())
        if len(machines) == 1 and event.detail.get("identity"):
            (machine,) = machines
            found[machine] = min(event.time, found.get(machine, event.time))
    return found
