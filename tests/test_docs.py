"""Pages of docs/ that are written from the code are fresh, and what docs name is there, and named."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasChoices

from maquette.settings import Settings
from tests.fences import PAGES, ROOT, fences

DESCRIPTION: dict[str, Any] = json.loads((ROOT / "frontend" / "openapi.json").read_text())


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


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in links, as GitHub makes it of their words."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        target, _, anchor = link.partition("#")
        there = path.parent / target if target else path
        assert there.exists(), link
        assert not anchor or anchor in anchors(there), link
    for target in re.findall(r"`(docs/[\w/.-]+\.md)`", path.read_text()):
        assert (ROOT / target).exists(), target


def test_every_setting_is_in_the_page_of_settings() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    names = set()
    for field in Settings.model_fields.values():
        assert isinstance(field.validation_alias, AliasChoices)
        names |= {str(name) for name in field.validation_alias.choices}
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []
    ours = set(re.findall(r"^\| (`.+?`.*?) \|", page, re.MULTILINE))
    named = {name for cell in ours for name in re.findall(r"`([A-Z][A-Z_0-9]+)`", cell)}
    assert named - names == set(), "settings that there are no more"


def test_every_call_is_in_the_page_of_the_api() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    listed = set(re.findall(r"^\| `([A-Z]+ /\S+)` \|", page, re.MULTILINE))
    called = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in DESCRIPTION["paths"].items()
        for method in methods
    }
    assert called - listed == set(), "calls that the table of docs/api.md lacks"
    assert listed - called == {"WS /projects/{project_id}/events"}, "calls that there are no more"


def test_answers_that_the_page_of_the_api_shows_have_fields_that_there_are() -> None:
    known = {name for schema in DESCRIPTION["components"]["schemas"].values() for name in schema.get("properties", ())}
    # What has no schema of its own: reasons of a set, payloads of events, losses of a file, engines.
    known |= {"sentence", "action", "stage", "loss_psnr_db", "split", "suggestion", "ok", "code", "message", "name"}
    for fence in fences(ROOT / "docs" / "api.md"):
        if fence.language == "json":
            shown = json.loads(fence.text, object_pairs_hook=lambda pairs: pairs)
            assert names_in(shown) - known == set(), f"docs/api.md:{fence.line}"


def names_in(shown: Any) -> set[str]:
    """The names of all fields, also in lists."""
    found: set[str] = set()
    for one in shown if isinstance(shown, list) else ():
        if isinstance(one, tuple):
            found.add(one[0])
            found |= names_in(one[1])
        else:
            found |= names_in(one)
    return found
