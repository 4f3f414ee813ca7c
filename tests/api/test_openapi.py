"""The description that the page's client is generated from is the one that the API gives."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

TOOLS = Path(__file__).parents[2] / "tools"


def test_the_committed_description_is_fresh() -> None:
    tool: dict[str, Any] = runpy.run_path(str(TOOLS / "write_openapi.py"))
    # Compared as data, so that the difference can be read.
    assert json.loads(tool["PATH"].read_text()) == tool["describe"](), "Write it anew: make openapi"


def test_every_call_has_a_name_of_its_own() -> None:
    """Generated clients name their functions by it."""
    tool: dict[str, Any] = runpy.run_path(str(TOOLS / "write_openapi.py"))
    names = [call["operationId"] for path in tool["describe"]()["paths"].values() for call in path.values()]
    assert len(set(names)) == len(names) > 30
    assert all(name.isidentifier() for name in names)
