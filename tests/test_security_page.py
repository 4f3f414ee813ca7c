"""What the threat model says is proved is proved by tests that exist; the list of licences is whole."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def functions_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_test_that_the_page_names_is_there() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    named = NAMED.findall(page)
    assert len(named) >= 60
    gone = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).is_file()
        or (name and (name not in functions_in(ROOT / path) or not name.startswith("test_")))
    ]
    assert not gone


def test_every_threat_has_a_test() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    table = page.partition("## Threats")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 30
    assert not [row[0].strip() for row in rows if len(row) != 3 or not NAMED.search(row[2])]


def test_every_locked_package_has_its_licence_on_the_page() -> None:
    tool: dict[str, Any] = runpy.run_path(str(ROOT / "tools" / "licences.py"))
    page = (ROOT / "docs" / "licences.md").read_text()
    listed = dict(re.findall(r"^\| ([\w.-]+) \| (.+) \|$", page, re.MULTILINE))
    assert not set(tool["locked"]()) - set(listed), "write it anew: python tools/licences.py"
    wrong = {
        name: kind for name, kind in listed.items() if re.search(r"\bA?GPL|proprietary|non-?commercial", kind, re.I)
    }
    assert not {name: kind for name, kind in wrong.items() if "LGPL" not in kind}
