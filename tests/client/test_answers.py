"""What the client names is what the server's description promises."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from maquette.client import Event, Export, Model, Project, Run
from maquette.client.answers import Answer

DESCRIBED = json.loads((Path(__file__).parents[2] / "frontend" / "openapi.json").read_text())["components"]["schemas"]


@pytest.mark.parametrize(
    ("answer", "schema"),
    [(Project, "Project"), (Run, "RunRead"), (Model, "Model"), (Export, "ExportResult"), (Event, "Event")],
)
def test_every_field_is_in_the_servers_description(answer: type[Answer], schema: str) -> None:
    promised = DESCRIBED[schema]["properties"]
    named = {one.name for one in dataclasses.fields(answer)} - {"raw"}
    assert named <= promised.keys()


def test_what_a_newer_server_tells_is_kept_and_what_an_older_one_lacks_is_none() -> None:
    body: dict[str, Any] = {"id": "7c0c5d1e-52a2-4cbb-8d25-2d9d3b1f0a11", "name": "Fountain", "mood": "good"}
    project = Project.of(body)
    assert project.id == UUID(body["id"]) and project.name == "Fountain"
    assert project.current_step is None and project.raw["mood"] == "good"
