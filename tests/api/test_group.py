"""A group of three plants, each with a store of its own: what they come to together, and what is said when one of the
stores dies or hangs."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from config.load import load
from config.plant import InfluxDB
from gemba.cli import main
from kpi.api import answers
from kpi.api.app import application
from kpi.plants import Group
from store import other
from store.influx.server import Server, connect
from tests.api.conftest import END
from tests.api.sites import DAY, START, Site, built_in
from tests.api.test_stores import SPAN
from tests.servers.influxdb2 import InfluxDB2


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, influxdb2: InfluxDB2) -> Iterator[Site]:
    with built_in(tmp_path_factory.mktemp("group"), influxdb2) as made:
        yield made


@pytest.fixture
def site(built: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Nothing is known yet of the others, and all of them answer, however slow the machine is."""
    monkeypatch.setattr(other, "AGAIN", 0.3)
    monkeypatch.setattr(other, "FIRST", 60.0)
    monkeypatch.setattr(other, "PATIENCE", 60.0)
    shutil.rmtree(load(built.file).data / "group", ignore_errors=True)
    yield built
    if built.third.alive:
        built.third.resume()
    else:
        built.third.start()


def alone(told: Any) -> Any:
    """A row or a KPI without what says who asked it of which store."""
    if isinstance(told, dict):
        return {key: alone(value) for key, value in told.items() if key not in ("store", "plant_sha256")}
    return [alone(value) for value in told] if isinstance(told, list) else told


def own_rows(site: Site, output: Callable[[], str]) -> list[Any]:
    """What each plant says of itself, by its own file and its own journal."""
    found = []
    for file in site.files:
        lonely = file.with_name("lonely.yaml")
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        lonely.write_text("".join(line for line in lines if not line.startswith("store")), encoding="utf-8")
        assert main(["kpi", str(lonely), *SPAN, "--by", "plant", "--json"]) == 0
        found.append(json.loads(output())["rows"][0])
    return found


def test_plants_stand_beside_each_other_and_are_added(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    own = own_rows(site, lambda: capfd.readouterr().out)
    assert main(["kpi", str(site.file), *SPAN, "--by", "plant", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert [row["plant"] for row in told["rows"]] == ["p-1", "p-2", "p-3", "p-1+p-2+p-3"]
    assert alone(told["rows"][:3]) == alone(own)
    whole = told["rows"][3]["kpis"]["oee"]
    terms = [row["kpis"]["oee"]["terms"] for row in own]
    assert whole["terms"]["PBT"] == sum(one["PBT"] for one in terms)
    assert terms[0]["PBT"] == 2 * terms[1]["PBT"], "two shifts of twelve hours against a calendar of twenty-four"
    assert whole["terms"]["GQ"] == sum(one["GQ"] for one in terms)
    assert whole["value"] == pytest.approx(sum(one["PRI_GQ"] for one in terms) / whole["terms"]["PBT"], rel=1e-12)
    known = sum(row["kpis"]["oee"]["coverage"] * row["kpis"]["oee"]["terms"]["PBT"] for row in own)
    assert whole["coverage"] == pytest.approx(known / whole["terms"]["PBT"], rel=1e-12)
    assert (whole["reason"], whole["excluded"]) == (None, [])
    assert told["rows"][3]["quantity"]["total"] == sum(row["quantity"]["total"] for row in own)
    assert [(one["plant"], one["store"], one["trouble"]) for one in told["group"]["plants"]] == [
        ("p-1", "journal", None),
        ("p-2", "influxdb", None),
        ("p-3", "influxdb", None),
    ]
    assert whole["inputs"]["store"] == "journal+influxdb"
    rate = told["group"]["rates"]["digitalization"]
    assert (rate["numerator"], rate["denominator"], rate["value"], rate["coverage"]) == (6, 9, 6 / 9, 1.0)
    assert told["rates"]["digitalization"]["denominator"] == 3, "beside the rows stand the plant's own rates"


def test_rows_of_machines_are_the_plants_own(site: Site) -> None:
    site.third.kill()
    told = site.ask(by="asset")
    assert [row["asset"] for row in told["rows"]] == ["press-01", "press-02"]
    assert "group" not in told


def test_a_store_that_dies_lowers_the_coverage_and_bends_nothing(site: Site) -> None:
    plant = load(site.file)
    group = Group(plant)
    before = site.ask(group)
    site.third.kill()
    for told in (site.ask(group), site.ask()):
        assert told["rows"][:2] == before["rows"][:2]
        lost, whole = (row["kpis"]["oee"] for row in told["rows"][2:])
        assert (lost["value"], lost["reason"], lost["coverage"]) == (None, "no_data", 0.0)
        assert "store_silent" in lost["flags"]
        was = [row["kpis"]["oee"] for row in before["rows"]]
        weights = [one["terms"]["PBT"] for one in was[:3]]
        known = sum(one["coverage"] * weight for one, weight in zip(was[:2], weights, strict=False))
        assert whole["coverage"] == pytest.approx(known / sum(weights), rel=1e-12)
        assert (whole["value"], whole["reason"]) == (None, "low_coverage")
        left = sum(one["terms"]["PRI_GQ"] for one in was[:2]) / sum(weights[:2])
        assert whole["low"] == pytest.approx(left, rel=1e-12)
        assert "store_silent" in whole["flags"]
        assert whole["excluded"] == [
            {"asset": "p-3/press-01", "reason": "no_data"},
            {"asset": "p-3/press-02", "reason": "no_data"},
        ]
        assert told["rows"][2]["quantity"]["total"] is told["rows"][3]["quantity"]["total"] is None
        assert told["group"]["plants"][2]["trouble"] and told["group"]["plants"][2]["store"] is None
        assert [one["trouble"] for one in told["group"]["plants"][:2]] == [None, None]
        rate = told["group"]["rates"]["networking"]
        assert {"plant": "p-3", "reason": "no_data"} in rate["excluded"]


def test_where_enough_is_left_the_value_is_that_of_those_who_answer(site: Site) -> None:
    before = site.ask()
    text = site.file.read_text(encoding="utf-8")
    site.file.write_text(f"{text}rules: {{coverage: 0.6}}\n", encoding="utf-8")
    try:
        site.third.kill()
        whole = site.ask()["rows"][3]["kpis"]["oee"]
    finally:
        site.file.write_text(text, encoding="utf-8")
    terms = [row["kpis"]["oee"]["terms"] for row in before["rows"][:2]]
    assert whole["reason"] is None
    assert whole["value"] == pytest.approx(sum(t["PRI_GQ"] for t in terms) / sum(t["PBT"] for t in terms), rel=1e-12)
    assert whole["coverage"] < 1


def test_of_a_plant_that_was_never_heard_of_not_even_the_weight_is_known(site: Site) -> None:
    site.third.kill()
    told = site.ask()
    lost, whole = (row["kpis"]["oee"] for row in told["rows"][2:])
    assert (lost["value"], lost["reason"], lost["terms"]) == (None, "no_data", {})
    assert (whole["value"], whole["reason"], whole["coverage"]) == (None, "no_data", 0.0)
    assert {"asset": "p-3", "reason": "no_data"} in whole["excluded"]
    assert told["rows"][0]["kpis"]["oee"]["value"] is not None
    assert told["rows"][2]["day"] == "2026-11-19"
    rate = told["group"]["rates"]["digitalization"]
    assert (rate["value"], rate["reason"], rate["numerator"], rate["denominator"]) == (None, "no_data", 4, 6)
    assert (rate["low"], rate["high"], rate["flags"]) == (None, None, ["store_silent"])
    assert (whole["low"], whole["high"]) == (None, None)


def test_a_store_that_hangs_is_waited_for_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other, "AGAIN", 600.0)
    asked: list[tuple[str, float]] = []

    def counted(of: InfluxDB, within: float) -> Server:
        """The one that hangs is given up sooner than those that only stand still with the machine."""
        asked.append((of.url, within))
        return connect(of, 1.0 if of.url == site.third.url else within)

    monkeypatch.setattr(other, "connect", counted)
    group = Group(load(site.file))
    before = site.ask(group)
    site.third.suspend()
    for waited in (1, 0):
        del asked[:]
        told = site.ask(group)
        assert told["rows"][:2] == before["rows"][:2]
        assert "timed out" in told["group"]["plants"][2]["trouble"]
        assert [within for url, within in asked if url == site.third.url] == [other.PATIENCE] * waited


def test_a_store_that_comes_back_is_heard_again(site: Site) -> None:
    group = Group(load(site.file))
    before = site.ask(group)
    site.third.kill()
    assert site.ask(group)["group"]["plants"][2]["trouble"]
    site.third.start()
    until = time.monotonic() + 60
    while site.ask(group)["group"]["plants"][2]["trouble"] and time.monotonic() < until:
        time.sleep(0.05)
    assert site.ask(group)["rows"] == before["rows"]


def test_periods_that_all_plants_share_are_added(site: Site) -> None:
    told = site.ask(per="hour")
    hours = [row for row in told["rows"] if row["plant"] == "p-1+p-2+p-3"]
    assert len(hours) == 48
    whole = site.ask()["rows"][3]
    assert sum(row["quantity"]["total"] for row in hours) == whole["quantity"]["total"]
    days = [row["plant"] for row in site.ask(per="day")["rows"]]
    assert "p-1+p-2+p-3" not in days, "the days of a plant with shifts begin at eight"


def test_against_a_baseline(site: Site) -> None:
    told = site.ask(baseline=(START, START + DAY))
    for row in told["rows"]:
        assert row["change"]["oee"]["points"] is not None
        assert row["baseline"]["kpis"]["oee"]["to"] == "2026-11-20T00:00:00+08:00"


def test_energy_of_all_plants(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    """A sum without one of its parts is none: what the others used is its lower bound."""
    words = ["energy", str(site.file), *SPAN, "--by", "plant", "--json"]
    assert main(words) == 0
    told = json.loads(capfd.readouterr().out)
    assert [row["plant"] for row in told["plants"]] == ["p-1", "p-2", "p-3", "p-1+p-2+p-3"]
    own, whole = told["plants"][:3], told["plants"][3]
    assert own[0]["tce"] == told["tce"]
    assert whole["tce"] == pytest.approx(sum(row["tce"] for row in own), rel=1e-12)
    assert whole["co2_t"] == pytest.approx(sum(row["co2_t"] for row in own), rel=1e-12)
    (carrier,) = whole["carriers"]
    assert carrier["amount"] == pytest.approx(sum(row["carriers"][0]["amount"] for row in own), rel=1e-12)
    assert (whole["reason"], whole["coverage"], whole["flags"]) == (None, pytest.approx(1, abs=0.01), [])
    site.third.kill()
    assert main(words) == 0
    less = json.loads(capfd.readouterr().out)
    assert less["plants"][:2] == own[:2]
    lost, whole = less["plants"][2:]
    assert (lost["tce"], lost["tce_low"], lost["reason"], lost["flags"]) == (None, 0.0, "no_data", ["store_silent"])
    assert (whole["tce"], whole["co2_t"], whole["reason"]) == (None, None, "no_data")
    assert whole["tce_low"] == pytest.approx(own[0]["tce"] + own[1]["tce"], rel=1e-12)
    assert whole["coverage"] == pytest.approx(sum(row["coverage"] for row in own[:2]) / 3, rel=1e-12)
    assert whole["carriers"][0]["amount"] is None
    assert main([*words[:-1], "--csv", "--factors", "gbt-2589-2020"]) == 0
    rows = capfd.readouterr().out.splitlines()
    assert [row.split(",")[0] for row in rows] == ["plant", "p-1", "p-2", "p-3", "p-1+p-2+p-3"]
    for command in ("energy", "kpi"):
        assert main([command, *words[1:-1], "--lang", "zh"]) == 0
        shown = capfd.readouterr().out
        assert "p-1+p-2+p-3" in shown
        assert f"p-3: {site.third.url}: InfluxDB did not answer" in shown


def test_the_server_tells_what_the_command_line_does(
    site: Site, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also once a store is gone; an answer that a group gave is not kept for longer than a few seconds."""
    app = application(site.file)
    app.state.service.clock = lambda: END
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        span = {"from": "2026-11-19", "to": "2026-11-21", "by": "plant"}
        for path in ("kpi", "energy"):
            assert main([path, str(site.file), *SPAN, "--by", "plant", "--json"]) == 0
            reply = client.get(f"/api/v1/{path.replace('kpi', 'kpis')}", params=span)
            assert reply.content == capfdbinary.readouterr().out
        site.third.kill()
        monkeypatch.setattr(answers, "FRESH", 0)
        told = client.get("/api/v1/kpis", params=span).json()
        assert told["group"]["plants"][2]["trouble"]
        assert client.get("/api/v1/kpis", params={**span, "by": "asset"}).status_code == 200
        assert client.get("/api/v1/health").json()["status"] == "ok"


def test_the_head_of_a_group_has_no_machines_of_its_own(
    site: Site, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stores = site.file.read_text(encoding="utf-8").splitlines()[-1].replace("../token", f"{site.file.parents[1]}/token")
    head = tmp_path / "head.yaml"
    head.write_text(f"plant: head\ntimezone: Asia/Shanghai\ndata: ./data\n{stores}\n", encoding="utf-8")
    before = site.ask()
    assert main(["kpi", str(head), *SPAN, "--by", "plant", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert [row["plant"] for row in told["rows"] if row["plant"] != "head"] == ["p-2", "p-3", "p-2+p-3"]
    assert alone(told["rows"][-3:-1]) == alone(before["rows"][1:3])
    whole, terms = told["rows"][-1]["kpis"]["oee"], [row["kpis"]["oee"]["terms"] for row in before["rows"][1:3]]
    assert whole["value"] == pytest.approx(sum(t["PRI_GQ"] for t in terms) / sum(t["PBT"] for t in terms), rel=1e-12)
    assert main(["energy", str(head), *SPAN, "--by", "plant", "--json"]) == 0
    energy = json.loads(capfd.readouterr().out)["plants"]
    assert energy[2]["tce"] == pytest.approx(energy[0]["tce"] + energy[1]["tce"], rel=1e-12)
    site.third.kill()
    shutil.rmtree(head.parent / "data")
    assert main(["kpi", str(head), *SPAN, "--by", "plant", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["rows"][-1]["kpis"]["oee"]["reason"] == "no_data"
