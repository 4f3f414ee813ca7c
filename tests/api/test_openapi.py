"""The description that the page's client is generated from is the one that the API gives."""

from __future__ import annotations

import copy
import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from tests.api.described import changes

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture(scope="module")
def tool() -> dict[str, Any]:
    return runpy.run_path(str(TOOLS / "write_openapi.py"))


@pytest.fixture(scope="module")
def given(tool: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = tool["describe"]()
    return described


def test_the_committed_description_is_fresh(tool: dict[str, Any], given: dict[str, Any]) -> None:
    """What others build on is in frontend/openapi.json: each change of it shows here, and is written on purpose."""
    committed = json.loads(tool["PATH"].read_text())
    changed = changes(committed, given)
    assert changed == [], "\n".join(["The API is not the committed one:", *changed, "Meant so? make openapi"])
    assert committed == given, "Written in another order: make openapi"


def test_every_change_is_told_in_a_line(given: dict[str, Any]) -> None:
    other = copy.deepcopy(given)
    del other["paths"]["/api/v1/queue"]
    other["paths"]["/api/v1/teapot"] = {"get": {"operationId": "teapot"}}
    generate = other["paths"]["/api/v1/generate/{project_id}"]["post"]
    generate["summary"] = "Another"
    del generate["responses"]["410"]
    generate["parameters"].insert(1, {"name": "tea", "in": "query"})
    model = other["components"]["schemas"]["Model"]
    del model["properties"]["psnr"]
    model["properties"]["colour"] = {"type": "string"}
    model["required"].remove("version")
    other["components"]["schemas"]["GenerateParameters"]["properties"]["preset"]["enum"].append("slow")
    other["components"]["schemas"]["Teapot"] = {"type": "object"}
    other["info"]["version"] = "9"
    assert changes(given, other) == [
        "- call GET /api/v1/queue",
        "+ call GET /api/v1/teapot",
        "~ call POST /api/v1/generate/{project_id}: summary: other words",
        '~ call POST /api/v1/generate/{project_id}: parameters tea added: {"name": "tea", "in": "query"}',
        "~ call POST /api/v1/generate/{project_id}: responses 410 taken away",
        '~ type GenerateParameters: properties preset enum: with ["slow"]',
        "~ type Model: properties psnr taken away",
        '~ type Model: properties colour added: {"type": "string"}',
        '~ type Model: required: without ["version"]',
        "+ type Teapot",
        f'~ info version: "{given["info"]["version"]}" → "9"',
    ]
    assert changes(given, copy.deepcopy(given)) == []


def test_every_call_has_a_name_of_its_own(given: dict[str, Any]) -> None:
    """Generated clients name their functions by it."""
    names = [call["operationId"] for path in given["paths"].values() for call in path.values()]
    assert len(set(names)) == len(names) > 30
    assert all(name.isidentifier() for name in names)
