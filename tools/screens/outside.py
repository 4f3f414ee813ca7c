"""The pages around a project: the list, the upload, what strangers see."""

from __future__ import annotations

from pathlib import Path

import cv2
from answers import broken, changed, in_all_states, instead, never
from inside import entered
from screen import Screen


def projects(screen: Screen) -> None:
    page = screen.page
    with screen.answering("projects?*", never):
        screen.open("/")
        page.get_by_role("status", name="Loading projects").wait_for()
        screen.shot("projects-loading")
    with screen.answering("projects?*", broken()):
        screen.open("/")
        page.get_by_text("internal_error").wait_for()
        screen.shot("projects-failed")
    with screen.answering("projects?*", changed(lambda body: body.update(items=[], next=None))):
        screen.open("/")
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_timeout(800)
        screen.shot("projects-first-run")
    with screen.answering("projects?*", changed(in_all_states)):
        screen.open("/")
        page.get_by_role("article").first.wait_for()
        page.wait_for_load_state("networkidle")
        screen.shot("projects-cards")
        screen.tab_through("projects-cards")
        page.get_by_role("button", name="More about").first.click()
        page.get_by_role("menu").wait_for()
        screen.shot("projects-menu", whole=False)
        page.keyboard.press("Escape")
        page.get_by_role("searchbox").fill("nothing is called so")
        page.get_by_text("No project fits").wait_for()
        screen.shot("projects-no-hits")


def upload(screen: Screen) -> None:
    page = screen.page
    screen.open("/projects/new")
    page.get_by_text("Drop photos").wait_for()
    screen.shot("upload-empty")
    files = [*screen.photos[:6], *spoilt(screen.photos[0], screen.out)]
    page.get_by_label("Files", exact=True).first.set_input_files(files)
    page.get_by_role("button", name="Send").wait_for()
    page.wait_for_timeout(1500)
    screen.shot("upload-thumbnails")
    screen.tab_through("upload-thumbnails")
    page.get_by_text("Options", exact=True).click()
    screen.shot("upload-options")
    with screen.answering("upload", broken("storage_unavailable", 503, "The storage service does not answer.")):
        page.get_by_role("button", name="Send").click()
        page.wait_for_timeout(2500)
        screen.shot("upload-waiting")
    with screen.answering("upload", never):
        page.wait_for_timeout(6000)
        screen.shot("upload-sending")
    page.reload()
    page.get_by_role("link", name="Go on to the model").wait_for(timeout=180_000)
    page.wait_for_timeout(1500)
    screen.shot("upload-finished")
    made = page.url.split("/")[-2]
    screen.open("/projects/new")
    page.get_by_label("Files", exact=True).first.set_input_files(screen.photos[:3])
    with screen.answering("upload", broken("too_many_photos", 422, "This project has as many photos as it can hold.")):
        page.get_by_role("button", name="Send").click()
        page.get_by_text("not sent").first.wait_for()
        screen.shot("upload-failed")
    other = page.url.split("/")[-2]
    for one in (made, other):
        screen.api.delete(f"/projects/{one}")


def spoilt(photo: Path, folder: Path) -> list[Path]:
    """A photo out of focus and one that is black, which the doctor has something to say of."""
    picture = cv2.imread(str(photo))
    if picture is None:
        raise SystemExit(f"{photo} is no picture.")
    paths = [folder / "out_of_focus.jpg", folder / "dark.jpg"]
    for path, pixels in zip(paths, (cv2.GaussianBlur(picture, (0, 0), 14), picture // 40), strict=True):
        cv2.imwrite(str(path), pixels)
    return paths


def share(screen: Screen) -> None:
    page = screen.page
    shares = f"/projects/{screen.project['id']}/shares"
    answer = screen.api.post(shares, json={"title": "A frog to turn", "allow_download": True}).json()
    try:
        for state, query in (("page", ""), ("noui", "?noui")):
            screen.open(f"/v/{answer['url'].rsplit('/', 1)[-1]}{query}")
            page.locator(".mqv").wait_for()
            page.wait_for_timeout(2000)
            screen.shot(f"share-{state}-first", whole=False)
            entered(page)
            screen.shot(f"share-{state}", whole=False)
    finally:
        screen.api.delete(f"{shares}/{answer['id']}")
    page.reload()
    page.get_by_role("alert").wait_for()
    screen.shot("share-revoked")
    for code in ("share_expired", "share_not_found", "internal_error"):
        with screen.answering("shared/*", broken(code, 410 if code == "share_expired" else 404)):
            page.reload()
            page.get_by_role("alert").wait_for()
            screen.shot(f"share-{code}")


def signin(screen: Screen) -> None:
    page = screen.page
    for method in ("none", "key", "supabase"):
        stands = {
            "method": method,
            "supabase_url": "http://127.0.0.1:1" if method == "supabase" else None,
            "publishable_key": "sb_publishable_x",
        }
        with screen.answering("sign-in", instead(stands)):
            screen.open("/sign-in")
            page.get_by_role("heading", name="Sign in").wait_for()
            page.wait_for_timeout(800)
            screen.shot(f"signin-{method}")
    screen.tab_through("signin")


def lost(screen: Screen) -> None:
    screen.open("/projects/00000000-0000-4000-8000-000000000000")
    screen.page.get_by_text("There is no page").wait_for()
    screen.shot("lost-project")
