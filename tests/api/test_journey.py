"""The four steps over real HTTP, storage and database; only the computing is stood in for."""

from __future__ import annotations

from typing import Any

import httpx


def test_upload_makes_a_project_and_signs_what_it_stored(api: httpx.Client, photos: list[Any]) -> None:
    answer = api.post("/upload", files=photos)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [image["verdict"] for image in body["images"]] == ["ok"] * 3
    assert [image["filename"] for image in body["images"]] == ["IMG_0.jpg", "IMG_1.jpg", "IMG_2.jpg"]
    sent = httpx.get(body["original_url"], trust_env=False)
    assert sent.content == photos[0][1][1]
    assert httpx.get(body["processed_url"], trust_env=False).headers["content-type"] == "image/jpeg"
    status = api.get(f"/status/{body['project_id']}").json()
    assert status["project"]["status"] == "uploaded"
    assert status["pipeline_progress"] == {
        "upload": "completed",
        "generate": "pending",
        "refine": "pending",
        "export": "pending",
    }
    assert status["usable_images"] == 3


def test_the_four_steps_and_their_records(api: httpx.Client, worker: Any, photos: list[Any]) -> None:
    uploaded = api.post("/upload", files=[("files", photo) for _, photo in photos]).json()
    project = uploaded["project_id"]

    accepted = api.post(f"/generate/{project}", json={"preset": "fastest", "seed": 3})
    assert accepted.status_code == 202, accepted.text
    run_id = accepted.json()["run_id"]
    assert accepted.headers["location"] == f"/api/v1/runs/{run_id}"
    assert accepted.json()["queue_position"] >= 1
    worker.generate(run_id)
    generated = api.get(f"/runs/{run_id}").json()
    assert generated["status"] == "completed" and generated["seed"] == 3
    assert generated["result"]["views_generated"] == generated["result"]["depth_maps_generated"] == 3
    model_bytes = httpx.get(generated["result"]["model_url"], trust_env=False).content
    assert model_bytes == f"model0.ply of run {run_id}".encode()

    refine = api.post(f"/refine/{project}", json={"num_iterations": 2}).json()
    worker.refine(refine["run_id"])
    answer = api.get(f"/runs/{refine['run_id']}").json()
    assert answer["result"]["iterations_completed"] == 2 and answer["result"]["converged"] is True
    assert [metric["version"] for metric in answer["result"]["metrics"]] == [1, 2]
    assert answer["result"]["final_model_url"]

    export = api.post(f"/export/{project}", json={"format": "splat"}).json()
    worker.export(export["run_id"])
    served = api.get(f"/export/{project}", params={"format": "splat"})
    assert served.status_code == 200 and served.json()["reused"] is True
    assert served.json()["run_id"] == export["run_id"] and served.json()["version"] == 2
    file = httpx.get(served.json()["download_url"], trust_env=False)
    assert file.content == f"export.splat of run {export['run_id']}".encode()
    assert ".splat" in file.headers["content-disposition"]

    lengths = {
        noun: len(api.get(f"/projects/{project}/{noun}").raise_for_status().json()["items"])
        for noun in ("images", "views", "depth-maps", "models", "iterations", "metrics", "exports", "runs")
    }
    assert lengths == {
        "images": 3,
        "views": 3,
        "depth-maps": 3,
        "models": 3,
        "iterations": 2,
        "metrics": 3,
        "exports": 1,
        "runs": 4,
    }
    status = api.get(f"/status/{project}").json()
    assert set(status["pipeline_progress"].values()) == {"completed"}
    assert status["current_run"] is None and status["last_error"] is None
    assert [model["psnr"] for model in status["models"]] == [25.0, 26.0, 27.0]
    assert [row["psnr"] for row in status["iterations"]] == [26.0, 27.0]
