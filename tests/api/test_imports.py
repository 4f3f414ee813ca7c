"""Bundles in and out by the API: a new project that answers every read, or a clear refusal and nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.api.bundles import bundle_of, empty_bundle
from tests.api.substance import give_substance
from tests.api.worker import Worker

from maquette.settings import Settings


def send(api: httpx.Client, data: bytes, **more: Any) -> httpx.Response:
    return api.post("/projects/import", files={"file": ("x.bundle.zip", data, "application/zip")}, **more)


def code_of(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["message"] and error["suggestion"]
    return str(error["code"])


def ids_of(api: httpx.Client) -> set[str]:
    return {one["id"] for one in api.get("/projects", params={"limit": 200}).json()["items"]}


def test_every_read_of_the_imported_project_answers_as_of_the_first(
    api: httpx.Client, worker: Worker, generated: str
) -> None:
    worker.refine(api.post(f"/refine/{generated}").raise_for_status().json()["run_id"], rounds=1)
    worker.export(api.post(f"/export/{generated}", json={"format": "ply"}).raise_for_status().json()["run_id"])
    answer = send(api, bundle_of(worker, generated))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["id"] != generated and made["name"] == "Fountain" and made["status"] == "completed"
    assert answer.headers["location"] == f"/api/v1/projects/{made['id']}"
    reads = [
        path.removeprefix("/api/v1")
        for path, operations in api.get("/openapi.json").json()["paths"].items()
        if "get" in operations and "{project_id}" in path and "{version}" not in path and "/export/" not in path
    ]
    assert len(reads) > 12
    for path in reads:
        if path.endswith(("/download", "/compare", "{incoming_id}")):
            continue  # they ask for work, for two versions, or for a file that was announced
        before, after = (api.get(path.format(project_id=id, image_index=0)) for id in (generated, made["id"]))
        assert after.status_code == before.status_code, f"{path}: {after.text}"
        if "items" in before.json() and not path.endswith("/events"):
            assert len(after.json()["items"]) == len(before.json()["items"]), path
            assert generated not in after.text
    for run in api.get(f"/projects/{made['id']}/runs").json()["items"]:
        told = api.get(f"/runs/{run['id']}").raise_for_status().json()
        assert told["status"] == "completed" and generated not in str(told)
    [first] = api.get(f"/projects/{made['id']}/events").json()["items"]
    assert first["type"] == "imported"
    model = api.get(f"/projects/{made['id']}/models").json()["items"][1]
    assert httpx.get(model["model_url"], trust_env=False).content.startswith(b"model1.ply of run")
    # Identical work was done before, elsewhere: its file came along.
    again = api.post(f"/export/{made['id']}", json={"format": "ply"})
    assert (again.status_code, again.json()["reused_because"]) == (200, "identical_work")
    # And work that was not done is taken in line.
    assert api.post(f"/refine/{made['id']}").status_code == 202


def test_a_repeated_call_with_a_key_makes_one_project(api: httpx.Client) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first = send(api, empty_bundle(), headers=headers)
    again = send(api, empty_bundle(), headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"] and first.json()["status"] == "created"
    assert code_of(send(api, empty_bundle("Another"), headers=headers), 409) == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "bundle_unreadable"),
        (b"no zip at all", "bundle_unreadable"),
        (empty_bundle()[:-30], "bundle_unreadable"),
        (empty_bundle(schema="9000_later.sql"), "bundle_newer"),
    ],
    ids=["empty", "no zip", "cut", "newer"],
)
def test_what_is_no_bundle_is_refused_and_leaves_nothing(api: httpx.Client, data: bytes, code: str) -> None:
    before = ids_of(api)
    assert code_of(send(api, data), 422) == code
    assert ids_of(api) == before


def test_forms_that_hold_no_bundle(api: httpx.Client) -> None:
    assert code_of(api.post("/projects/import", content=b"x"), 422) == "not_multipart"
    assert code_of(api.post("/projects/import", files={"project_id": (None, "x")}), 422) == "no_files"
    answer = api.post("/projects/import", files={"file": ("x", empty_bundle())}, data={"project_id": "x"})
    assert code_of(answer, 422) == "unknown_field"
    two = [("file", ("a", empty_bundle())), ("file", ("b", empty_bundle()))]
    assert api.post("/projects/import", files=two).is_client_error


def test_limits_are_those_of_uploads(
    api: httpx.Client, settings: Settings, serve_again: Callable[[Settings], Any], worker: Worker, generated: str
) -> None:
    assert code_of(send(api, bytes(settings.max_upload_mb * 1_000_000 + 1)), 413) == "bundle_too_large"
    data = bundle_of(worker, generated)
    for changed, code in (({"max_photos": 2}, "too_many_photos"), ({"max_project_mb": 1}, None)):
        limited = settings.model_copy(update=changed)
        with serve_again(limited) as url, httpx.Client(base_url=f"{url}/api/v1", timeout=60, trust_env=False) as client:
            answer = send(client, data)
            if code:
                assert code_of(answer, 413) == code
            else:
                assert answer.status_code == 201


def test_a_bundle_is_listed_and_called_as_other_formats_are(api: httpx.Client, worker: Worker, generated: str) -> None:
    listed = {one["name"]: one for one in api.get("/formats").json()["items"]}
    assert listed["bundle"]["kind"] == "project" and listed["bundle"]["extension"] == ".bundle.zip"
    for body in ({"format": "ply", "light": True}, {"format": "bundle", "scale": 2.0}):
        assert code_of(api.post(f"/export/{generated}", json=body), 422) == "no_option_of_format"
    first = api.post(f"/export/{generated}", json={"format": "bundle"})
    assert first.status_code == 202, first.text
    worker.export(first.json()["run_id"])
    again = api.get(f"/export/{generated}", params={"format": "bundle", "wait": 0})
    assert (again.status_code, again.json()["reused_because"]) == (200, "identical_work")
    light = api.post(f"/export/{generated}", json={"format": "bundle", "light": True}, params={"dry_run": True}).json()
    assert light["would_run"] is True
    worker.export(api.post(f"/export/{generated}", json={"format": "ply"}).json()["run_id"])
    anew = api.post(f"/export/{generated}", json={"format": "bundle"})
    assert anew.status_code == 202, "the project holds another file now"


def test_a_link_shows_one_model_and_never_the_project(api: httpx.Client, worker: Worker, generated: str) -> None:
    give_substance(worker, generated)
    worker.export(api.post(f"/export/{generated}", json={"format": "bundle"}).json()["run_id"])
    share = api.post(f"/projects/{generated}/shares", json={"allow_download": True}).raise_for_status().json()
    shown = api.get(f"/shared/{share['share_key']}").raise_for_status()
    assert "bundle" not in shown.text and "ply" in shown.text
