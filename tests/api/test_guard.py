"""Deny by default: every route and method, without a token, with a wrong scope, with an expired one."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import WebSocket
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute
from starlette.websockets import WebSocketDisconnect

from kpi.api.app import application, described
from kpi.api.guard import scope_of
from kpi.api.tokens import SCOPES, Tokens

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def paths(plant_file: Path) -> list[str]:
    app = application(plant_file)
    documented = [
        path.replace("{id}", "press-01").replace("{template}", "sme-2024") for path in described(app)["paths"]
    ]
    return [*documented, "/metrics", "/openapi.json", "/", "/docs", "/api/v1/assessments/sme-2024", "/anything/else"]


def test_every_route_of_the_application_is_walked(plant_file: Path) -> None:
    app = application(plant_file)
    routes: list[BaseRoute] = list(app.routes)
    own = {route.path for route in routes if isinstance(route, APIRoute)}
    assert own <= {"/metrics", "/openapi.json"} | set(described(app)["paths"])


@pytest.fixture
def remote(plant_file: Path) -> Iterator[TestClient]:
    with TestClient(application(plant_file), base_url="http://10.1.2.3", client=("10.9.9.9", 5000)) as found:
        yield found


def test_without_any_token_nobody_from_elsewhere_is_answered(remote: TestClient, plant_file: Path) -> None:
    for path in paths(plant_file):
        for method in METHODS:
            assert remote.request(method, path).status_code == 403, (method, path)


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto", "Via"]
)
def test_behind_a_proxy_nothing_is_loopback(client: TestClient, header: str) -> None:
    assert client.get("/api/v1/plant", headers={header: "127.0.0.1"}).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "192.168.1.5", "127.0.0.1.evil.example", ""])
def test_another_host_name_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/api/v1/plant", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:80", "[::1]"])
def test_loopback_by_any_of_its_names_is_answered(client: TestClient, host: str) -> None:
    assert client.get("/api/v1/plant", headers={"Host": host}).status_code == 200


def test_once_a_token_exists_loopback_needs_one_too(client: TestClient, tokens: Tokens, plant_file: Path) -> None:
    tokens.create(["admin"], time.time_ns())
    for path in paths(plant_file):
        for method in METHODS:
            answer = client.request(method, path)
            wanted = {200, 405} if path == "/api/v1/health" else {401}
            assert answer.status_code in wanted, (method, path)
    assert client.get("/api/v1/health").json() == {"status": "ok"}


def test_an_expired_or_unknown_token_is_none(client: TestClient, tokens: Tokens, plant_file: Path) -> None:
    tokens.create(["admin"], time.time_ns())
    expired = tokens.create(["admin"], 1, lasts=1)
    for text in (expired, "kpi_00000000_" + "A" * 43, "nonsense", ""):
        for path in paths(plant_file):
            if path != "/api/v1/health":
                answer = client.get(path, headers={"Authorization": f"Bearer {text}"})
                assert answer.status_code == 401, (text, path)
                assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_may_do_what_its_scopes_say(client: TestClient, tokens: Tokens, plant_file: Path, scope: str) -> None:
    headers = {"Authorization": f"Bearer {tokens.create([scope], time.time_ns())}"}
    for path in paths(plant_file):
        for method in METHODS:
            answer = client.request(method, path, headers=headers)
            may = path == "/api/v1/health" or scope in ("admin", scope_of(method, path))
            assert (answer.status_code != 403) is may, (method, path, answer.status_code)


def test_the_scopes_of_the_contract() -> None:
    assert scope_of("GET", "/api/v1/kpis") == "read:kpi"
    assert scope_of("GET", "/api/v1/assets/press-01/series") == "read:series"
    assert scope_of("GET", "/api/v1/assets/press-01/timeline") == "read:kpi"
    assert scope_of("POST", "/api/v1/assessments/sme-2024") == "assess"
    assert scope_of("POST", "/api/v1/assessments/sme-2024.xlsx") == "assess"
    assert scope_of("DELETE", "/api/v1/kpis") == "admin"
    assert scope_of("GET", "/metrics") == "read:kpi"


def test_while_the_list_of_tokens_cannot_be_read_nobody_is_answered(client: TestClient, tokens: Tokens) -> None:
    text = tokens.create(["admin"], time.time_ns())
    tokens.path.write_text("[{}]", encoding="utf-8")
    for path in ("/api/v1/plant", "/api/v1/health", "/metrics", "/"):
        answer = client.get(path, headers={"Authorization": f"Bearer {text}"})
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json"), path
        assert answer.json()["detail"] == "the list of tokens cannot be read; gemba token list says why"


def test_a_cookie_serves_as_well_as_a_header(client: TestClient, tokens: Tokens) -> None:
    text = tokens.create(["read:kpi"], time.time_ns())
    assert client.get("/api/v1/plant", headers={"Cookie": f"gemba_token={text}"}).status_code == 200
    assert client.get("/api/v1/plant", headers={"Cookie": "gemba_token=other"}).status_code == 401


def test_a_token_asks_only_so_often(client: TestClient, tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """240 at once, and then 60 a second."""
    now = [10**9]
    monkeypatch.setattr("kpi.api.guard.time", SimpleNamespace(monotonic_ns=lambda: now[0], time_ns=time.time_ns))
    headers = {"Authorization": f"Bearer {tokens.create(['read:kpi'], time.time_ns())}"}

    def codes(count: int) -> list[int]:
        return [client.get("/api/v1/health", headers=headers).status_code for _ in range(count)]

    assert codes(242) == [200] * 240 + [429] * 2
    assert client.get("/api/v1/health", headers=headers).headers["retry-after"] == "1"
    now[0] += 50_000_000  # three sixtieths of a second
    assert codes(4) == [200] * 3 + [429]


def test_no_secret_stands_in_what_is_refused(
    client: TestClient, tokens: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    text = tokens.create(["read:series"], time.time_ns())
    with caplog.at_level("INFO"):
        answer = client.get("/api/v1/kpis", headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 403
    for said in (answer.text, caplog.text):
        assert text not in said
        assert text.split("_", 2)[2] not in said


def test_the_last_use_of_a_token_is_written_down(plant_file: Path, tokens: Tokens) -> None:
    text = tokens.create(["read:kpi"], 1)
    with TestClient(application(plant_file), base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        assert client.get("/api/v1/plant", headers={"Authorization": f"Bearer {text}"}).status_code == 200
    (kept,) = tokens.all()
    assert time.time_ns() - kept.used < 60 * 10**9


@pytest.mark.parametrize(
    ("origin", "host", "may"),
    [
        ("http://localhost:8080", "localhost:8080", True),
        ("http://LOCALHOST:8080", "localhost:8080", True),
        ("http://evil.example", "localhost:8080", False),
        ("http://localhost:9999", "localhost:8080", False),
        ("null", "localhost:8080", False),
    ],
)
def test_another_sites_page_cannot_post_for_who_looks_at_it(
    client: TestClient, tokens: Tokens, origin: str, host: str, may: bool
) -> None:
    path, headers = "/api/v1/assessments/none", {"Origin": origin, "Host": host}
    wanted = 404 if may else 403
    assert client.post(path, json={}, headers=headers).status_code == wanted
    text = tokens.create(["assess"], time.time_ns())
    cookie = {**headers, "Cookie": f"gemba_token={text}"}
    assert client.post(path, json={}, headers=cookie).status_code == wanted
    bearer = {**headers, "Authorization": f"Bearer {text}"}  # no browser sends this by itself
    assert client.post(path, json={}, headers=bearer).status_code == 404


def test_behind_a_proxy_the_origin_is_the_name_that_was_asked_for(client: TestClient, tokens: Tokens) -> None:
    text = tokens.create(["assess"], time.time_ns())
    headers = {"Origin": "https://kpi.example", "Host": "127.0.0.1:8080", "Cookie": f"gemba_token={text}"}
    path = "/api/v1/assessments/none"
    assert client.post(path, json={}, headers=headers).status_code == 403
    assert client.post(path, json={}, headers={**headers, "X-Forwarded-Host": "kpi.example"}).status_code == 404


def test_scripts_of_the_login_page_are_only_read_without_a_token(client: TestClient, tokens: Tokens) -> None:
    tokens.create(["admin"], time.time_ns())
    answers = {method: client.request(method, "/_nicegui/client/x/upload").status_code for method in METHODS}
    assert answers == {method: 404 if method in ("GET", "HEAD") else 401 for method in METHODS}


def test_an_open_page_is_heard_no_more_once_its_token_is_gone(plant_file: Path, tokens: Tokens) -> None:
    text = tokens.create(["read:kpi"], time.time_ns())
    app = application(plant_file)

    @app.websocket("/echo")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        with suppress(WebSocketDisconnect):
            while True:
                await socket.send_text(await socket.receive_text())

    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        with client.websocket_connect("/echo", headers={"Cookie": f"gemba_token={text}"}) as socket:
            socket.send_text("one")
            assert socket.receive_text() == "one"
            assert tokens.revoke(text.split("_")[1])
            tokens.create(["admin"], time.time_ns())
            socket.send_text("two")
            with pytest.raises(WebSocketDisconnect):
                socket.receive_text()
        for headers in ({"Cookie": f"gemba_token={text}"}, {"Origin": "http://evil.example"}):
            with pytest.raises(WebSocketDisconnect), client.websocket_connect("/echo", headers=headers):
                pass
