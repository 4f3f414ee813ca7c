"""Depth priors for a whole scene: trained with as they are written, own depths kept, refusals and fallbacks named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

from tests.recon.depth.networks import weighing
from tests.recon.depth.test_views import CAMERA, estimator, photo, points, truth

from maquette.errors import MaquetteError
from maquette.recon.depth.estimator import DepthEstimator
from maquette.recon.depth.scene_depths import add_depths
from maquette.recon.photos import load_photo
from maquette.recon.scene import Scene, View
from maquette.recon.train import train
from maquette.recon.train_settings import TrainSettings
from maquette.recon.weights import LocalModel


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    views = []
    for index in range(3):
        path = tmp_path / f"{index}.png"
        Image.fromarray(photo()).save(path)
        pose = np.eye(4)
        pose[0, 3] = -0.01 * index
        views.append(View(f"{index}.png", replace(CAMERA, camera_from_world=pose), path))
    cloud = points(80)
    return Scene(tuple(views), cloud, np.full((len(cloud), 3), 128, np.uint8))


def test_each_view_gets_a_depth_that_training_reads(scene: Scene, tmp_path: Path) -> None:
    told: list[str] = []
    found = add_depths(
        scene,
        (1, 2),
        tmp_path / "depths",
        estimator(tmp_path),
        progress=lambda stage, fraction, message="": told.append(f"{stage} {fraction:.1f} {message}"),
    )
    assert found.warnings == ()
    assert set(found.details) == {1, 2}
    assert found.details[1]["method"] == "depth-anything-v2-small"
    assert [view.depth_path is not None for view in found.scene.views] == [False, True, True]
    loaded = load_photo(found.scene.views[1], 1.0, with_depth=True)
    assert loaded.inverse_depth is not None
    known = loaded.inverse_depth > 0
    assert known.mean() > 0.9
    np.testing.assert_allclose(loaded.inverse_depth[known], truth()[known], rtol=0.05)
    assert told == ["depth 0.0 1.png", "depth 0.5 2.png", "depth 1.0 "]

    assert {path.name for path in (tmp_path / "depths").iterdir()} == {"1.png.npy", "2.png.npy"}

    # The photos' cells are sown at the depth that is known now, whether or not that also teaches.
    plain = TrainSettings(iterations=2, coarse_levels=0)
    begun = [
        next(train(found.scene, settings, views=(1, 2)))
        for settings in (plain, replace(plain, depth_seeds=True), replace(plain, depth_weight=0.5))
    ]
    assert begun[1].gaussian_count == begun[2].gaussian_count > 2 * begun[0].gaussian_count
    assert begun[1].loss < begun[2].loss


def test_depths_are_read_for_sowing_only_where_something_is_sown(scene: Scene, tmp_path: Path) -> None:
    gone = replace(scene, views=tuple(replace(view, depth_path=tmp_path / "gone.npy") for view in scene.views))
    settings = TrainSettings(iterations=1, coarse_levels=0, depth_seeds=True)
    with pytest.raises(MaquetteError) as refused:
        next(train(gone, settings, views=(1, 2)))
    assert refused.value.code == "bad_depth_prior"
    begun = next(train(scene, settings, views=(1, 2))).checkpoint()
    assert next(train(gone, replace(settings, iterations=2), start=begun, views=(1, 2))).iteration == 2


def test_without_a_network_the_fallback_is_named(scene: Scene, tmp_path: Path) -> None:
    found = add_depths(scene, (1, 2), tmp_path / "depths")
    assert [(one.code, one.degraded) for one in found.warnings] == [("depth_classical", True)]
    assert found.details[1]["method"] == "classical_interpolated"


def test_a_network_that_contradicts_the_points_is_named(scene: Scene, tmp_path: Path) -> None:
    found = add_depths(scene, (1,), tmp_path / "depths", estimator(tmp_path, sign=-1.0))
    assert [one.code for one in found.warnings] == ["depth_network_disagrees"]
    assert "depth-anything-v2-small" in found.warnings[0].message
    assert "near" in found.warnings[0].message or "far" in found.warnings[0].message


def test_a_network_that_gives_no_picture_is_named_by_what_it_did(scene: Scene, tmp_path: Path) -> None:
    weighing(tmp_path / "m.onnx", (1.0, 0.0, 0.0), bias=float("nan"), size=(112, 112))
    model = LocalModel("depth-anything-v2-small", tmp_path, "r1", "none")
    found = add_depths(scene, (1, 2), tmp_path / "depths", DepthEstimator(model, "m.onnx", threads=1))
    (warning,) = found.warnings
    assert (warning.code, warning.degraded) == ("depth_failed", True)
    assert "2 photos" in warning.message and "not finite" in warning.message


def test_views_with_too_few_points_stay_without_and_are_named(scene: Scene, tmp_path: Path) -> None:
    bare = replace(scene, points=scene.points[:3], colors=scene.colors[:3])
    found = add_depths(bare, (1, 2), tmp_path / "depths")
    assert [one.code for one in found.warnings] == ["depth_unknown"]
    assert {error.code for error in found.refused.values()} == {"too_few_depth_points"}
    assert found.scene.views[1].depth_path is None


def test_a_depth_that_the_scene_brings_is_kept(scene: Scene, tmp_path: Path) -> None:
    own = tmp_path / "own.npy"
    np.save(own, np.full((112, 112), 3.0, np.float32))
    views = (scene.views[0], replace(scene.views[1], depth_path=own), scene.views[2])
    found = add_depths(replace(scene, views=views), (1, 2), tmp_path / "depths", estimator(tmp_path))
    assert found.scene.views[1].depth_path == own
    assert set(found.details) == {2}
