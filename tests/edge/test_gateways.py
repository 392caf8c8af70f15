"""Sources that name a gateway are left to its agent, and nobody else collects them."""

import asyncio
from pathlib import Path

import pytest

from config.load import load
from edge.agent import Agent
from gemba.cli import main
from store.journal import place

HEAD = 'plant: p\ntimezone: UTC\ndata: ./data\nstore: {influxdb: {url: "http://127.0.0.1:1", database: g}}\n'
A, B = ("{source: x, points: {total: {at: 'holding:0'}}}", "{source: y, points: {total: {at: 'holding:0'}}}")
ASSETS = f"assets: {{a: {A}, b: {B}}}"


def plant_file(tmp_path: Path, x: str, y: str) -> Path:
    """A plant of two sources; the text says behind which gateway each stands."""
    sources = f"sources: {{x: {{protocol: modbus, url: 'tcp://h'{x}}}, y: {{protocol: modbus, url: 'tcp://i'{y}}}}}\n"
    path = tmp_path / "plant.yaml"
    path.write_text(HEAD + sources + ASSETS)
    return path


G1, G2, NONE = ", gateway: g1", ", gateway: g2", ""


@pytest.mark.parametrize(
    ("x", "y", "gateway", "collected"),
    [
        (NONE, NONE, None, {"x", "y"}),
        (G1, NONE, None, {"y"}),
        (G1, NONE, "g1", {"x"}),
        (G1, G2, "g2", {"y"}),
        (G1, G1, "g1", {"x", "y"}),
    ],
)
async def test_an_agent_collects_the_sources_of_its_gateway(
    tmp_path: Path, x: str, y: str, gateway: str | None, collected: set[str]
) -> None:
    agent = Agent(load(plant_file(tmp_path, x, y)), gateway)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(agent.run())
        while not agent.collectors:
            await asyncio.sleep(0.01)
        found = set(agent.collectors)
        agent.stop()
    assert found == collected


def test_a_gateway_must_be_said_where_every_source_is_left_to_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = plant_file(tmp_path, G1, G2)
    assert main(["agent", str(path)]) == 2
    expected = f"gemba agent: every source of {path} is left to a gateway; say which one this is: --gateway g1"
    assert capsys.readouterr().err.strip() == expected


def test_of_a_plant_behind_one_gateway_the_journal_is_found_without_its_name(tmp_path: Path) -> None:
    assert place(load(plant_file(tmp_path, G1, G1))).name == "p@g1"
    assert place(load(plant_file(tmp_path, G1, NONE))).name == "p"
