"""What a page misses while its line is down, or its server dead, it reads as soon as it can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.line import Line, expect_line
from tests.browser.projects import with_photos
from tests.journey.test_lifecycle import children_of, wait_for
from tests.serving import Server, send_photos, start


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def rename(client: httpx.Client, project_id: str, name: str) -> None:
    client.patch(f"/projects/{project_id}", json={"name": name}).raise_for_status()


def last_event(client: httpx.Client, project_id: str) -> int:
    seq: int = client.get(f"/status/{project_id}").json()["event_seq"]
    return seq


def expect_name(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_what_a_broken_line_missed_is_read_by_its_number(page: Page, client: httpx.Client, photos: list[Path]) -> None:
    project_id = with_photos(client, photos[:3])
    line = Line(page)
    page.goto(f"/projects/{project_id}")
    expect_line(page, "Live")
    rename(client, project_id, "Before")
    expect_name(page, "Before")

    known = last_event(client, project_id)
    line.cut()
    expect_line(page, "Reconnecting")
    rename(client, project_id, "Meanwhile")
    send_photos(client, photos[3:5], project_id=project_id).raise_for_status()
    assert last_event(client, project_id) > known + 1
    expect_name(page, "Before")
    line.read_from.clear()
    line.mend()
    expect_line(page, "Live")
    expect_name(page, "Meanwhile")
    expect(page.get_by_role("tab", name="Photos 5")).to_be_visible()
    assert line.read_from[0] == known

    # One message lost on a line that works: the next one's number gives it away.
    known = last_event(client, project_id)
    line.read_from.clear()
    line.lose(known + 1)
    rename(client, project_id, "Lost")
    rename(client, project_id, "Found")
    expect_name(page, "Found")
    wait_for_reading(page, line, known)


def wait_for_reading(page: Page, line: Line, after: int) -> None:
    """Until the page has asked for what came after this event."""
    if after not in line.read_from:
        page.wait_for_event("request", lambda request: f"/events?after={after}" in request.url)


def test_a_server_that_was_killed_is_found_again(page: Page, homes: Callable[[], Path], photos: list[Path]) -> None:
    server = start(homes())
    try:
        with server.client() as client:
            project_id = with_photos(client, photos[:3])
        page.goto(f"{server.url}/projects/{project_id}")
        expect_line(page, "Live")
        server.process.kill()
        server.process.wait()
        expect_line(page, "Reconnecting")
        wait_for(lambda: children_of(server, "api") == [] and children_of(server, "worker") == [], 20)
        server = start(server.home, port=server.port)
        with server.client() as client:
            rename(client, project_id, "Found again")
            expect_line(page, "Live")
            expect_name(page, "Found again")
            rename(client, project_id, "And live")
            expect_name(page, "And live")
    finally:
        if server.process.poll() is None:
            server.stop()
