"""The ready sample that ships with the package: whole, of a schema that can be read here, and as good as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from maquette.db.bundle_tables import TABLES
from maquette.execution.bundle_rows import renew
from maquette.execution.sample import SAMPLE, open_sample
from maquette.recon.bundle import Bundle
from maquette.recon.evaluate import evaluate
from maquette.recon.formats.ply import read
from maquette.recon.scene import Scene
from maquette.recon.scenes.saved import CAMERAS_FILE, IMAGES_FOLDER, POINTS_FILE, load_saved_scene

ROOT = Path(__file__).parents[2]
MOST_MB = 11


@pytest.fixture(scope="module")
def sample() -> Iterator[Bundle]:
    with open_sample() as bundle:
        yield bundle


def rows(bundle: Bundle, table: str) -> dict[str, dict[str, Any]]:
    return {str(row["id"]): row for row in bundle.manifest.tables[table]}


def promoted(bundle: Bundle) -> dict[str, Any]:
    [model] = [row for row in bundle.manifest.tables["gaussian_splat_models"] if row["promoted"]]
    return model


def test_every_object_is_there_and_the_rows_can_be_read_here(sample: Bundle) -> None:
    sample.verify()
    newest = max(path.name for path in (ROOT / "sql" / "migrations").glob("*.sql"))
    # The columns are asked of a database where the sample is imported (tests/api/test_sample.py).
    known = {table.name: {c for row in sample.manifest.tables.get(table.name, []) for c in row} for table in TABLES}
    made = renew(sample.manifest, uuid4(), known, newest)
    assert {place.sha256 for place in made.places} == set(sample.manifest.objects)
    assert SAMPLE.stat().st_size / 1e6 < MOST_MB


def test_it_holds_what_a_newcomer_is_to_see_and_can_be_refined(sample: Bundle) -> None:
    there = [row for row in sample.manifest.tables["artifacts"] if row["removed_at"] is None]
    photos, models = rows(sample, "source_images"), rows(sample, "gaussian_splat_models")
    assert len(photos) >= 16 and all(photo["verdict"] != "rejected" for photo in photos.values())
    assert len(models) >= 2 and len({row["version"] for row in models.values()}) == len(models)
    for kind, least in (("view", 16), ("depth_map", 16), ("depth_heatmap", 16), ("model", 2), ("preview", 2)):
        assert sum(row["kind"] == kind for row in there) >= least, kind
    assert sample.manifest.tables["export_history"]
    assert any(row["kind"] == "checkpoint" and row["run_id"] == promoted(sample)["run_id"] for row in there)


def test_its_numbers_are_those_of_its_model(sample: Bundle, tmp_path: Path) -> None:
    model, artifacts = promoted(sample), rows(sample, "artifacts")
    scene = laid_out(sample, tmp_path)
    sample.take(artifacts[model["model_artifact_id"]]["sha256"], tmp_path / "model.ply")
    told = {
        row["view_index"]: row
        for row in sample.manifest.tables["refinement_metrics"]
        if row["version"] == model["version"] and row["split"] == "held_out"
    }
    views = [index for index in told if index is not None]
    [fixed] = sample.manifest.tables["eval_sets"]
    measured = evaluate(read(tmp_path / "model.ply"), scene, views, max_side_px=max(fixed["width"], fixed["height"]))
    assert len(measured) >= 2
    for one in measured:
        assert one.psnr == pytest.approx(told[one.view_index]["psnr"], abs=0.02)
        assert one.ssim == pytest.approx(told[one.view_index]["ssim"], abs=0.001)
    mean = sum(one.psnr for one in measured) / len(measured)
    assert mean == pytest.approx(told[None]["psnr"], abs=0.02)
    page = json.loads((ROOT / "frontend" / "src" / "projects" / "sample.json").read_text())
    assert page["name"] == sample.manifest.project["name"]
    assert page["photos"] == len(rows(sample, "source_images"))
    assert page["versions"] == len(rows(sample, "gaussian_splat_models"))
    assert page["psnr"] == pytest.approx(mean, abs=0.03)


def test_nothing_of_the_machine_that_made_it_is_in_it(sample: Bundle) -> None:
    told = json.dumps([sample.manifest.project, sample.manifest.tables])
    assert re.search(r"/tmp/|/home/|/root|/work/|127\.0\.0\.1|owner_id", told) is None


def laid_out(bundle: Bundle, folder: Path) -> Scene:
    """The scene of its generate as a folder."""
    (folder / IMAGES_FOLDER).mkdir()
    artifacts = rows(bundle, "artifacts")
    for row in artifacts.values():
        if row["kind"] in ("cameras", "sparse_points"):
            name = CAMERAS_FILE if row["kind"] == "cameras" else POINTS_FILE
            bundle.take(row["sha256"], folder / name)
    for view in bundle.manifest.tables["multiview_generation"]:
        bundle.take(artifacts[view["image_artifact_id"]]["sha256"], folder / IMAGES_FOLDER / view["name"])
    return load_saved_scene(folder)
