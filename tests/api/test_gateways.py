"""A plant behind two gateways: neither has all of it; whoever asks gets the whole out of the database they share."""

import json
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from config.load import load
from config.plant import Keep, Plant
from gemba.cli import main
from gemba.demo.past import write
from kpi.api.app import application
from simulators.plant import VirtualPlant
from store.journal import Journal, place
from tests.api.conftest import END, HOUR, PLANT, REGISTER
from tests.api.test_stores import SPAN, START, delivered
from tests.servers.influxdb1 import InfluxDB1

KEEP = Keep(days=100_000, free=Fraction(0), delivered=HOUR)
SOURCES = """  plc: {protocol: modbus, url: "tcp://192.168.10.11:502", every: 1s}
  meter: {protocol: modbus, url: "tcp://192.168.10.12:502", every: 10s}"""
APART = """  plc: {protocol: modbus, url: "tcp://192.168.10.11:502", every: 1s, gateway: g1}
  plc-2: {protocol: modbus, url: "tcp://192.168.10.13:502", every: 1s, gateway: g2}
  meter: {protocol: modbus, url: "tcp://192.168.10.12:502", every: 10s, gateway: g2}"""


def part(plant: Plant, gateway: str | None) -> Plant:
    """What one gateway collects."""
    sources = {name: source for name, source in plant.sources.items() if source.gateway == gateway}
    assets = {a.id: a for a in plant.assets.values() if all(p.source in sources for p in a.points.values())}
    meters = {m.id: m for m in plant.meters.values() if m.point.source in sources}
    return replace(plant, sources=sources, assets=assets, meters=meters)


def placed(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "register.csv").write_text(REGISTER, encoding="utf-8")
    (folder / "plant.yaml").write_text(text, encoding="utf-8")
    return folder / "plant.yaml"


def plain(told: Any) -> Any:
    """Without the plant file's digest and the store: two files say the same here."""
    if isinstance(told, Mapping):
        return {key: plain(value) for key, value in told.items() if key not in ("plant_sha256", "store")}
    return [plain(value) for value in told] if isinstance(told, list) else told


def test_two_gateways_are_one_plant(
    tmp_path: Path, influxdb1: InfluxDB1, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    text = PLANT.replace(SOURCES, APART)
    head, second = text.split("  press-02:")
    text = f"{head}  press-02:{second.replace('source: plc,', 'source: plc-2,')}"
    store = f'store: {{influxdb: {{url: "{influxdb1.url}", database: gateways}}}}\n'
    apart = load(placed(tmp_path / "apart", text + store))
    assert apart.gateways == ["g1", "g2"]
    together = load(placed(tmp_path / "together", text.replace(", gateway: g1", "").replace(", gateway: g2", "")))
    write(place(together), together, VirtualPlant(together, START), START, END, {})
    for gateway in apart.gateways:
        own = part(apart, gateway)
        write(place(apart, gateway), own, VirtualPlant(apart, START), START, END, {})
        with Journal.open(place(apart, gateway), KEEP, ["influxdb"]) as journal:
            delivered(journal, own)
    for words in (["kpi", "{}", "--by", "line"], ["energy", "{}"], ["assess", "sme-2024", "{}"]):
        told = []
        for plant in (together, apart):
            assert main([*(word.format(plant.file) for word in words), *SPAN, "--json"]) == 0
            told.append(json.loads(capfdbinary.readouterr().out))
        assert plain(told[1]) == plain(told[0])
        assert "influxdb" in json.dumps(told[1])
    app = application(apart.file)
    app.state.service.clock = lambda: END
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        states = [row["state"] for row in client.get("/api/v1/sources").json()["sources"]]
        assert states == ["up", "up", "up"]


def test_the_only_gateway_may_have_a_name(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Its journal is found whether or not the agent was told that name."""
    text = PLANT.replace(", every: 1s}", ", every: 1s, gateway: g1}").replace(
        ", every: 10s}", ", every: 10s, gateway: g1}"
    )
    told = []
    for name in ("g1", None):
        plant = load(placed(tmp_path / str(name), text))
        write(place(plant, name), plant, VirtualPlant(plant, START), START, END, {})
        assert main(["kpi", str(plant.file), *SPAN, "--json"]) == 0
        told.append(json.loads(capfdbinary.readouterr().out))
    assert told[0] == told[1]
    assert told[0]["rows"][0]["quantity"]["total"] > 0
