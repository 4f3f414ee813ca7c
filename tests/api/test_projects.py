"""Projects and their lists."""

from __future__ import annotations

from typing import Any

import httpx


def test_create_read_rename(api: httpx.Client) -> None:
    made = api.post("/projects", json={"name": "  Vase "})
    assert made.status_code == 201 and made.json()["name"] == "Vase" and made.json()["status"] == "created"
    identifier = made.json()["id"]
    assert made.headers["location"] == f"/api/v1/projects/{identifier}"
    assert api.get(f"/projects/{identifier}").json() == made.json()
    assert api.patch(f"/projects/{identifier}", json={"name": "Vase 2"}).json()["name"] == "Vase 2"
    assert api.post("/projects").json()["name"] == "Untitled"
    assert "owner_id" not in made.json()


def test_lists_are_read_in_parts(api: httpx.Client, worker: Any, project_id: str) -> None:
    for number in range(5):
        api.post("/projects", json={"name": f"part {number}"})
    read: list[str] = []
    cursor = None
    while True:
        page = api.get("/projects", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        read += [project["id"] for project in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
        assert len(page["items"]) == 2
    assert len(read) == len(set(read)) >= 6
    assert read == [project["id"] for project in api.get("/projects", params={"limit": 500}).json()["items"]]

    worker.add_photos(project_id, 5)
    first = api.get(f"/projects/{project_id}/images", params={"limit": 3}).json()
    second = api.get(f"/projects/{project_id}/images", params={"limit": 3, "cursor": first["next"]}).json()
    assert [image["image_index"] for image in first["items"] + second["items"]] == list(range(5))
    assert second["next"] is None
    for limit in (0, 501):
        assert api.get("/projects", params={"limit": limit}).status_code == 422


def test_delete_takes_objects_and_rows(api: httpx.Client, worker: Any, photos: list[Any]) -> None:
    uploaded = api.post("/upload", files=photos).json()
    project = uploaded["project_id"]
    run_id = api.post(f"/generate/{project}").json()["run_id"]
    worker.generate(run_id)
    waiting = api.post(f"/refine/{project}").json()["run_id"]
    stored = "select count(*) as n from storage.objects where name like %s"
    assert worker.sql(stored, f"{project}/%")[0]["n"] > 8
    assert api.delete(f"/projects/{project}").status_code == 204
    assert worker.sql(stored, f"{project}/%")[0]["n"] == 0
    assert worker.sql("select count(*) as n from artifacts where project_id = %s", project)[0]["n"] == 0
    assert api.get(f"/projects/{project}").status_code == 404
    assert api.get(f"/runs/{waiting}").status_code == 404
    assert api.delete(f"/projects/{project}").status_code == 404
    assert httpx.get(uploaded["original_url"], trust_env=False).status_code == 400


def test_delete_waits_for_a_running_step(api: httpx.Client, worker: Any, generated: str) -> None:
    run_id = api.post(f"/refine/{generated}").json()["run_id"]
    worker.start(run_id)
    refused = api.delete(f"/projects/{generated}")
    assert refused.status_code == 409 and refused.json()["error"]["code"] == "project_busy"
    assert run_id in refused.json()["error"]["suggestion"]
    worker.finish_cancelled(run_id)
    assert api.delete(f"/projects/{generated}").status_code == 204


def test_addresses_are_signed_for_the_way_the_caller_came(api: httpx.Client, settings: Any, generated: str) -> None:
    host = f"localhost:{settings.port}"
    (model,) = api.get(f"/projects/{generated}/models", headers={"Host": host}).json()["items"]
    assert model["model_url"].startswith(f"http://{host}/storage/v1/object/sign/")
    assert model["unfiltered_url"] is None and set(model["objects"]) == {"model"}
    assert httpx.get(model["model_url"], trust_env=False).status_code == 200
