"""Which sources a command means."""

from config.plant import Plant


def collected_by(plant: Plant, gateway: str | None) -> str:
    """What is wrong with a gateway's name, or nothing."""
    named = plant.gateways
    if gateway is not None and gateway not in named:
        return (
            f"no source of {plant.file} stands behind that gateway (got {gateway}); known: {', '.join(named) or 'none'}"
        )
    if gateway is None and len(named) > 1:
        return f"{plant.file} has several gateways; say which one this is: --gateway {named[0]}"
    return ""
