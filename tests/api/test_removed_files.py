"""What retention has taken is told as gone: 410 and what to do, null in lists, never a link that leads nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.api.substance import give_substance
from tests.api.worker import Worker

Remove = Callable[[str], None]


def gone(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (410, "file_removed"), answer.text
    assert error["suggestion"] and error["details"]["removed_at"]
    return error


@pytest.fixture
def remove(worker: Worker, generated: str) -> Remove:
    """Mark the project's artifacts of a kind as removed, which is all that a reader can know."""

    def marked(kind: str) -> None:
        worker.sql(
            "update public.artifacts set removed_at = now() where project_id = %s and kind = %s", generated, kind
        )

    return marked


@pytest.fixture
def checkpointed(worker: Worker, generated: str) -> str:
    """Its version has a checkpoint and a filtered variant of its own."""
    add = (
        "insert into public.artifacts (project_id, kind, bucket, path, sha256, bytes, mime)"
        " values (%s, %s, '3d-models', %s, repeat('b', 64), 1, 'x/y') returning id"
    )
    ids = [worker.sql(add, generated, name, f"{generated}/{name}")[0]["id"] for name in ("checkpoint", "filtered")]
    worker.sql(
        "update public.gaussian_splat_models set checkpoint_artifact_id = %s, filtered_artifact_id = %s"
        " where project_id = %s",
        *ids,
        generated,
    )
    return generated


def test_lists_show_it_with_its_date_and_no_address(api: httpx.Client, generated: str, remove: Remove) -> None:
    [before] = api.get(f"/projects/{generated}/models").json()["items"]
    assert before["model_url"] and before["objects"]["model"]["removed_at"] is None
    remove("view")
    remove("model")
    [model] = api.get(f"/projects/{generated}/models").json()["items"]
    assert model["model_url"] is None and model["objects"]["model"]["removed_at"]
    views = api.get(f"/projects/{generated}/views").json()["items"]
    assert [view["image_url"] for view in views] == [None] * 3
    assert all(view["objects"]["image"]["removed_at"] for view in views)


@pytest.mark.parametrize("kind", ["checkpoint", "view", "model"])
def test_refine_needs_all_of_it(api: httpx.Client, checkpointed: str, remove: Remove, kind: str) -> None:
    remove(kind)
    assert "generate" in gone(api.post(f"/refine/{checkpointed}"))["suggestion"]
    gone(api.post(f"/refine/{checkpointed}", json={"from_version": 0}))
    assert api.get(f"/projects/{checkpointed}/runs").json()["items"][0]["step"] == "generate", "nothing was queued"


def test_export_needs_what_it_reads(api: httpx.Client, checkpointed: str, remove: Remove) -> None:
    remove("checkpoint")
    remove("filtered")
    gone(api.post(f"/export/{checkpointed}", json={"format": "ply", "filter_floaters": True}))
    assert api.post(f"/export/{checkpointed}", json={"format": "ply"}).status_code == 202
    remove("model")
    gone(api.post(f"/export/{checkpointed}", json={"format": "splat"}))


def test_an_export_that_is_gone_is_made_again(
    api: httpx.Client, worker: Worker, generated: str, remove: Remove
) -> None:
    keyed = {"Idempotency-Key": "the-same"}
    first = api.post(f"/export/{generated}", json={"format": "ply"}, headers=keyed).json()["run_id"]
    worker.export(first)
    assert api.get(f"/export/{generated}").json()["run_id"] == first
    remove("export")
    told = api.get(f"/runs/{first}").json()
    assert (told["status"], told["result"]["download_url"]) == ("completed", None), "a run can be read for ever"
    gone(api.post(f"/export/{generated}", json={"format": "ply"}, headers=keyed))
    again = api.get(f"/export/{generated}", params={"wait": 0})
    assert again.status_code == 202 and again.json()["run_id"] != first, "a file that is gone is no reason to reuse"


def test_pictures(api: httpx.Client, worker: Worker, generated: str, remove: Remove) -> None:
    give_substance(worker, generated)
    at = f"/projects/{generated}/models/0/render"
    remove("view")
    assert api.get(at, params={"view": "0"}).status_code == 200, "a render needs no photo"
    gone(api.get(at, params={"view": "0", "output": "error"}))
    remove("model")
    gone(api.get(at, params={"view": "1"}))


def test_a_lost_photo_is_asked_for_again(api: httpx.Client, project_id: str, photos: Any, worker: Worker) -> None:
    assert api.post("/upload", data={"project_id": project_id}, files=photos).status_code == 200
    worker.sql(
        "update public.artifacts a set removed_at = now() from public.source_images i"
        " where i.project_id = %s and i.image_index = 1 and a.id = i.processed_artifact_id",
        project_id,
    )
    assert "images/1" in gone(api.post(f"/generate/{project_id}"))["suggestion"]
    [_, (_, sent), _] = photos
    mended = api.put(f"/projects/{project_id}/images/1", files={"file": sent})
    assert mended.status_code == 200, mended.text
    assert api.post(f"/generate/{project_id}").status_code == 202


def test_a_shared_model_that_is_gone(api: httpx.Client, generated: str, remove: Remove) -> None:
    link = api.post(f"/projects/{generated}/shares", json={"allow_download": True}).json()
    remove("model")
    shared = api.get(f"/shared/{link['share_key']}").json()
    assert shared["model_url"] is None and shared["formats"] == []
    gone(api.get(f"/shared/{link['share_key']}/render", params={"view": "0"}))
