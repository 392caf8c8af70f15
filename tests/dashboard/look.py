"""How a test looks at a page, and asks the API for the same."""

import json
import re
import urllib.request
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

PATHS = {
    "plant": ("/", "[data-evidence]"),
    "machine": ("/machine/press-02", "[data-evidence]"),
    "energy": ("/energy", "[data-evidence]"),
    "assessment": ("/assessment", "[data-evidence]"),
    "health": ("/health", "table"),
}
GROUP = ("/group", "[data-evidence]")
READ = "all => all.map(e => [e.dataset.evidence, e.textContent, e.dataset.value])"
PATIENCE = 60_000  # [ms]: a loaded machine is slow, not wrong


def opened(page: Page, address: str, name: str, query: str = "") -> None:
    path, ready = {**PATHS, "group": GROUP}[name]
    page.goto(f"{address}{path}?{query}")
    page.wait_for_selector(ready)


def evidence_is_chinese(page: Page, name: str) -> None:
    """Of what is opened at this path."""
    page.locator(f'[data-evidence="{name}"]').first.click()
    page.wait_for_selector("dialog[open] td")
    heads = page.eval_on_selector_all("dialog tbody th", "all => all.map(e => e.textContent)")
    assert [(name, head) for head in heads if not re.search(r"[\u4e00-\u9fff]", head)] == []
    page.click("[data-close]")


def posted(address: str, path: str, body: Any) -> Any:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/api/v1/{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def api(address: str, path: str) -> Any:
    with urllib.request.urlopen(f"{address}/api/v1/{path}") as answer:
        return json.load(answer)


def faults(page: Page) -> list[tuple[str, str]]:
    """What axe-core finds, of any impact."""
    return [(v["id"], v["nodes"][0]["html"]) for v in Axe().run(page).response["violations"]]


def at(document: Any, path: str) -> Any:
    for part in path.split("/")[1:]:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document
