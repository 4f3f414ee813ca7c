"""Pages of docs/ that are written from the code are fresh, and what docs name is there."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_every_error_code_is_in_the_troubleshooting_page() -> None:
    tool: dict[str, Any] = runpy.run_path(str(ROOT / "tools" / "write_troubleshooting.py"))
    page = tool["PATH"].read_text()
    assert page == tool["written"](), "Write it anew: make troubleshooting"
    without = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `") and line.endswith("|  |")]
    assert without == [], "codes without advice"
    for path in (ROOT / "backend" / "maquette").rglob("*.py"):
        for code in re.findall(r'^    code = "(\w+)"', path.read_text(), re.MULTILINE):
            if path.name != "errors.py" or path.parent.name != "maquette":
                assert f"`{code}`" in page or code == "api_refused", f"{path.name}: {code}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), target
    for target in re.findall(r"`(docs/[\w/.-]+\.md)`", page.read_text()):
        assert (ROOT / target).exists(), target
