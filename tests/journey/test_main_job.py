"""The main job through the real server: upload, generate, refine, export, by REST calls, as the README shows them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest
from PIL import Image

from maquette.recon.formats import format_named
from tests.serving import SMALL, Server, everything, fetched, send_photos


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def test_generate_answers_what_it_made(project: dict[str, Any]) -> None:
    generated = project["generate"]
    assert generated["status"] == "completed"
    assert generated["views_generated"] == generated["depth_maps_generated"] == generated["photos_placed"] == 12
    # Twelve 240 px photos and 300 iterations: a model one can recognise, and no more.
    assert generated["psnr"] > 17
    assert generated["num_gaussians"] > 300


def test_refine_raises_quality_and_keeps_each_round_as_a_version(client: httpx.Client, project: dict[str, Any]) -> None:
    refined = project["refine"]
    assert refined["iterations_completed"] == 2
    assert [m["version"] for m in refined["metrics"]] == [1, 2]
    models = everything(client, f"/projects/{project['id']}/models")
    # Other tests may have branched off further versions before this one runs.
    assert [(m["version"], m["parent_version"]) for m in models[:3]] == [(0, None), (1, 0), (2, 1)]
    assert models[2]["psnr"] > models[0]["psnr"]
    assert [m["promoted"] for m in models].count(True) == 1
    best = max(models, key=lambda m: m["overall_quality"])
    assert best["promoted"]


def test_refining_an_older_version_makes_a_branch(client: httpx.Client, project: dict[str, Any]) -> None:
    body = {"from_version": 0, "num_iterations": 1, "steps_per_iteration": 20, "learning_rate": 0.005}
    answer = client.post(f"/refine/{project['id']}", params={"wait": 300}, json=body)
    assert answer.status_code == 200, answer.text
    made = answer.json()["final_version"]
    models = {m["version"]: m for m in everything(client, f"/projects/{project['id']}/models")}
    assert models[made]["parent_version"] == 0


def test_every_intermediate_is_a_row_and_an_object_with_its_hash(client: httpx.Client, project: dict[str, Any]) -> None:
    project_id = project["id"]
    images = everything(client, f"/projects/{project_id}/images")
    views = everything(client, f"/projects/{project_id}/views")
    depth = everything(client, f"/projects/{project_id}/depth-maps")
    models = everything(client, f"/projects/{project_id}/models")
    exports = everything(client, f"/projects/{project_id}/exports")
    assert len(images) == len(views) == len(depth) == 12
    assert all(image["placed"] for image in images)
    assert [v["view_index"] for v in views if v["split"] == "held_out"] == [0, 8]
    assert all(len(v["camera"]["camera_from_world"]) == 4 for v in views)
    assert {d["method"] for d in depth} == {"rendered_median"}
    assert min(d["coverage"] for d in depth) > 0.5
    model = fetched(client, models[0]["model_url"])
    assert hashlib.sha256(model).hexdigest() == models[0]["objects"]["model"]["sha256"]
    for name in ("unfiltered_url", "checkpoint_url", "preview_url"):
        assert len(fetched(client, models[0][name])) > 1000
    assert models[0]["num_gaussians"] <= models[0]["num_gaussians_unfiltered"]
    assert exports[0]["format"] == "splat"
    assert exports[0]["bytes"] == len(fetched(client, project["export"]["download_url"]))


def test_each_round_keeps_what_it_looked_at(client: httpx.Client, project: dict[str, Any]) -> None:
    rounds = {i["version"]: i for i in everything(client, f"/projects/{project['id']}/iterations")}
    views = everything(client, f"/projects/{project['id']}/enhanced-views")
    assert {1, 2} <= set(rounds) == {view["version"] for view in views}
    for view in views:
        assert view["iteration"] == rounds[view["version"]]["iteration"]
        assert view["method"] == "none" and view["enhanced_url"] is None
        assert view["objects"]["rendered"]["bucket"] == "enhanced-views"
    assert fetched(client, views[0]["rendered_url"]).startswith(b"\x89PNG")


def test_metrics_name_their_set_and_never_mix_splits(client: httpx.Client, project: dict[str, Any]) -> None:
    metrics = everything(client, f"/projects/{project['id']}/metrics")
    of_first = [m for m in metrics if m["version"] == 0]
    held_out = [m for m in of_first if m["split"] == "held_out"]
    views = [m for m in held_out if m["view_index"] is not None]
    mean = next(m for m in held_out if m["view_index"] is None)
    assert [m["view_index"] for m in views] == [0, 8]
    assert mean["psnr"] == pytest.approx(np.mean([m["psnr"] for m in views]))
    assert mean["eval_set"] is not None or mean["eval_set_id"] is not None
    trained_on = {m["view_index"] for m in of_first if m["split"] == "training"} - {None}
    assert trained_on
    assert not trained_on & {0, 8}


def test_versions_compare_by_number_and_by_picture(
    server: Server, client: httpx.Client, project: dict[str, Any]
) -> None:
    address = f"/projects/{project['id']}"
    told = client.get(f"{address}/compare", params={"a": "v0", "b": "v2"}).raise_for_status().json()
    assert told["path"] == [0, 1, 2] and told["difference"]["seconds"] is not None
    assert [view["name"] for view in told["held_out"]["views"]] == ["0000.jpg", "0008.jpg"]
    assert told["held_out"]["mean"]["psnr"]["difference"] > 0
    for pictures, numbers in zip(told["pictures"], told["held_out"]["views"], strict=True):
        for side in ("a", "b"):
            shown = client.get(pictures[side]["error_url"])
            assert shown.status_code == 200, shown.text
            # Drawn from the stored file, and yet exactly what was measured when the version was made.
            facts = json.loads(shown.headers["x-maquette-picture"])
            assert (facts["psnr"], facts["ssim"]) == (numbers["psnr"][side], numbers["ssim"][side])
    models = everything(client, f"{address}/models")
    best = max(models, key=lambda m: (m["overall_quality"], -m["version"]))
    with database(server) as conn:
        by_sql = "select version, quality_class from public.best_models where project_id = %s"
        assert conn.execute(by_sql, [project["id"]]).fetchall() == [(best["version"], best["quality_class"])]


def test_exported_splat_holds_the_promoted_model(client: httpx.Client, project: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "model.splat"
    path.write_bytes(fetched(client, project["export"]["download_url"]))
    models = everything(client, f"/projects/{project['id']}/models")
    exported = next(m for m in models if m["version"] == project["export"]["version"])
    assert len(format_named("splat").read(path)) == exported["num_gaussians"]


def test_the_same_export_twice_is_served_at_once(client: httpx.Client, project: dict[str, Any]) -> None:
    body = {"format": "splat", "version": project["export"]["version"]}
    again = client.post(f"/export/{project['id']}", params={"wait": 60}, json=body)
    assert again.json()["reused"] is True
    assert again.json()["sha256"] == project["export"]["sha256"]


def test_events_have_no_gap_and_tell_each_end(client: httpx.Client, project: dict[str, Any]) -> None:
    answer = client.get(f"/projects/{project['id']}/events", params={"after": 0, "limit": 500}).json()
    events = answer["items"]
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    completed = [e["payload"]["step"] for e in events if e["type"] == "complete"]
    assert completed[:4] == ["upload", "generate", "refine", "export"]
    stages = {e["payload"]["stage"] for e in events if e["type"] == "progress"}
    assert "training" in stages


def test_status_tells_the_whole_story(client: httpx.Client, project: dict[str, Any]) -> None:
    status = client.get(f"/status/{project['id']}").json()
    assert set(status["pipeline_progress"].values()) == {"completed"}
    assert status["project"]["status"] == "completed"
    assert len(status["models"]) >= 3


def test_an_export_is_made_of_the_photos(server: Server, client: httpx.Client, project: dict[str, Any]) -> None:
    with database(server) as conn:
        exported = conn.execute(
            "select artifact_id from export_history where project_id = %s and run_id = %s",
            [project["id"], project["export"]["run_id"]],
        ).fetchone()
        assert exported is not None
        lineage = conn.execute("select kind, sha256 from artifact_lineage(%s)", [exported[0]]).fetchall()
    originals = {sha256 for kind, sha256 in lineage if kind == "original"}
    # Held-out photos help to place the cameras, so every photo that was placed has a part in the model.
    assert originals == {image["sha256"] for image in project["upload"]["images"]}
    assert {"cameras", "processed", "view", "checkpoint", "model", "export"} <= {kind for kind, _ in lineage}


def database(server: Server) -> psycopg.Connection[Any]:
    from maquette.settings import Settings, resolve_connections

    connections = resolve_connections(Settings(home=server.home, port=server.port))
    return psycopg.connect(connections.database_url, autocommit=True)


def test_runs_record_timings_and_memory(client: httpx.Client, project: dict[str, Any]) -> None:
    runs = everything(client, f"/projects/{project['id']}/runs")
    generate = next(r for r in runs if r["step"] == "generate")
    assert generate["timings"]["training"] > 0
    assert generate["timings"]["peak_memory_mb"] > 50
    assert {w["code"] for w in generate["warnings"]} >= {"depth_from_model"}


def test_deleting_a_project_deletes_its_objects(client: httpx.Client, server: Server, photos: list[Path]) -> None:
    project_id = send_photos(client, photos[:3]).json()["project_id"]
    with database(server) as conn:
        count = "select count(*) from storage.objects where name like %s"
        assert conn.execute(count, [f"{project_id}/%"]).fetchone() == (6,)
        assert client.delete(f"/projects/{project_id}").status_code in (200, 204)
        assert conn.execute(count, [f"{project_id}/%"]).fetchone() == (0,)
    assert client.get(f"/projects/{project_id}").status_code == 404
    assert not list((server.home / "storage").rglob(f"{project_id}/**/*.jpg"))


def test_photos_that_share_nothing_fail_with_reasons_and_lose_nothing(client: httpx.Client, photos: list[Path]) -> None:
    rng = np.random.default_rng(0)
    files = []
    for number in range(4):
        noise = rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)
        picture = Image.fromarray(noise).resize((320, 240), Image.Resampling.BICUBIC)
        data = io.BytesIO()
        picture.save(data, "PNG")
        files.append(("files", (f"noise{number}.png", data.getvalue(), "image/png")))
    project_id = client.post("/upload", files=files).json()["project_id"]
    failed = client.post(f"/generate/{project_id}", params={"wait": 120}, json=SMALL)
    assert failed.status_code == 422
    assert failed.json()["error"]["code"] in {"photos_share_nothing", "too_few_photos_placed"}
    assert failed.json()["error"]["suggestion"]
    # The project stays usable: good photos can be added.
    assert client.get(f"/status/{project_id}").json()["project"]["status"] == "failed"
    assert send_photos(client, photos[:3], project_id=project_id).status_code == 200
