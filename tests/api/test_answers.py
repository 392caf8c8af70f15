"""The API answers what the command line prints, to the byte, and says plainly what it cannot answer."""

import itertools
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from gemba.cli import main
from kpi.api.app import application

SPAN = {"from": "2026-11-19", "to": "2026-11-21"}
WORDS = ["--from", "2026-11-19", "--to", "2026-11-21", "--json"]


@pytest.mark.parametrize("more", [{}, {"by": "line", "per": "day"}, {"by": "plant", "per": "hour", "profile": "tpm"}])
def test_kpis_are_those_of_the_command_line(
    client: TestClient, plant_file: Path, capfdbinary: pytest.CaptureFixture[bytes], more: dict[str, str]
) -> None:
    words = [word for key, value in more.items() for word in (f"--{key}", value)]
    assert main(["kpi", str(plant_file), *WORDS, *words]) == 0
    assert client.get("/api/v1/kpis", params={**SPAN, **more}).content == capfdbinary.readouterr().out


def test_energy_is_that_of_the_command_line(
    client: TestClient, plant_file: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    words = ["--per", "day", "--revenue", "12.5", "--factors", "gbt-2589-2020"]
    assert main(["energy", str(plant_file), *WORDS, *words]) == 0
    params = {**SPAN, "per": "day", "revenue": "12.5", "factors": "gbt-2589-2020"}
    assert client.get("/api/v1/energy", params=params).content == capfdbinary.readouterr().out


def test_an_etag_saves_the_body(client: TestClient) -> None:
    first = client.get("/api/v1/kpis", params=SPAN)
    again = client.get("/api/v1/kpis", params=SPAN, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    other = client.get("/api/v1/kpis", params={**SPAN, "by": "plant"}, headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_a_timeline_tiles_the_window(client: TestClient) -> None:
    told = client.get("/api/v1/assets/press-01/timeline", params=SPAN).json()
    stretches = told["states"]
    assert stretches[0]["from"] == told["from"] == "2026-11-19T00:00:00+08:00"
    assert stretches[-1]["to"] == told["to"] == "2026-11-21T00:00:00+08:00"
    assert all(one["to"] == two["from"] for one, two in itertools.pairwise(stretches))
    assert {one["state"] for one in stretches} <= {"running", "idle", "setup", "down", "off", "unknown", "planned"}


def test_pages_of_a_series_make_the_whole(client: TestClient) -> None:
    path, params = "/api/v1/assets/press-01/series", {**SPAN, "points": "state,hot"}
    rows: dict[str, list[list[object]]] = {"state": [], "hot": []}
    cursor: str | None = "0"
    pages = 0
    while cursor is not None:
        told = client.get(path, params={**params, "limit": "700", "cursor": cursor}).json()
        for column in told["points"]:
            rows[column["point"]] += column["rows"]
        cursor, pages = told["cursor"], pages + 1
    whole = client.get(path, params={**params, "limit": "1000"}).json()
    assert pages > 2
    for column in whole["points"]:
        assert rows[column["point"]][:1000] == column["rows"]
        assert len({row[0] for row in rows[column["point"]]}) == len(rows[column["point"]])
    assert rows["state"][0][1] in ("running", "idle", "setup", "down", "off")
    assert 3.4 <= float(str(rows["hot"][0][1])) <= 6.6


def test_sources_have_their_communication_history(client: TestClient) -> None:
    told = client.get("/api/v1/sources").json()
    assert [row["source"] for row in told["sources"]] == ["plc", "meter"]
    assert told["cursor"] is None
    assert len(told["sources"][0]["links"]) == 24


def test_assets_are_all_that_are_registered(client: TestClient) -> None:
    pages = [client.get("/api/v1/assets", params={"limit": 2, "cursor": at}).json() for at in (0, 2)]
    assert [row["asset"] for page in pages for row in page["assets"]] == ["press-01", "press-02", "drill-01"]
    assert [page["cursor"] for page in pages] == ["2", None]
    drill = pages[1]["assets"][0]
    assert (drill["connected"], drill["state"], drill["name"]) == (False, "unknown", "钻床")


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/v1/nothing", 404, "nothing is here"),
        ("/api/v1/assets/nobody/timeline", 404, "no connected asset of this name (got nobody)"),
        ("/api/v1/assets/press-01/series?points=weight", 404, "no such point (got weight)"),
        ("/api/v1/templates/none", 404, "no such form (got none)"),
        ("/api/v1/kpis?per=second", 422, "a parameter is wrong"),
        ("/api/v1/kpis?form=2026-11-19", 422, "a parameter is wrong"),
        ("/api/v1/kpis?from=2026-11-19&from=2026-11-20", 422, "a parameter is given twice"),
        ("/api/v1/kpis?from=2179-04-23", 422, "the input is wrong"),
        ("/api/v1/kpis?baseline-from=2001-01-01&baseline-to=2019-01-01", 422, "makes a window longer than five years"),
        ("/api/v1/kpis?baseline-from=2026-01-01", 422, "baseline-to: is missing; give it with `baseline-from`"),
        ("/api/v1/energy?baseline-to=2026-01-01", 422, "baseline-from: is missing; give it with `baseline-to`"),
        ("/api/v1/energy?baseline-revenue=5200", 422, "baseline-revenue: stands without a baseline; give `baseline-fr"),
        ("/api/v1/kpis/", 404, "nothing is here"),
        ("/api/v1/plant?lang=en", 422, "a parameter is wrong"),
        ("/api/v1/kpis?from=soon", 422, "the input is wrong"),
        ("/api/v1/kpis?from=2010-01-01&to=2020-01-01", 422, "from: makes a window longer than five years"),
        ("/api/v1/kpis?from=2022-01-01&to=2026-01-01&per=hour", 422, "10000 is the limit"),
        ("/api/v1/energy?factors=mine", 422, "no such profile of factors (got mine)"),
        ("/api/v1/energy?revenue=0", 422, "revenue must be above zero"),
    ],
)
def test_problems_say_what_to_do(client: TestClient, path: str, status: int, says: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == status
    assert says in "; ".join([told["detail"], *(_spelled(one) for one in told.get("faults", ()))])


def _spelled(fault: dict[str, str]) -> str:
    return f"{fault['where']}: {fault['what']}; {fault['do']}"


def test_a_fault_of_ours_is_a_problem_too(plant_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("kpi.api.views.plant_document", broken)
    app = application(plant_file)
    with TestClient(
        app, base_url="http://localhost", client=("127.0.0.1", 5000), raise_server_exceptions=False
    ) as client:
        answer = client.get("/api/v1/plant")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text


def test_only_reads_are_answered(client: TestClient) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = client.request(method, "/api/v1/kpis")
        assert answer.status_code == 405
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_head_has_no_body(client: TestClient) -> None:
    for path in ("plant", "kpis", "nothing"):
        whole, head = (client.request(method, f"/api/v1/{path}", params=SPAN) for method in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert [head.headers.get(name) for name in ("etag", "content-type", "content-length")] == [
            whole.headers.get(name) for name in ("etag", "content-type", "content-length")
        ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{" + b" " * 1_000_000 + b"}", 413),
        (b"[" * 100_000, 422),
        (b'{"answers": {"answers": {"5": NaN}}}', 422),
        (b'{"answers": {"answers": {"11": {"ratio": 1e999}}}}', 422),
        (b'{"answers": {"answers": {"5": ' + b"9" * 5000 + b"}}}", 422),
        (b'{"answers": {"answers": {"5": "\\ud800"}}}', 422),
        (b"\xff", 422),
        (b"", 422),
    ],
)
def test_a_body_is_plain_json_of_a_bounded_length(client: TestClient, body: bytes, status: int) -> None:
    answer = client.post("/api/v1/assessments/sme-2024", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status


def test_a_plant_file_that_becomes_wrong_leaves_the_old_one(client: TestClient, plant_file: Path) -> None:
    text = plant_file.read_text(encoding="utf-8")
    before = client.get("/api/v1/plant").json()["sha256"]
    try:
        plant_file.write_text(text + "nonsense: 1\n", encoding="utf-8")
        health = client.get("/api/v1/health").json()
        assert health["status"] == "degraded"
        assert "nonsense" in health["trouble"]
        assert client.get("/api/v1/plant").json()["sha256"] == before
    finally:
        plant_file.write_text(text, encoding="utf-8")
    assert client.get("/api/v1/health").json()["status"] == "ok"


ANSWERS = {"answers": {"5": 4, "8": 4}, "scenes": {"设备管理": 3}}


def test_an_assessment_is_that_of_the_command_line(
    client: TestClient, plant_file: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    answers = tmp_path / "answers.yaml"
    answers.write_text("template: sme-2024\nanswers: {5: 4, 8: 4}\nscenes: {设备管理: 3}\n", encoding="utf-8")
    words = ["assess", "sme-2024", str(plant_file), *WORDS, "--answers", str(answers), "--lang", "zh"]
    assert main(words) == 0
    body = {**SPAN, "answers": ANSWERS}
    answer = client.post("/api/v1/assessments/sme-2024", json=body)
    assert answer.status_code == 200
    assert answer.content == capfdbinary.readouterr().out
    assert answer.json()["items"][2]["origin"] in ("measured", "missing")


@pytest.mark.parametrize(
    ("asked", "where", "got", "do"),
    [
        ("kpis?form=2026-11-19", "query.form", "2026-11-19", "leave it out; /openapi.json lists those that are"),
        ("kpis?by=machine", "query.by", "machine", "write it as /openapi.json has it"),
        ("kpis?from=yesterday", "from", "yesterday", "write it as 2026-11-10T08:00"),
        ("assets?limit=0", "query.limit", "0", "write it as /openapi.json has it"),
    ],
)
def test_a_wrong_parameter_says_what_to_do(client: TestClient, asked: str, where: str, got: str, do: str) -> None:
    (fault,) = client.get(f"/api/v1/{asked}").json()["faults"]
    assert (fault["where"], fault["got"], fault["do"]) == (where, got, do)


def test_wrong_answers_are_told_by_item(client: TestClient) -> None:
    answer = client.post("/api/v1/assessments/sme-2024", json={**SPAN, "answers": {"answers": {"5": 9, "8": 0}}})
    assert answer.status_code == 422
    assert len(answer.json()["faults"]) == 2
    assert client.post("/api/v1/assessments/none", json={}).status_code == 404
    assert client.post("/api/v1/assessments/sme-2024", json={"answer": {}}).status_code == 422
