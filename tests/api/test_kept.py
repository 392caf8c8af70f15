"""An answer is kept while what it was made of is still there, and not a moment longer."""

import gzip
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from config.load import load
from gemba.cli import main
from kpi.api import answers
from kpi.api.answers import Answer, Answers
from kpi.api.app import application
from kpi.api.service import Service
from kpi.report import rates_of
from store.journal import Journal, place

SPAN = {"from": "2026-11-19", "to": "2026-11-20"}
WORDS = ["--from", "2026-11-19", "--to", "2026-11-20", "--json"]


@pytest.fixture
def service(own: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Looks at a kept answer again each time that it is asked for."""
    monkeypatch.setattr(answers, "FRESH", 0)
    made = Service(own)
    yield made
    made.close()


def asked(service: Service) -> Answer:
    return service.kpis(service.window("2026-11-19", "2026-11-20"))


def printed(own: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> bytes:
    capfdbinary.readouterr()
    assert main(["kpi", str(own), *WORDS]) == 0
    return capfdbinary.readouterr().out


def brought(own: Path, *rows: str) -> None:
    file = own.parent / "late.csv"
    file.write_text("time,asset,point,value\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert main(["import", str(own), str(file), "--replace"]) == 0


def test_what_has_not_changed_is_not_worked_out_again(service: Service) -> None:
    asked(service)  # forms facts from rows
    kept = asked(service)  # from facts alone
    assert asked(service) is kept


def test_a_late_row_changes_the_answer(service: Service, own: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    asked(service)
    kept = asked(service)
    brought(own, "2026-11-19T10:00:00.500+08:00,press-01,state,3", "2026-11-19T10:20:00.500+08:00,press-01,state,2")
    found = asked(service)
    assert found.tag != kept.tag
    assert found.body == printed(own, capfdbinary)


def test_rows_that_come_after_the_window_leave_it_as_it_is(service: Service, own: Path) -> None:
    asked(service)
    kept = asked(service)
    brought(own, "2026-11-21T10:00:00+08:00,press-01,hot,40")
    assert asked(service) is kept


def test_another_register_is_another_answer(
    service: Service, own: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    asked(service)
    kept = asked(service)
    register = own.parent / "register.csv"
    register.write_text(register.read_text(encoding="utf-8") + "drill-02,,B,,钻孔,production,none,no,no\n", "utf-8")
    found = asked(service)
    assert found.tag != kept.tag
    assert found.body == printed(own, capfdbinary)


def test_another_file_of_working_days_is_another_answer(
    service: Service, own: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    days = own.parent / "workdays.csv"
    days.write_text("date,workday\n2026-01-01,no\n", "utf-8")
    shifts = 'calendar: {shifts: [{start: "08:00", end: "20:00"}], workdays: {file: workdays.csv}}\n'
    own.write_text(own.read_text("utf-8") + shifts, "utf-8")
    asked(service)
    kept = asked(service)
    days.write_text("date,workday\n2026-01-01,no\n2026-11-19,no\n", "utf-8")
    found = asked(service)
    assert found.tag != kept.tag
    assert found.body == printed(own, capfdbinary)


def test_rates_are_worked_on_once_for_every_grouping(
    service: Service, own: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    worked = []

    def counted(*told: Any) -> Any:
        worked.append(1)
        return rates_of(*told)

    monkeypatch.setattr("kpi.report.rates_of", counted)
    window = service.window("2026-11-20", "2026-11-21")
    service.kpis(window)  # from rows, which is not remembered
    del worked[:]
    for by in ("asset", "line", "workshop"):
        service.kpis(window, by)
    assert worked == [1]
    brought(own, "2026-11-20T10:00:00.500+08:00,press-01,state,3", "2026-11-20T10:20:00.500+08:00,press-01,state,2")
    capfdbinary.readouterr()
    assert main(["kpi", str(own), "--from", "2026-11-20", "--to", "2026-11-21", "--by", "line", "--json"]) == 0
    assert service.kpis(window, "line").body == capfdbinary.readouterr().out


def test_only_so_many_bytes_are_kept(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "FRESH", 10**18)
    kept = Answers(room=250)  # of two of these, with their quotes and the end of the line

    def told(key: str, text: str) -> bytes:
        return kept.of((key,), 0, service.reader, lambda _: text * 100, lambda: None).body

    first = {key: told(key, key) for key in "abc"}
    assert [len(body) for body in first.values()] == [103] * 3
    assert [told(key, "x") == first[key] for key in "bca"] == [True, True, False]


def test_one_question_is_worked_on_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "FRESH", 10**18)
    kept, waiting, worked = Answers(), threading.Barrier(8), []

    def made(_: object) -> str:
        worked.append(1)
        time.sleep(0.05)  # so that the others find it in the making
        return "told"

    def ask() -> None:
        waiting.wait()
        kept.of(("q",), 0, service.reader, made, lambda: None)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worked == [1]


@pytest.fixture
def client(own: Path) -> Iterator[TestClient]:
    with TestClient(application(own), base_url="http://localhost", client=("127.0.0.1", 5000)) as found:
        yield found


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("", False), ("gzip;q=0", False), ("br", False), ("identity", False)],
)
def test_a_long_document_is_packed_for_who_accepts_it(client: TestClient, accepted: str, packed: bool) -> None:
    plain = client.get("/api/v1/kpis", params=SPAN, headers={"Accept-Encoding": "identity"})
    with client.stream("GET", "/api/v1/kpis", params=SPAN, headers={"Accept-Encoding": accepted}) as told:
        body = b"".join(told.iter_raw())
    assert told.headers["vary"] == "Accept-Encoding"
    assert (told.headers.get("content-encoding") == "gzip") is packed
    assert (gzip.decompress(body) if packed else body) == plain.content
    assert (told.headers["etag"] == plain.headers["etag"]) is not packed


def test_either_tag_saves_the_body(client: TestClient) -> None:
    tags = [
        client.get("/api/v1/kpis", params=SPAN, headers={"Accept-Encoding": how}).headers["etag"]
        for how in ("gzip", "identity")
    ]
    assert len(set(tags)) == 2
    for tag in (*tags, f"W/{tags[0]}", f'"other", {tags[1]}', "*"):
        for how in ("gzip", "identity"):
            told = client.get("/api/v1/kpis", params=SPAN, headers={"Accept-Encoding": how, "If-None-Match": tag})
            assert (told.status_code, told.content) == (304, b""), tag
    assert client.get("/api/v1/kpis", params=SPAN, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ["health", "plant", "templates", "templates/sme-2024", "energy?month=2026-10"])
def test_every_document_has_a_tag(client: TestClient, path: str) -> None:
    first = client.get(f"/api/v1/{path}")
    again = client.get(f"/api/v1/{path}", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)


def test_a_server_that_has_ended_holds_no_file_of_the_journal(own: Path) -> None:
    """It keeps the live segment open between questions, to know for each which of its stores answers."""
    store = 'store: {influxdb: {url: "http://127.0.0.1:9", database: one}}\n'
    own.write_text(own.read_text(encoding="utf-8") + store, encoding="utf-8")
    Journal.open(place(load(own))).close()  # an agent was there

    def held() -> list[str]:
        files = (link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
        return [str(file) for file in files if file.is_relative_to(own.parent / "data" / "journal")]

    with TestClient(application(own), base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        assert client.get("/api/v1/kpis", params=SPAN).status_code == 200
        assert held()
    assert held() == []
