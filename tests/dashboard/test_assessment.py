"""The forms on the page: each of them, with answers, with a baseline, and as a workbook."""

import json
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page

from config.template_file import TEMPLATES
from tests.dashboard.look import api, opened, posted


@pytest.mark.server
def test_a_form_is_assessed_with_answers_and_downloaded(page: Page, address: str) -> None:
    opened(page, address, "assessment", "template=sme-2024")
    assert page.locator(".o-measured").count() > 0
    page.fill("textarea", "template: sme-2024\nanswers: {5: 4}\n")
    page.click("[data-do=assess]")
    page.wait_for_selector(".o-declared")
    page.fill("textarea", "template: sme-2024\nanswers: {5: 44}\n")
    page.click("[data-do=assess]")
    assert "44" in page.inner_text("[role=alert]")
    page.click("[data-put]")
    page.click("[data-do=assess]")
    page.wait_for_selector(".o-missing")
    page.fill("textarea", "")
    with page.expect_download() as download:
        page.click("[data-do=xlsx]")
    assert download.value.suggested_filename == "sme-2024.xlsx"
    assert download.value.path().read_bytes()[:2] == b"PK"


@pytest.mark.server
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_form_is_there(page: Page, address: str, template: str) -> None:
    """Its title is marked as chosen, and each of its items or scenes has a line."""
    told = api(address, f"templates/{template}")
    page.goto(f"{address}/assessment?template={template}&lang=zh")
    page.wait_for_selector("[data-evidence]")
    assert page.locator("[role=alert]").count() == 0
    assert page.inner_text(".card nav [aria-current]") == told["title"]
    lines = page.locator("[data-evidence^='form/items/'], [data-evidence^='form/scenes/']").count()
    assert lines == len(told.get("items", ())) + len(told.get("scenes", ()))


@pytest.mark.server
def test_effects_are_compared_with_a_baseline(page: Page, address: str) -> None:
    """The same form as the API's for the same two windows, and without a baseline none of these items is measured."""
    opened(page, address, "assessment", "template=factory-kpi-2025&span=day")
    day = page.inner_text("[data-window]")[:10]
    before, after = (str(date.fromisoformat(day) + timedelta(days=days)) for days in (-1, 1))
    row = page.locator("tr", has_text="11. Overall equipment effectiveness")
    assert "no baseline" in row.inner_text() and "missing" in row.inner_text()
    page.fill("[data-field=baseline_from]", before)
    page.click("[data-do=assess]")
    page.wait_for_selector("[role=alert]")
    page.fill("[data-field=baseline_to]", day)
    page.click("[data-do=assess]")
    page.wait_for_selector("tr:has-text('11. Overall') .o-measured")
    asked = {"from": day, "to": after, "baseline": {"from": before, "to": day}}
    told = posted(address, "assessments/factory-kpi-2025", asked)
    assert told["items"][10]["origin"] == "measured"
    assert row.locator("[data-evidence]").get_attribute("data-value") == json.dumps(told["items"][10]["value"])
