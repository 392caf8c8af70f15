"""The first night: a page that has nothing to show says what to do, and what keeps the numbers away."""

import time
from pathlib import Path

import pytest
from playwright.sync_api import Page

from config.load import load
from gemba.dashboard.alarms import alarms, first_steps
from tests.dashboard.look import PATHS, api, faults, opened
from tests.dashboard.plants import HOUR, plant, served


@pytest.mark.server
def test_before_anything_was_collected_every_page_says_what_to_do(page: Page, tmp_path: Path) -> None:
    """And fills by itself once something was."""
    file = plant(tmp_path / "first", 2, time.time_ns(), HOUR)
    data, aside = file.parent / "data", tmp_path / "aside"
    data.rename(aside)
    with served(file) as (address, _):
        for lang, head in (("en", "Nothing has been collected yet"), ("zh", "尚未采集任何数据")):
            for path, _ in PATHS.values():
                page.goto(f"{address}{path}?lang={lang}")
                page.wait_for_selector(".steps")
                assert page.inner_text("[role=status] h2") == head
                assert page.locator("code").all_inner_texts() == [
                    f"gemba read {file}",
                    f"gemba import {file} history.csv",
                    f"gemba agent {file}",
                ]
            assert faults(page) == []
        page.goto(f"{address}/?span=today")
        page.wait_for_selector(".steps")
        aside.rename(data)
        page.wait_for_selector("[data-evidence]")
        assert page.locator(".steps").count() == 0


@pytest.mark.server
def test_sources_that_do_not_answer_are_named_where_their_numbers_are_missing(page: Page, tmp_path: Path) -> None:
    """Nothing listens where the source should be; what was never read is no number, whatever a sum of nothing is."""
    file = plant(tmp_path / "lost", 2, time.time_ns(), HOUR)
    (file.parent / "data").rename(tmp_path / "aside")
    with served(file, "up") as (address, _):
        until = time.monotonic() + 60
        while not api(address, "health")["held"]:  # the first gap is on record
            assert time.monotonic() < until
        for name in ("plant", "machine"):
            opened(page, address, name, "lang=en")
            page.wait_for_selector("[data-live=alarms] [role=alert]")
            alarm = page.inner_text("[data-live=alarms]")
            assert "Sources that do not answer: 1 / 1" in alarm
            assert "plc: 127.0.0.1:9: Connection refused" in alarm
            assert page.locator("[data-live=alarms] a[href^='/health']").count() == 1
            assert "collecting began only at" in page.inner_text("#main")
            assert faults(page) == []
        opened(page, address, "plant")
        count = page.locator('[data-evidence="kpis/rows/0/quantity"]').first
        assert (count.inner_text(), count.get_attribute("data-value")) == ("no data", "null")
        assert api(address, "kpis")["rows"][0]["quantity"]["total"] is None
        page.click("#main p[role=status] a")
        page.wait_for_selector("nav [aria-current=true]:has-text('Today')")


@pytest.mark.server
def test_a_journal_without_an_agent_is_an_alarm(page: Page, address: str, wall: Path) -> None:
    opened(page, address, "plant")
    assert f"gemba agent {wall}" in page.inner_text("[data-live=alarms] [role=alert]")
    assert "collecting began" not in page.inner_text("#main")


HEAD = "plant: p-1\ntimezone: Asia/Shanghai\ndata: ./data\n"
SOURCES = "".join(f'  s-{n}: {{protocol: modbus, url: "tcp://127.0.0.1:{n}"}}\n' for n in range(1, 8))
ASSETS = 'assets: {m-1: {points: {state: {source: s-1, at: "holding:0", states: {1: running}}}}}\n'
STORE = 'store: {influxdb: {url: "http://127.0.0.1:9", database: one}}\n'
DOWN = {"state": "retrying", "trouble": "<refused>"}
STATUS = {"sources": {f"s-{n}": DOWN if n > 1 else {"state": "up", "trouble": ""} for n in range(1, 8)}}


@pytest.mark.parametrize(
    ("more", "status", "told", "silent"),
    [
        (SOURCES + ASSETS, None, ["No agent runs"], []),
        (SOURCES + ASSETS + STORE, None, [], ["alert"]),
        (SOURCES + ASSETS, {"sources": {"s-1": {"state": "up", "trouble": "gone before"}}}, [], ["alert"]),
        (SOURCES + ASSETS, STATUS, ["6 / 7", "s-6: &lt;refused&gt;", "more 1"], ["s-1:", "s-7:"]),
    ],
    ids=["no agent", "a store that another agent fills", "all well", "many"],
)
def test_alarms(tmp_path: Path, more: str, status: object, told: list[str], silent: list[str]) -> None:
    file = tmp_path / "plant.yaml"
    file.write_text(HEAD + "sources:\n" + more, encoding="utf-8")
    found = alarms(load(file), file, status, "/health", "en")
    assert [word for word in told if word not in found] == [word for word in silent if word in found] == []


def test_without_a_register_a_starter_is_offered(tmp_path: Path) -> None:
    file = tmp_path / "plant of ours.yaml"
    file.write_text(HEAD + "sources:\n" + SOURCES + ASSETS, encoding="utf-8")
    assert f"gemba register &#x27;{file}&#x27; --out register.csv" in first_steps(load(file), file, "en")
