"""Pictures of the web page's pages and states, for eyes to judge, beside what can be told without eyes.

Start `maquette serve`, make a project with a model in it, and name a folder of photos:

    .venv/bin/python tools/screens --url http://127.0.0.1:8400 --photos DIR --out DIR

Pages are the server's own. States that are hard to come by (a run that waits, a lost server) are real answers of which
a few fields were changed on their way to the page. Findings are printed: layout shift above 0.1, a page wider than its
screen, small touch targets on the phone, controls that the Tab key reaches without a visible mark, errors of scripts.
Files are named <page>-<state>-<theme>-<size>.png. Pictures of other people's photos are not to be committed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from inside import dialogs, project, steps, viewer
from outside import lost, projects, share, signin, upload
from playwright.sync_api import Browser, Error, sync_playwright
from screen import PROBES, Screen

FLAGS = ["--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
FLAGS += [
    "--ignore-gpu-blocklist",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]
SIZES = {"phone": (390, 844), "tablet": (768, 1024), "desktop": (1280, 800), "wide": (2200, 1200), "zoomed": (640, 400)}
"""`zoomed` is the desktop at 200 per cent: the same pixels, half the room."""
PAGES: dict[str, Callable[[Screen], None]] = {
    "projects": projects,
    "upload": upload,
    "steps": steps,
    "project": project,
    "dialogs": dialogs,
    "viewer": viewer,
    "share": share,
    "signin": signin,
    "lost": lost,
}


def chosen_project(api: httpx.Client, name: str | None) -> dict[str, Any]:
    """The project whose name begins so, else the one with most versions."""
    cards = api.get("/projects", params={"limit": 100}).json()["items"]
    fitting = [card for card in cards if name is None or card["name"].startswith(name)]
    if not fitting or not (card := max(fitting, key=lambda one: one["versions"]))["versions"]:
        raise SystemExit("The server has no such project with a model: `maquette demo` makes one.")
    models = api.get(f"/projects/{card['id']}/models", params={"limit": 100}).json()["items"]
    return {**card, "versions": sorted(model["version"] for model in models)}


def look(browser: Browser, given: argparse.Namespace, api: httpx.Client, theme: str, size: str) -> list[str]:
    """All pages that were asked for, at one size and in one theme."""
    width, height = SIZES[size]
    phone = {"has_touch": True, "is_mobile": True} if size == "phone" else {}
    context = browser.new_context(
        base_url=given.url,
        viewport={"width": width, "height": height},
        color_scheme=theme,
        reduced_motion="reduce",
        **phone,
    )
    photos = sorted(path for path in given.photos.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    found: list[str] = []
    for name in given.pages:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.add_init_script(path=PROBES)
        screen = Screen(page, api, given.out, chosen_project(api, given.project), photos, theme, size, found)
        page.on("pageerror", lambda error, screen=screen, name=name: screen.say(name, f"error: {error}"))
        try:
            PAGES[name](screen)
        except (Error, AssertionError) as problem:
            screen.say(name, f"not reached: {str(problem).splitlines()[0]}")
            page.screenshot(path=given.out / f"{name}-NOT_REACHED-{theme}-{size}.png")
        page.close()
    context.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8400", help="where `maquette serve` listens")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of six or more photos to upload")
    parser.add_argument("--out", type=Path, required=True, help="where the pictures go")
    parser.add_argument("--project", help="the beginning of a finished project's name; else the one with most versions")
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=list(PAGES))
    parser.add_argument("--themes", nargs="+", choices=("light", "dark"), default=["light", "dark"])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser_path:
        raise SystemExit("No Chromium found (Debian: apt install chromium).")
    api = httpx.Client(base_url=f"{given.url}/api/v1", timeout=120, trust_env=False)
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=browser_path, args=FLAGS)
        found = [
            line for theme in given.themes for size in given.sizes for line in look(browser, given, api, theme, size)
        ]
        browser.close()
    (given.out / "findings.json").write_text(json.dumps(found, indent=1))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
