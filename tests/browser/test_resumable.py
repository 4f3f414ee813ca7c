"""A large video on its way to storage: the line breaks, the page is loaded again, and no chunk goes twice."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Response, Route, expect

from tests.recon.video.movies import walk, write_video
from tests.serving import Server, everything

MIB = 1 << 20
CHUNKS = "**/storage/v1/upload/resumable/sign/*"


def large_video(path: Path, size: int) -> Path:
    """A short walk, and behind it a box that players pass over."""
    write_video(path, walk(40, 4.0))
    rest = size - path.stat().st_size
    with path.open("ab") as file:
        file.write(rest.to_bytes(4, "big") + b"free" + os.urandom(rest - 8))
    return path


class Chunks:
    """What of the file went to storage; one chunk at a time can be held up."""

    def __init__(self, page: Page) -> None:
        self.arrived: list[int] = []
        self.created = 0
        self.held: Route | None = None
        self.addresses: list[str] = []
        self._page, self._hold_at = page, -1
        page.on("request", lambda request: self.addresses.append(request.url))
        page.on("response", self._note)
        page.route(CHUNKS, self._pass)

    def hold(self, offset: int) -> None:
        """The chunk that begins there."""
        self._hold_at = offset

    def wait_held(self) -> Route:
        while self.held is None:
            # Our own handler is what is waited for, and it is called in between.
            self._page.wait_for_timeout(20)
        held, self.held = self.held, None
        return held

    def _pass(self, route: Route) -> None:
        request = route.request
        if request.method == "PATCH" and int(request.headers["upload-offset"]) == self._hold_at:
            self.held, self._hold_at = route, -1
        else:
            route.continue_()

    def _note(self, response: Response) -> None:
        if "/upload/resumable/" in response.url and response.request.method == "PATCH" and response.status == 204:
            self.arrived.append(int(response.request.headers["upload-offset"]))
        self.created += response.url.endswith("/sign") and response.request.method == "POST"


def test_a_large_video_goes_on_where_it_was_cut_off(page: Page, server: Server, tmp_path: Path) -> None:
    video = large_video(tmp_path / "walk.mp4", 30 * MIB)
    chunks = Chunks(page)
    page.goto("/projects/new")
    page.get_by_label("Files", exact=True).set_input_files(video)
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("Frames to take out of the video").fill("4")
    chunks.hold(12 * MIB)
    page.get_by_role("button", name="Send 1 file").click()
    upload = page.get_by_role("region", name="Upload")
    held = chunks.wait_held()

    # The line is gone, and comes back.
    page.context.set_offline(True)
    held.abort("internetdisconnected")
    expect(upload.get_by_text(re.compile("It is tried again by itself"))).to_be_visible()
    expect(upload.get_by_text(re.compile(r"^13 MB of 31 MB"))).to_be_visible()
    chunks.hold(18 * MIB)
    page.context.set_offline(False)
    held = chunks.wait_held()

    page.wait_for_url("**/projects/*/upload")
    project_id = page.url.split("/")[-2]
    kept = json.dumps(page.evaluate("Object.entries(localStorage)"))
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(upload.get_by_text("1 file taken in", exact=True)).to_be_visible()
    expect(page.get_by_role("list", name="Files").get_by_role("listitem")).to_contain_text("4 photos")

    assert chunks.arrived == [0, 6 * MIB, 12 * MIB, 18 * MIB, 24 * MIB]
    assert chunks.created == 1
    with server.client() as client:
        images: list[dict[str, Any]] = everything(client, f"/projects/{project_id}/images")
        [run] = everything(client, f"/projects/{project_id}/runs")
    assert {image["details"]["video"] for image in images} == {"walk.mp4"} and len(images) == 4
    assert run["parameters"]["frames"] == 4, "the form's options came with it"
    # Whoever sees addresses, or this browser's storage afterwards, has no token.
    assert "/storage/v1/upload/resumable/sign/" in kept and "eyJ" not in kept
    assert not any("eyJ" in address for address in chunks.addresses if "/storage/v1/upload/" in address)
    assert "eyJ" not in server.log.read_text()
    assert "tus::" not in json.dumps(page.evaluate("Object.keys(localStorage)"))
