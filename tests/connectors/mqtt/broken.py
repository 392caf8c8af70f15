"""What a collector of one point says of a broker that is not as it should be."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from connectors import quality
from connectors.base import Disconnected
from connectors.mqtt import Mqtt
from tests.connectors.mqtt.broker import take
from tests.connectors.mqtt.points import plant, point, source

MS = 1_000_000


def collector(url: str, folder: Path, **more: Any) -> Mqtt:
    return Mqtt(source(url, **more), [point("power", "t", "p", unit="kW")], plant(folder))


async def gone(made: Mqtt, within: float = 60.0) -> tuple[str, str]:
    """What entering, or waiting for frames, says; and the name of its reason."""
    with pytest.raises(Disconnected) as caught:
        async with asyncio.timeout(within), made:
            await take(made, 1, within)
    return str(caught.value).removeprefix(f"{made.source.url}: "), quality.name(caught.value.reason)
