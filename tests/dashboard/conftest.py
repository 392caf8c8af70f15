"""One served plant and one browser for all."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.dashboard.look import PATIENCE
from tests.dashboard.plants import HOUR, plant, served
from tests.servers.provide import ensure

SILENT = 600 * 10**9  # longer than a row stands for


@pytest.fixture(scope="package")
def wall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant(tmp_path_factory.mktemp("wall"), 3, time.time_ns() - SILENT, 74 * HOUR)


@pytest.fixture(scope="package")
def address(wall: Path) -> Iterator[str]:
    with served(wall) as (found, _):
        yield found


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as library:
        found = library.chromium.launch(executable_path=str(ensure("chromium")), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()
