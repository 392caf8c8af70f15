"""A group on the page: each plant and all of them with the numbers of the API, and who is silent is named."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.api.sites import lived, plant_file
from tests.dashboard.look import PATIENCE, READ, api, at, evidence_is_chinese, faults, opened
from tests.dashboard.plants import served
from tests.dashboard.test_pages import LOOKS
from tests.servers.influxdb1 import InfluxDB1

SPAN = "from=2026-11-19&to=2026-11-21"
NAME = "第三工厂：名称很长，连同园区和地址也要放得下 <and a word>"


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Four plants: the second one's store answers, the third one's died after it had told what its plant is, and nobody
    ever heard of the fourth."""
    folder = tmp_path_factory.mktemp("group")
    with InfluxDB1(folder / "second") as second, InfluxDB1(folder / "third") as third:
        urls = {"p-1": second.url, "p-2": second.url, "p-3": third.url, "p-4": "http://127.0.0.1:9"}
        stores = {name: f'{{influxdb: {{url: "{url}", database: {name[2:]}x}}}}' for name, url in urls.items()}
        others = ", ".join(f"{name}: {stores[name]}" for name in ("p-2", "p-3", "p-4"))
        files = {}
        for name in ("p-1", "p-2", "p-3"):
            more = f"store: {stores[name]}\n" + (f"stores: {{{others}}}\n" if name == "p-1" else "")
            files[name] = plant_file(folder / name, name, more)
            if name == "p-3":
                text = files[name].read_text(encoding="utf-8")
                files[name].write_text(text.replace("name: 接口", f'name: "{NAME}"'), encoding="utf-8")
            with ThreadPoolExecutor() as pool:  # the browser holds the loop of this thread
                pool.submit(lived, files[name]).result()
        with served(files["p-1"]) as (address, _):
            silent(address, {"p-4"})
            third.kill()
            silent(address, {"p-3", "p-4"})
            yield address


def silent(address: str, names: set[str]) -> None:
    """Waits until it is just these."""
    until, told = time.monotonic() + 120, None
    while told != names:
        assert time.monotonic() < until, told
        told = {one["plant"] for one in api(address, f"kpis?by=plant&{SPAN}")["group"]["plants"] if one["trouble"]}


@pytest.mark.server
@pytest.mark.parametrize(("lang", "theme", "width"), LOOKS)
def test_the_page_is_whole(browser: Browser, group: str, lang: str, theme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 1000}, locale="fr-FR")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, group, "group", f"{SPAN}&lang={lang}&theme={theme}")
    assert [url for url in asked if not url.startswith((group, "data:", group.replace("http", "ws")))] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.inner_text("nav [aria-current=page]") == page.inner_text("h1")
    assert faults(page) == []
    page.click('[data-evidence="kpis/group/plants/2"]')
    page.wait_for_selector("dialog[open] td")
    assert faults(page) == []
    context.close()


@pytest.mark.server
def test_numbers_are_those_of_the_api(page: Page, group: str) -> None:
    """Every KPI, rate and amount of every plant and of all."""
    opened(page, group, "group", SPAN)
    rows = page.eval_on_selector_all("#main [data-evidence]", READ)
    documents = {
        "kpis": api(group, f"kpis?by=plant&{SPAN}"),
        "energy": api(group, f"energy?by=plant&{SPAN}"),
    }
    seen = set()
    for path, shown, raw in rows:
        told = at(documents[path.split("/")[0]], path)
        seen.add(path)
        if "kpi" in told and json.loads(raw) == told["value"] is not None:
            assert shown == f"{told['value'] * 100:.2f} %"
        assert json.loads(raw) in told.values()
    whole = len(documents["kpis"]["rows"]) - 1
    assert whole == 4
    assert seen >= {f"kpis/rows/{at}/kpis/{key}" for at in range(5) for key in ("oee", "quality")}
    assert seen >= {f"kpis/group/rates/{name}/plants/p-2" for name in documents["kpis"]["group"]["rates"]}
    assert seen >= {f"energy/plants/{at}" for at in range(5)} | {"energy/plants/4/carriers/0"}


@pytest.mark.server
def test_who_is_silent_is_said_in_words(page: Page, group: str) -> None:
    opened(page, group, "group", SPAN)
    alarms = page.locator("[role=alert]").all_inner_texts()
    assert [alarm.split(":")[0] for alarm in alarms] == [f"p-3 {NAME}".split(":")[0], "p-4"]
    assert all("counts as unknown" in alarm and "InfluxDB did not answer" in alarm for alarm in alarms)
    table = page.locator('[aria-label="KPIs"] tbody tr')
    assert [re.split(r"\s", row.inner_text())[0] for row in table.all()] == ["p-1", "p-2", "p-3", "p-4", "All"]
    assert ["silent" in row.inner_text() for row in table.all()] == [False, False, True, True, True]
    assert table.nth(3).locator(".num", has_text="0.00 h").count() == 0, "of what nobody knows there is no time"


@pytest.mark.server
def test_evidence_names_what_is_missing(page: Page, group: str) -> None:
    opened(page, group, "group", f"{SPAN}&lang=zh")
    page.focus('[data-evidence="kpis/rows/4/kpis/oee"]')
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] td")
    assert "p-3/press-01" in (page.text_content('dialog [data-of="excluded"]') or "")
    page.keyboard.press("Escape")
    for path in ("kpis/group/rates/networking", "kpis/group/plants/2", "energy/plants/4", "energy/plants/1"):
        evidence_is_chinese(page, path)


@pytest.mark.server
def test_a_plant_that_stands_alone_is_not_led_there(page: Page, address: str) -> None:
    opened(page, address, "health")
    assert page.locator("a[href^='/group']").count() == 0
    page.goto(f"{address}/group")
    assert "stands alone" in page.inner_text("[role=status]")


@pytest.mark.server
def test_the_head_of_a_group_has_no_machines_and_no_rates_before_it_heard_of_any(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "head.yaml"
    stores = '{p-2: {influxdb: {url: "http://127.0.0.1:9", database: two}}}'
    file.write_text(f"plant: head\ntimezone: Asia/Shanghai\ndata: ./data\nstores: {stores}\n", encoding="utf-8")
    with served(file) as (address, _):
        opened(page, address, "group")
        assert page.locator("h2").all_inner_texts() == ["KPIs", "Energy", "Carriers"]
        assert page.locator('[aria-label="KPIs"] tbody th').all_inner_texts() == ["p-2", "All plants"]
        opened(page, address, "plant")
        assert "names no machines" in page.inner_text("#main")
        assert page.locator("[role=alert], .steps").count() == 0
        assert faults(page) == []
