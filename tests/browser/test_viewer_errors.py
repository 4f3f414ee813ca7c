"""The viewer says what is wrong and what to do about it, and comes back once it is mended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from .pictures import ready

MODELS = "**/3d-models/**"
"""Where the model's file comes from, and nothing else that the page shows before one asks for it."""


def model_files(page: Page, answer: Callable[[Route], None]) -> None:
    """Answer for the model's file; pictures of it come as they are."""
    page.route(MODELS, lambda route: answer(route) if ".ply" in route.request.url else route.continue_())


def failure(page: Page, code: str) -> str:
    """The words of the viewer's failure, once it shows this one."""
    expect(page.locator("[data-viewer-state]")).to_have_attribute("data-viewer-state", "error")
    alert = page.locator("[data-viewer-state]").get_by_role("alert")
    expect(alert.locator("code")).to_have_text(code)
    expect(page.locator("[data-viewer-state] canvas")).to_have_count(0)
    return alert.inner_text()


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (lambda route: route.fulfill(status=404, body="{}"), "file_missing", "is not there"),
        (lambda route: route.fulfill(status=400, body="{}"), "link_refused", "not accepted any more"),
        (lambda route: route.abort(), "network", "did not arrive"),
        (
            lambda route: route.fulfill(body=b"<!doctype html>", content_type="text/html"),
            "unreadable_file",
            "a web page",
        ),
        (lambda route: route.fulfill(body=b"\x00garbage" * 200), "unreadable_file", "cannot be read"),
    ],
    ids=["missing", "refused", "cut off", "a page", "garbage"],
)
def test_a_file_that_does_not_come(
    page: Page, project: dict[str, Any], answer: Callable[[Route], None], code: str, words: str
) -> None:
    model_files(page, answer)
    page.goto(f"/projects/{project['id']}")
    assert words in failure(page, code)


def test_trying_again_brings_the_model(page: Page, project: dict[str, Any]) -> None:
    model_files(page, lambda route: route.fulfill(status=404, body="{}"))
    page.goto(f"/projects/{project['id']}")
    failure(page, "file_missing")
    page.unroute(MODELS)
    page.get_by_role("button", name="Try again").click()
    ready(page)


def test_a_file_that_ends_too_soon(page: Page, project: dict[str, Any]) -> None:
    def cut(route: Route) -> None:
        whole = route.fetch()
        route.fulfill(status=200, body=whole.body()[: len(whole.body()) // 2])

    model_files(page, cut)
    page.goto(f"/projects/{project['id']}")
    assert "cannot be read" in failure(page, "unreadable_file")


def test_a_browser_without_webgl(page: Page, project: dict[str, Any]) -> None:
    page.add_init_script(
        """const { getContext } = HTMLCanvasElement.prototype;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
          return kind.startsWith("webgl") ? null : getContext.call(this, kind, ...rest);
        };"""
    )
    page.goto(f"/projects/{project['id']}")
    assert "hardware acceleration" in failure(page, "no_webgl2")


def test_a_graphics_card_that_goes_away(page: Page, project: dict[str, Any]) -> None:
    page.goto(f"/projects/{project['id']}")
    ready(page)
    page.locator(".mqv-canvas canvas").evaluate(
        "canvas => canvas.getContext('webgl2').getExtension('WEBGL_lose_context').loseContext()"
    )
    assert "took the 3D view away" in failure(page, "context_lost")
    page.get_by_role("button", name="Try again").click()
    ready(page)
