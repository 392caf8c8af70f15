"""Every page, in both languages and themes, on a telephone and a wall: whole, usable without a mouse, from this machine
alone, and with the numbers of the API."""

import json
import re
import time
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, Page

from gemba.dashboard import words
from tests.dashboard.look import PATHS, PATIENCE, READ, api, at, evidence_is_chinese, faults, opened
from tests.dashboard.plants import HOUR, plant, served

LOOKS = [("zh", "light", 390), ("en", "dark", 390), ("zh", "dark", 1920), ("en", "light", 1920)]


@pytest.mark.server
@pytest.mark.parametrize(("lang", "theme", "width"), LOOKS)
@pytest.mark.parametrize("name", PATHS)
def test_a_page_is_whole(browser: Browser, address: str, name: str, lang: str, theme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 1000}, locale="fr-FR")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda answer: wrong.append(answer.url) if answer.status >= 400 else None)
    opened(page, address, name, f"lang={lang}&theme={theme}")
    assert {url for url in asked if not url.startswith((address, "data:", address.replace("http", "ws")))} == set()
    assert wrong == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_attribute("html", "lang") == ("zh-CN" if lang == "zh" else "en")
    title = {"plant": "看板工厂", "machine": "press-02"}.get(name) or words.say(name, lang)
    assert page.inner_text("h1") == title
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(244, 246, 248)", "dark": "rgb(17, 22, 28)"}[theme]
    assert faults(page) == []
    if name != "health":
        page.click("[data-evidence]")
        page.wait_for_selector("dialog[open] td")
        assert faults(page) == []
    context.close()


@pytest.mark.server
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_login_is_usable(page: Page, address: str, theme: str) -> None:
    page.goto(f"{address}/login?theme={theme}&lang=zh")
    assert page.inner_text("label") == "令牌"
    assert page.evaluate("document.activeElement.id") == "token"
    assert faults(page) == []


@pytest.mark.server
def test_in_chinese_no_english_heading_is_left(page: Page, address: str) -> None:
    for name in PATHS:
        opened(page, address, name, "lang=zh")
        heads = page.eval_on_selector_all("h2, thead th, nav a, caption", "all => all.map(e => e.textContent.trim())")
        assert [head for head in heads if head and not re.search(r"[\u4e00-\u9fff]|^7 |^30 ", head)] == []


EVIDENCE = {
    "plant": (
        "kpis/rates/networking",
        "kpis/rates/digitalization",
        "kpis/rates/key_process_nc",
        "kpis/rows/1/kpis/oee",
    ),
    "machine": ("kpis/rows/1/kpis/oee", "kpis/rows/1/kpis/utilization_efficiency/terms", "kpis/rows/1/time_ms"),
    "energy": ("energy", "energy/carriers/0", "energy/assets/0", "energy/lines/0"),
    "assessment": ("form", "form/items/0", "form/items/1", "form/scenes/5"),
    "health": ("sources/0",),
}


@pytest.mark.server
@pytest.mark.parametrize("name", PATHS)
def test_in_chinese_the_evidence_speaks_chinese(page: Page, address: str, name: str) -> None:
    opened(page, address, name, "lang=zh")
    for path in EVIDENCE[name]:
        evidence_is_chinese(page, path)


@pytest.mark.server
@pytest.mark.parametrize("span", ["day", "today"])
def test_numbers_are_those_of_the_api(page: Page, address: str, span: str) -> None:
    opened(page, address, "plant", f"span={span}")
    rows = page.eval_on_selector_all("[data-evidence^=kpis],[data-evidence^=lines]", READ)
    assert len(rows) > 30
    times = page.inner_text("[data-window]").replace("–", "").split()
    window = f"from={times[0]}T{times[1]}&to={times[2]}T{times[3]}"
    documents = {"kpis": api(address, f"kpis?{window}"), "lines": api(address, f"kpis?by=line&{window}")}
    for path, shown, raw in rows:
        told = at(documents[path.split("/")[0]], path)
        if "value" in told:
            assert json.loads(raw) == told["value"]
            if told["value"] is not None and told.get("unit", "1") == "1":
                assert shown == f"{told['value'] * 100:.2f} %"
        else:
            assert json.loads(raw) in told.values()


@pytest.mark.server
def test_energy_is_that_of_the_api(page: Page, address: str) -> None:
    opened(page, address, "energy")
    rows = page.eval_on_selector_all("[data-evidence^=energy]", READ)
    document = api(address, "energy")
    assert rows[0] == ["energy", f"{document['tce']:,.3f} tce", json.dumps(document["tce"])]
    for path, _, raw in rows:
        assert json.loads(raw) in at(document, path).values()


@pytest.mark.server
def test_a_machine_shows_where_its_time_went(page: Page, address: str) -> None:
    """What is drawn stands beside it in words, from the document's own terms."""
    opened(page, address, "machine")
    row = api(address, "kpis")["rows"][1]
    page.wait_for_selector(".chart svg text")
    waterfall, pareto, energy = page.eval_on_selector_all(
        "[role=img]", "all => all.map(e => e.getAttribute('aria-label'))"
    )
    terms, states = row["kpis"]["oee"]["terms"], row["kpis"]["utilization_efficiency"]["terms"]
    for name, term in {
        "Planned time (PBT)": terms["PBT"],
        "Running (APT)": terms["APT"],
        "Unknown (U)": states["U"],
        "All pieces at ideal pace": terms["PRI_PQ"],
        "Rejects": terms["PRI_PQ"] - terms["PRI_GQ"],
        "Good time": terms["PRI_GQ"],
    }.items():
        assert f"{name} {term / 3_600_000:,.2f} h" in waterfall
    assert pareto.startswith(f"Losses, the largest first: Unknown (U) {states['U'] / 3_600_000:,.2f} h")
    assert "running" in energy and "kWh" in energy
    rows = page.eval_on_selector_all("[data-evidence^=kpis]", READ)
    shown = {path.split("/")[-1]: json.loads(raw) for path, _, raw in rows if re.match("kpis/rows/1/kpis/[^/]+$", path)}
    assert shown == {key: kpi["value"] for key, kpi in row["kpis"].items()}
    times = {label: raw for path, label, raw in rows if path == "kpis/rows/1/time_ms"}
    unknown = row["time_ms"]["unknown"]
    assert times[f"{unknown / 3_600_000:,.2f} h"] == str(unknown)


@pytest.mark.server
def test_what_is_unknown_is_shown_as_unknown(page: Page, address: str) -> None:
    """Nobody collects now, so that no machine is known to do anything; one that answers no protocol has no numbers."""
    opened(page, address, "plant")
    assert "unknown" in page.inner_text('[data-live="state/press-01"]')
    row = page.locator("tr", has_text="drill-01")
    assert "not connected" in row.inner_text() and row.locator("[data-evidence]").count() == 0
    assert page.locator(".unknown").count() == sum(
        kpi["value"] is None
        for row in api(address, "kpis")["rows"] + api(address, "kpis?by=line")["rows"]
        for key, kpi in row["kpis"].items()
        if key in ("oee", "availability", "effectiveness", "quality", "line_oee")
    ) + sum(rate["value"] is None for rate in api(address, "kpis")["rates"].values())


@pytest.mark.server
def test_a_number_opens_to_its_evidence_without_a_mouse(page: Page, address: str) -> None:
    opened(page, address, "plant")
    path = "kpis/rows/1/kpis/oee"
    page.focus(f'[data-evidence="{path}"]')
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] td")
    told = at({"rows": api(address, "kpis")["rows"]}, path)
    cells = {
        key: page.inner_text(f'dialog [data-of="{key}"]') for key in ("value", "low", "high", "coverage", "method")
    }
    assert [key for key, cell in cells.items() if cell.split(" ")[0].strip() != str(told[key])] == []
    for name, term in told["terms"].items():
        assert re.search(rf"\b{name}\)? = {term}\b", page.inner_text('dialog [data-of="terms"]')), name
    assert told["inputs"]["sha256"] in page.inner_text('dialog [data-of="inputs"]').replace("\n", "")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    assert page.evaluate("document.activeElement.dataset.evidence") == path


@pytest.mark.server
def test_language_and_theme_are_remembered(page: Page, address: str) -> None:
    opened(page, address, "plant")
    page.click("[data-lang=zh]")
    page.wait_for_selector("html[lang=zh-CN] [data-evidence]")
    page.click("[data-theme-switch]")
    opened(page, address, "energy")
    assert page.inner_text("h1") == "能源"
    assert page.get_attribute("html", "data-theme") == "dark"


@pytest.mark.server
def test_names_from_the_register_are_text(page: Page, address: str) -> None:
    opened(page, address, "plant", "q=press-01")
    assert "冲床 <1>" in page.inner_text("table >> nth=1")
    assert page.locator('[data-live^="state/"]').count() == 1


@pytest.mark.server
def test_any_dates_may_be_asked_for(page: Page, address: str) -> None:
    opened(page, address, "plant")
    day = page.inner_text("[data-window]")[:10]
    before = str(date.fromisoformat(day) - timedelta(days=1))
    page.click(".dates summary")
    page.fill("[name=from]", before)
    page.fill("[name=to]", day)
    page.click(".dates button")
    page.wait_for_selector("[data-evidence]")
    assert page.inner_text("[data-window]").startswith(f"{before} 00:00 – {day} 00:00 Etc/GMT")
    oee = page.get_attribute('[data-evidence="kpis/rows/0/kpis/oee"]', "data-value")
    assert oee == json.dumps(api(address, f"kpis?from={before}&to={day}")["rows"][0]["kpis"]["oee"]["value"])
    page.goto(f"{address}/?from={day}&to={before}")
    page.wait_for_selector("[data-evidence]")
    assert before in page.inner_text("[role=alert]")


@pytest.mark.server
def test_keys_alone_reach_the_content(page: Page, address: str) -> None:
    opened(page, address, "plant")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#main') !== null")


@pytest.mark.server
def test_what_is_not_there_is_said_to_be_not_there(page: Page, address: str) -> None:
    page.goto(f"{address}/machine/drill-01")
    assert "register" in page.inner_text("[role=status]")
    page.goto(f"{address}/machine/nobody")
    assert "No machine" in page.inner_text("[role=status]")
    opened(page, address, "plant", "q=nobody")
    assert "Nothing is called so" in page.inner_text("#main")


@pytest.mark.server
def test_polls_are_those_of_the_api(page: Page, address: str) -> None:
    """The hour may turn while the page is made, so that either answer about it will do."""

    def sums() -> str:
        links = api(address, "sources")["sources"][0]["links"]
        return json.dumps([sum(hour[key] for hour in links) for key in ("good", "expected")])

    before = sums()
    opened(page, address, "health")
    told = page.get_attribute('[data-evidence="sources/0"]', "data-value")
    assert told in (before, sums()) and json.loads(told)[1] > 0


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(plant(tmp_path_factory.mktemp("many"), 130, time.time_ns(), HOUR)) as (found, _):
        yield found


@pytest.mark.server
def test_many_machines_stand_on_pages(page: Page, many: str) -> None:
    """131 rows of the register: 100 on the first page, 31 on the second; what is looked for may be on any."""
    lines = '[aria-label="Machines"] tbody tr'
    page.set_default_timeout(
        3 * PATIENCE
    )  # the first question to a large plant waits for facts that a nice process forms
    opened(page, many, "plant", "span=today")
    assert page.locator(lines).count() == 100
    page.click("text=Next page")
    page.wait_for_selector("text=2 / 2")
    assert page.locator(lines).count() == 31 and "span=today" in page.url
    page.fill("[type=search]", "press-113")
    page.click(".find button")
    page.wait_for_selector(f"{lines}:only-child")
    assert "press-113" in page.inner_text(lines)
    opened(page, many, "energy", "span=today&page=2")
    assert page.locator('[aria-label="By machine"] tbody tr').count() == 30
