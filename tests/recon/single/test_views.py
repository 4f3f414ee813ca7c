"""One photo to a scene, whole: what made it is named, fewer views are said, and the scene can be trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.recon.single.conftest import having, photo_of, trusted, vase

from maquette.recon.background import Removed, remove_background
from maquette.recon.depth.estimator import DepthEstimate
from maquette.recon.depth.priors import read_depth_prior
from maquette.recon.enhance.errors import ModelCodeRefusedError
from maquette.recon.masks import read_mask
from maquette.recon.scenes.saved import load_saved_scene, save_scene
from maquette.recon.single import SingleViews, make_views
from maquette.recon.single.errors import BadViewsRequestError, SinglePhotoRefusedError, ViewsFailedError
from maquette.recon.train import train
from maquette.recon.train_settings import TrainSettings
from maquette.recon.weights import LocalModel, WeightsMissingError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def codes(views: SingleViews) -> set[str]:
    return {warning.code for warning in views.warnings}


def network(pixels: np.ndarray) -> DepthEstimate:
    """A depth that bulges in the middle, as of some network."""
    height, width = pixels.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    inverse = 3 - np.hypot((x / width - 0.5) * 2, (y / height - 0.5) * 2)
    return DepthEstimate(inverse.astype(np.float32), "depth-anything-v2-small", "abc", "cpu", (518, 518))


def first_loss_and_last(views: SingleViews, iterations: int = 40) -> tuple[float, float]:
    settings = TrainSettings(iterations=iterations, max_side_px=120, coarse_levels=0, max_gaussians=5000, sh_degree=0)
    losses = [step.loss for step in train(views.scene, settings, views=views.training)]
    return float(np.mean(losses[:5])), float(np.mean(losses[-5:]))


def test_without_any_weights_a_relief_that_says_so(tmp_path: Path) -> None:
    pixels, _ = vase()
    heard: list[str] = []
    views = make_views(
        photo_of(pixels),
        tmp_path,
        removed=remove_background(pixels),
        gpu=True,
        progress=lambda stage, fraction, message="": heard.append(stage),
    )
    assert (views.method, views.degraded) == ("relief:classical_relief", True)
    assert codes(views) == {
        "background_by_colour", "view_model_unusable", "relief_only", "depth_made_up", "field_of_view_assumed",
        "fewer_views_than_asked",
    }  # fmt: skip
    assert (views.requested, views.made) == (16, len(views.scene.views) - 1) and 2 <= views.made < 16
    # A made-up depth allows ten degrees, no more.
    assert max(abs(angle.azimuth_deg) for angle in views.angles) <= 10
    assert [view.name for view in views.scene.views] == [angle.name for angle in views.angles]
    assert {"depth", "views"} == set(heard)
    assert views.details["background"] == "grabcut" and views.details["fov_assumed"] is True
    before, after = first_loss_and_last(views)
    assert after < 0.7 * before


def test_the_scene_holds_the_photo_and_masks_what_nobody_saw(tmp_path: Path) -> None:
    pixels, mask = vase()
    removed = Removed(mask, "alpha", False, 1.0)
    views = make_views(photo_of(pixels, focal_px=500.0), tmp_path, removed=removed, depth=network)
    assert views.method == "relief:depth-anything-v2-small@abc" and views.degraded
    assert not codes(views) & {"depth_made_up", "field_of_view_assumed", "background_by_colour"}
    first = views.scene.views[0]
    assert (first.camera.width, first.camera.height, first.camera.fx) == (320, 400, pytest.approx(500))
    assert first.mask_path is None and first.depth_path is not None
    assert max(abs(angle.azimuth_deg) for angle in views.angles) > 10
    masked = [view for view in views.scene.views if view.mask_path is not None]
    assert masked, "from the side something is unknown"
    for view in masked:
        read_mask(view.mask_path, view.name, view.camera.width, view.camera.height)
        read_depth_prior(view.depth_path, view.name, view.camera.width, view.camera.height)
    # Every point stands on the object and is seen where the photo has its colour.
    pose = first.camera.camera_from_world
    at = views.scene.points @ pose[:3, :3].T + pose[:3, 3]
    column = (first.camera.fx * at[:, 0] / at[:, 2] + first.camera.cx).astype(int)
    row = (first.camera.fy * at[:, 1] / at[:, 2] + first.camera.cy).astype(int)
    assert (mask[row, column] == 255).all()
    assert np.array_equal(pixels[row, column], views.scene.colors)
    # It can be saved and read like any other.
    save_scene(views.scene, tmp_path / "kept")
    assert len(load_saved_scene(tmp_path / "kept").views) == len(views.scene.views)


def test_the_same_photo_gives_the_same_scene(tmp_path: Path) -> None:
    pixels, mask = vase(300, 280)
    removed = Removed(mask, "alpha", False, 1.0)
    one, two = (make_views(photo_of(pixels), tmp_path / name, removed=removed, wanted=4) for name in "ab")
    assert one.angles == two.angles and one.made == 4 and "fewer_views_than_asked" not in codes(one)
    assert np.array_equal(one.scene.points, two.scene.points)
    for first, second in zip(one.scene.views, two.scene.views, strict=True):
        assert first.image_path.read_bytes() == second.image_path.read_bytes()


def test_a_whole_picture(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (300, 400, 3), np.uint8)
    views = make_views(photo_of(pixels), tmp_path, depth=network)
    assert views.mask is None and views.made >= 1
    assert views.details["background"] is None
    assert len(views.scene.points) > 5000


def test_the_photos_own_transparency_is_its_outline(tmp_path: Path) -> None:
    pixels, mask = vase(300, 280)
    photo = replace(photo_of(pixels * (mask[..., None] > 0)), alpha=mask)
    views = make_views(photo, tmp_path, wanted=2, depth=network)
    assert views.mask is not None and np.array_equal(views.mask, mask)
    assert views.details["background"] == "alpha" and "background_by_colour" not in codes(views)


def test_a_view_model_makes_views_all_around(zero123plus: LocalModel, tmp_path: Path) -> None:
    pixels, _ = vase()
    views = make_views(photo_of(pixels), tmp_path, weights=having(zero123plus), gpu=True, device="cpu", seed=3)
    assert views.method == f"zero123plus@{zero123plus.revision}"
    assert (views.requested, views.made, len(views.scene.views)) == (16, 6, 6)
    assert codes(views) == {"background_by_colour", "views_invented", "fewer_views_than_asked"}
    assert [(angle.azimuth_deg, angle.elevation_deg) for angle in views.angles] == [
        (30, 20), (90, -10), (150, 20), (210, -10), (270, 20), (330, -10)
    ]  # fmt: skip
    assert views.details["seed"] == 3 and views.details["licence"] and views.mask is not None
    assert len(views.scene.points) > 500
    before, after = first_loss_and_last(views)
    assert after < before
    fewer = make_views(photo_of(pixels), tmp_path / "4", wanted=4, weights=having(zero123plus), gpu=True, device="cpu")
    assert fewer.made == 4 and "fewer_views_than_asked" not in codes(fewer)


def test_what_stands_in_the_way_of_a_view_model_is_said(zero123plus: LocalModel, tmp_path: Path) -> None:
    pixels, mask = vase()
    removed = Removed(mask, "alpha", False, 1.0)
    weights = having(zero123plus)
    without_gpu = make_views(photo_of(pixels), tmp_path, removed=removed, weights=weights, gpu=False, wanted=2)
    assert without_gpu.method.startswith("relief:")
    (said,) = [warning for warning in without_gpu.warnings if warning.code == "view_model_unusable"]
    assert "on the CPU" in said.sentence
    refused = having(replace(zero123plus, trusted_code={}))
    views = make_views(photo_of(pixels), tmp_path, removed=removed, weights=refused, gpu=True, wanted=2)
    (said,) = [warning for warning in views.warnings if warning.code == "view_model_unusable"]
    assert "MAQUETTE_TRUST_MODEL_CODE=zero123plus" in said.action
    # Asked for by name it is never replaced.
    with pytest.raises(ModelCodeRefusedError):
        make_views(photo_of(pixels), tmp_path, method="zero123plus", weights=refused)
    with pytest.raises(WeightsMissingError):
        make_views(photo_of(pixels), tmp_path, method="zero123plus")
    asked = make_views(
        photo_of(pixels), tmp_path, removed=removed, weights=weights, method="relief", gpu=True, wanted=2
    )
    assert asked.method.startswith("relief:") and "view_model_unusable" not in codes(asked)


def test_views_without_an_object_are_no_views(diffusion: None, tmp_path: Path) -> None:
    from tests.recon.single.tiny import save_zero123plus

    model = trusted(save_zero123plus(tmp_path / "grey", fault="grey"))
    with pytest.raises(ViewsFailedError, match="6 of 6 show no object"):
        make_views(photo_of(vase()[0]), tmp_path / "out", weights=having(model), gpu=True, device="cpu")


def test_photos_and_requests_that_cannot_be(tmp_path: Path) -> None:
    small = np.random.default_rng(0).integers(0, 255, (100, 200, 3), np.uint8)
    with pytest.raises(SinglePhotoRefusedError, match="100 pixels") as caught:
        make_views(photo_of(small), tmp_path)
    assert caught.value.details["reasons"] == ["too_small"] and caught.value.suggestion
    good = photo_of(vase()[0])
    with pytest.raises(BadViewsRequestError, match="0 views"):
        make_views(good, tmp_path, wanted=0)
    with pytest.raises(BadViewsRequestError, match="'sdxl'"):
        make_views(good, tmp_path, method="sdxl")
