"""The page in Debian's Chromium, driven by pytest-playwright, before a whole `maquette serve`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from maquette.api.web import BUILT
from tests.serving import Server

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

# Software rendering of WebGL, and no call to anybody else.
FLAGS = [
    *("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),
    *("--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
]
PATIENCE_MS = 60_000
"""For whatever has to come sooner or later: these machines are slow and shared."""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser. Where there is none the tests are skipped."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium found: these tests look at the page in one (Debian: apt install chromium)")
    assert (BUILT / "index.html").is_file(), "the page is not built: make frontend"
    return found


# pytest-playwright keeps its browser, and with it a running event loop, until the session ends. Tests of other folders
# have loops of their own, so here all that is kept lasts as long as one file's tests.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--headless=new", *FLAGS])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def browser_context_args(server: Server) -> dict[str, Any]:
    """What every context begins with; a test adds its own by ``@pytest.mark.browser_context_args(...)``."""
    return {"base_url": server.url, "viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}


@pytest.fixture(autouse=True)
def patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def new_page(
    new_context: Callable[..., BrowserContext], request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    """Makes pages in contexts of their own. Errors that a page's scripts let through fail the test at its end.

    With ``MAQUETTE_TEST_SHOTS`` set, each page's last picture is kept in that folder.
    """
    thrown: list[str] = []
    pages: list[Page] = []

    def make(**context: Any) -> Page:
        page = new_context(**context).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: thrown.append(str(error)))
        pages.append(page)
        return page

    yield make
    if folder := os.environ.get("MAQUETTE_TEST_SHOTS"):
        for index, page in enumerate(pages):
            if not page.is_closed():
                page.screenshot(path=Path(folder) / f"{request.node.name}-{index}.png")
    assert thrown == []


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page at desktop size."""
    return new_page()
