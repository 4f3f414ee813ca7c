"""Every page and what opens on it, looked over by axe. Runs, uploads and signing in: beside their tests."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessible import faults
from tests.browser.pictures import ready
from tests.serving import Server

TABS = ("Photos", "Versions", "Files", "Quality", "Views", "Depth", "Enhanced")


class Looking:
    """Names what was looked at; at the end all that was found has to be nothing."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: dict[str, list[str]] = {}

    def at(self, name: str) -> None:
        """The page as it is, once nothing on it is still being fetched."""
        expect(self.page.locator(".animate-pulse, .animate-spin")).to_have_count(0)
        if told := faults(self.page):
            self.found[name] = told


@pytest.fixture
def looking(page: Page) -> Looking:
    return Looking(page)


def test_pages_without_a_project(page: Page, looking: Looking, photos: list[Path]) -> None:
    page.route("**/api/v1/projects?*", lambda route: route.fulfill(json={"items": [], "next": None}))
    page.goto("/")
    expect(page.get_by_role("heading", name="Make a 3D model from photos")).to_be_visible()
    looking.at("first run")
    page.goto("/projects/new")
    page.get_by_label("Files", exact=True).set_input_files(photos[:2])
    expect(page.get_by_role("button", name="Send 2 files")).to_be_visible()
    page.get_by_text("Options", exact=True).click()
    looking.at("new project")
    page.goto("/sign-in")
    expect(page.get_by_role("link", name="To your projects")).to_be_visible()
    looking.at("sign-in that is not needed")
    page.goto("/projects/00000000-0000-4000-8000-000000000000")
    expect(page.get_by_role("heading", name="There is no page at this address")).to_be_visible()
    looking.at("no such page")
    assert looking.found == {}


def test_the_projects(page: Page, looking: Looking, project: dict[str, Any]) -> None:
    page.goto("/")
    card = page.get_by_role("article").filter(has=page.locator(f"a[href='/projects/{project['id']}']"))
    card.get_by_role("button", name=re.compile("^More about")).click()
    expect(page.get_by_role("menuitem", name="Rename")).to_be_visible()
    looking.at("a card's menu")
    page.keyboard.press("Escape")
    page.get_by_role("searchbox").fill("no project has this name")
    expect(page.get_by_role("heading", name="No project fits")).to_be_visible()
    looking.at("nothing found")
    page.route("**/api/v1/projects?*", lambda route: route.fulfill(status=500, body="down"))
    page.reload()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    looking.at("projects that cannot be read")
    assert looking.found == {}


def test_all_parts_of_a_project(page: Page, looking: Looking, project: dict[str, Any]) -> None:
    page.goto(f"/projects/{project['id']}")
    ready(page)
    for name in TABS:
        page.get_by_role("tab", name=re.compile(f"^{name}")).click()
        expect(page.get_by_role("tabpanel").locator(":scope > *")).not_to_have_count(0)
        looking.at(name)
    page.get_by_role("tabpanel").get_by_role("list").get_by_role("button").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    looking.at("a picture, large")
    page.keyboard.press("Escape")
    step = page.get_by_role("region", name="Steps").get_by_role("button", name=re.compile("^Refine"))
    step.click()
    page.get_by_role("button", name="Log", exact=True).click()
    expect(page.get_by_label("The run's log")).to_be_visible()
    looking.at("a step and its log")
    assert looking.found == {}


def test_all_dialogs_of_a_project(page: Page, looking: Looking, project: dict[str, Any]) -> None:
    page.goto(f"/projects/{project['id']}")
    ready(page)
    for button, title in (
        ("Refine", "Refine the model"),
        ("Make anew", "Make the model anew"),
        ("Export", "Make a file to take away"),
        ("Share", "Share the model"),
        ("Rename", "Rename the project"),
        ("Delete", re.compile("^Delete ")),
        ("How to move", "How to move"),
    ):
        page.get_by_role("button", name=button, exact=button != "How to move").first.click()
        dialog = page.get_by_role("dialog", name=title)
        expect(dialog).to_be_visible()
        looking.at(f"dialog {button}")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    assert looking.found == {}


def test_what_a_stranger_sees(new_page: Callable[..., Page], server: Server, project: dict[str, Any]) -> None:
    with server.client() as client:
        shared = f"/projects/{project['id']}/shares"
        share = client.post(shared, json={"title": "A village", "allow_download": True}).raise_for_status().json()
        page = new_page()
        looking = Looking(page)
        page.goto(f"/v/{share['share_key']}")
        ready(page)
        looking.at("a shared model")
        page.goto(f"/v/{share['share_key']}?noui")
        ready(page)
        looking.at("a shared model in somebody's page")
        client.delete(f"{shared}/{share['id']}").raise_for_status()
    page.reload()
    expect(page.get_by_role("heading", name="This link was taken back")).to_be_visible()
    looking.at("a link that was taken back")
    assert looking.found == {}
