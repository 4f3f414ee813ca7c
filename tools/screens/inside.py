"""The page of one project, in all its states."""

from __future__ import annotations

import re

from answers import at_work, broken, changed, instead, never
from playwright.sync_api import Page, expect
from screen import Screen

DIALOGS = {
    "refine": "Refine",
    "generate": "Make anew",
    "export": "Export",
    "share": "Share",
    "rename": "Rename",
    "delete": "Delete",
}


def steps(screen: Screen) -> None:
    """The project while its first model is made, or could not be."""
    page = screen.page
    for state in ("queued", "running", "failed", "cancelled"):
        status, runs = at_work(screen.runs(), state)
        with (
            screen.answering("status/*", changed(status)),
            screen.answering("projects/*/runs*", changed(runs)),
            screen.answering("projects/*/models*", changed(lambda body: body.update(items=[], next=None))),
        ):
            screen.open(screen.project_path())
            page.get_by_role("button", name="Log", exact=True).first.wait_for()
            page.wait_for_load_state("networkidle")
            if state == "running":
                page.get_by_role("button", name="Log", exact=True).first.click()
            screen.shot(f"project-{state}")


def project(screen: Screen) -> None:
    """A finished project: its parts, its dialogs, what went wrong with it."""
    page = screen.page
    with screen.answering("status/*", never):
        screen.open(screen.project_path())
        page.wait_for_timeout(1000)
        screen.shot("project-loading")
    with screen.answering("status/*", broken()):
        screen.open(screen.project_path())
        page.get_by_text("internal_error").wait_for()
        screen.shot("project-failing")
    for tab in ("photos", "versions", "files", "quality", "views", "depth", "enhanced"):
        screen.open(screen.project_path(tab=tab))
        page.get_by_role("tabpanel").wait_for()
        page.wait_for_timeout(2500)
        screen.shot(f"project-{tab}")
        with screen.answering("projects/*/*", broken()):
            screen.open(screen.project_path(tab=tab))
            page.get_by_role("tabpanel").get_by_text("internal_error").wait_for()
            screen.shot(f"project-{tab}-failed")
    screen.open(screen.project_path(tab="quality"))
    page.get_by_text("table", exact=True).click()
    screen.shot("project-quality-table")
    screen.open(screen.project_path(tab="photos"))
    page.get_by_role("list", name="Photos").get_by_role("button").first.click()
    page.get_by_role("dialog").wait_for()
    screen.shot("project-lightbox", whole=False)
    page.keyboard.press("Escape")
    page.locator("ol button[aria-expanded=false]").first.click()
    page.wait_for_timeout(1500)
    screen.shot("project-run-open")
    screen.tab_through("project")


def dialogs(screen: Screen) -> None:
    page = screen.page
    for name, button in DIALOGS.items():
        screen.open(screen.project_path(tab="photos"))
        page.get_by_role("button", name=button, exact=True).first.click()
        page.get_by_role("dialog").wait_for()
        page.wait_for_timeout(2500)
        screen.shot(f"dialog-{name}", whole=False)
    status, runs = at_work(screen.runs(), "running")
    lost = {
        "would_lose": "The 860 training steps that were done.",
        "keeps": "Where the cameras stood, for the next try.",
        "cancelled": False,
    }
    with (
        screen.answering("status/*", changed(status)),
        screen.answering("projects/*/runs*", changed(runs)),
        screen.answering("runs/*/cancel", instead(lost)),
    ):
        screen.open(screen.project_path(tab="photos"))
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_text("860").last.wait_for()
        screen.shot("dialog-cancel", whole=False)


def entered(page: Page, state: str = "ready") -> None:
    """The viewer once it has come to a state; where it asks first, it is told to load."""
    frame = page.locator(".mqv")
    expect(frame).to_have_attribute("data-viewer-state", re.compile(f"waiting|{state}"), timeout=180_000)
    if frame.get_attribute("data-viewer-state") == "waiting":
        page.get_by_role("button", name="View in 3D").click()
    expect(frame).to_have_attribute("data-viewer-state", state, timeout=180_000)
    page.wait_for_timeout(3000)


def viewer(screen: Screen) -> None:
    page = screen.page
    screen.open(screen.project_path())
    page.locator(".mqv").wait_for()
    page.wait_for_timeout(2000)
    screen.shot("viewer-first", whole=False)
    entered(page)
    screen.shot("viewer-ready", whole=False)
    page.get_by_role("button", name="How to move").click()
    screen.shot("viewer-help", whole=False)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Up and start").click()
    screen.shot("viewer-menu", whole=False)
    page.keyboard.press("Escape")
    layers = page.get_by_role("toolbar", name="Layers").get_by_role("button")
    for index in range(layers.count()):
        layers.nth(index).click()
        page.wait_for_timeout(2500)
    screen.shot("viewer-layers", whole=False)
    with screen.answering(
        "projects/*/models*", changed(lambda body: [one.update(model_url="/nothing.ply") for one in body["items"]])
    ):
        screen.open(screen.project_path())
        entered(page, "error")
        screen.shot("viewer-error", whole=False)
    if len(screen.project["versions"]) > 1:
        a, b = screen.project["versions"][-1], screen.project["versions"][0]
        screen.open(screen.project_path(tab="versions", version=str(a), beside=str(b)))
        entered(page)
        page.wait_for_timeout(3000)
        screen.shot("viewer-compare")
