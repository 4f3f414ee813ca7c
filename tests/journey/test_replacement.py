"""A photo replaced through the real server: what is stale, what one refine makes again, and what it leaves alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.journey.test_main_job import SMALL, everything, fetched, send_photos
from tests.serving import Server

PATCH = (150, 110, 230, 190)
PHOTO = 2


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def picture(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).astype(float)


def cleaned(photo: Path) -> bytes:
    """The same photo with a magenta patch in its middle."""
    with Image.open(photo) as image:
        copy = image.copy()
    ImageDraw.Draw(copy).rectangle(PATCH, fill=(255, 0, 255))
    data = io.BytesIO()
    copy.save(data, "JPEG", quality=94)
    return data.getvalue()


def magenta(client: httpx.Client, project_id: str, version: int) -> float:
    """How much more red and blue than green a version shows where the patch is, 0 to 255."""
    shown = client.get(f"/projects/{project_id}/models/{version}/render", params={"view": f"{PHOTO:04d}.jpg"})
    assert shown.status_code == 200, shown.text
    pixels = picture(shown.content)
    scale = pixels.shape[1] / 400
    left, top, right, bottom = (round(side * scale) for side in PATCH)
    red, green, blue = pixels[top:bottom, left:right].reshape(-1, 3).mean(0)
    return float((red + blue) / 2 - green)


def stale(client: httpx.Client, project_id: str) -> dict[str, list[int]]:
    index = {"views": "view_index", "depth-maps": "view_index", "models": "version"}
    return {
        noun: [row[column] for row in everything(client, f"/projects/{project_id}/{noun}") if row["stale"]]
        for noun, column in index.items()
    }


def test_one_photo_is_replaced_and_one_refine_brings_it_up_to_date(client: httpx.Client, photos: list[Path]) -> None:
    project_id = send_photos(client, photos).json()["project_id"]
    address = f"/projects/{project_id}"

    def call(step: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = client.post(f"/{step}/{project_id}", params={"wait": 600}, json=body)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    call("generate", SMALL)
    short = {"num_iterations": 1, "steps_per_iteration": 150, "convergence_threshold": 0}
    call("refine", {**short, "from_version": 0, "steps_per_iteration": 20})
    assert stale(client, project_id) == {"views": [], "depth-maps": [], "models": []}
    views, depth = everything(client, f"{address}/views"), everything(client, f"{address}/depth-maps")

    data = cleaned(photos[PHOTO])
    answer = client.put(f"{address}/images/{PHOTO}", files={"file": ("cleaned.jpg", data, "image/jpeg")})
    assert answer.status_code == 200, answer.text
    assert answer.json()["next_step"] == "refine"
    assert stale(client, project_id) == {"views": [PHOTO], "depth-maps": [PHOTO], "models": [0, 1]}
    assert client.get(f"/status/{project_id}").json()["stale"] is True

    # The new photo counts from the next version on, also where that begins from one made of the old photo.
    this_one = {"views_to_refine": [PHOTO], "learning_rate": 0.03}
    made = call("refine", {**short, **this_one, "from_version": 0})["final_version"]
    assert stale(client, project_id) == {"views": [], "depth-maps": [], "models": [0, 1]}
    # The other photos still show the village there, so it is a tinge.
    assert magenta(client, project_id, made) > magenta(client, project_id, 0) + 15

    after = everything(client, f"{address}/views")
    unsigned = [{**row, "image_url": None} for row in views], [{**row, "image_url": None} for row in after]
    for before, now in zip(*unsigned, strict=True):
        if now["view_index"] != PHOTO:
            assert now == before, "the other views' rows and objects are as they were"
    new = after[PHOTO]
    assert (new["generation"], new["replaces_id"]) == (1, views[PHOTO]["id"])
    assert new["details"]["how"] == "same_place" and new["camera"] == views[PHOTO]["camera"]
    assert picture(fetched(client, new["image_url"]))[150, 190].tolist() == pytest.approx([255, 0, 255], abs=12)
    old = next(row for row in everything_ever(client, f"{address}/views") if row["id"] == new["replaces_id"])
    assert old["objects"] == views[PHOTO]["objects"] and fetched(client, old["image_url"])[:2] == b"\xff\xd8"
    depth_now = everything(client, f"{address}/depth-maps")
    assert [row["view_index"] for row in depth_now] == list(range(12))
    kept = {row["id"] for row in depth} & {row["id"] for row in depth_now}
    assert len(kept) == 11 and {row["view_id"] for row in depth_now if row["id"] not in kept} == {new["id"]}

    # A version refined from the fresh one is fresh, and nothing has to be made again.
    further = call("refine", {**short, "from_version": made, "steps_per_iteration": 20})["final_version"]
    assert stale(client, project_id)["models"] == [0, 1]
    assert everything(client, f"{address}/views")[PHOTO]["id"] == new["id"]
    assert further == made + 1


def everything_ever(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    answer = client.get(path, params={"limit": 100, "all": True})
    items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
    return items


def test_a_photo_that_fits_nowhere_fails_the_refine_and_changes_nothing(
    client: httpx.Client, photos: list[Path]
) -> None:
    project_id = send_photos(client, photos[:6]).json()["project_id"]
    answer = client.post(f"/generate/{project_id}", params={"wait": 600}, json={**SMALL, "iterations": 20})
    assert answer.status_code == 200, answer.text
    views = everything(client, f"/projects/{project_id}/views")
    cells = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(cells).resize((400, 300), Image.Resampling.BICUBIC).save(data, "JPEG", quality=94)
    sent = client.put(f"/projects/{project_id}/images/3", files={"file": ("sofa.jpg", data.getvalue(), "image/jpeg")})
    assert sent.status_code == 200, sent.text
    failed = client.post(f"/refine/{project_id}", params={"wait": 300}, json={"num_iterations": 1})
    assert failed.status_code == 422
    error = failed.json()["error"]
    assert error["code"] == "replaced_photo_not_placed" and "'sofa.jpg'" in error["message"]
    assert "generate again" in error["suggestion"]
    assert [row["id"] for row in everything(client, f"/projects/{project_id}/views")] == [row["id"] for row in views]
    assert [model["version"] for model in everything(client, f"/projects/{project_id}/models")] == [0]
    # Another photo, of the place again, and the same refine goes through.
    with photos[3].open("rb") as good:
        sent = client.put(f"/projects/{project_id}/images/3", files={"file": ("3.jpg", good, "image/jpeg")})
    assert sent.json()["stale"] == {"views": [], "depth_maps": [], "models": []}
    body = {"num_iterations": 1, "steps_per_iteration": 5}
    assert client.post(f"/refine/{project_id}", params={"wait": 300}, json=body).status_code == 200
