"""A page at one size and in one theme, its pictures, and what a program can see that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, Route

PROBES = Path(__file__).with_name("probes.js")
SETTLE_MS = 350
MOST_SHIFT = 0.1
"""Of layout shift: more is "needs improvement" (web.dev, Cumulative Layout Shift)."""
MOST_TABS = 60


@dataclass
class Screen:
    """A page at one size and in one theme, and what was found while it was looked at."""

    page: Page
    api: httpx.Client
    out: Path
    project: dict[str, Any]
    photos: list[Path]
    theme: str
    size: str
    found: list[str] = field(default_factory=list)

    def shot(self, name: str, *, whole: bool = True) -> None:
        """Take its picture and say what is wrong with it that a program can see."""
        self.page.wait_for_timeout(SETTLE_MS)
        # Before the picture: for one of the whole page the browser makes its window larger, which moves things.
        shift = self.page.evaluate("probes.moved()")
        small = self.page.evaluate("probes.smallTargets()") if self.size == "phone" else []
        if whole:
            self.page.evaluate("scrollTo(0, 0)")
        self.page.screenshot(path=self.out / f"{name}-{self.theme}-{self.size}.png", full_page=whole, timeout=120_000)
        self.page.evaluate("probes.moved()")
        if shift > MOST_SHIFT:
            self.say(name, f"layout shift {shift:.2f}")
        width = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if width > 0:
            self.say(name, f"{width} px wider than the screen")
        if small:
            self.say(name, f"small targets: {'; '.join(sorted(set(small)))}")

    def say(self, name: str, what: str) -> None:
        self.found.append(f"{name}-{self.theme}-{self.size}: {what}")
        print(self.found[-1], flush=True)

    def open(self, path: str) -> None:
        self.page.goto(path)

    def project_path(self, **query: str) -> str:
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return f"/projects/{self.project['id']}{'?' if asked else ''}{asked}"

    def runs(self) -> list[dict[str, Any]]:
        """The project's runs as they are recorded."""
        answer = self.api.get(f"/projects/{self.project['id']}/runs", params={"limit": 100})
        recorded: list[dict[str, Any]] = answer.json()["items"]
        return recorded

    @contextmanager
    def answering(self, pattern: str, answer: Callable[[Route], None]) -> Iterator[None]:
        """While the block lasts, requests for addresses ending so are answered by ``answer``."""
        address = f"**/api/v1/{pattern}"
        self.page.route(address, answer)
        try:
            yield
        finally:
            self.page.unroute(address, answer)

    def tab_through(self, name: str) -> None:
        """Every control that Tab reaches shows that it has the focus."""
        unmarked: set[str] = set()
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            one = self.page.evaluate("probes.focused()")
            if one is None:
                break
            if not one["marked"]:
                unmarked.add(one["name"])
        if unmarked:
            self.say(name, f"no mark of the focus on: {'; '.join(sorted(unmarked))}")
