"""A real Chromium. Without one, or without Playwright, these tests are skipped with a word; in CI they fail."""

from __future__ import annotations

import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",  # containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
PATIENCE = 15_000  # milliseconds for a page to do what it should


@pytest.fixture
def anyio_backend():
    """Playwright speaks asyncio only."""
    return "asyncio"


@pytest.fixture
def api():
    """Playwright, which needs no browser of its own."""
    return pytest.importorskip("playwright.async_api", reason="there is no Playwright: pip install playwright")


@pytest.fixture
def chromium():
    """The system's Chromium."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    return found


@pytest.fixture
async def page(api, chromium):
    """An empty page in a browser without a past."""
    async with api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = await browser.new_page()
        page.set_default_timeout(PATIENCE)
        api.expect.set_options(timeout=PATIENCE)
        yield page
        await browser.close()
