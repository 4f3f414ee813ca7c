"""The ready sample by the API: one for each owner, like any other project, made anew after it was deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from maquette.cli import app
from maquette.execution import sample
from maquette.settings import Settings


@pytest.fixture
def roomy(address: str, settings: Settings, serve_again: Callable[[Settings], Any]) -> Iterator[httpx.Client]:
    """A server with as much room as servers have; that of the other tests takes eight photos, and is its storage."""
    with (
        serve_again(settings.model_copy(update={"max_photos": 200})) as url,
        httpx.Client(base_url=f"{url}/api/v1", timeout=60, trust_env=False) as client,
    ):
        yield client


def test_two_clicks_open_one_project_until_it_is_deleted(roomy: httpx.Client) -> None:
    with ThreadPoolExecutor(2) as hands:
        answers = list(hands.map(lambda _: roomy.post("/projects/sample"), range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 201], answers[0].text
    first, second = (answer.json() for answer in answers)
    assert first["id"] == second["id"] and first["status"] == "completed"
    assert answers[0].headers["location"] == f"/api/v1/projects/{first['id']}"
    path = f"/projects/{first['id']}"
    renamed = roomy.patch(path, json={"name": "Mine"}).raise_for_status().json()
    assert renamed["name"] == "Mine" and roomy.post("/projects/sample").json()["id"] == first["id"]
    # It is a project like any other: everything is there, and more can be made of it.
    models = roomy.get(f"{path}/models").json()["items"]
    assert len(models) >= 2 and httpx.get(models[-1]["model_url"], trust_env=False).content.startswith(b"ply\n")
    for what in ("images", "views", "depth-maps", "metrics", "exports"):
        assert roomy.get(f"{path}/{what}").json()["items"], what
    assert roomy.get("/projects", params={"limit": 1}).json()["items"][0]["poster_url"]
    share = roomy.post(f"{path}/shares", json={"allow_download": True})
    assert share.status_code == 201, share.text
    assert roomy.post(f"/refine/{first['id']}", params={"dry_run": True}).json()["would_run"] is True
    assert roomy.delete(path).is_success
    anew = roomy.post("/projects/sample")
    assert anew.status_code == 201 and anew.json()["id"] != first["id"]
    assert roomy.delete(f"/projects/{anew.json()['id']}").is_success


def test_limits_hold_for_the_sample_and_nothing_of_it_stays(api: httpx.Client) -> None:
    before = {one["id"] for one in api.get("/projects", params={"limit": 200}).json()["items"]}
    answer = api.post("/projects/sample")
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_many_photos")
    assert {one["id"] for one in api.get("/projects", params={"limit": 200}).json()["items"]} == before


def test_an_installation_without_it_says_so(
    api: httpx.Client, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(sample, "SAMPLE", tmp_path_factory.mktemp("nothing") / "sample.zip")
    error = api.post("/projects/sample").json()["error"]
    assert error["code"] == "sample_missing" and "demo" in error["suggestion"]


def test_the_command_line_opens_the_same_one(
    roomy: httpx.Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAQUETTE_HOME", str(settings.home))
    first, again = (CliRunner().invoke(app, ["data", "sample"]) for _ in range(2))
    assert first.exit_code == 0, first.output
    project = first.output.split()[-1]
    assert again.output.split()[-1] == project == roomy.post("/projects/sample").json()["id"]
    assert roomy.delete(f"/projects/{project}").is_success
