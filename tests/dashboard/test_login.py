"""Once a token exists nobody looks without one: not at a page, not through the socket behind it."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
from playwright.sync_api import Page

from config.load import load
from kpi.api.tokens import Tokens
from tests.dashboard.plants import plant, served


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    file = plant(tmp_path_factory.mktemp("locked"), 2, time.time_ns())
    token = Tokens(load(file).data).create(("read:kpi",), time.time_ns())
    with served(file) as (address, _):
        yield address, token, file


def test_pages_send_to_the_login_and_the_socket_stays_shut(locked: tuple[str, str, Path]) -> None:
    with httpx.Client(base_url=locked[0], timeout=60) as web:
        for path in ("/", "/machine/press-01", "/energy", "/assessment", "/health"):
            answer = web.get(path, headers={"Accept": "text/html"})
            assert (answer.status_code, answer.headers["location"]) == (303, "/login")
            assert web.get(path).status_code == 401
        socket = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
        assert web.get(socket).status_code == 401
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        answer = web.get(socket.replace("polling", "websocket"), headers={**upgrade, **key})
        assert answer.status_code == 403


def test_a_token_is_taken_once_and_kept_where_no_script_reads_it(page: Page, locked: tuple[str, str, Path]) -> None:
    address, token, _ = locked
    page.goto(address)
    assert page.url == f"{address}/login"
    page.fill("#token", token[:-1] + ("a" if token[-1] != "a" else "b"))
    page.click("button.do")
    assert "not known" in page.inner_text("[role=alert]")
    page.fill("#token", token)
    page.click("button.do")
    page.wait_for_selector("[data-evidence]")
    cookie = next(each for each in page.context.cookies() if each["name"] == "gemba_token")
    assert cookie["httpOnly"] is True and cookie["sameSite"] == "Strict"
    assert token not in page.evaluate("document.cookie") and token not in page.url
    page.goto(f"{address}/assessment")
    assert "assess" in page.inner_text("[role=alert]")


def test_what_is_too_long_or_expired_is_no_token(locked: tuple[str, str, Path]) -> None:
    address, _, file = locked
    expired = Tokens(load(file).data).create(("admin",), time.time_ns() - 10**12, 10**9)
    for text in ("", "x" * 5000, "kpi_x_y", expired):
        answer = httpx.post(f"{address}/login", data={"token": text}, timeout=60)
        assert answer.status_code == 401 and "set-cookie" not in answer.headers


def test_what_the_api_does_not_have_is_told_as_a_problem_not_as_a_page(locked: tuple[str, str, Path]) -> None:
    address, _, file = locked
    admin = Tokens(load(file).data).create(("admin",), time.time_ns())
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {admin}"}, timeout=60) as web:
        for method, path, status, allow in (
            ("GET", "/api/v1/nothing", 404, None),
            ("GET", "/api/v1/kpis/", 404, None),
            ("POST", "/api/v2/kpis", 404, None),
            ("DELETE", "/api/v1/kpis", 405, "GET"),
            ("OPTIONS", "/api/v1/assets/press-01/series", 405, "GET"),
            ("GET", "/api/v1/assessments/sme-2024", 405, "POST"),
            ("PUT", "/metrics", 405, "GET"),
        ):
            answer = web.request(method, path)
            assert (answer.status_code, answer.headers.get("allow")) == (status, allow), (method, path)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == status
