"""The journal: a durable log in segment files that is also the embedded historian. docs/journal-format.md has the
format; `History` reads it from any process, `Journal` is the one that writes."""

from pathlib import Path

from config.plant import Plant
from store.journal.history import History
from store.journal.journal import Journal


def place(plant: Plant, gateway: str | None = None) -> Path:
    """The folder of this plant's journal: one for each (plant, gateway) in the data folder. Of a plant behind one
    gateway the name need not be said."""
    if gateway is None and len(plant.gateways) == 1:
        gateway = plant.gateways[0]
    return plant.data / "journal" / (plant.id if gateway is None else f"{plant.id}@{gateway}")


__all__ = ["History", "Journal", "place"]
