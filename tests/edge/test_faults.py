"""A device not written by us that hangs, and goes with its cable: a gap within three polls, then on by itself."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from config.load import load
from config.plant import Plant
from connectors import quality
from store.journal import History, place
from tests.edge.child import until
from tests.edge.coded import collecting
from tests.servers.libmodbus import LibModbus

pytestmark = pytest.mark.usefixtures("brisk")
HEAD = "plant: faults-01\ntimezone: Asia/Shanghai\ndata: ./data\n"


def modbus_plant(folder: Path, url: str) -> Plant:
    file = folder / "plant.yaml"
    file.write_text(
        f'{HEAD}sources:\n  dev: {{protocol: modbus, url: "{url}", every: 100ms, timeout: 1s}}\n'
        'assets:\n  m: {points: {count: {source: dev, at: "holding:0", type: uint16}}}\n',
        encoding="utf-8",
    )
    return load(file)


def rows(plant: Plant, asset: str = "m", point: str = "count") -> list[tuple[int, int, int]]:
    """Time, number and quality."""
    history = History(place(plant))
    series = history.series(asset, [point], 0, 2**62)[point]
    history.close()
    return list(zip(series.time.tolist(), series.numbers.tolist(), series.quality.tolist(), strict=True))


async def outage(plant: Plant, begin: object, end: object) -> None:
    """A device that falls silent is a gap from the first poll without an answer; it comes back by itself."""
    async with collecting(plant) as agent:
        source = agent.collectors["dev"]
        await until(lambda: source.seen.frames > 5)
        begin()  # type: ignore[operator]
        await until(lambda: source.seen.state == "retrying")
        polls: Any = getattr(source.connector, "polls", None)
        assert 0 < polls.bad.total() <= source.seen.connections, "one poll of each connection, and it is lost"
        end()  # type: ignore[operator]
        frames = source.seen.frames
        await until(lambda: source.seen.state == "up" and source.seen.frames > frames + 3)
    codes = [code for _, _, code in rows(plant)]
    gaps = [i for i, code in enumerate(codes) if code in (quality.BAD_TIMEOUT, quality.BAD_NOT_CONNECTED)]
    assert gaps
    assert 0 in codes[: gaps[0]]
    assert 0 in codes[gaps[0] :]


@pytest.mark.server("libmodbus")
async def test_a_device_that_hangs_with_its_socket_open(tmp_path: Path) -> None:
    with LibModbus(tmp_path / "server", step=True) as device:
        await outage(modbus_plant(tmp_path, device.url), device.suspend, device.resume)
        assert device.writes == []


@pytest.mark.privilege("netns")
@pytest.mark.server("libmodbus")
async def test_a_cable_that_is_pulled(tmp_path: Path, cable: tuple[str, str, str]) -> None:
    name, near, address = cable

    def link(state: str) -> None:
        subprocess.run(["ip", "link", "set", near, state], check=True)

    device = LibModbus(tmp_path / "server", step=True)
    device.host, device.prefix = address, ("ip", "netns", "exec", name)
    with device:
        await outage(modbus_plant(tmp_path, device.url), lambda: link("down"), lambda: link("up"))
