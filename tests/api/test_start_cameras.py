"""Where looking at a project's models begins: said by its owner, told to whoever is shown them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

LOOK = {"position": [0.4, -0.2, -3.0], "target": [0, 0, 0.5], "up": [0, -1, 0], "fov_deg": 50}


def shown(api: httpx.Client, project: str) -> dict[str, Any] | None:
    """What a visitor of a link to the newest chosen version gets."""
    link = api.post(f"/projects/{project}/shares", json={}).raise_for_status().json()
    told: dict[str, Any] | None = api.get(f"/shared/{link['share_key']}").raise_for_status().json()["start_camera"]
    return told


def test_it_is_kept_shared_told_live_and_taken_back(api: httpx.Client, generated: str) -> None:
    assert api.get(f"/projects/{generated}").json()["start_camera"] is None and shown(api, generated) is None
    chosen = {**LOOK, "version": 0}
    answer = api.patch(f"/projects/{generated}", json={"start_camera": chosen})
    assert answer.json()["start_camera"] == chosen and answer.json()["name"] == "Fountain", "the rest stays"
    assert api.get(f"/status/{generated}").json()["project"]["start_camera"] == chosen
    assert shown(api, generated) == LOOK
    events = api.get(f"/projects/{generated}/events").json()["items"]
    assert events[-1]["type"] == "start_camera" and events[-1]["payload"] == {"start_camera": chosen}
    renamed = api.patch(f"/projects/{generated}", json={"name": "Well"}).json()
    assert (renamed["name"], renamed["start_camera"]) == ("Well", chosen)
    assert api.patch(f"/projects/{generated}", json={"start_camera": None}).json()["start_camera"] is None
    assert shown(api, generated) is None


def test_another_generate_has_another_world(api: httpx.Client, worker: Any, generated: str) -> None:
    api.patch(f"/projects/{generated}", json={"start_camera": {**LOOK, "version": 0}}).raise_for_status()
    again = api.post(f"/generate/{generated}", json={"seed": 5}, params={"fresh": True}).raise_for_status().json()
    worker.generate(again["run_id"])
    api.post(f"/projects/{generated}/models/1/promote").raise_for_status()
    assert shown(api, generated) is None
    api.post(f"/projects/{generated}/models/0/promote").raise_for_status()
    assert shown(api, generated) == LOOK


@pytest.mark.parametrize(
    "wrong",
    [
        {"position": [0, 0]},
        {"position": ["a", 0, 0]},
        {"position": [1e300, 0, 0]},
        {"target": [0.4, -0.2, -3.0]},
        {"up": [0, 0, 0]},
        {"position": [0, 0, -3], "target": [0, 0, 0], "up": [0, 0, 2]},
        {"fov_deg": 0},
        {"fov_deg": 180},
        {"roll": 3},
        {"version": -1},
        {"version": None},
    ],
    ids=str,
)
def test_what_is_no_view_is_refused(api: httpx.Client, generated: str, wrong: dict[str, Any]) -> None:
    answer = api.patch(f"/projects/{generated}", json={"start_camera": {**LOOK, "version": 0, **wrong}})
    assert answer.status_code == 422 and answer.json()["error"]["code"] == "invalid_parameters", answer.text
    assert api.get(f"/projects/{generated}").json()["start_camera"] is None


@pytest.mark.parametrize("number", ["NaN", "Infinity"])
def test_numbers_that_are_none_are_refused(api: httpx.Client, generated: str, number: str) -> None:
    body = json.dumps({"start_camera": {**LOOK, "version": 0, "fov_deg": 7}}).replace(": 7,", f": {number},")
    assert number in body
    answer = api.patch(f"/projects/{generated}", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


def test_changes_that_change_nothing_or_come_from_nowhere(api: httpx.Client, generated: str) -> None:
    assert api.patch(f"/projects/{generated}", json={}).status_code == 422
    assert api.patch(f"/projects/{generated}", json={"name": None}).status_code == 422
    answer = api.patch(f"/projects/{generated}", json={"start_camera": {**LOOK, "version": 9}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "version_not_found")
