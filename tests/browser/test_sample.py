"""Somebody without photos sees by one click what comes out."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pictures import ready
from tests.serving import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own: the first run is seen where there is no project yet."""
    with serving(tmp_path_factory.mktemp("first_run") / "home", "--workers", "0") as server:
        yield server


def test_the_sample_opens_by_one_click_and_can_be_gone_on_with(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="Make a 3D model from photos")).to_be_visible()
    poster = page.get_by_role("img", name="the sample's model")
    expect(poster).to_be_visible()
    assert poster.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 400
    clicked = time.monotonic()
    page.get_by_role("button", name="Open the sample").click()
    page.wait_for_url("**/projects/*-*")
    expect(page.get_by_role("tab", name="Versions")).to_be_visible()
    opened = time.monotonic() - clicked
    ready(page)
    # Told, not judged: how long it takes depends on who else is at work.
    print(f"project page after {opened:.1f} s, viewer ready after {time.monotonic() - clicked:.1f} s")
    address = page.url
    page.get_by_role("button", name="Refine", exact=True).click()
    form = page.get_by_role("dialog", name="Refine the model")
    expect(form.get_by_role("button", name="Refine", exact=True)).to_be_enabled()
    page.keyboard.press("Escape")
    # From then on it is one project among others, and asking for it again opens it.
    page.goto("/")
    expect(page.get_by_role("article")).to_have_count(1)
    page.get_by_role("button", name="Open the sample").click()
    page.wait_for_url(address)
