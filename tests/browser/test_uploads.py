"""Photos on their way in: many at once, some refused, over a line that breaks and through a reload."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Dialog, Page, Request, Route, expect

from tests.browser.accessible import faults
from tests.browser.conftest import PATIENCE_MS
from tests.serving import Server, everything

UPLOAD = "**/api/v1/upload"
A_REQUEST = 20
"""As many photos as the page sends in one."""


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def tiny_photos(folder: Path, number: int) -> list[Path]:
    """Small pictures, each of another colour, a kilobyte each: enough to be taken in, though with a warning."""
    paths = [folder / f"photo{index:03}.jpg" for index in range(number)]
    for index, path in enumerate(paths):
        Image.new("RGB", (96, 72), (index, 255 - index, index * 7 % 256)).save(path)
    return paths


def choose(page: Page, paths: list[Path]) -> None:
    page.goto("/projects/new")
    page.get_by_label("Files", exact=True).set_input_files(paths)
    expect(page.get_by_role("list", name="Files").get_by_role("listitem")).to_have_count(len(paths))


def send(page: Page) -> None:
    page.get_by_role("button", name=re.compile(r"^Send \d+ files?$")).click()


def project_of(page: Page) -> str:
    """The id in the address, once there is one."""
    page.wait_for_url("**/projects/*/upload")
    return page.url.split("/")[-2]


def names_in(client: httpx.Client, project_id: str) -> list[str]:
    answer = client.get(f"/projects/{project_id}/images", params={"limit": 200})
    return sorted(image["filename"] for image in answer.raise_for_status().json()["items"])


class Requests:
    """The page's uploads: counted, and held back where asked."""

    def __init__(self, page: Page) -> None:
        self.keys: list[str] = []
        self.held: list[Route] = []
        self._page = page
        self._holding = False
        page.on("request", self._note)

    def hold(self) -> None:
        """From now on none goes through until it is let go."""
        self._holding = True
        self._page.route(UPLOAD, self._hold)

    def wait_held(self, number: int) -> None:
        for _ in range(PATIENCE_MS // 50):
            if len(self.held) >= number:
                return
            # Playwright calls handlers only while it waits for something.
            self._page.wait_for_timeout(50)
        raise AssertionError(f"{len(self.held)} of {number} requests came")

    def let_go(self) -> None:
        self._holding = False
        for route in self.held:
            route.continue_()
        self.held.clear()

    def _hold(self, route: Route) -> None:
        if self._holding:
            self.held.append(route)
        else:
            route.continue_()

    def _note(self, request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/upload"):
            self.keys.append(request.headers["idempotency-key"])


def test_two_hundred_at_once(page: Page, client: httpx.Client, tmp_path: Path) -> None:
    paths = tiny_photos(tmp_path, 200)
    requests = Requests(page)
    choose(page, paths)
    expect(page.locator("img[src^='blob:']")).to_have_count(200)
    requests.hold()
    send(page)
    project_id = project_of(page)
    requests.wait_held(2)
    # Nothing has arrived, and the page is there for its visitor all the same.
    upload = page.get_by_role("region", name="Upload")
    expect(upload.get_by_text("0 of 200 files taken in")).to_be_visible()
    page.get_by_role("link", name="Maquette").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    page.get_by_role("link", name=re.compile("of the files are sent; back to the upload")).click()
    expect(upload.get_by_text("0 of 200 files taken in")).to_be_visible()
    requests.let_go()
    expect(upload.get_by_text("200 files taken in", exact=True)).to_be_visible(timeout=5 * PATIENCE_MS)
    expect(upload.get_by_role("progressbar", name="All files")).to_have_attribute("aria-valuenow", "100")
    expect(page.get_by_role("link", name="Go on to the model")).to_be_visible()
    assert names_in(client, project_id) == [path.name for path in paths]
    assert len(requests.keys) == len(set(requests.keys)) == 200 / A_REQUEST


def test_only_what_failed_is_sent_again(page: Page, client: httpx.Client, tmp_path: Path) -> None:
    paths = tiny_photos(tmp_path, A_REQUEST + 4)
    requests = Requests(page)
    choose(page, paths)
    refusal = {"error": {"code": "too_large", "message": "That was too much.", "suggestion": "Send less."}}
    page.route(UPLOAD, lambda route: route.fulfill(status=413, json=refusal), times=1)
    send(page)
    project_id = project_of(page)
    upload = page.get_by_role("region", name="Upload")
    expect(upload.get_by_text(f"{A_REQUEST} files not sent")).to_be_visible()
    expect(page.get_by_text("That was too much. Send less.")).to_have_count(A_REQUEST)
    assert faults(page) == []
    assert names_in(client, project_id) == [path.name for path in paths[A_REQUEST:]]
    refused, passed = requests.keys
    requests.keys.clear()

    # The second time the line breaks for a moment: that is nobody's to mend.
    page.route(UPLOAD, lambda route: route.abort(), times=1)
    upload.get_by_role("button", name=f"Send {A_REQUEST} files again").click()
    expect(upload.get_by_text(f"{len(paths)} files taken in", exact=True)).to_be_visible()
    assert names_in(client, project_id) == [path.name for path in paths]
    assert sorted(set(requests.keys)) == [f"{refused}-1", f"{refused}-2"], passed
    assert len(requests.keys) == 3


def test_an_upload_goes_on_after_a_reload(page: Page, client: httpx.Client, tmp_path: Path) -> None:
    paths = tiny_photos(tmp_path, 3 * A_REQUEST)
    requests = Requests(page)
    choose(page, paths)
    requests.hold()
    send(page)
    project_id = project_of(page)
    requests.wait_held(2)
    requests.held.pop(0).continue_()
    upload = page.get_by_role("region", name="Upload")
    expect(upload.get_by_text(f"{A_REQUEST} of {len(paths)} files taken in")).to_be_visible()
    expect(upload.get_by_text("You may close this page: it goes on when you open it again.")).to_be_visible()

    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", stay)
    with page.expect_event("dialog"):
        page.close(run_before_unload=True)
    assert asked == ["beforeunload"]
    expect(upload.get_by_text(f"{A_REQUEST} of {len(paths)} files taken in")).to_be_visible()

    page.once("dialog", lambda dialog: dialog.accept())
    page.unroute(UPLOAD)
    before = set(requests.keys)
    page.reload()
    expect(upload.get_by_text(f"{len(paths) - A_REQUEST} files taken in", exact=True)).to_be_visible()
    assert names_in(client, project_id) == [path.name for path in paths]
    # What had not arrived went in the same requests, so that the server knows them again.
    assert len(set(requests.keys)) == 3 and len(before) == 3


def test_what_cannot_be_used_is_said_with_the_reason(page: Page, client: httpx.Client, tmp_path: Path) -> None:
    good, other = tiny_photos(tmp_path, 2)
    (tmp_path / "notes.txt").write_text("not a photo")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "letter.jpg").write_text("Dear photo, you are none.")
    Image.new("RGB", (40, 30)).save(tmp_path / "stamp.jpg")
    page.goto("/projects/new")
    chosen = [good, other, *(tmp_path / name for name in ("notes.txt", "empty.jpg", "letter.jpg", "stamp.jpg"))]
    page.get_by_label("Files", exact=True).set_input_files(chosen)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("2 files cannot be sent")
    expect(alert).to_contain_text("notes.txt: Neither a photo, a video, a ZIP, a mask nor cameras.")
    expect(alert).to_contain_text("empty.jpg: The file is empty.")
    assert faults(page) == []
    send(page)
    project_id = project_of(page)
    upload = page.get_by_role("region", name="Upload")
    expect(upload.get_by_text("4 files taken in · 2 not usable")).to_be_visible()
    tiles = page.get_by_role("list", name="Files").get_by_role("listitem")
    for name, reason in (("letter.jpg", "letter.jpg"), ("stamp.jpg", "has only 40 x 30 pixels")):
        tile = tiles.filter(has_text=name)
        expect(tile.get_by_text("Not usable", exact=True)).to_be_visible()
        expect(tile).to_contain_text(reason)
    expect(tiles.filter(has_text="stamp.jpg")).to_contain_text("Send the original photo, not a thumbnail.")
    assert faults(page) == []
    verdicts = {image["filename"]: image["verdict"] for image in everything(client, f"/projects/{project_id}/images")}
    assert verdicts["letter.jpg"] == verdicts["stamp.jpg"] == "rejected"
    assert "rejected" not in (verdicts[good.name], verdicts[other.name])
