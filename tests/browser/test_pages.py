"""Each page opens, says what it is, and lets no error through."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect


def test_the_first_run_says_how_to_begin(page: Page) -> None:
    page.goto("/projects/new")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_project_that_is_not_there(page: Page) -> None:
    page.goto("/projects/00000000-0000-4000-8000-000000000000")
    expect(page.get_by_text("There is no page at this address")).to_be_visible()


def test_a_project_opens(page: Page, project: dict[str, Any]) -> None:
    page.goto(f"/projects/{project['id']}")
    expect(page.get_by_role("tab", name="Versions")).to_be_visible()
