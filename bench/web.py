"""What the web page costs in Debian's Chromium: script by page, time to the first useful view, memory of closed views.

    python -m bench.web [--project URL] [--opened 10]

``--project``: the page of a finished project on a server that runs, for instance
http://127.0.0.1:8400/projects/…. Without it a server is started and a small model made of the synthetic village.
WebGL is drawn by the processor here, so frames are not measured. Prints, judges nothing.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
from bench.held import COUNTING, Held, held
from bench.serving import serving
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from maquette.api.web import BUILT
from maquette.recon.synthetic import make_capture

PAGES = {
    "projects": "src/projects/projects-page.tsx",
    "upload": "src/upload/upload-page.tsx",
    "project": "src/project/project-page.tsx",
    "share link": "src/share/shared-page.tsx",
    "sign-in": "src/signin/sign-in-page.tsx",
}
# As tests/browser/conftest.py starts it.
FLAGS = [
    *("--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--ignore-gpu-blocklist", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
SMALL = {"preset": "fastest", "iterations": 300, "long_side": 240}
LONGEST_MS = 300_000


def script_bytes() -> dict[str, int]:
    """Bytes of script by page, each file packed by gzip by itself, that have to be there before the page can run."""
    manifest = json.loads((BUILT / ".vite" / "manifest.json").read_text())

    def needed(name: str) -> set[str]:
        return {manifest[name]["file"]}.union(*(needed(other) for other in manifest[name].get("imports", [])))

    def packed(names: set[str]) -> int:
        return sum(len(gzip.compress((BUILT / name).read_bytes())) for name in names)

    pages = {page: packed(needed("index.html") | needed(source)) for page, source in PAGES.items()}
    before = needed("index.html") | needed(PAGES["project"])
    viewer = needed("src/viewer/index.ts") | needed("src/viewer/engine/engine.ts")
    return {**pages, "the viewer, on top": packed(viewer - before)}


@contextmanager
def finished_project() -> Iterator[str]:
    """The address of a project's page that has a small model."""
    with serving(workers=1) as served, tempfile.TemporaryDirectory() as folder:
        paths = make_capture(Path(folder), views=12, width=400, height=300).paths
        with httpx.Client(base_url=f"{served.url}/api/v1", timeout=900, trust_env=False) as client:
            files = [("files", (path.name, path.read_bytes(), "image/jpeg")) for path in paths]
            project_id = client.post("/upload", files=files).raise_for_status().json()["project_id"]
            client.post(f"/generate/{project_id}", json=SMALL, params={"wait": 600}).raise_for_status()
        yield f"{served.url}/projects/{project_id}"


def first_view(browser: Browser, address: str) -> dict[str, float]:
    """Seconds from the navigation to what can be looked at, in a browser that has nothing of the page yet."""
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.set_default_timeout(LONGEST_MS)
        page.goto(address, wait_until="commit")
        poster = page.evaluate(SECONDS_UNTIL, "[...document.images].some((i) => i.alt === '' && i.naturalWidth > 64)")
        ready = page.evaluate(SECONDS_UNTIL, "document.querySelector('[data-viewer-state=ready]')")
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime / 1000")
        return {"first paint": painted, "poster": poster, "model ready": ready}


SECONDS_UNTIL = """(condition) => new Promise((resolve) => {
  const seen = new Function(`return ${condition}`);
  const look = () => (seen() ? resolve(performance.now() / 1000) : setTimeout(look, 20));
  look();
})"""


def opened_and_closed(browser: Browser, address: str, times: int) -> Iterator[tuple[Held, Held, dict[str, float]]]:
    """What the page holds with the model open, and back on the list; resident MB of Chromium's processes then."""
    path = urlsplit(address).path
    with browser.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 800}) as context:
        context.add_init_script(COUNTING)
        page = context.new_page()
        page.set_default_timeout(LONGEST_MS)
        session = context.new_cdp_session(page)
        page.goto(address.removesuffix(path) + "/")
        for _ in range(times):
            yield open_and_close(page, session, path)


def open_and_close(page: Page, session: CDPSession, path: str) -> tuple[Held, Held, dict[str, float]]:
    # Handles to elements would keep a closed view's whole page in memory: locators give none.
    page.locator(f"a[href='{path}']").first.click()
    page.locator("[data-viewer-state=ready]").wait_for()
    opened = held(page, session)
    page.locator("a[href='/']").first.click()
    page.locator("[data-viewer-state]").wait_for(state="detached")
    page.wait_for_function("heldByPage().contexts === 0").dispose()
    return opened, held(page, session), resident_mb()


def resident_mb() -> dict[str, float]:
    """Of the browser that this process started, by kind of process."""
    found: dict[str, float] = {}
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            kind = re.search(r"--type=(renderer|gpu-process)", " ".join(process.cmdline()))
            if kind:
                found[kind[1]] = found.get(kind[1], 0) + process.memory_info().rss / 1e6
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", help="address of a finished project's page")
    parser.add_argument("--opened", type=int, default=10, help="how often the model is opened and closed")
    options = parser.parse_args()
    if options.project:
        measure(options.project, options.opened)
    else:
        with finished_project() as address:
            measure(address, options.opened)


def measure(address: str, opened: int) -> None:
    """Print three tables."""
    console = Console(width=110)
    scripts = Table("page", "script, gzip kB", title="Before a page can run")
    for page, size in script_bytes().items():
        scripts.add_row(page, f"{size / 1000:.1f}")
    console.print(scripts)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        times = Table("seen", "s", title="From the navigation, nothing cached")
        for name, seconds in first_view(browser, address).items():
            times.add_row(name, f"{seconds:.2f}")
        console.print(times)
        memory = Table(
            "opened", *FIELDS, "heap MB", "renderer MB", "GPU MB", title="After opening and closing the model"
        )
        for index, (_, closed, resident) in enumerate(opened_and_closed(browser, address, opened), 1):
            counts = [str(closed.counts()[name]) for name in FIELDS]
            weighed = [closed.heap_bytes / 1e6, resident.get("renderer", 0), resident.get("gpu-process", 0)]
            memory.add_row(str(index), *counts, *(f"{value:.1f}" for value in weighed))
        console.print(memory)
        browser.close()


FIELDS = ("contexts", "workers", "addresses", "nodes", "listeners")

if __name__ == "__main__":
    main()
