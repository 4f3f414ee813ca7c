"""What is refused for want of room, and that what may go on does: runs, stored bytes, Gaussians, photos, disk."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx
import pytest

from maquette.settings import Settings

Photo = Callable[[int], bytes]
Limited = Callable[..., AbstractContextManager[httpx.Client]]


@pytest.fixture
def limited(settings: Settings, serve_again: Callable[[Settings], AbstractContextManager[str]]) -> Limited:
    """A client of another server on the same database, with limits of its own."""

    @contextmanager
    def serve(**limits: int) -> Iterator[httpx.Client]:
        with (
            serve_again(settings.model_copy(update=limits)) as url,
            httpx.Client(base_url=f"{url}/api/v1", timeout=60, trust_env=False) as client,
        ):
            yield client

    return serve


@pytest.fixture
def files(photo: Photo) -> list[Any]:
    return [("file", (f"{n}.jpg", photo(n), "image/jpeg")) for n in range(3)]


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] == code and error["suggestion"]
    return error


def stored(worker: Any) -> int:
    """Bytes of all objects of the one owner of this stack."""
    return int(
        worker.sql("select coalesce(sum(bytes), 0) as bytes from public.artifacts where removed_at is null")[0]["bytes"]
    )


def unfinished(worker: Any) -> int:
    found = worker.sql("select count(*) as n from public.runs where status in ('queued', 'running')")
    return int(found[0]["n"])


def other_projects(api: httpx.Client, worker: Any, count: int) -> list[str]:
    ids = [api.post("/projects", json={"name": f"Many {n}"}).json()["id"] for n in range(count)]
    for one in ids:
        worker.add_photos(one)
    return ids


class TestRuns:
    def test_an_owner_has_so_many_unfinished_runs(self, api: httpx.Client, worker: Any, limited: Limited) -> None:
        first, second = other_projects(api, worker, 2)
        with limited(max_runs_per_owner=unfinished(worker) + 1) as client:
            made = client.post(f"/generate/{first}")
            assert made.status_code == 202
            answer = client.post(f"/generate/{second}")
            error = refused(answer, 503, "too_many_runs")
            assert error["details"] == {"unfinished": unfinished(worker), "allowed": unfinished(worker)}
            assert int(answer.headers["retry-after"]) > 0
            # Work that is in line already takes no other place in it.
            again = client.post(f"/generate/{first}")
            assert again.status_code == 202 and again.json()["run_id"] == made.json()["run_id"]
            client.post(f"/runs/{made.json()['run_id']}/cancel", json={"confirm": True}).raise_for_status()
            assert client.post(f"/generate/{second}").status_code == 202

    def test_calls_at_the_same_moment_see_each_other(self, api: httpx.Client, worker: Any, limited: Limited) -> None:
        projects = other_projects(api, worker, 6)
        with limited(max_runs_per_owner=unfinished(worker) + 2) as client, ThreadPoolExecutor(6) as together:
            answers = list(together.map(lambda one: client.post(f"/generate/{one}").status_code, projects))
        assert sorted(answers) == [202, 202, 503, 503, 503, 503]

    def test_a_retry_needs_a_place_too(self, api: httpx.Client, worker: Any, limited: Limited) -> None:
        (project,) = other_projects(api, worker, 1)
        run = api.post(f"/generate/{project}").json()["run_id"]
        api.post(f"/runs/{run}/cancel", json={"confirm": True}).raise_for_status()
        (other,) = other_projects(api, worker, 1)
        assert api.post(f"/generate/{other}").status_code == 202
        with limited(max_runs_per_owner=unfinished(worker)) as client:
            refused(client.post(f"/runs/{run}/retry"), 503, "too_many_runs")
        assert api.post(f"/runs/{run}/retry").status_code == 202


class TestStoredBytes:
    def test_of_an_owner(self, api: httpx.Client, worker: Any, limited: Limited, files: list[Any]) -> None:
        kept = api.post("/upload", files=files).raise_for_status().json()["project_id"]
        allowed_mb = stored(worker) // 1_000_000 + 1
        left = allowed_mb * 1_000_000 - stored(worker)
        with limited(max_stored_mb_per_owner=allowed_mb, max_file_mb=9, max_upload_mb=9) as client:
            projects = len(client.get("/projects", params={"limit": 200}).json()["items"])
            beyond = [("file", ("a.jpg", io.BytesIO(bytes(left + 1)), "image/jpeg"))]
            error = refused(client.post("/upload", files=beyond), 413, "storage_quota_reached")
            assert error["details"]["allowed_bytes"] == allowed_mb * 1_000_000
            assert error["details"]["used_bytes"] == stored(worker)
            largest = error["details"]["largest"]
            assert 1 <= len(largest) <= 3 and largest[0]["bytes"] >= largest[-1]["bytes"] > 0
            assert {"project_id", "name", "bytes"} == set(largest[0])
            assert len(client.get("/projects", params={"limit": 200}).json()["items"]) == projects
            assert client.post(f"/generate/{kept}").status_code == 202
        ballast = api.post("/upload", files=files).raise_for_status().json()["project_id"]
        worker.sql("update public.artifacts set bytes = bytes + 1000000000 where project_id = %s", ballast)
        with limited(max_stored_mb_per_owner=allowed_mb) as client:
            error = refused(client.post(f"/generate/{kept}", json={"seed": 9}), 413, "storage_quota_reached")
            assert error["details"]["largest"][0]["project_id"] == ballast
            # A body that is announced as too much is not waited for.
            big = [("file", ("a.jpg", bytes(1_900_000), "image/jpeg"))]
            refused(client.post("/upload", files=big), 413, "storage_quota_reached")
            # What was removed takes no room.
            worker.sql("update public.artifacts set removed_at = now() where project_id = %s", ballast)
            assert client.post(f"/generate/{kept}", json={"seed": 9}).status_code == 202

    def test_of_a_project(self, api: httpx.Client, worker: Any, limited: Limited, files: list[Any]) -> None:
        project = api.post("/upload", files=files).raise_for_status().json()["project_id"]
        worker.sql("update public.artifacts set bytes = 400000 where project_id = %s", project)  # 6 of them
        more = [("file", ("b.jpg", files[0][1][1] + bytes(700_000), "image/jpeg"))]
        with limited(max_project_mb=3) as client:
            answer = client.post("/upload", data={"project_id": project}, files=more)
            error = refused(answer, 413, "project_too_large")
            assert error["details"] == {"used_bytes": 2_400_000, "allowed_bytes": 3_000_000}
            one = {"file": ("b.jpg", files[0][1][1] + bytes(700_000), "image/jpeg")}
            refused(client.put(f"/projects/{project}/images/0", files=one), 413, "project_too_large")
            assert client.post(f"/generate/{project}").status_code == 202
            # Another project has room of its own.
            assert client.post("/upload", files=more).status_code == 200
        with limited(max_project_mb=2) as client:
            refused(client.post(f"/generate/{project}", json={"seed": 3}), 413, "project_too_large")

    def test_a_repeated_upload_is_answered_where_there_is_no_room_for_another(
        self, api: httpx.Client, worker: Any, limited: Limited, files: list[Any]
    ) -> None:
        key = {"Idempotency-Key": "no-room"}
        first = api.post("/upload", files=files, headers=key).raise_for_status().json()
        worker.sql("update public.artifacts set bytes = bytes + 1000000 where project_id = %s", first["project_id"])
        with limited(max_stored_mb_per_owner=1) as client:
            again = client.post("/upload", files=files, headers=key)
            assert again.status_code == 200 and again.json()["run_id"] == first["run_id"]
            refused(client.post("/upload", files=files, headers={"Idempotency-Key": "x"}), 413, "storage_quota_reached")


def test_nothing_begins_on_a_low_disk(
    api: httpx.Client, worker: Any, limited: Limited, settings: Settings, files: list[Any]
) -> None:
    (project,) = other_projects(api, worker, 1)
    run = api.post(f"/generate/{project}").json()["run_id"]
    with limited(disk_floor_mb=10**9) as client:
        for answer in (
            client.post("/upload", files=files),
            client.post(f"/generate/{project}", json={"seed": 2}),
            client.put(f"/projects/{project}/images/0", files={"file": files[0][1]}),
        ):
            refused(answer, 503, "disk_low")
            assert int(answer.headers["retry-after"]) > 0
        health = client.get("/health").json()
        assert not health["disk"]["ok"] and health["status"] == "degraded"
        # What was asked for before is answered, and goes on.
        assert client.post(f"/generate/{project}").json()["run_id"] == run
        assert client.get(f"/status/{project}").status_code == 200
    assert not list((settings.home / "incoming").iterdir())


class TestGaussians:
    def test_more_than_the_server_makes(self, api: httpx.Client, worker: Any, limited: Limited) -> None:
        (project,) = other_projects(api, worker, 1)
        with limited(max_gaussians=1000) as client:
            error = refused(
                client.post(f"/generate/{project}", json={"max_gaussians": 1001}), 422, "too_many_gaussians"
            )
            assert error["details"] == {"max_gaussians": 1000, "given": 1001}
            assert client.post(f"/generate/{project}", json={"max_gaussians": 1000}).status_code == 202

    def test_a_lowered_preset_is_other_work(self, api: httpx.Client, worker: Any, limited: Limited) -> None:
        (project,) = other_projects(api, worker, 1)
        whole = api.post(f"/generate/{project}").json()["run_id"]
        with limited(max_gaussians=1000) as client:
            lowered = client.post(f"/generate/{project}").json()
            assert lowered["run_id"] != whole
            assert client.post(f"/generate/{project}").json()["run_id"] == lowered["run_id"]
        with limited(max_gaussians=150_000) as client:  # which is what the preset makes
            assert client.post(f"/generate/{project}").json()["run_id"] == whole


def test_how_many_photos_are_needed_is_a_setting(api: httpx.Client, worker: Any, limited: Limited) -> None:
    (project,) = other_projects(api, worker, 1)
    with limited(min_photos=4) as client:
        error = refused(client.post(f"/generate/{project}"), 422, "not_enough_photos")
        assert (error["details"]["found"], error["details"]["needed"]) == (3, 4)
        worker.add_photos(project, 1)
        assert client.post(f"/generate/{project}").status_code == 202


def test_a_photos_pixels(limited: Limited, photo: Callable[..., bytes]) -> None:
    # 640 x 512 and 1280 x 1024 pixels.
    sent = [("file", ("a.jpg", photo(1), "image/jpeg")), ("file", ("b.jpg", photo(2, 1280, 1024), "image/jpeg"))]
    with limited(max_megapixels=1) as client:
        images = client.post("/upload", files=sent).raise_for_status().json()["images"]
    assert [image["verdict"] == "rejected" for image in images] == [False, True]
    assert images[1]["reasons"][0]["code"] == "image_too_large"


def test_status_shows_what_a_project_uses_of_its_limits(api: httpx.Client, worker: Any, files: list[Any]) -> None:
    project = api.post("/upload", files=[*files, ("file", ("x.txt", b"text", "text/plain"))]).json()["project_id"]
    worker.sql("update public.artifacts set bytes = 1000 where project_id = %s", project)  # 6 of them
    one = "update public.artifacts set removed_at = now() where id = (select max(id::text)::uuid from public.artifacts"
    worker.sql(f"{one} where project_id = %s)", project)
    assert api.get(f"/status/{project}").json()["usage"] == {
        "photos": 3,
        "max_photos": 8,
        "stored_bytes": 5000,
        "max_stored_bytes": 50_000_000_000,
    }
