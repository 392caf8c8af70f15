"""Every way to ask: while the journal holds the window it answers, afterwards InfluxDB does, with the same numbers."""

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
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
from store.influx.delivery import deliver
from store.influx.lines import Encoder
from store.influx.server import connect
from store.journal import History, Journal, place
from tests.api.conftest import END, HOUR, PLANT, REGISTER
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2

START = END - 48 * HOUR
SPAN = ["--from", "2026-11-19", "--to", "2026-11-21"]
ASKED = {"from": "2026-11-19", "to": "2026-11-21"}
COMMANDS = {
    "kpi": ["kpi", "{plant}", *SPAN, "--by", "asset", "--per", "day", "--json"],
    "kpi against a baseline": [
        *("kpi", "{plant}", "--from", "2026-11-20", "--to", "2026-11-21", "--json"),
        *("--baseline-from", "2026-11-19", "--baseline-to", "2026-11-20"),
    ],
    "energy": ["energy", "{plant}", *SPAN, "--per", "shift", "--json"],
    "assess": ["assess", "sme-2024", "{plant}", *SPAN, "--json"],
    "export": ["export", "{plant}", *SPAN, "--format", "csv"],
}
ROUTES: dict[str, tuple[str, dict[str, Any]]] = {
    "api kpis": ("kpis", {**ASKED, "by": "line"}),
    "api energy": ("energy", ASKED),
    "api timeline": ("assets/press-01/timeline", ASKED),
    "api series": ("assets/press-01/series", {**ASKED, "points": "state,hot", "limit": 500}),
    "api sources": ("sources", {}),
    "api assets": ("assets", {}),
}


def delivered(journal: Journal, of: Plant) -> None:
    """All of it, as the agent sends it."""
    assert of.store is not None
    server, encoder = connect(of.store), Encoder(of)
    server.prepare(800)
    while (batch := journal.pending_columns("influxdb", 20_000)) is not None:
        assert deliver(server, encoder.batch(batch, END).lines).refused == []
        journal.acknowledge("influxdb", batch.last, batch.first)
    server.close()


def trimmed(of: Plant) -> None:
    """The journal after InfluxDB has had everything for longer than it keeps what was delivered."""
    now = [END]
    keep = Keep(days=100_000, free=Fraction(0), delivered=HOUR)
    with Journal.open(place(of), keep, ["influxdb"], clock=lambda: now[0]) as journal:
        delivered(journal, of)
        journal.rotate()
        journal.tend()
        now[0] += 24 * HOUR
        journal.tend()
        journal.tend()
    history = History(place(of))
    assert len(history.series("press-01", ["total"], START, END)["total"]) == 0
    history.close()
    shutil.rmtree(of.data / "facts")  # nothing that is left of the journal helps


def numbers(text: str) -> list[dict[str, Any]]:
    """Rows of an export. InfluxDB has every number as float64, and says so in `kind`."""
    rows: list[dict[str, Any]] = list(csv.DictReader(text.splitlines()))
    for row in rows:
        if row["kind"] in ("int", "float"):
            row |= {"kind": "number", "value": float(row["value"]) if row["value"] else None}
    return rows


@dataclass
class Asked:
    """What each way answered, and which stores the answers name."""

    told: dict[str, Any] = field(default_factory=dict)
    stores: dict[str, set[str]] = field(default_factory=dict)

    def take(self, way: str, body: bytes) -> None:
        self.stores[way] = set()
        text = body.decode()
        self.told[way] = self._plain(json.loads(text), way) if text.startswith("{") else numbers(text)

    def _plain(self, value: Any, way: str) -> Any:
        if isinstance(value, dict):
            if "store" in value:
                self.stores[way].add(value["store"])
            return {key: self._plain(part, way) for key, part in value.items() if key != "store"}
        return [self._plain(part, way) for part in value] if isinstance(value, list) else value


def everything(file: Path, output: Callable[[], bytes]) -> Asked:
    found = Asked()
    for way, words in COMMANDS.items():
        assert main([word.format(plant=file) for word in words]) == 0, way
        found.take(way, output())
    app = application(file)
    app.state.service.clock = lambda: END
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        for way, (path, params) in ROUTES.items():
            reply = client.get(f"/api/v1/{path}", params=params)
            assert reply.status_code == 200, (way, reply.text)
            found.take(way, reply.content)
        form = client.post("/api/v1/assessments/sme-2024", json={**ASKED, "answers": {}})
        found.take("api assessment", form.content)
        found.take("api health", client.get("/api/v1/health").content)
    return found


@pytest.fixture(scope="module", params=["influxdb2", "influxdb1"])
def answers(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    influxdb2: InfluxDB2,
    influxdb1: InfluxDB1,
) -> Iterator[Callable[[Callable[[], bytes]], tuple[Asked, Asked]]]:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "token").write_text(influxdb2.token)
    (folder / "token").chmod(0o600)
    (folder / "register.csv").write_text(REGISTER, encoding="utf-8")
    stores = {
        "influxdb2": f'{{url: "{influxdb2.url}", org: gemba, bucket: paths, token: {{file: token}}}}',
        "influxdb1": f'{{url: "{influxdb1.url}", database: paths}}',
    }
    file = folder / "plant.yaml"
    file.write_text(f"{PLANT}store: {{influxdb: {stores[request.param]}}}\n", encoding="utf-8")
    made: list[Asked] = []

    def ask(output: Callable[[], bytes]) -> tuple[Asked, Asked]:
        if not made:
            plant = load(file)
            write(place(plant), plant, VirtualPlant(plant, START), START, END, {})
            made.append(everything(file, output))
            trimmed(plant)
            made.append(everything(file, output))
        return made[0], made[1]

    yield ask


WAYS = [*COMMANDS, *ROUTES, "api assessment", "api health"]


@pytest.mark.parametrize("way", WAYS)
def test_the_store_changes_and_no_number_does(
    answers: Callable[[Callable[[], bytes]], tuple[Asked, Asked]],
    capfdbinary: pytest.CaptureFixture[bytes],
    way: str,
) -> None:
    before, after = answers(lambda: capfdbinary.readouterr().out)
    assert after.told[way] == before.told[way]
    if before.stores[way]:
        assert (before.stores[way], after.stores[way]) == ({"journal"}, {"influxdb"})
    else:
        assert way in ("export", "api timeline", "api series", "api sources", "api assets"), "it names no store"


def test_a_server_whose_store_is_silent_says_so(tmp_path: Path) -> None:
    (tmp_path / "register.csv").write_text(REGISTER, encoding="utf-8")
    file = tmp_path / "plant.yaml"
    file.write_text(f'{PLANT}store: {{influxdb: {{url: "http://127.0.0.1:9", database: none}}}}\n', encoding="utf-8")
    with TestClient(application(file), base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        health = client.get("/api/v1/health").json()
        assert (health["status"], health["store"], health["held"]) == ("degraded", "influxdb", None)
        assert "InfluxDB did not answer" in health["trouble"]
        reply = client.get("/api/v1/kpis", params=ASKED)
        assert (reply.status_code, reply.headers["content-type"]) == (503, "application/problem+json")
        assert "InfluxDB did not answer" in reply.json()["detail"]
