"""Replace a photo over HTTP: refusals in words, repeated calls, races, history in lists, staleness in status."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from maquette.settings import Settings


def error(answer: httpx.Response) -> dict[str, Any]:
    told: dict[str, Any] = answer.json()["error"]
    assert told["suggestion"] or told["code"] == "internal_error"
    return told


def form(data: bytes, name: str = "again.jpg", field: str = "file") -> list[Any]:
    return [(field, (name, data, "image/jpeg"))]


@pytest.fixture
def uploaded(api: httpx.Client, photos: list[Any]) -> str:
    """A project with three real photos."""
    identifier: str = api.post("/upload", files=photos).raise_for_status().json()["project_id"]
    return identifier


@pytest.fixture
def made(api: httpx.Client, worker: Any, uploaded: str) -> str:
    """With a first version, whose views, depth maps and model are made of the photos; photo 0 is held out."""
    worker.generate(api.post(f"/generate/{uploaded}").raise_for_status().json()["run_id"])
    worker.sql(
        "insert into public.artifact_inputs select v.image_artifact_id, i.processed_artifact_id"
        " from public.multiview_generation v join public.source_images i"
        " on i.project_id = v.project_id and i.image_index = v.view_index where v.project_id = %s",
        uploaded,
    )
    worker.sql(
        "update public.multiview_generation v set source_image_id = i.id from public.source_images i"
        " where i.project_id = v.project_id and i.image_index = v.view_index and v.project_id = %s",
        uploaded,
    )
    worker.sql(
        "insert into public.artifact_inputs select m.model_artifact_id, v.image_artifact_id"
        " from public.gaussian_splat_models m join public.multiview_generation v using (project_id)"
        " where m.project_id = %s and v.split = 'training'",
        uploaded,
    )
    return uploaded


def items(api: httpx.Client, project: str, noun: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        api.get(f"/projects/{project}/{noun}", params=query).raise_for_status().json()["items"]
    )
    return found


def test_a_photo_takes_the_place_of_another(api: httpx.Client, made: str, photo: Any) -> None:
    before = items(api, made, "images")
    answer = api.put(f"/projects/{made}/images/1", files=form(photo(31))).raise_for_status().json()
    assert (answer["changed"], answer["reused"], answer["next_step"]) == (True, False, "refine")
    assert answer["stale"] == {"views": ["0001.jpg"], "depth_maps": ["0001.jpg"], "models": [0]}
    image = answer["image"]
    assert (image["image_index"], image["generation"], image["replaces_id"]) == (1, 1, before[1]["id"])
    assert httpx.get(image["original_url"], trust_env=False).content == photo(31)

    now, every = items(api, made, "images"), items(api, made, "images", all=True)
    assert [one["filename"] for one in now] == ["IMG_0.jpg", "again.jpg", "IMG_2.jpg"]
    assert [one["id"] for one in every] == [before[0]["id"], before[1]["id"], image["id"], before[2]["id"]]
    old = every[1]
    assert old["replaced_at"] and old["stale"] and httpx.get(old["original_url"], trust_env=False).content == photo(1)
    for noun in ("views", "depth-maps"):
        assert [(row["view_index"], row["stale"]) for row in items(api, made, noun)] == [
            (0, False),
            (1, True),
            (2, False),
        ]
    [model] = items(api, made, "models")
    assert model["stale"] and model["stale_because"][0]["filename"] == "IMG_1.jpg"
    status = api.get(f"/status/{made}").json()
    assert status["images"] == 3 and status["stale"] and status["stale_because"][0]["image_index"] == 1
    assert [one["stale"] for one in status["models"]] == [True]
    [event] = [e for e in api.get(f"/projects/{made}/events").json()["items"] if e["type"] == "replace"]
    assert event["payload"]["image_id"] == image["id"]


def test_nothing_is_stale_before(api: httpx.Client, made: str) -> None:
    assert [row["stale"] for noun in ("images", "views", "depth-maps", "models") for row in items(api, made, noun)] == [
        False
    ] * 10
    status = api.get(f"/status/{made}").json()
    assert (status["stale"], status["stale_because"]) == (False, [])


def test_before_a_generate_nothing_has_to_be_made_again(api: httpx.Client, uploaded: str, photo: Any) -> None:
    answer = api.put(f"/projects/{uploaded}/images/0", files=form(photo(32))).raise_for_status().json()
    assert answer["stale"] == {"views": [], "depth_maps": [], "models": []} and answer["next_step"] == "generate"
    same = api.put(f"/projects/{uploaded}/images/0", files=form(photo(32))).raise_for_status().json()
    assert same["changed"] is False and same["image"]["id"] == answer["image"]["id"]


def test_a_refine_of_other_photos_is_other_work(api: httpx.Client, worker: Any, made: str, photo: Any) -> None:
    first = api.post(f"/refine/{made}").json()
    worker.refine(first["run_id"])
    assert api.post(f"/refine/{made}", json={"from_version": 0}).json()["reused_because"] == "identical_work"
    api.put(f"/projects/{made}/images/2", files=form(photo(33))).raise_for_status()
    again = api.post(f"/refine/{made}", json={"from_version": 0}).json()
    assert (again["status"], again["reused"]) == ("queued", False)


@pytest.mark.parametrize("step", ["generate", "refine"])
def test_not_while_a_step_waits_or_runs(api: httpx.Client, worker: Any, made: str, photo: Any, step: str) -> None:
    run = api.post(f"/{step}/{made}", params={"fresh": True}).json()["run_id"]
    refused = api.put(f"/projects/{made}/images/1", files=form(photo(34)))
    assert refused.status_code == 409 and error(refused)["code"] == "photos_in_use"
    assert run in error(refused)["suggestion"]
    worker.start(run)
    assert error(api.put(f"/projects/{made}/images/1", files=form(photo(34))))["code"] == "photos_in_use"
    worker.finish_cancelled(run)
    assert api.put(f"/projects/{made}/images/1", files=form(photo(34))).status_code == 200


def test_a_held_out_photo_stays(api: httpx.Client, made: str, photo: Any) -> None:
    refused = api.put(f"/projects/{made}/images/0", files=form(photo(35)))
    assert refused.status_code == 409 and error(refused)["code"] == "held_out_photo_fixed"
    assert "IMG_0.jpg" in error(refused)["message"]


def test_what_cannot_be_used(api: httpx.Client, uploaded: str, photo: Any) -> None:
    good = photo(36)
    for address, files, data, status, code in (
        ("images/3", form(good), {}, 404, "image_not_found"),
        ("images/-1", form(good), {}, 422, "invalid_parameters"),
        ("images/x", form(good), {}, 422, "invalid_parameters"),
        ("images/0", form(b"no picture"), {}, 422, "no_usable_photos"),
        ("images/0", form(photo(1)), {}, 422, "duplicate_photo"),
        ("images/0", [*form(good), *form(photo(37))], {}, 413, "too_many_photos"),
        ("images/0", form(good, field="views"), {}, 422, "unknown_field"),
        ("images/0", form(good), {"project_id": uploaded}, 422, "unknown_field"),
        ("images/0", form(good), {"colour": "red"}, 422, "unknown_field"),
        ("images/0", form(b"x" * 1_100_000), {}, 413, "file_too_large"),
    ):
        answer = api.put(f"/projects/{uploaded}/{address}", files=files, data=data)
        assert (answer.status_code, error(answer)["code"]) == (status, code), address
    empty = api.put(f"/projects/{uploaded}/images/0", files=[("original_resolution", (None, "true"))])
    assert error(empty)["code"] == "no_files"
    assert error(api.put(f"/projects/{uploaded}/images/0", json={}))["code"] == "not_multipart"
    assert error(api.put(f"/projects/{uuid.uuid4()}/images/0", files=form(good)))["code"] == "project_not_found"
    assert [one["generation"] for one in items(api, uploaded, "images", all=True)] == [0, 0, 0]


def test_a_good_photo_needs_room_in_the_place_of_a_bad_one(
    api: httpx.Client, settings: Settings, uploaded: str, photo: Any
) -> None:
    api.post("/upload", files=[*form(photo(1), "copy.jpg"), *form(photo(40), "d.jpg")], data={"project_id": uploaded})
    more = [("file", (f"{n}.jpg", photo(n), "image/jpeg")) for n in range(41, 41 + settings.max_photos - 4)]
    for start in range(0, len(more), 2):
        api.post("/upload", files=more[start : start + 2], data={"project_id": uploaded}).raise_for_status()
    assert [one["image_index"] for one in items(api, uploaded, "images") if one["verdict"] == "rejected"] == [3]
    refused = api.put(f"/projects/{uploaded}/images/3", files=form(photo(60)))
    assert error(refused)["code"] == "too_many_photos"
    assert api.put(f"/projects/{uploaded}/images/4", files=form(photo(60))).status_code == 200


def test_a_repeated_call_replaces_once(api: httpx.Client, worker: Any, made: str, photo: Any) -> None:
    headers = {"Idempotency-Key": "again"}
    address = f"/projects/{made}/images/1"
    first = api.put(address, files=form(photo(38)), headers=headers).raise_for_status().json()
    # A refine that waits keeps new photos out, not the answer to a call that was heard before.
    api.post(f"/refine/{made}").raise_for_status()
    again = api.put(address, files=form(photo(38)), headers=headers).raise_for_status().json()
    assert [first["reused"], again["reused"], again["reused_because"]] == [False, True, "idempotency_key"]
    assert again["image"]["id"] == first["image"]["id"]
    for other in (
        api.put(address, files=form(photo(39)), headers=headers),
        api.put(f"/projects/{made}/images/2", files=form(photo(38)), headers=headers),
    ):
        assert error(other)["code"] == "idempotency_key_reused"
    assert len(items(api, made, "images", all=True)) == 4


def test_calls_at_the_same_moment(api: httpx.Client, uploaded: str, photo: Any) -> None:
    """With one key they are one; without, each photo has its turn and one of them stands at the end."""
    address = f"/projects/{uploaded}/images/1"
    with ThreadPoolExecutor(3) as together:
        keyed = list(
            together.map(
                lambda _: api.put(address, files=form(photo(38)), headers={"Idempotency-Key": "t"}).json(), range(3)
            )
        )
        assert len({answer["image"]["id"] for answer in keyed}) == 1
        assert sorted(answer["reused"] for answer in keyed) == [False, True, True]
        others = list(together.map(lambda n: api.put(address, files=form(photo(n))), range(50, 53)))
    assert {answer.status_code for answer in others} == {200}
    every = [one for one in items(api, uploaded, "images", all=True) if one["image_index"] == 1]
    assert [one["generation"] for one in every] == [0, 1, 2, 3, 4]
    assert [one["replaced_at"] is None for one in every] == [False] * 4 + [True]


def test_a_body_beyond_the_limit_of_small_ones_is_taken_here_only(api: httpx.Client, uploaded: str) -> None:
    large = b"x" * 400_000
    assert error(api.put(f"/projects/{uploaded}/images/0", files=form(large)))["code"] == "no_usable_photos"
    assert error(api.post(f"/projects/{uploaded}/images/0", files=form(large)))["code"] == "body_too_large"
