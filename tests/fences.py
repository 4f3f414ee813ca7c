"""The fenced blocks of our pages, with where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@dataclass(frozen=True)
class Fence:
    """What stands between two fences; ``line`` is that of its first fence."""

    page: str
    line: int
    language: str
    text: str

    @property
    def first(self) -> str:
        """Its first line that says something: what lists know it by."""
        lines = [line.strip() for line in self.text.splitlines()]
        return next((line for line in lines if line and not line.startswith("#")), "")


def fences(page: Path) -> Iterator[Fence]:
    """All fenced blocks of a page, in order."""
    text = page.read_text()
    for found in re.finditer(r"^```([\w-]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, found.start()) + 1
        yield Fence(str(page.relative_to(ROOT)), line, found[1], found[2])
