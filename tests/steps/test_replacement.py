"""A refine begins by making views again whose photo was replaced, trains on them, and gives them depth."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tests.steps.conftest import Recorder, StoppedError

from maquette.errors import MaquetteError
from maquette.recon.evaluate import compare
from maquette.recon.formats import format_named
from maquette.recon.scenes.saved import load_saved_scene
from maquette.steps import STEPS
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import DepthMaps, Model, RenewedViews

VIEW = 3
PATCH = (60, 45, 100, 80)
REFINE = {"from_version": 0, "num_iterations": 1, "steps_per_iteration": 150, "convergence_threshold": 0}


def wait_for(folder: Folder, photo: Image.Image, index: int = VIEW) -> None:
    """A photo waits, as whoever fills the folder leaves it."""
    name = f"{index:04d}.jpg"
    folder.replacements.mkdir(exist_ok=True)
    photo.save(folder.replacements / name, quality=95, subsampling=0)
    waiting = {"name": name, "photo": f"replacements/{name}", "filename": "cleaned.jpg", "focal_px": None}
    write_json(folder.root / "project.json", {**folder.project(), "replaced": [waiting]})


def patched(folder: Folder, index: int = VIEW) -> Image.Image:
    with Image.open(folder.scene / "images" / f"{index:04d}.jpg") as image:
        photo = image.copy()
    ImageDraw.Draw(photo).rectangle(PATCH, fill=(255, 0, 255))
    return photo


def noise() -> Image.Image:
    cells = np.random.default_rng(1).integers(0, 255, (15, 20, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((160, 120), Image.Resampling.BICUBIC)


def hashes(folder: Folder) -> dict[str, str]:
    return {
        str(path.relative_to(folder.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for place in (folder.scene, folder.model(0))
        for path in sorted(place.rglob("*"))
        if path.is_file()
    }


def patch_colour(folder: Folder, path: Path) -> np.ndarray:
    """Mean colour of a model where the patch is, from the camera of the view."""
    scene = load_saved_scene(folder.scene)
    (seen,) = compare(format_named("ply").read(path), scene, [VIEW])
    left, top, right, bottom = PATCH
    return np.asarray(seen.render[top:bottom, left:right].reshape(-1, 3).mean(0))


def test_only_what_changed_is_made_again_and_it_is_trained_on(
    generated: Folder, generated_folder: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    before, asked = hashes(generated), {**REFINE, "views_to_refine": [VIEW], "learning_rate": 0.03}
    cameras = [view.camera.as_dict() for view in load_saved_scene(generated.scene).views]
    wait_for(generated, patched(generated))
    sink = Recorder()
    STEPS["refine"].run(generated.root, asked, sink)

    assert [type(record) for record in sink.records] == [RenewedViews, Model, DepthMaps]
    renewed, model, depth = sink.records
    assert isinstance(renewed, RenewedViews) and isinstance(depth, DepthMaps) and isinstance(model, Model)
    (view,) = renewed.views
    assert (view.view_index, view.name, view.details["how"]) == (VIEW, "0003.jpg", "same_place")
    assert view.image.made_from == ("replacements/0003.jpg",)
    assert set(renewed.cameras.made_from) == {"sfm/scene/cameras.json", "replacements/0003.jpg"}
    assert view.image.path in model.model.made_from
    assert [view.camera.as_dict() for view in load_saved_scene(generated.scene).views] == cameras
    changed = {path for path, digest in hashes(generated).items() if before.get(path) != digest}
    assert changed <= {"sfm/scene/images/0003.jpg", "sfm/scene/cameras.json", "sfm/scene/points.npz"}
    assert "sfm/scene/images/0003.jpg" in changed

    (made,) = depth.depth_maps
    assert made.view_index == VIEW and made.depth.made_from == (model.model.path, view.image.path)
    # The other photos still show the village there, so it is a tinge: seen against the same refine of the old photo.
    now = patch_colour(generated, generated.root / model.model.path)
    control = Folder(tmp_path / "control")
    shutil.copytree(generated_folder[0], control.root)
    sink = Recorder()
    STEPS["refine"].run(control.root, asked, sink)
    without = patch_colour(control, control.root / sink.models[0].model.path)
    tinge = now - without
    assert (tinge[0] + tinge[2]) / 2 - tinge[1] > 20


def test_a_second_refine_has_nothing_to_make_again(generated: Folder) -> None:
    wait_for(generated, patched(generated))
    STEPS["refine"].run(generated.root, REFINE, Recorder())
    sink = Recorder()
    STEPS["refine"].run(generated.root, {**REFINE, "from_version": 1, "steps_per_iteration": 5}, sink)
    assert RenewedViews not in {type(record) for record in sink.records}


def test_depth_that_a_killed_attempt_left_out_is_made_by_the_next(generated: Folder) -> None:
    wait_for(generated, patched(generated))
    first = Recorder(stop=lambda stage, message: "round 1 of 1, training" in message)
    with pytest.raises(StoppedError):
        STEPS["refine"].run(generated.root, REFINE, first)
    assert [type(record) for record in first.records] == [RenewedViews]
    assert generated.project()["views_without_depth"] == ["0003.jpg"]
    second = Recorder()
    STEPS["refine"].run(generated.root, {**REFINE, "steps_per_iteration": 5}, second)
    assert [type(record) for record in second.records] == [Model, DepthMaps]


@pytest.mark.parametrize(("index", "code"), [(VIEW, "replaced_photo_not_placed"), (0, "held_out_photo_fixed")])
def test_a_photo_that_cannot_be_used_changes_nothing(generated: Folder, index: int, code: str) -> None:
    before = hashes(generated)
    wait_for(generated, noise(), index)
    sink = Recorder()
    with pytest.raises(MaquetteError) as refused:
        STEPS["refine"].run(generated.root, REFINE, sink)
    assert refused.value.code == code and refused.value.suggestion
    assert "'cleaned.jpg'" in refused.value.message and "0003.jpg" not in refused.value.message
    assert sink.records == [] and hashes(generated) == before


def test_of_two_photos_one_that_cannot_be_placed_keeps_the_other_from_changing_anything(generated: Folder) -> None:
    before = hashes(generated)
    wait_for(generated, patched(generated))
    [good] = generated.project()["replaced"]
    wait_for(generated, noise(), 5)
    [bad] = generated.project()["replaced"]
    write_json(generated.root / "project.json", {**generated.project(), "replaced": [good, bad]})
    sink = Recorder()
    with pytest.raises(MaquetteError):
        STEPS["refine"].run(generated.root, REFINE, sink)
    assert sink.records == [] and hashes(generated) == before
