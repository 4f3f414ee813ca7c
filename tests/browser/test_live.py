"""A run as the page shows it: at work without anything being asked, cancelled, failed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessible import faults
from tests.browser.line import expect_line
from tests.browser.projects import with_photos
from tests.journey.test_lifecycle import wait_for
from tests.serving import SMALL, Server, everything

ENDLESS = {**SMALL, "iterations": 20_000}
PROGRESS = "Progress of Model from photos"


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@contextmanager
def at_work(client: httpx.Client, project_id: str) -> Iterator[str]:
    """A run that does not end by itself as long as the block lasts; gives its id."""
    run_id: str = client.post(f"/generate/{project_id}", json=ENDLESS).raise_for_status().json()["run_id"]
    try:
        wait_for(lambda: client.get(f"/runs/{run_id}").json()["status"] == "running", 60)
        yield run_id
    finally:
        cancel_all(client, project_id)


def cancel_all(client: httpx.Client, project_id: str) -> None:
    """No run outlives its test, for others wait in line behind it."""
    for run in everything(client, f"/projects/{project_id}/runs"):
        if run["status"] in ("queued", "running"):
            client.post(f"/runs/{run['id']}/cancel", json={"confirm": True})
    wait_for(lambda: client.get(f"/status/{project_id}").json()["current_run"] is None, 60)


def percent(bar: Locator) -> int:
    return int(bar.get_attribute("aria-valuenow") or 0)


def expect_more(bar: Locator, than: int) -> None:
    bar.page.wait_for_function(
        "([bar, than]) => Number(bar.getAttribute('aria-valuenow')) > than", arg=[bar.element_handle(), than]
    )


def test_progress_moves_while_nothing_can_be_asked(page: Page, client: httpx.Client, photos: list[Path]) -> None:
    project_id = with_photos(client, photos[:6])
    with at_work(client, project_id) as run_id:
        wait_for(lambda: client.get(f"/runs/{run_id}").json()["stage"] == "training", 300)
        page.goto(f"/projects/{project_id}")
        bar = page.get_by_role("progressbar", name=PROGRESS)
        expect(page.get_by_text("Train the model, at work")).to_be_visible()
        before = percent(bar)
        page.reload()
        expect(page.get_by_text("Train the model, at work")).to_be_visible()
        assert percent(bar) >= before >= 30
        assert faults(page) == []
        expect_line(page, "Live")

        page.route("**/api/v1/**", lambda route: route.abort())
        for _ in range(3):
            expect_more(bar, percent(bar))
        expect_line(page, "Live")


def test_cancelling_takes_two_steps_and_says_what_goes(page: Page, client: httpx.Client, photos: list[Path]) -> None:
    project_id = with_photos(client, photos[:6])
    with at_work(client, project_id) as run_id:
        page.goto(f"/projects/{project_id}")
        page.get_by_role("button", name="Cancel").click()
        dialog = page.get_by_role("dialog", name="Cancel this run?")
        expect(dialog.get_by_text(re.compile(r"^Lost: The generate is \d+ % done after"))).to_be_visible()
        expect(dialog.get_by_text(re.compile("^Kept: "))).to_be_visible()
        assert faults(page) == []
        dialog.get_by_role("button", name="Let it go on").click()
        expect(dialog).to_have_count(0)
        run = client.get(f"/runs/{run_id}").json()
        assert run["status"] == "running" and run["cancel_requested_at"] is None

        page.get_by_role("button", name="Cancel").click()
        dialog.get_by_role("button", name="Cancel the run").click()
        expect(dialog).to_have_count(0)
        steps = page.get_by_role("region", name="Steps")
        expect(steps.get_by_text("Cancelled", exact=True)).to_be_visible()
        assert client.get(f"/runs/{run_id}").json()["status"] == "cancelled"
        steps.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("progressbar", name=PROGRESS)).to_be_visible()


def test_a_failed_run_says_why_and_what_to_do(page: Page, client: httpx.Client, tmp_path: Path) -> None:
    project_id = with_photos(client, photos_of_nothing(tmp_path))
    failed = client.post(f"/generate/{project_id}", params={"wait": 120}, json=SMALL).json()["error"]
    page.goto(f"/projects/{project_id}")
    steps = page.get_by_role("region", name="Steps")
    for said in ("Failed", failed["message"], f"What to do: {failed['suggestion']}", failed["code"]):
        expect(steps.get_by_text(said, exact=True)).to_be_visible()
    assert faults(page) == []
    steps.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("progressbar", name=PROGRESS)).to_be_visible()
    runs = [run for run in everything(client, f"/projects/{project_id}/runs") if run["step"] == "generate"]
    assert [run["parameters"]["iterations"] for run in runs] == [SMALL["iterations"]] * 2
    cancel_all(client, project_id)


def photos_of_nothing(folder: Path) -> list[Path]:
    """Four pictures that show nothing in common."""
    rng = np.random.default_rng(7)
    paths = [folder / f"noise{number}.jpg" for number in range(4)]
    for path in paths:
        noise = rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC).save(path, quality=95)
    return paths
