"""Which sources a command means."""

from config.plant import Plant


def collected_by(plant: Plant, gateway: str | None) -> str:
    """What is wrong with a gateway's name, or nothing."""
    if gateway in plant.gateways:
        return ""
    named = [name for name in plant.gateways if name]
    if gateway is not None:
        known = ", ".join(named) or "none"
        return f"no source of {plant.file} stands behind that gateway (got {gateway}); known: {known}"
    if named:
        return f"every source of {plant.file} is left to a gateway; say which one this is: --gateway {named[0]}"
    return ""


def held_by(plant: Plant, gateway: str | None) -> str:
    """The same of a journal: of a plant behind one gateway it need not be named."""
    return "" if gateway is None and len(plant.gateways) == 1 else collected_by(plant, gateway)
