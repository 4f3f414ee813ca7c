"""Files dragged onto the page from the desktop: a folder, a video and an archive, each taken in as what it is."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.recon.video.movies import walk, write_video


def drag(page: Page, paths: list[Path], onto: Locator) -> None:
    """As the desktop does, so that the page gets files and folders of the disk and nothing that a script made."""
    box = onto.bounding_box()
    assert box
    devtools = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        devtools.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})
    devtools.detach()


def test_a_folder_a_video_and_an_archive(page: Page, photos: list[Path], tmp_path: Path) -> None:
    folder, archive = tmp_path / "village", tmp_path / "more.zip"
    folder.mkdir()
    for photo in photos[:3]:
        (folder / photo.name).write_bytes(photo.read_bytes())
    (folder / ".DS_Store").write_bytes(b"left by a computer")
    with zipfile.ZipFile(archive, "w") as packed:
        for photo in photos[3:7]:
            packed.write(photo, photo.name)
    video = write_video(tmp_path / "walk.mp4", walk(40, 4.0))

    page.goto("/projects/new")
    drag(page, [folder, archive, video], page.get_by_role("region", name="Add files"))
    files = page.get_by_role("list", name="Files").get_by_role("listitem")
    expect(files).to_have_count(5)
    expect(files.locator("img")).to_have_count(3)
    expect(page.get_by_label("Name of the project")).to_have_attribute("placeholder", "village")
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("Frames to take out of the video").fill("4")
    page.get_by_role("button", name="Send 5 files").click()

    expect(page.get_by_text("5 files taken in")).to_be_visible()
    verdict = re.compile("^(Good|Usable)$")
    expect(files.get_by_text(verdict)).to_have_count(5)
    expect(files.filter(has_text="more.zip")).to_contain_text("4 photos")
    expect(files.filter(has_text="walk.mp4")).to_contain_text("4 photos")
    page.get_by_role("link", name="Go on to the model").click()
    expect(page.get_by_role("heading", name="village")).to_be_visible()
    expect(page.get_by_role("list", name="Photos", exact=True).get_by_role("listitem")).to_have_count(11)
