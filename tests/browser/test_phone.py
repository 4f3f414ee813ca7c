"""The page in the hand: nothing wider than the screen, the poster first, everything within reach of a finger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pictures import drawn, empty
from tests.serving import Server

WIDTH_PX = 390
PHONE = {
    "viewport": {"width": WIDTH_PX, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
A_FINGER_PX = 24
"""The least size of what is tapped (WCAG 2.2, 2.5.8)."""


@pytest.fixture(scope="module")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, **PHONE}


@pytest.fixture
def link(server: Server, project: dict[str, Any]) -> Iterator[str]:
    """The path of a link to the project."""
    with server.client() as client:
        made = client.post(f"/projects/{project['id']}/shares").raise_for_status().json()
        yield f"/v/{made['share_key']}"
        client.delete(f"/projects/{project['id']}/shares/{made['id']}").raise_for_status()


def fits(page: Page) -> None:
    """Nothing has to be moved sideways to be read. What is wide has a strip of its own to scroll."""
    beyond = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    assert beyond <= 0, f"{page.url} is {beyond} px too wide"


def within_reach(button: Locator) -> None:
    """On the screen, as large as a finger needs, and nothing lies over it."""
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= WIDTH_PX
    assert min(box["width"], box["height"]) >= A_FINGER_PX
    button.tap(trial=True)


def test_a_project_in_the_hand(page: Page, project: dict[str, Any]) -> None:
    page.goto("/")
    expect(page.get_by_role("article").first).to_be_visible()
    fits(page)
    within_reach(page.get_by_role("link", name="New project"))

    page.goto(f"/projects/{project['id']}")
    viewer = page.locator("[data-viewer-state]")
    expect(viewer).to_have_attribute("data-viewer-state", "waiting")
    poster = viewer.locator("img")
    expect(poster).to_be_visible()
    poster.evaluate("picture => picture.decode()")
    expect(viewer.locator("canvas")).to_have_count(0)
    for action in ("Refine", "Make anew", "Export", "Share"):
        within_reach(page.get_by_role("button", name=action, exact=True))
    for tab in ("Photos", "Versions", "Files", "Quality", "Views", "Depth", "Enhanced"):
        page.get_by_role("tab", name=tab).tap()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("tabpanel").get_by_role("status")).to_have_count(0)
        fits(page)
    for action, title in (("Refine", "Refine the model"), ("Export", "Make a file to take away")):
        page.get_by_role("button", name=action, exact=True).tap()
        form = page.get_by_role("dialog", name=title)
        within_reach(form.get_by_role("button").last)
        fits(page)
        form.get_by_role("button", name="Not now").tap()

    page.get_by_role("button", name="View in 3D").tap()
    assert not empty(drawn(page))
    fits(page)


def test_new_photos_from_the_hand(page: Page, photos: list[Path]) -> None:
    page.goto("/projects/new")
    within_reach(page.get_by_role("button", name="Choose files"))
    fits(page)
    page.get_by_label("Files", exact=True).set_input_files(photos[:4])
    within_reach(page.get_by_role("button", name="Send 4 files"))
    fits(page)


def test_a_link_in_the_hand(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_role("button", name="View in 3D").tap()
    assert not empty(drawn(page))
    fits(page)
